package io.vudo.spirit.internal.actor;

import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.wire.v1.HoldAnswer;
import io.vudo.protocol.wire.v1.SwapEnd;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What a Spirit's gate understands. All of it crosses the wire as Protobuf, but for what is {@link
 * Local}.
 */
public sealed interface SpiritCommand {

  /** What waits in a Spirit's mailbox and is done in its order. */
  sealed interface Queued extends SpiritCommand {
    /** The bytes of it that somebody sent. */
    int payloadBytes();

    /** Tells the sender that it was not done and left no trace. */
    void refuse(VudoError error);
  }

  /**
   * A message.
   *
   * @param message what to handle
   * @param replyTo is told when the turn is durable, or why there was none
   */
  record Deliver(Message message, ActorRef<DeliveryReply> replyTo) implements Queued {
    @Override
    public int payloadBytes() {
      return message.getPayload().size();
    }

    @Override
    public void refuse(VudoError error) {
      replyTo.tell(new DeliveryReply.Refused(message.getId(), error));
    }
  }

  /**
   * Go on with another engine.
   *
   * @param engine its name
   * @param replyTo is told when that is durable, or why it is not so
   */
  record Migrate(String engine, ActorRef<MigrationReply> replyTo) implements Queued {
    @Override
    public int payloadBytes() {
      return 0;
    }

    @Override
    public void refuse(VudoError error) {
      replyTo.tell(new MigrationReply.Refused(error));
    }
  }

  /**
   * Go on with the module of the type's last swap, if that is another one.
   *
   * @param replyTo is told what became of it, once that is durable
   */
  record SwapNow(ActorRef<SwapEnd> replyTo) implements Queued {
    @Override
    public int payloadBytes() {
      return 0;
    }

    @Override
    public void refuse(VudoError error) {
      replyTo.tell(
          SwapEnd.newBuilder()
              .setOutcome(SwapEnd.Outcome.REFUSED)
              .setCode(error.code().name())
              .setDetail(error.detail())
              .build());
    }
  }

  /**
   * Begin with the state of another Spirit.
   *
   * @param events with which its journal begins; the last is Forked
   * @param replyTo is told when they are durable, or why they are not
   */
  record Begin(List<SpiritEvent> events, ActorRef<BeginReply> replyTo) implements Queued {
    @Override
    public int payloadBytes() {
      return events.stream().mapToInt(SpiritEvent::getSerializedSize).sum();
    }

    @Override
    public void refuse(VudoError error) {
      replyTo.tell(new BeginReply.Refused(error));
    }
  }

  /**
   * A space asks what became of the turn that holds a tuple.
   *
   * @param hold the hold's id
   * @param replyTo gets the answer
   */
  record ResolveHold(String hold, ActorRef<HoldAnswer> replyTo) implements SpiritCommand {}

  /** Activates the Spirit, so that it delivers what a crash left undelivered. */
  enum Wake implements SpiritCommand {
    INSTANCE
  }

  /** Ends the Spirit's stay in memory; its state is kept. */
  enum Passivate implements SpiritCommand {
    INSTANCE
  }

  /**
   * What a turn of the Spirit waits for.
   *
   * @param waitId the id of the wait
   * @param answer what the guest gets
   */
  record Answered(String waitId, Answer answer) implements SpiritCommand {}

  /**
   * Be on another node from now on; the host of the Spirit sees to it.
   *
   * @param node {@code host:port} of its cluster port
   * @param replyTo is told when it is there, or why it is not
   */
  record Relocate(String node, ActorRef<MoveReply> replyTo) implements SpiritCommand {}

  // Routing

  /**
   * Goes the way of messages; whoever would hand it to the Spirit answers that it has come so far,
   * and that all before it have.
   *
   * @param token tells markers apart
   * @param replyTo who sent it
   */
  record Marker(long token, ActorRef<HostCommand.Marked> replyTo) implements SpiritCommand {}

  /** To the Spirit's address: a host that it sent this to does not have the Spirit. */
  record Bounced(SpiritCommand command) implements SpiritCommand {}

  /** To the Spirit's address: where the Spirit is now. */
  record At(ActorRef<HostCommand> host) implements SpiritCommand {}

  // Moving

  /** To a gate whose Spirit moves: how far the new home is. */
  record Stepped(io.vudo.protocol.wire.v1.Step step) implements SpiritCommand {}

  /** What only a gate and its own child say to each other. */
  sealed interface Local extends SpiritCommand {}

  /**
   * The child has committed and answered so many messages of its batch; the others come back.
   *
   * @param handled how many, from the first
   */
  record BatchDone(int handled) implements Local {}

  /**
   * Whether a Spirit that is idle may leave memory; not while something of it is undelivered.
   *
   * @param allowed whether it may
   */
  record MayLeave(boolean allowed) implements Local {}

  /**
   * A turn waits, so that no other message can be handled; or it waits no more.
   *
   * @param messageId of the message that it handles; empty when none waits
   */
  record Blocked(String messageId) implements Local {}

  /**
   * A message that the child was given and that is to come before all others.
   *
   * @param message the message
   */
  record First(Deliver message) implements Local {}

  /** The Spirit's engine is full, and nobody has used another Spirit on it for longer. */
  enum MakeRoom implements Local {
    INSTANCE
  }

  /** Tries again to bring up the child, for which there was no room. */
  enum TryAgain implements Local {
    INSTANCE
  }

  /** The address has got an answer of a host. */
  record Located(HostCommand.Found found) implements Local {}

  /** A marker of the address has arrived. */
  record Arrived(HostCommand.Marked marked) implements Local {}

  /** What the address waits for has not come. */
  record AddressLate(long token) implements Local {}

  /** Leave: nobody needs the Spirit, and no message can come any more. */
  enum Go implements Local {
    INSTANCE
  }

  /** Move the Spirit to another node. */
  record Depart(ActorRef<HostCommand> to, String node, boolean pinned) implements Local {}

  /** The pages of the Spirit's memory, while it runs on. */
  record PagesTaken(
      boolean born,
      io.vudo.protocol.journal.v1.Configured configured,
      java.util.SortedMap<Integer, byte[]> pages)
      implements Local {}

  /** All of the Spirit, which does nothing more until it is told to go on. */
  record StateTaken(
      io.vudo.journal.StateSnapshot state,
      long sequenceNumber,
      long turn,
      boolean durable,
      long eventsSinceSnapshot,
      long frozenNanos)
      implements Local {}

  /** Few enough other Spirits are stopped to move. */
  enum MayPause implements Local {
    INSTANCE
  }

  /** No message can come any more. */
  enum Parted implements Local {
    INSTANCE
  }

  /** The move takes too long. */
  record DepartLate(String move, boolean paused) implements Local {}

  /** The Spirit that stood by is this node's from now on. */
  record Activate(List<SpiritCommand> waiting) implements Local {}

  /** The Spirit that stood by could be activated. */
  enum StoodUp implements Local {
    INSTANCE
  }

  /** End without a trace: the Spirit lives elsewhere. */
  enum Discard implements Local {
    INSTANCE
  }

  /** To the inbox of an actor of a service: what the actor made of a message. */
  record ActorDone(String sender, String messageId, ActorMessages.Outcome outcome)
      implements Local {}

  /** Nobody has needed the Spirit for a while. */
  enum Idle implements Local {
    INSTANCE
  }
}
