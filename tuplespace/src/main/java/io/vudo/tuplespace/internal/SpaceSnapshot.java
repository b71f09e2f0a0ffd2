package io.vudo.tuplespace.internal;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.tuplespace.OperationId;
import java.util.List;

/** The whole of a partition at one moment; immutable, for it is written by another thread. */
record SpaceSnapshot(
    long timeMillis,
    long nextEntryId,
    List<StoredTuple> stored,
    List<HeldTuple> holds,
    List<OperationId.Turn> senders,
    List<Key> keys,
    List<FinishedHold> finishedHolds,
    List<Open> open,
    List<Decision> decided,
    List<Decision> ended,
    List<String> followed,
    List<Barrier> barriers,
    List<Passed> passed,
    List<SpiritWatch> watches) {

  /** What an idempotency key was used for. */
  record Key(String key, KeyUse use) {}

  /** A hold that is over: the tuple is gone, or in sight. */
  record FinishedHold(String holdId, boolean confirmed) {}

  /** A transaction whose home is here. */
  record Open(String transaction, long endsAtMillis) {}

  /** How a transaction ended. */
  record Decision(String transaction, boolean commit) {}

  record Barrier(String name, int parties, List<Arrival> arrivals) {}

  record Arrival(String partyId, long endsAtMillis) {}

  /** In which place a party that was let through had arrived. */
  record Passed(String partyId, int index) {}

  record SpiritWatch(String watchId, SpiritId watcher, Template template) {}
}
