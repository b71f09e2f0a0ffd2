package io.vudo.tuplespace.internal;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import org.apache.pekko.actor.typed.ActorRef;

/** What somebody is told once the batch is durable, beside the answers to its operations. */
sealed interface Notice {
  /** The end of a caller's wait. */
  record Answer(String waitId, ActorRef<SpaceReply> replyTo, SpaceReply reply) implements Notice {}

  /** A tuple for a Spirit. */
  record Found(SpiritId waiter, String requestId, Tuple tuple) implements Notice {}

  /** A Spirit may pass a barrier. */
  record Passed(SpiritId waiter, String requestId, int index) implements Notice {}

  /** Something happened that a Spirit watches. */
  record Changed(SpiritId watcher, String watchId, TupleChange change) implements Notice {}

  /** A Spirit may not wait. */
  record Refused(SpiritId waiter, String requestId, VudoError error) implements Notice {}
}
