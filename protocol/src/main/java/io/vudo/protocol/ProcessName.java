package io.vudo.protocol;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A dotted name under which something can be called, whatever it is written in: {@code
 * payments.charge}, {@code scripts.validate.Check}, {@code counter/alice.add}. What follows the
 * last dot is the function, what comes before it the owner.
 *
 * @param owner who has the function: a Loa, a handler's group, a Spirit or a Spirit type
 * @param function what is called
 */
public record ProcessName(String owner, String function) {
  /** The most characters of a name. */
  public static final int MAX_LENGTH = 256;

  private static final Pattern NAME =
      Pattern.compile("[A-Za-z][A-Za-z0-9_.:@~+=/-]{0,253}\\.[A-Za-z0-9_:@~+=-]{1,254}");

  /** Whether a text is a name. */
  public static boolean isValid(String name) {
    return name.length() <= MAX_LENGTH && NAME.matcher(name).matches();
  }

  /**
   * Reads a name.
   *
   * @throws VudoException {@code PROCESS_NAME_INVALID}
   */
  public static ProcessName parse(String name) {
    if (!isValid(name)) {
      String shown = name.length() > MAX_LENGTH ? name.substring(0, MAX_LENGTH) + "…" : name;
      throw new VudoException(ErrorCode.PROCESS_NAME_INVALID, "Got \"" + shown + "\".");
    }
    int dot = name.lastIndexOf('.');
    return new ProcessName(name.substring(0, dot), name.substring(dot + 1));
  }

  /** How names are compared: upper and lower case are the same. */
  public static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  /** The name as it was written. */
  @Override
  public String toString() {
    return owner + "." + function;
  }
}
