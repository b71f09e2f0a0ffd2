package io.vudo.spirit.internal.wasmtime;

/** Something native that is freed when it was closed and its last user has left. */
final class Shared {
  private final String what;
  private final Runnable free;
  private int users;
  private boolean closed;

  Shared(String what, Runnable free) {
    this.what = what;
    this.free = free;
  }

  /**
   * Keeps it from being freed until {@link #leave}.
   *
   * @throws IllegalStateException when it was closed
   */
  synchronized void enter() {
    if (closed) {
      throw new IllegalStateException("This " + what + " is closed");
    }
    users++;
  }

  void leave() {
    boolean last;
    synchronized (this) {
      users--;
      last = closed && users == 0;
    }
    if (last) {
      free.run();
    }
  }

  void close() {
    boolean last;
    synchronized (this) {
      last = !closed && users == 0;
      closed = true;
    }
    if (last) {
      free.run();
    }
  }
}
