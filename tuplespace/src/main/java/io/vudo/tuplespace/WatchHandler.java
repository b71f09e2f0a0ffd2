package io.vudo.tuplespace;

import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;

/**
 * Hears of the changes of a space. Called by one thread at a time; what it throws ends the watch.
 */
public interface WatchHandler {
  /** Something happened. A handler that blocks is one that is slow; it holds up nobody else. */
  void changed(TupleChange change);

  /**
   * The watch is over, though nobody closed it: {@code WATCH_TOO_SLOW}, {@code WATCHERS_FULL}, or
   * {@code INTERNAL_ERROR} when the handler threw.
   */
  void ended(VudoError error);
}
