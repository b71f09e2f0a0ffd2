package io.vudo.tuplespace.internal;

import io.vudo.protocol.Field;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.tuplespace.OperationId;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * One that waits for a tuple.
 *
 * @param arrival ascending in the order of coming: the order in which takers are served
 * @param party who waits
 * @param deadlineMillis by the clock of {@link Waiters}; from then on it waits no longer
 */
record Waiter(long arrival, Party party, Template template, boolean take, long deadlineMillis)
    implements Placed {
  /** What a place in the indexes takes, roughly. */
  static final int OVERHEAD_BYTES = 256;

  /** Who waits, and how it is answered. */
  sealed interface Party {
    /** What a repetition is recognised by; ids of callers and of Spirits are apart. */
    Id id();
  }

  /** Ordered, so that a table finds its way among ids that were chosen to have one hash. */
  record Id(boolean spirit, String text) implements Comparable<Id> {
    @Override
    public int compareTo(Id other) {
      return spirit == other.spirit
          ? text.compareTo(other.text)
          : Boolean.compare(spirit, other.spirit);
    }
  }

  /**
   * A caller with a mailbox.
   *
   * @param transaction that has to end before a tuple that is taken is gone; empty for none
   */
  record Caller(
      String waitId, OperationId operation, String transaction, ActorRef<SpaceReply> replyTo)
      implements Party {
    Caller(String waitId, OperationId operation, ActorRef<SpaceReply> replyTo) {
      this(waitId, operation, "", replyTo);
    }

    @Override
    public Id id() {
      return idOf(waitId);
    }

    static Id idOf(String waitId) {
      return new Id(false, waitId);
    }
  }

  /** A caller for whom a tuple is held until it confirms; it may wait at other partitions, too. */
  record Offered(String holdId, ActorRef<SpaceReply> replyTo) implements Party {
    @Override
    public Id id() {
      return Caller.idOf(holdId);
    }
  }

  /** A Spirit, which may be asleep. */
  record Spirit(String requestId, SpiritId spirit) implements Party {
    @Override
    public Id id() {
      return idOf(requestId);
    }

    static Id idOf(String requestId) {
      return new Id(true, requestId);
    }
  }

  /** The same one, with another end. */
  Waiter until(long millis) {
    return new Waiter(arrival, party, template, take, millis);
  }

  @Override
  public long place() {
    return arrival;
  }

  /** What its template asks for at a position that it fixes. */
  @Override
  public Field fieldAt(int position) {
    return ((Template.Exact) template.slots().get(position)).value();
  }

  /** One in this process. */
  record Local(Id id, LocalSpace.Wait future) implements Party {}

  /** What it counts against the limit of its space. */
  long bytes() {
    return template.encodedBytes() + OVERHEAD_BYTES;
  }

  /** The idempotency key under which it takes; empty for none. */
  String key() {
    return party instanceof Caller caller && caller.operation() instanceof OperationId.Key key
        ? key.key()
        : "";
  }
}
