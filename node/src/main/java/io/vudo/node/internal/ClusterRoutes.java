package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Drained;
import io.vudo.spirit.HostStatus;
import io.vudo.spirit.Relocation;
import io.vudo.spirit.Relocations;
import io.vudo.spirit.SpiritRuntime;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.Done;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** The cluster over HTTP: its nodes, and what moves between them. */
final class ClusterRoutes {
  /** How long a node may take to say how it is. */
  private static final Duration REPORT_TIMEOUT = Duration.ofSeconds(2);

  private static final int DEFAULT_MOVES = 100;
  private static final int MOST_MOVES = 1000;
  private static final int MAX_BODY_BYTES = 4096;

  /** Where a drain that names no time ends. */
  private static final Duration DRAIN_TIMEOUT = Duration.ofMinutes(1);

  private final ActorSystem<?> system;
  private final Cluster cluster;
  private final Relocations relocations;
  private final GatewayDirectory gateways;
  private final Function<String, Duration> timeout;
  private final EndlessStreams streams;
  private final long maxWatchBehindBytes;

  /** Those that are open; null when no more may be. Guarded by this. */
  private Set<EventFeed> feeds = new HashSet<>();

  /**
   * The addresses of the cluster.
   *
   * @param timeout reads durations
   * @param streams know of those that this opens
   * @param maxWatchBehindBytes see {@code vudo.http.max-watch-behind}
   */
  ClusterRoutes(
      ActorSystem<?> system,
      Relocations relocations,
      GatewayDirectory gateways,
      Function<String, Duration> timeout,
      EndlessStreams streams,
      long maxWatchBehindBytes) {
    this.system = system;
    this.streams = streams;
    this.cluster = Cluster.get(Adapter.toClassic(system));
    this.relocations = relocations;
    this.gateways = gateways;
    this.timeout = timeout;
    this.maxWatchBehindBytes = maxWatchBehindBytes;
  }

  /** How a node is called. */
  static String name(Address address) {
    return address.getHost().orElse("") + ":" + address.getPort().map(Object::toString).orElse("");
  }

  /** What answers to each of these. */
  Map<Route, Gateway.Handler> handlers() {
    return Map.of(
        Route.SHOW_CLUSTER,
        this::showCluster,
        Route.LIST_MIGRATIONS,
        this::listMoves,
        Route.WATCH_MIGRATIONS,
        this::watchMoves,
        Route.DRAIN,
        exchange -> drain(exchange, exchange.argument("node")),
        Route.RESUME,
        exchange -> resume(exchange, exchange.argument("node")),
        Route.LEAVE,
        exchange -> leave(exchange, exchange.argument("node")));
  }

  // The nodes

  private CompletionStage<HttpResponse> showCluster(Exchange exchange) {
    exchange.query(Set.of());
    return relocations
        .nodes(REPORT_TIMEOUT)
        .thenCombine(
            gateways.addresses(REPORT_TIMEOUT).exceptionally(failure -> Map.of()),
            (statuses, addresses) -> Gateway.json(cluster(statuses, addresses)));
  }

  private ObjectNode cluster(List<HostStatus> statuses, Map<String, String> addresses) {
    Map<String, HostStatus> byNode = new HashMap<>();
    statuses.forEach(status -> byNode.put(status.node(), status));
    var state = cluster.state();
    Set<Member> unreachable = state.getUnreachable();
    List<Member> members = new ArrayList<>();
    List<Member> services = new ArrayList<>();
    state
        .getMembers()
        .forEach(member -> (member.hasRole(SpiritRuntime.ROLE) ? members : services).add(member));
    members.sort(Comparator.comparing(member -> name(member.address())));
    Optional<Member> oldest = oldest(members);
    ObjectNode node = Json.object().put("node", name(cluster.selfAddress()));
    node.put("oldest", oldest.map(member -> name(member.address())).orElse(null));
    ArrayNode nodes = node.putArray("nodes");
    for (Member member : members) {
      String name = name(member.address());
      ObjectNode one =
          nodes
              .addObject()
              .put("name", name)
              .put("status", member.status().toString())
              .put("reachable", !unreachable.contains(member))
              .put("self", member.uniqueAddress().equals(cluster.selfUniqueAddress()))
              .put("incarnation", Long.toHexString(member.uniqueAddress().longUid()))
              .put("http", addresses.get(name))
              .put("answers", byNode.containsKey(name));
      Optional.ofNullable(byNode.get(name)).ifPresent(status -> put(one, status));
    }
    services.sort(Comparator.comparing(member -> name(member.address())));
    ArrayNode others = node.putArray("services");
    for (Member member : services) {
      ArrayNode roles =
          others
              .addObject()
              .put("name", name(member.address()))
              .put("status", member.status().toString())
              .put("reachable", !unreachable.contains(member))
              .putArray("roles");
      member.getRoles().stream()
          .filter(role -> !role.startsWith("dc-"))
          .sorted()
          .forEach(roles::add);
    }
    return node;
  }

  private static Optional<Member> oldest(List<Member> members) {
    return members.stream()
        .filter(
            member ->
                member.status().equals(MemberStatus.up())
                    || member.status().equals(MemberStatus.leaving()))
        .reduce((one, other) -> other.isOlderThan(one) ? other : one);
  }

  /** Adds what a node says of itself. */
  static ObjectNode put(ObjectNode node, HostStatus status) {
    return node.put("draining", status.draining())
        .put("shards", status.shards())
        .put("spirits", status.residents())
        .put("moving", status.moving())
        .put("movedIn", status.movedIn())
        .put("movedOut", status.movedOut())
        .put("movesFailed", status.movesFailed())
        .put("bytesOut", status.bytesOut());
  }

  private CompletionStage<HttpResponse> drain(Exchange exchange, String node) {
    return timeout(exchange)
        .thenCompose(time -> relocations.drain(node, time))
        .thenApply(drained -> Gateway.json(json(drained)));
  }

  private CompletionStage<HttpResponse> resume(Exchange exchange, String node) {
    return timeout(exchange)
        .thenCompose(time -> relocations.resume(node, time))
        .thenApply(done -> Gateway.nothing());
  }

  /**
   * Spirits move away while the node is still a full member, which is quicker for callers than when
   * it is on its way out; then it leaves, and its process ends.
   */
  private CompletionStage<HttpResponse> leave(Exchange exchange, String node) {
    return timeout(exchange)
        .thenCompose(
            time -> {
              Address address = address(node);
              return relocations
                  .drain(node, time)
                  .handle(ClusterRoutes::drainedOrLate)
                  .thenCompose(drained -> drained)
                  .thenApply(
                      drained -> {
                        cluster.leave(address);
                        return Gateway.json(
                            drained
                                .map(ClusterRoutes::json)
                                .orElseGet(
                                    () -> Json.object().put("node", node).put("late", true)));
                      });
            });
  }

  /** Who asks for an end gets it, also when not all could move in time; nothing durable is lost. */
  private static CompletionStage<Optional<Drained>> drainedOrLate(
      Drained drained, Throwable failure) {
    if (failure == null) {
      return CompletableFuture.completedFuture(Optional.of(drained));
    }
    return Failures.typed(failure).code() == ErrorCode.ASK_TIMEOUT
        ? CompletableFuture.completedFuture(Optional.empty())
        : CompletableFuture.failedFuture(failure);
  }

  private Address address(String node) {
    for (Member member : cluster.state().getMembers()) {
      if (member.hasRole(SpiritRuntime.ROLE) && name(member.address()).equals(node)) {
        return member.address();
      }
    }
    throw new VudoException(ErrorCode.NODE_UNKNOWN, "Got \"" + node + "\".");
  }

  private CompletionStage<Duration> timeout(Exchange exchange) {
    exchange.query(Set.of());
    return exchange
        .optionalJson(MAX_BODY_BYTES, ErrorCode.REQUEST_INVALID, Set.of("timeoutMillis"))
        .thenApply(
            body -> {
              JsonNode millis = body.path("timeoutMillis");
              if (!millis.isMissingNode() && !millis.isIntegralNumber()) {
                throw new VudoException(
                    ErrorCode.REQUEST_INVALID, "The member \"timeoutMillis\" is a whole number.");
              }
              Duration time =
                  millis.isMissingNode() ? DRAIN_TIMEOUT : timeout.apply(millis.asText() + "ms");
              exchange.allow(time);
              return time;
            });
  }

  private static ObjectNode json(Drained drained) {
    return Json.object()
        .put("node", drained.node())
        .put("moved", drained.moved())
        .put("left", drained.left());
  }

  // What moves

  private CompletionStage<HttpResponse> listMoves(Exchange exchange) {
    int most = new Parameters(exchange.query(Set.of("limit"))).small("limit").orElse(DEFAULT_MOVES);
    if (most < 1 || most > MOST_MOVES) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The parameter \"limit\" takes 1 to " + MOST_MOVES + "; got " + most + ".");
    }
    return relocations
        .recent(most, REPORT_TIMEOUT)
        .thenApply(
            moves -> {
              ObjectNode node = Json.object();
              ArrayNode list = node.putArray("migrations");
              moves.forEach(move -> list.add(json(move)));
              return Gateway.json(node);
            });
  }

  private CompletionStage<HttpResponse> watchMoves(Exchange exchange) {
    exchange.query(Set.of());
    EventFeed feed = new EventFeed(system, maxWatchBehindBytes);
    AutoCloseable watch =
        relocations.watch(
            move ->
                feed.send("migrated", new String(Json.write(json(move)), StandardCharsets.UTF_8)));
    if (!keep(feed)) {
      feed.finish();
    }
    feed.whenOver(
        () -> {
          close(watch);
          forget(feed);
        });
    return CompletableFuture.completedFuture(feed.responseUntilOver(streams));
  }

  private synchronized boolean keep(EventFeed feed) {
    return feeds != null && feeds.add(feed);
  }

  private synchronized void forget(EventFeed feed) {
    if (feeds != null) {
      feeds.remove(feed);
    }
  }

  /** Ends what would go on for ever; who watches still gets every move until now. */
  CompletionStage<Done> endWatches() {
    CompletionStage<Done> said = streams.lastWords(system);
    Set<EventFeed> open;
    synchronized (this) {
      open = feeds == null ? Set.of() : feeds;
      feeds = null;
    }
    open.forEach(EventFeed::finish);
    return said;
  }

  private static void close(AutoCloseable watch) {
    try {
      watch.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static ObjectNode json(Relocation move) {
    return Json.object()
        .put("id", move.id().toString())
        .put("from", move.from())
        .put("to", move.to())
        .put("moved", !move.from().equals(move.to()))
        .put("turn", move.turn())
        .put("pauseMicros", move.pauseMicros())
        .put("bytes", move.bytes())
        .put("pauseBytes", move.pauseBytes())
        .put("time", Instant.ofEpochMilli(move.movedAtMillis()).toString());
  }
}
