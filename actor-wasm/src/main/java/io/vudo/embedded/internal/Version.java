package io.vudo.embedded.internal;

import java.math.BigInteger;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A semantic version: {@code 1.2.3}, {@code 1.2.3-beta.4}. Ordered as semver.org orders them.
 *
 * @param text as it was written
 * @param release the three numbers
 * @param preRelease what is before the release, or empty for a release
 */
public record Version(String text, String release, String preRelease)
    implements Comparable<Version> {
  private static final String NUMBER = "(?:0|[1-9][0-9]{0,17})";
  private static final Pattern FORM =
      Pattern.compile(
          "("
              + NUMBER
              + "\\."
              + NUMBER
              + "\\."
              + NUMBER
              + ")"
              + "(?:-([0-9A-Za-z-]{1,32}(?:\\.[0-9A-Za-z-]{1,32}){0,7}))?");

  /** Reads one; empty when it is none. */
  public static Optional<Version> parse(String text) {
    Matcher form = FORM.matcher(text);
    return form.matches()
        ? Optional.of(new Version(text, form.group(1), form.group(2) == null ? "" : form.group(2)))
        : Optional.empty();
  }

  /**
   * Whether it is what somebody asked for: the whole version, or the first numbers of a release
   * ({@code 1} or {@code 1.2} for {@code 1.2.3}).
   */
  public boolean satisfies(String wanted) {
    return text.equals(wanted) || (preRelease.isEmpty() && release.startsWith(wanted + "."));
  }

  @Override
  public int compareTo(Version other) {
    int byRelease = compare(release, other.release);
    if (byRelease != 0) {
      return byRelease;
    }
    if (preRelease.isEmpty() || other.preRelease.isEmpty()) {
      return Boolean.compare(preRelease.isEmpty(), other.preRelease.isEmpty());
    }
    return compare(preRelease, other.preRelease);
  }

  private static int compare(String left, String right) {
    String[] mine = left.split("\\.", -1);
    String[] theirs = right.split("\\.", -1);
    for (int i = 0; i < Math.min(mine.length, theirs.length); i++) {
      int order = compareParts(mine[i], theirs[i]);
      if (order != 0) {
        return order;
      }
    }
    return Integer.compare(mine.length, theirs.length);
  }

  private static int compareParts(String left, String right) {
    boolean number = isNumber(left);
    if (number != isNumber(right)) {
      return number ? -1 : 1;
    }
    return number ? new BigInteger(left).compareTo(new BigInteger(right)) : left.compareTo(right);
  }

  private static boolean isNumber(String part) {
    return part.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  @Override
  public String toString() {
    return text;
  }
}
