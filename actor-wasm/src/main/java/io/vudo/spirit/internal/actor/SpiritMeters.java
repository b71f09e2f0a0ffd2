package io.vudo.spirit.internal.actor;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Relocation;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.internal.turn.Attempt;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;

/**
 * What the Spirits of a node do, in the meters of docs/metrics.md. Labels are bounded: never the id
 * of a Spirit, and of types the first so many.
 *
 * <p>Thread-safe. What is called for each turn takes no lock and makes no object; meters are looked
 * up when a Spirit comes to memory, or first uses an engine.
 */
final class SpiritMeters {
  /** Under which all further types are counted. */
  static final String OTHER_TYPES = "other";

  private static final Duration[] TURNS = {
    Duration.ofNanos(50_000),
    Duration.ofNanos(100_000),
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
    Duration.ofSeconds(1),
    Duration.ofSeconds(10)
  };

  private static final Duration[] LATENCIES = {
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
    Duration.ofSeconds(10),
    Duration.ofSeconds(60)
  };

  private static final String OUTCOME = "outcome";

  /** How an ask from this node ended. */
  private enum Asked {
    REPLIED,
    FAILED,
    REFUSED,
    TIMEOUT
  }

  private final MeterRegistry registry;
  private final int maxTypes;
  private final Map<String, Type> types = new ConcurrentHashMap<>();
  private final Map<String, Timer> turns = new ConcurrentHashMap<>();
  private final Map<String, Counter> failures = new ConcurrentHashMap<>();
  private final Map<ErrorCode, Counter> refusals = new ConcurrentHashMap<>();
  private final Map<Asked, Timer> asks = new EnumMap<>(Asked.class);
  private final Timer handled;
  private final Timer handledBadly;
  private final Timer refusedLater;
  private final Timer mailboxWait;
  private final DistributionSummary batches;
  private final Timer recoveries;
  private final Counter recoveredTurns;
  private final Counter failedRecoveries;
  private final Counter passivations;
  private final LongAdder undelivered = new LongAdder();
  private final Counter redeliveries;
  private final Counter confirmations;
  private final Counter deadLetters;

  /**
   * @param maxTypes of how many types turns are counted apart
   */
  SpiritMeters(MeterRegistry registry, int maxTypes) {
    this.registry = registry;
    this.maxTypes = maxTypes;
    for (Asked how : Asked.values()) {
      asks.put(
          how, latency("vudo.ask", "From an ask of this node's callers to its answer", lower(how)));
    }
    String message = "From the beginning of a message's batch until its outcome leaves";
    handled = latency("vudo.message", message, "handled");
    handledBadly = latency("vudo.message", message, "failed");
    refusedLater = latency("vudo.message", message, "refused");
    mailboxWait =
        Timer.builder("vudo.mailbox.wait")
            .description("From a message's arrival until its batch begins; sampled")
            .serviceLevelObjectives(LATENCIES)
            .register(registry);
    batches =
        DistributionSummary.builder("vudo.batch.messages")
            .description("Messages that share a commit")
            .serviceLevelObjectives(1, 2, 5, 10, 20, 50, 100, 256)
            .register(registry);
    recoveries =
        Timer.builder("vudo.recovery")
            .description("Bringing a Spirit to memory: snapshot, and replay of the turns since")
            .serviceLevelObjectives(LATENCIES)
            .register(registry);
    recoveredTurns = counter("vudo.recovery.turns", "Turns that were run again in recoveries");
    failedRecoveries = counter("vudo.recovery.failures", "Spirits that could not be recovered");
    passivations = counter("vudo.passivations", "Spirits that left this node's memory");
    redeliveries = counter("vudo.outbox.redeliveries", "Effects that were sent once more");
    confirmations = counter("vudo.outbox.confirmations", "Effects that their receivers confirmed");
    deadLetters = counter("vudo.dead.letters", "Dead letters that Spirits of this node wrote");
    Gauge.builder("vudo.outbox.undelivered", undelivered, LongAdder::sum)
        .description("Effects of resident Spirits that no receiver has confirmed yet")
        .register(registry);
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private Timer latency(String name, String description, String outcome) {
    return Timer.builder(name)
        .description(description)
        .tag(OUTCOME, outcome)
        .serviceLevelObjectives(LATENCIES)
        .register(registry);
  }

  private Counter counter(String name, String description) {
    return Counter.builder(name).description(description).register(registry);
  }

  /** Shows what others count already; called once. */
  void bind(Residents residents, MailboxBudget mailboxes, MoveLog moves) {
    for (SpiritStatus.Phase phase : SpiritStatus.Phase.values()) {
      Gauge.builder("vudo.spirits", residents, all -> all.census().inPhase(phase))
          .description("Spirits in this node's memory")
          .tag("phase", lower(phase))
          .register(registry);
    }
    gauge(
        "vudo.spirits.memory",
        "bytes",
        "Linear memory of all residents",
        residents,
        Residents::memoryBytes);
    gauge(
        "vudo.mailbox", "bytes", "Messages in all mailboxes", mailboxes, MailboxBudget::usedBytes);
    gauge(
        "vudo.mailbox.limit",
        "bytes",
        "What all mailboxes may hold",
        mailboxes,
        MailboxBudget::maxBytes);
    count("vudo.migrations", "out", "moved", moves, MoveLog::count);
    count("vudo.migrations", "out", "failed", moves, MoveLog::failures);
    count("vudo.migrations", "in", "moved", moves, MoveLog::arrivals);
    FunctionCounter.builder("vudo.migration.sent", moves, MoveLog::bytes)
        .baseUnit("bytes")
        .description("Bytes of the state of Spirits that went to other nodes")
        .register(registry);
    Timer pauses =
        Timer.builder("vudo.migration.pause")
            .description("How long a Spirit that went to another node handled no messages")
            .serviceLevelObjectives(LATENCIES)
            .register(registry);
    moves.watch((Relocation move) -> pauses.record(move.pauseMicros(), TimeUnit.MICROSECONDS));
  }

  private <T> void gauge(
      String name, String unit, String description, T of, ToDoubleFunction<T> value) {
    Gauge.builder(name, of, value).baseUnit(unit).description(description).register(registry);
  }

  private void count(
      String name, String direction, String outcome, MoveLog of, ToDoubleFunction<MoveLog> value) {
    FunctionCounter.builder(name, of, value)
        .description("Spirits that moved between nodes")
        .tag("direction", direction)
        .tag(OUTCOME, outcome)
        .register(registry);
  }

  // Turns

  /** The turns of one type, on any engine. */
  final class Type {
    private final String name;
    private final Map<String, OnEngine> engines = new ConcurrentHashMap<>();

    private Type(String name) {
      this.name = name;
    }

    /**
     * The guest ran.
     *
     * @param engine the engine's name
     * @param attempt how it ended
     * @param nanos how long it took, making an instance included
     */
    void attempted(String engine, Attempt attempt, long nanos) {
      OnEngine on = engines.get(engine);
      if (on == null) {
        on = engines.computeIfAbsent(engine, here -> new OnEngine(name, here));
      }
      on.time.record(nanos, TimeUnit.NANOSECONDS);
      if (attempt instanceof Attempt.Finished finished) {
        Turn turn = finished.turn();
        on.fuel.increment((double) turn.getFuelUsed());
        if (turn.hasFailed()) {
          on.failed.increment();
          failed(turn.getFailed().getCode());
        } else {
          on.completed.increment();
        }
      } else {
        on.unwound.increment();
      }
    }
  }

  /** The turns of one type on one engine. */
  private final class OnEngine {
    private final Timer time;
    private final Counter completed;
    private final Counter failed;
    private final Counter unwound;
    private final Counter fuel;

    OnEngine(String type, String engine) {
      // By engine alone: a histogram for each type would be very many lines.
      time =
          turns.computeIfAbsent(
              engine,
              here ->
                  Timer.builder("vudo.turn")
                      .description("One run of a guest for a message")
                      .tag("engine", here)
                      .serviceLevelObjectives(TURNS)
                      .register(registry));
      completed = turns(type, engine, "completed");
      failed = turns(type, engine, "failed");
      unwound = turns(type, engine, "unwound");
      fuel =
          Counter.builder("vudo.turn.fuel")
              .description("Fuel of completed and failed turns")
              .tag("type", type)
              .tag("engine", engine)
              .register(registry);
    }

    private Counter turns(String type, String engine, String outcome) {
      return Counter.builder("vudo.turns")
          .description("Runs of guests for messages")
          .tag("type", type)
          .tag("engine", engine)
          .tag(OUTCOME, outcome)
          .register(registry);
    }
  }

  /** The meters of a type; those of all others together when there are many types already. */
  Type type(String name) {
    Type known = types.get(name);
    if (known != null) {
      return known;
    }
    // Two at once may exceed the bound by one.
    return types.size() < maxTypes
        ? types.computeIfAbsent(name, Type::new)
        : types.computeIfAbsent(OTHER_TYPES, Type::new);
  }

  private void failed(String code) {
    Counter counter = failures.get(code);
    if (counter == null) {
      // What is no code of the catalogue, as of a newer version, must not become a label.
      String label = ErrorCode.of(code).name();
      counter =
          failures.computeIfAbsent(
              label,
              known ->
                  Counter.builder("vudo.turn.failures")
                      .description("Turns that failed, by the code of the error")
                      .tag("code", known)
                      .register(registry));
    }
    counter.increment();
  }

  // Messages

  /** A message was refused before a guest saw it. */
  void refused(ErrorCode code, int messages) {
    Counter counter = refusals.get(code);
    if (counter == null) {
      counter =
          refusals.computeIfAbsent(
              code,
              known ->
                  Counter.builder("vudo.refusals")
                      .description("Messages that were refused before a guest saw them")
                      .tag("code", known.name())
                      .register(registry));
    }
    counter.increment(messages);
  }

  /** How a message ended goes to its sender now. */
  void answered(DeliveryReply reply, long nanos) {
    Timer timer =
        reply instanceof DeliveryReply.Refused
            ? refusedLater
            : reply instanceof DeliveryReply.HandledBadly ? handledBadly : handled;
    timer.record(nanos, TimeUnit.NANOSECONDS);
  }

  /** An ask of somebody on this node is over: with a reply, or with a failure. */
  void asked(DeliveryReply reply, Throwable failure, long nanos) {
    Asked how;
    if (failure != null) {
      boolean late =
          failure instanceof TimeoutException || failure.getCause() instanceof TimeoutException;
      how = late ? Asked.TIMEOUT : Asked.REFUSED;
    } else if (reply instanceof DeliveryReply.Refused) {
      how = Asked.REFUSED;
    } else {
      how = reply instanceof DeliveryReply.HandledBadly ? Asked.FAILED : Asked.REPLIED;
    }
    asks.get(how).record(nanos, TimeUnit.NANOSECONDS);
  }

  /** A message waited in the mailbox before its batch. */
  void waited(long nanos) {
    mailboxWait.record(nanos, TimeUnit.NANOSECONDS);
  }

  /** A batch begins. */
  void batch(int messages) {
    batches.record(messages);
  }

  // Coming and going

  void recovered(long nanos, long turnsRunAgain) {
    recoveries.record(nanos, TimeUnit.NANOSECONDS);
    recoveredTurns.increment((double) turnsRunAgain);
  }

  void notRecovered() {
    failedRecoveries.increment();
  }

  void passivated() {
    passivations.increment();
  }

  // Delivering

  /** What the outbox of one Spirit has. Told by its actor, and after its end by its gate. */
  final class Undelivered {
    private int here;

    private Undelivered() {}

    /** So many effects are to be delivered now. */
    void are(int now) {
      if (now != here) {
        undelivered.add(now - here);
        here = now;
      }
    }
  }

  /** For one Spirit that comes to memory. */
  Undelivered undelivered() {
    return new Undelivered();
  }

  void redelivered(int effects) {
    redeliveries.increment(effects);
  }

  void confirmed() {
    confirmations.increment();
  }

  void deadLetter() {
    deadLetters.increment();
  }
}
