package io.vudo.protocol;

import java.util.Comparator;
import java.util.regex.Pattern;

/**
 * The address of a Spirit: its type and its id within the type, written {@code counter/alice}.
 *
 * <p>Both parts are bounded and free of characters that a path, a shell or an actor name would have
 * to escape, so one spelling serves the journal, the cluster, HTTP and the command line.
 *
 * @param type a letter, then up to 63 of letters, digits, {@code _ - .}
 * @param id 1 to 128 of letters, digits and {@code _ - . : @ ~ + =}, but neither {@code .} nor
 *     {@code ..}, which are steps in a path
 */
public record SpiritId(String type, String id) implements Comparable<SpiritId> {
  /**
   * The type of actors of JVM services, which Spirits address like Spirits; none is deployed so.
   */
  public static final String ACTOR = "actor";

  private static final Pattern TYPE = Pattern.compile("[A-Za-z][A-Za-z0-9_.-]{0,63}");
  private static final Pattern ID = Pattern.compile("(?!\\.{1,2}$)[A-Za-z0-9_.:@~+=-]{1,128}");
  private static final Comparator<SpiritId> ORDER =
      Comparator.comparing(SpiritId::type).thenComparing(SpiritId::id);

  /**
   * Checks both parts.
   *
   * @throws VudoException {@code SPIRIT_TYPE_INVALID} or {@code SPIRIT_ID_INVALID}
   */
  public SpiritId {
    checkType(type);
    if (!ID.matcher(id).matches()) {
      throw new VudoException(ErrorCode.SPIRIT_ID_INVALID, "Got id " + quoted(id) + ".");
    }
  }

  /**
   * Reads {@code TYPE/ID}.
   *
   * @throws VudoException {@code SPIRIT_TYPE_INVALID} or {@code SPIRIT_ID_INVALID}
   */
  public static SpiritId parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      throw new VudoException(ErrorCode.SPIRIT_ID_INVALID, "Got " + quoted(text) + ".");
    }
    return new SpiritId(text.substring(0, slash), text.substring(slash + 1));
  }

  /**
   * Checks a type name alone and returns it.
   *
   * @throws VudoException {@code SPIRIT_TYPE_INVALID}
   */
  public static String checkType(String type) {
    if (!TYPE.matcher(type).matches()) {
      throw new VudoException(ErrorCode.SPIRIT_TYPE_INVALID, "Got " + quoted(type) + ".");
    }
    return type;
  }

  /**
   * Checks a type name under which something is to be deployed, and returns it.
   *
   * @throws VudoException {@code SPIRIT_TYPE_INVALID}, also for {@link #ACTOR}
   */
  public static String checkDeployable(String type) {
    if (checkType(type).equals(ACTOR)) {
      throw new VudoException(
          ErrorCode.SPIRIT_TYPE_INVALID,
          "\"" + ACTOR + "\" is the type of actors of JVM services; no Spirit can have it.");
    }
    return type;
  }

  @Override
  public int compareTo(SpiritId other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return type + "/" + id;
  }

  private static String quoted(String text) {
    return '"' + (text.length() > 80 ? text.substring(0, 80) + "…" : text) + '"';
  }
}
