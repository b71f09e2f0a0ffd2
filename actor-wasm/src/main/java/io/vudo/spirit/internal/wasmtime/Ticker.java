package io.vudo.spirit.internal.wasmtime;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** Advances the engine's clock while calls run, and sleeps otherwise. */
final class Ticker {
  static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private final AtomicInteger running = new AtomicInteger();
  private final Runnable tick;
  private final Thread thread;
  private volatile boolean closed;

  Ticker(Runnable tick) {
    this.tick = tick;
    this.thread = new Thread(this::run, "vudo-wasmtime-ticker");
    thread.setDaemon(true);
    thread.start();
  }

  private void run() {
    while (!closed) {
      if (running.get() == 0) {
        LockSupport.park(this);
      } else {
        LockSupport.parkNanos(this, TICK_NANOS);
        if (!closed) {
          tick.run();
        }
      }
    }
  }

  /**
   * A call begins.
   *
   * @throws IllegalStateException when nothing could stop it any more
   */
  void callStarts() {
    if (closed) {
      throw new IllegalStateException("The engine is closed");
    }
    if (running.getAndIncrement() == 0) {
      LockSupport.unpark(thread);
    }
  }

  void callEnds() {
    running.decrementAndGet();
  }

  /** Stops ticking; returns when the last tick is over. */
  void close() {
    closed = true;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
