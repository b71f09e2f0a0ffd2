package io.vudo.spirit;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.Locale;

/**
 * What is done when a turn of a Spirit fails by the guest's or the node's fault: a trap, a limit.
 * That a guest ends its turn by {@code fail} is an answer and no failure in this sense.
 *
 * <p>The state is always that before the turn. Whoever waits for an answer gets the error at once,
 * and nothing is tried again for him; what follows is for messages that nobody waits for.
 *
 * @param onFailure what is done
 * @param maxRestarts how often a message is tried again, at most
 * @param windowMillis a Spirit that gives up more than {@link #MAX_GIVEN_UP} messages in such a
 *     time is halted
 */
public record Supervision(OnFailure onFailure, int maxRestarts, long windowMillis) {
  /** The messages that a Spirit may give up in one window before it is halted. */
  public static final int MAX_GIVEN_UP = 10;

  public static final Supervision DEFAULT = new Supervision(OnFailure.RESTART, 3, 60_000);

  private static final int MOST_RESTARTS = 1_000;
  private static final long LONGEST_WINDOW_MILLIS = 86_400_000;

  /** What is done when a turn fails. */
  public enum OnFailure {
    /** The message is tried again after a pause; the others wait meanwhile. Then it is given up. */
    RESTART,
    /** The message is given up at once, and the Spirit goes on with the next. */
    RESUME,
    /** The message is given up, and the Spirit takes no more until it is restarted. */
    STOP,
    /** As {@link #STOP}, and the Spirit that spawned it is told. */
    ESCALATE;

    /** As users write it. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Reads what users write.
     *
     * @throws VudoException {@code REQUEST_INVALID}
     */
    public static OnFailure parse(String text) {
      for (OnFailure known : values()) {
        if (known.text().equals(text)) {
          return known;
        }
      }
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "on-failure is resume, restart, stop or escalate; got \"" + text + "\".");
    }
  }

  /**
   * Checks every range.
   *
   * @throws VudoException {@code LIMIT_INVALID}
   */
  public Supervision {
    check("max-restarts", maxRestarts, 0, MOST_RESTARTS);
    check("restart-window (ms)", windowMillis, 1, LONGEST_WINDOW_MILLIS);
  }

  private static void check(String name, long value, long least, long most) {
    if (value < least || value > most) {
      throw new VudoException(
          ErrorCode.LIMIT_INVALID,
          name + " is " + value + "; it must lie between " + least + " and " + most + ".");
    }
  }
}
