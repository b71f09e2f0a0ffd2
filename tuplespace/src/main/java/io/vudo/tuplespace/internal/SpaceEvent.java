package io.vudo.tuplespace.internal;

import io.vudo.tuplespace.OperationId;

/** What happened in a space and is in its journal. */
sealed interface SpaceEvent {
  /** When it was decided, by the space's own clock, which never goes back. */
  long timeMillis();

  record Written(long timeMillis, StoredTuple stored, OperationId operation)
      implements SpaceEvent {}

  record Taken(long timeMillis, long entryId, OperationId operation) implements SpaceEvent {}

  record Held(long timeMillis, String holdId, String holder, long entryId) implements SpaceEvent {}

  record HoldConfirmed(long timeMillis, String holdId) implements SpaceEvent {}

  record HoldReleased(long timeMillis, String holdId) implements SpaceEvent {}
}
