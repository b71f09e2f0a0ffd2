package io.vudo.spirit;

import java.util.Optional;

/**
 * Which part of a history is wanted.
 *
 * @param messageType only messages of this type
 * @param sender only messages of this Spirit, TYPE/ID; empty text for callers that are no Spirits
 * @param failedOnly only turns that failed
 * @param fromTurn from this turn on
 * @param toTurn up to and with this turn
 * @param fromMillis from this time on, in ms since 1970
 * @param toMillis up to and with this time
 * @param limit at most so many of those that there are, the newest ones; 0 for all
 * @param follow whether to go on with what happens later, until it is cancelled
 */
public record HistoryQuery(
    Optional<String> messageType,
    Optional<String> sender,
    boolean failedOnly,
    long fromTurn,
    long toTurn,
    long fromMillis,
    long toMillis,
    int limit,
    boolean follow) {

  /** All there is. */
  public static final HistoryQuery ALL =
      new HistoryQuery(
          Optional.empty(),
          Optional.empty(),
          false,
          0,
          Long.MAX_VALUE,
          Long.MIN_VALUE,
          Long.MAX_VALUE,
          0,
          false);

  /** Whether this line is wanted. */
  public boolean matches(TurnSummary line) {
    return line.turn() >= fromTurn
        && line.turn() <= toTurn
        && line.timeMillis() >= fromMillis
        && line.timeMillis() <= toMillis
        && (!failedOnly || line.failed())
        && messageType.map(line.messageType()::equals).orElse(true)
        && sender.map(line.sender()::equals).orElse(true);
  }
}
