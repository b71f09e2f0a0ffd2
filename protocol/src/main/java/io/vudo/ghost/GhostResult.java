package io.vudo.ghost;

import io.vudo.protocol.VudoException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * How a call of a {@link Ghost} ended, as a whole and step by step. Immutable as far as its values
 * are; thread-safe.
 */
public final class GhostResult {

  /** How a step ended. */
  public enum State {
    /** It has a result. */
    DONE,
    /** Its call failed. */
    FAILED,
    /** It did not begin, because another step had failed or the time was up. */
    SKIPPED
  }

  /**
   * A step.
   *
   * @param step which one
   * @param state how it ended
   * @param value its result when it is done; null when its function answers nothing
   * @param failure why it failed, if it did, as a call of its member alone would have thrown it
   */
  public record StepResult(Step step, State state, Object value, Optional<VudoException> failure) {}

  private final Ghost ghost;
  private final Map<String, StepResult> steps;
  private final VudoException failure;

  /**
   * Made by who runs Ghosts.
   *
   * @param ghost that was called
   * @param steps all of its steps, in the order in which they were declared
   * @param failure why the whole failed; null when it did not
   */
  public GhostResult(Ghost ghost, List<StepResult> steps, VudoException failure) {
    this.ghost = Objects.requireNonNull(ghost);
    Map<String, StepResult> byName = new LinkedHashMap<>();
    steps.forEach(step -> byName.put(step.step().name(), step));
    this.steps = Collections.unmodifiableMap(byName);
    this.failure = failure;
  }

  /** Why it failed, if it did: the first step that failed, or {@code GHOST_TIMEOUT}. */
  public Optional<VudoException> failure() {
    return Optional.ofNullable(failure);
  }

  /** All steps by their names, in the order in which they were declared. */
  public Map<String, StepResult> steps() {
    return steps;
  }

  /**
   * The result of the step that is the output; a map by their names when there are several.
   *
   * @throws VudoException the {@link #failure}, with the code of the step that failed first; its
   *     detail names the step, its member and the function
   */
  public Object value() {
    if (failure != null) {
      throw failure;
    }
    List<String> outputs = ghost.outputs();
    if (outputs.size() == 1) {
      return steps.get(outputs.get(0)).value();
    }
    Map<String, Object> values = new LinkedHashMap<>();
    outputs.forEach(output -> values.put(output, steps.get(output).value()));
    return Collections.unmodifiableMap(values);
  }
}
