package io.vudo.spirit.internal.engine;

import io.vudo.spirit.GuestThread;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** Threads with room for guests, for callers that are none. Thread-safe. */
public final class GuestPool implements AutoCloseable {
  private static final AtomicLong NUMBERS = new AtomicLong();

  private final ExecutorService threads =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE,
          10,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          task -> new GuestThread(task, "vudo-guest-" + NUMBERS.incrementAndGet()));

  /** Runs this on a thread with room for a guest, and waits for it; throws what it throws. */
  public <T> T run(Supplier<T> task) {
    if (Thread.currentThread() instanceof GuestThread) {
      return task.get();
    }
    FutureTask<T> future = new FutureTask<>(task::get);
    try {
      threads.execute(future);
    } catch (RejectedExecutionException e) {
      throw new IllegalStateException("The engine is closed", e);
    }
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          // The guest cannot be stopped by it, but by its deadline.
          interrupted = true;
        } catch (ExecutionException e) {
          throw Thrown.again(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    threads.shutdown();
  }
}
