package io.vudo.client.internal;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.BooleanSupplier;

/** Lets so many things happen at once, and all others wait in the order in which they came. */
final class Permits {
  private final Queue<BooleanSupplier> waiting = new ArrayDeque<>();
  private int free;

  Permits(int most) {
    this.free = most;
  }

  /**
   * Runs it now or later.
   *
   * @param task answers whether it goes on; then {@link #release} is called when it is over
   */
  void run(BooleanSupplier task) {
    synchronized (this) {
      if (free == 0) {
        waiting.add(task);
        return;
      }
      free--;
    }
    if (!task.getAsBoolean()) {
      release();
    }
  }

  /** One is over: the next goes on. */
  void release() {
    // A loop and not a recursion: many in a row may have given up waiting.
    while (true) {
      BooleanSupplier next;
      synchronized (this) {
        next = waiting.poll();
        if (next == null) {
          free++;
          return;
        }
      }
      if (next.getAsBoolean()) {
        return;
      }
    }
  }
}
