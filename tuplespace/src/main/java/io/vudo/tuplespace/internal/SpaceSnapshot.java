package io.vudo.tuplespace.internal;

import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.OperationId;
import java.util.List;
import java.util.Optional;

/** The whole of a space at one moment; immutable, for it is written by another thread. */
record SpaceSnapshot(
    long timeMillis,
    long nextEntryId,
    List<StoredTuple> stored,
    List<HeldTuple> holds,
    List<OperationId.Turn> senders,
    List<Key> keys,
    List<String> finishedHolds) {

  /** What an idempotency key was used for: a write, or the take of a tuple. */
  record Key(String key, Optional<Tuple> taken) {}
}
