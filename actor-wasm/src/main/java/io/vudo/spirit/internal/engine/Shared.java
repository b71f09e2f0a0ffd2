package io.vudo.spirit.internal.engine;

/** Something native that is freed when it was closed and its last user has left. */
public final class Shared {
  private final String what;
  private Runnable free;
  private int users;
  private boolean closed;

  /** Nobody uses it yet. */
  public Shared(String what) {
    this.what = what;
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

  /** Frees it by this, at once or when the last user leaves. Only the first call counts. */
  public void close(Runnable free) {
    boolean last;
    synchronized (this) {
      last = !closed && users == 0;
      if (!closed) {
        this.free = free;
      }
      closed = true;
    }
    if (last) {
      free.run();
    }
  }
}
