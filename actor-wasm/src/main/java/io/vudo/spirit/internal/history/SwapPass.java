package io.vudo.spirit.internal.history;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Rehearsal;
import io.vudo.spirit.SwapCheck.CheckedSpirit;
import io.vudo.spirit.SwapCheck.Transfer;
import io.vudo.spirit.internal.turn.Configurations;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.TurnTexts;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Replays a history on the Spirit's own modules up to its last turns, takes the state of then over
 * to another module, and notes which of these turns end otherwise there. Then it sees whether the
 * state of now could go over.
 *
 * <p>The turns since the Spirit began, was swapped last, or was stopped are the most that it can
 * run: those before ran on yet another module, or their state is gone.
 */
final class SwapPass implements Pass<CheckedSpirit> {
  private final SpiritMachine own;
  private final SpiritMachine candidate;
  private final Deployment target;
  private final JournalHistory.SwapMover mover;
  private final int turns;

  /** The last turns, and what came between them; the machine of its own has not seen them yet. */
  private final Deque<SpiritEvent> window = new ArrayDeque<>();

  private int turnsInWindow;
  private final List<Rehearsal.Difference> differences = new ArrayList<>();
  private long differing;
  private long incomparable;

  /**
   * A pass.
   *
   * @param own fresh, for the history as it was; closed with this
   * @param candidate fresh, for the other module; closed with this
   * @param target the deployment of the other module
   * @param mover takes machines over
   * @param turns the most turns to run on it
   */
  SwapPass(
      SpiritMachine own,
      SpiritMachine candidate,
      Deployment target,
      JournalHistory.SwapMover mover,
      int turns) {
    this.own = own;
    this.candidate = candidate;
    this.target = target;
    this.mover = mover;
    this.turns = turns;
  }

  @Override
  public boolean take(SpiritEvent event) {
    switch (event.getEventCase()) {
      case TURN -> {
        window.add(event);
        turnsInWindow++;
        while (turnsInWindow > turns) {
          replayFirst();
        }
      }
      // The hash is that of another place now, and what waited is over.
      case MARKER, SUSPENDED -> {}
      case STOPPED, FORKED_PAGES, FORKED, SWAPPED -> {
        while (!window.isEmpty()) {
          replayFirst();
        }
        own.replay(event);
      }
      default -> window.add(event);
    }
    return true;
  }

  private void replayFirst() {
    SpiritEvent first = window.remove();
    turnsInWindow -= first.hasTurn() ? 1 : 0;
    own.replay(first);
  }

  @Override
  public CheckedSpirit result() {
    while (!window.isEmpty() && !window.peek().hasTurn()) {
      replayFirst();
    }
    if (runsTarget()) {
      return checked(Transfer.NOTHING, null, 0, 0);
    }
    long firstTurn = window.isEmpty() ? 0 : window.peek().getTurn().getNumber();
    long ran = 0;
    try {
      begin();
      for (SpiritEvent event : window) {
        if (event.hasTurn() && !SpiritMachine.isHosts(event.getTurn())) {
          rehearse(event.getTurn());
          ran++;
        }
        own.replay(event);
      }
      if (!own.born()) {
        return checked(Transfer.NOTHING, null, firstTurn, ran);
      }
      SpiritEvent moved = mover.move(own, target);
      return checked(
          moved.getSwapped().hasSaved() ? Transfer.LOAD : Transfer.KEEP, null, firstTurn, ran);
    } catch (VudoException failure) {
      if (isRefusal(failure.code())) {
        return checked(Transfer.REFUSED, failure.toError(), firstTurn, ran);
      }
      throw failure;
    }
  }

  static boolean isRefusal(ErrorCode code) {
    return code == ErrorCode.SWAP_INCOMPATIBLE || code == ErrorCode.SWAP_FAILED;
  }

  private boolean runsTarget() {
    return own.born()
        && own.configured()
            .map(Configured::getModuleDigest)
            .filter(target.digest().hex()::equals)
            .isPresent();
  }

  /** Puts the other module where the last turns begin. */
  private void begin() {
    if (own.born()) {
      own.state().copyEvents().forEach(candidate::replay);
      mover.move(candidate, target);
    } else {
      candidate.replay(SpiritEvent.newBuilder().setConfigured(Configurations.of(target)).build());
    }
  }

  private void rehearse(Turn recorded) {
    RehearsalPass.rehearsed(candidate, recorded)
        .ifPresentOrElse(
            now -> {
              if (RehearsalPass.isIncomparable(recorded, now)) {
                incomparable++;
              } else {
                TurnTexts.differenceOfOutcome(recorded, now)
                    .ifPresent(what -> differs(recorded, what));
              }
            },
            () -> differs(recorded, RehearsalPass.noLife(recorded)));
  }

  private void differs(Turn recorded, String what) {
    differing++;
    if (differences.size() < Rehearsal.MAX_DIFFERENCES) {
      differences.add(
          new Rehearsal.Difference(recorded.getNumber(), recorded.getInput().getType(), what));
    }
  }

  private CheckedSpirit checked(Transfer transfer, VudoError error, long firstTurn, long ran) {
    return new CheckedSpirit(
        own.id(),
        transfer,
        Optional.ofNullable(error),
        firstTurn,
        ran,
        differing,
        incomparable,
        differences);
  }

  @Override
  public void close() {
    candidate.close();
    own.close();
  }
}
