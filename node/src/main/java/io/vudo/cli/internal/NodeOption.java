package io.vudo.cli.internal;

import java.net.URI;
import picocli.CommandLine.Option;

/** {@code --node}, for every command that talks to one. */
final class NodeOption {
  private static final String DEFAULT = "http://127.0.0.1:7070";

  @Option(
      names = "--node",
      paramLabel = "URL",
      description = "The node's gateway; VUDO_NODE, or " + DEFAULT + " by default.")
  private String url;

  /** A client of the node that was named, by the option, the environment or the default. */
  NodeClient client(VudoCommand command) {
    String fromEnvironment = command.terminal().environment().getOrDefault("VUDO_NODE", "");
    String chosen = url != null ? url : fromEnvironment.isEmpty() ? DEFAULT : fromEnvironment;
    try {
      URI uri = URI.create(chosen);
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return new NodeClient(uri);
      }
    } catch (IllegalArgumentException e) {
      throw command.usage("The node's URL is malformed: " + e.getMessage());
    }
    throw command.usage("The node's URL looks like " + DEFAULT + "; got \"" + chosen + "\"");
  }
}
