package io.vudo.ghost;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.vudo.ghost.internal.StrictJson;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * What a step over Spirits of a cluster takes or answers. To the Spirits values are bytes, by the
 * rules of {@code io.vudo.client}'s typed proxies: one argument is JSON, or, if it is text or
 * bytes, as it is; several are a JSON array, in which bytes are Base64; none is no bytes.
 *
 * <p>Immutable, as long as nobody changes the bytes that it was made of; thread-safe.
 */
public final class GhostValue {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final byte[] NOTHING = {};

  private final Object java;
  private final byte[] alone;

  /** Null when there is none. */
  private final JsonNode json;

  private final boolean binary;

  private GhostValue(Object java, byte[] alone, JsonNode json, boolean binary) {
    this.java = java;
    this.alone = alone;
    this.json = json;
    this.binary = binary;
  }

  /**
   * An input or a constant.
   *
   * @param value an Integer, Long, Float, Double, Boolean, String or byte[]
   * @throws VudoException {@code ARGUMENT_INVALID} for NaN and infinities, and for anything else
   */
  public static GhostValue of(Object value) {
    if (value instanceof byte[] bytes) {
      return new GhostValue(bytes, bytes, NODES.binaryNode(bytes), true);
    }
    if (value instanceof String text) {
      return new GhostValue(
          text, text.getBytes(StandardCharsets.UTF_8), NODES.textNode(text), false);
    }
    JsonNode json;
    if (value instanceof Integer number) {
      json = NODES.numberNode(number.intValue());
    } else if (value instanceof Long number) {
      json = NODES.numberNode(number.longValue());
    } else if (value instanceof Float number && Float.isFinite(number)) {
      json = NODES.numberNode(number.floatValue());
    } else if (value instanceof Double number && Double.isFinite(number)) {
      json = NODES.numberNode(number.doubleValue());
    } else if (value instanceof Boolean truth) {
      json = NODES.booleanNode(truth);
    } else {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, value + " has no form in JSON, which Spirits are sent.");
    }
    return new GhostValue(value, utf8(json), json, false);
  }

  private static byte[] utf8(JsonNode json) {
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * What a Spirit answered. Without a type it is passed on as it is, and is what JSON makes of it;
   * what is no JSON is bytes.
   *
   * @param type what the step says that it is read as
   * @param reply the bytes; null when the Spirit gave no reply
   * @throws VudoException {@code REPLY_INVALID} when it is not of the type
   */
  public static GhostValue ofReply(Optional<Ghost.Type> type, byte[] reply) {
    if (type.isEmpty()) {
      return untyped(reply);
    }
    Ghost.Type wanted = type.get();
    if (reply == null) {
      throw invalid("There was no reply; " + wanted + " was declared.");
    }
    Object value =
        switch (wanted) {
          case BYTES -> reply;
          case TEXT -> text(reply);
          default ->
              parse(reply)
                  .flatMap(json -> read(wanted, json))
                  .orElseThrow(
                      () ->
                          invalid("The reply, " + reply.length + " bytes, is no " + wanted + "."));
        };
    return of(value);
  }

  private static GhostValue untyped(byte[] reply) {
    if (reply == null) {
      return new GhostValue(null, NOTHING, NODES.nullNode(), false);
    }
    Optional<JsonNode> json = parse(reply);
    return json.map(node -> new GhostValue(natural(node), reply, node, false))
        .orElseGet(() -> new GhostValue(reply, reply, null, true));
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.REPLY_INVALID, detail);
  }

  private static String text(byte[] reply) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(reply)).toString();
    } catch (CharacterCodingException e) {
      throw new VudoException(ErrorCode.REPLY_INVALID, "The reply is no UTF-8.", e);
    }
  }

  private static Optional<JsonNode> parse(byte[] bytes) {
    try {
      JsonNode json = StrictJson.MAPPER.readTree(bytes);
      return json == null || json.isMissingNode() || isTooLarge(json)
          ? Optional.empty()
          : Optional.of(json);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Such as 1e999, which could not be written again. */
  private static boolean isTooLarge(JsonNode json) {
    if (json.isContainerNode()) {
      for (JsonNode element : json) {
        if (isTooLarge(element)) {
          return true;
        }
      }
    }
    return json.isDouble() && !Double.isFinite(json.doubleValue());
  }

  /**
   * Reads a value of a type from JSON; nothing is converted in silence.
   *
   * @return empty when it is none
   */
  public static Optional<Object> read(Ghost.Type type, JsonNode json) {
    return Optional.ofNullable(
        switch (type) {
          case INT -> json.isIntegralNumber() && json.canConvertToInt() ? json.intValue() : null;
          case LONG -> json.isIntegralNumber() && json.canConvertToLong() ? json.longValue() : null;
          case FLOAT ->
              json.isNumber() && Float.isFinite(json.floatValue()) ? json.floatValue() : null;
          case DOUBLE ->
              json.isNumber() && Double.isFinite(json.doubleValue()) ? json.doubleValue() : null;
          case BOOLEAN -> json.isBoolean() ? json.booleanValue() : null;
          case TEXT -> json.isTextual() ? json.textValue() : null;
          case BYTES -> base64(json);
        });
  }

  private static byte[] base64(JsonNode json) {
    try {
      return json.isTextual() || json.isBinary() ? json.binaryValue() : null;
    } catch (IOException e) {
      return null;
    }
  }

  /**
   * What JSON says, as Java has it: Integer, Long, BigInteger, Double, Boolean, String, List, Map
   * or null.
   */
  public static Object natural(JsonNode json) {
    try {
      return StrictJson.MAPPER.treeToValue(json, Object.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Any tree is an object", e);
    }
  }

  /** What {@link GhostResult} has: of the type that was declared, or as JSON says. */
  public Object java() {
    return java;
  }

  /** What stands for it in JSON; empty for an answer that is none. */
  public Optional<JsonNode> json() {
    return Optional.ofNullable(json);
  }

  /** Whether it is bytes, which JSON would have as Base64. */
  public boolean isBinary() {
    return binary;
  }

  /** The bytes of it alone. */
  public byte[] bytes() {
    return alone.clone();
  }

  /**
   * The payload of a message with these arguments.
   *
   * @throws VudoException {@code GHOST_MISMATCH} when one of several is an answer that is no JSON
   */
  public static byte[] payload(List<GhostValue> arguments) {
    if (arguments.isEmpty()) {
      return NOTHING;
    }
    if (arguments.size() == 1) {
      return arguments.get(0).alone;
    }
    ArrayNode array = NODES.arrayNode();
    for (GhostValue argument : arguments) {
      array.add(
          argument
              .json()
              .orElseThrow(
                  () ->
                      new VudoException(
                          ErrorCode.GHOST_MISMATCH,
                          "Argument "
                              + (array.size() + 1)
                              + " is an answer that is no JSON; declare what it is read as: text or"
                              + " bytes.")));
    }
    return utf8(array);
  }
}
