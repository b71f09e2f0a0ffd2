package io.vudo.tuplespace.internal;

import io.vudo.tuplespace.HoldOutcome;

/** One thing that a batch does: an operation, or something the space owes itself. */
sealed interface SpaceWork
    permits SpaceCommand.Request,
        SpaceWork.Resolved,
        SpaceWork.FollowedBy,
        SpaceWork.Wake,
        SpaceWork.Keep {

  /** What a Spirit, asked about its hold, answered. */
  record Resolved(String holdId, HoldOutcome outcome) implements SpaceWork, SpaceActor.Message {}

  /** A partition has done what the end of a transaction means for it. */
  record FollowedBy(String transaction, int partition) implements SpaceWork, SpaceActor.Message {}

  /** The partition leaves its node: who waits is written down. */
  enum Keep implements SpaceWork {
    KEEP
  }

  /** A lease or a wait ended, a hold is due to be asked about, or a transaction to be told. */
  enum Wake implements SpaceWork, SpaceActor.Message {
    WAKE
  }
}
