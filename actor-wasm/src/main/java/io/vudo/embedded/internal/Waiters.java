package io.vudo.embedded.internal;

/**
 * The threads that wait until this one has done something for them, so that a call that comes back
 * to who waits for it is known on whatever thread it comes.
 */
public final class Waiters {
  private static final ThreadLocal<Waiters> CURRENT = new ThreadLocal<>();

  private final Thread thread;
  private final Waiters before;

  private Waiters(Thread thread, Waiters before) {
    this.thread = thread;
    this.before = before;
  }

  /** The current thread, which is about to wait, and those that wait for it. */
  public static Waiters withThisThread() {
    return new Waiters(Thread.currentThread(), CURRENT.get());
  }

  /** Runs a task for them on the current thread, which does nothing else meanwhile. */
  public void run(Runnable task) {
    Waiters outer = CURRENT.get();
    CURRENT.set(this);
    try {
      task.run();
    } finally {
      if (outer == null) {
        CURRENT.remove();
      } else {
        CURRENT.set(outer);
      }
    }
  }

  /** Whether a thread is the current one, or waits for it. */
  static boolean include(Thread thread) {
    if (thread.equals(Thread.currentThread())) {
      return true;
    }
    for (Waiters waiter = CURRENT.get(); waiter != null; waiter = waiter.before) {
      if (thread.equals(waiter.thread)) {
        return true;
      }
    }
    return false;
  }
}
