package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import picocli.CommandLine.Mixin;

/** What the commands that change the cluster have in common. */
abstract class OperatorCommand extends VudoCommand {
  private static final Duration POLL = Duration.ofMillis(200);

  @Mixin private NodeOption node;

  OperatorCommand(Terminal terminal) {
    super(terminal);
  }

  ClusterClient cluster() {
    return node.cluster(this);
  }

  /** The node of this name, if the cluster has it. */
  static Optional<JsonNode> find(JsonNode cluster, String name) {
    return StreamSupport.stream(cluster.path("nodes").spliterator(), false)
        .filter(each -> each.path("name").asText().equals(name))
        .findFirst();
  }

  /**
   * The node of this name.
   *
   * @throws VudoException {@code NODE_UNKNOWN}
   */
  static JsonNode known(JsonNode cluster, String name) {
    return find(cluster, name)
        .orElseThrow(
            () ->
                new VudoException(
                    ErrorCode.NODE_UNKNOWN,
                    "Got \""
                        + name
                        + "\"; there are "
                        + StreamSupport.stream(cluster.path("nodes").spliterator(), false)
                            .map(each -> each.path("name").asText())
                            .collect(Collectors.joining(", "))
                        + "."));
  }

  /** Whether there is another member that could take Spirits, and answer for a node that ends. */
  static boolean hasOthers(JsonNode cluster, String name) {
    return StreamSupport.stream(cluster.path("nodes").spliterator(), false)
        .anyMatch(
            each -> !each.path("name").asText().equals(name) && each.path("answers").asBoolean());
  }

  /**
   * Whether a node has left: the others do not know it any more, or, if there are none, it ended.
   */
  static boolean isGone(ClusterClient client, JsonNode node, boolean others) {
    URI gateway = ClusterClient.gateway(node).orElse(null);
    try {
      return find(client.cluster(gateway), node.path("name").asText())
          .map(now -> !now.path("incarnation").equals(node.path("incarnation")))
          .orElse(true);
    } catch (VudoException failure) {
      if (failure.code() == ErrorCode.NODE_UNREACHABLE && !others) {
        return true;
      }
      // All are asked again, until it is too late.
      return false;
    }
  }

  /** Waits for something; answers whether it came in time. */
  static boolean await(Duration timeout, BooleanSupplier condition) {
    long end = System.nanoTime() + timeout.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - end >= 0) {
        return false;
      }
      pause(POLL);
    }
    return true;
  }

  static void pause(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Interrupted.", e);
    }
  }
}
