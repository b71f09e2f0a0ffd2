package io.vudo.tuplespace.internal;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.tuplespace.OperationId;
import java.util.List;

/** What happened in a partition of a space and is in its journal. */
sealed interface SpaceEvent {
  /** When it was decided, by the partition's own clock, which never goes back. */
  long timeMillis();

  record Written(long timeMillis, StoredTuple stored, OperationId operation)
      implements SpaceEvent {}

  record Taken(long timeMillis, long entryId, OperationId operation) implements SpaceEvent {}

  record Held(long timeMillis, String holdId, String holder, long entryId) implements SpaceEvent {}

  /** A tuple was written that nobody but its transaction sees before that has committed. */
  record Pended(long timeMillis, StoredTuple stored, String holdId, String holder)
      implements SpaceEvent {}

  /** The tuple of a hold is gone for good. */
  record HoldConfirmed(long timeMillis, String holdId) implements SpaceEvent {}

  /** The tuple of a hold is in sight. */
  record HoldReleased(long timeMillis, String holdId) implements SpaceEvent {}

  record LeaseRenewed(long timeMillis, long entryId, long leaseEndsAtMillis)
      implements SpaceEvent {}

  /** The home of a transaction knows it from now on. */
  record Begun(long timeMillis, String transaction, long endsAtMillis) implements SpaceEvent {}

  /** The home of a transaction decided; the partitions have to follow. */
  record Decided(long timeMillis, String transaction, boolean commit) implements SpaceEvent {}

  /** Every partition has followed the home of a transaction. */
  record Ended(long timeMillis, String transaction) implements SpaceEvent {}

  /** A partition followed; what comes later under this transaction is refused. */
  record FollowedEnd(long timeMillis, String transaction) implements SpaceEvent {}

  record Arrived(long timeMillis, String barrier, int parties, String partyId, long endsAtMillis)
      implements SpaceEvent {}

  /** A party waits no longer; it does not count any more. */
  record Left(long timeMillis, String barrier, String partyId) implements SpaceEvent {}

  /** All have arrived and go on; the barrier is as new. */
  record Opened(long timeMillis, String barrier) implements SpaceEvent {}

  record SpiritWatches(long timeMillis, String watchId, SpiritId watcher, Template template)
      implements SpaceEvent {}

  record SpiritUnwatches(long timeMillis, String watchId) implements SpaceEvent {}

  /** Those that waited when the partition left its node, in their order. */
  record WaitersKept(long timeMillis, List<Waiter> waiters) implements SpaceEvent {}
}
