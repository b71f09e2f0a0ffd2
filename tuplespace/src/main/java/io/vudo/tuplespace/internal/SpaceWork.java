package io.vudo.tuplespace.internal;

import io.vudo.tuplespace.HoldOutcome;

/** One thing that a batch does: an operation, or something the space owes itself. */
sealed interface SpaceWork permits SpaceCommand.Request, SpaceWork.Resolved, SpaceWork.Wake {

  /** What a Spirit, asked about its hold, answered. */
  record Resolved(String holdId, HoldOutcome outcome) implements SpaceWork, SpaceActor.Message {}

  /** A lease or a wait ended, or a hold is due to be asked about. */
  enum Wake implements SpaceWork, SpaceActor.Message {
    WAKE
  }
}
