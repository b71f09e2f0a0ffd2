package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.SpiritId;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "migrate",
    description = {
      "Move a living Spirit to another engine; done when that is durable.",
      "",
      "Messages sent before run on the old engine, later ones on the new one; the state stays."
    })
final class MigrateCommand extends VudoCommand {
  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
  private String spirit;

  @Option(
      names = "--engine",
      required = true,
      paramLabel = "NAME",
      description = "The engine that is to run it.")
  private String engine;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long to wait; 30s by default.")
  private Duration timeout = Duration.ofSeconds(30);

  MigrateCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    SpiritId id = SpiritId.parse(spirit);
    JsonNode answer =
        Json.read(
            node.client(this)
                .post(
                    "/v1/spirits/"
                        + id
                        + "/migrate?engine="
                        + URLEncoder.encode(engine, StandardCharsets.UTF_8),
                    Map.of("X-Vudo-Timeout", timeout.toMillis() + "ms"),
                    BodyPublishers.noBody(),
                    timeout)
                .body());
    if (isJson()) {
      print(answer);
    } else {
      String to = answer.path("engine").asText();
      print(
          id
              + (answer.path("moved").asBoolean()
                  ? " runs on "
                      + to
                      + " now, before on "
                      + answer.path("fromEngine").asText()
                      + "; it paused for "
                      + answer.path("pauseMillis").asText()
                      + " ms"
                  : " runs on " + to + " already")
              + " (turn "
              + answer.path("turn").asText()
              + ", state sha256:"
              + answer.path("stateHash").asText()
              + ")");
    }
    return 0;
  }
}
