package io.vudo.spirit;

import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.TraceId;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/**
 * Ids of traces and spans. The span of a turn that waits has an id that the journal keeps; when its
 * node dies meanwhile, the span that goes on elsewhere has to get the same one, or what the turn
 * has asked already would have no parent. OpenTelemetry's API knows no way to say so, so an SDK
 * whose spans shall survive takes its ids from here: its {@code IdGenerator} answers {@link
 * #nextTraceId} and {@link #nextSpanId}. Thread-safe.
 */
public final class TraceIds {
  private record Given(String traceId, String spanId) {}

  private static final ThreadLocal<Given> GIVEN = new ThreadLocal<>();

  private TraceIds() {}

  /** The id of a trace that begins: a random one, unless one was given to this thread. */
  public static String nextTraceId() {
    Given given = GIVEN.get();
    if (given != null) {
      return given.traceId();
    }
    ThreadLocalRandom random = ThreadLocalRandom.current();
    return TraceId.fromLongs(random.nextLong(), notZero(random.nextLong()));
  }

  /** The id of a span that begins: a random one, unless one was given to this thread. */
  public static String nextSpanId() {
    Given given = GIVEN.get();
    return given != null
        ? given.spanId()
        : SpanId.fromLong(notZero(ThreadLocalRandom.current().nextLong()));
  }

  private static long notZero(long random) {
    return random == 0 ? 1 : random;
  }

  /**
   * Begins one span that has these ids.
   *
   * @param traceId 32 hexadecimal digits
   * @param spanId 16 hexadecimal digits
   * @param begin begins it, on this thread
   */
  public static <T> T with(String traceId, String spanId, Supplier<T> begin) {
    GIVEN.set(new Given(Objects.requireNonNull(traceId), Objects.requireNonNull(spanId)));
    try {
      return begin.get();
    } finally {
      GIVEN.remove();
    }
  }
}
