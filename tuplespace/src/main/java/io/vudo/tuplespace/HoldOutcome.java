package io.vudo.tuplespace;

/** How the turn that a hold belongs to ended. */
public enum HoldOutcome {
  /** The turn committed: the tuple is taken. */
  COMMITTED,
  /** The turn failed, or there never was one: the tuple goes back to its place. */
  ABORTED,
  /** The turn is not over: ask again later. */
  PENDING
}
