package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * One caller that waits at one partition, on the caller's side.
 *
 * <p>The partition answers when a tuple matches or the time is over. But it may restart meanwhile
 * and forget who waits, so the caller asks again and again, each time for at most a slice of the
 * time, under one id; one that waits already keeps its place. When the time is over without an
 * answer, it asks once more, without waiting, so that the partition decides and not this clock:
 * else a tuple could be taken for nobody.
 *
 * @param <T> what is waited for
 */
public final class WaitingCall<T> {
  /** One request to the partition; fails with {@link VudoException}. */
  @FunctionalInterface
  public interface Request<T> {
    /**
     * Sends it.
     *
     * @param millis how long the partition may wait
     * @param timeout how long to wait for the partition
     */
    CompletionStage<Optional<T>> send(long millis, Duration timeout);
  }

  private static final Set<ErrorCode> PASSING =
      Set.of(ErrorCode.SPACE_UNAVAILABLE, ErrorCode.JOURNAL_UNAVAILABLE, ErrorCode.ASK_TIMEOUT);
  private static final Duration LEAST_PAUSE = Duration.ofMillis(50);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

  /** The partition's answer that the time is over has so long to arrive. */
  private static final Duration GRACE = Duration.ofMillis(500);

  private final Request<T> request;
  private final Duration slice;
  private final Executor executor;
  private final long startNanos = System.nanoTime();
  private final long waitMillis;
  private final CompletableFuture<Optional<T>> result = new CompletableFuture<>();
  private int failures;

  /** Why it is open whether an earlier request was done; null when it is not. */
  private VudoException open;

  private WaitingCall(Request<T> request, long waitMillis, Duration slice, Executor executor) {
    this.request = request;
    this.waitMillis = waitMillis;
    this.slice = slice;
    this.executor = executor;
  }

  /**
   * Waits.
   *
   * @param slice how long one request waits at most
   * @param executor asks again after a pause
   * @return what was waited for; empty when it did not come; fails with {@link VudoException}. Who
   *     completes it ends the wait: it is not asked again
   */
  public static <T> CompletableFuture<Optional<T>> start(
      Request<T> request, long waitMillis, Duration slice, Executor executor) {
    WaitingCall<T> call = new WaitingCall<>(request, waitMillis, slice, executor);
    call.next();
    return call.result;
  }

  private long remainingMillis() {
    long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
    return Math.max(waitMillis - waited, 0);
  }

  private void next() {
    if (result.isDone()) {
      return;
    }
    long remaining = remainingMillis();
    Duration timeout =
        remaining == 0 || remaining > slice.toMillis()
            ? slice
            : Duration.ofMillis(remaining).plus(GRACE);
    var unused =
        request
            .send(remaining, timeout)
            .whenComplete(
                (found, failure) -> {
                  if (failure == null) {
                    result.complete(found);
                  } else if (remaining > 0
                      && failure instanceof VudoException typed
                      && PASSING.contains(typed.code())) {
                    if (typed.code() != ErrorCode.SPACE_UNAVAILABLE) {
                      open = typed;
                    }
                    again(typed.code());
                  } else {
                    result.completeExceptionally(atLast(failure));
                  }
                });
  }

  /** That the last request did nothing does not say that none did. */
  private Throwable atLast(Throwable failure) {
    return open != null
            && failure instanceof VudoException typed
            && typed.code() == ErrorCode.SPACE_UNAVAILABLE
        ? open
        : failure;
  }

  private void again(ErrorCode code) {
    if (code == ErrorCode.ASK_TIMEOUT) {
      failures = 0;
      next();
      return;
    }
    long pause = Backoff.pause(LEAST_PAUSE, LONGEST_PAUSE, failures++).toMillis();
    // Many were sent off at the same moment; they do not come back at the same.
    long spread = pause / 2 + ThreadLocalRandom.current().nextLong(pause);
    CompletableFuture.delayedExecutor(
            Math.min(spread, remainingMillis()), TimeUnit.MILLISECONDS, executor)
        .execute(this::next);
  }
}
