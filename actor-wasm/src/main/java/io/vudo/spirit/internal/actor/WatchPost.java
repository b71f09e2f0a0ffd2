package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.journal.v1.Message;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Brings Spirits the news of the tuples that they watch, from the spaces of this node.
 *
 * <p>Each change is one message, in the order in which the space told them. A Spirit that does not
 * take one, or does not answer for long, has missed something: from then on changes are dropped,
 * and the Spirit is told by one message that it missed some, again and again until it has handled
 * that. So a Spirit that is slow or away costs a space nothing, and no more than a few bytes here.
 * Whoever does not watch any more is struck off at the space.
 */
final class WatchPost extends AbstractBehavior<WatchPost.Command> {
  /** What it takes. */
  sealed interface Command {}

  /**
   * A space has news.
   *
   * @param watchId as the Spirit asked
   */
  record Changed(SpiritId watcher, String watchId, TupleChange change) implements Command {}

  private record Answered(DeliveryReply reply) implements Command {}

  private enum Tick implements Command {
    TICK
  }

  /** Where messages go, and where watches are ended. */
  interface Ways {
    /** Sends a message to a Spirit; false when that is not possible yet. */
    boolean send(SpiritId to, SpiritCommand.Deliver message);

    /** Ends a watch. */
    void unwatch(SpiritId watcher, String watchId);
  }

  private static final Duration TICK = Duration.ofSeconds(1);
  private static final long LOST_AFTER_TICKS = 60;
  private static final long MOST_PAUSE_TICKS = 60;
  private static final int MAX_UNANSWERED = 10_000;

  /** One watch that something is under way for. */
  private static final class Watch {
    final SpiritId watcher;
    final String watchId;

    /** Messages that the Spirit has not answered yet, and at which tick they were sent. */
    final Map<String, Long> unanswered = new HashMap<>();

    /** The message that tells of what was missed; empty when nothing was. */
    String missed = "";

    long againAtTick;
    long pauseTicks = 1;

    Watch(SpiritId watcher, String watchId) {
      this.watcher = watcher;
      this.watchId = watchId;
    }
  }

  private final Ways ways;
  private final ActorRef<DeliveryReply> replies;
  private final TimerScheduler<Command> timers;
  private final Map<String, Watch> watches = new HashMap<>();
  private final Map<String, Watch> byMessage = new HashMap<>();
  private long tick;

  private WatchPost(ActorContext<Command> context, TimerScheduler<Command> timers, Ways ways) {
    super(context);
    this.timers = timers;
    this.ways = ways;
    this.replies = context.messageAdapter(DeliveryReply.class, Answered::new);
  }

  static Behavior<Command> create(Ways ways) {
    return Behaviors.setup(
        context -> Behaviors.withTimers(timers -> new WatchPost(context, timers, ways)));
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(Changed.class, this::onChanged)
        .onMessage(Answered.class, this::onAnswered)
        .onMessage(Tick.class, tick -> onTick())
        .build();
  }

  private Behavior<Command> onChanged(Changed changed) {
    Watch watch =
        watches.computeIfAbsent(changed.watchId(), id -> new Watch(changed.watcher(), id));
    if (!timers.isTimerActive(Tick.TICK)) {
      timers.startTimerWithFixedDelay(Tick.TICK, TICK);
    }
    if (!watch.missed.isEmpty()) {
      return this;
    }
    TupleChange change = changed.change();
    if (change.kind() == TupleChange.Kind.MISSED || watch.unanswered.size() >= MAX_UNANSWERED) {
      miss(watch, 0);
      return this;
    }
    String id = newId();
    watch.unanswered.put(id, tick);
    byMessage.put(id, watch);
    if (!send(watch, id, change.kind(), TupleCodec.encode(change.tuple().orElseThrow()))) {
      miss(watch, 1);
    }
    return this;
  }

  private static String newId() {
    return "watch:" + UUID.randomUUID();
  }

  private boolean send(Watch watch, String id, TupleChange.Kind kind, byte[] tuple) {
    return ways.send(
        watch.watcher,
        new SpiritCommand.Deliver(
            Message.newBuilder()
                .setId(id)
                .setType("tuple." + kind.text())
                .setKind(Message.Kind.TUPLE_CHANGED)
                .setWatch(watch.watchId)
                .setPayload(ByteString.copyFrom(tuple))
                .build(),
            replies));
  }

  /** From now on the Spirit is told only that it missed something. */
  private void miss(Watch watch, long pauseTicks) {
    watch.unanswered.keySet().forEach(byMessage::remove);
    watch.unanswered.clear();
    watch.missed = newId();
    byMessage.put(watch.missed, watch);
    watch.againAtTick = tick + pauseTicks;
    watch.pauseTicks = 1;
    if (pauseTicks == 0) {
      tellMissed(watch);
    }
  }

  /** Under the same id each time: a gate that has it drops it. */
  private void tellMissed(Watch watch) {
    send(watch, watch.missed, TupleChange.Kind.MISSED, new byte[0]);
    watch.againAtTick = tick + watch.pauseTicks;
    watch.pauseTicks = Math.min(MOST_PAUSE_TICKS, watch.pauseTicks * 2);
  }

  private Behavior<Command> onAnswered(Answered answered) {
    DeliveryReply reply = answered.reply();
    Watch watch = byMessage.get(reply.messageId());
    if (watch == null) {
      return this;
    }
    boolean ofMissed = reply.messageId().equals(watch.missed);
    if (reply instanceof DeliveryReply.Refused refused) {
      if (refused.error().code() == ErrorCode.SPIRIT_NOT_FOUND) {
        forget(watch);
        ways.unwatch(watch.watcher, watch.watchId);
      } else if (!ofMissed) {
        miss(watch, 1);
      }
      return this;
    }
    byMessage.remove(reply.messageId());
    watch.unanswered.remove(reply.messageId());
    if (ofMissed) {
      watch.missed = "";
    }
    if (reply instanceof DeliveryReply.HandledBadly bad) {
      getContext()
          .getLog()
          .warn(
              "{}: the news of watch {} ended with {} {}",
              watch.watcher,
              watch.watchId,
              bad.outcome().getCode(),
              bad.outcome().getDetail());
      if (!ofMissed) {
        miss(watch, 1);
        return this;
      }
    }
    if (watch.unanswered.isEmpty() && watch.missed.isEmpty()) {
      forget(watch);
    }
    return this;
  }

  private void forget(Watch watch) {
    watches.remove(watch.watchId);
    watch.unanswered.keySet().forEach(byMessage::remove);
    byMessage.remove(watch.missed);
    if (watches.isEmpty()) {
      timers.cancel(Tick.TICK);
    }
  }

  private Behavior<Command> onTick() {
    tick++;
    for (Watch watch : watches.values()) {
      if (!watch.missed.isEmpty()) {
        if (watch.againAtTick <= tick) {
          tellMissed(watch);
        }
      } else if (watch.unanswered.values().stream()
          .anyMatch(sentAt -> tick - sentAt > LOST_AFTER_TICKS)) {
        miss(watch, 0);
      }
    }
    return this;
  }
}
