package io.vudo.tuplespace.internal;

import io.vudo.protocol.Field;
import io.vudo.protocol.Tuple;

/**
 * A tuple with its place in a space.
 *
 * @param entryId ascending in the order of writing: the order in which equal matches are served
 * @param tuple the tuple
 * @param leaseEndsAtMillis from this moment on the tuple is not there; {@link #FOR_EVER} for none
 * @param leaseName by which its lease is renewed and cancelled; empty for none
 */
record StoredTuple(long entryId, Tuple tuple, long leaseEndsAtMillis, String leaseName)
    implements Placed {
  static final long FOR_EVER = Long.MAX_VALUE;

  /** What a place in the indexes takes, roughly: many small tuples must not look like nothing. */
  static final int OVERHEAD_BYTES = 256;

  /** One whose lease has no name. */
  StoredTuple(long entryId, Tuple tuple, long leaseEndsAtMillis) {
    this(entryId, tuple, leaseEndsAtMillis, "");
  }

  @Override
  public long place() {
    return entryId;
  }

  @Override
  public Field fieldAt(int position) {
    return tuple.field(position);
  }

  /** The same tuple at the same place under another lease. */
  StoredTuple withLease(long endsAtMillis) {
    return new StoredTuple(entryId, tuple, endsAtMillis, leaseName);
  }

  /** What the tuple counts against the limit of its space. */
  long storedBytes() {
    return storedBytes(tuple);
  }

  static long storedBytes(Tuple tuple) {
    return tuple.encodedBytes() + OVERHEAD_BYTES;
  }

  boolean endsBy(long nowMillis) {
    return leaseEndsAtMillis <= nowMillis;
  }
}
