package io.vudo.tuplespace.internal;

/** A tuple out of sight, until the turn of {@code holder} commits or fails. */
record HeldTuple(String holdId, String holder, long sinceMillis, StoredTuple stored) {}
