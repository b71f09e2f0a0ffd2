package io.vudo.tuplespace.internal;

import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import java.util.List;

/** What a partition tells one that watches it. */
public sealed interface WatchSignal {
  /** The partition. */
  int partition();

  /**
   * The watch is known from now on. A second one means that it was forgotten meanwhile, and changes
   * may have been missed.
   */
  record Started(int partition) implements WatchSignal {}

  /**
   * Changes, in the order in which they happened.
   *
   * @param before how many were told before since the watch is known; a gap means that a message
   *     got lost on its way
   */
  record Changed(int partition, long before, List<Change> changes) implements WatchSignal {}

  /** The watch is over, or was not begun. */
  record Ended(int partition, VudoError error) implements WatchSignal {}

  /** One change. */
  record Change(TupleChange.Kind kind, Tuple tuple) {}
}
