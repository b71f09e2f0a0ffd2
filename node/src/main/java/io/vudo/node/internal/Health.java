package io.vudo.node.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.Config;
import io.vudo.journal.Journal;
import io.vudo.journal.JournalMetrics;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Relocations;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * Whether the node lives, and whether requests should come to it: part by part, with the reason
 * where one is not as it should be.
 *
 * <p>It looks once a second, and answers from what it saw, so that being asked costs nothing and
 * never waits. Thread-safe.
 */
final class Health implements AutoCloseable {
  private static final Duration TICK = Duration.ofSeconds(1);
  private static final Duration HOST_TIMEOUT = Duration.ofSeconds(5);
  private static final long RETRY_NANOS = Duration.ofSeconds(2).toNanos();

  /** What is looked at. */
  enum Part {
    /** Actors run: what was scheduled gets a thread. */
    ACTORS(true),
    /** Transactions that began do end. */
    COMMITS(true),
    /** The node has started, and is not stopping. */
    NODE(false),
    /** It is an Up member. */
    CLUSTER(false),
    /** It knows what is deployed. */
    DEPLOYMENTS(false),
    /** What was deployed when it started is compiled, or took too long. */
    MODULES(false),
    /** The journal takes writes. */
    JOURNAL(false),
    /** It takes Spirits: it is not drained, and their host answers. */
    SPIRITS(false);

    private final boolean vital;

    Part(boolean vital) {
      this.vital = vital;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Whether a process in which it fails should be started anew; otherwise it may recover. */
    boolean isVital() {
      return vital;
    }
  }

  private final JournalMetrics commits;
  private final Journal journal;
  private final long actorsPatienceNanos;
  private final Duration commitPatience;
  private final Duration probeInterval;
  private final Duration probePatience;
  private final Map<Part, Supplier<Optional<String>>> checks = new ConcurrentHashMap<>();

  private final ExecutorService prober =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread thread = new Thread(work, "vudo-journal-probe");
            thread.setDaemon(true);
            return thread;
          });

  private volatile long beatNanos = System.nanoTime();
  private volatile boolean closed;
  private volatile boolean probing;
  private volatile long probeNanos;
  private volatile boolean probed;
  private volatile String journalProblem = "";
  private volatile String spiritsProblem = "";

  private Health(Config config, JournalMetrics commits, Journal journal) {
    this.commits = commits;
    this.journal = journal;
    this.actorsPatienceNanos = config.getDuration("actors-patience").toNanos();
    this.commitPatience = config.getDuration("commit-patience");
    this.probeInterval = config.getDuration("journal-interval");
    this.probePatience = config.getDuration("journal-patience");
    for (Part part : Part.values()) {
      if (!part.isVital()) {
        checks.put(part, () -> Optional.of("The node is starting."));
      }
    }
    checks.put(Part.ACTORS, this::whyActorsStand);
    checks.put(Part.COMMITS, this::whyCommitsStand);
    checks.put(Part.JOURNAL, () -> reason(journalProblem));
  }

  /**
   * Begins to look.
   *
   * @param system whose actors are looked at
   */
  static Health start(
      ActorSystem<?> system, Config config, JournalMetrics commits, Journal journal) {
    Health health = new Health(config.getConfig("vudo.health"), commits, journal);
    system
        .scheduler()
        .scheduleWithFixedDelay(Duration.ZERO, TICK, health::look, system.executionContext());
    return health;
  }

  /** From now on this says why a part is not as it should be; empty when it is. */
  void decides(Part part, Supplier<Optional<String>> why) {
    checks.put(part, why);
  }

  /** A part is as it should be, for good. */
  void reached(Part part) {
    decides(part, Optional::empty);
  }

  /** Spirits are hosted from now on. */
  void watch(ActorSystem<?> system, Relocations spirits) {
    checks.put(Part.SPIRITS, () -> reason(spiritsProblem));
    system
        .scheduler()
        .scheduleWithFixedDelay(
            Duration.ZERO, TICK, () -> lookAtHost(spirits), system.executionContext());
  }

  private void lookAtHost(Relocations spirits) {
    spirits
        .here(HOST_TIMEOUT)
        .whenComplete(
            (host, failure) ->
                spiritsProblem =
                    failure != null
                        ? "The host of Spirits does not answer."
                        : host.draining() ? "The node is drained: it takes no Spirits." : "");
  }

  private static Optional<String> reason(String problem) {
    return problem.isEmpty() ? Optional.empty() : Optional.of(problem);
  }

  private Optional<String> whyActorsStand() {
    long silentNanos = System.nanoTime() - beatNanos;
    return silentNanos > actorsPatienceNanos
        ? Optional.of("No actor has run for " + silentNanos / 1_000_000_000 + " s.")
        : Optional.empty();
  }

  private Optional<String> whyCommitsStand() {
    Duration stalled = commits.stalled();
    return stalled.compareTo(commitPatience) > 0
        ? Optional.of("No commit has ended for " + stalled.toSeconds() + " s.")
        : Optional.empty();
  }

  private void look() {
    beatNanos = System.nanoTime();
    if (closed) {
      return;
    }
    boolean fresh =
        commits.failure().isEmpty()
            && commits.sinceCommit().filter(age -> age.compareTo(probeInterval) < 0).isPresent();
    if (fresh) {
      journalProblem = "";
      return;
    }
    long sinceNanos = System.nanoTime() - probeNanos;
    if (probing) {
      if (sinceNanos > probePatience.toNanos()) {
        journalProblem = "The journal has not answered for " + sinceNanos / 1_000_000_000 + " s.";
      }
      return;
    }
    boolean failing = !journalProblem.isEmpty() || commits.failure().isPresent();
    long pauseNanos = failing ? RETRY_NANOS : probeInterval.toNanos();
    if (!probed || sinceNanos > pauseNanos) {
      probed = true;
      probing = true;
      probeNanos = System.nanoTime();
      try {
        prober.execute(this::probe);
      } catch (RejectedExecutionException e) {
        // Closed just now.
        probing = false;
      }
    }
  }

  private void probe() {
    String problem = "";
    try {
      journal.probe();
    } catch (VudoException failure) {
      problem = failure.toError().toString();
    } catch (RuntimeException failure) {
      problem = failure.toString();
    }
    journalProblem = problem;
    probing = false;
  }

  /** Why a part is not as it should be; empty when it is. */
  Optional<String> why(Part part) {
    return checks.get(part).get();
  }

  private static List<Part> of(boolean ready) {
    return Arrays.stream(Part.values()).filter(part -> ready || part.isVital()).toList();
  }

  /**
   * What is not as it should be, by part.
   *
   * @param ready whether all that requests need is asked for, and not only what the process needs
   */
  ObjectNode problems(boolean ready) {
    ObjectNode problems = Json.object();
    for (Part part : of(ready)) {
      why(part).ifPresent(reason -> problems.put(part.label(), reason));
    }
    return problems;
  }

  /** All parts that are asked for, each {@code ok} or why not. */
  ObjectNode parts(boolean ready) {
    ObjectNode parts = Json.object();
    for (Part part : of(ready)) {
      parts.put(part.label(), why(part).orElse("ok"));
    }
    return parts;
  }

  @Override
  public void close() {
    closed = true;
    prober.shutdownNow();
  }
}
