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
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/**
 * The sharded address of a Spirit: it holds the mailbox and hands messages on in batches, so that
 * those that arrive while a write is under way share the next one.
 *
 * <p>It is small and has no state that must survive. The state lives in its child, the {@link
 * SpiritActor}, on the threads that run guests; the gate stays on Pekko's own, so that a full
 * mailbox is refused at once however busy the guest is.
 */
final class SpiritGate extends AbstractBehavior<SpiritCommand> {
  static final EntityTypeKey<SpiritCommand> KEY =
      EntityTypeKey.create(SpiritCommand.class, "spirit");

  private final SpiritContext spirits;
  private final SpiritId id;
  private final ActorRef<ClusterSharding.ShardCommand> shard;

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

  private boolean waitingForRoom;
  private long residencyDeadlineNanos;

  private SpiritGate(
      ActorContext<SpiritCommand> context,
      TimerScheduler<SpiritCommand> timers,
      SpiritContext spirits,
      SpiritId id,
      ActorRef<ClusterSharding.ShardCommand> shard) {
    super(context);
    this.timers = timers;
    this.spirits = spirits;
    this.id = id;
    this.shard = shard;
    context.setReceiveTimeout(spirits.settings().idleTimeout(), SpiritCommand.Idle.INSTANCE);
  }

  static Behavior<SpiritCommand> create(
      SpiritContext spirits, SpiritId id, ActorRef<ClusterSharding.ShardCommand> shard) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(timers -> new SpiritGate(context, timers, spirits, id, shard)));
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
        .onSignal(PostStop.class, stopped -> onStopped())
        .onSignal(ChildFailed.class, failed -> onChildGone(failed.getCause()))
        .onSignal(Terminated.class, terminated -> onChildGone(null))
        .build();
  }

  private Behavior<SpiritCommand> onQueued(SpiritCommand.Queued queued) {
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
      queued.refuse(new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved."));
    } else if (!(queued instanceof SpiritCommand.SwapNow)
        && (waiting.size() + underWay.size() >= most
            || waitingBytes > spirits.settings().maxMailboxBytes())) {
      queued.refuse(
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
      queued.refuse(
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
      pump();
    }
    return this;
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
    if (!leaving) {
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
    if (leaving) {
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
    if (!leaving) {
      child().tell(SpiritActor.Woken.INSTANCE);
    }
    return this;
  }

  private Behavior<SpiritCommand> onMayLeave(SpiritCommand.MayLeave may) {
    mayLeave = may.allowed();
    return this;
  }

  private Behavior<SpiritCommand> onIdle(SpiritCommand.Idle idle) {
    if (mayLeave && waiting.isEmpty() && underWay.isEmpty()) {
      askedToLeave = true;
      shard.tell(new ClusterSharding.Passivate<>(getContext().getSelf()));
    }
    return this;
  }

  /** Gives back the instance, and leaves memory altogether if that is possible. */
  private Behavior<SpiritCommand> onMakeRoom(SpiritCommand.MakeRoom room) {
    if (child != null && !leaving && waiting.isEmpty() && underWay.isEmpty()) {
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
    // Otherwise messages came in between its being idle and now. They are handled first; the shard
    // keeps those that come later.
    return this;
  }

  private void leave() {
    refuseWaiting(new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The Spirit is being moved."));
    child.tell(new SpiritActor.Stop(askedToLeave));
  }

  private Behavior<SpiritCommand> onChildGone(Throwable cause) {
    spirits.residents().remove(id);
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
      getContext().getLog().error("Spirit {} stopped: {}", id, error, cause);
      underWay.forEach(queued -> queued.refuse(error));
      refuseWaiting(error);
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

  private void pump() {
    if (underWay.isEmpty() && !waiting.isEmpty() && blockedBy.isEmpty()) {
      List<SpiritCommand.Queued> batch = new ArrayList<>();
      while (!waiting.isEmpty() && batch.size() < spirits.settings().batchMessages()) {
        SpiritCommand.Queued first = waiting.poll();
        waitingBytes -= first.payloadBytes();
        batch.add(first);
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
                  SpiritActor.create(spirits, id, getContext().getSelf()),
                  "spirit",
                  DispatcherSelector.fromConfig(spirits.settings().dispatcher()));
      getContext().watch(child);
    }
    return child;
  }

  private void refuseWaiting(VudoError error) {
    waiting.forEach(queued -> queued.refuse(error));
    giveBack(List.copyOf(waiting));
    waiting.clear();
    waitingBytes = 0;
  }
}
