package io.vudo.node.internal.grpc;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.Place;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.RequestEntity;
import org.apache.pekko.http.javadsl.model.Uri;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/** Translates calls to requests of the gateway. */
final class Requests {
  /** How long to wait, in HTTP. */
  static final String TIMEOUT = "X-Vudo-Timeout";

  private Requests() {}

  /** What stands for the parts in braces of the operation's path. */
  static Map<String, String> arguments(Operation operation, Message parameters) {
    Map<String, String> arguments = new LinkedHashMap<>();
    for (String name : operation.arguments()) {
      FieldDescriptor field = parameters.getDescriptorForType().findFieldByName(name);
      arguments.put(name, (String) parameters.getField(field));
    }
    return arguments;
  }

  /**
   * The request that a call is.
   *
   * @param from who calls, and how
   * @param parameters the call's message, or the head of a stream of them
   * @param body what streams after the head; empty when there is no stream
   * @param patience what is left of the call's deadline, at most what a request may wait; empty
   *     when it has none
   * @throws VudoException {@code REQUEST_INVALID}
   */
  static HttpRequest of(
      Operation operation,
      CallContext from,
      Message parameters,
      Optional<RequestEntity> body,
      Optional<Duration> patience) {
    List<String> query = new ArrayList<>();
    HttpRequest request = from.request();
    RequestEntity entity = body.orElse(HttpEntities.EMPTY);
    boolean waits = operation.http().getDeadline();
    for (FieldDescriptor field : operation.parameters().getFields()) {
      Place place = Operation.place(field);
      if (!isGiven(parameters, field)) {
        continue;
      }
      switch (place.getWhereCase()) {
        case HEADER -> {
          String value = text(place, parameters.getField(field));
          if (place.getHeader().equals(TIMEOUT)) {
            waits = false;
            // Whoever is gone by then must not be waited for: a tuple would be taken for nobody.
            value = millis(shorter((Long) parameters.getField(field), patience));
          }
          request = request.addHeader(RawHeader.create(place.getHeader(), value));
        }
        case QUERY ->
            values(parameters, field)
                .forEach(value -> query.add(place.getQuery() + "=" + encoded(text(place, value))));
        case BODY ->
            entity =
                HttpEntities.create(
                    ContentTypes.APPLICATION_OCTET_STREAM,
                    ((ByteString) parameters.getField(field)).toByteArray());
        default -> {
          // In the path, or a member of the body.
        }
      }
    }
    if (waits && patience.isPresent()) {
      request = request.addHeader(RawHeader.create(TIMEOUT, millis(patience.get().toMillis())));
    }
    ObjectNode members = members(operation, parameters);
    if (!members.isEmpty()) {
      entity = HttpEntities.create(ContentTypes.APPLICATION_JSON, Json.write(members));
    }
    return request
        .withUri(uri(operation, from.authority(), String.join("&", query)))
        .withEntity(entity);
  }

  private static ObjectNode members(Operation operation, Message parameters) {
    ObjectNode members = Json.object();
    for (FieldDescriptor field : operation.members()) {
      if (!isGiven(parameters, field)) {
        continue;
      }
      members.set(field.getJsonName(), MessageJson.write(field, parameters.getField(field)));
    }
    return members;
  }

  private static Uri uri(Operation operation, String authority, String query) {
    try {
      return Uri.create(
          "http://" + authority + "/" + operation.name() + (query.isEmpty() ? "" : "?" + query));
    } catch (RuntimeException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "The call's authority: " + e.getMessage(), e);
    }
  }

  private static boolean isGiven(Message message, FieldDescriptor field) {
    return field.isRepeated()
        ? message.getRepeatedFieldCount(field) > 0
        : message.hasField(field) || (!field.hasPresence() && isNotDefault(message, field));
  }

  private static boolean isNotDefault(Message message, FieldDescriptor field) {
    return !message.getField(field).equals(field.getDefaultValue());
  }

  private static List<?> values(Message message, FieldDescriptor field) {
    Object value = message.getField(field);
    return value instanceof List<?> list ? list : List.of(value);
  }

  private static String text(Place place, Object value) {
    return switch (place.getForm()) {
      case MILLIS -> millis((Long) value);
      case ON_OFF -> (Boolean) value ? "on" : "off";
      default -> value.toString();
    };
  }

  private static long shorter(long millis, Optional<Duration> patience) {
    return patience.isEmpty() || millis < 0 ? millis : Math.min(millis, patience.get().toMillis());
  }

  private static String millis(long millis) {
    return millis + "ms";
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
