package io.vudo.tuplespace.internal;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;

/** What a partition of a space is asked for, from anywhere in the cluster. */
public sealed interface SpaceCommand extends SpaceActor.Message {

  /** What a command without a tuple or template takes of the queue's bytes. */
  long BASE_BYTES = 256;

  /** A command that takes its place in the queue. */
  sealed interface Request extends SpaceCommand, SpaceWork {
    /** What the command takes of the queue's bytes. */
    default long waitingBytes() {
      return BASE_BYTES;
    }
  }

  /** A command that is answered. */
  sealed interface Operation extends Request {
    ActorRef<SpaceReply> replyTo();
  }

  /** An operation that may be answered later. */
  sealed interface PatientOperation extends Operation {
    Patience patience();
  }

  /** A patient operation that looks for a tuple. */
  sealed interface Search extends PatientOperation {
    Template template();

    @Override
    default long waitingBytes() {
      return BASE_BYTES + template().encodedBytes();
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
    public static final Patience NONE = new Patience("", 0);
  }

  /**
   * Writes tuples, all or none. Answered {@link SpaceReply.Written}.
   *
   * @param transaction its id, when the tuples are to appear with its end; else empty
   */
  record Write(
      OperationId operation,
      List<Tuple> tuples,
      long ttlMillis,
      String transaction,
      ActorRef<SpaceReply> replyTo)
      implements Operation {
    public Write(OperationId operation, Tuple tuple, long ttlMillis, ActorRef<SpaceReply> replyTo) {
      this(operation, List.of(tuple), ttlMillis, "", replyTo);
    }

    @Override
    public long waitingBytes() {
      return BASE_BYTES + tuples.stream().mapToLong(Tuple::encodedBytes).sum();
    }
  }

  /**
   * Answered {@link SpaceReply.Found} or {@link SpaceReply.NotFound}.
   *
   * @param transaction whose own writes are seen, too; else empty
   */
  record Read(
      Template template, String transaction, Patience patience, ActorRef<SpaceReply> replyTo)
      implements Search {
    public Read(Template template, ActorRef<SpaceReply> replyTo) {
      this(template, "", Patience.NONE, replyTo);
    }
  }

  /**
   * A take for a caller that is no Spirit; answered as a read.
   *
   * @param transaction that has to end before the tuple is gone; else empty
   */
  record Take(
      OperationId operation,
      Template template,
      String transaction,
      Patience patience,
      ActorRef<SpaceReply> replyTo)
      implements Search {
    public Take(OperationId operation, Template template, ActorRef<SpaceReply> replyTo) {
      this(operation, template, "", Patience.NONE, replyTo);
    }
  }

  /**
   * A caller that asks several partitions waits to take. The tuple is held under {@code holdId}
   * until the caller confirms one of those that it got. Answered as a read.
   */
  record Offer(String holdId, Template template, Patience patience, ActorRef<SpaceReply> replyTo)
      implements Search {}

  /** Answered {@link SpaceReply.FoundAll}: the oldest that match, after {@code afterEntryId}. */
  record ReadAll(
      Template template,
      int limit,
      long afterEntryId,
      String transaction,
      ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /** Removes the oldest that match. Answered {@link SpaceReply.FoundAll}. */
  record TakeAll(Template template, int limit, String transaction, ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /** Answered {@link SpaceReply.Counted}. */
  record Count(Template template, ActorRef<SpaceReply> replyTo) implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /**
   * Takes the oldest that matches and writes another one, both or neither. Answered {@link
   * SpaceReply.Found} with the tuple that was replaced, or {@link SpaceReply.NotFound}.
   */
  record CompareAndSwap(
      OperationId operation,
      Template expected,
      Tuple replacement,
      long ttlMillis,
      ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + expected.encodedBytes() + replacement.encodedBytes();
    }
  }

  /** Answered {@link SpaceReply.Written}. */
  record Renew(LeaseName lease, long ttlMillis, ActorRef<SpaceReply> replyTo)
      implements Operation {}

  /** Removes the tuple of a lease. Answered {@link SpaceReply.Done}. */
  record CancelLease(LeaseName lease, ActorRef<SpaceReply> replyTo) implements Operation {}

  /** A take by a Spirit that its turn has still to decide; answered as a read. */
  record Hold(String holdId, String holder, Template template, ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /**
   * Holds the oldest that match, each under a {@linkplain Partitions#idOfMany name of its own}. Not
   * to be repeated. Answered {@link SpaceReply.FoundAll}.
   *
   * @param first the index of the first one
   */
  record HoldAll(
      String holdId,
      int first,
      String holder,
      Template template,
      int limit,
      ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /**
   * The turn committed. Answered {@link SpaceReply.Done}, or {@link SpaceReply.NotFound} when the
   * hold was released, or never was.
   */
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
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /** A Spirit waits no longer, and wants no hold of this id. */
  record CancelWait(String requestId) implements Request {}

  /**
   * A caller arrives at a barrier; the wait's id names its party. Answered {@link
   * SpaceReply.Passed}, or {@link SpaceReply.NotFound} when the time is over.
   */
  record Arrive(String barrier, int parties, Patience patience, ActorRef<SpaceReply> replyTo)
      implements PatientOperation {}

  /**
   * A Spirit arrives at a barrier; the {@link io.vudo.tuplespace.WaitListener} is told.
   *
   * @param requestId names its party
   * @param millis the time that remains
   */
  record AwaitBarrier(String requestId, SpiritId waiter, String barrier, int parties, long millis)
      implements Request {}

  /** Begins a transaction, whose home is here. Answered {@link SpaceReply.Done}. */
  record Begin(String transaction, long timeoutMillis, ActorRef<SpaceReply> replyTo)
      implements Operation {}

  /**
   * Decides a transaction, whose home is here. Answered {@link SpaceReply.Done} when every
   * partition has followed.
   */
  record End(String transaction, boolean commit, ActorRef<SpaceReply> replyTo)
      implements Operation {}

  /**
   * The home of a transaction says how it ended. Answered {@link SpaceReply.Followed}.
   *
   * @param partition the one that is told
   */
  record Follow(String transaction, boolean commit, int partition, ActorRef<SpaceReply> replyTo)
      implements Operation {}

  /**
   * A partition asks the home of a transaction how it ended. Answered {@link SpaceReply.Outcome}.
   */
  record AskOutcome(String transaction, ActorRef<SpaceReply> replyTo) implements Operation {}

  /**
   * Somebody watches, or goes on to. Answered by {@link WatchSignal}s.
   *
   * @param received how many changes have been taken in, since the watch began here
   */
  record Watch(String watchId, Template template, long received, ActorRef<WatchSignal> watcher)
      implements Request {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /** Somebody watches no longer. */
  record Unwatch(String watchId) implements Request {}

  /** A Spirit watches; the {@link io.vudo.tuplespace.WaitListener} is told. */
  record WatchForSpirit(
      String watchId, SpiritId watcher, Template template, ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return BASE_BYTES + template.encodedBytes();
    }
  }

  /** A Spirit watches no longer. */
  record UnwatchForSpirit(String watchId, SpiritId watcher, ActorRef<SpaceReply> replyTo)
      implements Operation {}

  /** Finish what was asked and stop; from sharding, before the space moves or sleeps. */
  enum Stop implements SpaceCommand {
    STOP
  }

  /** What {@link HoldOutcome} a decision of a transaction is. */
  static HoldOutcome outcome(boolean commit) {
    return commit ? HoldOutcome.COMMITTED : HoldOutcome.ABORTED;
  }
}
