package io.vudo.tuplespace.internal;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the partitions on this node do, in the meters of docs/metrics.md. By kind of operation and
 * never by space, as there may be any number of spaces. Thread-safe, without locks.
 */
public final class SpaceMeters {
  private enum Outcome {
    /** Something was found or done. */
    DONE,
    /** Nothing matched. */
    NOTHING,
    /** It waits for a tuple, or for others. */
    WAITS,
    REFUSED
  }

  private final Map<Class<?>, Map<Outcome, Counter>> operations = new HashMap<>();
  private final LongAdder partitions = new LongAdder();
  private final LongAdder tuples = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder waiters = new LongAdder();

  public SpaceMeters(MeterRegistry registry) {
    register(SpaceCommand.Request.class, registry);
    gauge(registry, "vudo.tuplespace.partitions", "Partitions of spaces on this node", partitions);
    gauge(registry, "vudo.tuplespace.tuples", "Tuples that can be seen, on this node", tuples);
    gauge(registry, "vudo.tuplespace.stored.bytes", "Bytes of the tuples on this node", bytes);
    gauge(registry, "vudo.tuplespace.waiters", "Who waits for a tuple, on this node", waiters);
  }

  private static void gauge(
      MeterRegistry registry, String name, String description, LongAdder value) {
    Gauge.builder(name, value, LongAdder::sum).description(description).register(registry);
  }

  private void register(Class<?> kind, MeterRegistry registry) {
    if (kind.isSealed()) {
      for (Class<?> one : kind.getPermittedSubclasses()) {
        register(one, registry);
      }
      return;
    }
    String operation =
        kind.getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
    Map<Outcome, Counter> counters = new EnumMap<>(Outcome.class);
    for (Outcome outcome : Outcome.values()) {
      counters.put(
          outcome,
          Counter.builder("vudo.tuplespace.operations")
              .description("Operations of partitions on this node")
              .tag("operation", operation)
              .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
              .register(registry));
    }
    operations.put(kind, counters);
  }

  /**
   * A partition has looked at a request.
   *
   * @param reply empty when it is answered later, or never
   */
  void handled(SpaceCommand.Request request, Optional<SpaceReply> reply) {
    Outcome outcome;
    if (reply.isEmpty()) {
      outcome = Outcome.WAITS;
    } else if (reply.get() instanceof SpaceReply.Refused) {
      outcome = Outcome.REFUSED;
    } else if (reply.get() instanceof SpaceReply.NotFound
        || (reply.get() instanceof SpaceReply.FoundAll found && found.tuples().isEmpty())) {
      outcome = Outcome.NOTHING;
    } else {
      outcome = Outcome.DONE;
    }
    count(request, outcome);
  }

  /** A request came no further than the queue. */
  void refused(SpaceCommand.Request request) {
    count(request, Outcome.REFUSED);
  }

  private void count(SpaceCommand.Request request, Outcome outcome) {
    operations.get(request.getClass()).get(outcome).increment();
  }

  /** For one partition that comes to this node. */
  Contents contents() {
    return new Contents();
  }

  /** What a partition has in it. Told by its log, and after the log's end by its front. */
  final class Contents {
    private boolean here;
    private long tuplesHere;
    private long bytesHere;
    private long waitersHere;

    private Contents() {}

    /** That is what it has now. */
    void are(long tuplesNow, long bytesNow, long waitersNow) {
      if (!here) {
        here = true;
        partitions.increment();
      }
      tuples.add(tuplesNow - tuplesHere);
      bytes.add(bytesNow - bytesHere);
      waiters.add(waitersNow - waitersHere);
      tuplesHere = tuplesNow;
      bytesHere = bytesNow;
      waitersHere = waitersNow;
    }

    /** It is not on this node any more. */
    void leave() {
      if (here) {
        are(0, 0, 0);
        here = false;
        partitions.decrement();
      }
    }
  }
}
