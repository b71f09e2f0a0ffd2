package io.vudo.client;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.util.TokenBuffer;
import io.vudo.client.internal.MessagePack;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;

/**
 * How Java values become payloads, and replies Java values: records, collections, maps, numbers,
 * texts and whatever else Jackson knows, as JSON or as MessagePack.
 *
 * <p>The two that are ready made convert nothing in silence: a number is no text, 2.5 is no {@code
 * int}, and nothing is no {@code int} either. Members that a class does not have are ignored, so
 * that a newer Spirit may reply more. What they do not know, such as {@code java.time}, a mapper of
 * one's own does.
 *
 * <p>{@code byte[]} is Base64 in JSON and binary in MessagePack, where it is part of a value; a
 * {@linkplain SpiritClient#as(Class, Codec) proxy} sends a single one as it is.
 *
 * <p>Immutable, and safe to use from many threads.
 */
public final class Codec {
  /** JSON. */
  public static final Codec JSON = new Codec(strict(), false);

  /** MessagePack. */
  public static final Codec MESSAGE_PACK = new Codec(strict(), true);

  private final ObjectMapper mapper;
  private final boolean packed;

  private Codec(ObjectMapper mapper, boolean packed) {
    this.mapper = mapper;
    this.packed = packed;
  }

  private static ObjectMapper strict() {
    return JsonMapper.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .build();
  }

  /** JSON by this mapper, which must not be configured any more. */
  public static Codec json(ObjectMapper mapper) {
    return new Codec(mapper, false);
  }

  /**
   * MessagePack by this mapper, which must not be configured any more. It is one for JSON: what it
   * would write as JSON is written as MessagePack.
   */
  public static Codec messagePack(ObjectMapper mapper) {
    return new Codec(mapper, true);
  }

  /**
   * Encodes a value, or null.
   *
   * @throws VudoException {@code ARGUMENT_INVALID} when it cannot be encoded
   */
  public byte[] encode(Object value) {
    return encode(value, mapper.constructType(value == null ? Object.class : value.getClass()));
  }

  /**
   * Decodes a value.
   *
   * @return null when the bytes say so
   * @throws VudoException {@code REPLY_INVALID} when the bytes are none of that type
   */
  @SuppressWarnings("unchecked") // Not Class.cast, which knows no int.
  public <T> T decode(byte[] bytes, Class<T> type) {
    return (T) decode(bytes, mapper.constructType(type));
  }

  JavaType type(java.lang.reflect.Type type) {
    return mapper.constructType(type);
  }

  /** The type as a class that is {@code context} sees it. */
  JavaType type(java.lang.reflect.Type type, JavaType context) {
    return mapper.getTypeFactory().resolveMemberType(type, context.getBindings());
  }

  byte[] encode(Object value, JavaType type) {
    return encode(generator -> mapper.writerFor(type).writeValue(generator, value));
  }

  byte[] encode(List<?> values, List<JavaType> types) {
    return encode(
        generator -> {
          generator.writeStartArray();
          for (int i = 0; i < types.size(); i++) {
            mapper.writerFor(types.get(i)).writeValue(generator, values.get(i));
          }
          generator.writeEndArray();
        });
  }

  private interface Writing {
    void to(JsonGenerator generator) throws IOException;
  }

  private byte[] encode(Writing writing) {
    try {
      if (packed) {
        try (TokenBuffer tokens = new TokenBuffer(mapper, false)) {
          writing.to(tokens);
          JsonNode tree = mapper.readTree(tokens.asParser());
          return MessagePack.write(tree);
        }
      }
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try (JsonGenerator generator = mapper.createGenerator(bytes)) {
        writing.to(generator);
      }
      return bytes.toByteArray();
    } catch (IOException | RuntimeException e) {
      throw new VudoException(ErrorCode.ARGUMENT_INVALID, firstLine(e), e);
    }
  }

  Object decode(byte[] bytes, JavaType type) {
    try {
      ObjectReader reader = mapper.readerFor(type);
      return packed
          ? reader.readValue(mapper.treeAsTokens(MessagePack.read(bytes)))
          : reader.readValue(bytes);
    } catch (IOException | RuntimeException e) {
      throw new VudoException(
          ErrorCode.REPLY_INVALID,
          bytes.length + " bytes are no " + type.toCanonical() + ": " + firstLine(e),
          e);
    }
  }

  private static String firstLine(Exception failure) {
    String message = failure.getMessage();
    return message == null ? failure.toString() : message.lines().findFirst().orElse("");
  }

  /** {@code JSON} or {@code MessagePack}. */
  @Override
  public String toString() {
    return packed ? "MessagePack" : "JSON";
  }
}
