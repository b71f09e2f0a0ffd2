package io.vudo.spirit.spec;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Values as the suite writes them, and as they cross to an engine: one long each, a v128 two, low
 * half first.
 */
final class SpecValues {
  private static final BigInteger HIGHEST = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

  private SpecValues() {}

  /** The bits of these arguments, as {@code EngineInstance.call} takes them. */
  static long[] arguments(JsonNode values) {
    List<Long> bits = new ArrayList<>();
    for (JsonNode value : values) {
      String type = value.path("type").asText();
      switch (type) {
        case "i32" -> bits.add((long) (int) bits(value.path("value"), 32));
        case "f32" -> bits.add(bits(value.path("value"), 32));
        case "i64", "f64" -> bits.add(bits(value.path("value"), 64));
        case "v128" -> {
          int width = laneWidth(value);
          long[] halves = new long[2];
          JsonNode lanes = lanes(value, width);
          for (int i = 0; i < lanes.size(); i++) {
            int at = i * width;
            halves[at / 64] |= bits(lanes.get(i), width) << (at % 64);
          }
          bits.add(halves[0]);
          bits.add(halves[1]);
        }
        default -> throw new Skip("a value of type " + type + " cannot cross");
      }
    }
    return bits.stream().mapToLong(Long::longValue).toArray();
  }

  /**
   * Compares results with what is expected.
   *
   * @throws Mismatch when they differ
   * @throws Skip when a value is of an unknown kind
   */
  static void check(JsonNode expected, FunctionType type, long[] actual) {
    boolean same = expected.size() == type.results().size();
    int at = 0;
    for (int i = 0; same && i < expected.size(); i++) {
      ValueType result = type.results().get(i);
      int slots = result == ValueType.V128 ? 2 : 1;
      same = at + slots <= actual.length && matches(expected.get(i), result, actual, at);
      at += slots;
    }
    if (!same || at != actual.length) {
      throw new Mismatch(describe(expected), describe(type, actual));
    }
  }

  private static boolean matches(JsonNode expected, ValueType type, long[] actual, int at) {
    String wanted = expected.path("type").asText();
    if (wanted.equals("either")) {
      for (JsonNode one : expected.path("values")) {
        if (matches(one, type, actual, at)) {
          return true;
        }
      }
      return false;
    }
    switch (wanted) {
      case "i32", "i64", "f32", "f64", "v128" -> {
        if (!wanted.equals(type.toString())) {
          return false;
        }
      }
      default -> throw new Skip("a result of type " + wanted + " cannot be compared");
    }
    if (type == ValueType.V128) {
      int width = laneWidth(expected);
      JsonNode lanes = lanes(expected, width);
      for (int i = 0; i < lanes.size(); i++) {
        long lane = actual[at + i * width / 64] >>> (i * width % 64);
        if (!sameBits(lanes.get(i), width, lane)) {
          return false;
        }
      }
      return true;
    }
    if (type == ValueType.I32 && actual[at] != (int) actual[at]) {
      // The contract of a call: an i32 arrives sign-extended.
      return false;
    }
    int width = type == ValueType.I32 || type == ValueType.F32 ? 32 : 64;
    return sameBits(expected.path("value"), width, actual[at]);
  }

  private static boolean sameBits(JsonNode expected, int width, long actual) {
    long bits = actual & mask(width);
    return switch (expected.asText()) {
      case "nan:canonical" ->
          width == 32
              ? (bits & 0x7fff_ffffL) == 0x7fc0_0000L
              : (bits & Long.MAX_VALUE) == 0x7ff8_0000_0000_0000L;
      case "nan:arithmetic" ->
          width == 32
              ? (bits & 0x7fc0_0000L) == 0x7fc0_0000L
              : (bits & 0x7ff8_0000_0000_0000L) == 0x7ff8_0000_0000_0000L;
      default -> bits == bits(expected, width);
    };
  }

  private static long mask(int width) {
    return width == 64 ? -1 : (1L << width) - 1;
  }

  private static long bits(JsonNode value, int width) {
    BigInteger number;
    try {
      number = new BigInteger(value.asText());
    } catch (NumberFormatException e) {
      throw new Skip("a value that is written in an unknown way");
    }
    if (number.abs().compareTo(HIGHEST) > 0) {
      throw new Skip("a value that is written in an unknown way");
    }
    return number.longValue() & mask(width);
  }

  private static int laneWidth(JsonNode value) {
    return switch (value.path("lane_type").asText()) {
      case "i8" -> 8;
      case "i16" -> 16;
      case "i32", "f32" -> 32;
      case "i64", "f64" -> 64;
      default -> throw new Skip("a value that is written in an unknown way");
    };
  }

  private static JsonNode lanes(JsonNode value, int width) {
    JsonNode lanes = value.path("value");
    if (!lanes.isArray() || lanes.size() * width != 128) {
      throw new Skip("a value that is written in an unknown way");
    }
    return lanes;
  }

  private static String describe(JsonNode expected) {
    List<String> values = new ArrayList<>();
    for (JsonNode value : expected) {
      values.add(value.path("type").asText() + " " + hexadecimal(value));
    }
    return values.toString();
  }

  private static String hexadecimal(JsonNode value) {
    JsonNode text = value.path("value");
    if (text.isArray()) {
      return value.path("lane_type").asText() + " " + text;
    }
    try {
      return "0x" + new BigInteger(text.asText()).toString(16);
    } catch (NumberFormatException e) {
      return text.asText();
    }
  }

  private static String describe(FunctionType type, long[] actual) {
    List<String> values = new ArrayList<>();
    int at = 0;
    for (ValueType result : type.results()) {
      int slots = result == ValueType.V128 ? 2 : 1;
      StringBuilder text = new StringBuilder(result.toString());
      for (int i = 0; i < slots; i++) {
        text.append(at < actual.length ? " 0x" + Long.toHexString(actual[at]) : " nothing");
        at++;
      }
      values.add(text.toString());
    }
    return values.toString().toLowerCase(Locale.ROOT);
  }
}
