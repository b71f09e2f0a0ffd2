package io.vudo.spirit;

/**
 * A thread whose stack is large enough for guest code. Engines run guests on the calling thread
 * when it is one of these, and otherwise hand the call over to a thread of their own, which costs
 * some tens of microseconds: the stack of an ordinary thread is smaller than what a guest may use,
 * and running out of it would end the process.
 */
public final class GuestThread extends Thread {
  /**
   * The stack, of which a guest uses 2 MiB at most; the rest is for what its host functions call.
   */
  public static final long STACK_BYTES = 16L << 20;

  /** A daemon thread that runs this. */
  public GuestThread(Runnable target, String name) {
    super(null, target, name, STACK_BYTES);
    setDaemon(true);
  }
}
