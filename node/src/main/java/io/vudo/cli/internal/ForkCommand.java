package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.SpiritId;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fork",
    description = {
      "Make a new Spirit that goes on from the state of another one after a turn.",
      "",
      "It runs the same module. It has nothing undelivered and remembers no messages. It is done"
          + " when it is durable."
    })
final class ForkCommand extends VudoCommand {
  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit to start from.")
  private String spirit;

  @Parameters(
      index = "1",
      paramLabel = "NEW_ID",
      description = "The id of the new one, of the same type; it must never have been used.")
  private String newId;

  @Option(
      names = "--to",
      paramLabel = "N",
      description = "After which turn; after the last by default.")
  private Long to;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long to wait; 10min by default.")
  private Duration timeout = Duration.ofMinutes(10);

  ForkCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    SpiritId id = SpiritId.parse(spirit);
    String plain =
        newId.startsWith(id.type() + "/") ? newId.substring(id.type().length() + 1) : newId;
    SpiritId fork = new SpiritId(id.type(), plain);
    JsonNode answer =
        Json.read(
            node.client(this)
                .post(
                    "/v1/spirits/"
                        + id
                        + "/fork?id="
                        + NodeClient.encoded(fork.id())
                        + (to == null ? "" : "&to=" + to),
                    Map.of(),
                    BodyPublishers.noBody(),
                    timeout)
                .body());
    if (isJson()) {
      print(answer);
    } else {
      print(
          answer.path("id").asText()
              + " goes on from "
              + answer.path("origin").asText()
              + " after turn "
              + answer.path("turn").asText()
              + " (state sha256:"
              + answer.path("stateHash").asText()
              + ")");
    }
    return 0;
  }
}
