package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import io.vudo.testing.PostgresFixture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node holds goes to a file, into the database of a cluster, and back into a node. */
class ArchiveCommandsTest {
  @TempDir static Path directory;

  private static CommandRun vudo(String... arguments) {
    return CommandRun.vudo(arguments);
  }

  private static CommandRun vudo(VudoNode node, String... arguments) {
    return CommandRun.of(Map.of("VUDO_NODE", node.httpAddress().toString()), false, "", arguments);
  }

  @Test
  void nodeMovesIntoADatabaseAndBack() throws Exception {
    Path first = NodeFixture.newDataDirectory();
    try (VudoNode node = VudoNode.start(NodeFixture.settings(first, ""))) {
      String source = TestModules.exampleSource("counter").toString();
      assertEquals(0, vudo(node, "deploy", source, "--name", "counter").exitCode());
      vudo(node, "ask", "counter/a", "40", "--type", "add").assertPrinted("40\n");
      vudo("export", "--data", first.toString(), "--to", directory.resolve("x").toString())
          .assertFailed("DATA_DIR_IN_USE");
    }
    Path exported = directory.resolve("node.vudo");
    String told = vudo("export", "--data", first.toString(), "--to", exported.toString()).out();
    assertTrue(told.matches("Exported \\d+ events, \\d+ snapshots and 1 modules to .*\n"), told);

    Path again = directory.resolve("cluster.vudo");
    try (PostgresFixture postgres =
        PostgresFixture.start(Files.createDirectories(Path.of("target").toAbsolutePath()))) {
      String url = postgres.url();
      CommandRun imported =
          vudo("import", "--journal", url, "--from", exported.toString(), "--format", "json");
      assertEquals(1, imported.json().path("modules").asInt(), imported.err());
      vudo("import", "--journal", url, "--from", exported.toString())
          .assertFailed("JOURNAL_NOT_EMPTY");
      assertEquals(0, vudo("export", "--journal", url, "--to", again.toString()).exitCode());
      vudo("export", "--journal", url, "--data", "x", "--to", "x").assertWrongUsage();
    }
    assertArrayEquals(Files.readAllBytes(exported), Files.readAllBytes(again));

    Path second = NodeFixture.newDataDirectory();
    assertEquals(
        0, vudo("import", "--data", second.toString(), "--from", again.toString()).exitCode());
    try (VudoNode node = VudoNode.start(NodeFixture.settings(second, ""))) {
      vudo(node, "ask", "counter/a", "2", "--type", "add").assertPrinted("42\n");
    }
  }

  @Test
  void directoryWithoutAJournalIsNotExported() {
    Path none = directory.resolve("none");
    vudo("export", "--data", none.toString(), "--to", directory.resolve("y").toString())
        .assertFailed("DATA_DIR_UNUSABLE");
    assertTrue(Files.notExists(none));
  }
}
