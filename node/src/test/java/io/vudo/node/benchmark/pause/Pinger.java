package io.vudo.node.benchmark.pause;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * One caller for each entity: asks, waits for the answer, asks again after a while. An ask that is
 * not answered in time is sent again, and the wait goes on: so it counts what a caller counts.
 */
final class Pinger {
  private static final Duration RETRY = Duration.ofMillis(20);

  private final Member member;
  private final int entities;
  private final long thinkNanos;
  private final AtomicLongArray longestNanos;
  private final AtomicLong answered = new AtomicLong();
  private final AtomicLong totalNanos = new AtomicLong();
  private final AtomicLong unanswered = new AtomicLong();
  private final AtomicBoolean enough = new AtomicBoolean();
  private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();

  /**
   * Begins.
   *
   * @param entities from 0 on
   * @param think how long each caller waits between an answer and the next ask
   */
  Pinger(Member member, int entities, Duration think) {
    this.member = member;
    this.entities = entities;
    this.thinkNanos = think.toNanos();
    this.longestNanos = new AtomicLongArray(entities);
    for (int i = 0; i < entities; i++) {
      int entity = i;
      // Spread over the think time.
      later(() -> ask(entity, System.nanoTime()), thinkNanos * i / entities);
    }
  }

  private void later(Runnable work, long nanos) {
    if (!enough.get()) {
      var unused = clock.schedule(work, nanos, TimeUnit.NANOSECONDS);
    }
  }

  private void ask(int entity, long sinceNanos) {
    member
        .ping(entity)
        .whenComplete(
            (answer, failure) -> {
              long now = System.nanoTime();
              if (failure != null) {
                unanswered.incrementAndGet();
                note(entity, now - sinceNanos);
                later(() -> ask(entity, sinceNanos), RETRY.toNanos());
                return;
              }
              note(entity, now - sinceNanos);
              answered.incrementAndGet();
              totalNanos.addAndGet(now - sinceNanos);
              later(() -> ask(entity, System.nanoTime()), thinkNanos);
            });
  }

  private void note(int entity, long nanos) {
    longestNanos.accumulateAndGet(entity, nanos, Math::max);
  }

  /** The longest waits since the last call, in microseconds by entity. */
  long[] takeLongest() {
    long[] micros = new long[entities];
    for (int i = 0; i < entities; i++) {
      micros[i] = longestNanos.getAndSet(i, 0) / 1_000;
    }
    return micros;
  }

  /** How many asks were not answered in time since the last call. */
  long takeUnanswered() {
    return unanswered.getAndSet(0);
  }

  /** The mean time of an ask since the last call, in microseconds. */
  long takeMean() {
    long count = answered.getAndSet(0);
    return count == 0 ? 0 : totalNanos.getAndSet(0) / count / 1_000;
  }

  void stop() {
    enough.set(true);
    clock.shutdownNow();
  }
}
