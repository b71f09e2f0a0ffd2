package io.vudo.node.internal.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Descriptors.FieldDescriptor;
import io.grpc.Status;
import io.vudo.node.internal.Role;
import io.vudo.node.internal.Route;
import io.vudo.protocol.ErrorCode;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The definition and the gateway's routes are one. */
class OperationTest {
  private static final List<Operation> ALL = Operation.all();

  @Test
  void everyRouteIsOneOperationOrSaysWhyNot() {
    for (Route route : Route.values()) {
      isOneOperationOrSaysWhyNot(route);
    }
  }

  private static void isOneOperationOrSaysWhyNot(Route route) {
    List<Operation> found =
        ALL.stream()
            .filter(
                operation ->
                    operation.http().getMethod().equals(route.method())
                        && operation.http().getPath().equals(route.path()))
            .toList();
    if (OpenApi.ONLY_HTTP.containsKey(route)) {
      assertEquals(List.of(), found);
      assertFalse(OpenApi.ONLY_HTTP.get(route).isBlank());
    } else {
      assertEquals(1, found.size(), route + " is " + found);
      assertEquals(
          found.get(0).http().getRole(), route.role().map(Role::text).orElse(""), route::name);
    }
  }

  @Test
  void everyOperationHasARouteOrSaysWhyNot() {
    Set<Route> routes = EnumSet.noneOf(Route.class);
    Set<String> names = new HashSet<>();
    for (Operation operation : ALL) {
      assertTrue(names.add(operation.schema().getName()), operation::name);
      if (operation.route().isEmpty()) {
        assertFalse(operation.onlyGrpc().isBlank(), operation::name);
        assertEquals("", operation.http().getPath(), operation::name);
        continue;
      }
      assertTrue(routes.add(operation.route().get()), operation::name);
      assertFalse(operation.http().getSummary().isBlank(), operation::name);
      for (String argument : operation.arguments()) {
        FieldDescriptor field = operation.parameters().findFieldByName(argument);
        assertEquals(FieldDescriptor.JavaType.STRING, field.getJavaType(), argument);
      }
      boolean hasBody = operation.http().getMethod().equals("POST");
      assertTrue(hasBody || operation.members().isEmpty(), operation::name);
    }
    assertEquals(Route.values().length, routes.size() + OpenApi.ONLY_HTTP.size());
  }

  @Test
  void everyCodeHasAStatusThatSaysMoreThanThatItFailed() {
    for (ErrorCode code : ErrorCode.values()) {
      Status.Code status = Statuses.of(code);
      assertFalse(
          Set.of(Status.Code.OK, Status.Code.UNKNOWN, Status.Code.CANCELLED).contains(status),
          code::name);
      // What gRPC clients repeat by themselves is what was not done.
      assertEquals(code.httpStatus() == 503, status == Status.Code.UNAVAILABLE, code::name);
    }
  }
}
