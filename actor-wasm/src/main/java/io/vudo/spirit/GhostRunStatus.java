package io.vudo.spirit;

import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostValue;
import io.vudo.ghost.Step;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How a run of a Ghost is, or was at its end. Immutable.
 *
 * @param run its name
 * @param ghost what it runs
 * @param begun when it was begun
 * @param ended when it ended; empty while it runs
 * @param failure why it failed, if it did: the first step that failed, or {@code GHOST_TIMEOUT}
 * @param steps all steps, in the order of the declaration
 */
public record GhostRunStatus(
    String run,
    Ghost ghost,
    Instant begun,
    Optional<Instant> ended,
    Optional<VudoError> failure,
    List<StepStatus> steps) {

  /** Copies the list. */
  public GhostRunStatus {
    steps = List.copyOf(steps);
  }

  /** Where a step is. */
  public enum State {
    /** It has not begun. */
    WAITING,
    /** It was sent, or is about to be. */
    RUNNING,
    /** It has its result. */
    DONE,
    /** It failed. */
    FAILED,
    /** It will not begin any more. */
    SKIPPED
  }

  /**
   * A step.
   *
   * @param step which one
   * @param spirit whom it asks
   * @param state where it is
   * @param begun when it began
   * @param ended when it ended
   * @param value its result, when it is done
   * @param failure why it failed, if it did
   */
  public record StepStatus(
      Step step,
      SpiritId spirit,
      State state,
      Optional<Instant> begun,
      Optional<Instant> ended,
      Optional<GhostValue> value,
      Optional<VudoError> failure) {}

  /** Whether it has ended. */
  public boolean isOver() {
    return ended.isPresent();
  }
}
