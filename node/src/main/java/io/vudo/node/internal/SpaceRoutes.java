package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Lease;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Transaction;
import io.vudo.tuplespace.Tuplespace;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** What the gateway has below {@code /v1/spaces}: tuples and templates in JSON. */
final class SpaceRoutes {
  /** Tuples are up to 1 MiB encoded; as JSON, with base64 and quotes, they take more. */
  private static final long MAX_TUPLE_JSON_BYTES = 8L << 20;

  private static final int DEFAULT_LIMIT = 1_000;

  private final Tuplespace spaces;
  private final Function<String, Duration> timeout;
  private final WatchStreams watches;

  /**
   * The addresses of {@code spaces}.
   *
   * @param timeout reads {@code X-Vudo-Timeout}
   * @param streams those that would go on for ever
   * @param maxWatchBehindBytes see {@code vudo.http.max-watch-behind}
   */
  SpaceRoutes(
      ActorSystem<?> system,
      Tuplespace spaces,
      Function<String, Duration> timeout,
      EndlessStreams streams,
      long maxWatchBehindBytes) {
    this.spaces = spaces;
    this.timeout = timeout;
    this.watches = new WatchStreams(system, spaces, streams, maxWatchBehindBytes);
  }

  /** What answers to each of these. */
  Map<Route, Gateway.Handler> handlers() {
    return Map.ofEntries(
        on(Route.WRITE_TUPLES, this::write),
        on(Route.READ_TUPLE, this::read),
        on(Route.TAKE_TUPLE, this::take),
        on(Route.READ_ALL_TUPLES, this::readAll),
        on(Route.TAKE_ALL_TUPLES, this::takeAll),
        on(Route.COUNT_TUPLES, this::count),
        on(Route.SWAP_TUPLE, this::swap),
        on(Route.RENEW_LEASE, this::renew),
        on(Route.CANCEL_LEASE, this::cancelLease),
        on(Route.WAIT_AT_BARRIER, this::barrier),
        on(Route.BEGIN_TRANSACTION, this::begin),
        on(
            Route.COMMIT_TRANSACTION,
            (exchange, space) -> end(exchange, space, Transaction::commit)),
        on(Route.ABORT_TRANSACTION, (exchange, space) -> end(exchange, space, Transaction::abort)),
        on(Route.WATCH_TUPLES_BY_QUERY, this::watchByQuery),
        on(Route.WATCH_TUPLES, this::watchByBody));
  }

  /** Answers a request about a space. */
  private interface SpaceHandler {
    CompletionStage<HttpResponse> answer(Exchange exchange, String space);
  }

  private static Map.Entry<Route, Gateway.Handler> on(Route route, SpaceHandler handler) {
    return Map.entry(route, exchange -> handler.answer(exchange, exchange.argument("space")));
  }

  // Writing

  private CompletionStage<HttpResponse> write(Exchange exchange, String space) {
    OperationId operation = operation(exchange);
    return body(exchange, "tuple", "tuples", "ttlMillis", "transaction")
        .thenCompose(body -> write(space, body, operation))
        .thenApply(
            leases -> {
              ObjectNode answer = Json.object();
              ArrayNode list = answer.putArray("leases");
              leases.forEach(lease -> list.add(json(lease)));
              return Gateway.json(answer);
            });
  }

  private CompletionStage<List<Lease>> write(String space, JsonNode body, OperationId operation) {
    if (body.has("tuple") == body.has("tuples")) {
      throw invalid("Either \"tuple\" or \"tuples\" is what is written.");
    }
    long ttlMillis = whole(body, "ttlMillis", 0);
    Optional<Transaction> transaction = transaction(space, body, operation);
    if (body.has("tuples")) {
      List<Tuple> tuples = tuples(body.get("tuples"));
      return transaction.isPresent()
          ? transaction.get().writeAll(tuples, ttlMillis)
          : spaces.writeAll(space, tuples, ttlMillis, operation);
    }
    Tuple tuple = TupleJson.readTuple(body.get("tuple"));
    CompletionStage<Lease> lease =
        transaction.isPresent()
            ? transaction.get().write(tuple, ttlMillis)
            : spaces.write(space, tuple, ttlMillis, operation);
    return lease.thenApply(List::of);
  }

  private static List<Tuple> tuples(JsonNode array) {
    if (!array.isArray()) {
      throw invalid("The member \"tuples\" is an array of tuples.");
    }
    // Before they are read: what is refused for its length should not cost its length.
    if (array.isEmpty() || array.size() > Tuplespace.MAX_BATCH) {
      throw new VudoException(ErrorCode.BATCH_TOO_LARGE, array.size() + " tuples.");
    }
    List<Tuple> tuples = new ArrayList<>();
    array.forEach(tuple -> tuples.add(TupleJson.readTuple(tuple)));
    return tuples;
  }

  private CompletionStage<HttpResponse> swap(Exchange exchange, String space) {
    OperationId operation = operation(exchange);
    return body(exchange, "expected", "replacement", "ttlMillis")
        .thenCompose(
            body ->
                spaces.compareAndSwap(
                    space,
                    TupleJson.readTemplate(member(body, "expected")),
                    TupleJson.readTuple(member(body, "replacement")),
                    whole(body, "ttlMillis", 0),
                    operation))
        .thenApply(SpaceRoutes::found);
  }

  private CompletionStage<HttpResponse> renew(Exchange exchange, String space) {
    return body(exchange, "lease", "ttlMillis")
        .thenCompose(body -> spaces.renew(space, text(body, "lease"), whole(body, "ttlMillis", 0)))
        .thenApply(lease -> Gateway.json(json(lease)));
  }

  private CompletionStage<HttpResponse> cancelLease(Exchange exchange, String space) {
    return body(exchange, "lease")
        .thenCompose(body -> spaces.cancelLease(space, text(body, "lease")))
        .thenApply(done -> Gateway.nothing());
  }

  // Reading and taking

  private CompletionStage<HttpResponse> read(Exchange exchange, String space) {
    Duration wait = wait(exchange);
    return body(exchange, "template", "transaction")
        .thenCompose(
            body -> {
              Template template = template(body);
              Optional<Transaction> transaction = transaction(space, body, OperationId.none());
              return transaction.isPresent()
                  ? transaction.get().read(template, wait)
                  : spaces.read(space, template, wait);
            })
        .thenApply(SpaceRoutes::found);
  }

  private CompletionStage<HttpResponse> take(Exchange exchange, String space) {
    OperationId operation = operation(exchange);
    Duration wait = wait(exchange);
    return body(exchange, "template", "transaction")
        .thenCompose(
            body -> {
              Template template = template(body);
              Optional<Transaction> transaction = transaction(space, body, operation);
              return transaction.isPresent()
                  ? transaction.get().take(template, wait)
                  : spaces.take(space, template, operation, wait);
            })
        .thenApply(SpaceRoutes::found);
  }

  private CompletionStage<HttpResponse> readAll(Exchange exchange, String space) {
    return body(exchange, "template", "limit", "transaction")
        .thenCompose(
            body -> {
              Template template = template(body);
              int limit = limit(body);
              Optional<Transaction> transaction = transaction(space, body, OperationId.none());
              return transaction.isPresent()
                  ? transaction.get().readAll(template, limit)
                  : spaces.readAll(space, template, limit);
            })
        .thenApply(SpaceRoutes::foundAll);
  }

  private CompletionStage<HttpResponse> takeAll(Exchange exchange, String space) {
    return body(exchange, "template", "limit", "transaction")
        .thenCompose(
            body -> {
              Template template = template(body);
              int limit = limit(body);
              Optional<Transaction> transaction = transaction(space, body, OperationId.none());
              return transaction.isPresent()
                  ? transaction.get().takeAll(template, limit)
                  : spaces.takeAll(space, template, limit);
            })
        .thenApply(SpaceRoutes::foundAll);
  }

  private CompletionStage<HttpResponse> count(Exchange exchange, String space) {
    return body(exchange, "template")
        .thenCompose(body -> spaces.count(space, template(body)))
        .thenApply(count -> Gateway.json(Json.object().put("count", count)));
  }

  private static HttpResponse found(Optional<Tuple> tuple) {
    if (tuple.isEmpty()) {
      return Gateway.nothing();
    }
    ObjectNode answer = Json.object();
    answer.set("tuple", json(tuple.get()));
    return Gateway.json(answer);
  }

  private static HttpResponse foundAll(List<Tuple> tuples) {
    ObjectNode answer = Json.object();
    ArrayNode list = answer.putArray("tuples");
    tuples.forEach(tuple -> list.add(json(tuple)));
    return Gateway.json(answer);
  }

  // Coordination

  private CompletionStage<HttpResponse> barrier(Exchange exchange, String space) {
    Duration wait = wait(exchange);
    return body(exchange, "name", "parties", "party")
        .thenCompose(
            body -> {
              String name = text(body, "name");
              int parties = Parameters.toSmall(whole(body, "parties"));
              return body.has("party")
                  ? spaces.barrier(space, name, parties, text(body, "party"), wait)
                  : spaces.barrier(space, name, parties, wait);
            })
        .thenApply(
            place ->
                place
                    .map(index -> Gateway.json(Json.object().put("place", index)))
                    .orElseGet(Gateway::nothing));
  }

  private CompletionStage<HttpResponse> begin(Exchange exchange, String space) {
    return body(exchange, "timeoutMillis")
        .thenCompose(body -> spaces.begin(space, Duration.ofMillis(whole(body, "timeoutMillis"))))
        .thenApply(transaction -> Gateway.json(Json.object().put("transaction", transaction.id())));
  }

  private CompletionStage<HttpResponse> end(
      Exchange exchange, String space, Function<Transaction, CompletionStage<Void>> end) {
    return body(exchange, "transaction")
        .thenCompose(body -> end.apply(spaces.transaction(space, text(body, "transaction"))))
        .thenApply(done -> Gateway.nothing());
  }

  private CompletionStage<HttpResponse> watchByQuery(Exchange exchange, String space) {
    String template =
        new Parameters(exchange.query(Set.of("template")))
            .text("template")
            .orElseThrow(() -> invalid("The parameter \"template\" is missing."));
    JsonNode json;
    try {
      json = Json.read(template.getBytes(StandardCharsets.UTF_8));
    } catch (VudoException e) {
      throw new VudoException(ErrorCode.TEMPLATE_INVALID, e.detail(), e);
    }
    return watches.open(space, TupleJson.readTemplate(json));
  }

  private CompletionStage<HttpResponse> watchByBody(Exchange exchange, String space) {
    return body(exchange, "template").thenCompose(body -> watches.open(space, template(body)));
  }

  // What requests are made of

  /** The body of a request that has no parameters beside it. */
  private static CompletionStage<JsonNode> body(Exchange exchange, String... members) {
    exchange.query(Set.of());
    return exchange.json(MAX_TUPLE_JSON_BYTES, ErrorCode.TUPLE_TOO_LARGE, Set.of(members));
  }

  /** How long a caller waits; one that does not say does not wait. */
  private Duration wait(Exchange exchange) {
    Optional<Duration> wait = exchange.header("X-Vudo-Timeout").map(timeout);
    wait.ifPresent(exchange::allow);
    return wait.orElse(Duration.ZERO);
  }

  private static OperationId operation(Exchange exchange) {
    return exchange.header("Idempotency-Key").map(OperationId::key).orElse(OperationId.none());
  }

  private Optional<Transaction> transaction(String space, JsonNode body, OperationId operation) {
    if (!body.has("transaction")) {
      return Optional.empty();
    }
    if (!operation.equals(OperationId.none())) {
      throw invalid("Within a transaction there is no Idempotency-Key; commit is repeatable.");
    }
    return Optional.of(spaces.transaction(space, text(body, "transaction")));
  }

  private static Template template(JsonNode body) {
    return TupleJson.readTemplate(member(body, "template"));
  }

  private static int limit(JsonNode body) {
    return Parameters.toSmall(whole(body, "limit", DEFAULT_LIMIT));
  }

  private static JsonNode member(JsonNode body, String name) {
    JsonNode value = body.get(name);
    if (value == null) {
      throw invalid("The member \"" + name + "\" is missing.");
    }
    return value;
  }

  private static String text(JsonNode body, String name) {
    JsonNode value = member(body, name);
    if (!value.isTextual()) {
      throw invalid("The member \"" + name + "\" is a string.");
    }
    return value.textValue();
  }

  private static long whole(JsonNode body, String name, long otherwise) {
    return body.has(name) ? whole(body, name) : otherwise;
  }

  private static long whole(JsonNode body, String name) {
    JsonNode value = member(body, name);
    if (!value.isIntegralNumber() || !value.canConvertToLong()) {
      throw invalid("The member \"" + name + "\" is a whole number.");
    }
    return value.longValue();
  }

  private static JsonNode json(Tuple tuple) {
    return Json.read(TupleJson.write(tuple).getBytes(StandardCharsets.UTF_8));
  }

  private static ObjectNode json(Lease lease) {
    ObjectNode json = Json.object().put("lease", lease.name());
    return lease.endsAtMillis() == Lease.FOR_EVER
        ? json.putNull("endsAtMillis")
        : json.put("endsAtMillis", lease.endsAtMillis());
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.REQUEST_INVALID, detail);
  }
}
