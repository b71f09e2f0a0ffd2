package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durations and sizes as people write them, the same on the command line, in HTTP headers and in
 * query parameters: {@code 500ms}, {@code 30s}, {@code 2min}; {@code 64MiB}, {@code 1GiB}, {@code
 * 65536}.
 */
public final class Quantities {
  private static final Pattern FORM = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*([A-Za-z]*)");
  private static final Map<String, Long> MILLIS =
      Map.of(
          "ms", 1L, "s", 1_000L, "m", 60_000L, "min", 60_000L, "h", 3_600_000L, "d", 86_400_000L);
  private static final Map<String, Long> BYTES =
      Map.of(
          "", 1L,
          "b", 1L,
          "k", 1L << 10,
          "kib", 1L << 10,
          "m", 1L << 20,
          "mib", 1L << 20,
          "g", 1L << 30,
          "gib", 1L << 30,
          "kb", 1_000L,
          "mb", 1_000_000L);

  private Quantities() {}

  /**
   * Reads a duration; a unit is required, so that nobody has to guess what {@code 30} means.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public static Duration duration(String text) {
    return Duration.ofMillis(
        read(text, MILLIS, "a duration such as 500ms, 30s, 2min, 1h; got \"" + text + "\""));
  }

  /**
   * Reads a number of bytes.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public static long bytes(String text) {
    return read(text, BYTES, "a size such as 65536, 512KiB, 64MiB, 1GiB; got \"" + text + "\"");
  }

  /** The inverse of {@link #bytes}, in the largest unit that is exact. */
  public static String bytesText(long bytes) {
    if (bytes > 0 && bytes % (1L << 30) == 0) {
      return (bytes >> 30) + " GiB";
    }
    if (bytes > 0 && bytes % (1L << 20) == 0) {
      return (bytes >> 20) + " MiB";
    }
    if (bytes > 0 && bytes % (1L << 10) == 0) {
      return (bytes >> 10) + " KiB";
    }
    return bytes + " B";
  }

  private static long read(String text, Map<String, Long> units, String expected) {
    Matcher matcher = FORM.matcher(text.strip());
    Long unit = matcher.matches() ? units.get(matcher.group(2).toLowerCase(Locale.ROOT)) : null;
    if (unit != null) {
      BigInteger value =
          new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(unit)).toBigInteger();
      if (value.bitLength() < Long.SIZE) {
        return value.longValue();
      }
    }
    throw new VudoException(ErrorCode.REQUEST_INVALID, "Expected " + expected + ".");
  }
}
