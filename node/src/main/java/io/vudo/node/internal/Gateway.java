package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.Config;
import io.opentelemetry.api.OpenTelemetry;
import io.vudo.node.NodeSettings;
import io.vudo.node.internal.grpc.OpenApi;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.HistoryQuery;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.Spirits;
import io.vudo.spirit.Supervision;
import io.vudo.tuplespace.Tuplespace;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.http.javadsl.ConnectionContext;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.ServerBuilder;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpCharsets;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.model.headers.Location;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.duration.FiniteDuration;

/**
 * The node over HTTP. docs/http.md describes every address.
 *
 * <p>It is a function from a request to an answer rather than a tree of directives: each refusal,
 * also that of an unknown path, a wrong method or a body that is too large, is an answer of ours,
 * {@code application/problem+json} with a code of the catalogue, and none comes from a default
 * page.
 */
public final class Gateway {
  private static final Logger log = LoggerFactory.getLogger(Gateway.class);

  private static final ContentType PROBLEM =
      ContentTypes.create(
          MediaTypes.applicationWithFixedCharset("problem+json", HttpCharsets.UTF_8));

  /** One JSON object a line. */
  private static final ContentType JSON_LINES =
      ContentTypes.create(MediaTypes.applicationWithFixedCharset("x-ndjson", HttpCharsets.UTF_8));

  /** What keeps a connection open on which nothing happens. */
  private static final ByteString EMPTY_LINE = ByteString.fromString("\n");

  private static final Duration FOLLOW_SIGN_OF_LIFE = Duration.ofSeconds(10);

  /** What a little patience may mend. */
  private static final Set<ErrorCode> RETRY_LATER =
      Set.of(
          ErrorCode.MAILBOX_FULL,
          ErrorCode.RESIDENCY_LIMIT,
          ErrorCode.WAITERS_FULL,
          ErrorCode.WATCHERS_FULL,
          ErrorCode.TRANSACTIONS_FULL,
          ErrorCode.PROCESS_BUSY,
          ErrorCode.GHOSTS_FULL);

  private static final String DEFAULT_MESSAGE_TYPE = "message";
  private static final Set<String> DEPLOY_PARAMETERS =
      Set.of(
          "engine",
          "grant",
          "fuel",
          "memory",
          "call-depth",
          "turn-timeout",
          "mailbox",
          "payload",
          "durability",
          "remember",
          "on-failure",
          "max-restarts",
          "restart-window");

  private static final Set<String> SWAP_PARAMETERS =
      Set.of("check", "sample", "accept-differences", "dry-run", "rollback");

  private static final int MAX_SMALL_BODY_BYTES = 4096;
  private static final int DEFAULT_CHECKED_TURNS = 20;
  private static final int DEFAULT_CHECKED_SPIRITS = 10;

  /** What is kept of a Spirit's last turns is in memory while they are checked. */
  private static final int MOST_CHECKED = 1000;

  private final ActorSystem<?> system;
  private final Services services;
  private final SpiritLimits defaultLimits;
  private final String defaultEngine;
  private final long maxModuleBytes;
  private final Duration askTimeout;
  private final Duration maxTimeout;
  private final Duration deployTimeout;
  private final Duration replayTimeout;

  private final GatewayMeters meters;
  private final GatewayTracing tracing;
  private final EndlessStreams streams = new EndlessStreams();

  private final GatewayDirectory directory;
  private final ClusterRoutes cluster;
  private final ProcessRoutes processes;

  private final SpaceRoutes spaces;
  private final GhostRoutes ghosts;
  private final GatewaySecurity security;
  private final Map<Route, Handler> handlers;

  /** The doors that only this machine can reach. */
  private final Set<Exchange.Door> loopbackOnly;

  private volatile URI address;

  /**
   * What the gateway opens to the world.
   *
   * @param spirits messages to Spirits
   * @param spaces the tuplespace
   * @param deployments what is deployed
   * @param deployer deploys
   * @param swapper puts other modules under living Spirits
   * @param status what the node says of itself
   * @param processes what dotted names stand for
   * @param health whether it lives, and whether requests should come
   * @param metrics what it counts
   * @param telemetry makes spans
   * @param knownSpirits the ids of all Spirits, resident or not
   */
  record Services(
      Spirits spirits,
      Tuplespace spaces,
      Deployments deployments,
      Deployer deployer,
      Swapper swapper,
      NodeStatus status,
      NodeProcesses processes,
      Health health,
      NodeMetrics metrics,
      OpenTelemetry telemetry,
      Supplier<CompletionStage<List<SpiritId>>> knownSpirits) {}

  /** Answers one request to one address. */
  interface Handler {
    CompletionStage<HttpResponse> answer(Exchange exchange);
  }

  private Gateway(
      ActorSystem<?> system, NodeSettings settings, GatewaySecurity security, Services services) {
    Config vudo = settings.config().getConfig("vudo");
    this.security = security;
    this.system = system;
    this.services = services;
    this.defaultLimits = settings.defaultLimits();
    this.defaultEngine = vudo.getString("node.engine");
    this.maxModuleBytes = vudo.getBytes("limits.max-module-bytes");
    this.askTimeout = vudo.getDuration("http.ask-timeout");
    this.maxTimeout = vudo.getDuration("http.max-timeout");
    this.deployTimeout = vudo.getDuration("http.deploy-timeout");
    // One may wait for others; the stream that replays has its own timeout.
    this.replayTimeout = vudo.getDuration("spirit.replay.timeout").multipliedBy(2);
    this.spaces =
        new SpaceRoutes(
            system,
            services.spaces(),
            this::timeout,
            streams,
            vudo.getBytes("http.max-watch-behind"));
    this.processes =
        new ProcessRoutes(
            services.processes(),
            services.spirits(),
            this::timeout,
            askTimeout,
            Math.toIntExact(vudo.getBytes("limits.max-payload-bytes")),
            vudo.getDuration("process.deadline"));
    this.ghosts =
        new GhostRoutes(
            services.spirits().ghosts(),
            this::timeout,
            askTimeout,
            // TOML, escapes and blanks may take more than what is kept of it.
            2 * vudo.getBytes("ghost.max-input-bytes") + MAX_SMALL_BODY_BYTES);
    this.directory = new GatewayDirectory(system);
    this.cluster =
        new ClusterRoutes(
            system,
            services.spirits().relocations(),
            directory,
            this::timeout,
            streams,
            vudo.getBytes("http.max-watch-behind"));
    this.meters = new GatewayMeters(services.metrics().registry());
    this.tracing = new GatewayTracing(services.telemetry());
    this.loopbackOnly = GatewaySecurity.loopbackOnly(settings);
    this.handlers = handlers();
  }

  /** Binds the port. The gateway drains by itself when the system is shut down. */
  static CompletionStage<Gateway> bind(
      ActorSystem<?> system, NodeSettings settings, GatewaySecurity security, Services services) {
    Gateway gateway = new Gateway(system, settings, security, services);
    Config http = settings.config().getConfig("vudo.http");
    ServerBuilder server =
        Http.get(system)
            .newServerAt(settings.httpHost(), settings.httpPort())
            .adaptSettings(defaults -> gateway.tuned(defaults, http));
    CompletionStage<ServerBinding> bound =
        security
            .tls()
            .map(tls -> server.enableHttps(ConnectionContext.httpsServer(tls::newEngine)))
            .orElse(server)
            .bind(gateway::handle);
    return bound.handle(
        (binding, failure) -> {
          if (failure != null) {
            throw NodeAssembly.addressInUse(
                    failure, settings.httpHost() + ":" + settings.httpPort(), "--http")
                .orElseGet(() -> new CompletionException(Failures.unwrap(failure)));
          }
          CoordinatedShutdown.get(Adapter.toClassic(system))
              .addTask(
                  CoordinatedShutdown.PhaseBeforeServiceUnbind(),
                  "vudo-end-streams",
                  gateway::endStreams);
          CoordinatedShutdown.get(Adapter.toClassic(system))
              .addTask(
                  CoordinatedShutdown.PhaseServiceUnbind(),
                  "vudo-end-streams-of-moves",
                  gateway::endStreamsOfMoves);
          binding.addToCoordinatedShutdown(http.getDuration("drain-timeout"), system);
          gateway.address = gateway.uri(settings.httpHost(), binding.localAddress());
          gateway.directory.register(
              binding.localAddress().getAddress().isAnyLocalAddress()
                  ? gateway.uri(settings.host(), binding.localAddress())
                  : gateway.address);
          security.logHow(gateway.address);
          return gateway;
        });
  }

  private CompletionStage<Done> endStreams() {
    return streams.end(system);
  }

  /** Later than the others, as they tell of the Spirits that move because this node stops. */
  private CompletionStage<Done> endStreamsOfMoves() {
    return cluster.endWatches();
  }

  private ServerSettings tuned(ServerSettings defaults, Config http) {
    // A connection is silent while a Spirit thinks; it must not be cut before the caller's timeout.
    Duration idle =
        Stream.of(maxTimeout, replayTimeout.plus(deployTimeout), replayTimeout.plus(askTimeout))
            .max(Comparator.naturalOrder())
            .get()
            .plusSeconds(30);
    return defaults
        .withMaxConnections(http.getInt("max-connections"))
        .withTerminationDeadlineExceededResponse(
            problem(new VudoException(ErrorCode.SPIRIT_UNAVAILABLE, "The node is stopping.")))
        .withTimeouts(
            defaults
                .getTimeouts()
                .withRequestTimeout(scala(http.getDuration("request-timeout")))
                .withIdleTimeout(scala(idle)));
  }

  private static FiniteDuration scala(Duration duration) {
    return FiniteDuration.fromNanos(duration.toNanos());
  }

  private URI uri(String host, InetSocketAddress bound) {
    return URI.create(
        (security.tls().isPresent() ? "https://" : "http://")
            + (host.contains(":") ? "[" + host + "]" : host)
            + ":"
            + bound.getPort());
  }

  /** Where it listens. */
  URI address() {
    return address;
  }

  private CompletionStage<HttpResponse> handle(HttpRequest request) {
    request
        .getHeader(org.apache.pekko.http.javadsl.model.headers.TimeoutAccess.class)
        .ifPresent(access -> access.timeoutAccess().updateHandler(Gateway::timedOut));
    return answer(new Exchange(request, system));
  }

  /**
   * Answers a call that came by gRPC, by the same rules: who may do it, how much, what is audited.
   *
   * @param route what it is for
   * @param arguments what stands for the parts in braces of the route's path, in their order
   * @param request everything else; its URI has the query, and the authority that was called
   * @param timeLimit is told when the call may take another time than {@code
   *     vudo.http.request-timeout}; whoever calls looks after that
   * @return never fails
   */
  public CompletionStage<HttpResponse> answer(
      Route route,
      Map<String, String> arguments,
      HttpRequest request,
      Consumer<Duration> timeLimit) {
    Exchange exchange = new Exchange(request, system, Exchange.Door.GRPC, timeLimit);
    exchange.matched(route, arguments);
    return answer(exchange);
  }

  /**
   * Begins a call that came by gRPC: looks at who makes it before any of its messages is read, so
   * that whoever may not make it fills no memory.
   *
   * @param route what it is for
   * @param request what is known of it; the path of its URI is the operation's name
   * @return never fails
   */
  public Call begin(Route route, HttpRequest request) {
    Exchange beginning = new Exchange(request, system, Exchange.Door.GRPC, timeout -> {});
    beginning.matched(route, Map.of());
    try {
      refuseForeign(beginning);
      enter(beginning);
      beginning.caller().ifPresent(caller -> Guard.authorize(caller, route));
      return new Call(beginning, Optional.empty());
    } catch (RuntimeException failure) {
      return new Call(beginning, Optional.of(refused(beginning, failure)));
    }
  }

  /** A refusal at the beginning, which is counted and audited as any other. */
  private CompletionStage<HttpResponse> refused(Exchange beginning, RuntimeException failure) {
    long startNanos = System.nanoTime();
    return meters.counted(
        beginning,
        () ->
            CompletableFuture.completedFuture(
                answered(beginning, refusal(beginning.request(), failure), startNanos)));
  }

  /**
   * A call that has begun. It is answered, or refused, or left; whatever comes first holds.
   * Thread-safe.
   */
  public final class Call {
    private final Exchange beginning;
    private final Optional<CompletionStage<HttpResponse>> refusal;
    private final AtomicBoolean decided;

    private Call(Exchange beginning, Optional<CompletionStage<HttpResponse>> refusal) {
      this.beginning = beginning;
      this.refusal = refusal;
      this.decided = new AtomicBoolean(refusal.isPresent());
    }

    /** Why it was not let in; empty when it was. */
    public Optional<CompletionStage<HttpResponse>> refusal() {
      return refusal;
    }

    /**
     * Answers it, as {@link Gateway#answer(Route, Map, HttpRequest, Consumer)}, without counting it
     * again.
     */
    public CompletionStage<HttpResponse> answer(
        Map<String, String> arguments, HttpRequest request, Consumer<Duration> timeLimit) {
      if (!decided.compareAndSet(false, true)) {
        return CompletableFuture.completedFuture(timedOut(request));
      }
      Exchange exchange = new Exchange(request, system, Exchange.Door.GRPC, timeLimit);
      exchange.matched(beginning.route().orElseThrow(), arguments);
      exchange.continues(beginning);
      return Gateway.this.answer(exchange);
    }

    /**
     * Refuses it because what it asks for did not come in time.
     *
     * @return empty when it is too late for that
     */
    public Optional<CompletionStage<HttpResponse>> expire() {
      return decided.compareAndSet(false, true)
          ? Optional.of(
              refused(
                  beginning,
                  new VudoException(
                      ErrorCode.ASK_TIMEOUT, "The call's request did not come in time.")))
          : Optional.empty();
    }

    /** That it is over. One that is being answered counts until it is. */
    public void leave() {
      if (decided.compareAndSet(false, true)) {
        beginning.leave();
      }
    }
  }

  /**
   * Lets in what goes on for long and asks much, as each of its questions is for a route.
   *
   * @return to be run when it is over; or the refusal
   */
  public Admission admit(Route route, HttpRequest request) {
    Exchange exchange = new Exchange(request, system, Exchange.Door.GRPC, timeout -> {});
    exchange.matched(route, Map.of());
    try {
      refuseForeign(exchange);
      enter(exchange);
      exchange.caller().ifPresent(caller -> Guard.authorize(caller, route));
      return new Admission(exchange::leave, Optional.empty());
    } catch (RuntimeException failure) {
      exchange.leave();
      return new Admission(() -> {}, Optional.of(refusal(request, failure)));
    }
  }

  /**
   * Whether something was let in.
   *
   * @param leave to be run when it is over; once or more often
   * @param refusal why it was not
   */
  public record Admission(Runnable leave, Optional<HttpResponse> refusal) {}

  /** The code of an answer that tells an error. */
  public static Optional<ErrorCode> code(HttpResponse response) {
    return response.getAttribute(AuditLog.CODE);
  }

  private CompletionStage<HttpResponse> answer(Exchange exchange) {
    return meters.counted(exchange, () -> answer(exchange.request(), exchange));
  }

  private CompletionStage<HttpResponse> answer(HttpRequest request, Exchange exchange) {
    long startNanos = System.nanoTime();
    CompletionStage<HttpResponse> answer;
    try {
      refuseForeign(exchange);
      answer = route(exchange);
    } catch (RuntimeException failure) {
      answer = CompletableFuture.failedFuture(failure);
    }
    return answer
        .handle(
            (response, failure) ->
                failure == null
                    ? CompletableFuture.completedFuture(response)
                    : exchange
                        .discardBody(!isForbidden(failure))
                        .thenApply(done -> refusal(request, failure)))
        .thenCompose(stage -> stage)
        .thenApply(response -> answered(exchange, response, startNanos));
  }

  private static boolean isForbidden(Throwable failure) {
    return Failures.unwrap(failure) instanceof Refused refused
        ? refused.response().status().intValue() != StatusCodes.METHOD_NOT_ALLOWED.intValue()
        : Failures.typed(failure).code() == ErrorCode.FORBIDDEN;
  }

  private HttpResponse answered(Exchange exchange, HttpResponse response, long startNanos) {
    security.audit().answered(exchange, response, startNanos);
    exchange.span().end(response);
    exchange.leave();
    HttpResponse named =
        response.addHeader(RawHeader.create(Exchange.REQUEST_ID_HEADER, exchange.requestId()));
    return exchange.caller().isEmpty() || response.entity().isStrict()
        ? named
        : named.transformEntityDataBytes(counted(exchange.caller().get()));
  }

  /** An answer that comes bit by bit counts as a request until its end. */
  private Flow<ByteString, ByteString, NotUsed> counted(Caller caller) {
    return Flow.<ByteString>create()
        .watchTermination(
            (unused, ended) -> {
              Throttle.Visit visit = security.guard().goOn(caller);
              ended.whenComplete((done, failure) -> visit.end());
              return unused;
            });
  }

  private static HttpResponse refusal(HttpRequest request, Throwable failure) {
    if (Failures.unwrap(failure) instanceof Refused refused) {
      return refused.response();
    }
    VudoException typed = Failures.typed(failure);
    if (typed.code() == ErrorCode.INTERNAL_ERROR) {
      log.error("{} {} failed", request.method().name(), request.getUri().path(), failure);
    }
    return problem(typed);
  }

  private static HttpResponse timedOut(HttpRequest request) {
    log.warn("{} {} took too long", request.method().name(), request.getUri().path());
    return problem(
        new VudoException(ErrorCode.ASK_TIMEOUT, "The node did not answer the request in time."));
  }

  /** The answer that tells an error, and something beside it. */
  private static HttpResponse problem(VudoException failure, String name, JsonNode more) {
    ObjectNode node = Json.problem(failure);
    node.set(name, more);
    return problem(failure).withEntity(PROBLEM, Json.write(node));
  }

  /** The answer that tells an error. */
  public static HttpResponse problem(VudoException failure) {
    HttpResponse response =
        HttpResponse.create()
            .withStatus(StatusCodes.get(failure.code().httpStatus()))
            .withEntity(PROBLEM, Json.write(Json.problem(failure)))
            .addAttribute(AuditLog.CODE, failure.code());
    return RETRY_LATER.contains(failure.code())
        ? response.addHeader(RawHeader.create("Retry-After", "1"))
        : response;
  }

  /**
   * Refuses what a web page of somebody else sends through the user's browser. A gateway that asks
   * for no token would not stop such a page, so its origin must be the gateway itself; and a name
   * that was rebound to this machine does not count as the gateway.
   */
  private void refuseForeign(Exchange exchange) {
    HttpRequest request = exchange.request();
    String host = request.getUri().getHost().address();
    if (loopbackOnly.contains(exchange.door()) && !GatewaySecurity.isLoopback(host)) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The gateway answers this machine only, by 127.0.0.1 or localhost.");
    }
    request
        .getHeader("Origin")
        .ifPresent(
            origin -> {
              String own = "//" + host + ":" + request.getUri().port();
              if (!origin.value().endsWith(own)) {
                throw new VudoException(
                    ErrorCode.REQUEST_INVALID,
                    "The gateway takes no requests from pages of another origin.");
              }
            });
  }

  private void enter(Exchange exchange) {
    Caller caller = security.guard().identify(exchange);
    exchange.isFrom(caller);
    exchange.entered(security.guard().enter(caller));
  }

  private CompletionStage<HttpResponse> route(Exchange exchange) {
    if (exchange.route().isPresent()) {
      if (!exchange.isEntered()) {
        enter(exchange);
      }
      return answer(exchange, exchange.route().get());
    }
    List<String> path = exchange.path();
    List<Route> routes = Route.at(path);
    String method = exchange.request().method().name();
    Optional<Route> route =
        routes.stream().filter(each -> each.method().equals(method)).findFirst();
    route.ifPresent(found -> exchange.matched(found, found.arguments(path)));
    boolean open = !routes.isEmpty() && routes.stream().allMatch(each -> each.role().isEmpty());
    if (!open) {
      enter(exchange);
    }
    if (routes.isEmpty()) {
      throw new VudoException(ErrorCode.NOT_FOUND, exchange.request().getUri().path());
    }
    if (route.isEmpty()) {
      throw wrongMethod(routes);
    }
    return answer(exchange, route.get());
  }

  private CompletionStage<HttpResponse> answer(Exchange exchange, Route route) {
    exchange.caller().ifPresent(caller -> Guard.authorize(caller, route));
    exchange.isTraced(tracing.begin(exchange, route));
    return exchange.span().within(() -> handlers.get(route).answer(exchange));
  }

  /** A path that exists, by a method that it does not have. */
  private static Refused wrongMethod(List<Route> routes) {
    List<String> allowed = routes.stream().map(Route::method).sorted().toList();
    VudoException why =
        new VudoException(
            ErrorCode.REQUEST_INVALID, "The address takes " + String.join(", ", allowed) + ".");
    return new Refused(
        why,
        HttpResponse.create()
            .withStatus(StatusCodes.METHOD_NOT_ALLOWED)
            .addHeader(RawHeader.create("Allow", String.join(", ", allowed)))
            .withEntity(PROBLEM, Json.write(Json.problem(why).put("status", 405))));
  }

  private Map<Route, Handler> handlers() {
    Map<Route, Handler> all = new EnumMap<>(Route.class);
    all.put(Route.ALIVE, exchange -> health("alive", false));
    all.put(Route.READY, exchange -> health("ready", true));
    all.put(Route.SCRAPE_METRICS, exchange -> metrics());
    all.put(Route.OPENAPI, Gateway::openApi);
    all.put(Route.SHOW_STATUS, exchange -> services.status().now().thenApply(Gateway::json));
    all.put(Route.LIST_DEPLOYMENTS, exchange -> listDeployments());
    all.put(Route.SHOW_DEPLOYMENT, exchange -> showDeployment(exchange.argument("type")));
    all.put(Route.DEPLOY, exchange -> deploy(exchange, exchange.argument("type")));
    all.put(Route.SHOW_SWAP, exchange -> showSwap(exchange.argument("type")));
    all.put(Route.SWAP, exchange -> swap(exchange, exchange.argument("type")));
    all.put(Route.LIST_SPIRITS, this::listSpirits);
    all.put(Route.ASK, spirit(this::ask));
    all.put(Route.TELL, spirit(this::tell));
    all.put(Route.SHOW_HISTORY, spirit(this::history));
    all.put(Route.REPLAY, spirit(this::replay));
    all.put(Route.REHEARSE, spirit(this::rehearse));
    all.put(Route.EXPORT_STATE, spirit(this::exportState));
    all.put(Route.COMPARE_STATES, spirit(this::compareStates));
    all.put(Route.FORK, spirit(this::fork));
    all.put(Route.RESTART, spirit(this::restart));
    all.put(Route.MIGRATE, spirit(this::migrate));
    all.put(Route.LIST_DEAD_LETTERS, this::listDeadLetters);
    all.put(
        Route.SHOW_DEAD_LETTER, exchange -> showDeadLetter(exchange, exchange.argument("letter")));
    all.put(
        Route.DROP_DEAD_LETTER, exchange -> dropDeadLetter(exchange, exchange.argument("letter")));
    all.put(
        Route.REPLAY_DEAD_LETTER,
        exchange -> replayDeadLetter(exchange, exchange.argument("letter")));
    all.putAll(cluster.handlers());
    all.putAll(processes.handlers());
    all.putAll(spaces.handlers());
    all.putAll(ghosts.handlers());
    if (all.size() < Route.values().length) {
      throw new IllegalStateException("There are routes that nothing answers to.");
    }
    return all;
  }

  private static CompletionStage<HttpResponse> openApi(Exchange exchange) {
    exchange.query(Set.of());
    return CompletableFuture.completedFuture(
        HttpResponse.create().withEntity(ContentTypes.APPLICATION_JSON, OpenApi.document()));
  }

  /** Answers a request about a Spirit. */
  private interface SpiritHandler {
    CompletionStage<HttpResponse> answer(Exchange exchange, String type, String id);
  }

  private static Handler spirit(SpiritHandler handler) {
    return exchange -> handler.answer(exchange, exchange.argument("type"), exchange.argument("id"));
  }

  private CompletionStage<HttpResponse> health(String status, boolean ready) {
    ObjectNode problems = services.health().problems(ready);
    ObjectNode parts = services.health().parts(ready);
    if (problems.isEmpty()) {
      ObjectNode node = Json.object().put("status", status);
      node.set("parts", parts);
      return ok(node);
    }
    List<String> reasons = new ArrayList<>();
    problems.forEach(reason -> reasons.add(reason.asText()));
    return CompletableFuture.completedFuture(
        problem(
            new VudoException(
                ErrorCode.SPIRIT_UNAVAILABLE, "Not " + status + ": " + String.join(" ", reasons)),
            "parts",
            parts));
  }

  private CompletionStage<HttpResponse> metrics() {
    return CompletableFuture.completedFuture(
        HttpResponse.create()
            .withEntity(ContentTypes.TEXT_PLAIN_UTF8, services.metrics().scrape()));
  }

  private CompletionStage<HttpResponse> listDeployments() {
    ObjectNode node = Json.object();
    ArrayNode list = node.putArray("deployments");
    services.deployments().all().forEach(deployment -> list.add(Json.deployment(deployment)));
    return ok(node);
  }

  private CompletionStage<HttpResponse> showDeployment(String type) {
    return ok(Json.deployment(deployment(SpiritId.checkType(type))));
  }

  private Deployment deployment(String type) {
    return services
        .deployments()
        .find(type)
        .orElseThrow(
            () -> new VudoException(ErrorCode.SPIRIT_TYPE_UNKNOWN, "Got \"" + type + "\"."));
  }

  private CompletionStage<HttpResponse> deploy(Exchange exchange, String type) {
    exchange.allow(deployTimeout);
    DeploymentRequest request = deploymentRequest(type, exchange.query(DEPLOY_PARAMETERS));
    services.deployer().checkEngine(request.engine());
    return exchange
        .body(maxModuleBytes, ErrorCode.MODULE_TOO_LARGE)
        .thenCompose(module -> services.deployer().deploy(request, module))
        .thenApply(
            outcome ->
                json(Json.deployment(outcome.deployment()).put("changed", outcome.changed()))
                    .withStatus(outcome.changed() ? StatusCodes.CREATED : StatusCodes.OK)
                    .addHeader(Location.create("/v1/deployments/" + type)));
  }

  private CompletionStage<HttpResponse> showSwap(String type) {
    deployment(SpiritId.checkType(type));
    return ok(
        SwapJson.progress(
            services
                .spirits()
                .swaps()
                .progress(type)
                .orElseThrow(
                    () -> new VudoException(ErrorCode.NOT_FOUND, type + " was never swapped."))));
  }

  private CompletionStage<HttpResponse> swap(Exchange exchange, String type) {
    Parameters query = new Parameters(exchange.query(SWAP_PARAMETERS));
    deployment(SpiritId.checkType(type));
    boolean rollback = query.bool("rollback").orElse(false);
    Swapper.Request request =
        new Swapper.Request(
            type,
            count(query, "check", DEFAULT_CHECKED_TURNS),
            count(query, "sample", DEFAULT_CHECKED_SPIRITS),
            query.bool("accept-differences").orElse(false),
            query.bool("dry-run").orElse(false),
            replayTimeout);
    exchange.allow(replayTimeout.plus(deployTimeout));
    return exchange
        .body(
            rollback ? 0 : maxModuleBytes,
            rollback ? ErrorCode.REQUEST_INVALID : ErrorCode.MODULE_TOO_LARGE)
        .thenCompose(
            body ->
                services
                    .swapper()
                    .swap(request, rollback ? services.swapper().previous(type) : body))
        .thenApply(
            outcome ->
                outcome
                    .refusal()
                    .map(refusal -> problem(refusal, "check", SwapJson.check(outcome.check())))
                    .orElseGet(
                        () ->
                            json(SwapJson.outcome(outcome))
                                .withStatus(
                                    outcome.deployment().isPresent()
                                        ? StatusCodes.CREATED
                                        : StatusCodes.OK)));
  }

  /** How many of something; not less than none. */
  private static int count(Parameters query, String name, int otherwise) {
    int count = query.small(name).orElse(otherwise);
    if (count < 0 || count > MOST_CHECKED) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The parameter \"" + name + "\" takes 0 to " + MOST_CHECKED + "; got " + count + ".");
    }
    return count;
  }

  private DeploymentRequest deploymentRequest(String type, Map<String, List<String>> query) {
    Parameters parameters = new Parameters(query);
    SpiritLimits limits =
        new SpiritLimits(
            parameters.number("fuel").orElse(defaultLimits.fuelPerTurn()),
            parameters.bytes("memory").orElse(defaultLimits.maxMemoryBytes()),
            defaultLimits.maxTableEntries(),
            parameters.small("call-depth").orElse(defaultLimits.maxCallDepth()),
            parameters
                .duration("turn-timeout")
                .map(Duration::toMillis)
                .orElse(defaultLimits.turnTimeoutMillis()),
            parameters.small("mailbox").orElse(defaultLimits.maxMailbox()),
            parameters
                .bytes("payload")
                .map(Parameters::toSmall)
                .orElse(defaultLimits.maxPayloadBytes()));
    return new DeploymentRequest(
        type,
        parameters.text("engine").orElse(defaultEngine),
        limits,
        query.getOrDefault("grant", List.of()).stream()
            .map(Capability::parse)
            .collect(Collectors.toUnmodifiableSet()),
        parameters.onOff("durability").orElse(true),
        new Supervision(
            parameters
                .text("on-failure")
                .map(Supervision.OnFailure::parse)
                .orElse(Supervision.DEFAULT.onFailure()),
            parameters.small("max-restarts").orElse(Supervision.DEFAULT.maxRestarts()),
            parameters
                .duration("restart-window")
                .map(Duration::toMillis)
                .orElse(Supervision.DEFAULT.windowMillis())),
        parameters.onOff("remember").orElse(false));
  }

  /** Everything of a message that comes before its payload. */
  private record MessageHead(
      SpiritId to,
      String type,
      String idempotencyKey,
      Optional<Duration> sentBefore,
      Duration timeout,
      int maxPayloadBytes) {}

  private MessageHead messageHead(Exchange exchange, String type, String id) {
    exchange.query(Set.of());
    SpiritId to = new SpiritId(type, id);
    Deployment deployment = deployment(type);
    Duration timeout = exchange.header("X-Vudo-Timeout").map(this::timeout).orElse(askTimeout);
    exchange.allow(timeout);
    return new MessageHead(
        to,
        exchange.header("X-Vudo-Type").orElse(DEFAULT_MESSAGE_TYPE),
        idempotencyKey(exchange),
        sentBefore(exchange),
        timeout,
        deployment.limits().maxPayloadBytes());
  }

  static Optional<Duration> sentBefore(Exchange exchange) {
    Optional<Duration> sentBefore = exchange.header("X-Vudo-Sent-Before").map(Quantities::duration);
    if (sentBefore.isPresent() && idempotencyKey(exchange).isEmpty()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "X-Vudo-Sent-Before is for messages with an Idempotency-Key.");
    }
    return sentBefore;
  }

  private CompletionStage<Optional<byte[]>> send(MessageHead head, byte[] payload) {
    return head.sentBefore()
        .map(
            before ->
                services
                    .spirits()
                    .askAgain(
                        head.to(),
                        head.type(),
                        payload,
                        head.idempotencyKey(),
                        before,
                        head.timeout()))
        .orElseGet(
            () ->
                services
                    .spirits()
                    .ask(head.to(), head.type(), payload, head.idempotencyKey(), head.timeout()));
  }

  private Duration timeout(String text) {
    Duration timeout = Quantities.duration(text);
    if (timeout.isZero() || timeout.compareTo(maxTimeout) > 0) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The timeout is "
              + timeout.toMillis()
              + " ms; it must lie between 1 ms and "
              + maxTimeout.toMillis()
              + " ms.");
    }
    return timeout;
  }

  private CompletionStage<HttpResponse> ask(Exchange exchange, String type, String id) {
    MessageHead head = messageHead(exchange, type, id);
    return exchange
        .body(head.maxPayloadBytes(), ErrorCode.PAYLOAD_TOO_LARGE)
        .thenCompose(payload -> exchange.span().within(() -> send(head, payload)))
        .thenApply(
            reply ->
                reply
                    .map(
                        bytes ->
                            HttpResponse.create()
                                .withEntity(
                                    ContentTypes.APPLICATION_OCTET_STREAM,
                                    ByteString.fromArrayUnsafe(bytes)))
                    .orElseGet(Gateway::nothing));
  }

  private CompletionStage<HttpResponse> tell(Exchange exchange, String type, String id) {
    MessageHead head = messageHead(exchange, type, id);
    return exchange
        .body(head.maxPayloadBytes(), ErrorCode.PAYLOAD_TOO_LARGE)
        .thenCompose(payload -> exchange.span().within(() -> send(head, payload)))
        .thenApply(reply -> nothing());
  }

  private CompletionStage<HttpResponse> migrate(Exchange exchange, String type, String id) {
    Parameters query = new Parameters(exchange.query(Set.of("engine")));
    SpiritId spirit = new SpiritId(type, id);
    Optional<String> engine = query.text("engine");
    Duration timeout = exchange.header("X-Vudo-Timeout").map(this::timeout).orElse(askTimeout);
    exchange.allow(timeout);
    return engine.isPresent()
        ? changeEngine(exchange, spirit, engine.get(), timeout)
        : relocate(exchange, spirit, timeout);
  }

  private CompletionStage<HttpResponse> relocate(
      Exchange exchange, SpiritId spirit, Duration timeout) {
    return exchange
        .optionalJson(MAX_SMALL_BODY_BYTES, ErrorCode.REQUEST_INVALID, Set.of("node"))
        .thenCompose(
            body -> {
              JsonNode node = body.path("node");
              if (!node.isTextual()) {
                throw new VudoException(
                    ErrorCode.REQUEST_INVALID,
                    "Where to? Either the parameter \"engine\", or {\"node\":\"HOST:PORT\"} as the"
                        + " body.");
              }
              return services.spirits().relocations().move(spirit, node.textValue(), timeout);
            })
        .thenApply(relocation -> json(ClusterRoutes.json(relocation)));
  }

  private CompletionStage<HttpResponse> changeEngine(
      Exchange exchange, SpiritId spirit, String engine, Duration timeout) {
    return exchange
        .body(0, ErrorCode.REQUEST_INVALID)
        .thenCompose(nothing -> services.spirits().migrate(spirit, engine, timeout))
        .thenApply(migration -> json(Json.migration(migration)));
  }

  private CompletionStage<HttpResponse> restart(Exchange exchange, String type, String id) {
    exchange.query(Set.of());
    SpiritId spirit = new SpiritId(type, id);
    Duration timeout = exchange.header("X-Vudo-Timeout").map(this::timeout).orElse(askTimeout);
    exchange.allow(timeout);
    return exchange
        .body(0, ErrorCode.REQUEST_INVALID)
        .thenCompose(nothing -> services.spirits().restart(spirit, timeout))
        .thenApply(done -> nothing());
  }

  // The past

  private CompletionStage<HttpResponse> history(Exchange exchange, String type, String id) {
    HistoryQuery query = HistoryParameters.read(exchange.query(HistoryParameters.NAMES));
    return services
        .spirits()
        .history()
        .turns(new SpiritId(type, id), query)
        .thenApply(
            turns -> {
              Source<ByteString, NotUsed> lines =
                  turns.map(turn -> ByteString.fromArrayUnsafe(Json.line(Json.turn(turn))));
              return HttpResponse.create()
                  .withEntity(
                      HttpEntities.createChunked(
                          JSON_LINES,
                          query.follow()
                              ? streams.ending(
                                  lines.keepAlive(FOLLOW_SIGN_OF_LIFE, () -> EMPTY_LINE))
                              : lines));
            });
  }

  private CompletionStage<HttpResponse> replay(Exchange exchange, String type, String id) {
    OptionalLong to = turn(new Parameters(exchange.query(Set.of("to"))), "to");
    exchange.allow(replayTimeout);
    return services
        .spirits()
        .history()
        .stateAfter(new SpiritId(type, id), to)
        .thenApply(state -> json(Json.state(state)));
  }

  private CompletionStage<HttpResponse> rehearse(Exchange exchange, String type, String id) {
    OptionalLong to = turn(new Parameters(exchange.query(Set.of("to"))), "to");
    SpiritId spirit = new SpiritId(type, id);
    exchange.allow(replayTimeout);
    return exchange
        .body(maxModuleBytes, ErrorCode.MODULE_TOO_LARGE)
        .thenCompose(module -> services.spirits().history().rehearse(spirit, module, to))
        .thenApply(rehearsal -> json(Json.rehearsal(rehearsal)));
  }

  private CompletionStage<HttpResponse> exportState(Exchange exchange, String type, String id) {
    OptionalLong turn = turn(new Parameters(exchange.query(Set.of("turn"))), "turn");
    exchange.allow(replayTimeout);
    return services
        .spirits()
        .history()
        .export(new SpiritId(type, id), turn)
        .thenApply(
            image ->
                HttpResponse.create()
                    .withEntity(
                        ContentTypes.APPLICATION_OCTET_STREAM, ByteString.fromArrayUnsafe(image)));
  }

  private CompletionStage<HttpResponse> compareStates(Exchange exchange, String type, String id) {
    Parameters query = new Parameters(exchange.query(Set.of("from", "to")));
    long from = turn(query, "from").orElseThrow(() -> missing("from"));
    long to = turn(query, "to").orElseThrow(() -> missing("to"));
    exchange.allow(replayTimeout);
    return services
        .spirits()
        .history()
        .compare(new SpiritId(type, id), from, to)
        .thenApply(difference -> json(Json.difference(difference)));
  }

  private CompletionStage<HttpResponse> fork(Exchange exchange, String type, String id) {
    Parameters query = new Parameters(exchange.query(Set.of("id", "to")));
    SpiritId origin = new SpiritId(type, id);
    SpiritId fork = new SpiritId(type, query.text("id").orElseThrow(() -> missing("id")));
    OptionalLong to = turn(query, "to");
    exchange.allow(replayTimeout.plus(askTimeout));
    return exchange
        .body(0, ErrorCode.REQUEST_INVALID)
        .thenCompose(nothing -> services.spirits().history().fork(origin, fork, to, askTimeout))
        .thenApply(
            state ->
                json(Json.fork(fork, state))
                    .withStatus(StatusCodes.CREATED)
                    .addHeader(Location.create("/v1/spirits/" + fork + "/history")));
  }

  /** The number of a turn; there is none below 1. */
  private static OptionalLong turn(Parameters query, String name) {
    Optional<Long> turn = query.number(name);
    if (turn.isPresent() && turn.get() < 1) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The parameter \"" + name + "\": turns are counted from 1; got " + turn.get() + ".");
    }
    return turn.map(OptionalLong::of).orElse(OptionalLong.empty());
  }

  private static VudoException missing(String parameter) {
    return new VudoException(
        ErrorCode.REQUEST_INVALID, "The parameter \"" + parameter + "\" is missing.");
  }

  private CompletionStage<HttpResponse> listSpirits(Exchange exchange) {
    boolean all = new Parameters(exchange.query(Set.of("all"))).bool("all").orElse(false);
    List<SpiritStatus> resident = services.spirits().resident();
    CompletionStage<List<SpiritId>> known =
        all ? services.knownSpirits().get() : CompletableFuture.completedFuture(List.of());
    return known.thenApply(
        ids -> {
          ObjectNode node = Json.object();
          ArrayNode list = node.putArray("spirits");
          Set<SpiritId> listed = new HashSet<>();
          for (SpiritStatus status : resident) {
            listed.add(status.id());
            ObjectNode spirit = Json.spirit(status);
            services
                .spirits()
                .swaps()
                .refusal(status.id())
                .ifPresent(why -> SwapJson.put(spirit.putObject("swapRefused"), why));
            list.add(spirit);
          }
          for (SpiritId id : ids) {
            if (listed.add(id)) {
              list.addObject().put("id", id.toString()).put("resident", false);
            }
          }
          return json(node);
        });
  }

  // What could not be handled

  private CompletionStage<HttpResponse> listDeadLetters(Exchange exchange) {
    Parameters query = new Parameters(exchange.query(Set.of("spirit", "type")));
    String spirit = query.text("spirit").map(text -> SpiritId.parse(text).toString()).orElse("");
    String type = query.text("type").map(SpiritId::checkType).orElse("");
    return services
        .spirits()
        .deadLetters()
        .list(spirit, type)
        .thenApply(listing -> json(Json.deadLetters(listing)));
  }

  private CompletionStage<HttpResponse> showDeadLetter(Exchange exchange, String id) {
    exchange.query(Set.of());
    return services
        .spirits()
        .deadLetters()
        .show(id)
        .thenApply(letter -> json(Json.deadLetterWithPayload(letter)));
  }

  private CompletionStage<HttpResponse> dropDeadLetter(Exchange exchange, String id) {
    exchange.query(Set.of());
    return exchange
        .body(0, ErrorCode.REQUEST_INVALID)
        .thenCompose(nothing -> services.spirits().deadLetters().drop(id))
        .thenApply(done -> nothing());
  }

  private CompletionStage<HttpResponse> replayDeadLetter(Exchange exchange, String id) {
    exchange.query(Set.of());
    Duration timeout = exchange.header("X-Vudo-Timeout").map(this::timeout).orElse(askTimeout);
    exchange.allow(timeout.plus(askTimeout));
    return exchange
        .body(0, ErrorCode.REQUEST_INVALID)
        .thenCompose(nothing -> services.spirits().deadLetters().replay(id, timeout))
        .thenApply(done -> nothing());
  }

  static String idempotencyKey(Exchange exchange) {
    return exchange.header("Idempotency-Key").orElse("");
  }

  private static CompletionStage<HttpResponse> ok(JsonNode node) {
    return CompletableFuture.completedFuture(json(node));
  }

  static HttpResponse json(JsonNode node) {
    return HttpResponse.create().withEntity(ContentTypes.APPLICATION_JSON, Json.write(node));
  }

  static HttpResponse nothing() {
    return HttpResponse.create().withStatus(StatusCodes.NO_CONTENT);
  }
}
