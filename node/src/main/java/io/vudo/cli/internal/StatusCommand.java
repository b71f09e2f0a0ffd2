package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "status",
    description = "Show how a node is doing, the nodes of its cluster, and its last migrations.")
final class StatusCommand extends VudoCommand {
  private static final int MOVES = 5;

  @Mixin private NodeOption node;

  StatusCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    JsonNode status = Json.read(node.client(this).get("/v1/status").body());
    ClusterClient client = node.cluster(this);
    JsonNode cluster = client.cluster();
    JsonNode moves = client.migrations(MOVES);
    if (isJson()) {
      ObjectNode all = (ObjectNode) status;
      all.set("cluster", cluster);
      all.set("migrations", moves);
      print(all);
      return 0;
    }
    JsonNode spirits = status.path("spirits");
    JsonNode heap = status.path("heap");
    print("version      " + status.path("version").asText());
    print("process      " + status.path("pid").asText());
    print(
        "up           "
            + Duration.ofMillis(status.path("uptimeMillis").asLong()).toSeconds()
            + " s");
    print("data         " + status.path("data").asText());
    for (JsonNode engine : status.path("engines")) {
      print(
          "engine       "
              + engine.path("name").asText()
              + ", "
              + engine.path("liveInstances").asText()
              + " of "
              + engine.path("maxInstances").asText()
              + " instances"
              + (engine.path("default").asBoolean() ? " (default)" : ""));
    }
    print("deployments  " + status.path("deployments").asText());
    print(
        "spirits      "
            + spirits.path("resident").asText()
            + " resident, "
            + spirits.path("waiting").asText()
            + " messages waiting, "
            + Quantities.bytesText(spirits.path("memoryBytes").asLong()));
    print(
        "heap         "
            + (heap.path("usedBytes").asLong() >> 20)
            + " of "
            + (heap.path("maxBytes").asLong() >> 20)
            + " MiB");
    print("");
    ClusterText.nodes(cluster).forEach(this::print);
    ClusterText.services(cluster).forEach(this::print);
    if (!moves.isEmpty()) {
      print("");
      ClusterText.moves(moves).forEach(this::print);
    }
    return 0;
  }
}
