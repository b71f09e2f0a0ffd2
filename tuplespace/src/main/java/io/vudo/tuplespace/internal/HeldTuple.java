package io.vudo.tuplespace.internal;

/**
 * A tuple out of sight, until {@code holder}, a turn or a transaction, commits or fails.
 *
 * @param written whether the holder wrote it, and nobody has seen it yet; otherwise the holder
 *     takes it
 */
record HeldTuple(
    String holdId, String holder, long sinceMillis, StoredTuple stored, boolean written) {
  /** One that the holder takes. */
  HeldTuple(String holdId, String holder, long sinceMillis, StoredTuple stored) {
    this(holdId, holder, sinceMillis, stored, false);
  }
}
