package io.vudo.cli.internal;

import io.vudo.node.internal.Json;
import io.vudo.protocol.SpiritId;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "restart",
    description = {
      "Let a Spirit that has failed take messages again.",
      "",
      "Its state is as before the turn that failed. What it could not handle is among the dead"
          + " letters: vudo dead-letters list TYPE/ID."
    })
final class RestartCommand extends VudoCommand {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
  private String spirit;

  RestartCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    SpiritId id = SpiritId.parse(spirit);
    node.client(this)
        .post("/v1/spirits/" + id + "/restart", Map.of(), BodyPublishers.noBody(), TIMEOUT);
    if (isJson()) {
      print(Json.object().put("restarted", id.toString()));
    } else {
      print(id + " takes messages.");
    }
    return 0;
  }
}
