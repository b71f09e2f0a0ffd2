package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.BarrierWait;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.Slept;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TupleWait;
import io.vudo.protocol.journal.v1.Wait;
import io.vudo.spirit.internal.turn.GuestStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Brings the request of a turn that waits to the one who has the answer, again and again until it
 * is there or the time is over. The answer comes to the Spirit's address, so that a Spirit which
 * has left memory is brought back by it. Used by one actor only.
 */
final class Waits {
  /** How long a Spirit that waits outside of memory leaves it to others to bring the answer. */
  private static final Duration CHECK_INTERVAL = Duration.ofMinutes(5);

  private final SpiritContext spirits;
  private final SpiritId id;
  private final TimerScheduler<SpiritActor.Command> timers;
  private final ActorRef<DeliveryReply> refusals;
  private Duration pause = Duration.ZERO;
  private long endNanos;

  /**
   * @param refusals where a Spirit that does not take the question answers
   */
  Waits(
      SpiritContext spirits,
      SpiritId id,
      TimerScheduler<SpiritActor.Command> timers,
      ActorRef<DeliveryReply> refusals) {
    this.spirits = spirits;
    this.id = id;
    this.timers = timers;
    this.refusals = refusals;
  }

  /** Sends the request of a wait that is durable. */
  void begin(Wait wait) {
    endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(remainingMillis(wait));
    pause = spirits.settings().redeliveryMin();
    request(wait);
    schedule();
  }

  /**
   * It is time for something.
   *
   * @return whether the wait is over without an answer; else the request was sent again
   */
  boolean tick(Wait wait) {
    if (System.nanoTime() - endNanos < 0) {
      request(wait);
    } else if (wait.hasBarrier()) {
      // Only the barrier knows whether the others go on with this one or without it.
      leave(wait);
    } else {
      return true;
    }
    // Spirits that were asked bring the answer whatever happens; an actor may have ended with its
    // service, and nobody answers by a name before it is registered.
    Duration most =
        wait.hasProcess()
                || (wait.hasQuestion() && ActorDirectory.isActor(wait.getQuestion().getTo()))
            ? spirits.settings().redeliveryMax()
            : spirits.settings().waitRedeliveryMax();
    pause = pause.compareTo(most.dividedBy(2)) > 0 ? most : pause.multipliedBy(2);
    schedule();
    return false;
  }

  /** There is an answer, or none is wanted any more. */
  void end() {
    timers.cancel(SpiritActor.WaitTick.INSTANCE);
  }

  /** An answer of a space, which does not know what a refused one waited for. */
  static Answer as(Wait wait, Answer answer) {
    if (wait.hasProcess() && answer.hasReply()) {
      return ProcessCalls.ofSpirit(answer.getReply());
    }
    return wait.hasBarrier() && answer.hasTuple()
        ? answered(wait, answer.getTuple().getStatus())
        : answer;
  }

  /** There is an answer: of a tuple, other parts of the space need not look for one. */
  void answered(Wait wait, Answer answer) {
    end();
    if (wait.hasProcess()) {
      spirits.processes().forget(wait.getId());
    }
    if (wait.hasTuple()) {
      Template template = template(wait.getTuple());
      if (template.exactFirstField().isEmpty()) {
        spirits
            .tuplespace()
            .cancel(
                wait.getTuple().getSpace(), wait.getId(), template, answer.getTuple().getHold());
      }
    }
  }

  private static Template template(TupleWait wait) {
    return TupleCodec.decodeTemplate(wait.getTemplate().toByteArray());
  }

  /** The time is over: what the guest is told, and those who might still answer too. */
  Answer timeout(Wait wait) {
    end();
    Answer.Builder answer = Answer.newBuilder();
    if (wait.hasSleep()) {
      return answer.setSlept(Slept.getDefaultInstance()).build();
    }
    if (wait.hasProcess()) {
      spirits.processes().forget(wait.getId());
      return ProcessCalls.failed(ErrorCode.ASK_TIMEOUT, wait.getTimeoutMillis() + " ms");
    }
    if (wait.hasTuple()) {
      spirits
          .tuplespace()
          .cancel(wait.getTuple().getSpace(), wait.getId(), template(wait.getTuple()), "");
    }
    return answered(wait, GuestStatus.TIMEOUT);
  }

  /** What the guest is told when its question was refused for good. */
  static Answer refused(Wait wait, ErrorCode code) {
    return wait.hasProcess() ? ProcessCalls.failed(code, "") : answered(wait, statusOf(code));
  }

  static int statusOf(ErrorCode code) {
    return switch (code) {
      case SPIRIT_TYPE_UNKNOWN, SPIRIT_ID_INVALID, SPIRIT_TYPE_INVALID -> GuestStatus.NOT_FOUND;
      case PAYLOAD_TOO_LARGE, WAITERS_FULL -> GuestStatus.LIMIT;
      case BARRIER_INVALID, BARRIER_MISMATCH -> GuestStatus.INVALID;
      default -> GuestStatus.INTERNAL;
    };
  }

  private static Answer answered(Wait wait, int status) {
    if (wait.hasBarrier()) {
      return Answer.newBuilder().setPassed(status).build();
    }
    return wait.hasTuple()
        ? Answer.newBuilder().setTuple(TupleAnswer.newBuilder().setStatus(status)).build()
        : Answer.newBuilder().setReply(Reply.newBuilder().setStatus(status)).build();
  }

  /** When a Spirit that leaves memory while it waits must be back, milliseconds since 1970. */
  static long dueMillis(Wait wait, long nowMillis) {
    return wait.hasSleep()
        ? wait.getDeadlineMillis()
        : Math.min(wait.getDeadlineMillis(), nowMillis + CHECK_INTERVAL.toMillis());
  }

  /** What is waited for, in words. */
  static String text(Wait wait) {
    String what =
        switch (wait.getWantedCase()) {
          case QUESTION -> "a reply of " + wait.getQuestion().getTo();
          case TUPLE -> "a tuple of " + wait.getTuple().getSpace();
          case BARRIER ->
              "barrier " + wait.getBarrier().getName() + " of " + wait.getBarrier().getSpace();
          case PROCESS -> wait.getProcess().getName();
          case SLEEP, WANTED_NOT_SET -> "the time";
        };
    return what + ", until " + Instant.ofEpochMilli(wait.getDeadlineMillis());
  }

  private void request(Wait wait) {
    if (wait.hasQuestion()) {
      spirits.send(
          wait.getQuestion().getTo(),
          new SpiritCommand.Deliver(wait.getQuestion().getMessage(), refusals));
    } else if (wait.hasTuple()) {
      TupleWait tuple = wait.getTuple();
      spirits
          .tuplespace()
          .await(
              tuple.getSpace(),
              id,
              wait.getId(),
              template(tuple),
              tuple.getTake(),
              Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())));
    } else if (wait.hasProcess() && endNanos - System.nanoTime() > 0) {
      ProcessCalls.request(
          spirits, id, wait, Duration.ofNanos(endNanos - System.nanoTime()), refusals);
    } else if (wait.hasBarrier() && endNanos - System.nanoTime() > 0) {
      BarrierWait barrier = wait.getBarrier();
      spirits
          .tuplespace()
          .awaitBarrier(
              barrier.getSpace(),
              id,
              wait.getId(),
              barrier.getName(),
              barrier.getParties(),
              Duration.ofNanos(endNanos - System.nanoTime()));
    }
  }

  private void leave(Wait wait) {
    BarrierWait barrier = wait.getBarrier();
    var unused =
        spirits
            .tuplespace()
            .leaveBarrier(barrier.getSpace(), wait.getId(), barrier.getName(), barrier.getParties())
            .whenComplete(
                (passed, failure) -> {
                  ErrorCode code = failure == null ? null : Courier.error(failure).code();
                  if (failure == null) {
                    tellSelf(wait, passed.orElse(GuestStatus.TIMEOUT));
                  } else if (code == ErrorCode.BARRIER_MISMATCH
                      || code == ErrorCode.JOURNAL_CORRUPT) {
                    tellSelf(wait, statusOf(code));
                  }
                  // Anything else passes, and is asked again.
                });
  }

  private void tellSelf(Wait wait, int passed) {
    spirits.send(id.toString(), new SpiritCommand.Answered(wait.getId(), answered(wait, passed)));
  }

  /** Also when the clock was set back meanwhile, no longer than it was to take from the start. */
  private long remainingMillis(Wait wait) {
    return Math.max(
        0, Math.min(wait.getTimeoutMillis(), wait.getDeadlineMillis() - spirits.clock().millis()));
  }

  private void schedule() {
    Duration left = Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()));
    if (left.isZero()) {
      left = pause;
    }
    Duration next = left.compareTo(SpiritActor.LONGEST_TICK) < 0 ? left : SpiritActor.LONGEST_TICK;
    timers.startSingleTimer(
        SpiritActor.WaitTick.INSTANCE, next.compareTo(pause) < 0 ? next : pause);
  }
}
