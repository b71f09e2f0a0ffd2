package io.vudo.protocol;

import java.util.regex.Pattern;

/** The rule for the name of a tuplespace: a letter, then up to 63 of letters, digits, '_-.'. */
public final class SpaceName {
  private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_.-]{0,63}");

  private SpaceName() {}

  /**
   * Checks a name and returns it.
   *
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public static String check(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new VudoException(ErrorCode.SPACE_NAME_INVALID, "Got \"" + Tuple.cut(name) + "\".");
    }
    return name;
  }
}
