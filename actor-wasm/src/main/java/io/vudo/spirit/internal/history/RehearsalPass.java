package io.vudo.spirit.internal.history;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Rehearsal;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.TurnTexts;
import io.vudo.spirit.internal.turn.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Runs another module over the inputs of a history and notes which turns end otherwise. */
final class RehearsalPass implements Pass<Rehearsal> {
  private final SpiritMachine candidate;
  private final PrivateModule module;
  private final long lastTurn;
  private final HistorySpan span;
  private final List<Rehearsal.Difference> differences = new ArrayList<>();
  private long differing;
  private long incomparable;
  private long fuelNow;

  /**
   * A pass.
   *
   * @param candidate fresh, and runs {@code module}; it is closed with this
   * @param module closed with this
   * @param lastTurn to run; {@link StatePass#END} for all
   */
  RehearsalPass(SpiritMachine candidate, PrivateModule module, long lastTurn) {
    this.candidate = candidate;
    this.module = module;
    this.lastTurn = lastTurn;
    this.span = new HistorySpan(candidate.id());
  }

  @Override
  public boolean take(SpiritEvent event) {
    switch (event.getEventCase()) {
      case FORKED_PAGES, FORKED ->
          throw new VudoException(
              ErrorCode.REQUEST_INVALID,
              candidate.id()
                  + " is a fork: its history begins with a state of its own module."
                  + " Run the other module over the history of its origin.");
      case TURN -> {
        span.take(event);
        if (SpiritMachine.isHosts(event.getTurn())) {
          candidate.replay(event);
        } else {
          rehearse(event.getTurn());
        }
      }
      // Neither what was delivered, waited for or due, nor what the old state hashed to means
      // anything here.
      case ACKNOWLEDGED, DEAD_LETTERED, MARKER, SUSPENDED, TIMER_FIRED -> {}
      case SWAPPED -> {
        // The limits count, not which module it was.
        if (!event.getSwapped().hasFailed()) {
          candidate.replay(
              SpiritEvent.newBuilder().setConfigured(event.getSwapped().getConfigured()).build());
        }
      }
      default -> candidate.replay(event);
    }
    return span.lastTurn() < lastTurn;
  }

  private void rehearse(Turn recorded) {
    Optional<Turn> ran = rehearsed(candidate, recorded);
    if (ran.isEmpty()) {
      differs(recorded, noLife(recorded));
      return;
    }
    Turn now = ran.get();
    fuelNow += now.getFuelUsed();
    if (isIncomparable(recorded, now)) {
      incomparable++;
      return;
    }
    Optional<String> what = TurnTexts.differenceOfOutcome(recorded, now);
    what.ifPresent(text -> differs(recorded, text));
  }

  /** Runs a turn anew; empty when it is a birth and somebody lives, or none and nobody does. */
  static Optional<Turn> rehearsed(SpiritMachine candidate, Turn recorded) {
    return isBirth(recorded) == candidate.born() || wasHandled(candidate, recorded)
        ? Optional.empty()
        : Optional.of(candidate.rehearse(recorded));
  }

  /** Whether it is another attempt, and one before it did not fail with this module. */
  private static boolean wasHandled(SpiritMachine candidate, Turn recorded) {
    return recorded.getSupervised().getAttempt() > 1
        && candidate.judge(recorded.getInput()) == Verdict.DUPLICATE;
  }

  private static boolean isBirth(Turn recorded) {
    return recorded.getInput().getKind() == Message.Kind.SPAWN;
  }

  /** Why a turn could not be run. */
  static String noLife(Turn recorded) {
    return isBirth(recorded)
        ? "it is a second birth; with this module the one before did not fail"
        : recorded.getSupervised().getAttempt() > 1
            ? "it is another attempt at a message that nobody needs to handle any more"
            : "nobody lives to handle it; with this module the birth failed";
  }

  /** Whether the record is of a version that did not keep what this turn asked for. */
  static boolean isIncomparable(Turn recorded, Turn now) {
    return recorded.hasFailed() && recorded.getAnswersCount() == 0 && lacksAnswers(now);
  }

  /** A birth that fails for any reason has the code of failed births; the detail has the reason. */
  private static boolean lacksAnswers(Turn now) {
    String divergence = ErrorCode.REPLAY_DIVERGED.name();
    return now.hasFailed()
        && (now.getFailed().getCode().equals(divergence)
            || now.getFailed().getDetail().startsWith(divergence));
  }

  private void differs(Turn recorded, String what) {
    differing++;
    if (differences.size() < Rehearsal.MAX_DIFFERENCES) {
      differences.add(
          new Rehearsal.Difference(recorded.getNumber(), recorded.getInput().getType(), what));
    }
  }

  @Override
  public Rehearsal result() {
    if (lastTurn != StatePass.END && span.lastTurn() != lastTurn) {
      throw span.notFound(lastTurn);
    }
    return new Rehearsal(
        StatePass.summary(candidate.state(), span, module.digest()),
        span.turns(),
        differing,
        incomparable,
        List.copyOf(differences),
        span.fuelUsed(),
        fuelNow);
  }

  @Override
  public void close() {
    candidate.close();
    module.close();
  }
}
