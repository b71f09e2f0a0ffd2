package io.vudo.protocol;

import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One thing a Spirit may do, optionally on one object only: {@code sensor_time}, {@code
 * tuplespace_take:jobs}. Without an object it holds for every object of its kind. The object of
 * {@code process} is a dotted name or the beginning of one, in upper or lower case: {@code
 * process:payments} allows {@code payments.charge}.
 *
 * @param kind what may be done
 * @param object on what; empty means on everything
 */
public record Capability(Kind kind, Optional<String> object) {
  /** What ends a part of a dotted name. */
  private static final String ENDS = "./@";

  /** The kinds; those of the VUDO VM and, below, those that this node adds. */
  public enum Kind {
    NETWORK_LISTEN,
    NETWORK_CONNECT,
    NETWORK_BROADCAST,
    STORAGE_READ,
    STORAGE_WRITE,
    STORAGE_DELETE,
    SPAWN_SANDBOX,
    CROSS_SANDBOX_CALL,
    SENSOR_TIME,
    SENSOR_RANDOM,
    SENSOR_ENVIRONMENT,
    ACTUATOR_LOG,
    ACTUATOR_NOTIFY,
    ACTUATOR_CREDIT,
    /** Everything; for Spirits of the system only. */
    UNRESTRICTED,
    TUPLESPACE_READ,
    TUPLESPACE_WRITE,
    TUPLESPACE_TAKE,
    PROCESS;

    /** The name as users write it, in snake case. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Capability {
    Objects.requireNonNull(kind);
    Objects.requireNonNull(object);
  }

  /** A capability for every object of its kind. */
  public static Capability of(Kind kind) {
    return new Capability(kind, Optional.empty());
  }

  /**
   * Reads {@code kind} or {@code kind:object}.
   *
   * @throws VudoException {@code CAPABILITY_UNKNOWN}, listing those there are
   */
  public static Capability parse(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    Optional<String> object = colon < 0 ? Optional.empty() : Optional.of(text.substring(colon + 1));
    for (Kind kind : Kind.values()) {
      if (kind.text().equals(name) && object.map(o -> !o.isEmpty()).orElse(true)) {
        return new Capability(kind, object);
      }
    }
    throw new VudoException(
        ErrorCode.CAPABILITY_UNKNOWN,
        "Got \""
            + text
            + "\"; there are "
            + Arrays.stream(Kind.values()).map(Kind::text).collect(Collectors.joining(", "))
            + ", each may be followed by :OBJECT.");
  }

  /** Whether holding this one allows {@code wanted} on {@code wantedObject}. */
  public boolean allows(Kind wanted, String wantedObject) {
    return kind == Kind.UNRESTRICTED
        || (kind == wanted && object.map(o -> covers(o, wantedObject)).orElse(true));
  }

  private boolean covers(String object, String wanted) {
    if (kind != Kind.PROCESS) {
      return object.equals(wanted);
    }
    return wanted.regionMatches(true, 0, object, 0, object.length())
        && (wanted.length() == object.length()
            || ENDS.indexOf(wanted.charAt(object.length())) >= 0);
  }

  @Override
  public String toString() {
    return kind.text() + object.map(o -> ":" + o).orElse("");
  }
}
