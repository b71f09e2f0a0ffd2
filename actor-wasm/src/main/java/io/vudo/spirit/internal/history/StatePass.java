package io.vudo.spirit.internal.history;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.TableRow;
import io.vudo.spirit.StateSummary;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.SpiritState;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedSet;

/** Replays a history and keeps the states after some of its turns. */
final class StatePass implements Pass<Map<Long, StatePass.Kept>> {
  /** Stands for the end of the history, whatever turn that is. */
  static final long END = Long.MAX_VALUE;

  /**
   * A state that was kept.
   *
   * @param state all of it
   * @param summary in short
   */
  record Kept(SpiritState state, StateSummary summary) {}

  private final SpiritMachine machine;
  private final SortedSet<Long> wanted;
  private final HistorySpan span;
  private final Map<Long, Kept> kept = new HashMap<>();
  private boolean missed;

  /**
   * A pass.
   *
   * @param machine fresh; it is closed with this
   * @param wanted numbers of turns, or {@link #END}
   */
  StatePass(SpiritMachine machine, SortedSet<Long> wanted) {
    this.machine = machine;
    this.wanted = wanted;
    this.span = new HistorySpan(machine.id());
  }

  @Override
  public boolean take(SpiritEvent event) {
    if (missed) {
      span.take(event);
      return true;
    }
    machine.replay(event);
    if (span.take(event)) {
      if (wanted.contains(span.lastTurn())) {
        kept.put(span.lastTurn(), keep());
      }
      // The history begins later than that; the rest is read only to tell what there is.
      missed = !kept.keySet().containsAll(wanted.headSet(span.lastTurn() + 1));
    }
    return missed || span.lastTurn() < wanted.last();
  }

  @Override
  public Map<Long, Kept> result() {
    for (long turn : wanted) {
      if (turn == END) {
        kept.put(END, keep());
      } else if (!kept.containsKey(turn)) {
        throw span.notFound(turn);
      }
    }
    return kept;
  }

  private Kept keep() {
    SpiritState state = machine.state();
    return new Kept(state, summary(state, span, state.header().getConfigured().getModuleDigest()));
  }

  static StateSummary summary(SpiritState state, HistorySpan span, String digest) {
    SpiritHeader header = state.header();
    SpiritId id = state.id();
    return new StateSummary(
        id,
        header.getLastTurn(),
        header.getBorn(),
        header.getLife(),
        digest,
        header.getConfigured().getEngine(),
        state.memoryBytes(),
        state.pages().size(),
        header.getGlobalsCount(),
        header.getTablesList().stream().mapToInt(TableRow::getFunctionsCount).sum(),
        HexFormat.of().formatHex(header.getStateHash().toByteArray()),
        span.turns(),
        span.failedTurns(),
        span.fuelUsed());
  }

  @Override
  public void close() {
    machine.close();
  }
}
