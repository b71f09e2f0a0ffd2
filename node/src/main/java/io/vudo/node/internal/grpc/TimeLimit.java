package io.vudo.node.internal.grpc;

import io.vudo.node.internal.Gateway;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.javadsl.Sink;

/**
 * How long a call may go without an answer, whether or not it has a deadline: as over HTTP. What
 * waits longer by intention says so, and moves the limit. Thread-safe.
 */
final class TimeLimit implements Consumer<Duration> {
  private final ActorSystem<?> system;
  private final CompletableFuture<HttpResponse> answer = new CompletableFuture<>();

  /** Guarded by this. */
  private Cancellable timer;

  /** The limit begins now. */
  TimeLimit(ActorSystem<?> system, Duration timeout) {
    this.system = system;
    accept(timeout);
  }

  @Override
  public synchronized void accept(Duration timeout) {
    if (timer != null) {
      timer.cancel();
    }
    if (!answer.isDone()) {
      timer = system.scheduler().scheduleOnce(timeout, this::over, system.executionContext());
    }
  }

  private void over() {
    answer.complete(
        Gateway.problem(
            new VudoException(
                ErrorCode.ASK_TIMEOUT, "The node did not answer the request in time.")));
  }

  /** The answer, or that it was not there in time. */
  CompletionStage<HttpResponse> around(CompletionStage<HttpResponse> answering) {
    answering.whenComplete(
        (response, failure) -> {
          boolean wanted =
              failure == null ? answer.complete(response) : answer.completeExceptionally(failure);
          if (!wanted && response != null) {
            drop(system, response);
          }
          stop();
        });
    return answer;
  }

  private synchronized void stop() {
    timer.cancel();
  }

  /** Ends an answer that nobody takes, so that what it would tell of is not kept for it. */
  static void drop(ActorSystem<?> system, HttpResponse response) {
    if (!response.entity().isStrict()) {
      response.entity().getDataBytes().runWith(Sink.cancelled(), system);
    }
  }
}
