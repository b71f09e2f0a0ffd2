package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

@Command(name = "demo", description = "A guided tour: starts a node, uses it, stops it.")
final class DemoCommand extends VudoCommand {

  DemoCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    Path data = Files.createTempDirectory("vudo-demo-");
    try (NodeProcess node = NodeProcess.start(data)) {
      terminal().progress("A node serves at " + node.http() + ", process " + node.pid());
      JsonNode status = Json.read(new NodeClient(node.http()).get("/v1/status").body());
      if (isJson()) {
        print(status);
      } else {
        print("A node of version " + status.path("version").asText() + " started and stopped.");
      }
    } finally {
      deleteTree(data);
    }
    return 0;
  }

  private static void deleteTree(Path directory) throws IOException {
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(directory)) {
      deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : deepestFirst) {
      Files.deleteIfExists(path);
    }
  }
}
