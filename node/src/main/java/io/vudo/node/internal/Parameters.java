package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Reads values out of query parameters; what does not fit is a REQUEST_INVALID that names it. */
final class Parameters {
  private final Map<String, List<String>> values;

  Parameters(Map<String, List<String>> values) {
    this.values = values;
  }

  /** The value of a parameter that may be given once. */
  Optional<String> text(String name) {
    List<String> given = values.getOrDefault(name, List.of());
    if (given.size() > 1) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "The parameter \"" + name + "\" was given twice.");
    }
    return given.stream().findFirst();
  }

  Optional<Long> number(String name) {
    return read(name, text -> parseLong(text));
  }

  Optional<Integer> small(String name) {
    return number(name).map(Parameters::toSmall);
  }

  Optional<Long> bytes(String name) {
    return read(name, Quantities::bytes);
  }

  Optional<Duration> duration(String name) {
    return read(name, Quantities::duration);
  }

  Optional<Boolean> onOff(String name) {
    return read(name, text -> choice(text, "on", "off"));
  }

  Optional<Boolean> bool(String name) {
    return read(name, text -> choice(text, "true", "false"));
  }

  /** Values beyond int are beyond every limit too; they keep being so. */
  static int toSmall(long value) {
    return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, value));
  }

  private <T> Optional<T> read(String name, Function<String, T> parse) {
    return text(name)
        .map(
            text -> {
              try {
                return parse.apply(text);
              } catch (VudoException e) {
                throw new VudoException(
                    e.code(), "The parameter \"" + name + "\": " + e.detail(), e);
              }
            });
  }

  private static long parseLong(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "expected a whole number; got \"" + text + "\".", e);
    }
  }

  private static boolean choice(String text, String yes, String no) {
    if (!text.equals(yes) && !text.equals(no)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "expected " + yes + " or " + no + "; got \"" + text + "\".");
    }
    return text.equals(yes);
  }
}
