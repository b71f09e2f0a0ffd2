package io.vudo.node.internal.grpc;

import com.google.protobuf.Message;
import com.typesafe.config.Config;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.vudo.node.internal.Gateway;
import io.vudo.node.internal.Route;
import io.vudo.protocol.gateway.v1.AskManyReply;
import io.vudo.protocol.gateway.v1.AskManyRequest;
import io.vudo.protocol.gateway.v1.AskReply;
import io.vudo.protocol.gateway.v1.AskRequest;
import io.vudo.protocol.gateway.v1.SpiritsGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.RequestEntity;

/** Has the gateway answer the calls of all services. */
final class Calls {
  private final ActorSystem<?> system;
  private final Gateway gateway;
  private final Duration requestTimeout;
  private final Duration maxTimeout;
  private final int maxAsksPerStream;
  private final Map<String, Operation> operations;
  private final Set<AskStream> askStreams = ConcurrentHashMap.newKeySet();

  /**
   * Calls that this gateway answers.
   *
   * @param vudo the configuration below {@code vudo}
   */
  Calls(ActorSystem<?> system, Config vudo, Gateway gateway) {
    this.system = system;
    this.gateway = gateway;
    this.requestTimeout = vudo.getDuration("http.request-timeout");
    this.maxTimeout = vudo.getDuration("http.max-timeout");
    this.maxAsksPerStream = vudo.getInt("grpc.max-asks-per-stream");
    this.operations =
        Operation.all().stream().collect(Collectors.toMap(Operation::name, Function.identity()));
  }

  /** What handles the calls of each service. */
  List<ServerServiceDefinition> services() {
    List<ServerServiceDefinition> services = new ArrayList<>();
    for (ServiceDescriptor service : Operation.SERVICES) {
      ServerServiceDefinition.Builder builder = ServerServiceDefinition.builder(service);
      Collection<io.grpc.MethodDescriptor<?, ?>> methods = service.getMethods();
      for (io.grpc.MethodDescriptor<?, ?> method : methods) {
        Operation operation = operations.get(method.getFullMethodName());
        if (operation.route().isPresent()) {
          add(builder, operation);
        }
      }
      if (service.equals(SpiritsGrpc.getServiceDescriptor())) {
        builder.addMethod(
            SpiritsGrpc.getAskManyMethod(), ServerCalls.asyncBidiStreamingCall(this::askMany));
      }
      services.add(builder.build());
    }
    return services;
  }

  /** What lets the calls of these services in. */
  ServerInterceptor admission() {
    return new Admission(system, gateway, name -> operations.get(name).route(), requestTimeout);
  }

  private void add(ServerServiceDefinition.Builder service, Operation operation) {
    switch (operation.grpc().getType()) {
      case UNARY ->
          service.addMethod(
              operation.grpc(),
              ServerCalls.asyncUnaryCall(
                  (request, client) -> unary(operation, request, observer(client))));
      case SERVER_STREAMING ->
          service.addMethod(
              operation.grpc(),
              ServerCalls.asyncServerStreamingCall(
                  (request, client) -> serverStream(operation, request, observer(client))));
      case CLIENT_STREAMING ->
          service.addMethod(
              operation.grpc(),
              ServerCalls.asyncClientStreamingCall(
                  client -> clientStream(operation, observer(client))));
      default -> throw new IllegalStateException(operation.name() + " has no equal in HTTP");
    }
  }

  private static <A> ServerCallStreamObserver<A> observer(StreamObserver<A> client) {
    return (ServerCallStreamObserver<A>) client;
  }

  private void unary(
      Operation operation, Message request, ServerCallStreamObserver<Message> client) {
    // Who goes away is not told; what he asked for goes on, as over HTTP.
    client.setOnCancelHandler(() -> {});
    answer(operation, CallContext.current(), request, Optional.empty(), patience(), admitted())
        .whenComplete((response, failure) -> reply(operation, client, response, failure));
  }

  private void reply(
      Operation operation,
      ServerCallStreamObserver<Message> client,
      HttpResponse response,
      Throwable failure) {
    if (client.isCancelled()) {
      return;
    }
    if (failure != null) {
      client.onError(Answers.failure(failure));
      return;
    }
    Message message;
    try {
      if (Answers.isProblem(response)) {
        client.onError(Answers.failure(response));
        return;
      }
      message = Answers.message(operation, response);
    } catch (RuntimeException e) {
      client.onError(Answers.failure(e));
      return;
    }
    client.onNext(message);
    client.onCompleted();
  }

  private void serverStream(
      Operation operation, Message request, ServerCallStreamObserver<Message> client) {
    CallContext context = CallContext.current();
    AnswerStream.Prepared<Message> messages = AnswerStream.prepare(client, system);
    answer(operation, context, request, Optional.empty(), patience(), admitted())
        .whenComplete(
            (response, failure) -> {
              if (failure != null) {
                client.onError(Answers.failure(failure));
              } else if (client.isCancelled()) {
                TimeLimit.drop(system, response);
              } else if (Answers.isProblem(response)) {
                client.onError(Answers.failure(response));
              } else {
                // Now, and not with the first message: a watch has begun.
                context.sendHeaders(response);
                messages.send(AnswerMessages.of(operation, response));
              }
            });
  }

  private StreamObserver<Message> clientStream(
      Operation operation, ServerCallStreamObserver<Message> client) {
    CallContext context = CallContext.current();
    Optional<Duration> patience = patience();
    Answering admitted = admitted();
    return new Upload(
        operation,
        client,
        system,
        (head, body) ->
            answer(operation, context, head, Optional.of(body), patience, admitted)
                .whenComplete((response, failure) -> reply(operation, client, response, failure)));
  }

  /** Answers the request that a call is. */
  private interface Answering {
    CompletionStage<HttpResponse> answer(
        Map<String, String> arguments, HttpRequest request, Consumer<Duration> timeLimit);
  }

  /** The call was let in by its headers. */
  private static Answering admitted() {
    return Admission.current()::answer;
  }

  /** What the gateway answers; fails for what cannot be made a request of it. */
  private CompletionStage<HttpResponse> answer(
      Operation operation,
      CallContext context,
      Message parameters,
      Optional<RequestEntity> body,
      Optional<Duration> patience,
      Answering answering) {
    try {
      HttpRequest request = Requests.of(operation, context, parameters, body, patience);
      TimeLimit limit = new TimeLimit(system, requestTimeout);
      return limit.around(
          answering.answer(Requests.arguments(operation, parameters), request, limit));
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** What is left of the call's deadline, within what a request may wait. */
  private Optional<Duration> patience() {
    return Optional.ofNullable(Context.current().getDeadline()).map(this::left);
  }

  private Duration left(Deadline deadline) {
    long millis = Math.max(1, deadline.timeRemaining(TimeUnit.MILLISECONDS));
    return Duration.ofMillis(Math.min(millis, maxTimeout.toMillis()));
  }

  // Many asks

  private StreamObserver<AskManyRequest> askMany(StreamObserver<AskManyReply> observer) {
    ServerCallStreamObserver<AskManyReply> client = observer(observer);
    CallContext context = CallContext.current();
    Operation ask = operations.get(SpiritsGrpc.getAskMethod().getFullMethodName());
    Gateway.Admission admission = gateway.admit(Route.ASK, context.admissible());
    if (admission.refusal().isPresent()) {
      client.onError(Answers.failure(admission.refusal().get()));
      return new Ignored();
    }
    Optional<Deadline> deadline = Optional.ofNullable(Context.current().getDeadline());
    CompletableFuture<AskStream> made = new CompletableFuture<>();
    AskStream stream =
        new AskStream(
            client,
            maxAsksPerStream,
            request -> askOne(ask, context, deadline, request),
            () -> {
              admission.leave().run();
              var unused = made.thenAccept(askStreams::remove);
            });
    askStreams.add(stream);
    made.complete(stream);
    return stream;
  }

  private CompletionStage<AskManyReply> askOne(
      Operation ask, CallContext context, Optional<Deadline> deadline, AskManyRequest request) {
    Optional<Duration> left = deadline.map(this::left);
    Optional<Duration> wanted =
        request.hasTimeoutMillis()
            ? Optional.of(Duration.ofMillis(request.getTimeoutMillis()))
            : Optional.empty();
    Optional<Duration> patience =
        wanted.isPresent() && left.isPresent() && left.get().compareTo(wanted.get()) < 0
            ? left
            : wanted.or(() -> left);
    AskRequest message = request.getAsk();
    return answer(
            ask,
            context,
            message,
            Optional.empty(),
            patience,
            (arguments, each, limit) -> gateway.answer(Route.ASK, arguments, each, limit))
        .handle(
            (response, failure) -> {
              AskManyReply.Builder reply =
                  AskManyReply.newBuilder().setRequest(request.getRequest());
              if (failure != null) {
                return reply.setError(Answers.error(Answers.response(failure))).build();
              }
              return (Answers.isProblem(response)
                      ? reply.setError(Answers.error(response))
                      : reply.setReply((AskReply) Answers.message(ask, response)))
                  .build();
            });
  }

  /** Lets the streams of asks end when what is under way is answered. */
  void stop() {
    askStreams.forEach(AskStream::stop);
  }

  /** Of a client that was refused. */
  private static final class Ignored implements StreamObserver<AskManyRequest> {
    @Override
    public void onNext(AskManyRequest value) {}

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
