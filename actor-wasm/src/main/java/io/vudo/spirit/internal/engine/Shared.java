package io.vudo.spirit.internal.engine;

/** Something native that is freed when it was closed and its last user has left. */
public final class Shared {
  private final String what;
  private final Runnable free;
  private int users;
  private boolean closed;

  /** Nobody uses it yet. */
  public Shared(String what, Runnable free) {
    this.what = what;
    this.free = free;
  }

  /**
   * Keeps it from being freed until {@link #leave}.
   *
   * @throws IllegalStateException when it was closed
   */
  public synchronized void enter() {
    if (closed) {
      throw new IllegalStateException("This " + what + " is closed");
    }
    users++;
  }

  /** The counterpart of {@link #enter}. */
  public void leave() {
    boolean last;
    synchronized (this) {
      users--;
      last = closed && users == 0;
    }
    if (last) {
      free.run();
    }
  }

  /** Frees it, at once or when the last user leaves. */
  public void close() {
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
