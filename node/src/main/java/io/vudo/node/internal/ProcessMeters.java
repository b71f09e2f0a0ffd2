package io.vudo.node.internal;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vudo.protocol.ErrorCode;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Counts calls by dotted names, and what becomes of the files of the directory of scripts, in the
 * meters of docs/metrics.md. A name is never a label, as callers write it: what is registered and
 * answers to it is one, of the first {@value #MOST_OWNERS}. Thread-safe.
 */
final class ProcessMeters {
  /** Scripts, all together. */
  static final String SCRIPT = "script";

  /** All other Spirits together. */
  static final String SPIRIT = "spirit";

  /** Nothing answers to the name. */
  static final String UNKNOWN = "unknown";

  private static final String OTHER = "other";
  private static final int MOST_OWNERS = 100;

  private static final Duration[] LATENCIES = {
    Duration.ofMillis(1),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(10),
    Duration.ofSeconds(60)
  };

  private static final int FAILED_TURN = 422;

  /** How a call ended. */
  private enum Outcome {
    REPLIED,
    FAILED,
    REFUSED,
    TIMEOUT,
    CANCELLED;

    private static Outcome of(Throwable failure) {
      if (failure == null) {
        return REPLIED;
      }
      ErrorCode code = Failures.typed(failure).code();
      return switch (code) {
        case ASK_TIMEOUT -> TIMEOUT;
        case CALL_CANCELLED -> CANCELLED;
        case INTERNAL_ERROR -> FAILED;
        default -> code.httpStatus() == FAILED_TURN ? FAILED : REFUSED;
      };
    }

    private String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final MeterRegistry registry;
  private final Map<Outcome, Timer> times = new EnumMap<>(Outcome.class);
  private final Map<String, Map<Outcome, Counter>> owners = new ConcurrentHashMap<>();
  private final Counter loaded;
  private final Counter replaced;
  private final Counter failed;

  ProcessMeters(MeterRegistry registry) {
    this.registry = registry;
    for (Outcome outcome : Outcome.values()) {
      times.put(
          outcome,
          Timer.builder("vudo.process.call")
              .description("Calls by name, until their end")
              .tag("outcome", outcome.label())
              .serviceLevelObjectives(LATENCIES)
              .register(registry));
    }
    // Not among those that are bounded.
    for (String always : Arrays.asList(SCRIPT, SPIRIT, UNKNOWN, OTHER)) {
      owners.put(always, counters(always));
    }
    loaded = scripts("loaded");
    replaced = scripts("replaced");
    failed = scripts("failed");
  }

  private Counter scripts(String result) {
    return Counter.builder("vudo.script.loads")
        .description("Files of the directory of scripts that came or changed")
        .tag("result", result)
        .register(registry);
  }

  private Map<Outcome, Counter> counters(String owner) {
    Map<Outcome, Counter> counters = new EnumMap<>(Outcome.class);
    for (Outcome outcome : Outcome.values()) {
      counters.put(
          outcome,
          Counter.builder("vudo.process.calls")
              .description("Calls by name")
              .tag("owner", owner)
              .tag("outcome", outcome.label())
              .register(registry));
    }
    return counters;
  }

  private Map<Outcome, Counter> owner(String name) {
    Map<Outcome, Counter> known = owners.get(name);
    if (known != null) {
      return known;
    }
    // The four that are always there; two at once may exceed the bound by one.
    return owners.size() < MOST_OWNERS + 4
        ? owners.computeIfAbsent(name, this::counters)
        : owners.get(OTHER);
  }

  /**
   * A call is over.
   *
   * @param owner what is registered, and answered; or one of the constants
   * @param failure null for none
   */
  void ended(String owner, Throwable failure, long nanos) {
    Outcome outcome = Outcome.of(failure);
    owner(owner).get(outcome).increment();
    times.get(outcome).record(nanos, TimeUnit.NANOSECONDS);
  }

  /** Counts a call, from now until it is answered. */
  <T> CompletionStage<T> counted(String owner, Supplier<CompletionStage<T>> call) {
    long startNanos = System.nanoTime();
    return call.get()
        .whenComplete((result, failure) -> ended(owner, failure, System.nanoTime() - startNanos));
  }

  /** A file was taken that was new to this node, or holds what is deployed already. */
  void scriptLoaded() {
    loaded.increment();
  }

  /** What a file holds now was swapped in, under all Spirits of the type. */
  void scriptReplaced() {
    replaced.increment();
  }

  /** A file was not taken, or not by all Spirits of the type. */
  void scriptFailed() {
    failed.increment();
  }
}
