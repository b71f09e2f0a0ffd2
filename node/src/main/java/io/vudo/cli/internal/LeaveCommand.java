package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "leave",
    description = {
      "Make a node leave the cluster: its Spirits move to the others, then its process ends.",
      "",
      "Done when the others do not know it any more. Its exit code is 0."
    })
final class LeaveCommand extends OperatorCommand {
  @Parameters(
      index = "0",
      paramLabel = "HOST:PORT",
      description = "The node, as vudo status names it.")
  private String name;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = {
        "How long its Spirits may take to move, and after that, how long it may take to leave;",
        "1min by default. Spirits that are late come up elsewhere with their next message."
      })
  private Duration timeout = Duration.ofMinutes(1);

  LeaveCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    ClusterClient client = cluster();
    JsonNode cluster = client.cluster();
    JsonNode node = known(cluster, name);
    JsonNode drained =
        client.node(name, "leave", timeout, ClusterClient.gateway(node).orElse(null));
    boolean others = hasOthers(cluster, name);
    if (!await(timeout, () -> isGone(client, node, others))) {
      throw new VudoException(
          ErrorCode.ASK_TIMEOUT,
          name + " was told to leave, and has not left within " + timeout.toSeconds() + " s.");
    }
    if (isJson()) {
      print(drained);
    } else {
      print(name + " has left: " + ClusterText.drained(drained));
    }
    return 0;
  }
}
