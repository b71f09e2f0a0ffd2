package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "drain",
    description = {
      "Move all Spirits of a node to the others, and keep it free of Spirits.",
      "",
      "Until vudo resume, or until the node starts again. Exit code 1 when not all could move."
    })
final class DrainCommand extends OperatorCommand {
  @ArgGroup(multiplicity = "1")
  private Target target;

  /** Exactly one of them. */
  private static final class Target {
    @Parameters(
        index = "0",
        paramLabel = "HOST:PORT",
        description = "The node, as vudo status names it.")
    private String name;

    @Option(names = "--self", description = "The node that is asked, see --node.")
    private boolean self;
  }

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long to wait; 1min by default. The node goes on with it afterwards.")
  private Duration timeout = Duration.ofMinutes(1);

  DrainCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    ClusterClient client = cluster();
    JsonNode cluster = client.cluster();
    String name = target.self ? cluster.path("node").asText() : target.name;
    known(cluster, name);
    JsonNode drained = client.node(name, "drain", timeout, null);
    if (drained.path("left").asLong() > 0) {
      throw new VudoException(
          ErrorCode.RELOCATION_FAILED,
          name
              + ": "
              + ClusterText.drained(drained)
              + (hasOthers(cluster, name) ? "; its log says why." : ": there is no other node."));
    }
    if (isJson()) {
      print(drained);
    } else {
      print(name + " is drained: " + ClusterText.drained(drained));
    }
    return 0;
  }
}
