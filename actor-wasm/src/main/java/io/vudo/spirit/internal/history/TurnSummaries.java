package io.vudo.spirit.internal.history;

import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Forked;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Stopped;
import io.vudo.protocol.journal.v1.Swapped;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.TurnSummary;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Makes lines of a history out of events, in their order. Not thread-safe. */
final class TurnSummaries {
  private long lastTurn;

  /** The line of an event; empty for one that tells a reader nothing. */
  Optional<TurnSummary> of(SpiritEvent event) {
    return switch (event.getEventCase()) {
      case TURN -> {
        lastTurn = event.getTurn().getNumber();
        yield Optional.of(of(event.getTurn()));
      }
      case STOPPED -> Optional.of(of(event.getStopped()));
      case FORKED -> {
        lastTurn = event.getForked().getTurn();
        yield Optional.of(of(event.getForked()));
      }
      case SWAPPED -> Optional.of(of(event.getSwapped()));
      default -> Optional.empty();
    };
  }

  private static TurnSummary of(Turn turn) {
    Message input = turn.getInput();
    return new TurnSummary(
        kind(input),
        turn.getNumber(),
        turn.getTimeMillis(),
        input.getSender(),
        input.getId(),
        input.getType(),
        input.getPayload().size(),
        turn.getFuelUsed(),
        effects(turn),
        turn.getCompleted().hasReply() ? turn.getCompleted().getReply().size() : -1,
        turn.getFailed().getCode(),
        turn.getFailed().getDetail(),
        Math.max(1, turn.getSupervised().getAttempt()),
        consequence(turn));
  }

  private static TurnSummary.Kind kind(Message input) {
    return switch (input.getKind()) {
      case SPAWN -> TurnSummary.Kind.SPAWN;
      case RESTART -> TurnSummary.Kind.RESTART;
      case MONITOR -> TurnSummary.Kind.MONITOR;
      case DEMONITOR -> TurnSummary.Kind.DEMONITOR;
      case LINK -> TurnSummary.Kind.LINK;
      case UNLINK -> TurnSummary.Kind.UNLINK;
      case EXIT -> TurnSummary.Kind.EXIT;
      default -> TurnSummary.Kind.MESSAGE;
    };
  }

  private static TurnSummary.Consequence consequence(Turn turn) {
    if (turn.getSupervised().getHalted()) {
      return TurnSummary.Consequence.HALT;
    } else if (turn.getSupervised().getRetryAtMillis() > 0) {
      return TurnSummary.Consequence.RETRY;
    }
    return turn.getEffectsList().stream().anyMatch(Effect::hasDeadLetter)
        ? TurnSummary.Consequence.DEAD_LETTER
        : TurnSummary.Consequence.NONE;
  }

  private static Map<String, Integer> effects(Turn turn) {
    Map<String, Integer> counts = new TreeMap<>();
    turn.getEffectsList().forEach(effect -> counts.merge(kind(effect), 1, Integer::sum));
    return Collections.unmodifiableMap(counts);
  }

  private static String kind(Effect effect) {
    return switch (effect.getEffectCase()) {
      case SEND ->
          switch (effect.getSend().getMessage().getKind()) {
            case SPAWN -> "spawn";
            case STOP -> "stop";
            case MONITOR -> "monitor";
            case DEMONITOR -> "demonitor";
            case LINK -> "link";
            case UNLINK -> "unlink";
            case EXIT -> "exit";
            case DOWN -> "down";
            default -> "send";
          };
      case TUPLE_WRITE -> "write";
      case CONFIRM_TAKE -> "take";
      case LEASE_RENEWAL -> "renew";
      case LEASE_END -> "end-lease";
      case TUPLE_WATCH -> "watch";
      case TUPLE_UNWATCH -> "unwatch";
      case DEAD_LETTER -> "letter";
      case START_TIMER -> "timer";
      case CANCEL_TIMER -> "cancel";
      case STORAGE_PUT -> "put";
      case STORAGE_DELETE -> "delete";
      case EFFECT_NOT_SET -> "unknown";
    };
  }

  private TurnSummary of(Stopped stopped) {
    Message input = stopped.getInput();
    return new TurnSummary(
        TurnSummary.Kind.STOP,
        lastTurn,
        stopped.getTimeMillis(),
        input.getSender(),
        input.getId(),
        input.getType(),
        input.getPayload().size(),
        0,
        Map.of(),
        -1,
        "",
        "",
        1,
        TurnSummary.Consequence.NONE);
  }

  private static TurnSummary of(Swapped swapped) {
    return new TurnSummary(
        TurnSummary.Kind.SWAP,
        swapped.getTurn(),
        swapped.getTimeMillis(),
        "",
        swapped.getConfigured().getModuleDigest(),
        "",
        swapped.getSaved().size(),
        swapped.getFuelUsed(),
        Map.of(),
        -1,
        swapped.getFailed().getCode(),
        swapped.getFailed().getDetail(),
        1,
        TurnSummary.Consequence.NONE);
  }

  private static TurnSummary of(Forked forked) {
    return new TurnSummary(
        TurnSummary.Kind.FORK,
        forked.getTurn(),
        forked.getTimeMillis(),
        forked.getOrigin(),
        "",
        "",
        0,
        0,
        Map.of(),
        -1,
        "",
        "",
        1,
        TurnSummary.Consequence.NONE);
  }
}
