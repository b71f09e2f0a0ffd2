package io.vudo.embedded;

import io.vudo.embedded.GhostPlan.Planned;
import io.vudo.embedded.internal.Waiters;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostResult;
import io.vudo.ghost.GhostResult.State;
import io.vudo.ghost.GhostResult.StepResult;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.GuestThread;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One call of a Ghost. Who finishes a step begins those that waited for it: one on the same thread,
 * the others on threads of the pool. So a pipeline never changes its thread.
 */
final class GhostRun {
  private static final AtomicLong NUMBERS = new AtomicLong();

  /** Without a bound: a step that waits for a thread could be the one that others wait for. */
  private static final ExecutorService THREADS =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE,
          10,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          task -> new GuestThread(task, "vudo-ghost-" + NUMBERS.incrementAndGet()));

  private final GhostPlan plan;
  private final Ghost ghost;
  private final long deadlineNanos;
  private final Waiters waiters = Waiters.withThisThread();

  // Guarded by this.
  private final Map<String, Object> values;
  private final Map<String, StepResult> results = new HashMap<>();
  private final Map<String, Set<String>> missing = new HashMap<>();
  private VudoException failure;
  private int running;

  GhostRun(GhostPlan plan, Map<String, Object> inputs, long deadlineNanos) {
    this.plan = plan;
    this.ghost = plan.ghost();
    this.values = new HashMap<>(inputs);
    this.deadlineNanos = deadlineNanos;
  }

  GhostResult run() {
    Queue<Planned> first = new ArrayDeque<>();
    synchronized (this) {
      for (Planned planned : plan.steps().values()) {
        if (planned.before().isEmpty()) {
          first.add(planned);
        } else {
          missing.put(planned.step().name(), new HashSet<>(planned.before()));
        }
      }
      running = first.size();
    }
    runHere(spread(first));
    return result();
  }

  /** Begins all but one on threads of their own; answers that one, or null when there is none. */
  private Planned spread(Queue<Planned> ready) {
    Planned here = ready.poll();
    for (Planned other : ready) {
      try {
        THREADS.execute(() -> waiters.run(() -> runHere(other)));
      } catch (RuntimeException | OutOfMemoryError e) {
        // No thread to be had: it has not begun.
        finished(other, failed(other.step(), internal(e)));
      }
    }
    return here;
  }

  private void runHere(Planned planned) {
    Planned next = planned;
    while (next != null) {
      next = spread(finished(next, call(next)));
    }
  }

  private StepResult call(Planned planned) {
    Step step = planned.step();
    Object[] arguments = arguments(planned);
    if (arguments == null) {
      return new StepResult(step, State.SKIPPED, null, Optional.empty());
    }
    long left = deadlineNanos - System.nanoTime();
    long own = step.timeout().map(Duration::toMillis).orElse(Long.MAX_VALUE);
    try {
      Object value = planned.call(Math.min(left, TimeUnit.MILLISECONDS.toNanos(own)), arguments);
      return new StepResult(step, State.DONE, value, Optional.empty());
    } catch (VudoException e) {
      return failed(step, e);
    } catch (RuntimeException | Error e) {
      return failed(step, internal(e));
    }
  }

  private static VudoException internal(Throwable cause) {
    return new VudoException(ErrorCode.INTERNAL_ERROR, cause.toString(), cause);
  }

  private static StepResult failed(Step step, VudoException cause) {
    return new StepResult(step, State.FAILED, null, Optional.of(cause));
  }

  /** What a step passes; null when it must not begin any more. */
  private synchronized Object[] arguments(Planned planned) {
    if (failure == null && isLate()) {
      failure = late(planned.step(), "would have begun", null);
    }
    if (failure != null) {
      return null;
    }
    return planned.arguments().stream()
        .map(
            argument ->
                argument instanceof Step.From from
                    ? values.get(from.name())
                    : ((Step.Constant) argument).value())
        .toArray();
  }

  private boolean isLate() {
    return deadlineNanos - System.nanoTime() <= 0;
  }

  private VudoException late(Step step, String what, VudoException cause) {
    return new VudoException(
        ErrorCode.GHOST_TIMEOUT,
        "Ghost "
            + ghost.name()
            + ": its "
            + ghost.timeout().toMillis()
            + " ms were over when "
            + step
            + " "
            + what
            + ".",
        cause);
  }

  /** Notes how a step ended; answers those that can begin now. */
  private synchronized Queue<Planned> finished(Planned planned, StepResult result) {
    Step step = planned.step();
    results.put(step.name(), result);
    Queue<Planned> ready = new ArrayDeque<>();
    if (result.state() == State.DONE) {
      values.put(step.name(), result.value());
      for (Map.Entry<String, Set<String>> entry : missing.entrySet()) {
        if (entry.getValue().remove(step.name()) && entry.getValue().isEmpty()) {
          ready.add(plan.steps().get(entry.getKey()));
        }
      }
    } else if (failure == null) {
      result.failure().ifPresent(cause -> failure = whole(step, cause));
    }
    running += ready.size() - 1;
    if (running == 0) {
      notifyAll();
    }
    return ready;
  }

  private VudoException whole(Step step, VudoException cause) {
    return cause.code() == ErrorCode.TURN_TIMEOUT && isLate()
        ? late(step, "ran", cause)
        : GhostPlan.inStep(ghost, step, cause);
  }

  private synchronized GhostResult result() {
    boolean interrupted = false;
    while (running > 0) {
      try {
        wait();
      } catch (InterruptedException e) {
        // As in a call of one Spirit: each step ends by its time.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    List<StepResult> all = new ArrayList<>();
    for (Step step : ghost.steps()) {
      StepResult known = results.get(step.name());
      all.add(known == null ? new StepResult(step, State.SKIPPED, null, Optional.empty()) : known);
    }
    return new GhostResult(ghost, all, failure);
  }
}
