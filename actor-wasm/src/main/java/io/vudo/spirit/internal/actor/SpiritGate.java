package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.wire.v1.HoldAnswer;
import io.vudo.spirit.Deployment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The mailbox of a Spirit on the node that has it: it hands messages on in batches, so that those
 * that arrive while a write is under way share the next one, and holds them back while the Spirit
 * moves to another node.
 *
 * <p>It is small and has no state that must survive. The state lives in its child, the {@link
 * SpiritActor}, on the threads that run guests; the gate stays on Pekko's own, so that a full
 * mailbox is refused at once however busy the guest is.
 */
final class SpiritGate extends AbstractBehavior<SpiritCommand> {
  /**
   * How a Spirit begins that comes from another node; it does nothing until it is told to. What is
   * here is set before its state is handed over, and read after.
   */
  static final class StandBy {
    private volatile boolean durable;
    private volatile long eventsSinceSnapshot;

    /**
     * @param isDurable whether it is journaled
     * @param events how many events recovery would have to read since the last snapshot
     */
    void comes(boolean isDurable, long events) {
      durable = isDurable;
      eventsSinceSnapshot = events;
    }

    boolean durable() {
      return durable;
    }

    long eventsSinceSnapshot() {
      return eventsSinceSnapshot;
    }
  }

  private final SpiritContext spirits;
  private final SpiritId id;
  private final ActorRef<HostCommand> host;
  private final SpiritLog log;
  private final SpiritMeters.Undelivered undelivered;

  /** Null but for one that comes from another node. */
  private final StandBy standBy;

  /** What a message takes beside its payload, about. */
  private static final int MESSAGE_BYTES = 512;

  private static final Duration RESIDENCY_PATIENCE = Duration.ofSeconds(10);
  private static final Duration RESIDENCY_RETRY = Duration.ofMillis(50);

  private final TimerScheduler<SpiritCommand> timers;
  private final Deque<SpiritCommand.Queued> waiting = new ArrayDeque<>();
  private long waitingBytes;

  /** The ids of messages of other Spirits and of watches that wait or are under way. */
  private final Set<String> here = new HashSet<>();

  /** The id of the message whose turn waits for an answer; empty when none does. */
  private String blockedBy = "";

  private List<SpiritCommand.Queued> underWay = List.of();
  private ActorRef<SpiritActor.Command> child;
  private boolean mayLeave = true;
  private boolean askedToLeave;
  private boolean leaving;

  /** What waits and is under way, as the budget of the node counts it. */
  private long budgetBytes;

  /** One of those that wait, whose wait is measured; null when none is. */
  private SpiritCommand.Queued measured;

  private long measuredNanos;

  private boolean waitingForRoom;
  private long residencyDeadlineNanos;

  /** The move to another node that is under way; null without one. */
  private Departure departure;

  /** What is no message, and came while the Spirit had stopped to move. */
  private final List<SpiritCommand> aside = new ArrayList<>();

  private boolean discarded;

  private boolean childGone;
  private boolean goneWithChild;

  /** Of one that comes from another node, whether it is this node's. */
  private boolean activated;

  private SpiritGate(
      ActorContext<SpiritCommand> context,
      TimerScheduler<SpiritCommand> timers,
      SpiritContext spirits,
      SpiritId id,
      ActorRef<HostCommand> host,
      StandBy standBy) {
    super(context);
    context.setLoggerName(SpiritGate.class);
    this.timers = timers;
    this.spirits = spirits;
    this.id = id;
    this.host = host;
    this.standBy = standBy;
    this.undelivered = spirits.meters().undelivered();
    this.log = new SpiritLog(context, spirits.hosts().self(), id);
    if (standBy != null) {
      child();
    }
    context.setReceiveTimeout(spirits.settings().idleTimeout(), SpiritCommand.Idle.INSTANCE);
  }

  static Behavior<SpiritCommand> create(
      SpiritContext spirits, SpiritId id, ActorRef<HostCommand> host, StandBy standBy) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> new SpiritGate(context, timers, spirits, id, host, standBy)));
  }

  @Override
  public Receive<SpiritCommand> createReceive() {
    return newReceiveBuilder()
        .onMessage(SpiritCommand.Deliver.class, this::onQueued)
        .onMessage(SpiritCommand.Migrate.class, this::onQueued)
        .onMessage(SpiritCommand.Begin.class, this::onQueued)
        .onMessage(SpiritCommand.SwapNow.class, this::onQueued)
        .onMessage(SpiritCommand.BatchDone.class, this::onBatchDone)
        .onMessage(SpiritCommand.Blocked.class, this::onBlocked)
        .onMessage(SpiritCommand.First.class, this::onFirst)
        .onMessage(SpiritCommand.Answered.class, this::onAnswered)
        .onMessage(SpiritCommand.ResolveHold.class, this::onResolveHold)
        .onMessage(SpiritCommand.Wake.class, this::onWake)
        .onMessage(SpiritCommand.MayLeave.class, this::onMayLeave)
        .onMessage(SpiritCommand.Idle.class, this::onIdle)
        .onMessage(SpiritCommand.MakeRoom.class, this::onMakeRoom)
        .onMessage(SpiritCommand.TryAgain.class, this::onTryAgain)
        .onMessage(SpiritCommand.Passivate.class, this::onPassivate)
        .onMessage(SpiritCommand.Go.class, this::onGo)
        .onMessage(SpiritCommand.Depart.class, this::onDepart)
        .onMessage(SpiritCommand.PagesTaken.class, this::onPagesTaken)
        .onMessage(SpiritCommand.StateTaken.class, this::onStateTaken)
        .onMessage(SpiritCommand.Stepped.class, this::onStepped)
        .onMessage(SpiritCommand.MayPause.class, this::onMayPause)
        .onMessage(SpiritCommand.Parted.class, this::onParted)
        .onMessage(SpiritCommand.DepartLate.class, this::onDepartLate)
        .onMessage(SpiritCommand.StoodUp.class, this::onStoodUp)
        .onMessage(SpiritCommand.Activate.class, this::onActivate)
        .onMessage(SpiritCommand.Discard.class, this::onDiscard)
        .onSignal(PostStop.class, stopped -> onStopped())
        .onSignal(ChildFailed.class, failed -> onChildGone(failed.getCause()))
        .onSignal(Terminated.class, terminated -> onChildGone(null))
        .build();
  }

  private Behavior<SpiritCommand> onQueued(SpiritCommand.Queued queued) {
    if (departure != null && departure.isGiven()) {
      spirits.send(id.toString(), queued);
      return this;
    }
    if (isRepeated(queued)) {
      // Its sender repeats it until it is handled, which may take long while a turn waits.
      return this;
    }
    int most =
        spirits
            .deployments()
            .find(id.type())
            .map(Deployment::limits)
            .orElse(SpiritLimits.DEFAULTS)
            .maxMailbox();
    if (leaving && !askedToLeave) {
      refuse(queued, new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved."));
    } else if (!(queued instanceof SpiritCommand.SwapNow)
        && (waiting.size() + underWay.size() >= most
            || waitingBytes > spirits.settings().maxMailboxBytes())) {
      refuse(
          queued,
          new VudoError(
              ErrorCode.MAILBOX_FULL,
              id
                  + " holds "
                  + (waiting.size() + underWay.size())
                  + " messages, "
                  + waitingBytes
                  + " bytes of them waiting; its mailbox takes "
                  + most
                  + " messages and "
                  + spirits.settings().maxMailboxBytes()
                  + " bytes."));
    } else if (!spirits.mailboxes().take(budgetBytes(queued))) {
      refuse(
          queued,
          new VudoError(
              ErrorCode.MAILBOX_FULL,
              "All Spirits of the node together hold "
                  + spirits.mailboxes().usedBytes()
                  + " bytes of messages; vudo.spirit.max-node-mailbox-bytes is "
                  + spirits.mailboxes().maxBytes()
                  + "."));
    } else {
      budgetBytes += budgetBytes(queued);
      waiting.add(queued);
      waitingBytes += queued.payloadBytes();
      repeatable(queued).ifPresent(here::add);
      if (measured == null) {
        measured = queued;
        measuredNanos = System.nanoTime();
      }
      pump();
    }
    return this;
  }

  private void refuse(SpiritCommand.Queued queued, VudoError error) {
    spirits.meters().refused(error.code(), 1);
    queued.refuse(error);
  }

  private boolean isRepeated(SpiritCommand.Queued queued) {
    return repeatable(queued)
        .filter(messageId -> messageId.equals(blockedBy) || here.contains(messageId))
        .isPresent();
  }

  private static Optional<String> repeatable(SpiritCommand.Queued queued) {
    return queued instanceof SpiritCommand.Deliver deliver
            && (deliver.message().hasPosition()
                || deliver.message().getKind() == Message.Kind.TUPLE_CHANGED)
        ? Optional.of(deliver.message().getId())
        : Optional.empty();
  }

  private Behavior<SpiritCommand> onBlocked(SpiritCommand.Blocked blocked) {
    blockedBy = blocked.messageId();
    pump();
    return this;
  }

  private Behavior<SpiritCommand> onFirst(SpiritCommand.First first) {
    SpiritCommand.Deliver message = first.message();
    if (leaving) {
      message.refuse(new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved."));
    } else {
      long bytes = budgetBytes(message);
      // It was here before, so it is not refused now.
      spirits.mailboxes().takeAnyway(bytes);
      budgetBytes += bytes;
      waiting.addFirst(message);
      waitingBytes += message.payloadBytes();
      repeatable(message).ifPresent(here::add);
    }
    return this;
  }

  private Behavior<SpiritCommand> onAnswered(SpiritCommand.Answered answered) {
    if (departure != null && departure.isPaused()) {
      aside.add(answered);
    } else if (!leaving) {
      child().tell(new SpiritActor.Answered(answered.waitId(), answered.answer()));
    }
    return this;
  }

  private static long budgetBytes(SpiritCommand.Queued queued) {
    return (long) queued.payloadBytes() + MESSAGE_BYTES;
  }

  /** It was answered, or refused. */
  private void giveBack(List<SpiritCommand.Queued> done) {
    long bytes = done.stream().mapToLong(SpiritGate::budgetBytes).sum();
    budgetBytes -= bytes;
    spirits.mailboxes().give(bytes);
    done.forEach(queued -> repeatable(queued).ifPresent(here::remove));
  }

  private Behavior<SpiritCommand> onStopped() {
    spirits.mailboxes().give(budgetBytes);
    budgetBytes = 0;
    return this;
  }

  private Behavior<SpiritCommand> onBatchDone(SpiritCommand.BatchDone done) {
    waitingForRoom = false;
    giveBack(underWay.subList(0, done.handled()));
    for (int i = underWay.size() - 1; i >= done.handled(); i--) {
      waiting.addFirst(underWay.get(i));
      waitingBytes += underWay.get(i).payloadBytes();
    }
    underWay = List.of();
    if (leaving && (!askedToLeave || waiting.isEmpty())) {
      leave();
    } else {
      pump();
    }
    return this;
  }

  private Behavior<SpiritCommand> onResolveHold(SpiritCommand.ResolveHold resolve) {
    if (leaving || (departure != null && departure.isPaused())) {
      resolve
          .replyTo()
          .tell(
              HoldAnswer.newBuilder()
                  .setHold(resolve.hold())
                  .setOutcome(HoldAnswer.Outcome.PENDING)
                  .build());
    } else {
      child().tell(new SpiritActor.Resolve(resolve.hold(), resolve.replyTo()));
    }
    return this;
  }

  private Behavior<SpiritCommand> onWake(SpiritCommand.Wake wake) {
    if (departure != null && departure.isPaused()) {
      aside.add(wake);
    } else if (!leaving) {
      child().tell(SpiritActor.Woken.INSTANCE);
    }
    return this;
  }

  private Behavior<SpiritCommand> onMayLeave(SpiritCommand.MayLeave may) {
    mayLeave = may.allowed();
    return this;
  }

  private Behavior<SpiritCommand> onIdle(SpiritCommand.Idle idle) {
    if (mayLeave && waiting.isEmpty() && underWay.isEmpty() && departure == null && !leaving) {
      host.tell(new HostCommand.LetGo(id.toString()));
    }
    return this;
  }

  private Behavior<SpiritCommand> onGo(SpiritCommand.Go go) {
    askedToLeave = true;
    return onPassivate(SpiritCommand.Passivate.INSTANCE);
  }

  /** Gives back the instance, and leaves memory altogether if that is possible. */
  private Behavior<SpiritCommand> onMakeRoom(SpiritCommand.MakeRoom room) {
    if (child != null && !leaving && departure == null && waiting.isEmpty() && underWay.isEmpty()) {
      child.tell(SpiritActor.Rest.INSTANCE);
    }
    return onIdle(SpiritCommand.Idle.INSTANCE);
  }

  private Behavior<SpiritCommand> onTryAgain(SpiritCommand.TryAgain again) {
    if (!leaving) {
      child();
      pump();
    }
    return this;
  }

  private Behavior<SpiritCommand> onPassivate(SpiritCommand.Passivate passivate) {
    if (departure != null && !departure.isGiven()) {
      stay(new VudoError(ErrorCode.RELOCATION_FAILED, "The node is stopping."));
    } else if (departure != null) {
      return this;
    }
    leaving = true;
    if (child == null) {
      refuseWaiting(new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved."));
      return Behaviors.stopped();
    }
    if (underWay.isEmpty()) {
      leave();
    } else if (!askedToLeave) {
      // The node is leaving: what is under way is finished, as its callers wait for an answer, but
      // a turn that waits for a tuple is given up. It never happened.
      child.tell(SpiritActor.GiveBack.INSTANCE);
    }
    // Otherwise messages came in between its being idle and now. They are handled first; the host
    // keeps those that come later.
    return this;
  }

  private void leave() {
    refuseWaiting(new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved."));
    child.tell(new SpiritActor.Stop(askedToLeave));
  }

  private Behavior<SpiritCommand> onChildGone(Throwable cause) {
    spirits.residents().remove(id, getContext().getSelf());
    childGone = true;
    // One that failed has not said so itself.
    undelivered.are(0);
    if (cause == null && leaving && !discarded) {
      spirits.meters().passivated();
    }
    if (discarded) {
      return departure == null || goneWithChild ? Behaviors.stopped() : this;
    }
    if (departure != null) {
      stay(
          cause == null
              ? new VudoError(ErrorCode.SPIRIT_NOT_FOUND, "Got \"" + id + "\".")
              : reason(cause));
    }
    if (standBy != null && !activated) {
      VudoError error =
          cause == null ? new VudoError(ErrorCode.RELOCATION_FAILED, "It ended.") : reason(cause);
      host.tell(new HostCommand.Fell(id.toString(), getContext().getSelf(), error));
      return Behaviors.stopped();
    }
    if (cause == null && !leaving) {
      // It stopped by itself, because there is nothing to run: an unknown type.
      child = null;
      return Behaviors.stopped();
    }
    if (cause != null) {
      VudoError error = reason(cause);
      if (error.code() == ErrorCode.RESIDENCY_LIMIT && waitForRoom()) {
        return this;
      }
      if (error.code() == ErrorCode.SPIRIT_FENCED) {
        // What happens to one of two owners; it has nothing to do with this code.
        log.warn("Spirit {} stopped: {}", id, error);
      } else {
        log.error("Spirit {} stopped: {}", id, error, cause);
      }
      underWay.forEach(queued -> refuse(queued, error));
      refuseWaiting(error);
    } else {
      // Given up before it was durable.
      VudoError error = new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved.");
      underWay.forEach(queued -> refuse(queued, error));
    }
    return Behaviors.stopped();
  }

  /**
   * The child could not recover because its engine is full: makes room and tries again. What it was
   * to handle waits; false when that took too long already, or the Spirit is to leave anyway.
   */
  private boolean waitForRoom() {
    long now = System.nanoTime();
    if (!waitingForRoom) {
      waitingForRoom = true;
      residencyDeadlineNanos = now + RESIDENCY_PATIENCE.toNanos();
    }
    if (leaving || now - residencyDeadlineNanos > 0) {
      return false;
    }
    for (int i = underWay.size() - 1; i >= 0; i--) {
      waiting.addFirst(underWay.get(i));
      waitingBytes += underWay.get(i).payloadBytes();
    }
    underWay = List.of();
    child = null;
    blockedBy = "";
    spirits.residents().makeRoom();
    timers.startSingleTimer(SpiritCommand.TryAgain.INSTANCE, RESIDENCY_RETRY);
    return true;
  }

  private VudoError reason(Throwable cause) {
    for (Throwable t = cause; t != null; t = t.getCause()) {
      if (t instanceof VudoException known) {
        return known.toError();
      }
    }
    Throwable root = cause;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    // What the disk or the database said is at the bottom: that it is full, for one.
    return new VudoError(
        ErrorCode.JOURNAL_UNAVAILABLE,
        id + ": " + text(cause) + (root == cause ? "" : ": " + text(root)));
  }

  private static String text(Throwable cause) {
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  @SuppressWarnings("ReferenceEquality") // Another message may be equal.
  private void pump() {
    if (departure != null && underWay.isEmpty()) {
      departure.betweenBatches();
    }
    if (underWay.isEmpty()
        && !waiting.isEmpty()
        && blockedBy.isEmpty()
        && (departure == null || !departure.isStopping())) {
      List<SpiritCommand.Queued> batch = new ArrayList<>();
      while (!waiting.isEmpty() && batch.size() < spirits.settings().batchMessages()) {
        SpiritCommand.Queued first = waiting.poll();
        waitingBytes -= first.payloadBytes();
        batch.add(first);
        if (first == measured) {
          spirits.meters().waited(System.nanoTime() - measuredNanos);
          measured = null;
        }
      }
      underWay = batch;
      child().tell(new SpiritActor.Batch(List.copyOf(batch)));
    }
  }

  private ActorRef<SpiritActor.Command> child() {
    if (child == null) {
      child =
          getContext()
              .spawn(
                  SpiritActor.create(
                      spirits, id, getContext().getSelf(), activated ? null : standBy, undelivered),
                  "spirit",
                  DispatcherSelector.fromConfig(spirits.settings().dispatcher()));
      getContext().watch(child);
    }
    return child;
  }

  // Moving to another node

  private Behavior<SpiritCommand> onDepart(SpiritCommand.Depart depart) {
    if (leaving || departure != null || (standBy != null && !activated)) {
      host.tell(
          new HostCommand.MoveOver(
              id.toString(),
              new MoveReply.NotMoved(
                  id.toString(),
                  new VudoError(ErrorCode.RELOCATION_FAILED, id + " is about to leave."))));
      return this;
    }
    departure = new Departure(spirits, id, host, getContext().getSelf(), child(), depart, timers);
    pump();
    return this;
  }

  private Behavior<SpiritCommand> onPagesTaken(SpiritCommand.PagesTaken taken) {
    if (departure != null) {
      if (!taken.born() && departure.isWanted()) {
        stay(new VudoError(ErrorCode.SPIRIT_NOT_FOUND, "Got \"" + id + "\"."));
      } else if (departure.isForHere()) {
        MoveReply here = new MoveReply.Moved(departure.relocation());
        departure.end();
        departure = null;
        host.tell(new HostCommand.MoveOver(id.toString(), here));
        pump();
      } else {
        departure.pages(taken);
        pump();
      }
    }
    return this;
  }

  private Behavior<SpiritCommand> onStateTaken(SpiritCommand.StateTaken taken) {
    if (departure != null) {
      departure.state(taken);
    }
    return this;
  }

  private Behavior<SpiritCommand> onStepped(SpiritCommand.Stepped stepped) {
    if (departure == null || !departure.isMove(stepped.step().getMove())) {
      return this;
    }
    switch (stepped.step().getKind()) {
      case ACCEPTED -> departure.accepted();
      case COPIED -> departure.copied();
      case READY -> {
        if (departure.ready()) {
          give();
        }
        return this;
      }
      case TAKEN -> {
        return taken(new MoveReply.Moved(departure.relocation()));
      }
      case FAILED -> {
        VudoError why =
            new VudoError(ErrorCode.of(stepped.step().getCode()), stepped.step().getDetail());
        if (departure.isGiven()) {
          return taken(new MoveReply.NotMoved(id.toString(), why));
        }
        stay(why);
      }
      case UNRECOGNIZED ->
          stay(new VudoError(ErrorCode.RELOCATION_FAILED, "The new node is of another version."));
    }
    pump();
    return this;
  }

  private Behavior<SpiritCommand> onMayPause(SpiritCommand.MayPause may) {
    if (departure != null) {
      departure.mayPause();
      pump();
    }
    return this;
  }

  private Behavior<SpiritCommand> onParted(SpiritCommand.Parted parted) {
    if (departure != null && departure.parted()) {
      give();
    }
    return this;
  }

  /** Gives away the Spirit, and what is here. */
  private void give() {
    List<SpiritCommand> all = new ArrayList<>(waiting);
    all.addAll(aside);
    aside.clear();
    giveBack(List.copyOf(waiting));
    waiting.clear();
    waitingBytes = 0;
    measured = null;
    departure.give(all);
    discarded = true;
    child.tell(SpiritActor.Discard.INSTANCE);
  }

  /** The Spirit is elsewhere, whatever became of it there. */
  private Behavior<SpiritCommand> taken(MoveReply reply) {
    host.tell(new HostCommand.MoveOver(id.toString(), reply));
    departure.end();
    if (childGone) {
      return Behaviors.stopped();
    }
    goneWithChild = true;
    return this;
  }

  /** The Spirit goes on here. */
  private void stay(VudoError why) {
    Departure given = departure;
    departure = null;
    given.cancel();
    host.tell(new HostCommand.MoveOver(id.toString(), new MoveReply.NotMoved(id.toString(), why)));
    List<SpiritCommand> others = List.copyOf(aside);
    aside.clear();
    others.forEach(getContext().getSelf()::tell);
  }

  private Behavior<SpiritCommand> onDepartLate(SpiritCommand.DepartLate late) {
    if (departure == null || !departure.isMove(late.move()) || !departure.isLate(late.paused())) {
      return this;
    }
    VudoError why =
        new VudoError(ErrorCode.RELOCATION_FAILED, departure.node() + " did not answer in time.");
    if (departure.isGiven()) {
      return taken(new MoveReply.NotMoved(id.toString(), why));
    }
    stay(why);
    pump();
    return this;
  }

  // Coming from another node

  private Behavior<SpiritCommand> onStoodUp(SpiritCommand.StoodUp up) {
    host.tell(new HostCommand.StoodUp(id.toString(), getContext().getSelf()));
    return this;
  }

  private Behavior<SpiritCommand> onActivate(SpiritCommand.Activate activate) {
    activated = true;
    child.tell(SpiritActor.Activate.INSTANCE);
    for (SpiritCommand command : activate.waiting()) {
      if (command instanceof SpiritCommand.Queued queued) {
        long bytes = budgetBytes(queued);
        // They were taken on before.
        spirits.mailboxes().takeAnyway(bytes);
        budgetBytes += bytes;
        waiting.add(queued);
        waitingBytes += queued.payloadBytes();
        repeatable(queued).ifPresent(here::add);
      } else {
        getContext().getSelf().tell(command);
      }
    }
    pump();
    return this;
  }

  private Behavior<SpiritCommand> onDiscard(SpiritCommand.Discard discard) {
    discarded = true;
    if (child == null) {
      return Behaviors.stopped();
    }
    child.tell(SpiritActor.Discard.INSTANCE);
    return this;
  }

  private void refuseWaiting(VudoError error) {
    waiting.forEach(queued -> refuse(queued, error));
    measured = null;
    giveBack(List.copyOf(waiting));
    waiting.clear();
    waitingBytes = 0;
  }
}
