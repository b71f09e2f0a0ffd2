package io.vudo.node.benchmark;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.vudo.protocol.gateway.v1.AskManyReply;
import io.vudo.protocol.gateway.v1.AskManyRequest;
import io.vudo.protocol.gateway.v1.AskReply;
import io.vudo.protocol.gateway.v1.AskRequest;
import io.vudo.protocol.gateway.v1.SpiritsGrpc;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

/** Asks counters by gRPC over one connection: call by call, or all in one stream. */
final class GrpcCaller implements AutoCloseable {
  private final ManagedChannel channel;
  private final SpiritsGrpc.SpiritsStub calls;
  private final Map<Long, CompletableFuture<AskManyReply>> waiting = new ConcurrentHashMap<>();
  private final StreamObserver<AskManyRequest> stream;
  private long requests;

  GrpcCaller(int port) {
    channel =
        Grpc.newChannelBuilder("127.0.0.1:" + port, InsecureChannelCredentials.create()).build();
    calls = SpiritsGrpc.newStub(channel);
    stream =
        SpiritsGrpc.newStub(channel)
            .askMany(
                new StreamObserver<>() {
                  @Override
                  public void onNext(AskManyReply reply) {
                    CompletableFuture<AskManyReply> asked = waiting.remove(reply.getRequest());
                    if (reply.hasError()) {
                      asked.completeExceptionally(new IOException(reply.getError().getCode()));
                    } else {
                      asked.complete(reply);
                    }
                  }

                  @Override
                  public void onError(Throwable failure) {
                    waiting.values().forEach(asked -> asked.completeExceptionally(failure));
                  }

                  @Override
                  public void onCompleted() {}
                });
  }

  private static AskRequest request(String type) {
    return AskRequest.newBuilder().setType(type).setId("one").setMessageType("add").build();
  }

  /** By a call of its own. */
  CompletionStage<AskReply> ask(String type) {
    CompletableFuture<AskReply> stage = new CompletableFuture<>();
    calls.ask(
        request(type),
        new StreamObserver<>() {
          @Override
          public void onNext(AskReply reply) {
            stage.complete(reply);
          }

          @Override
          public void onError(Throwable failure) {
            stage.completeExceptionally(failure);
          }

          @Override
          public void onCompleted() {}
        });
    return stage;
  }

  /** In the stream. */
  synchronized CompletionStage<AskManyReply> askInStream(String type) {
    CompletableFuture<AskManyReply> asked = new CompletableFuture<>();
    waiting.put(++requests, asked);
    stream.onNext(AskManyRequest.newBuilder().setRequest(requests).setAsk(request(type)).build());
    return asked;
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
