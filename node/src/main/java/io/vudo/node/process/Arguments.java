package io.vudo.node.process;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.ProcessName;
import java.io.IOException;
import java.lang.reflect.Type;

/** Makes Java values of arguments; like the client's codecs it converts nothing in silence. */
final class Arguments {
  private static final int BAD_REQUEST = 400;

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .build();

  private Arguments() {}

  /**
   * One argument.
   *
   * @throws ProcessException 400 when it is none of this type
   */
  static Object convert(ProcessName name, int index, JsonNode arg, Type type) {
    try {
      return MAPPER.readerFor(MAPPER.constructType(type)).readValue(arg);
    } catch (IOException | RuntimeException e) {
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new ProcessException(
          BAD_REQUEST, "argument " + (index + 1) + " of " + name + ": " + why, e);
    }
  }
}
