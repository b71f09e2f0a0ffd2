package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Acknowledged;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.Halted;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Remembered;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.Retrying;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Supervised;
import io.vudo.protocol.journal.v1.Suspended;
import io.vudo.protocol.journal.v1.Timer;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.protocol.journal.v1.Wait;
import io.vudo.protocol.wire.v1.HoldAnswer;
import io.vudo.protocol.wire.v1.SwapEnd;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Migration;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.internal.history.JournalHistory;
import io.vudo.spirit.internal.turn.Attempt;
import io.vudo.spirit.internal.turn.EventBatches;
import io.vudo.spirit.internal.turn.GuestStatus;
import io.vudo.spirit.internal.turn.Holds;
import io.vudo.spirit.internal.turn.Redelivery;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.TurnLog;
import io.vudo.spirit.internal.turn.WaitRequest;
import io.vudo.tuplespace.Tuplespace;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.RecoveryFailed;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.SnapshotCompleted;
import org.apache.pekko.persistence.typed.SnapshotFailed;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The event-sourced part of a Spirit: runs batches of turns on its {@link SpiritMachine}, commits
 * what they recorded in one write, and only then lets replies and effects out.
 *
 * <p>It decides nothing about a turn; it moves records between the machine, the journal and the
 * receivers of effects.
 */
final class SpiritActor
    extends EventSourcedBehavior<SpiritActor.Command, SpiritEvent, SpiritMachine> {

  /** What the gate, and the actor's own timers and requests, tell it. */
  sealed interface Command {}

  record Batch(List<SpiritCommand.Queued> messages) implements Command {}

  record Resolve(String hold, ActorRef<HoldAnswer> replyTo) implements Command {}

  /** Give back the instance, of which there are too few, unless the Spirit is at work. */
  enum Rest implements Command {
    INSTANCE
  }

  /** Say what is in the Spirit's memory; go on. */
  enum CopyPages implements Command {
    INSTANCE
  }

  /** As soon as all that was done is durable, stop and say what the Spirit is. */
  enum Freeze implements Command {
    INSTANCE
  }

  /** It stays here after all. */
  enum GoOn implements Command {
    INSTANCE
  }

  /** One that came from another node is this node's now. */
  enum Activate implements Command {
    INSTANCE
  }

  /** End without a trace: the Spirit lives elsewhere. */
  enum Discard implements Command {
    INSTANCE
  }

  /** Look again whether all that was done is durable. */
  private enum FreezeTick implements Command {
    INSTANCE
  }

  /** Give back what is not committed: the Spirit is to leave. */
  enum GiveBack implements Command {
    INSTANCE
  }

  /**
   * Snapshot if there is something new, then stop.
   *
   * @param idle whether it leaves because nobody needs it; otherwise its node does
   */
  record Stop(boolean idle) implements Command {}

  /**
   * What the turn under way lacks.
   *
   * @param holdId by which a hold was asked for; empty when none was
   * @param heard whether the space answered
   */
  private record Arrived(long request, String holdId, boolean heard, Answer answer)
      implements Command {}

  private record Delivered(DeliveryReply reply) implements Command {}

  private record SpaceAnswered(Position position, VudoError error) implements Command {}

  private record Registered(VudoError error) implements Command {}

  private enum Redeliver implements Command {
    INSTANCE
  }

  private enum Leave implements Command {
    INSTANCE
  }

  /** The key of the timer that asks the index of Spirits to wake again. */
  private static final String REGISTER = "register";

  private enum TryAgain implements Command {
    INSTANCE
  }

  /**
   * What the turn that waits lacks.
   *
   * @param waitId the id of the wait
   */
  record Answered(String waitId, Answer answer) implements Command {}

  /** A turn waits; ask again, or give up. */
  enum WaitTick implements Command {
    INSTANCE
  }

  /** A message that failed is to be tried again. */
  private enum RetryTick implements Command {
    INSTANCE
  }

  /** The index of Spirits to wake has this one in it. */
  enum Woken implements Command {
    INSTANCE
  }

  /** A timer of the Spirit is due, or might be. */
  private enum TimerTick implements Command {
    INSTANCE
  }

  private static final Logger GUEST_LOG = LoggerFactory.getLogger("io.vudo.guest");
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int ACKNOWLEDGEMENTS_PER_WRITE = 256;
  private static final int STASH_CAPACITY = 10_000_000;
  private static final Duration RESIDENCY_PATIENCE = Duration.ofSeconds(10);
  private static final Duration RESIDENCY_RETRY_MIN = Duration.ofMillis(20);
  private static final Duration RESIDENCY_RETRY_MAX = Duration.ofMillis(320);
  private static final Duration REGISTRATION_RETRY = Duration.ofMillis(200);
  private static final Duration FREEZE_RETRY = Duration.ofMillis(1);

  private static final Duration RETRY_OF_THE_IMPOSSIBLE = Duration.ofSeconds(1);

  /** Pekko's scheduler takes no delay beyond some months. */
  static final Duration LONGEST_TICK = Duration.ofDays(1);

  private final ActorContext<Command> context;
  private final TimerScheduler<Command> timers;
  private final SpiritContext spirits;
  private final SpiritId id;
  private final ActorRef<SpiritCommand> gate;
  private final Courier courier;
  private final SpiritLog log;
  private final TurnSpans spans;
  private final SpiritMeters meters;
  private final SpiritMeters.Type ofType;
  private final SpiritMeters.Undelivered undelivered;
  private final long startedNanos = System.nanoTime();

  // The batch under way
  private List<SpiritCommand.Queued> batch = List.of();
  private int next;

  /** When the turns that are under way, or wait for their commit, began. */
  private long batchNanos;

  private final List<SpiritEvent> uncommitted = new ArrayList<>();
  private long uncommittedBytes;
  private final List<Runnable> afterCommit = new ArrayList<>();
  private boolean durable = true;
  private boolean waitingForRoom;
  private long residencyDeadlineNanos;
  private Duration residencyRetry = RESIDENCY_RETRY_MIN;

  // A turn under way that needs a tuple, if there is one
  private boolean querying;
  private long request;
  private List<Answer> answers = List.of();
  private final Map<String, String> spaceByHold = new HashMap<>();

  /**
   * Of {@link #spaceByHold}, those of the turn that is being tried. Turns before it in the batch
   * may wait for their commit with holds of their own, which are not this turn's to release.
   */
  private final Map<String, String> holdsOfTurn = new HashMap<>();

  // A turn that waits, as the journal knows
  private final Waits waits;

  private final Queries queries;
  private final ActorRefResolver references;
  private Attempt.Suspended waiting;

  /** Of the turn under way, or that waits; null when there is none, or it is not traced. */
  private TurnSpan span;

  private boolean resuming;
  private String blocking = "";

  /** Whether it stays in memory though nobody needs it. */
  private boolean staying;

  // A message that failed and is tried again, without the gate
  private boolean retryUnderWay;
  private boolean retryWasImpossible;

  // What is to be delivered
  private Duration redelivery;
  private boolean registered;
  private boolean registering;

  /** Whether the index did not answer when it was last asked; said once. */
  private boolean indexAway;

  /** The node is leaving; what is not committed may be given up. */
  private boolean givingBack;

  /**
   * Whether an earlier life of this actor may have left it in the index. It may have been taken out
   * as well, before a crash took the confirmations that were not journaled yet.
   */
  private boolean maybeRegistered;

  // Another module

  /** Whether it was not looked yet if there was a swap while the Spirit was not in memory. */
  private boolean swapDue = true;

  // Moving to and from other nodes

  /** Whether it begins no work by itself, as it is to stop. */
  private boolean freezing;

  /** Whether it does nothing at all: another node is taking it over. */
  private boolean frozen;

  /** How it came from another node, until it is this one's; null otherwise. */
  private SpiritGate.StandBy standBy;

  // Snapshots
  private boolean recovering = true;
  private long eventsSinceSnapshot;
  private long turnAtSnapshot;

  /** Whether there has been a snapshot, as far as this actor knows. */
  private boolean hasSnapshot;

  private boolean stopping;
  private long recoveryMillis;
  private long recoveredTurns;

  private SpiritActor(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      SpiritContext spirits,
      SpiritId id,
      ActorRef<SpiritCommand> gate,
      SpiritGate.StandBy standBy,
      SpiritMeters.Undelivered undelivered) {
    super(PersistenceId.ofUniqueId(JournalHistory.persistenceId(id)));
    this.context = context;
    this.timers = timers;
    this.spirits = spirits;
    this.id = id;
    this.gate = gate;
    this.standBy = standBy;
    this.log = new SpiritLog(context, spirits.hosts().self(), id);
    this.spans = spirits.spans();
    this.meters = spirits.meters();
    this.undelivered = undelivered;
    this.ofType = meters.type(id.type());
    this.redelivery = spirits.settings().redeliveryMin();
    ActorRef<Command> self = context.getSelf();
    ActorRef<DeliveryReply> replies = context.messageAdapter(DeliveryReply.class, Delivered::new);
    this.courier =
        new Courier(
            spirits, replies, (position, error) -> self.tell(new SpaceAnswered(position, error)));
    this.waits = new Waits(spirits, id, timers, replies);
    this.queries = new Queries(spirits.tuplespace(), id);
    this.references = ActorRefResolver.get(context.getSystem());
    spirits
        .deployments()
        .find(id.type())
        .ifPresent(
            deployment ->
                spirits
                    .residents()
                    .update(
                        new SpiritStatus(
                            id,
                            SpiritStatus.Phase.INITIALIZING,
                            deployment.digest(),
                            deployment.engine(),
                            0,
                            0,
                            0,
                            0,
                            0,
                            ""),
                        gate,
                        false));
  }

  /**
   * @param standBy how it comes from another node; null when it does not
   * @param undelivered told how much the outbox has
   */
  static Behavior<Command> create(
      SpiritContext spirits,
      SpiritId id,
      ActorRef<SpiritCommand> gate,
      SpiritGate.StandBy standBy,
      SpiritMeters.Undelivered undelivered) {
    return Behaviors.supervise(
            Behaviors.<Command>setup(
                context ->
                    Behaviors.withTimers(
                        timers ->
                            new SpiritActor(
                                context, timers, spirits, id, gate, standBy, undelivered))))
        // The gate says why, once.
        .onFailure(SupervisorStrategy.stop().withLoggingEnabled(false));
  }

  // Journal

  @Override
  public String journalPluginId() {
    return spirits.settings().journalPlugin();
  }

  @Override
  public String snapshotPluginId() {
    return spirits.settings().snapshotPlugin();
  }

  /**
   * Never full: what may wait here is one batch of the gate's and one confirmation for each effect
   * under way, and a dropped batch would stop the Spirit for good.
   */
  @Override
  public Optional<Integer> stashCapacity() {
    return Optional.of(STASH_CAPACITY);
  }

  @Override
  public SpiritMachine emptyState() {
    return new SpiritMachine(
        id,
        spirits.modules(),
        spirits.clock(),
        spirits.settings().turnLimits(),
        spirits.settings().maxSenders(),
        spirits.settings().maxIdempotencyKeys(),
        spirits.settings().maxIdempotencyKeyBytes(),
        spirits.settings().stateHashEveryTurns());
  }

  @Override
  public EventHandler<SpiritMachine, SpiritEvent> eventHandler() {
    // Live, the machine has done already what the event says; in recovery it does it now.
    return (machine, event) -> {
      if (recovering) {
        machine.replay(event);
        eventsSinceSnapshot += EventBatches.unpacked(event).size();
      }
      return machine;
    };
  }

  @Override
  public boolean shouldSnapshot(SpiritMachine machine, SpiritEvent event, long sequenceNumber) {
    // Not the sequence number: that counts commits, and recovery runs every turn of each.
    int snapshotEvery = spirits.settings().snapshotEveryEvents();
    return eventsSinceSnapshot >= (hasSnapshot ? snapshotEvery : firstSnapshotAfter())
        || EventBatches.unpacked(event).stream()
            .anyMatch(e -> e.hasMarker() || e.hasForked() || e.hasSwapped());
  }

  /**
   * The first comes earlier, for each Spirit by another number of events: Spirits that began
   * together and get as many messages would otherwise all write theirs at the same moment, again
   * and again.
   */
  private int firstSnapshotAfter() {
    int snapshotEvery = spirits.settings().snapshotEveryEvents();
    return snapshotEvery - Math.floorMod(Rendezvous.hash(id.toString()), snapshotEvery) / 2;
  }

  @Override
  public SnapshotAdapter<SpiritMachine> snapshotAdapter() {
    return new SnapshotAdapter<>() {
      @Override
      public Object toJournal(SpiritMachine machine) {
        hasSnapshot = true;
        turnAtSnapshot = machine.lastTurn();
        return machine.snapshot(lastSequenceNumber(context));
      }

      @Override
      public SpiritMachine fromJournal(Object snapshot) {
        StateSnapshot state = (StateSnapshot) snapshot;
        SpiritMachine machine = emptyState();
        machine.recover(state);
        hasSnapshot = true;
        turnAtSnapshot = machine.lastTurn();
        return machine;
      }
    };
  }

  @Override
  public SignalHandler<SpiritMachine> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::onRecovered)
        .onSignal(
            SnapshotCompleted.class,
            (machine, done) -> {
              eventsSinceSnapshot = 0;
              leaveIfStopping();
            })
        .onSignal(
            SnapshotFailed.class,
            (machine, failed) -> {
              // The journal has every event, so nothing is lost; recovery takes longer.
              log.warn("{}: a snapshot was not written", id, failed.getFailure());
              machine.snapshotFailed();
              leaveIfStopping();
            })
        .onSignal(RecoveryFailed.class, (machine, failed) -> onNotRecovered(failed.getFailure()))
        .onSignal(PostStop.instance(), this::onStopped)
        .build();
  }

  private void onNotRecovered(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof VudoException known && known.code() == ErrorCode.RESIDENCY_LIMIT) {
        // It is tried again once there is room.
        return;
      }
    }
    meters.notRecovered();
  }

  private void onRecovered(SpiritMachine machine) {
    recovering = false;
    recoveredTurns = machine.replayedTurns();
    recoveryMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedNanos);
    maybeRegistered = machine.hasDeliveries();
    undelivered.are(machine.undelivered());
    if (machine.lastTurn() > 0 && standBy == null) {
      meters.recovered(System.nanoTime() - startedNanos, recoveredTurns);
    }
    spirits.swaps().noteRefusal(id, machine.refusedSwap());
    if (standBy != null) {
      durable = standBy.durable();
      eventsSinceSnapshot = standBy.eventsSinceSnapshot();
      // It was handed over, not read from a snapshot.
      turnAtSnapshot = -1;
      hasSnapshot = true;
      machine.prepare();
      frozen = true;
      // Before it is given messages: a turn that waits holds them back.
      tellGate(machine);
      gate.tell(SpiritCommand.StoodUp.INSTANCE);
      return;
    }
    begin(machine);
    if (machine.lastTurn() > 0) {
      log.debug(
          "{} recovered at turn {}: {} turns replayed in {} ms",
          id,
          machine.lastTurn(),
          recoveredTurns,
          recoveryMillis);
    }
  }

  /** Takes up what the Spirit has to do by itself. */
  private void begin(SpiritMachine machine) {
    startDeliveries(machine);
    machine
        .suspended()
        .ifPresent(
            turn -> {
              turn.getAnswersList().forEach(answer -> Holds.of(answer, holdsOfTurn::put));
              spaceByHold.putAll(holdsOfTurn);
              waits.begin(turn.getWait());
              // It may be long before it is needed.
              machine.rest();
            });
    scheduleTimers(machine);
    scheduleRetry(machine);
    tellGate(machine);
    report(machine, idlePhase(machine));
    keepHeadroom(machine);
  }

  private void leaveIfStopping() {
    if (stopping) {
      context.getSelf().tell(Leave.INSTANCE);
    }
  }

  private void onStopped(SpiritMachine machine) {
    undelivered.are(0);
    machine.close();
    spirits.residents().remove(id, gate);
    spirits.swaps().noteRefusal(id, Optional.empty());
  }

  // Commands

  @Override
  public CommandHandler<Command, SpiritEvent, SpiritMachine> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(Batch.class, this::onBatch)
        .onCommand(Arrived.class, this::onArrived)
        .onCommand(TryAgain.class, (machine, again) -> goOn(machine))
        .onCommand(Answered.class, this::onAnswered)
        .onCommand(WaitTick.class, (machine, tick) -> onWaitTick(machine))
        .onCommand(TimerTick.class, (machine, tick) -> onTimerTick(machine))
        .onCommand(RetryTick.class, (machine, tick) -> onRetryTick(machine))
        .onCommand(Registered.class, this::onRegistered)
        .onCommand(Delivered.class, this::onDelivered)
        .onCommand(SpaceAnswered.class, this::onSpaceAnswered)
        .onCommand(Redeliver.class, (machine, tick) -> onRedeliver(machine))
        .onCommand(Resolve.class, this::onResolve)
        .onCommand(Woken.class, (machine, woken) -> onWoken(machine))
        .onCommand(Rest.class, (machine, rest) -> onRest(machine))
        .onCommand(GiveBack.class, (machine, back) -> onGiveBack(machine))
        .onCommand(Stop.class, this::onStop)
        .onCommand(CopyPages.class, (machine, copy) -> onCopyPages(machine))
        .onCommand(Freeze.class, (machine, freeze) -> onFreeze(machine))
        .onCommand(FreezeTick.class, (machine, tick) -> onFreezeTick(machine))
        .onCommand(GoOn.class, (machine, go) -> onGoOn(machine))
        .onCommand(Activate.class, (machine, activate) -> onActivate(machine))
        .onCommand(Discard.class, (machine, discard) -> Effect().stop())
        .onCommand(Leave.class, (machine, leave) -> Effect().stop())
        .build();
  }

  private Effect<SpiritEvent, SpiritMachine> onBatch(SpiritMachine machine, Batch command) {
    batch = command.messages();
    batchNanos = System.nanoTime();
    meters.batch(batch.size());
    next = 0;
    answers = List.of();
    residencyRetry = RESIDENCY_RETRY_MIN;
    residencyDeadlineNanos = System.nanoTime() + RESIDENCY_PATIENCE.toNanos();
    return runBatch(machine);
  }

  private Effect<SpiritEvent, SpiritMachine> goOn(SpiritMachine machine) {
    return resuming ? resume(machine) : runBatch(machine);
  }

  /** Runs turns until the batch is through, one waits, or it is time to commit. */
  private Effect<SpiritEvent, SpiritMachine> runBatch(SpiritMachine machine) {
    waitingForRoom = false;
    long until = System.nanoTime() + spirits.settings().batchRunTime().toNanos();
    report(machine, SpiritStatus.Phase.RUNNING);
    log.enter();
    try {
      while (next < batch.size() && !querying && mayRun(machine)) {
        SpiritCommand.Queued queued = batch.get(next);
        try {
          if (queued instanceof SpiritCommand.Migrate migrate) {
            migrate(machine, migrate);
          } else if (queued instanceof SpiritCommand.Begin begin) {
            begin(machine, begin);
          } else if (queued instanceof SpiritCommand.SwapNow swap) {
            SwapEnd end = moveIfBehind(machine);
            afterCommit.add(() -> swap.replyTo().tell(end));
          } else if (!handle(machine, (SpiritCommand.Deliver) queued)) {
            break;
          }
        } catch (VudoException e) {
          if (e.code() == ErrorCode.REPLAY_DIVERGED) {
            throw e;
          }
          if (e.code() == ErrorCode.RESIDENCY_LIMIT && waitForRoom(machine, queued)) {
            break;
          }
          // It could not even be tried; the machine is as it was.
          span = null;
          giveBackHolds(machine);
          VudoError error = e.toError();
          if (retryUnderWay) {
            retryWasImpossible = true;
            log.warn("{}: a message cannot be tried again now: {}", id, error);
          } else {
            meters.refused(error.code(), 1);
            afterCommit.add(() -> queued.refuse(error));
          }
        }
        next++;
        answers = List.of();
        if (System.nanoTime() - until > 0 || uncommittedBytes > spirits.settings().batchBytes()) {
          break;
        }
      }
    } finally {
      log.leave();
    }
    keepHeadroom(machine);
    return commit(machine);
  }

  /** Before the engine is full, so that nobody has to wait until others have left. */
  private void keepHeadroom(SpiritMachine machine) {
    if (machine.hasInstance()) {
      machine.configured().ifPresent(now -> spirits.residents().keepHeadroom(now.getEngine()));
    }
  }

  /** Moves to another engine; whatever can fail does so before anything is to be journaled. */
  private void migrate(SpiritMachine machine, SpiritCommand.Migrate command) {
    long startNanos = System.nanoTime();
    String from = machine.configured().map(Configured::getEngine).orElse("");
    Optional<SpiritEvent> moved = machine.migrate(command.engine());
    moved.ifPresent(uncommitted::add);
    String hash = machine.stateHash();
    long turn = machine.lastTurn();
    afterCommit.add(
        () -> {
          long pauseMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
          if (moved.isPresent()) {
            log.info("{} moved from {} to {} after turn {}", id, from, command.engine(), turn);
          }
          Migration migration = new Migration(id, command.engine(), from, turn, pauseMillis, hash);
          if (moved.isPresent()) {
            spans.migrated(migration);
          }
          command.replyTo().tell(new MigrationReply.Done(migration));
        });
  }

  /** Begins with the state of another Spirit, unless something has happened here already. */
  private void begin(SpiritMachine machine, SpiritCommand.Begin command) {
    if (lastSequenceNumber(context) > 0 || machine.configured().isPresent()) {
      throw new VudoException(ErrorCode.SPIRIT_EXISTS, "Got \"" + id + "\".");
    }
    command.events().forEach(machine::replay);
    swapDue = true;
    uncommitted.addAll(command.events());
    afterCommit.add(
        () -> {
          log.info("{} begins as a fork at turn {}", id, machine.lastTurn());
          command.replyTo().tell(new BeginReply.Begun());
        });
  }

  /** Goes over to the module of the type's last swap, if that is another one and was not tried. */
  private SwapEnd moveIfBehind(SpiritMachine machine) {
    Optional<SpiritEvent> event = spirits.swaps().moveIfBehind(machine);
    swapDue = false;
    event.ifPresent(
        swapped -> {
          uncommitted.add(swapped);
          afterCommit.add(
              () -> {
                // Before somebody learns that it moved and looks which module it runs.
                report(machine, SpiritStatus.Phase.RUNNING);
                spirits.swaps().note(id, swapped.getSwapped());
              });
        });
    return Swaps.end(event);
  }

  /** Handles one message; false when it suspended. */
  private boolean handle(SpiritMachine machine, SpiritCommand.Deliver deliver) {
    if (deliver.message().getKind() == Message.Kind.TUPLE_CHANGED) {
      Optional<Message> watched = machine.watched(deliver.message());
      if (watched.isEmpty()) {
        refuseLater(deliver, ErrorCode.SPIRIT_NOT_FOUND, id + " does not watch that.");
        return true;
      }
      return handleNew(machine, new SpiritCommand.Deliver(watched.get(), deliver.replyTo()));
    }
    return handleNew(machine, deliver);
  }

  private boolean handleNew(SpiritMachine machine, SpiritCommand.Deliver deliver) {
    Message message = deliver.message();
    String messageId = message.getId();
    switch (machine.judge(message)) {
      case DUPLICATE -> {
        later(deliver, repeated(machine, message));
        return true;
      }
      case GAP -> {
        refuseLater(deliver, ErrorCode.SPIRIT_UNAVAILABLE, "An earlier message must come first.");
        return true;
      }
      case FORGOTTEN -> {
        refuseLater(
            deliver,
            ErrorCode.OUTCOME_FORGOTTEN,
            "It may have been handled before: " + id + " has forgotten keys of that time.");
        return true;
      }
      case NEW -> {}
    }
    boolean forHost = machine.isForHost(message);
    if (swapDue && answers.isEmpty() && !forHost) {
      // A turn with answers was begun on the module before and goes on there.
      moveIfBehind(machine);
    }
    Optional<Deployment> deployment = spirits.deployments().find(id.type());
    if (deployment.isEmpty() && machine.configured().isEmpty() && !forHost) {
      refuseLater(deliver, ErrorCode.SPIRIT_TYPE_UNKNOWN, "Got \"" + id.type() + "\".");
      return true;
    }
    deployment.ifPresent(
        d -> {
          if (!machine.born()) {
            // For a whole life: a journal with holes in it could not be replayed.
            durable = d.durable();
          }
          if (machine.born() || !forHost) {
            machine.follow(d).ifPresent(uncommitted::add);
          }
        });
    if (forHost) {
      Turn turn = machine.handleByHost(message);
      uncommitted.add(SpiritEvent.newBuilder().setTurn(turn).build());
      uncommittedBytes += turn.getSerializedSize();
      afterCommit.add(() -> tell(turn));
      later(deliver, handled(messageId, turn.getNumber(), Completed.getDefaultInstance()));
      return true;
    }
    if (message.getKind() == Message.Kind.RESTART
        || (message.getKind() == Message.Kind.SPAWN && machine.halted().isPresent())) {
      restart(machine, message);
      if (message.getKind() == Message.Kind.RESTART) {
        later(deliver, handled(messageId, machine.lastTurn(), Completed.getDefaultInstance()));
        return true;
      }
    }
    if (machine.halted().isPresent() && message.getKind() != Message.Kind.STOP) {
      later(deliver, halted(machine.halted().get(), message));
      return true;
    }
    if (!retryUnderWay && message.getPayload().size() > machine.limits().maxPayloadBytes()) {
      refuseLater(
          deliver,
          ErrorCode.PAYLOAD_TOO_LARGE,
          message.getPayload().size()
              + " bytes; the limit of "
              + id.type()
              + " is "
              + machine.limits().maxPayloadBytes()
              + ".");
      return true;
    }
    if (message.getKind() == Message.Kind.STOP) {
      uncommitted.add(machine.stop(message));
      later(deliver, handled(messageId, 0, Completed.getDefaultInstance()));
      return true;
    }
    if (!machine.born()) {
      Message following = message.getKind() == Message.Kind.SPAWN ? null : message;
      Message birth =
          message.getKind() == Message.Kind.SPAWN
              ? message
              : causedBy(
                      message,
                      Message.newBuilder()
                          .setId(messageId + "#birth")
                          .setType("spawn")
                          .setKind(Message.Kind.SPAWN))
                  .build();
      Turn born = attempt(machine, birth, following, redelivery(message, () -> replyTo(deliver)));
      if (born == null) {
        return !querying
            && suspend(
                machine,
                birth,
                following,
                following == null ? replyToWhoWaits(deliver) : replyTo(deliver));
      }
      if (born.hasFailed()) {
        ended(message, deliver.replyTo(), born);
        return true;
      }
      answers = List.of();
    }
    if (message.getKind() == Message.Kind.SPAWN) {
      later(deliver, handled(messageId, machine.lastTurn(), Completed.getDefaultInstance()));
      return true;
    }
    Turn turn = attempt(machine, message, null, redelivery(message, () -> replyTo(deliver)));
    if (turn == null) {
      return !querying && suspend(machine, message, null, replyToWhoWaits(deliver));
    }
    ended(message, deliver.replyTo(), turn);
    return true;
  }

  /** Into the trace of the message that made it necessary. */
  private static Message.Builder causedBy(Message cause, Message.Builder message) {
    return cause.hasTrace() ? message.setTrace(cause.getTrace()) : message;
  }

  /** Tells who sent a message how its turn ended, unless it is tried again. */
  private void ended(Message message, ActorRef<DeliveryReply> replyTo, Turn turn) {
    if (turn.getSupervised().getRetryAtMillis() == 0) {
      later(message, replyTo, outcome(message.getId(), turn));
    }
  }

  private static DeliveryReply outcome(String messageId, Turn turn) {
    return turn.hasFailed()
        ? new DeliveryReply.HandledBadly(messageId, turn.getNumber(), turn.getFailed())
        : handled(messageId, turn.getNumber(), turn.getCompleted());
  }

  /** Tries a turn; null when it lacks an answer: {@link #querying} or {@link #waiting}. */
  private Turn attempt(
      SpiritMachine machine, Message message, Message following, Redelivery redelivery) {
    if (span == null || !span.isOf(message)) {
      span = spans.begin(id, machine.lastTurn() + 1, message, machine.suspended().orElse(null));
    }
    log.at(
        machine.lastTurn() + 1, message.getId(), span == null ? message.getTrace() : span.trace());
    long startNanos = System.nanoTime();
    Attempt attempt =
        machine.attempt(
            message, following, redelivery, answers, span == null ? null : span.trace());
    ofType.attempted(
        machine.configured().map(Configured::getEngine).orElse(""),
        attempt,
        System.nanoTime() - startNanos);
    if (attempt instanceof Attempt.Suspended lacking) {
      if (lacking.request().timeoutMillis() == 0) {
        answers = lacking.answers();
        querying = true;
        query(lacking.request(), machine.lastTurn() + 1);
      } else {
        waiting = lacking;
      }
      return null;
    }
    Attempt.Finished finished = (Attempt.Finished) attempt;
    Turn turn = finished.turn();
    Steps.at(Steps.COMPUTED, id);
    if (span != null) {
      TurnSpan done = span;
      span = null;
      done.computed();
      afterCommit.add(() -> done.end(turn));
    }
    uncommitted.add(SpiritEvent.newBuilder().setTurn(turn).build());
    uncommittedBytes += turn.getSerializedSize();
    List<TurnLog> lines = finished.logs();
    Map<String, String> held = Map.copyOf(holdsOfTurn);
    holdsOfTurn.clear();
    afterCommit.add(
        () -> {
          write(turn, lines);
          tell(turn);
          held.keySet().forEach(spaceByHold::remove);
          Set<String> kept =
              turn.getEffectsList().stream()
                  .map(effect -> effect.getConfirmTake().getHold())
                  .collect(Collectors.toSet());
          held.forEach(
              (hold, space) -> {
                if (!kept.contains(hold)) {
                  spirits.tuplespace().release(space, hold);
                }
              });
        });
    return turn;
  }

  private DeliveryReply repeated(SpiritMachine machine, Message message) {
    String messageId = message.getId();
    Optional<Remembered> known = machine.outcome(message);
    if (known.isEmpty() && message.getKind() == Message.Kind.QUESTION) {
      return new DeliveryReply.HandledBadly(
          messageId,
          0,
          Failed.newBuilder()
              .setCode(ErrorCode.OUTCOME_FORGOTTEN.name())
              .setDetail("Message " + messageId + ".")
              .build());
    }
    Remembered before = known.orElse(Remembered.getDefaultInstance());
    return before.hasFailed()
        ? new DeliveryReply.HandledBadly(messageId, before.getTurn(), before.getFailed())
        : handled(messageId, before.getTurn(), before.getCompleted());
  }

  private static DeliveryReply handled(String messageId, long turn, Completed completed) {
    return new DeliveryReply.Handled(messageId, turn, completed);
  }

  private void refuseLater(SpiritCommand.Deliver deliver, ErrorCode code, String detail) {
    meters.refused(code, 1);
    later(
        deliver, new DeliveryReply.Refused(deliver.message().getId(), new VudoError(code, detail)));
  }

  private void later(SpiritCommand.Deliver deliver, DeliveryReply reply) {
    later(deliver.message(), deliver.replyTo(), reply);
  }

  /** The answer to a question goes to the asker's address: it may have left memory meanwhile. */
  private void later(Message message, ActorRef<DeliveryReply> replyTo, DeliveryReply reply) {
    long beganNanos = batchNanos;
    if (message.getKind() != Message.Kind.QUESTION || reply instanceof DeliveryReply.Refused) {
      afterCommit.add(
          () -> {
            meters.answered(reply, System.nanoTime() - beganNanos);
            replyTo.tell(reply);
          });
      return;
    }
    Reply.Builder answer = Reply.newBuilder();
    if (reply instanceof DeliveryReply.HandledBadly bad) {
      answer
          .setStatus(GuestStatus.FAILED)
          .setPayload(
              ByteString.copyFromUtf8(bad.outcome().getCode() + ": " + bad.outcome().getDetail()));
    } else {
      answer.setPayload(((DeliveryReply.Handled) reply).outcome().getReply());
    }
    SpiritCommand.Answered answered =
        new SpiritCommand.Answered(message.getId(), Answer.newBuilder().setReply(answer).build());
    afterCommit.add(
        () -> {
          meters.answered(reply, System.nanoTime() - beganNanos);
          spirits.send(message.getSender(), answered);
        });
  }

  /** Makes room for an instance; false when there was none for too long. */
  private boolean waitForRoom(SpiritMachine machine, SpiritCommand.Queued wanted) {
    if (System.nanoTime() - residencyDeadlineNanos > 0) {
      return false;
    }
    if (wanted instanceof SpiritCommand.Migrate migrate) {
      spirits.residents().makeRoom(migrate.engine());
    }
    waitForRoom(machine);
    return true;
  }

  private void waitForRoom(SpiritMachine machine) {
    waitingForRoom = true;
    machine.configured().ifPresent(now -> spirits.residents().makeRoom(now.getEngine()));
    timers.startSingleTimer(TryAgain.INSTANCE, residencyRetry);
    // A turn that needs much room runs in vain each time.
    residencyRetry =
        residencyRetry.compareTo(RESIDENCY_RETRY_MAX) < 0
            ? residencyRetry.multipliedBy(2)
            : RESIDENCY_RETRY_MAX;
  }

  // Commit

  private Effect<SpiritEvent, SpiritMachine> commit(SpiritMachine machine) {
    if (registering) {
      return Effect().none();
    }
    List<Position> confirmed =
        uncommitted.isEmpty() && machine.unjournaledAcknowledgements() < ACKNOWLEDGEMENTS_PER_WRITE
            ? List.of()
            : machine.takeAcknowledged();
    if (!confirmed.isEmpty()) {
      uncommitted.add(
          SpiritEvent.newBuilder()
              .setAcknowledged(Acknowledged.newBuilder().addAllPositions(confirmed))
              .build());
    }
    if (uncommitted.isEmpty() || !durable) {
      uncommitted.clear();
      return Effect().none().thenRun(() -> committed(machine));
    }
    if (machine.needsWaking() && !registered) {
      register();
      return Effect().none();
    }
    List<SpiritEvent> entries = packed(uncommitted);
    uncommitted.clear();
    return Effect()
        .persist(entries)
        .thenRun(
            () -> {
              Steps.at(Steps.COMMITTED, id);
              committed(machine);
            });
  }

  private List<SpiritEvent> packed(List<SpiritEvent> events) {
    // Counted here, as Pekko asks for snapshots now before and now after it applies an event.
    eventsSinceSnapshot += events.size();
    return EventBatches.packed(events, spirits.settings().batchBytes());
  }

  private void committed(SpiritMachine machine) {
    List<Runnable> released = List.copyOf(afterCommit);
    afterCommit.clear();
    uncommittedBytes = 0;
    released.forEach(Runnable::run);
    if (!released.isEmpty()) {
      Steps.at(Steps.REPLIED, id);
    }
    startDeliveries(machine);
    scheduleTimers(machine);
    if (registered && !machine.needsWaking()) {
      scheduleRedelivery();
    }
    boolean through = !batch.isEmpty() && !querying && !waitingForRoom;
    report(machine, idlePhase(machine));
    tellGate(machine);
    if (through) {
      finishBatch();
    }
    scheduleRetry(machine);
  }

  private SpiritStatus.Phase idlePhase(SpiritMachine machine) {
    if (machine.halted().isPresent()) {
      return SpiritStatus.Phase.FAILED;
    }
    return querying || machine.suspended().isPresent()
        ? SpiritStatus.Phase.SUSPENDED
        : SpiritStatus.Phase.READY;
  }

  /**
   * While a turn waits, or a message is to be tried again, the gate holds all other messages back.
   */
  private void tellGate(SpiritMachine machine) {
    String now =
        machine
            .suspended()
            .map(turn -> turn.hasFollowing() ? turn.getFollowing() : turn.getInput())
            .or(() -> machine.retrying().map(Retrying::getMessage))
            .map(Message::getId)
            .orElse("");
    if (!now.equals(blocking)) {
      blocking = now;
      gate.tell(new SpiritCommand.Blocked(now));
    }
    // Nobody would bring back one that is not durable.
    boolean stays = machine.isRemembered() || (!durable && machine.needsWaking());
    if (stays != staying) {
      staying = stays;
      gate.tell(new SpiritCommand.MayLeave(!stays && !machine.hasDeliveries()));
    }
  }

  private void finishBatch() {
    int handled = next;
    batch = List.of();
    next = 0;
    if (retryUnderWay) {
      retryUnderWay = false;
      return;
    }
    gate.tell(new SpiritCommand.BatchDone(handled));
  }

  /**
   * A Spirit with something to deliver is noted in the index of those to wake before the turn that
   * made it so is committed; otherwise a crash right after would leave nobody to deliver it.
   */
  private void register() {
    registering = true;
    context.pipeToSelf(
        spirits.wakeIndex().add(id),
        (done, failure) -> new Registered(failure == null ? null : Courier.error(failure)));
  }

  private Effect<SpiritEvent, SpiritMachine> onRegistered(
      SpiritMachine machine, Registered answer) {
    if (answer.error() != null) {
      if (!indexAway) {
        indexAway = true;
        log.warn("{}: the index of Spirits to wake is away: {}", id, answer.error());
      }
      registering = false;
      if (stopping || givingBack) {
        // A node that was put out would try for ever. Not committed, so it never happened.
        return Effect().stop();
      }
      timers.startSingleTimer(REGISTER, TryAgain.INSTANCE, REGISTRATION_RETRY);
      return Effect().none();
    }
    indexAway = false;
    registering = false;
    registered = true;
    return commit(machine);
  }

  // Waiting for a tuple

  private void query(WaitRequest wanted, long turn) {
    long ticket = ++request;
    String space = Queries.spaceOfHold(wanted);
    String hold = space.isEmpty() ? "" : newHold(turn);
    if (!hold.isEmpty()) {
      spaceByHold.put(hold, space);
      holdsOfTurn.put(hold, space);
    }
    Steps.at(Steps.ASKING, id);
    context.pipeToSelf(
        queries.ask(wanted, hold),
        (answer, failure) ->
            new Arrived(
                ticket, hold, failure == null, failure == null ? answer : Queries.away(wanted)));
  }

  private String newHold(long turn) {
    byte[] unique = new byte[8];
    RANDOM.nextBytes(unique);
    return id + "#" + turn + "#" + HexFormat.of().formatHex(unique);
  }

  private Effect<SpiritEvent, SpiritMachine> onArrived(SpiritMachine machine, Arrived arrived) {
    if (!querying || arrived.request() != request) {
      return Effect().none();
    }
    Steps.at(Steps.HELD, id);
    querying = false;
    if (!arrived.holdId().isEmpty() && arrived.heard()) {
      // Now it is known what the holds are called, or that there is none.
      spaceByHold.remove(arrived.holdId());
      holdsOfTurn.remove(arrived.holdId());
      Holds.of(arrived.answer(), spaceByHold::put);
      Holds.of(arrived.answer(), holdsOfTurn::put);
    }
    List<Answer> more = new ArrayList<>(answers);
    more.add(arrived.answer());
    answers = more;
    return goOn(machine);
  }

  // A turn that waits

  /**
   * Who is told how the turn ends. A Spirit that does not wait for that hears at once that the
   * message is taken on, which is durable then, and need not repeat it.
   */
  private String replyToWhoWaits(SpiritCommand.Deliver deliver) {
    Message message = deliver.message();
    if (!durable || !message.hasPosition() || message.getKind() == Message.Kind.QUESTION) {
      return replyTo(deliver);
    }
    later(deliver, handled(message.getId(), 0, Completed.getDefaultInstance()));
    return "";
  }

  private String replyTo(SpiritCommand.Deliver deliver) {
    return deliver.message().getKind() == Message.Kind.QUESTION
        ? ""
        : references.toSerializationFormat(deliver.replyTo());
  }

  /** Notes that the turn waits; always true. */
  private boolean suspend(
      SpiritMachine machine, Message message, Message following, String replyTo) {
    TurnSpan traced = span;
    SpiritEvent event =
        traced == null
            ? machine.suspend(message, following, waiting, replyTo)
            : machine.suspend(
                message, following, waiting, replyTo, traced.trace(), traced.beganMillis());
    waiting = null;
    // They are in its answers now.
    holdsOfTurn.clear();
    uncommitted.add(event);
    uncommittedBytes += event.getSerializedSize();
    afterCommit.add(
        () -> {
          if (traced != null) {
            traced.waits(event.getSuspended().getWait());
          }
          waits.begin(event.getSuspended().getWait());
        });
    return true;
  }

  private Effect<SpiritEvent, SpiritMachine> onWaitTick(SpiritMachine machine) {
    Optional<Wait> wait = machine.suspended().map(Suspended::getWait);
    if (wait.isEmpty() || resuming || freezing || frozen || !waits.tick(wait.get())) {
      return Effect().none();
    }
    return resume(machine, waits.timeout(wait.get()));
  }

  private Effect<SpiritEvent, SpiritMachine> onAnswered(SpiritMachine machine, Answered answered) {
    if (frozen) {
      // The gate keeps it for whoever goes on with the Spirit.
      gate.tell(new SpiritCommand.Answered(answered.waitId(), answered.answer()));
      return Effect().none();
    }
    Optional<Wait> wait =
        machine
            .suspended()
            .map(Suspended::getWait)
            .filter(waited -> waited.getId().equals(answered.waitId()));
    if (wait.isEmpty() || resuming) {
      // Said already, or after the time was over.
      return Effect().none();
    }
    Answer answer = Waits.as(wait.get(), answered.answer());
    Steps.at(Steps.HELD, id);
    waits.answered(wait.get(), answer);
    if (answer.getTuple().getStatus() == GuestStatus.OK && wait.get().getTuple().getTake()) {
      String space = wait.get().getTuple().getSpace();
      spaceByHold.put(answer.getTuple().getHold(), space);
      holdsOfTurn.put(answer.getTuple().getHold(), space);
      answer = answer.toBuilder().setTuple(answer.getTuple().toBuilder().setSpace(space)).build();
    } else if (answer.hasTuple()) {
      answer = answer.toBuilder().setTuple(answer.getTuple().toBuilder().clearHold()).build();
    }
    return resume(machine, answer);
  }

  private Effect<SpiritEvent, SpiritMachine> resume(SpiritMachine machine, Answer answer) {
    List<Answer> all = new ArrayList<>(machine.suspended().orElseThrow().getAnswersList());
    all.add(answer);
    answers = all;
    resuming = true;
    if (span != null) {
      span.goesOn();
    }
    batchNanos = System.nanoTime();
    all.forEach(one -> Holds.of(one, holdsOfTurn::put));
    residencyRetry = RESIDENCY_RETRY_MIN;
    return resume(machine);
  }

  /** Runs the turn that waited once more from its start, with one answer more. */
  private Effect<SpiritEvent, SpiritMachine> resume(SpiritMachine machine) {
    Suspended turn = machine.suspended().orElseThrow();
    report(machine, SpiritStatus.Phase.RUNNING);
    log.enter();
    try {
      tryAgain(machine, turn);
    } catch (VudoException e) {
      if (e.code() != ErrorCode.RESIDENCY_LIMIT) {
        throw e;
      }
      // However long that takes: the turn is durable, and nobody but its asker waits.
      waitForRoom(machine);
      return Effect().none();
    } finally {
      log.leave();
    }
    if (!querying) {
      resuming = false;
      answers = List.of();
    }
    keepHeadroom(machine);
    return commit(machine);
  }

  private void tryAgain(SpiritMachine machine, Suspended suspended) {
    waitingForRoom = false;
    Message input = suspended.getInput();
    Message following = suspended.hasFollowing() ? suspended.getFollowing() : null;
    String replyTo = suspended.getReplyTo();
    Message subject = following == null ? input : following;
    Turn turn = attempt(machine, input, following, redelivery(subject, () -> replyTo));
    if (turn == null) {
      if (!querying) {
        suspend(machine, input, following, replyTo);
      }
      return;
    }
    ActorRef<DeliveryReply> receiver =
        replyTo.isEmpty() ? context.getSystem().ignoreRef() : references.resolveActorRef(replyTo);
    if (following == null) {
      ended(input, receiver, turn);
    } else if (turn.hasCompleted()) {
      // It was the birth; the message that caused it is the next.
      SpiritCommand.Deliver first = new SpiritCommand.Deliver(following, receiver);
      afterCommit.add(() -> gate.tell(new SpiritCommand.First(first)));
    } else {
      ended(following, receiver, turn);
    }
  }

  // Supervision

  private boolean mayRun(SpiritMachine machine) {
    return machine.suspended().isEmpty() && (retryUnderWay || machine.retrying().isEmpty());
  }

  /** Only a message that may be tried again needs to say who is told. */
  private Redelivery redelivery(Message message, Supplier<String> replyTo) {
    SpiritSettings settings = spirits.settings();
    return new Redelivery(
        message.hasPosition() ? replyTo.get() : "",
        settings.restartMin().toMillis(),
        settings.restartMax().toMillis());
  }

  private void scheduleRetry(SpiritMachine machine) {
    Optional<Retrying> retrying = machine.retrying();
    if (retrying.isEmpty()) {
      timers.cancel(RetryTick.INSTANCE);
    } else if (!retryUnderWay && !timers.isTimerActive(RetryTick.INSTANCE)) {
      // Also when the clock was set back meanwhile, no later than its pause from now on.
      long pauseMillis =
          retryWasImpossible
              ? RETRY_OF_THE_IMPOSSIBLE.toMillis()
              : Math.min(
                  retrying.get().getPauseMillis(),
                  retrying.get().getRetryAtMillis() - spirits.clock().millis());
      timers.startSingleTimer(RetryTick.INSTANCE, Duration.ofMillis(Math.max(1, pauseMillis)));
    }
  }

  private Effect<SpiritEvent, SpiritMachine> onRetryTick(SpiritMachine machine) {
    if (freezing || frozen) {
      return Effect().none();
    }
    Optional<Retrying> retrying = machine.retrying();
    if (retrying.isEmpty() || machine.suspended().isPresent()) {
      // When the turn that waits is over, its outcome decides.
      return Effect().none();
    }
    if (!batch.isEmpty() || registering) {
      timers.startSingleTimer(RetryTick.INSTANCE, RESIDENCY_RETRY_MIN);
      return Effect().none();
    }
    retryUnderWay = true;
    retryWasImpossible = false;
    String replyTo = retrying.get().getReplyTo();
    return onBatch(
        machine,
        new Batch(
            List.of(
                new SpiritCommand.Deliver(
                    retrying.get().getMessage(),
                    replyTo.isEmpty()
                        ? context.getSystem().ignoreRef()
                        : references.resolveActorRef(replyTo)))));
  }

  /**
   * Takes messages again, if it does not.
   *
   * @throws VudoException {@code SPIRIT_NOT_FOUND}
   */
  private void restart(SpiritMachine machine, Message message) {
    if (machine.halted().isPresent()) {
      Message restart =
          message.getKind() == Message.Kind.RESTART
              ? message
              : causedBy(
                      message,
                      Message.newBuilder()
                          .setId(message.getId() + "#restart")
                          .setSender(message.getSender())
                          .setType("restart")
                          .setKind(Message.Kind.RESTART))
                  .build();
      uncommitted.add(machine.restart(restart));
      afterCommit.add(() -> log.info("{} is restarted", id));
    } else if (!machine.born()) {
      throw new VudoException(ErrorCode.SPIRIT_NOT_FOUND, "Got \"" + id + "\".");
    }
  }

  private DeliveryReply halted(Halted halted, Message message) {
    String detail =
        id
            + " failed in turn "
            + halted.getTurn()
            + ": "
            + halted.getReason().getCode()
            + " "
            + halted.getReason().getDetail();
    return message.getKind() == Message.Kind.QUESTION
        ? new DeliveryReply.HandledBadly(
            message.getId(),
            0,
            Failed.newBuilder().setCode(ErrorCode.SPIRIT_FAILED.name()).setDetail(detail).build())
        : new DeliveryReply.Refused(
            message.getId(), new VudoError(ErrorCode.SPIRIT_FAILED, detail));
  }

  /** What nobody would hear otherwise. */
  private void tell(Turn turn) {
    Supervised then = turn.getSupervised();
    if (then.getHalted()) {
      log.at(turn);
      log.error(
          "{} takes no messages until it is restarted; turn {} ended with {} {}{}",
          id,
          turn.getNumber(),
          turn.getFailed().getCode(),
          turn.getFailed().getDetail(),
          turn.getEffectsList().stream().anyMatch(SpiritMachine::tellsParent)
              ? ""
              : ". No parent is told.");
    } else if (then.getRetryAtMillis() > 0) {
      log.at(turn);
      log.warn(
          "{}: attempt {} at message {} ended with {} {}; the next in {} ms",
          id,
          then.getAttempt(),
          then.hasFollowing() ? then.getFollowing().getId() : turn.getInput().getId(),
          turn.getFailed().getCode(),
          turn.getFailed().getDetail(),
          then.getPauseMillis());
    }
  }

  // Timers

  private void scheduleTimers(SpiritMachine machine) {
    Optional<Timer> next = machine.nextTimer();
    if (next.isEmpty()) {
      timers.cancel(TimerTick.INSTANCE);
      return;
    }
    // By the clock that it is due by: one that was set back makes it late, and costs no ticks.
    long pauseMillis =
        Math.min(LONGEST_TICK.toMillis(), next.get().getDueMillis() - spirits.clock().millis());
    timers.startSingleTimer(TimerTick.INSTANCE, Duration.ofMillis(Math.max(0, pauseMillis)));
  }

  private Effect<SpiritEvent, SpiritMachine> onTimerTick(SpiritMachine machine) {
    if (freezing || frozen) {
      return Effect().none();
    }
    long now = spirits.clock().millis();
    while (machine.nextTimer().filter(timer -> timer.getDueMillis() <= now).isPresent()) {
      uncommitted.add(machine.fireTimer());
    }
    // A batch under way commits it, too.
    return batch.isEmpty() ? commit(machine) : Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onResolve(SpiritMachine machine, Resolve resolve) {
    // While it is not known yet what the hold is called, by what it was asked for.
    String asked = Tuplespace.holdIdOf(resolve.hold());
    HoldAnswer.Outcome outcome =
        spaceByHold.containsKey(resolve.hold())
                || spaceByHold.containsKey(asked)
                || machine.holdPending(resolve.hold())
                || machine.holdPending(asked)
            ? HoldAnswer.Outcome.PENDING
            : machine.holdCommitted(resolve.hold())
                ? HoldAnswer.Outcome.COMMITTED
                : HoldAnswer.Outcome.ABORTED;
    resolve
        .replyTo()
        .tell(HoldAnswer.newBuilder().setHold(resolve.hold()).setOutcome(outcome).build());
    return Effect().none();
  }

  // Delivering

  private void startDeliveries(SpiritMachine machine) {
    undelivered.are(machine.undelivered());
    if (machine.hasDeliveries()) {
      courier.deliver(machine);
      scheduleRedelivery();
      gate.tell(new SpiritCommand.MayLeave(false));
    }
  }

  private void scheduleRedelivery() {
    if (!timers.isTimerActive(Redeliver.INSTANCE)) {
      timers.startSingleTimer(Redeliver.INSTANCE, redelivery);
    }
  }

  private Effect<SpiritEvent, SpiritMachine> onDelivered(
      SpiritMachine machine, Delivered delivered) {
    if (frozen) {
      // Whoever goes on with the Spirit delivers it again, and hears it again.
      return Effect().none();
    }
    DeliveryReply reply = delivered.reply();
    if (SpiritMachine.isWait(reply.messageId())) {
      return onQuestionRefused(machine, reply);
    }
    Position position = position(reply.messageId());
    if (reply instanceof DeliveryReply.Refused refused) {
      return notConfirmed(machine, position, refused.error());
    }
    if (reply instanceof DeliveryReply.HandledBadly bad) {
      log.at(position.getTurn(), reply.messageId());
      log.warn(
          "{}: message {} ended with {} {}",
          id,
          reply.messageId(),
          bad.outcome().getCode(),
          bad.outcome().getDetail());
    }
    return confirmed(machine, position);
  }

  private Effect<SpiritEvent, SpiritMachine> onSpaceAnswered(
      SpiritMachine machine, SpaceAnswered answered) {
    courier.answered(answered.position());
    if (frozen) {
      return Effect().none();
    }
    return answered.error() == null
        ? confirmed(machine, answered.position())
        : notConfirmed(machine, answered.position(), answered.error());
  }

  private Effect<SpiritEvent, SpiritMachine> confirmed(SpiritMachine machine, Position position) {
    if (machine.acknowledge(position)) {
      redelivery = spirits.settings().redeliveryMin();
      meters.confirmed();
      undelivered.are(machine.undelivered());
    }
    return batch.isEmpty() ? commit(machine) : Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> notConfirmed(
      SpiritMachine machine, Position position, VudoError error) {
    if (Courier.isFinal(error.code()) && !machine.isGivenUp(position)) {
      Optional<SpiritEvent> letter = machine.giveUp(position, error);
      log.at(position.getTurn(), "");
      log.warn(
          "{}: effect {} of turn {} {}: {}",
          id,
          position.getIndex(),
          position.getTurn(),
          letter.isPresent() ? "becomes a dead letter" : "is given up",
          error);
      letter.ifPresent(uncommitted::add);
      return letter.isPresent()
          ? batch.isEmpty() ? commit(machine) : Effect().none()
          : confirmed(machine, position);
    }
    scheduleRedelivery();
    return Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onRedeliver(SpiritMachine machine) {
    if (frozen) {
      return Effect().none();
    }
    if (!uncommitted.isEmpty()) {
      // What these turns send must not leave before they are durable.
      scheduleRedelivery();
    } else if (machine.hasDeliveries()) {
      meters.redelivered(courier.redeliver(machine));
      Duration doubled = redelivery.multipliedBy(2);
      Duration most = spirits.settings().redeliveryMax();
      redelivery = doubled.compareTo(most) > 0 ? most : doubled;
      scheduleRedelivery();
    } else if (batch.isEmpty()) {
      if ((registered || maybeRegistered) && !machine.needsWaking()) {
        leaveIndex();
      }
      gate.tell(new SpiritCommand.MayLeave(!staying));
    } else {
      scheduleRedelivery();
    }
    return Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onQuestionRefused(
      SpiritMachine machine, DeliveryReply reply) {
    Optional<Wait> wait =
        machine
            .suspended()
            .map(Suspended::getWait)
            .filter(waited -> waited.getId().equals(reply.messageId()));
    if (wait.isPresent()
        && reply instanceof DeliveryReply.Refused refused
        && Courier.isFinal(refused.error().code())) {
      return onAnswered(
          machine,
          new Answered(reply.messageId(), Waits.refused(wait.get(), refused.error().code())));
    }
    // It is asked again, until the time is over.
    return Effect().none();
  }

  private void leaveIndex() {
    registered = false;
    maybeRegistered = false;
    spirits.wakeIndex().remove(id);
  }

  /**
   * Who is woken with nothing to do was left in the index by a crash, or by a wait that ended
   * outside of memory.
   */
  private Effect<SpiritEvent, SpiritMachine> onWoken(SpiritMachine machine) {
    if (frozen) {
      return Effect().none();
    }
    if (!registered && !registering && !machine.needsWaking() && uncommitted.isEmpty()) {
      leaveIndex();
    }
    return Effect().none();
  }

  private static Position position(String messageId) {
    int second = messageId.lastIndexOf('#');
    int first = messageId.lastIndexOf('#', second - 1);
    return Position.newBuilder()
        .setTurn(Long.parseLong(messageId.substring(first + 1, second)))
        .setIndex(Integer.parseInt(messageId.substring(second + 1)))
        .build();
  }

  // Moving to and from other nodes

  private Effect<SpiritEvent, SpiritMachine> onCopyPages(SpiritMachine machine) {
    gate.tell(
        new SpiritCommand.PagesTaken(
            machine.born(),
            machine.configured().orElse(Configured.getDefaultInstance()),
            machine.sharePages()));
    return Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onFreeze(SpiritMachine machine) {
    freezing = true;
    return onFreezeTick(machine);
  }

  private Effect<SpiritEvent, SpiritMachine> onFreezeTick(SpiritMachine machine) {
    if (!freezing || frozen) {
      return Effect().none();
    }
    boolean atRest =
        batch.isEmpty()
            && uncommitted.isEmpty()
            && afterCommit.isEmpty()
            && !registering
            && !querying
            && !resuming
            && !waitingForRoom;
    if (!atRest) {
      timers.startSingleTimer(FreezeTick.INSTANCE, FREEZE_RETRY);
      return Effect().none();
    }
    frozen = true;
    long frozenNanos = System.nanoTime();
    gate.tell(
        new SpiritCommand.StateTaken(
            machine.handOver(),
            lastSequenceNumber(context),
            machine.lastTurn(),
            durable,
            eventsSinceSnapshot,
            frozenNanos));
    return Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onGoOn(SpiritMachine machine) {
    freezing = false;
    if (frozen) {
      frozen = false;
      begin(machine);
    } else {
      scheduleTimers(machine);
      scheduleRetry(machine);
    }
    return Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onActivate(SpiritMachine machine) {
    standBy = null;
    frozen = false;
    begin(machine);
    return Effect().none();
  }

  // Leaving

  private Effect<SpiritEvent, SpiritMachine> onRest(SpiritMachine machine) {
    if (batch.isEmpty() && !frozen) {
      machine.rest();
      report(machine, SpiritStatus.Phase.READY);
    }
    return Effect().none();
  }

  private Effect<SpiritEvent, SpiritMachine> onGiveBack(SpiritMachine machine) {
    if (querying) {
      // Not committed, so it never happened: the message is refused and may be sent again.
      giveUpQuery(machine);
      finishBatch();
    } else if (waitingForRoom) {
      waitingForRoom = false;
      timers.cancel(TryAgain.INSTANCE);
      finishBatch();
    } else if (timers.isTimerActive(REGISTER)) {
      return Effect().stop();
    }
    givingBack = true;
    return Effect().none();
  }

  /** Holds of a turn that waits stay; it will go on with them. */
  private void giveUpQuery(SpiritMachine machine) {
    querying = false;
    resuming = false;
    span = null;
    request++;
    giveBackHolds(machine);
  }

  private void giveBackHolds(SpiritMachine machine) {
    // That of a wait has its name only once it is answered, and goes by the id of the wait before.
    holdsOfTurn
        .keySet()
        .removeIf(
            hold -> machine.holdPending(hold) || machine.holdPending(Tuplespace.holdIdOf(hold)));
    holdsOfTurn.forEach((hold, space) -> spirits.tuplespace().release(space, hold));
    spaceByHold.keySet().removeAll(holdsOfTurn.keySet());
    holdsOfTurn.clear();
  }

  private Effect<SpiritEvent, SpiritMachine> onStop(SpiritMachine machine, Stop stop) {
    stopping = true;
    timers.cancelAll();
    if (querying) {
      giveUpQuery(machine);
    }
    if (durable && machine.needsWaking() && stop.idle()) {
      // Otherwise it is brought back elsewhere at once: what it asked may have been lost as well.
      long now = spirits.clock().millis();
      LongStream.concat(
              machine.suspended().stream().mapToLong(turn -> Waits.dueMillis(turn.getWait(), now)),
              LongStream.concat(
                  machine.nextTimer().stream().mapToLong(Timer::getDueMillis),
                  machine.retrying().stream().mapToLong(Retrying::getRetryAtMillis)))
          .min()
          .ifPresent(dueMillis -> spirits.wakeIndex().schedule(id, dueMillis));
    }
    // At once: others may wait for an instance, and writing the snapshot takes a while.
    machine.rest();
    if (!durable || !uncommitted.isEmpty() || machine.lastTurn() == turnAtSnapshot) {
      // A snapshot must not have turns that the journal does not have.
      return Effect().stop();
    }
    List<SpiritEvent> last = new ArrayList<>();
    List<Position> confirmed = machine.takeAcknowledged();
    if (!confirmed.isEmpty()) {
      last.add(
          SpiritEvent.newBuilder()
              .setAcknowledged(Acknowledged.newBuilder().addAllPositions(confirmed))
              .build());
    }
    last.add(machine.marker());
    return Effect().persist(packed(last));
  }

  // What people see

  private void write(Turn turn, List<TurnLog> lines) {
    if (lines.isEmpty()) {
      return;
    }
    log.at(turn);
    log.about(() -> lines.forEach(this::write));
  }

  private void write(TurnLog line) {
    switch (line.level()) {
      case 0 -> GUEST_LOG.trace("{}: {}", id, line.text());
      case 1 -> GUEST_LOG.debug("{}: {}", id, line.text());
      case 2 -> GUEST_LOG.info("{}: {}", id, line.text());
      case 3 -> GUEST_LOG.warn("{}: {}", id, line.text());
      default -> GUEST_LOG.error("{}: {}", id, line.text());
    }
  }

  private void report(SpiritMachine machine, SpiritStatus.Phase phase) {
    machine
        .configured()
        .ifPresent(
            configured ->
                spirits
                    .residents()
                    .update(
                        new SpiritStatus(
                            id,
                            phase,
                            new ModuleDigest(configured.getModuleDigest()),
                            configured.getEngine(),
                            machine.lastTurn(),
                            machine.memoryBytes(),
                            batch.size() - next,
                            recoveredTurns,
                            recoveryMillis,
                            machine
                                .suspended()
                                .map(Suspended::getWait)
                                .map(Waits::text)
                                .orElse("")),
                        gate,
                        machine.hasInstance()));
  }
}
