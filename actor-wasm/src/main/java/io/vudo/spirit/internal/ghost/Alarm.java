package io.vudo.spirit.internal.ghost;

import java.util.concurrent.CompletionStage;

/** Wakes runs: the durable index of those who come back by themselves. Names are the index's. */
public interface Alarm {
  /** Wakes it now and then from now on, whenever it may have died; done when that is durable. */
  CompletionStage<?> add(String name);

  /** Wakes it at that time, milliseconds since 1970, and not before. */
  void schedule(String name, long dueMillis);

  /** Wakes it no more. */
  void remove(String name);
}
