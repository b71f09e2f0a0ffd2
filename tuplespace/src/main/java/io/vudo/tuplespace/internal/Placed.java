package io.vudo.tuplespace.internal;

/** What stands in a line and is found by its fields: a tuple, or one that waits for tuples. */
interface Placed extends Fields {
  /** Where it stands: ascending in the order of coming, and its own for ever. */
  long place();
}
