package io.vudo.spirit.internal.ghost;

import io.vudo.protocol.VudoException;
import io.vudo.protocol.wire.v1.GhostAnswer;
import io.vudo.protocol.wire.v1.GhostRequest;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/** What a run understands. Only the first two come from other nodes. */
sealed interface GhostCommand {
  /** What a run says to itself; it never leaves its node. */
  sealed interface Local extends GhostCommand {}

  /**
   * Somebody wants something.
   *
   * @param body what; its reply_to is not used
   */
  record Request(GhostRequest body, ActorRef<GhostAnswer> replyTo) implements GhostCommand {}

  /** It may have something to do. */
  enum Wake implements GhostCommand {
    INSTANCE
  }

  /** Its shard leaves, or it has nothing more to do. */
  enum Stop implements Local {
    INSTANCE
  }

  /** Nothing came for a while. */
  enum Idle implements Local {
    INSTANCE
  }

  /**
   * The index has it, or not.
   *
   * @param failure why not; null when it has
   */
  record Indexed(Throwable failure) implements Local {}

  /**
   * A step's Spirit answered.
   *
   * @param attempt which one that was
   * @param reply of no interest when it failed
   * @param failure null when it did not
   */
  record Answered(String step, int attempt, Optional<byte[]> reply, VudoException failure)
      implements Local {}

  /** A step is to be sent again. */
  record Again(String step) implements Local {}

  /** Somebody has waited long enough. */
  record WaitOver(ActorRef<GhostAnswer> replyTo) implements Local {}

  /**
   * Its events are deleted, or not.
   *
   * @param failure why not; null when they are
   */
  record Erased(Throwable failure) implements Local {}
}
