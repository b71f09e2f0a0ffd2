package io.vudo.node.internal.grpc;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import io.vudo.node.internal.Route;
import io.vudo.protocol.gateway.v1.ClusterGrpc;
import io.vudo.protocol.gateway.v1.DeploymentsGrpc;
import io.vudo.protocol.gateway.v1.GhostsGrpc;
import io.vudo.protocol.gateway.v1.HistoryGrpc;
import io.vudo.protocol.gateway.v1.Http;
import io.vudo.protocol.gateway.v1.Options;
import io.vudo.protocol.gateway.v1.Place;
import io.vudo.protocol.gateway.v1.ProcessesGrpc;
import io.vudo.protocol.gateway.v1.SpiritsGrpc;
import io.vudo.protocol.gateway.v1.TuplespacesGrpc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One operation of the definition.
 *
 * @param service of which it is one
 * @param grpc how gRPC calls it
 * @param schema what its messages are
 * @param http how HTTP has it; the default instance when it has not
 * @param route what answers it; empty when HTTP has not
 */
record Operation(
    ServiceDescriptor service,
    MethodDescriptor<Message, Message> grpc,
    com.google.protobuf.Descriptors.MethodDescriptor schema,
    Http http,
    Optional<Route> route) {

  /** The services. */
  static final List<ServiceDescriptor> SERVICES =
      List.of(
          DeploymentsGrpc.getServiceDescriptor(),
          SpiritsGrpc.getServiceDescriptor(),
          ProcessesGrpc.getServiceDescriptor(),
          GhostsGrpc.getServiceDescriptor(),
          TuplespacesGrpc.getServiceDescriptor(),
          HistoryGrpc.getServiceDescriptor(),
          ClusterGrpc.getServiceDescriptor());

  private static final Pattern ARGUMENT = Pattern.compile("\\{([a-z_]+)\\}");

  /** All of them, in the order of the definition. */
  static List<Operation> all() {
    List<Operation> all = new ArrayList<>();
    for (ServiceDescriptor service : SERVICES) {
      Collection<MethodDescriptor<?, ?>> methods = service.getMethods();
      methods.forEach(method -> all.add(of(service, method)));
    }
    return all;
  }

  // All messages of the definition are generated, so every one is a Message.
  @SuppressWarnings("unchecked")
  private static Operation of(ServiceDescriptor service, MethodDescriptor<?, ?> method) {
    var schema =
        ((ProtoMethodDescriptorSupplier) method.getSchemaDescriptor()).getMethodDescriptor();
    Http http = schema.getOptions().getExtension(Options.http);
    Optional<Route> route =
        Arrays.stream(Route.values())
            .filter(
                each ->
                    each.method().equals(http.getMethod()) && each.path().equals(http.getPath()))
            .findFirst();
    return new Operation(service, (MethodDescriptor<Message, Message>) method, schema, http, route);
  }

  /** Service and method, as in a URL. */
  String name() {
    return grpc.getFullMethodName();
  }

  /** Why HTTP has it not. */
  String onlyGrpc() {
    return schema.getOptions().getExtension(Options.onlyGrpc);
  }

  /** What carries the parameters: the request, or the head of a stream of them. */
  Descriptor parameters() {
    return part(schema.getInputType(), Place::getHead)
        .map(FieldDescriptor::getMessageType)
        .orElseGet(schema::getInputType);
  }

  /** The field of this type whose place says so. */
  static Optional<FieldDescriptor> part(Descriptor type, Predicate<Place> place) {
    return type.getFields().stream().filter(field -> place.test(place(field))).findFirst();
  }

  static Place place(FieldDescriptor field) {
    return field.getOptions().getExtension(Options.at);
  }

  /** The names of the parts in braces of the path, in their order. */
  List<String> arguments() {
    List<String> names = new ArrayList<>();
    Matcher argument = ARGUMENT.matcher(http.getPath());
    while (argument.find()) {
      names.add(argument.group(1));
    }
    return names;
  }

  /** The fields that are members of the body's JSON. */
  List<FieldDescriptor> members() {
    List<String> arguments = arguments();
    return parameters().getFields().stream()
        .filter(
            field ->
                !arguments.contains(field.getName())
                    && place(field).getWhereCase() == Place.WhereCase.WHERE_NOT_SET)
        .toList();
  }
}
