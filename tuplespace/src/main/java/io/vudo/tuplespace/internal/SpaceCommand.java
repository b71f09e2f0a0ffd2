package io.vudo.tuplespace.internal;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.OperationId;
import org.apache.pekko.actor.typed.ActorRef;

/** What a space is asked for, from anywhere in the cluster. */
public sealed interface SpaceCommand extends SpaceActor.Message {

  /** A command that takes its place in the queue. */
  sealed interface Request extends SpaceCommand, SpaceWork {
    /** What the command takes of the queue's bytes. */
    default long waitingBytes() {
      return 256;
    }
  }

  /** A command that is answered. */
  sealed interface Operation extends Request {
    ActorRef<SpaceReply> replyTo();
  }

  /** An operation that may be answered later, when a tuple matches. */
  sealed interface PatientOperation extends Operation {
    Template template();

    Patience patience();

    /** What a take is recognised by; none for a read. */
    OperationId operation();

    @Override
    default long waitingBytes() {
      return 256 + template().encodedBytes();
    }
  }

  /**
   * How long a caller waits.
   *
   * @param waitId names the wait; empty for a caller that does not wait. A repetition under this id
   *     keeps the place in the queue, and is answered instead of the one before
   * @param millis the time that remains; 0 to be answered now
   */
  record Patience(String waitId, long millis) {
    static final Patience NONE = new Patience("", 0);
  }

  /** Answered {@link SpaceReply.Done}. */
  record Write(OperationId operation, Tuple tuple, long ttlMillis, ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return 256 + tuple.encodedBytes();
    }
  }

  /** Answered {@link SpaceReply.Found} or {@link SpaceReply.NotFound}. */
  record Read(Template template, Patience patience, ActorRef<SpaceReply> replyTo)
      implements PatientOperation {
    public Read(Template template, ActorRef<SpaceReply> replyTo) {
      this(template, Patience.NONE, replyTo);
    }

    @Override
    public OperationId operation() {
      return OperationId.none();
    }
  }

  /** A take for a caller that is no Spirit; answered as a read. */
  record Take(
      OperationId operation, Template template, Patience patience, ActorRef<SpaceReply> replyTo)
      implements PatientOperation {
    public Take(OperationId operation, Template template, ActorRef<SpaceReply> replyTo) {
      this(operation, template, Patience.NONE, replyTo);
    }
  }

  /** Answered {@link SpaceReply.Counted}. */
  record Count(Template template, ActorRef<SpaceReply> replyTo) implements Operation {
    @Override
    public long waitingBytes() {
      return 256 + template.encodedBytes();
    }
  }

  /** A take by a Spirit that its turn has still to decide; answered as a read. */
  record Hold(String holdId, String holder, Template template, ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return 256 + template.encodedBytes();
    }
  }

  /** The turn committed. Answered {@link SpaceReply.Done}, also when there is no such hold. */
  record ConfirmTake(String holdId, ActorRef<SpaceReply> replyTo) implements Operation {}

  /** The turn failed. Answered {@link SpaceReply.Done}, also when there is no such hold. */
  record ReleaseTake(String holdId, ActorRef<SpaceReply> replyTo) implements Operation {}

  /**
   * A Spirit waits for a tuple; the {@link io.vudo.tuplespace.WaitListener} is told.
   *
   * @param requestId names the wait, and the hold when {@code take}
   * @param millis the time that remains; 0 to look now and not wait
   */
  record Await(String requestId, SpiritId waiter, Template template, boolean take, long millis)
      implements Request {
    @Override
    public long waitingBytes() {
      return 256 + template.encodedBytes();
    }
  }

  /** A Spirit waits no longer, and wants no hold of this id. */
  record CancelWait(String requestId) implements Request {}

  /** Finish what was asked and stop; from sharding, before the space moves or sleeps. */
  enum Stop implements SpaceCommand {
    STOP
  }
}
