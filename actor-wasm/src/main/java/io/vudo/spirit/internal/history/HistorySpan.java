package io.vudo.spirit.internal.history;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.SpiritEvent;

/** Which turns a history has had so far, and what they cost. Not thread-safe. */
final class HistorySpan {
  private final SpiritId id;
  private long firstTurn = 1;
  private long lastTurn;
  private String origin = "";
  private long turns;
  private long failedTurns;
  private long fuelUsed;

  HistorySpan(SpiritId id) {
    this.id = id;
  }

  /** Notes an event; answers whether a turn ended, or a fork began, with it. */
  boolean take(SpiritEvent event) {
    switch (event.getEventCase()) {
      case TURN -> {
        lastTurn = event.getTurn().getNumber();
        turns++;
        failedTurns += event.getTurn().hasFailed() ? 1 : 0;
        fuelUsed += event.getTurn().getFuelUsed();
        return true;
      }
      case FORKED -> {
        origin = event.getForked().getOrigin();
        lastTurn = event.getForked().getTurn();
        firstTurn = lastTurn;
        return true;
      }
      default -> {
        return false;
      }
    }
  }

  long lastTurn() {
    return lastTurn;
  }

  long turns() {
    return turns;
  }

  long failedTurns() {
    return failedTurns;
  }

  long fuelUsed() {
    return fuelUsed;
  }

  /** What to answer who wanted another turn than those. */
  VudoException notFound(long wanted) {
    return new VudoException(
        ErrorCode.TURN_NOT_FOUND,
        "Got "
            + wanted
            + "; "
            + id
            + (lastTurn == 0 ? " has no turns" : " has turns " + firstTurn + " to " + lastTurn)
            + (origin.isEmpty() ? "." : "; before that it was " + origin + "."));
  }
}
