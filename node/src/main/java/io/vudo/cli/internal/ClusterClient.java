package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** Talks to whichever node of the cluster answers, beginning with the one that was named. */
final class ClusterClient {
  private static final String NODES = "/v1/cluster/nodes/";

  private final Set<URI> gateways = new LinkedHashSet<>();
  private final GatewayAccess access;
  private final boolean encrypted;

  /** A client that knows one node; it learns the others from it. */
  ClusterClient(URI first, GatewayAccess access) {
    this.access = access;
    this.encrypted = first.getScheme().equals("https");
    gateways.add(first);
  }

  /**
   * A client of the gateway of a node of {@link #cluster}, if it is known. When the first one is
   * encrypted, one that is not does not count: the token must not go there.
   */
  Optional<NodeClient> at(JsonNode node) {
    return gateway(node).filter(this::isTrusted).map(this::at);
  }

  private NodeClient at(URI gateway) {
    return new NodeClient(gateway, access);
  }

  private boolean isTrusted(URI gateway) {
    return !encrypted || gateway.getScheme().equals("https");
  }

  /** {@code GET /v1/cluster} of a node that answers. */
  JsonNode cluster() {
    return cluster(null);
  }

  /**
   * The same, not by the one that is about to end.
   *
   * @param avoided its gateway; null for none
   */
  JsonNode cluster(URI avoided) {
    JsonNode cluster = any(avoided, client -> Json.read(client.get("/v1/cluster").body()));
    for (JsonNode node : cluster.path("nodes")) {
      gateway(node).filter(this::isTrusted).ifPresent(gateways::add);
    }
    return cluster;
  }

  /** The last migrations of the whole cluster, the newest first. */
  JsonNode migrations(int most) {
    return any(
        null,
        client ->
            Json.read(client.get("/v1/cluster/migrations?limit=" + most).body())
                .path("migrations"));
  }

  /** The same by every node of the cluster whose gateway can be reached from here. */
  List<JsonNode> views() {
    List<JsonNode> views = new ArrayList<>();
    for (JsonNode node : cluster().path("nodes")) {
      at(node)
          .ifPresent(
              client -> {
                try {
                  views.add(Json.read(client.get("/v1/cluster").body()));
                } catch (VudoException failure) {
                  if (failure.code() != ErrorCode.NODE_UNREACHABLE) {
                    throw failure;
                  }
                }
              });
    }
    return views;
  }

  /** The gateway of a node of {@link #cluster}, if it is known. */
  static Optional<URI> gateway(JsonNode node) {
    return node.path("http").isTextual()
        ? Optional.of(URI.create(node.path("http").asText()))
        : Optional.empty();
  }

  /**
   * Asks something of a node, through any gateway.
   *
   * @param operation {@code drain}, {@code resume} or {@code leave}
   * @param avoided see {@link #cluster(URI)}
   */
  JsonNode node(String name, String operation, Duration timeout, URI avoided) {
    return any(
        avoided,
        client -> {
          byte[] body =
              client
                  .postJson(
                      NODES + NodeClient.encoded(name) + "/" + operation,
                      Map.of(),
                      Json.object().put("timeoutMillis", timeout.toMillis()),
                      timeout)
                  .body();
          return body.length == 0 ? Json.object() : Json.read(body);
        });
  }

  private <T> T any(URI avoided, Function<NodeClient, T> call) {
    VudoException last = null;
    for (URI gateway : inTurn(avoided)) {
      try {
        return call.apply(at(gateway));
      } catch (VudoException failure) {
        if (failure.code() != ErrorCode.NODE_UNREACHABLE) {
          throw failure;
        }
        last = last == null ? failure : last;
      }
    }
    throw last;
  }

  private Set<URI> inTurn(URI avoided) {
    Set<URI> inTurn = new LinkedHashSet<>(gateways);
    if (avoided != null) {
      inTurn.remove(avoided);
      inTurn.add(avoided);
    }
    return inTurn;
  }
}
