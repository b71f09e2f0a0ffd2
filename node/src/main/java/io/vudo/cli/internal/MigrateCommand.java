package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import io.vudo.protocol.SpiritId;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "migrate",
    description = {
      "Move a living Spirit to another node of the cluster, or to another engine.",
      "",
      "Messages sent before run on the old one, later ones on the new one; the state stays.",
      "A Spirit stays on its new node as long as it is in memory."
    })
final class MigrateCommand extends VudoCommand {
  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
  private String spirit;

  @ArgGroup(multiplicity = "1")
  private Target target;

  /** Exactly one of them. */
  private static final class Target {
    @Option(
        names = "--to",
        paramLabel = "HOST:PORT",
        description = "The node that is to have it, as vudo status names it.")
    private String node;

    @Option(names = "--engine", paramLabel = "NAME", description = "The engine that is to run it.")
    private String engine;
  }

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
    return target.engine == null ? toNode(id) : toEngine(id);
  }

  private Integer toNode(SpiritId id) {
    JsonNode answer =
        Json.read(
            node.client(this)
                .postJson(
                    "/v1/spirits/" + id + "/migrate",
                    Map.of("X-Vudo-Timeout", timeout.toMillis() + "ms"),
                    Json.object().put("node", target.node),
                    timeout)
                .body());
    if (isJson()) {
      print(answer);
    } else if (answer.path("moved").asBoolean()) {
      print(
          id
              + " is on "
              + answer.path("to").asText()
              + " now, before on "
              + answer.path("from").asText()
              + "; it paused for "
              + ClusterText.pause(answer)
              + " (turn "
              + answer.path("turn").asText()
              + ", "
              + Quantities.bytesText(answer.path("bytes").asLong())
              + ")");
    } else {
      print(id + " is on " + answer.path("to").asText() + " already");
    }
    return 0;
  }

  private Integer toEngine(SpiritId id) {
    JsonNode answer =
        Json.read(
            node.client(this)
                .post(
                    "/v1/spirits/" + id + "/migrate?engine=" + NodeClient.encoded(target.engine),
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
