package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "status", description = "Show how a node is doing.")
final class StatusCommand extends VudoCommand {
  @Mixin private NodeOption node;

  StatusCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    JsonNode status = Json.read(node.client(this).get("/v1/status").body());
    if (isJson()) {
      print(status);
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
    for (JsonNode member : status.path("members")) {
      print(
          "member       "
              + member.path("address").asText()
              + " "
              + member.path("status").asText()
              + (member.path("self").asBoolean() ? " (this node)" : ""));
    }
    return 0;
  }
}
