package io.vudo.cli.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.ValueType;
import java.math.BigInteger;
import java.util.Locale;
import java.util.regex.Pattern;

/** WebAssembly numbers as text, and the bits in which engines take them. */
final class WasmValues {
  private static final Pattern INTEGER = Pattern.compile("([+-]?)(0x)?([0-9a-f_]+)");
  private static final Pattern FLOAT =
      Pattern.compile(
          "[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?0x[0-9a-f.]+p[+-]?[0-9]+");
  private static final Pattern NEGATIVE = Pattern.compile("-([0-9.].*|inf|nan)");

  private WasmValues() {}

  /** Whether an argument that starts with a dash is a number and no option. */
  static boolean isNegativeNumber(String text) {
    return NEGATIVE.matcher(text.toLowerCase(Locale.ROOT)).matches();
  }

  /**
   * Reads a value: integers decimal or with 0x, signed or unsigned; floats also nan, inf and -inf.
   *
   * @throws VudoException {@code ARGUMENT_INVALID}
   */
  static long parse(ValueType type, String text) {
    String lower = text.strip().toLowerCase(Locale.ROOT);
    return switch (type) {
      case I32 -> integer(type, lower, 32).intValue();
      case I64 -> integer(type, lower, 64).longValue();
      case F32 -> Float.floatToRawIntBits((float) floating(type, lower)) & 0xffff_ffffL;
      case F64 -> Double.doubleToRawLongBits(floating(type, lower));
      case V128, FUNCREF, EXTERNREF ->
          throw new VudoException(
              ErrorCode.ARGUMENT_INVALID, "A " + type + " cannot be written as an argument.");
    };
  }

  private static BigInteger integer(ValueType type, String text, int bits) {
    var matcher = INTEGER.matcher(text);
    if (!matcher.matches()) {
      throw invalid(type, text, "a whole number, decimal or 0x…");
    }
    BigInteger value;
    try {
      value = new BigInteger(matcher.group(3).replace("_", ""), matcher.group(2) == null ? 10 : 16);
    } catch (NumberFormatException e) {
      throw invalid(type, text, "a whole number, decimal or 0x…");
    }
    if (matcher.group(1).equals("-")) {
      value = value.negate();
    }
    BigInteger least = BigInteger.ONE.shiftLeft(bits - 1).negate();
    BigInteger most = BigInteger.ONE.shiftLeft(bits).subtract(BigInteger.ONE);
    if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
      throw invalid(type, text, "a number between " + least + " and " + most);
    }
    return value;
  }

  private static double floating(ValueType type, String text) {
    switch (text) {
      case "nan", "+nan", "-nan" -> {
        return Double.NaN;
      }
      case "inf", "+inf" -> {
        return Double.POSITIVE_INFINITY;
      }
      case "-inf" -> {
        return Double.NEGATIVE_INFINITY;
      }
      default -> {
        if (!FLOAT.matcher(text).matches()) {
          throw invalid(type, text, "a number such as 1.5, -2e3, nan, inf");
        }
        // Rounded once: through double, a float could be rounded twice.
        return type == ValueType.F32 ? Float.parseFloat(text) : Double.parseDouble(text);
      }
    }
  }

  private static VudoException invalid(ValueType type, String text, String expected) {
    return new VudoException(
        ErrorCode.ARGUMENT_INVALID,
        "\"" + text + "\" is no " + type + "; expected " + expected + ".");
  }

  /** Writes a value; integers signed. */
  static String format(ValueType type, long bits) {
    return switch (type) {
      case I32 -> Integer.toString((int) bits);
      case I64 -> Long.toString(bits);
      case F32 ->
          floatText(
              Float.intBitsToFloat((int) bits), Float.toString(Float.intBitsToFloat((int) bits)));
      case F64 ->
          floatText(Double.longBitsToDouble(bits), Double.toString(Double.longBitsToDouble(bits)));
      case V128, FUNCREF, EXTERNREF -> "0x" + Long.toHexString(bits);
    };
  }

  /** Writes a v128 as one number of 128 bits. */
  static String formatVector(long low, long high) {
    return String.format("0x%016x%016x", high, low);
  }

  private static String floatText(double value, String text) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    return text;
  }
}
