package io.vudo.tuplespace.internal;

import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.OperationId;
import org.apache.pekko.actor.typed.ActorRef;

/** What a space is asked for, from anywhere in the cluster. */
public sealed interface SpaceCommand extends SpaceActor.Message {

  /** A command that is answered. */
  sealed interface Operation extends SpaceCommand, SpaceWork {
    ActorRef<SpaceReply> replyTo();

    /** What the command takes of the queue's bytes. */
    default long waitingBytes() {
      return 256;
    }
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
  record Read(Template template, ActorRef<SpaceReply> replyTo) implements Operation {
    @Override
    public long waitingBytes() {
      return 256 + template.encodedBytes();
    }
  }

  /** A take for a caller that is no Spirit; answered as a read. */
  record Take(OperationId operation, Template template, ActorRef<SpaceReply> replyTo)
      implements Operation {
    @Override
    public long waitingBytes() {
      return 256 + template.encodedBytes();
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

  /** Finish what was asked and stop; from sharding, before the space moves or sleeps. */
  enum Stop implements SpaceCommand {
    STOP
  }
}
