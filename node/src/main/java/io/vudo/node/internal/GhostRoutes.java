package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.ghost.GhostValue;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.GhostRunStatus;
import io.vudo.spirit.GhostRunStatus.StepStatus;
import io.vudo.spirit.Ghosts;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.model.headers.Location;

/** What the gateway has below {@code /v1/ghosts}: runs of Ghosts over Spirits of the cluster. */
final class GhostRoutes {
  private static final Set<String> MEMBERS_OF_BODY = Set.of("ghost", "members", "inputs");

  private final Ghosts ghosts;
  private final Function<String, Duration> timeout;
  private final Duration defaultTimeout;
  private final long maxBodyBytes;

  /**
   * The addresses of {@code ghosts}.
   *
   * @param timeout reads {@code X-Vudo-Timeout}
   * @param defaultTimeout what it is when it is not there
   * @param maxBodyBytes of a request
   */
  GhostRoutes(
      Ghosts ghosts,
      Function<String, Duration> timeout,
      Duration defaultTimeout,
      long maxBodyBytes) {
    this.ghosts = ghosts;
    this.timeout = timeout;
    this.defaultTimeout = defaultTimeout;
    this.maxBodyBytes = maxBodyBytes;
  }

  /** What answers to each of these. */
  Map<Route, Gateway.Handler> handlers() {
    return Map.of(Route.RUN_GHOST, this::run, Route.SHOW_GHOST_RUN, this::show);
  }

  private CompletionStage<HttpResponse> run(Exchange exchange) {
    exchange.query(Set.of());
    Duration wait = exchange.header("X-Vudo-Timeout").map(timeout).orElse(defaultTimeout);
    Optional<String> key = exchange.header("Idempotency-Key");
    Duration sentBefore =
        exchange.header("X-Vudo-Sent-Before").map(Quantities::duration).orElse(Duration.ZERO);
    if (key.isEmpty() && !sentBefore.isZero()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "X-Vudo-Sent-Before is for runs with an Idempotency-Key.");
    }
    exchange.allow(wait);
    return exchange
        .json(maxBodyBytes, ErrorCode.GHOST_TOO_LARGE, MEMBERS_OF_BODY)
        .thenCompose(
            body -> {
              Ghost ghost = ghost(body.path("ghost"));
              return ghosts.run(
                  key.orElseGet(() -> UUID.randomUUID().toString()),
                  ghost,
                  members(body.path("members")),
                  GhostJson.readInputs(
                      ghost, body.has("inputs") ? body.path("inputs") : Json.object()),
                  sentBefore,
                  wait);
            })
        .thenApply(
            status ->
                Gateway.json(json(status))
                    .withStatus(status.isOver() ? StatusCodes.OK : StatusCodes.ACCEPTED)
                    .addHeader(Location.create("/v1/ghosts/runs/" + encoded(status.run()))));
  }

  private static String encoded(String run) {
    return java.net.URLEncoder.encode(run, java.nio.charset.StandardCharsets.UTF_8);
  }

  /** A text is TOML. */
  private static Ghost ghost(JsonNode declared) {
    if (declared.isTextual()) {
      return Ghost.parse(declared.textValue());
    }
    if (!declared.isObject()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "\"ghost\" is a text in TOML, or an object.");
    }
    return GhostJson.read(declared);
  }

  private static Map<String, SpiritId> members(JsonNode given) {
    if (!given.isObject()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "\"members\" is an object: the Spirit of each, as TYPE/ID.");
    }
    Map<String, SpiritId> members = new LinkedHashMap<>();
    given
        .properties()
        .forEach(
            member -> members.put(member.getKey(), SpiritId.parse(member.getValue().asText())));
    return members;
  }

  private CompletionStage<HttpResponse> show(Exchange exchange) {
    exchange.query(Set.of());
    Duration wait = exchange.header("X-Vudo-Timeout").map(timeout).orElse(Duration.ZERO);
    exchange.allow(wait.plus(defaultTimeout));
    return ghosts
        .status(exchange.argument("run"), wait)
        .thenApply(status -> Gateway.json(json(status)));
  }

  // As JSON

  private static ObjectNode json(GhostRunStatus status) {
    ObjectNode node =
        Json.object()
            .put("run", status.run())
            .put("ghost", status.ghost().name())
            .put(
                "state",
                !status.isOver() ? "RUNNING" : status.failure().isPresent() ? "FAILED" : "DONE")
            .put("begun", status.begun().toString())
            .put("ended", status.ended().map(Object::toString).orElse(null));
    if (status.isOver() && status.failure().isEmpty()) {
      node.set("value", value(status));
    }
    status.failure().ifPresent(failure -> node.set("failure", failure(failure)));
    ArrayNode steps = node.putArray("steps");
    status.steps().forEach(step -> steps.add(json(step)));
    return node;
  }

  private static JsonNode value(GhostRunStatus status) {
    Map<String, JsonNode> values = new LinkedHashMap<>();
    for (StepStatus step : status.steps()) {
      step.value().ifPresent(value -> values.put(step.step().name(), value(value)));
    }
    if (status.ghost().outputs().size() == 1) {
      return values.get(status.ghost().outputs().get(0));
    }
    ObjectNode all = Json.object();
    status.ghost().outputs().forEach(output -> all.set(output, values.get(output)));
    return all;
  }

  private static JsonNode value(GhostValue value) {
    return value.json().orElseGet(() -> Json.MAPPER.getNodeFactory().binaryNode(value.bytes()));
  }

  private static ObjectNode json(StepStatus status) {
    ObjectNode node =
        Json.object()
            .put("step", status.step().name())
            .put("member", status.step().member())
            .put("spirit", status.spirit().toString())
            .put("function", status.step().function())
            .put("state", status.state().name())
            .put("begun", status.begun().map(Object::toString).orElse(null))
            .put("ended", status.ended().map(Object::toString).orElse(null));
    status
        .value()
        .ifPresent(value -> node.set(value.isBinary() ? "valueBase64" : "value", value(value)));
    status.failure().ifPresent(failure -> node.set("failure", failure(failure)));
    return node;
  }

  private static ObjectNode failure(VudoError failure) {
    return Json.object()
        .put("code", failure.code().name())
        .put("title", failure.code().summary())
        .put("detail", failure.detail())
        .put("fix", failure.code().fix());
  }
}
