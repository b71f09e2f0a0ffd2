package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.HoldResolver;
import io.vudo.tuplespace.WaitListener;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The front of a partition of a space: the queue before its journal.
 *
 * <p>An event-sourced actor takes one command, writes, and only then looks at the next, so a
 * hundred writers would wait for a hundred commits one after the other. This actor collects what
 * arrives during a commit and hands it to {@link SpaceLog} as one batch, which is one commit. The
 * queue is bounded in number and bytes; what does not fit is refused at once.
 *
 * <p>It also outlives the log: when the journal fails, everything that was not answered is refused,
 * the log's state, which may be ahead of the journal, is dropped with it, and after a pause a new
 * log recovers.
 *
 * <p>Callers that wait for a tuple are known to the log's state, which can be dropped at any time.
 * So this actor notes who waits, to send them off when the log fails or the space stops; then they
 * come again.
 */
public final class SpaceActor extends AbstractBehavior<SpaceActor.Message> {
  /** What this actor takes. */
  sealed interface Message
      permits SpaceCommand,
          SpaceWork.Resolved,
          SpaceWork.FollowedBy,
          SpaceWork.Wake,
          SpaceActor.LogIdle,
          SpaceActor.LogKept,
          SpaceActor.Restart {}

  /**
   * The log recovered, or finished a batch.
   *
   * @param wakeInMillis when it wants to be woken though nobody asks; negative for never
   * @param endedWaits of callers that were answered
   * @param restoredCallers that waited before the partition came here, by the id of their wait
   */
  record LogIdle(
      boolean recovered,
      long wakeInMillis,
      Set<String> endedWaits,
      Map<String, ActorRef<SpaceReply>> restoredCallers)
      implements Message {}

  /**
   * The log has written down who waits, before the partition leaves.
   *
   * @param waitIds of those that go on to wait without asking again
   */
  record LogKept(Set<String> waitIds) implements Message {}

  enum Restart implements Message {
    RESTART
  }

  private enum Phase {
    RECOVERING,
    IDLE,
    BUSY,
    DOWN
  }

  private static final Logger LOG = LoggerFactory.getLogger(SpaceActor.class);

  /** Which partition of which space. */
  public record Place(String space, int partition) {
    /**
     * Reads the id of an entity.
     *
     * @throws VudoException {@code SPACE_NAME_INVALID}
     */
    public static Place parse(String entityId) {
      int slash = entityId.indexOf('/');
      if (slash > 0 && slash == entityId.length() - 2) {
        int partition = entityId.charAt(slash + 1) - '0';
        if (partition >= 0 && partition < Partitions.COUNT) {
          return new Place(entityId.substring(0, slash), partition);
        }
      }
      throw new VudoException(ErrorCode.SPACE_NAME_INVALID, entityId);
    }

    String entityId() {
      return Partitions.entityId(space, partition);
    }
  }

  private final Place place;
  private final SpaceSettings settings;
  private final HoldResolver resolver;
  private final WaitListener listener;
  private final SpaceClock clock;
  private final Siblings siblings;
  private final SpaceMeters meters;
  private final SpaceMeters.Contents contents;
  private final ActorRef<SpaceReply> followed;
  private final TimerScheduler<Message> timers;

  private final Deque<SpaceWork> waiting = new ArrayDeque<>();
  private long waitingBytes;
  private final Map<String, ActorRef<SpaceReply>> waitingCallers = new HashMap<>();
  private List<SpaceWork> inFlight = List.of();
  private ActorRef<SpaceLog.Batch> log;
  private Phase phase;
  private ErrorCode downCode = ErrorCode.SPACE_UNAVAILABLE;
  private int failures;
  private boolean stopping;

  private SpaceActor(
      ActorContext<Message> context,
      TimerScheduler<Message> timers,
      Place place,
      SpaceSettings settings,
      HoldResolver resolver,
      WaitListener listener,
      SpaceClock clock,
      Siblings siblings,
      SpaceMeters meters) {
    super(context);
    this.meters = meters;
    this.contents = meters.contents();
    this.timers = timers;
    this.siblings = siblings;
    this.followed = context.messageAdapter(SpaceReply.class, SpaceActor::followedBy);
    this.place = place;
    this.settings = settings;
    this.resolver = resolver;
    this.listener = listener;
    this.clock = clock;
    startLog();
  }

  private static Message followedBy(SpaceReply reply) {
    // One that is overloaded refuses, and is told again when it is time.
    return reply instanceof SpaceReply.Followed followed
        ? new SpaceWork.FollowedBy(followed.transaction(), followed.partition())
        : SpaceWork.Wake.WAKE;
  }

  /** One partition. */
  public static Behavior<SpaceCommand> create(
      Place place,
      SpaceSettings settings,
      HoldResolver resolver,
      WaitListener listener,
      SpaceClock clock,
      Siblings siblings,
      SpaceMeters meters) {
    return Behaviors.<Message>setup(
            context ->
                Behaviors.withTimers(
                    timers ->
                        new SpaceActor(
                            context, timers, place, settings, resolver, listener, clock, siblings,
                            meters)))
        .narrow();
  }

  @Override
  public Receive<Message> createReceive() {
    return newReceiveBuilder()
        .onMessage(SpaceCommand.Request.class, this::onRequest)
        .onMessage(SpaceCommand.Stop.class, stop -> onStop())
        .onMessage(SpaceWork.Resolved.class, this::onOwnWork)
        .onMessage(SpaceWork.FollowedBy.class, this::onOwnWork)
        .onMessage(SpaceWork.Wake.class, this::onOwnWork)
        .onMessage(LogKept.class, this::onLogKept)
        .onMessage(LogIdle.class, this::onLogIdle)
        .onMessage(Restart.class, restart -> onRestart())
        .onSignal(ChildFailed.class, failed -> onLogStopped(failed.getCause()))
        .onSignal(Terminated.class, stopped -> onLogStopped(null))
        .build();
  }

  private Behavior<Message> onRequest(SpaceCommand.Request request) {
    if (phase == Phase.DOWN) {
      refuse(request, downCode, "Its journal failed; it tries again soon.");
      return this;
    }
    if (waiting.size() >= settings.maxWaiting()
        || waitingBytes + request.waitingBytes() > settings.maxWaitingBytes()) {
      refuse(
          request,
          ErrorCode.SPACE_UNAVAILABLE,
          waiting.size() + " operations of " + waitingBytes + " bytes are waiting for it.");
      return this;
    }
    waitingBytes += request.waitingBytes();
    waiting.add(request);
    return next();
  }

  private Behavior<Message> onOwnWork(SpaceWork work) {
    // Also while the log recovers: an answer that was there at once overtakes the news that it has.
    // Without a log there is nobody to tell, and the next one asks and wakes by itself.
    if (phase == Phase.DOWN) {
      return this;
    }
    waiting.add(work);
    return next();
  }

  private Behavior<Message> onStop() {
    stopping = true;
    return phase == Phase.DOWN ? stop() : next();
  }

  private Behavior<Message> onLogIdle(LogIdle idle) {
    phase = Phase.IDLE;
    inFlight = List.of();
    waitingCallers.keySet().removeAll(idle.endedWaits());
    waitingCallers.putAll(idle.restoredCallers());
    if (!idle.recovered()) {
      failures = 0;
    }
    if (idle.wakeInMillis() >= 0) {
      timers.startSingleTimer(SpaceWork.Wake.WAKE, Duration.ofMillis(idle.wakeInMillis()));
    } else {
      timers.cancel(SpaceWork.Wake.WAKE);
    }
    return next();
  }

  private Behavior<Message> next() {
    if (phase != Phase.IDLE) {
      return this;
    }
    if (waiting.isEmpty()) {
      return stopping ? keep() : this;
    }
    List<SpaceWork> batch = new ArrayList<>(Math.min(waiting.size(), settings.maxBatch()));
    while (!waiting.isEmpty() && batch.size() < settings.maxBatch()) {
      SpaceWork work = waiting.remove();
      if (work instanceof SpaceCommand.Request request) {
        waitingBytes -= request.waitingBytes();
      }
      if (work instanceof SpaceCommand.PatientOperation patient
          && patient.patience().millis() > 0) {
        waitingCallers.put(patient.patience().waitId(), patient.replyTo());
      }
      if (work instanceof SpaceCommand.ReleaseTake release) {
        // Who waits at several partitions leaves so when another one was faster.
        waitingCallers.remove(release.holdId());
      }
      batch.add(work);
    }
    inFlight = batch;
    phase = Phase.BUSY;
    log.tell(new SpaceLog.Batch(batch));
    return this;
  }

  private Behavior<Message> keep() {
    inFlight = List.of(SpaceWork.Keep.KEEP);
    phase = Phase.BUSY;
    log.tell(new SpaceLog.Batch(inFlight));
    return this;
  }

  private Behavior<Message> onLogKept(LogKept kept) {
    waitingCallers.keySet().removeAll(kept.waitIds());
    inFlight = List.of();
    // What came meanwhile was not looked at; it is sent again.
    waiting.forEach(
        work -> refuse(work, ErrorCode.SPACE_UNAVAILABLE, "It moves; nothing was done."));
    return stop();
  }

  private void startLog() {
    phase = Phase.RECOVERING;
    log =
        getContext()
            .spawnAnonymous(
                SpaceLog.create(
                    place,
                    settings,
                    resolver,
                    listener,
                    clock,
                    siblings,
                    followed,
                    getContext().getSelf(),
                    meters,
                    contents));
    getContext().watch(log);
  }

  private Behavior<Message> onRestart() {
    startLog();
    return this;
  }

  private Behavior<Message> onLogStopped(Throwable cause) {
    // One that failed has not said so itself.
    contents.leave();
    LOG.error("The journal of space {} failed.", place.entityId(), cause);
    ErrorCode code = codeOf(cause);
    // Of a batch on its way nobody can say whether it is durable. The new log will know, and an
    // operation with an identity can be sent again.
    inFlight.forEach(work -> refuse(work, code, "Whether the operation was done is open."));
    // Sending again helps, unless the journal is damaged.
    downCode = code == ErrorCode.JOURNAL_CORRUPT ? code : ErrorCode.SPACE_UNAVAILABLE;
    waiting.forEach(work -> refuse(work, downCode, "Its journal failed; nothing was done."));
    sendOffWaiting("Its journal failed.");
    inFlight = List.of();
    waiting.clear();
    waitingBytes = 0;
    timers.cancel(SpaceWork.Wake.WAKE);
    phase = Phase.DOWN;
    if (stopping) {
      return stop();
    }
    timers.startSingleTimer(
        Restart.RESTART,
        Backoff.pause(settings.restartBackoffMin(), settings.restartBackoffMax(), failures++));
    return this;
  }

  private Behavior<Message> stop() {
    sendOffWaiting("It stops here.");
    return Behaviors.stopped();
  }

  private void sendOffWaiting(String why) {
    waitingCallers
        .values()
        .forEach(
            caller ->
                caller.tell(SpaceState.refused(ErrorCode.SPACE_UNAVAILABLE, why + " Wait again.")));
    waitingCallers.clear();
  }

  /** A fault that has a code keeps it; what is left is a journal that did not take the write. */
  private static ErrorCode codeOf(Throwable cause) {
    for (Throwable t = cause; t != null; t = t.getCause()) {
      if (t instanceof VudoException e) {
        return e.code();
      }
    }
    return ErrorCode.JOURNAL_UNAVAILABLE;
  }

  private void refuse(SpaceWork work, ErrorCode code, String detail) {
    if (work instanceof SpaceCommand.Operation operation) {
      meters.refused(operation);
      operation.replyTo().tell(SpaceState.refused(code, detail));
      if (operation instanceof SpaceCommand.PatientOperation patient) {
        waitingCallers.remove(patient.patience().waitId(), patient.replyTo());
      }
    } else if (work instanceof SpaceCommand.Await await && code == ErrorCode.JOURNAL_CORRUPT) {
      // Anything else passes, and a Spirit asks again by itself.
      tellRefused(await.waiter(), await.requestId(), new VudoError(code, detail));
    } else if (work instanceof SpaceCommand.AwaitBarrier await
        && code == ErrorCode.JOURNAL_CORRUPT) {
      tellRefused(await.waiter(), await.requestId(), new VudoError(code, detail));
    }
  }

  private void tellRefused(SpiritId waiter, String requestId, VudoError error) {
    try {
      listener.refused(waiter, requestId, error);
    } catch (RuntimeException e) {
      LOG.warn("{} was not told about its wait {}.", waiter, requestId, e);
    }
  }
}
