package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.HistoryQuery;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads what part of a history is wanted out of query parameters. */
final class HistoryParameters {
  static final Set<String> NAMES =
      Set.of("type", "sender", "failed", "from", "to", "limit", "follow");

  /** What stands for all senders that are no Spirits. */
  private static final String OUTSIDE = "-";

  private static final int MAX_LIMIT = 100_000;

  private HistoryParameters() {}

  static HistoryQuery read(Map<String, List<String>> values) {
    Parameters parameters = new Parameters(values);
    long fromTurn = HistoryQuery.ALL.fromTurn();
    long toTurn = HistoryQuery.ALL.toTurn();
    long fromMillis = HistoryQuery.ALL.fromMillis();
    long toMillis = HistoryQuery.ALL.toMillis();
    Optional<String> from = parameters.text("from");
    if (from.isPresent()) {
      if (isNumber(from.get())) {
        fromTurn = parameters.number("from").orElseThrow();
      } else {
        fromMillis = time("from", from.get());
      }
    }
    Optional<String> to = parameters.text("to");
    if (to.isPresent()) {
      if (isNumber(to.get())) {
        toTurn = parameters.number("to").orElseThrow();
      } else {
        toMillis = time("to", to.get());
      }
    }
    return new HistoryQuery(
        parameters.text("type"),
        parameters.text("sender").map(HistoryParameters::sender),
        parameters.bool("failed").orElse(false),
        fromTurn,
        toTurn,
        fromMillis,
        toMillis,
        parameters.number("limit").map(HistoryParameters::limit).orElse(0),
        parameters.bool("follow").orElse(false));
  }

  private static String sender(String text) {
    return text.equals(OUTSIDE) ? "" : SpiritId.parse(text).toString();
  }

  private static int limit(long limit) {
    if (limit < 1 || limit > MAX_LIMIT) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The parameter \"limit\" takes 1 to " + MAX_LIMIT + "; got " + limit + ".");
    }
    return (int) limit;
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  /** A point in time, with its zone. */
  private static long time(String name, String text) {
    try {
      return OffsetDateTime.parse(text).toInstant().toEpochMilli();
    } catch (DateTimeException | ArithmeticException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The parameter \""
              + name
              + "\" takes the number of a turn, or a time such as "
              + Instant.ofEpochSecond(1_800_000_000)
              + "; got \""
              + text
              + "\".",
          e);
    }
  }
}
