package io.vudo.node.benchmark;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/** Callers that send their next message when the last one was answered, for some seconds. */
final class Load {
  private static final int MAX_OPERATIONS = 4_000_000;

  /**
   * What came of it.
   *
   * @param perSecond operations
   * @param p50Micros half of them were answered in this time
   * @param p99Micros 99 of 100 were
   */
  record Result(double perSecond, double p50Micros, double p99Micros) {}

  private final long untilNanos;
  private final IntFunction<CompletionStage<?>> operation;
  private final CountDownLatch ended;
  private final long[] latenciesNanos = new long[MAX_OPERATIONS];
  private final AtomicInteger done = new AtomicInteger();

  private Load(long untilNanos, int callers, IntFunction<CompletionStage<?>> operation) {
    this.untilNanos = untilNanos;
    this.operation = operation;
    this.ended = new CountDownLatch(callers);
  }

  /**
   * Runs it.
   *
   * @param operation gets the number of its caller, from 0
   */
  static Result run(int seconds, int callers, IntFunction<CompletionStage<?>> operation)
      throws InterruptedException {
    long startNanos = System.nanoTime();
    Load load = new Load(startNanos + Duration.ofSeconds(seconds).toNanos(), callers, operation);
    for (int i = 0; i < callers; i++) {
      load.next(i);
    }
    load.ended.await();
    return result(
        Arrays.copyOf(load.latenciesNanos, load.done.get()), System.nanoTime() - startNanos);
  }

  /** The result of operations that took so long, all in all so long. */
  static Result result(long[] latenciesNanos, long elapsedNanos) {
    Arrays.sort(latenciesNanos);
    return new Result(
        latenciesNanos.length * 1e9 / elapsedNanos,
        latenciesNanos[latenciesNanos.length / 2] / 1e3,
        latenciesNanos[(int) (latenciesNanos.length * 0.99)] / 1e3);
  }

  private void next(int caller) {
    long sentNanos = System.nanoTime();
    operation
        .apply(caller)
        .whenComplete(
            (answer, failure) -> {
              if (failure != null) {
                failure.printStackTrace();
                ended.countDown();
                return;
              }
              long now = System.nanoTime();
              int number = done.getAndIncrement();
              latenciesNanos[number] = now - sentNanos;
              if (now - untilNanos < 0) {
                next(caller);
              } else {
                ended.countDown();
              }
            });
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
