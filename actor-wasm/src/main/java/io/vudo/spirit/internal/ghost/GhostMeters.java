package io.vudo.spirit.internal.ghost;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vudo.protocol.journal.v1.GhostEvent;
import io.vudo.protocol.journal.v1.GhostOver;
import io.vudo.protocol.journal.v1.GhostStepEnded;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the runs of Ghosts on a node do, in the meters of docs/metrics.md. Never by Ghost, member or
 * run, as callers name those. Thread-safe, without locks.
 */
final class GhostMeters {
  /** A run is several messages, and may wait for hours. */
  private static final Duration[] RUNS = {
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(10),
    Duration.ofMinutes(1),
    Duration.ofMinutes(10),
    Duration.ofHours(1)
  };

  private static final String OUTCOME = "outcome";
  private static final String DONE = "done";
  private static final String FAILED = "failed";

  private final Counter begun;
  private final Timer runsDone;
  private final Timer runsFailed;
  private final Counter stepsDone;
  private final Counter stepsFailed;

  /**
   * @param running how many have begun and are not over, on this node
   */
  GhostMeters(MeterRegistry registry, AtomicInteger running) {
    begun =
        Counter.builder("vudo.ghost.runs.begun")
            .description("Runs of Ghosts that began on this node")
            .register(registry);
    runsDone = runs(registry, DONE);
    runsFailed = runs(registry, FAILED);
    stepsDone = steps(registry, DONE);
    stepsFailed = steps(registry, FAILED);
    Gauge.builder("vudo.ghost.runs.active", running, AtomicInteger::get)
        .description("Runs of Ghosts on this node that are not over")
        .register(registry);
  }

  private static Timer runs(MeterRegistry registry, String outcome) {
    return Timer.builder("vudo.ghost.run")
        .description("From the beginning of a Ghost's run to its end")
        .tag(OUTCOME, outcome)
        .serviceLevelObjectives(RUNS)
        .register(registry);
  }

  private static Counter steps(MeterRegistry registry, String outcome) {
    return Counter.builder("vudo.ghost.steps")
        .description("Steps of Ghosts that ended on this node")
        .tag(OUTCOME, outcome)
        .register(registry);
  }

  /**
   * This has become durable.
   *
   * @param begunMillis when the run began, by the clock of the node where it did
   */
  void happened(GhostEvent event, long begunMillis) {
    if (event.hasBegun()) {
      begun.increment();
    }
    for (GhostStepEnded step : event.getEndedList()) {
      (step.getCode().isEmpty() ? stepsDone : stepsFailed).increment();
    }
    if (event.hasOver()) {
      GhostOver over = event.getOver();
      // Another node's clock may be ahead.
      long tookMillis = Math.max(0, over.getTimeMillis() - begunMillis);
      (over.getCode().isEmpty() ? runsDone : runsFailed).record(tookMillis, TimeUnit.MILLISECONDS);
    }
  }
}
