package io.vudo.spirit.internal.history;

import io.vudo.protocol.journal.v1.SpiritEvent;

/**
 * One way through a history, event by event from the first. One caller at a time.
 *
 * @param <T> what comes of it
 */
interface Pass<T> extends AutoCloseable {
  /**
   * Takes the next event.
   *
   * @return whether it wants more
   */
  boolean take(SpiritEvent event);

  /**
   * What came of it, after the last event.
   *
   * @throws io.vudo.protocol.VudoException {@code TURN_NOT_FOUND} when the history ended too early
   */
  T result();

  @Override
  void close();
}
