package io.vudo.journal;

import io.micrometer.core.instrument.MeterRegistry;
import io.vudo.journal.internal.JournalMeters;
import java.time.Duration;
import java.util.Optional;
import org.apache.pekko.actor.ClassicActorSystemProvider;

/**
 * How the journal of an actor system does: its meters, and whether its commits go on.
 *
 * <pre>{@code
 * JournalMetrics.get(system).bindTo(registry);   // before anything is persisted
 * }</pre>
 *
 * <p>Covers the plugins {@link Journal#TURNS} and {@link Journal#SNAPSHOTS}. The names of the
 * meters are in docs/metrics.md. Thread-safe.
 */
public final class JournalMetrics {
  private final JournalMeters meters;

  private JournalMetrics(JournalMeters meters) {
    this.meters = meters;
  }

  /**
   * Those of an actor system; each has its own.
   *
   * @param system typed or classic
   */
  public static JournalMetrics get(ClassicActorSystemProvider system) {
    return new JournalMetrics(JournalMeters.get(system));
  }

  /** Counts in this registry what happens from now on. Without it nothing is counted. */
  public void bindTo(MeterRegistry registry) {
    meters.bindTo(registry);
  }

  /** How long ago a transaction was durable; empty when none was yet. */
  public Optional<Duration> sinceCommit() {
    return meters.sinceCommit();
  }

  /**
   * Why the last transaction failed; empty when it was durable, or there was none. A write that was
   * fenced is no failure: the database did what it should.
   */
  public Optional<String> failure() {
    return meters.failure();
  }

  /**
   * For how long transactions have been under way without one of them ending, well or badly; zero
   * when none is.
   */
  public Duration stalled() {
    return meters.stalled();
  }
}
