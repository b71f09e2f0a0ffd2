package io.vudo.spirit.internal.history;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * Bounds how many replays run at once, so that they leave threads to living Spirits. Thread-safe.
 */
public final class ReplaySlots {
  private final String dispatcher;
  private final int maxRunning;
  private final int maxWaiting;
  private final Duration timeout;
  private final Deque<Runnable> waiting = new ArrayDeque<>();
  private int running;

  /**
   * Slots.
   *
   * @param dispatcher on whose threads replays run
   * @param maxRunning replays at once
   * @param maxWaiting replays that may wait for one of them
   * @param timeout how long one may run
   */
  public ReplaySlots(String dispatcher, int maxRunning, int maxWaiting, Duration timeout) {
    this.dispatcher = dispatcher;
    this.maxRunning = maxRunning;
    this.maxWaiting = maxWaiting;
    this.timeout = timeout;
  }

  String dispatcher() {
    return dispatcher;
  }

  Duration timeout() {
    return timeout;
  }

  /** Runs a replay, now or when another one has ended. */
  <T> CompletionStage<T> run(Supplier<CompletionStage<T>> replay) {
    CompletableFuture<T> outcome = new CompletableFuture<>();
    Runnable start = () -> start(replay, outcome);
    synchronized (this) {
      if (running >= maxRunning) {
        if (waiting.size() >= maxWaiting) {
          throw new VudoException(
              ErrorCode.SPIRIT_UNAVAILABLE,
              running
                  + " replays run and "
                  + waiting.size()
                  + " wait, as many as vudo.spirit.replay allows.");
        }
        waiting.add(start);
        return outcome;
      }
      running++;
    }
    start.run();
    return outcome;
  }

  private <T> void start(Supplier<CompletionStage<T>> replay, CompletableFuture<T> outcome) {
    CompletionStage<T> stage;
    try {
      stage = replay.get();
    } catch (RuntimeException failure) {
      stage = CompletableFuture.failedFuture(failure);
    }
    stage.whenComplete(
        (result, failure) -> {
          ended();
          if (failure == null) {
            outcome.complete(result);
          } else {
            outcome.completeExceptionally(failure);
          }
        });
  }

  private void ended() {
    Runnable next;
    synchronized (this) {
      next = waiting.poll();
      if (next == null) {
        running--;
      }
    }
    if (next != null) {
      next.run();
    }
  }
}
