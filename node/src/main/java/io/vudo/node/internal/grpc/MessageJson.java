package io.vudo.node.internal.grpc;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.MapEntry;
import com.google.protobuf.Message;
import com.google.protobuf.NullValue;
import com.google.protobuf.Timestamp;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.Field;
import io.vudo.protocol.gateway.v1.Form;
import io.vudo.protocol.gateway.v1.Predicate;
import io.vudo.protocol.gateway.v1.Slot;
import io.vudo.protocol.gateway.v1.Template;
import io.vudo.protocol.gateway.v1.Tuple;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Messages of the definition as the gateway's JSON, and back.
 *
 * <p>Much like Protobuf's own JSON, but numbers of 64 bits are numbers, tuples and templates are as
 * {@link io.vudo.protocol.TupleJson} has them, and a text may stand for a value of JSON ({@link
 * Form}).
 */
final class MessageJson {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final Map<Descriptor, Map<String, FieldDescriptor>> MEMBERS =
      new ConcurrentHashMap<>();

  private MessageJson() {}

  // From messages

  /**
   * The JSON of a field that is there.
   *
   * @throws VudoException {@code REQUEST_INVALID} when a text that is to be JSON is none
   */
  static JsonNode write(FieldDescriptor field, Object value) {
    if (field.isMapField()) {
      ObjectNode node = NODES.objectNode();
      FieldDescriptor valueField = field.getMessageType().findFieldByNumber(2);
      for (Object element : (Iterable<?>) value) {
        MapEntry<?, ?> entry = (MapEntry<?, ?>) element;
        node.set(entry.getKey().toString(), one(valueField, entry.getValue()));
      }
      return node;
    }
    if (field.isRepeated()) {
      ArrayNode array = NODES.arrayNode();
      ((Iterable<?>) value).forEach(element -> array.add(one(field, element)));
      return array;
    }
    return one(field, value);
  }

  private static JsonNode one(FieldDescriptor field, Object value) {
    return switch (field.getJavaType()) {
      case INT -> NODES.numberNode((Integer) value);
      case LONG -> NODES.numberNode((Long) value);
      case BOOLEAN -> NODES.booleanNode((Boolean) value);
      case STRING -> text(field, (String) value);
      case BYTE_STRING -> NODES.binaryNode(((ByteString) value).toByteArray());
      case MESSAGE -> write((Message) value);
      default -> throw new IllegalArgumentException("The definition has no " + field.getJavaType());
    };
  }

  private static JsonNode text(FieldDescriptor field, String text) {
    boolean json =
        switch (Operation.place(field).getForm()) {
          case JSON, JSON_ARRAY, JSON_OBJECT -> true;
          case JSON_OBJECT_OR_TEXT -> text.stripLeading().startsWith("{");
          default -> false;
        };
    if (!json) {
      return NODES.textNode(text);
    }
    try {
      return Json.read(text.getBytes(StandardCharsets.UTF_8));
    } catch (VudoException e) {
      throw new VudoException(e.code(), "\"" + field.getJsonName() + "\": " + e.detail(), e);
    }
  }

  private static JsonNode write(Message message) {
    if (message instanceof Tuple tuple) {
      return write(tuple);
    }
    if (message instanceof Template template) {
      return write(template);
    }
    ObjectNode node = NODES.objectNode();
    message
        .getAllFields()
        .forEach((field, value) -> node.set(field.getJsonName(), write(field, value)));
    return node;
  }

  private static ArrayNode write(Tuple tuple) {
    ArrayNode array = NODES.arrayNode(tuple.getFieldsCount());
    for (Field field : tuple.getFieldsList()) {
      array.add(write(field, ErrorCode.TUPLE_INVALID));
    }
    return array;
  }

  private static JsonNode write(Field field, ErrorCode invalid) {
    return switch (field.getValueCase()) {
      case NULL -> NODES.nullNode();
      case BOOL -> NODES.booleanNode(field.getBool());
      case INT -> NODES.numberNode(field.getInt());
      case FLOAT ->
          Double.isFinite(field.getFloat())
              ? NODES.numberNode(field.getFloat())
              : NODES.objectNode().put("float", Double.toString(field.getFloat()));
      case STRING -> NODES.textNode(field.getString());
      case BYTES ->
          NODES
              .objectNode()
              .put("bytes", Base64.getEncoder().encodeToString(field.getBytes().toByteArray()));
      case TUPLE -> write(field.getTuple());
      case VALUE_NOT_SET ->
          throw new VudoException(invalid, "A field has no value, not even null.");
    };
  }

  private static ArrayNode write(Template template) {
    ArrayNode array = NODES.arrayNode(template.getSlotsCount());
    for (Slot slot : template.getSlotsList()) {
      array.add(write(slot));
    }
    return array;
  }

  private static JsonNode write(Slot slot) {
    return switch (slot.getSlotCase()) {
      case EXACT -> write(slot.getExact(), ErrorCode.TEMPLATE_INVALID);
      case ANY -> NODES.objectNode().put("?", "any");
      case TYPE -> NODES.objectNode().put("?", slot.getType());
      case PREDICATE -> {
        Predicate predicate = slot.getPredicate();
        ObjectNode node = NODES.objectNode();
        node.putArray("?")
            .add(predicate.getOperator())
            .add(write(predicate.getOperand(), ErrorCode.PREDICATE_INVALID));
        yield node;
      }
      case TEMPLATE -> write(slot.getTemplate());
      case SLOT_NOT_SET ->
          throw new VudoException(
              ErrorCode.TEMPLATE_INVALID, "A slot is empty; one for every field is \"any\".");
    };
  }

  // To messages

  /** Sets what the members of an object say. What the definition does not know is left out. */
  static <B extends Message.Builder> B read(JsonNode node, B builder) {
    Map<String, FieldDescriptor> members = members(builder.getDescriptorForType());
    node.properties()
        .forEach(
            member -> {
              FieldDescriptor field = members.get(member.getKey());
              if (field != null && (!member.getValue().isNull() || isJson(field))) {
                set(builder, field, member.getValue());
              }
            });
    return builder;
  }

  /** Of which null is a value, too. */
  private static boolean isJson(FieldDescriptor field) {
    return field.getJavaType() == FieldDescriptor.JavaType.STRING
        && Operation.place(field).getForm() == Form.JSON;
  }

  private static Map<String, FieldDescriptor> members(Descriptor type) {
    return MEMBERS.computeIfAbsent(
        type,
        described -> {
          Map<String, FieldDescriptor> members = new HashMap<>();
          described.getFields().forEach(field -> members.put(field.getJsonName(), field));
          return members;
        });
  }

  /** Sets a field to what JSON says. */
  static void set(Message.Builder builder, FieldDescriptor field, JsonNode value) {
    if (field.isMapField()) {
      value
          .properties()
          .forEach(entry -> builder.addRepeatedField(field, entry(builder, field, entry)));
    } else if (field.isRepeated()) {
      for (JsonNode element : value) {
        builder.addRepeatedField(field, read(builder, field, element));
      }
    } else {
      builder.setField(field, read(builder, field, value));
    }
  }

  private static Message entry(
      Message.Builder builder, FieldDescriptor field, Map.Entry<String, JsonNode> entry) {
    MapEntry.Builder<?, ?> made = (MapEntry.Builder<?, ?>) builder.newBuilderForField(field);
    FieldDescriptor value = field.getMessageType().findFieldByNumber(2);
    return made.setField(field.getMessageType().findFieldByNumber(1), entry.getKey())
        .setField(value, read(made, value, entry.getValue()))
        .build();
  }

  private static Object read(Message.Builder builder, FieldDescriptor field, JsonNode value) {
    return switch (field.getJavaType()) {
      case INT -> value.intValue();
      case LONG -> value.longValue();
      case BOOLEAN -> value.booleanValue();
      case STRING -> isJson(field) ? value.toString() : value.textValue();
      case BYTE_STRING -> ByteString.copyFrom(binary(value));
      case MESSAGE -> message(builder.newBuilderForField(field), value);
      default -> throw new IllegalArgumentException("The definition has no " + field.getJavaType());
    };
  }

  private static byte[] binary(JsonNode value) {
    try {
      return value.binaryValue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Message message(Message.Builder builder, JsonNode value) {
    if (builder instanceof Timestamp.Builder timestamp) {
      Instant time = Instant.parse(value.textValue());
      return timestamp.setSeconds(time.getEpochSecond()).setNanos(time.getNano()).build();
    }
    if (builder instanceof Tuple.Builder) {
      return tuple(value);
    }
    return read(value, builder).build();
  }

  /** The tuple that an array is. */
  static Tuple tuple(JsonNode array) {
    Tuple.Builder tuple = Tuple.newBuilder();
    array.forEach(element -> tuple.addFields(field(element)));
    return tuple.build();
  }

  private static Field.Builder field(JsonNode value) {
    Field.Builder field = Field.newBuilder();
    return switch (value.getNodeType()) {
      case NULL -> field.setNull(NullValue.NULL_VALUE);
      case BOOLEAN -> field.setBool(value.booleanValue());
      case NUMBER ->
          value.isIntegralNumber()
              ? field.setInt(value.longValue())
              : field.setFloat(value.doubleValue());
      case STRING -> field.setString(value.textValue());
      case ARRAY -> field.setTuple(tuple(value));
      default ->
          value.has("bytes")
              ? field.setBytes(ByteString.copyFrom(binary(value.get("bytes"))))
              : field.setFloat(Double.parseDouble(value.path("float").asText()));
    };
  }
}
