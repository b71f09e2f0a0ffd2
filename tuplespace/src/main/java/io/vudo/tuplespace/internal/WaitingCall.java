package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * One caller that waits for a tuple, on the caller's side.
 *
 * <p>The space answers when a tuple matches or the time is over. But the space may restart or move
 * meanwhile and forget who waits, so the caller asks again and again, each time for at most a slice
 * of the time, under one id; one that waits already keeps its place. When the time is over without
 * an answer, it asks once more, without waiting, so that the space decides and not this clock: else
 * a tuple could be taken for nobody.
 */
public final class WaitingCall {
  /** One request to the space; fails with {@link VudoException}. */
  @FunctionalInterface
  public interface Request {
    /**
     * Sends it.
     *
     * @param patience how long the space may wait
     * @param timeout how long to wait for the space
     */
    CompletionStage<Optional<Tuple>> send(SpaceCommand.Patience patience, Duration timeout);
  }

  private static final Set<ErrorCode> PASSING =
      Set.of(ErrorCode.SPACE_UNAVAILABLE, ErrorCode.JOURNAL_UNAVAILABLE, ErrorCode.ASK_TIMEOUT);
  private static final Duration LEAST_PAUSE = Duration.ofMillis(50);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

  /** The space's answer that the time is over has so long to arrive. */
  private static final Duration GRACE = Duration.ofMillis(500);

  private final Request request;
  private final Duration slice;
  private final Executor executor;
  private final String waitId = UUID.randomUUID().toString();
  private final long startNanos = System.nanoTime();
  private final long waitMillis;
  private final CompletableFuture<Optional<Tuple>> result = new CompletableFuture<>();
  private int failures;

  private WaitingCall(Request request, long waitMillis, Duration slice, Executor executor) {
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
   * @return the tuple; empty when none came; fails with {@link VudoException}
   */
  public static CompletionStage<Optional<Tuple>> start(
      Request request, long waitMillis, Duration slice, Executor executor) {
    WaitingCall call = new WaitingCall(request, waitMillis, slice, executor);
    call.next();
    return call.result;
  }

  private long remainingMillis() {
    long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
    return Math.max(waitMillis - waited, 0);
  }

  private void next() {
    long remaining = remainingMillis();
    Duration timeout =
        remaining == 0 || remaining > slice.toMillis()
            ? slice
            : Duration.ofMillis(remaining).plus(GRACE);
    var unused =
        request
            .send(new SpaceCommand.Patience(waitId, remaining), timeout)
            .whenComplete(
                (found, failure) -> {
                  if (failure == null) {
                    result.complete(found);
                  } else if (remaining > 0
                      && failure instanceof VudoException typed
                      && PASSING.contains(typed.code())) {
                    again(typed.code());
                  } else {
                    result.completeExceptionally(failure);
                  }
                });
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
