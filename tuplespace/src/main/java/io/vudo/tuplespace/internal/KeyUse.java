package io.vudo.tuplespace.internal;

import io.vudo.protocol.Tuple;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What an idempotency key was used for, and what is answered to a repetition.
 *
 * @param taken the tuple that a take or a swap removed; empty for a write
 * @param entryIds of the tuples that were written
 * @param leaseEndsAtMillis of these
 */
record KeyUse(Optional<Tuple> taken, List<Long> entryIds, long leaseEndsAtMillis) {
  static KeyUse ofTake(Tuple taken) {
    return new KeyUse(Optional.of(taken), List.of(), StoredTuple.FOR_EVER);
  }

  static KeyUse ofWrite(StoredTuple stored) {
    return new KeyUse(Optional.empty(), List.of(stored.entryId()), stored.leaseEndsAtMillis());
  }

  /** The same use, of which another tuple is a part. */
  KeyUse and(StoredTuple stored) {
    return new KeyUse(
        taken,
        Stream.concat(entryIds.stream(), Stream.of(stored.entryId())).toList(),
        stored.leaseEndsAtMillis());
  }

  long bytes() {
    return taken.map(Tuple::encodedBytes).orElse(0L) + 8L * entryIds.size();
  }
}
