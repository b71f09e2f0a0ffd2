package io.vudo.node.internal.grpc;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Timestamp;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Route;
import io.vudo.node.internal.Version;
import io.vudo.protocol.gateway.v1.Error;
import io.vudo.protocol.gateway.v1.Form;
import io.vudo.protocol.gateway.v1.Http;
import io.vudo.protocol.gateway.v1.Place;
import io.vudo.protocol.gateway.v1.Template;
import io.vudo.protocol.gateway.v1.Tuple;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What the gateway answers to, as OpenAPI 3.1 has it: made of the definition, once. */
public final class OpenApi {
  private static final String PROBLEM = "application/problem+json";
  private static final String JSON = "application/json";
  private static final String BYTES = "application/octet-stream";
  private static final String VALUE = "Value";
  private static final String DURATION = "^[0-9]+(\\.[0-9]+)?(ms|s|m|min|h|d)$";
  private static final String SIZE = "^[0-9]+(\\.[0-9]+)?([kKmMgG]([iI]?[bB])?|[bB])?$";

  /** What gRPC has not, or otherwise, and why. */
  static final Map<Route, String> ONLY_HTTP =
      new EnumMap<>(
          Map.of(
              Route.ALIVE,
              "gRPC has grpc.health.v1.Health, and a server that answers it lives.",
              Route.READY,
              "gRPC has grpc.health.v1.Health.",
              Route.SCRAPE_METRICS,
              "Prometheus scrapes over HTTP.",
              Route.OPENAPI,
              "gRPC has grpc.reflection.v1.ServerReflection.",
              Route.WATCH_TUPLES_BY_QUERY,
              "The same as WATCH_TUPLES, for clients of server-sent events, which only GET."));

  private final ObjectNode schemas = Json.object();
  private final Set<String> described = new HashSet<>();
  private final Map<Route, Operation> operations =
      Operation.all().stream()
          .filter(operation -> operation.route().isPresent())
          .collect(
              Collectors.toMap(operation -> operation.route().orElseThrow(), Function.identity()));

  private OpenApi() {}

  private static final class Holder {
    private static final byte[] DOCUMENT = Json.write(new OpenApi().make());
  }

  /** The document. Not to be changed. */
  public static byte[] document() {
    return Holder.DOCUMENT;
  }

  private ObjectNode make() {
    ObjectNode document = Json.object().put("openapi", "3.1.0");
    document
        .putObject("info")
        .put("title", "VUDO Node")
        .put("version", Version.text())
        .put(
            "description",
            "The gateway of a node that runs WebAssembly modules as durable actors. Every refusal is"
                + " application/problem+json with a code of the catalogue. Requests are read"
                + " strictly: what is not described here is refused.");
    document.putArray("servers").addObject().put("url", "/");
    ObjectNode paths = document.putObject("paths");
    Arrays.stream(Route.values())
        .forEach(
            route ->
                paths
                    .withObjectProperty(route.path())
                    .set(route.method().toLowerCase(Locale.ROOT), operation(route)));
    ObjectNode components = document.putObject("components");
    ObjectNode security = components.putObject("securitySchemes");
    security
        .putObject("token")
        .put("type", "http")
        .put("scheme", "bearer")
        .put("description", "As vudo token create prints it.");
    security.putObject("certificate").put("type", "mutualTLS");
    ObjectNode problem =
        components.putObject("responses").putObject("Problem").put("description", "Refused.");
    problem.putObject("content").putObject(PROBLEM).set("schema", reference(Error.getDescriptor()));
    components.set("schemas", schemas);
    return document;
  }

  private ObjectNode operation(Route route) {
    ObjectNode node = Json.object().put("operationId", camelCase(route));
    Optional<Operation> definition = Optional.ofNullable(operations.get(route));
    definition.ifPresentOrElse(
        operation -> {
          node.put("summary", operation.http().getSummary());
          node.putArray("tags").add(operation.schema().getService().getName());
          parameters(node, operation);
          body(node, operation);
          responses(node.putObject("responses"), operation);
        },
        () -> httpOnly(node, route));
    ArrayNode security = node.putArray("security");
    route
        .role()
        .ifPresent(
            role -> {
              node.put("x-vudo-role", role.text());
              security.addObject().putArray("token");
              security.addObject().putArray("certificate");
              // A gateway without a callers file asks nobody.
              security.addObject();
              ObjectNode responses = (ObjectNode) node.get("responses");
              refused(responses, "401", "Nobody knows who calls.");
              refused(responses, "403", "The caller has not the role " + role.text() + ".");
              refused(responses, "429", "The caller asks for more than it may.");
            });
    refused((ObjectNode) node.get("responses"), "default", "Refused; the code says why.");
    return node;
  }

  private static String camelCase(Route route) {
    String[] words = route.operation().split("-", -1);
    StringBuilder name = new StringBuilder(words[0]);
    for (int i = 1; i < words.length; i++) {
      name.append(words[i].substring(0, 1).toUpperCase(Locale.ROOT)).append(words[i].substring(1));
    }
    return name.toString();
  }

  private void refused(ObjectNode responses, String status, String description) {
    responses
        .putObject(status)
        .put("description", description)
        .putObject("content")
        .putObject(PROBLEM)
        .set("schema", reference(Error.getDescriptor()));
  }

  private void httpOnly(ObjectNode node, Route route) {
    node.put("description", ONLY_HTTP.get(route));
    ObjectNode answer =
        node.putObject("responses").putObject("200").put("description", "It is so.");
    ObjectNode content = answer.putObject("content");
    switch (route) {
      case WATCH_TUPLES_BY_QUERY -> {
        node.putArray("tags").add("Tuplespaces");
        node.put("summary", operations.get(Route.WATCH_TUPLES).http().getSummary());
        ArrayNode parameters = node.putArray("parameters");
        parameters
            .add(parameter("space", "path", true, Json.object().put("type", "string")))
            .add(
                parameter(
                    "template",
                    "query",
                    true,
                    Json.object().put("type", "string").put("contentMediaType", JSON)));
        content.putObject("text/event-stream").set("schema", Json.object().put("type", "string"));
      }
      case SCRAPE_METRICS -> {
        node.put("summary", "What the node counts and measures, for Prometheus.");
        content.putObject("text/plain").set("schema", Json.object().put("type", "string"));
      }
      case OPENAPI -> {
        node.put("summary", "This document.");
        content.putObject(JSON).set("schema", Json.object().put("type", "object"));
      }
      case ALIVE, READY -> {
        node.put("summary", "For whoever watches the process.");
        ObjectNode schema = Json.object().put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        properties.putObject("status").put("type", "string");
        properties
            .putObject("parts")
            .put("type", "object")
            .putObject("additionalProperties")
            .put("type", "string");
        schema.putArray("required").add("status").add("parts");
        content.putObject(JSON).set("schema", schema);
      }
      default -> throw new IllegalStateException(route + " is in no definition");
    }
  }

  // Requests

  private void parameters(ObjectNode node, Operation operation) {
    ArrayNode parameters = Json.MAPPER.createArrayNode();
    for (String argument : operation.arguments()) {
      parameters.add(parameter(argument, "path", true, Json.object().put("type", "string")));
    }
    for (FieldDescriptor field : operation.parameters().getFields()) {
      Place place = Operation.place(field);
      switch (place.getWhereCase()) {
        case HEADER ->
            parameters.add(
                parameter(place.getHeader(), "header", place.getRequired(), text(field, place)));
        case QUERY ->
            parameters.add(
                parameter(place.getQuery(), "query", place.getRequired(), text(field, place)));
        default -> {
          // In the path or the body.
        }
      }
    }
    if (operation.http().getDeadline() && !hasTimeout(operation)) {
      parameters.add(
          parameter(
              Requests.TIMEOUT,
              "header",
              false,
              Json.object().put("type", "string").put("pattern", DURATION)));
    }
    if (!parameters.isEmpty()) {
      node.set("parameters", parameters);
    }
  }

  private static boolean hasTimeout(Operation operation) {
    return Operation.part(
            operation.parameters(), place -> place.getHeader().equals(Requests.TIMEOUT))
        .isPresent();
  }

  private static ObjectNode parameter(String name, String in, boolean required, ObjectNode schema) {
    ObjectNode parameter = Json.object().put("name", name).put("in", in);
    if (required) {
      parameter.put("required", true);
    }
    parameter.set("schema", schema);
    return parameter;
  }

  /** What the text of a header or a parameter is. */
  private ObjectNode text(FieldDescriptor field, Place place) {
    ObjectNode one =
        switch (place.getForm()) {
          case MILLIS -> Json.object().put("type", "string").put("pattern", DURATION);
          case BYTES -> Json.object().put("type", "string").put("pattern", SIZE);
          case ON_OFF -> {
            ObjectNode choice = Json.object().put("type", "string");
            choice.putArray("enum").add("on").add("off");
            yield choice;
          }
          default -> schema(field);
        };
    if (!field.isRepeated()) {
      return one;
    }
    ObjectNode many = Json.object().put("type", "array");
    many.set("items", one);
    return many;
  }

  private void body(ObjectNode node, Operation operation) {
    List<FieldDescriptor> members = operation.members();
    Optional<FieldDescriptor> bytes =
        Operation.part(operation.schema().getInputType(), Place::getBody);
    if (bytes.isPresent()) {
      bytes(node.putObject("requestBody").putObject("content"), bytes.get());
    } else if (!members.isEmpty() && operation.http().getMethod().equals("POST")) {
      ObjectNode schema = Json.object().put("type", "object").put("additionalProperties", false);
      ObjectNode properties = schema.putObject("properties");
      ArrayNode required = Json.MAPPER.createArrayNode();
      for (FieldDescriptor field : members) {
        properties.set(field.getJsonName(), manyOrOne(field));
        if (isRequired(field)) {
          required.add(field.getJsonName());
        }
      }
      ObjectNode body = node.putObject("requestBody");
      if (!required.isEmpty()) {
        schema.set("required", required);
        body.put("required", true);
      }
      body.putObject("content").putObject(JSON).set("schema", schema);
    }
  }

  /** Numbers may be missing, and are 0 then, unless the definition says otherwise. */
  private static boolean isRequired(FieldDescriptor member) {
    boolean number =
        member.getJavaType() == FieldDescriptor.JavaType.INT
            || member.getJavaType() == FieldDescriptor.JavaType.LONG;
    return Operation.place(member).getRequired()
        || (!number && isAlways(member) && !member.isRepeated());
  }

  /** What a body of bytes may be. */
  private void bytes(ObjectNode content, FieldDescriptor body) {
    Place place = Operation.place(body);
    List<String> media = place.getMediaCount() == 0 ? List.of(BYTES) : place.getMediaList();
    for (String type : media) {
      content
          .putObject(type)
          .set("schema", type.equals(JSON) ? json(place.getForm()) : Json.object());
    }
  }

  // Answers

  private void responses(ObjectNode responses, Operation operation) {
    Http http = operation.http();
    answer(responses, operation, http.getStatus() == 0 ? 200 : http.getStatus());
    http.getAlsoList().forEach(status -> answer(responses, operation, status));
  }

  private void answer(ObjectNode responses, Operation operation, int status) {
    ObjectNode response =
        responses
            .putObject(Integer.toString(status))
            .put(
                "description",
                switch (status) {
                  case 202 -> "Begun; it goes on.";
                  case 204 -> "Done; there is nothing to tell.";
                  default -> "Done.";
                });
    if (status == 204) {
      return;
    }
    String produces = operation.http().getProduces();
    ObjectNode content = response.putObject("content");
    Descriptor type = operation.schema().getOutputType();
    Optional<FieldDescriptor> bytes = Operation.part(type, Place::getBody);
    if (bytes.isPresent()) {
      bytes(content, bytes.get());
      return;
    }
    switch (produces) {
      case "" -> content.putObject(JSON).set("schema", reference(type));
      case "application/x-ndjson", "text/event-stream" -> {
        // OpenAPI 3.1 has no word for what repeats.
        ObjectNode stream = content.putObject(produces);
        stream.set("schema", Json.object().put("type", "string"));
        stream.set(
            "x-vudo-item",
            Operation.part(type, Place::getData)
                .map(this::schema)
                .orElseGet(() -> reference(type)));
      }
      default -> throw new IllegalStateException("Nothing makes " + produces);
    }
  }

  // Schemas

  private ObjectNode reference(Descriptor type) {
    String name = type.equals(Error.getDescriptor()) ? "Problem" : type.getName();
    if (described.add(name)) {
      schemas.set(
          name,
          type.equals(Tuple.getDescriptor())
              ? tuple(name)
              : type.equals(Template.getDescriptor()) ? template(name) : object(type));
    }
    return Json.object().put("$ref", "#/components/schemas/" + name);
  }

  private ObjectNode object(Descriptor type) {
    ObjectNode schema = Json.object().put("type", "object");
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = Json.MAPPER.createArrayNode();
    for (FieldDescriptor field : type.getFields()) {
      ObjectNode one = manyOrOne(field);
      properties.set(field.getJsonName(), isAlways(field) ? one : orNull(one));
      if (isAlways(field)) {
        required.add(field.getJsonName());
      }
    }
    if (!required.isEmpty()) {
      schema.set("required", required);
    }
    return schema;
  }

  private static boolean isAlways(FieldDescriptor field) {
    return field.getContainingOneof() == null;
  }

  private static ObjectNode orNull(ObjectNode schema) {
    if (schema.has("$ref")) {
      ObjectNode either = Json.object();
      either.putArray("anyOf").add(schema).addObject().put("type", "null");
      return either;
    }
    String type = schema.path("type").asText();
    schema.putArray("type").add(type).add("null");
    return schema;
  }

  private ObjectNode manyOrOne(FieldDescriptor field) {
    if (field.isMapField()) {
      ObjectNode map = Json.object().put("type", "object");
      map.set("additionalProperties", schema(field.getMessageType().findFieldByNumber(2)));
      return map;
    }
    if (!field.isRepeated()) {
      return schema(field);
    }
    ObjectNode many = Json.object().put("type", "array");
    many.set("items", schema(field));
    return many;
  }

  private ObjectNode schema(FieldDescriptor field) {
    return switch (field.getJavaType()) {
      case INT -> Json.object().put("type", "integer").put("format", "int32");
      case LONG -> Json.object().put("type", "integer").put("format", "int64");
      case BOOLEAN -> Json.object().put("type", "boolean");
      case STRING -> json(Operation.place(field).getForm());
      case BYTE_STRING -> Json.object().put("type", "string").put("contentEncoding", "base64");
      case MESSAGE ->
          field.getMessageType().equals(Timestamp.getDescriptor())
              ? Json.object().put("type", "string").put("format", "date-time")
              : reference(field.getMessageType());
      default -> throw new IllegalStateException("The definition has no " + field.getJavaType());
    };
  }

  /** What a text is that stands for a value of JSON, or for itself. */
  private ObjectNode json(Form form) {
    ObjectNode schema = Json.object();
    switch (form) {
      case JSON -> {
        return value();
      }
      case JSON_ARRAY -> schema.put("type", "array").set("items", value());
      case JSON_OBJECT -> schema.put("type", "object").set("additionalProperties", value());
      case JSON_OBJECT_OR_TEXT -> schema.putArray("type").add("string").add("object");
      default -> schema.put("type", "string");
    }
    return schema;
  }

  private ObjectNode value() {
    if (described.add(VALUE)) {
      ObjectNode value = Json.object().put("description", "Any value of JSON.");
      ArrayNode types = value.putArray("type");
      List.of("null", "boolean", "number", "string", "array", "object").forEach(types::add);
      schemas.set(VALUE, value);
    }
    return Json.object().put("$ref", "#/components/schemas/" + VALUE);
  }

  private ObjectNode tuple(String name) {
    ObjectNode tuple =
        Json.object()
            .put("type", "array")
            .put("minItems", 1)
            .put("maxItems", io.vudo.protocol.Tuple.MAX_ARITY);
    ArrayNode fields = tuple.putObject("items").putArray("anyOf");
    values(fields, name);
    return tuple;
  }

  private ObjectNode template(String name) {
    ObjectNode template = tuple(name);
    ArrayNode slots = (ArrayNode) template.get("items").get("anyOf");
    ObjectNode open = slots.addObject().put("type", "object").put("additionalProperties", false);
    open.putArray("required").add("?");
    ArrayNode what = open.putObject("properties").putObject("?").putArray("anyOf");
    what.addObject().put("type", "string").put("description", "any, or a type");
    what.addObject()
        .put("type", "array")
        .put("minItems", 2)
        .put("maxItems", 2)
        .put("description", "an operator and a value");
    return template;
  }

  /** What a field may be; itself an array of such. */
  private static void values(ArrayNode either, String name) {
    for (String type : List.of("null", "boolean", "number", "string")) {
      either.addObject().put("type", type);
    }
    either.addObject().put("$ref", "#/components/schemas/" + name);
    ObjectNode bytes = either.addObject().put("type", "object").put("additionalProperties", false);
    bytes.putArray("required").add("bytes");
    bytes
        .putObject("properties")
        .putObject("bytes")
        .put("type", "string")
        .put("contentEncoding", "base64");
    ObjectNode number = either.addObject().put("type", "object").put("additionalProperties", false);
    number.putArray("required").add("float");
    number
        .putObject("properties")
        .putObject("float")
        .putArray("enum")
        .add("NaN")
        .add("Infinity")
        .add("-Infinity");
  }
}
