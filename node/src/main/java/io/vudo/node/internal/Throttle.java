package io.vudo.node.internal;

import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/**
 * Counts the requests of each caller, and refuses those beyond its limits. Thread-safe.
 *
 * <p>The rate is kept by a bucket that holds a second's worth of requests. What nobody needs to
 * remember is forgotten, so callers from ever new addresses do not fill the memory.
 */
final class Throttle {
  /** From so many on, full buckets of callers that ask for nothing are looked for. */
  private static final int MANY_METERS = 10_000;

  private static final double NANOS_A_SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long SWEEP_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final LongSupplier clockNanos;
  private final ConcurrentHashMap<String, Meter> meters = new ConcurrentHashMap<>();
  private final AtomicLong sweptNanos;

  /**
   * A throttle that nobody has passed.
   *
   * @param clockNanos as {@link System#nanoTime}
   */
  Throttle(LongSupplier clockNanos) {
    this.clockNanos = clockNanos;
    this.sweptNanos = new AtomicLong(clockNanos.getAsLong());
  }

  /**
   * What is known of a caller; replaced, never changed.
   *
   * @param fill how many requests it may make at once, as of {@code nanos}
   * @param rate how many more a second
   * @param running how many are under way
   */
  private record Meter(double fill, double rate, long nanos, int running) {
    double fillAt(long now) {
      return Math.min(capacity(rate), fill + (now - nanos) / NANOS_A_SECOND * rate);
    }

    /** Whether a new one would be the same. */
    boolean isForgettable(long now) {
      return running == 0 && (rate == 0 || fillAt(now) >= capacity(rate));
    }
  }

  private static double capacity(double rate) {
    return Math.max(1, rate);
  }

  /**
   * What came of it.
   *
   * @param visit to be ended; empty when the request is refused
   * @param limit what it is beyond, for a sentence
   * @param retryAfterSeconds when it may be tried again, 1 or more
   */
  record Entry(Optional<Visit> visit, String limit, long retryAfterSeconds) {}

  /** A request that is under way, until it is ended once or more often. */
  final class Visit {
    private final String meter;
    private final AtomicBoolean ended = new AtomicBoolean();

    private Visit(String meter) {
      this.meter = meter;
    }

    void end() {
      if (ended.compareAndSet(false, true)) {
        long now = clockNanos.getAsLong();
        meters.computeIfPresent(
            meter,
            (name, known) -> {
              Meter left =
                  new Meter(known.fillAt(now), known.rate(), now, Math.max(0, known.running() - 1));
              return left.isForgettable(now) ? null : left;
            });
      }
    }
  }

  /** Lets a request in, if the limits allow it. */
  Entry enter(String meter, Caller.Limits limits) {
    long now = clockNanos.getAsLong();
    sweep(now);
    AtomicReference<Entry> outcome = new AtomicReference<>();
    meters.compute(
        meter,
        (name, known) -> {
          double rate = limits.requestsPerSecond();
          double fill =
              known == null ? capacity(rate) : Math.min(known.fillAt(now), capacity(rate));
          int running = known == null ? 0 : known.running();
          if (limits.concurrentRequests() > 0 && running >= limits.concurrentRequests()) {
            outcome.set(refused(limits.concurrentRequests() + " requests at once", 1));
          } else if (rate > 0 && fill < 1) {
            long seconds = (long) Math.ceil((1 - fill) / rate);
            outcome.set(refused(number(rate) + " requests per second", Math.max(1, seconds)));
          } else {
            outcome.set(new Entry(Optional.of(new Visit(meter)), "", 0));
            return new Meter(rate > 0 ? fill - 1 : fill, rate, now, running + 1);
          }
          return new Meter(fill, rate, now, running);
        });
    return outcome.get();
  }

  /** Counts a request that was let in before and goes on in another way. */
  Visit goOn(String meter) {
    long now = clockNanos.getAsLong();
    meters.compute(
        meter,
        (name, known) ->
            known == null
                ? new Meter(1, 0, now, 1)
                : new Meter(known.fill(), known.rate(), known.nanos(), known.running() + 1));
    return new Visit(meter);
  }

  private static Entry refused(String limit, long retryAfterSeconds) {
    return new Entry(Optional.empty(), limit, retryAfterSeconds);
  }

  private static String number(double rate) {
    return rate == Math.rint(rate) ? Long.toString((long) rate) : Double.toString(rate);
  }

  private void sweep(long now) {
    long swept = sweptNanos.get();
    if (meters.size() > MANY_METERS
        && now - swept > SWEEP_EVERY_NANOS
        && sweptNanos.compareAndSet(swept, now)) {
      meters.values().removeIf(meter -> meter.isForgettable(now));
    }
  }

  /** How many callers are remembered. */
  int size() {
    return meters.size();
  }
}
