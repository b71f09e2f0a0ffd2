package io.vudo.tuplespace.internal;

import io.vudo.protocol.Field;

/** What has values at some positions. */
@FunctionalInterface
interface Fields {
  /** The value at this position, which must be one of those that it has. */
  Field fieldAt(int position);
}
