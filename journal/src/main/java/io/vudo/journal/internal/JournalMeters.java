package io.vudo.journal.internal;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Extension;

/**
 * What the plugins of an actor system count, and how the last commits went. The plugins are made by
 * Pekko, so the registry comes to them by way of this extension. Thread-safe.
 */
public final class JournalMeters implements Extension {
  private static final Id ID = new Id();

  private static final Duration[] LATENCIES = {
    Duration.ofNanos(250_000),
    Duration.ofNanos(500_000),
    Duration.ofMillis(1),
    Duration.ofNanos(2_500_000),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(250),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofMillis(2_500),
    Duration.ofSeconds(10)
  };

  private volatile Meters meters = new Meters(new CompositeMeterRegistry());

  private final Object lock = new Object();
  private int underWay;
  private long progressNanos = System.nanoTime();
  private long committedNanos;
  private boolean committed;
  private String failure = "";

  private JournalMeters() {}

  private static final class Id extends AbstractExtensionId<JournalMeters> {
    @Override
    public JournalMeters createExtension(ExtendedActorSystem system) {
      return new JournalMeters();
    }
  }

  /** Those of an actor system. */
  public static JournalMeters get(ClassicActorSystemProvider system) {
    return ID.get(system);
  }

  /** What is counted from now on is counted there. */
  public void bindTo(MeterRegistry registry) {
    meters = new Meters(registry);
  }

  // Told by the plugins

  /** A transaction begins. */
  void commitBegins() {
    synchronized (lock) {
      if (underWay++ == 0) {
        progressNanos = System.nanoTime();
      }
    }
  }

  /**
   * A transaction is over.
   *
   * @param nanos how long it took
   * @param entries of the journal that it had
   * @param bytes of these
   * @param failed why it failed; null when it is durable
   */
  void commitEnds(long nanos, int entries, long bytes, Throwable failed) {
    // That somebody else owns the position says nothing against the database.
    boolean broken = failed != null && !SqlFailures.isBrokenKey(failed);
    synchronized (lock) {
      long now = System.nanoTime();
      underWay--;
      progressNanos = now;
      if (failed == null) {
        committed = true;
        committedNanos = now;
        failure = "";
      } else if (broken) {
        failure = String.valueOf(failed.getMessage());
      }
    }
    Meters now = meters;
    if (failed == null) {
      now.commits.record(nanos, TimeUnit.NANOSECONDS);
      now.entries.record(entries);
      now.bytes.increment((double) bytes);
    } else {
      now.failedCommits.record(nanos, TimeUnit.NANOSECONDS);
    }
  }

  /** A write is durable. */
  void written(long nanos) {
    meters.writes.record(nanos, TimeUnit.NANOSECONDS);
  }

  /** Writes were refused, as their positions are somebody else's. */
  void fenced(int writes) {
    meters.fenced.increment(writes);
  }

  /** A snapshot was saved, or was not. */
  void snapshot(boolean full, long nanos, long bytes, Throwable failed) {
    Meters now = meters;
    (failed != null ? now.failedSnapshots : full ? now.fullSnapshots : now.deltaSnapshots)
        .record(nanos, TimeUnit.NANOSECONDS);
    if (failed == null) {
      (full ? now.fullSnapshotBytes : now.deltaSnapshotBytes).increment((double) bytes);
    }
  }

  // Asked by the node

  /** How long ago the last transaction was durable; empty when there was none yet. */
  public Optional<Duration> sinceCommit() {
    synchronized (lock) {
      return committed
          ? Optional.of(Duration.ofNanos(System.nanoTime() - committedNanos))
          : Optional.empty();
    }
  }

  /** Why the last transaction failed; empty when it did not. */
  public Optional<String> failure() {
    synchronized (lock) {
      return failure.isEmpty() ? Optional.empty() : Optional.of(failure);
    }
  }

  /** For how long transactions have been under way without any of them ending. */
  public Duration stalled() {
    synchronized (lock) {
      return underWay == 0 ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - progressNanos);
    }
  }

  /** The meters of one registry; docs/metrics.md says what they mean. */
  private static final class Meters {
    private final Timer commits;
    private final Timer failedCommits;
    private final Timer writes;
    private final DistributionSummary entries;
    private final Counter bytes;
    private final Counter fenced;
    private final Timer fullSnapshots;
    private final Timer deltaSnapshots;
    private final Timer failedSnapshots;
    private final Counter fullSnapshotBytes;
    private final Counter deltaSnapshotBytes;

    Meters(MeterRegistry registry) {
      commits = timer(registry, "vudo.journal.commit", "outcome", "committed");
      failedCommits = timer(registry, "vudo.journal.commit", "outcome", "failed");
      writes = timer(registry, "vudo.journal.write");
      entries =
          DistributionSummary.builder("vudo.journal.commit.entries")
              .description("Entries that share one commit")
              .serviceLevelObjectives(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
              .register(registry);
      bytes =
          Counter.builder("vudo.journal.written")
              .baseUnit("bytes")
              .description("Bytes of committed entries")
              .register(registry);
      fenced =
          Counter.builder("vudo.journal.fenced")
              .description("Writes refused because another node wrote at their position")
              .register(registry);
      fullSnapshots = timer(registry, "vudo.snapshot", "kind", "full", "outcome", "saved");
      deltaSnapshots = timer(registry, "vudo.snapshot", "kind", "delta", "outcome", "saved");
      failedSnapshots = timer(registry, "vudo.snapshot", "kind", "any", "outcome", "failed");
      fullSnapshotBytes = snapshotBytes(registry, "full");
      deltaSnapshotBytes = snapshotBytes(registry, "delta");
    }

    private static Timer timer(MeterRegistry registry, String name, String... labels) {
      return Timer.builder(name)
          .description(
              switch (name) {
                case "vudo.journal.commit" -> "One transaction of the journal";
                case "vudo.journal.write" -> "From handing a write over until it is durable";
                default -> "Saving one snapshot";
              })
          .tags(labels)
          .serviceLevelObjectives(LATENCIES)
          .register(registry);
    }

    private static Counter snapshotBytes(MeterRegistry registry, String kind) {
      return Counter.builder("vudo.snapshot.written")
          .baseUnit("bytes")
          .description("Bytes of saved snapshots, as they are stored")
          .tag("kind", kind)
          .register(registry);
    }
  }
}
