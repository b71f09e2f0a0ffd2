package io.vudo.spirit;

/**
 * A thread whose stack is large enough for guest code. Engines run guests on the calling thread
 * when it is one of these, and otherwise hand the call over to a thread of their own, which costs
 * some tens of microseconds: the stack of an ordinary thread is smaller than what a guest may use,
 * and running out of it would end the process.
 */
public final class GuestThread extends Thread {
  /**
   * The stack. Native code uses 2 MiB of it at most. Frames of guests on the JVM are larger: an
   * interpreted function takes about 1,300 bytes a call, so that the largest call depth of {@link
   * io.vudo.protocol.SpiritLimits} needs four fifths of this, and the default less than one. The
   * rest is for what host functions call at that depth. The system gives a thread only what it
   * touches.
   */
  public static final long STACK_BYTES = 80L << 20;

  /** A daemon thread that runs this. */
  public GuestThread(Runnable target, String name) {
    super(null, target, name, STACK_BYTES);
    setDaemon(true);
  }
}
