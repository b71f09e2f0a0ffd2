package io.vudo.cli.internal;

import io.vudo.node.internal.Json;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(name = "resume", description = "Let a node that was drained take Spirits again.")
final class ResumeCommand extends OperatorCommand {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @Parameters(
      index = "0",
      paramLabel = "HOST:PORT",
      description = "The node, as vudo status names it.")
  private String name;

  ResumeCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    ClusterClient client = cluster();
    known(client.cluster(), name);
    client.node(name, "resume", TIMEOUT, null);
    if (isJson()) {
      print(Json.object().put("node", name).put("resumed", true));
    } else {
      print(name + " takes Spirits");
    }
    return 0;
  }
}
