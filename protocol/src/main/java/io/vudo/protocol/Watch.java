package io.vudo.protocol;

/** A watch of a space, until it is closed. Safe to use from many threads. */
public interface Watch extends AutoCloseable {
  /** Ends the watch; a change that is on its way may still be told. */
  @Override
  void close();
}
