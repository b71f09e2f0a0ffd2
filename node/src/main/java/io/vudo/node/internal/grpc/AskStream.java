package io.vudo.node.internal.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.vudo.node.internal.Gateway;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.AskManyReply;
import io.vudo.protocol.gateway.v1.AskManyRequest;
import io.vudo.protocol.gateway.v1.AskRequest;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * Many asks over one call. So many of them are under way, or answered and not taken by the client
 * yet, as the stream may have; for each that leaves, the next one is read. So neither a slow Spirit
 * nor a client that does not read its answers fills the memory. Thread-safe.
 *
 * <p>Asks go out in the order in which they come. Answers to those of one Spirit leave in that
 * order, too; others do not wait for them.
 */
final class AskStream implements StreamObserver<AskManyRequest> {
  private final ServerCallStreamObserver<AskManyReply> client;
  private final Function<AskManyRequest, CompletionStage<AskManyReply>> ask;
  private final Runnable whenOver;

  // Guarded by this.
  private final Map<String, CompletableFuture<Void>> lastOfSpirit = new HashMap<>();
  private final Queue<AskManyReply> answered = new ArrayDeque<>();
  private int underWay;
  private boolean allRead;
  private boolean stopping;
  private boolean over;

  /**
   * A stream that reads its first asks.
   *
   * @param most how many may be under way
   * @param ask asks; its stages do not fail
   * @param whenOver is run once
   */
  AskStream(
      ServerCallStreamObserver<AskManyReply> client,
      int most,
      Function<AskManyRequest, CompletionStage<AskManyReply>> ask,
      Runnable whenOver) {
    this.client = client;
    this.ask = ask;
    this.whenOver = whenOver;
    client.disableAutoRequest();
    client.setOnReadyHandler(this::send);
    client.setOnCancelHandler(this::end);
    client.request(most);
  }

  @Override
  public void onNext(AskManyRequest request) {
    AskRequest message = request.getAsk();
    String spirit = message.getType() + "/" + message.getId();
    synchronized (this) {
      if (over) {
        return;
      }
      underWay++;
    }
    CompletionStage<AskManyReply> reply = isStopping() ? stopping(request) : ask.apply(request);
    CompletableFuture<Void> sent;
    synchronized (this) {
      CompletableFuture<Void> before =
          lastOfSpirit.getOrDefault(spirit, CompletableFuture.completedFuture(null));
      // One after the other, and each after the one before was sent: dependents of one stage alone
      // are in no order.
      sent =
          before.thenCombine(
              reply,
              (done, answer) -> {
                answered(answer);
                return null;
              });
      if (!sent.isDone()) {
        lastOfSpirit.put(spirit, sent);
      }
    }
    var unused = sent.whenComplete((done, failure) -> forget(spirit, sent));
  }

  private synchronized boolean isStopping() {
    return stopping;
  }

  private static CompletionStage<AskManyReply> stopping(AskManyRequest request) {
    return CompletableFuture.completedFuture(
        AskManyReply.newBuilder()
            .setRequest(request.getRequest())
            .setError(Answers.error(Gateway.problem(nodeStops())))
            .build());
  }

  private static VudoException nodeStops() {
    return new VudoException(ErrorCode.SPIRIT_UNAVAILABLE, "The node is stopping.");
  }

  private synchronized void forget(String spirit, CompletableFuture<Void> sent) {
    lastOfSpirit.remove(spirit, sent);
  }

  private void answered(AskManyReply answer) {
    synchronized (this) {
      answered.add(answer);
    }
    send();
  }

  /** Sends what the client takes. */
  private synchronized void send() {
    int left = 0;
    while (!over && !answered.isEmpty() && client.isReady()) {
      client.onNext(answered.poll());
      left++;
    }
    if (over) {
      return;
    }
    underWay -= left;
    if (underWay == 0 && allRead) {
      client.onCompleted();
      end();
    } else if (underWay == 0 && stopping) {
      client.onError(Answers.failure(nodeStops()));
      end();
    } else if (left > 0 && !stopping) {
      client.request(left);
    }
  }

  /** Reads no more, and ends when what is under way is answered. */
  synchronized void stop() {
    stopping = true;
    send();
  }

  private void end() {
    synchronized (this) {
      if (over) {
        return;
      }
      over = true;
      answered.clear();
      lastOfSpirit.clear();
    }
    whenOver.run();
  }

  @Override
  public void onError(Throwable failure) {
    end();
  }

  @Override
  public void onCompleted() {
    synchronized (this) {
      allRead = true;
    }
    send();
  }
}
