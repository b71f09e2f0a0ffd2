package io.vudo.node.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Processes;
import io.vudo.spirit.Spirits;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.util.ByteString;

/** Calls by dotted names over HTTP: {@code /v1/process}. */
final class ProcessRoutes {
  private static final ContentType PACKED =
      ContentTypes.create(
          MediaTypes.customBinary("application", "msgpack", MediaTypes.NOT_COMPRESSIBLE));

  private final NodeProcesses processes;
  private final Spirits spirits;
  private final Function<String, Duration> timeout;
  private final Duration askTimeout;
  private final int maxPayloadBytes;
  private final Duration deadline;

  /**
   * The routes.
   *
   * @param timeout reads the header
   * @param askTimeout without the header
   * @param deadline how long a function of the host may run whose caller waits shorter
   */
  ProcessRoutes(
      NodeProcesses processes,
      Spirits spirits,
      Function<String, Duration> timeout,
      Duration askTimeout,
      int maxPayloadBytes,
      Duration deadline) {
    this.processes = processes;
    this.spirits = spirits;
    this.timeout = timeout;
    this.askTimeout = askTimeout;
    this.maxPayloadBytes = maxPayloadBytes;
    this.deadline = deadline;
  }

  /** The answers to all addresses below {@code /v1/process}. */
  Map<Route, Gateway.Handler> handlers() {
    return Map.of(
        Route.LIST_PROCESSES,
        this::list,
        Route.CALL_PROCESS,
        exchange -> call(exchange, exchange.argument("name")),
        Route.CALL_SPIRIT,
        exchange -> call(exchange, exchange.argument("type") + "/" + exchange.argument("name")));
  }

  private CompletionStage<HttpResponse> list(Exchange exchange) {
    exchange.query(Set.of());
    ObjectNode node = Json.object();
    ArrayNode names = node.putArray("names");
    processes
        .registry()
        .list()
        .forEach(
            entry -> {
              ObjectNode one =
                  names.addObject().put("name", entry.name()).put("kind", entry.kind());
              if (!entry.detail().isEmpty()) {
                one.put(entry.kind().equals("alias") ? "for" : "version", entry.detail());
              }
            });
    for (ScriptDirectory.Script script : processes.scripts()) {
      ObjectNode one =
          names
              .addObject()
              .put("name", script.type())
              .put("kind", "script")
              .put("file", script.file().toString())
              .put("serves", script.serves());
      script
          .problem()
          .ifPresent(
              problem ->
                  one.putObject("problem")
                      .put("code", problem.code().name())
                      .put("detail", problem.detail()));
    }
    return CompletableFuture.completedFuture(Gateway.json(node));
  }

  private CompletionStage<HttpResponse> call(Exchange exchange, String name) {
    exchange.query(Set.of());
    ProcessName.parse(name);
    Duration patience = exchange.header("X-Vudo-Timeout").map(timeout).orElse(askTimeout);
    exchange.allow(patience);
    String key = Gateway.idempotencyKey(exchange);
    Optional<Duration> sentBefore = Gateway.sentBefore(exchange);
    Processes.Route route = processes.route(name);
    // Who sends bytes gets bytes, whoever answers.
    boolean bytesWanted =
        exchange.request().entity().getContentType().equals(ContentTypes.APPLICATION_OCTET_STREAM);
    return exchange
        .body(maxPayloadBytes, ErrorCode.PAYLOAD_TOO_LARGE)
        .thenCompose(
            args ->
                route instanceof Processes.Route.ToSpirit spirit
                    ? processes.counted(spirit, () -> ask(spirit, args, key, sentBefore, patience))
                    : run(name, args, key, patience)
                        .thenApply(
                            result -> answer(result, bytesWanted, ProcessPayload.isPacked(args))));
  }

  private static HttpResponse answer(byte[] result, boolean bytesWanted, boolean packed) {
    ContentType json = packed ? PACKED : ContentTypes.APPLICATION_JSON;
    return HttpResponse.create()
        .withEntity(
            bytesWanted ? ContentTypes.APPLICATION_OCTET_STREAM : json,
            ByteString.fromArrayUnsafe(result));
  }

  private CompletionStage<byte[]> run(String name, byte[] args, String key, Duration patience) {
    // It goes on when this caller gives up, and a later one with the same key finds it.
    Duration limit = patience.compareTo(deadline) > 0 ? patience : deadline;
    String id = key.isEmpty() ? "" : "key:" + ProcessName.key(name) + ":" + key;
    return processes
        .call(new Processes.Call(id, name, args, "", limit))
        .toCompletableFuture()
        .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
        .handle(
            (result, failure) -> {
              if (failure == null) {
                return result;
              }
              if (Failures.unwrap(failure) instanceof TimeoutException) {
                throw new VudoException(
                    ErrorCode.ASK_TIMEOUT,
                    name + " did not answer in " + patience.toMillis() + " ms.",
                    failure);
              }
              throw Failures.rethrown(failure);
            });
  }

  private CompletionStage<HttpResponse> ask(
      Processes.Route.ToSpirit spirit,
      byte[] args,
      String key,
      Optional<Duration> sentBefore,
      Duration patience) {
    CompletionStage<Optional<byte[]>> reply =
        sentBefore
            .map(
                before ->
                    spirits.askAgain(
                        spirit.to(), spirit.messageType(), args, key, before, patience))
            .orElseGet(() -> spirits.ask(spirit.to(), spirit.messageType(), args, key, patience));
    return reply.handle(
        (bytes, failure) -> {
          if (failure != null) {
            throw told(failure);
          }
          return bytes
              .map(
                  value ->
                      HttpResponse.create()
                          .withEntity(
                              ContentTypes.APPLICATION_OCTET_STREAM,
                              ByteString.fromArrayUnsafe(value)))
              .orElseGet(Gateway::nothing);
        });
  }

  /** What a Spirit says by {@code fail} is told as what a Loa says. */
  private static RuntimeException told(Throwable failure) {
    VudoException typed = Failures.typed(failure);
    return typed.code() == ErrorCode.APPLICATION_ERROR
        ? new VudoException(
            ErrorCode.PROCESS_FAILED, ProcessException.of(typed.toError()).text(), typed)
        : typed;
  }
}
