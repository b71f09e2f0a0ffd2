package io.vudo.spirit.internal.engine;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.GuestThread;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Where modules are compiled: a thread a processor, a deadline for each compilation, and a bound on
 * the code that is compiled at once, because compiling takes many times its size in memory.
 * Thread-safe.
 */
public final class CompilerPool implements AutoCloseable {
  private static final AtomicLong NUMBERS = new AtomicLong();

  /** The code that may be compiled at once, in bytes; a larger module is compiled alone. */
  public static final int MAX_BYTES_AT_ONCE = 32 << 20;

  private final Duration timeout;
  private final Semaphore bytes = new Semaphore(MAX_BYTES_AT_ONCE, true);
  private final ExecutorService threads;

  /** Each compilation may take so long, waiting included. */
  public CompilerPool(Duration timeout) {
    this.timeout = timeout;
    int processors = Runtime.getRuntime().availableProcessors();
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            processors,
            processors,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> new GuestThread(task, "vudo-compiler-" + NUMBERS.incrementAndGet()));
    pool.allowCoreThreadTimeOut(true);
    this.threads = pool;
  }

  /**
   * Compiles.
   *
   * @param module what is compiled
   * @param task compiles it; throws a {@link VudoException} when it refuses
   * @param dispose frees a result that came too late
   * @param done runs when the task has ended, whether or not anybody waited for it
   * @throws VudoException {@code MODULE_COMPILE_TIMEOUT}, {@code MODULE_LIMIT_EXCEEDED} when the
   *     node has not enough memory for it, and what the task threw
   */
  public <T> T compile(
      AdmittedModule module, Supplier<T> task, Consumer<T> dispose, Runnable done) {
    AtomicBoolean decided = new AtomicBoolean();
    Future<T> compilation;
    try {
      compilation = threads.submit(() -> run(module, task, dispose, done, decided));
    } catch (RuntimeException e) {
      done.run();
      throw new IllegalStateException("This engine is closed", e);
    }
    try {
      return compilation.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      abandon(compilation, dispose, decided);
      throw new VudoException(ErrorCode.MODULE_COMPILE_TIMEOUT, "The limit is " + timeout + ".", e);
    } catch (InterruptedException e) {
      abandon(compilation, dispose, decided);
      Thread.currentThread().interrupt();
      throw new VudoException(
          ErrorCode.MODULE_COMPILE_TIMEOUT, "The compiling thread was interrupted.", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof VudoException refused) {
        throw refused;
      }
      if (e.getCause() instanceof OutOfMemoryError) {
        throw new VudoException(
            ErrorCode.MODULE_LIMIT_EXCEEDED,
            "The node has not enough memory to compile " + module.rewritten().length + " bytes.",
            e.getCause());
      }
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Compiling failed.", e.getCause());
    }
  }

  /** Nothing can stop a compilation; its result is freed when it ends. */
  private <T> T run(
      AdmittedModule module,
      Supplier<T> task,
      Consumer<T> dispose,
      Runnable done,
      AtomicBoolean decided) {
    int permits = Math.min(MAX_BYTES_AT_ONCE, module.rewritten().length);
    try {
      bytes.acquireUninterruptibly(permits);
      try {
        if (decided.get()) {
          throw new CancellationException();
        }
        T compiled = task.get();
        if (!decided.compareAndSet(false, true)) {
          dispose.accept(compiled);
          throw new CancellationException();
        }
        return compiled;
      } finally {
        bytes.release(permits);
      }
    } finally {
      done.run();
    }
  }

  private static <T> void abandon(
      Future<T> compilation, Consumer<T> dispose, AtomicBoolean decided) {
    if (!decided.compareAndSet(false, true)) {
      // It ended at the last moment.
      try {
        dispose.accept(compilation.get());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException e) {
        // It failed; there is nothing to free.
        return;
      }
    }
  }

  @Override
  public void close() {
    threads.shutdown();
  }
}
