package io.vudo.embedded;

import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostResult;
import io.vudo.ghost.Step;
import io.vudo.protocol.VudoException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A {@link Ghost} over the Spirits of a {@link Seance}, each member the Spirit of its name:
 *
 * <pre>{@code
 * BoundGhost price = seance.bind(Ghost.load(Path.of("price.toml")));
 * Object total = price.call(3);
 * }</pre>
 *
 * <p>What fits and what does not was found when it was bound. Members are looked up in each call,
 * so that one which was summoned again takes part as it is now; when it has other functions, it is
 * checked again.
 *
 * <p><b>Threads.</b> Thread-safe; several calls run side by side, as far as they do not wait for
 * the same Spirits. A pipeline runs on the caller's thread. Steps that run side by side have a
 * thread each, all but one of them {@link io.vudo.spirit.GuestThread}s that are kept for some
 * seconds. A call returns when no step of it runs any more.
 *
 * <p><b>Time.</b> The Ghost's time and that of each step end the calls that they are for: waiting
 * for other calls of a Spirit harms nobody, but a Spirit whose code runs when its time is up is
 * over, as after any {@code TURN_TIMEOUT}.
 */
public final class BoundGhost {
  private final Ghost ghost;
  private final Seance seance;
  private volatile GhostPlan plan;

  BoundGhost(Ghost ghost, Seance seance) {
    this.ghost = ghost;
    this.seance = seance;
    this.plan = GhostPlan.of(ghost, members());
  }

  /** What it runs. */
  public Ghost ghost() {
    return ghost;
  }

  private Map<String, Spirit> members() {
    Map<String, Spirit> members = new LinkedHashMap<>();
    for (Step step : ghost.steps()) {
      if (!members.containsKey(step.member())) {
        members.put(step.member(), member(step));
      }
    }
    return members;
  }

  private Spirit member(Step step) {
    try {
      return seance.spirit(step.member());
    } catch (VudoException e) {
      throw GhostPlan.inStep(ghost, step, e);
    }
  }

  /**
   * Runs it and answers its output.
   *
   * @param inputs one value for each input, which may be narrower than its type
   * @return as {@link GhostResult#value}
   * @throws VudoException as {@link #run}; as {@link GhostResult#value}
   */
  public Object call(Object... inputs) {
    return run(inputs).value();
  }

  /**
   * Runs it and answers how it went, whether or not a step failed.
   *
   * @throws VudoException {@code ARGUMENT_INVALID} for inputs that do not fit; {@code NOT_SUMMONED}
   *     and {@code SPIRIT_CLOSED} when a member has left or the Séance is over; as {@link
   *     Seance#bind} when a member is another one now. Then no step has begun.
   */
  public GhostResult run(Object... inputs) {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ghost.timeout().toMillis());
    Map<String, Object> values = ghost.accept(inputs);
    Map<String, Spirit> members = members();
    GhostPlan current = plan;
    if (!current.isOf(members)) {
      current = GhostPlan.of(ghost, members);
      plan = current;
    }
    return new GhostRun(current, values, deadline).run();
  }
}
