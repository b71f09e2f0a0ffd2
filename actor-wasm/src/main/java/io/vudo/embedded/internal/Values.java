package io.vudo.embedded.internal;

import io.vudo.spirit.ValueType;
import java.util.Map;
import java.util.Optional;

/** How numbers of Java and of WebAssembly become each other. Nothing is ever rounded. */
public final class Values {
  private static final Map<Class<?>, ValueType> TYPES =
      Map.of(
          boolean.class, ValueType.I32,
          Boolean.class, ValueType.I32,
          int.class, ValueType.I32,
          Integer.class, ValueType.I32,
          long.class, ValueType.I64,
          Long.class, ValueType.I64,
          float.class, ValueType.F32,
          Float.class, ValueType.F32,
          double.class, ValueType.F64,
          Double.class, ValueType.F64);

  private Values() {}

  /** The type that carries this class, if it is a number or a boolean. */
  public static Optional<ValueType> typeOf(Class<?> type) {
    return Optional.ofNullable(TYPES.get(type));
  }

  /** Whether it crosses as two i32 in, and as one packed i64 out. */
  public static boolean isBuffer(Class<?> type) {
    return type == String.class || type == byte[].class;
  }

  /** Whether Java calls can pass and get it. */
  public static boolean isNumeric(ValueType type) {
    return TYPES.containsValue(type);
  }

  /** The bits of a value, when this type holds it exactly by Java's own widening. */
  public static Optional<Long> bits(ValueType type, Object value) {
    return Optional.ofNullable(
        switch (type) {
          case I32 -> integral(value, false);
          case I64 -> integral(value, true);
          case F32 -> single(value);
          case F64 -> real(value);
          default -> null;
        });
  }

  private static Long integral(Object value, boolean wide) {
    if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Boolean truth) {
      return truth ? 1L : 0L;
    }
    return wide && value instanceof Long number ? number : null;
  }

  private static Long single(Object value) {
    if (value instanceof Float || value instanceof Short || value instanceof Byte) {
      return (long) Float.floatToRawIntBits(((Number) value).floatValue());
    }
    return null;
  }

  private static Long real(Object value) {
    if (value instanceof Double
        || value instanceof Float
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return Double.doubleToRawLongBits(((Number) value).doubleValue());
    }
    return null;
  }

  /** The boxed number that these bits are. */
  public static Object value(ValueType type, long bits) {
    return switch (type) {
      case I32 -> (int) bits;
      case I64 -> bits;
      case F32 -> Float.intBitsToFloat((int) bits);
      case F64 -> Double.longBitsToDouble(bits);
      default -> throw new IllegalArgumentException(type.toString());
    };
  }

  /** A pointer and a length in one i64, as every packed result has them. */
  public static long pack(int pointer, int length) {
    return (long) pointer << 32 | Integer.toUnsignedLong(length);
  }

  /** The pointer of a packed result. */
  public static int pointer(long packed) {
    return (int) (packed >>> 32);
  }

  /** The length of a packed result. */
  public static int length(long packed) {
    return (int) packed;
  }
}
