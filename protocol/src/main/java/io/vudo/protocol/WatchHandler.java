package io.vudo.protocol;

/**
 * Hears of the changes of a space. Called by one thread at a time; what it throws ends the watch.
 */
public interface WatchHandler {
  /**
   * Something happened. A handler that blocks is one that is slow: it holds up no writer, but when
   * it stays behind, its watch is ended.
   */
  void changed(TupleChange change);

  /**
   * The watch is over, though nobody closed it: {@code WATCH_TOO_SLOW}, {@code WATCHERS_FULL}, or
   * {@code INTERNAL_ERROR} when the handler threw. That a part of the space cannot be reached is no
   * reason; it is tried again and again.
   */
  void ended(VudoError error);
}
