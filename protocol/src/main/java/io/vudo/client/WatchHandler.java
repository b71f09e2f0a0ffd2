package io.vudo.client;

import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;

/**
 * Hears of the changes of a space. Called by one thread at a time; what it throws ends the watch.
 */
public interface WatchHandler {
  /**
   * Something happened. A handler that blocks is one that is slow: it holds up no writer, but when
   * it stays behind, the node ends the watch.
   */
  void changed(TupleChange change);

  /**
   * The watch is over, though nobody closed it: {@code WATCH_TOO_SLOW}, {@code WATCHERS_FULL}, or
   * {@code INTERNAL_ERROR} when the handler threw. A node that cannot be reached is no reason; the
   * client goes on trying.
   */
  void ended(VudoError error);
}
