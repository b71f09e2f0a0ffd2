package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.wire.v1.HoldAnswer;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.DeadLetters;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Ghosts;
import io.vudo.spirit.Migration;
import io.vudo.spirit.Processes;
import io.vudo.spirit.Relocations;
import io.vudo.spirit.SpiritHistory;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.SpiritSwaps;
import io.vudo.spirit.internal.ghost.Alarm;
import io.vudo.spirit.internal.ghost.GhostRuns;
import io.vudo.spirit.internal.history.JournalHistory;
import io.vudo.spirit.internal.history.ReplaySlots;
import io.vudo.spirit.internal.turn.Configurations;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.Watches;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.Tuplespace;
import io.vudo.tuplespace.WaitListener;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;

/** Wires the actors of all Spirits of a node, and turns calls of JVM code into messages. */
public final class SpiritSystem implements WaitListener {

  /**
   * Not at once: a node that is stopped right after its start would wait for shards to be placed.
   */
  private static final Duration FIRST_PING = Duration.ofMillis(500);

  private static final Duration PING_INTERVAL = Duration.ofSeconds(10);
  private static final Duration HOLD_TIMEOUT = Duration.ofSeconds(5);

  private final ActorSystem<?> system;
  private final Hosts hosts;
  private final MoveLog moves = new MoveLog();
  private final Movers movers;
  private final ClusterSharding sharding;
  private final DeploymentSource deployments;
  private final CompiledModules modules;
  private final Processes processes;
  private final SpiritSettings settings;
  private final Residents residents;
  private final MailboxBudget mailboxes;
  private final SpiritMeters meters;
  private final TurnSpans spans;
  private final WakeIndex wakeIndex;
  private final LetterRegister letters;
  private final GhostRuns ghosts;

  /**
   * Where callers go on with their answers. A stage that Pekko makes of a future would otherwise
   * run each callback on the common pool, which on one or two cores is a new thread for each.
   */
  private final Executor callbacks;

  private final JournalHistory history;
  private final Swaps swaps;
  private final ActorRef<WatchPost.Command> watchPost;

  /** Null until the node has started its Spirits. */
  private volatile Tuplespace spaces;

  public SpiritSystem(
      ActorSystem<?> system,
      DeploymentSource deployments,
      CompiledModules modules,
      MeterRegistry registry,
      Processes processes,
      OpenTelemetry telemetry) {
    this.processes = processes;
    this.system = system;
    this.sharding = ClusterSharding.get(system);
    this.deployments = deployments;
    this.modules = modules;
    this.settings = SpiritSettings.from(system.settings().config());
    this.residents = new Residents(modules::engine);
    this.mailboxes = new MailboxBudget(settings.maxNodeMailboxBytes());
    this.meters = new SpiritMeters(registry, settings.maxMeteredTypes());
    meters.bind(residents, mailboxes, moves);
    this.hosts = new Hosts(system);
    this.spans = TurnSpans.of(telemetry, hosts.self());
    AutoCloseable unused = moves.watch(spans::moved);
    this.movers = new Movers(system, hosts, deployments, moves);
    this.wakeIndex = new WakeIndex(sharding, hosts, system.ignoreRef());
    this.letters = new LetterRegister(sharding, hosts);
    this.ghosts = new GhostRuns(system, this::ask, new GhostAlarm(), registry, Clock.systemUTC());
    this.callbacks = system.executionContext();
    this.history =
        new JournalHistory(
            system,
            settings.queryPlugin(),
            new JournalHistory.Machines(
                this::load,
                modules,
                settings.turnLimits(),
                settings.maxSenders(),
                settings.maxIdempotencyKeys(),
                settings.maxIdempotencyKeyBytes()),
            new ReplaySlots(
                settings.dispatcher(),
                settings.maxRunningReplays(),
                settings.maxWaitingReplays(),
                settings.replayTimeout()),
            this::begin);
    this.swaps = new Swaps(hosts, deployments, residents, history, settings);
    this.watchPost =
        system.systemActorOf(WatchPost.create(new WatchWays()), "watch-post", Props.empty());
  }

  public static int warmUp(
      ActorSystem<?> system, CompiledModules modules, String engine, int times) {
    return times > 0 ? WarmUp.run(system, modules, engine, times) : 0;
  }

  public void start(Tuplespace tuplespace) {
    SpiritContext context =
        new SpiritContext(
            sharding,
            hosts,
            deployments,
            this::load,
            processes,
            tuplespace,
            wakeIndex,
            letters,
            residents,
            mailboxes,
            meters,
            spans,
            swaps,
            settings,
            Clock.systemUTC());
    hosts.start(
        system.systemActorOf(SpiritHost.create(context, moves), "spirit-host", Props.empty()));
    sharding.init(
        Entity.of(
                SpiritAddress.KEY,
                entity -> SpiritAddress.create(context, entity.getEntityId(), entity.getShard()))
            .withStopMessage(SpiritCommand.Passivate.INSTANCE)
            .withMessageExtractor(Hosts.EXTRACTOR)
            .withAllocationStrategy(
                new RendezvousAllocation(Adapter.toClassic(system), hosts::isDraining))
            .withSettings(ClusterShardingSettings.create(system).withNoPassivationStrategy()));
    movers.stopWith(settings);
    system.systemActorOf(LostServices.create(), "lost-services", Props.empty());
    spaces = tuplespace;
    ghosts.start(system);
    wakeIndex.start(system, settings, Clock.systemUTC(), ghosts::wake);
    letters.start(settings, tuplespace, Clock.systemUTC());
    system
        .scheduler()
        .scheduleWithFixedDelay(
            FIRST_PING, PING_INTERVAL, wakeIndex::ping, system.executionContext());
  }

  private CompiledModule load(Configured configured) {
    return modules.load(
        new ModuleDigest(configured.getModuleDigest()),
        deployments::moduleBytes,
        configured.getEngine(),
        Configurations.limits(configured));
  }

  /**
   * Sends a message.
   *
   * @param sentBefore how long ago it may have been sent first; empty for not yet
   */
  public CompletionStage<Optional<byte[]>> ask(
      SpiritId to,
      String messageType,
      byte[] payload,
      String idempotencyKey,
      Optional<Duration> sentBefore,
      Duration timeout) {
    Optional<Deployment> deployment = deployments.find(to.type());
    if (deployment.isEmpty()) {
      meters.refused(ErrorCode.SPIRIT_TYPE_UNKNOWN, 1);
      return failed(ErrorCode.SPIRIT_TYPE_UNKNOWN, "Got \"" + to.type() + "\".");
    }
    int most = deployment.get().limits().maxPayloadBytes();
    if (payload.length > most) {
      meters.refused(ErrorCode.PAYLOAD_TOO_LARGE, 1);
      return failed(
          ErrorCode.PAYLOAD_TOO_LARGE,
          payload.length + " bytes; the limit of " + to.type() + " is " + most + ".");
    }
    Message message =
        TraceContexts.withCurrent(
                Message.newBuilder()
                    .setId(
                        idempotencyKey.isEmpty()
                            ? "call:" + UUID.randomUUID()
                            : SpiritMachine.KEY_PREFIX + idempotencyKey)
                    .setType(messageType)
                    .setPayload(ByteString.copyFrom(payload))
                    .setFirstSentMillis(sentBefore.map(SpiritSystem::timeBefore).orElse(0L)))
            .build();
    long startNanos = System.nanoTime();
    return hosts
        .<DeliveryReply>ask(
            to.toString(), replyTo -> new SpiritCommand.Deliver(message, replyTo), timeout)
        .handleAsync(
            (reply, failure) -> {
              meters.asked(reply, failure, System.nanoTime() - startNanos);
              if (failure == null) {
                return outcome(reply);
              }
              throw translated(failure, to, timeout);
            },
            callbacks);
  }

  private static long timeBefore(Duration ago) {
    long nowMillis = Clock.systemUTC().millis();
    return Math.max(1, nowMillis - Math.min(nowMillis, ago.toMillis()));
  }

  public CompletionStage<Migration> migrate(SpiritId id, String engine, Duration timeout) {
    try {
      modules.engine(engine);
    } catch (VudoException unknown) {
      return CompletableFuture.failedFuture(unknown);
    }
    if (deployments.find(id.type()).isEmpty()) {
      return failed(ErrorCode.SPIRIT_TYPE_UNKNOWN, "Got \"" + id.type() + "\".");
    }
    return hosts
        .<MigrationReply>ask(
            id.toString(), replyTo -> new SpiritCommand.Migrate(engine, replyTo), timeout)
        .handleAsync(
            (reply, failure) -> {
              if (failure != null) {
                throw translated(failure, id, timeout);
              }
              if (reply instanceof MigrationReply.Refused refused) {
                throw refused.error().toException();
              }
              return ((MigrationReply.Done) reply).migration();
            },
            callbacks);
  }

  public CompletionStage<Void> restart(SpiritId id, Duration timeout) {
    Message message =
        Message.newBuilder()
            .setId("restart:" + UUID.randomUUID())
            .setType("restart")
            .setKind(Message.Kind.RESTART)
            .build();
    return hosts
        .<DeliveryReply>ask(
            id.toString(), replyTo -> new SpiritCommand.Deliver(message, replyTo), timeout)
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                throw translated(failure, id, timeout);
              }
              outcome(reply);
              return null;
            });
  }

  public Relocations relocations() {
    return movers;
  }

  private CompletionStage<Void> begin(SpiritId id, List<SpiritEvent> events, Duration timeout) {
    return hosts
        .<BeginReply>ask(
            id.toString(), replyTo -> new SpiritCommand.Begin(events, replyTo), timeout)
        .handleAsync(
            (reply, failure) -> {
              if (failure != null) {
                throw translated(failure, id, timeout);
              }
              if (reply instanceof BeginReply.Refused refused) {
                throw refused.error().toException();
              }
              return null;
            },
            callbacks);
  }

  public SpiritSwaps swaps() {
    return swaps;
  }

  public SpiritHistory history() {
    return history;
  }

  public DeadLetters deadLetters() {
    return letters;
  }

  public Ghosts ghosts() {
    return ghosts;
  }

  /** Runs of Ghosts are woken as Spirits are. */
  private final class GhostAlarm implements Alarm {
    @Override
    public CompletionStage<?> add(String name) {
      return wakeIndex.add(name);
    }

    @Override
    public void schedule(String name, long dueMillis) {
      wakeIndex.schedule(name, dueMillis);
    }

    @Override
    public void remove(String name) {
      wakeIndex.remove(name);
    }
  }

  static Optional<byte[]> outcome(DeliveryReply reply) {
    if (reply instanceof DeliveryReply.Handled handled) {
      Completed completed = handled.outcome();
      return completed.hasReply()
          ? Optional.of(completed.getReply().toByteArray())
          : Optional.empty();
    } else if (reply instanceof DeliveryReply.HandledBadly bad) {
      throw new VudoException(ErrorCode.of(bad.outcome().getCode()), bad.outcome().getDetail());
    } else {
      throw ((DeliveryReply.Refused) reply).error().toException();
    }
  }

  static VudoException translated(Throwable failure, SpiritId to, Duration timeout) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof VudoException known) {
      return known;
    }
    if (cause instanceof TimeoutException) {
      return new VudoException(
          ErrorCode.ASK_TIMEOUT, to + " did not answer in " + timeout.toMillis() + " ms.", cause);
    }
    return new VudoException(ErrorCode.SPIRIT_UNAVAILABLE, to + ": " + cause, cause);
  }

  private static <T> CompletionStage<T> failed(ErrorCode code, String detail) {
    return CompletableFuture.failedFuture(new VudoError(code, detail).toException());
  }

  public CompletionStage<HoldOutcome> resolveHold(String holder, String holdId) {
    return hosts
        .<HoldAnswer>ask(
            holder, replyTo -> new SpiritCommand.ResolveHold(holdId, replyTo), HOLD_TIMEOUT)
        .thenApplyAsync(
            answer ->
                switch (answer.getOutcome()) {
                  case COMMITTED -> HoldOutcome.COMMITTED;
                  case ABORTED -> HoldOutcome.ABORTED;
                  case PENDING, UNRECOGNIZED -> HoldOutcome.PENDING;
                },
            callbacks);
  }

  @Override
  public void found(SpiritId waiter, String requestId, String hold, Tuple tuple) {
    // The Spirit knows where it waits, and whether to take.
    answer(
        waiter,
        requestId,
        Answer.newBuilder()
            .setTuple(
                TupleAnswer.newBuilder()
                    .setTuple(ByteString.copyFrom(TupleCodec.encode(tuple)))
                    .setHold(hold)));
  }

  @Override
  public void passed(SpiritId waiter, String requestId, int index) {
    answer(waiter, requestId, Answer.newBuilder().setPassed(index));
  }

  @Override
  public void changed(SpiritId watcher, String watchId, TupleChange change) {
    watchPost.tell(new WatchPost.Changed(watcher, watchId, change));
  }

  @Override
  public void refused(SpiritId waiter, String requestId, VudoError error) {
    answer(
        waiter,
        requestId,
        Answer.newBuilder()
            .setTuple(TupleAnswer.newBuilder().setStatus(Waits.statusOf(error.code()))));
  }

  private void answer(SpiritId waiter, String requestId, Answer.Builder answer) {
    hosts.send(waiter, new SpiritCommand.Answered(requestId, answer.build()));
  }

  /** Before the node has started its Spirits, and its spaces are known, nothing goes out. */
  private final class WatchWays implements WatchPost.Ways {
    @Override
    public boolean send(SpiritId to, SpiritCommand.Deliver message) {
      if (spaces == null) {
        return false;
      }
      hosts.send(to, message);
      return true;
    }

    @Override
    public void unwatch(SpiritId watcher, String watchId) {
      Tuplespace tuplespace = spaces;
      if (tuplespace != null) {
        // When that gets lost, the next change is answered in the same way.
        var unused = tuplespace.unwatchFor(Watches.spaceOf(watchId), watcher, watchId);
      }
    }
  }

  public List<SpiritStatus> resident() {
    return residents.list();
  }
}
