package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.node.ClusterFixture;
import io.vudo.node.NodeFixture;
import io.vudo.node.TestCertificates;
import io.vudo.node.TestCertificates.NodeFiles;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands of those who run a cluster: by HTTPS and with a token, as they do where the nodes
 * are on several machines.
 */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class OperatorCommandsTest {
  @TempDir static Path directory;

  private static ClusterFixture cluster;
  private static Path ca;
  private static String token;

  /** By number; replaced when restarted. */
  private static final List<AtomicReference<VudoNode>> NODES =
      List.of(new AtomicReference<>(), new AtomicReference<>());

  @BeforeAll
  static void start() throws IOException {
    NodeFiles files = new TestCertificates(directory).issue("gateway");
    ca = files.ca();
    List<String> words =
        new ArrayList<>(List.of("token", "create", "--name", "operator", "--format", "json"));
    for (String role : List.of("read", "message", "deploy", "operate")) {
      words.addAll(List.of("--role", role));
    }
    JsonNode made = CommandRun.vudo(words.toArray(String[]::new)).json();
    token = made.path("token").asText();
    Path callers =
        Files.writeString(
            directory.resolve("callers.json"), "{\"callers\":[" + made.path("entry") + "]}");
    cluster =
        new ClusterFixture(
            2,
            "vudo.gateway { callers-file = \""
                + callers
                + "\", tls { certificate = \""
                + files.certificate()
                + "\", key = \""
                + files.key()
                + "\" } }\n");
    for (int i = 0; i < NODES.size(); i++) {
      NODES.get(i).set(cluster.start(i));
    }
    ClusterFixture.awaitMembers(2, node(0), node(1));
    Path source = TestModules.exampleSource("counter");
    assertEquals(0, vudo("deploy", source.toString(), "--name", "counter").exitCode());
  }

  @AfterAll
  static void end() {
    cluster.close();
  }

  private static VudoNode node(int number) {
    return NODES.get(number).get();
  }

  private static CommandRun vudo(String... arguments) {
    return CommandRun.of(
        Map.of(
            "VUDO_NODE",
            node(0).httpAddress().toString(),
            "VUDO_TOKEN",
            token,
            "VUDO_CA_FILE",
            ca.toString()),
        false,
        "",
        arguments);
  }

  private static JsonNode cluster() {
    return vudo("status", "--format", "json").json().path("cluster");
  }

  private static String name(int number) {
    for (JsonNode node : cluster().path("nodes")) {
      if (node.path("self").asBoolean() == (number == 0)) {
        return node.path("name").asText();
      }
    }
    throw new AssertionError(cluster());
  }

  @Test
  void migrateToANode() {
    vudo("ask", "counter/moved", "5", "--type", "add").assertPrinted("5\n");
    vudo("migrate", "counter/moved", "--to", name(0));
    CommandRun moved = vudo("migrate", "counter/moved", "--to", name(1));
    assertTrue(
        moved
            .out()
            .matches(
                "counter/moved is on "
                    + name(1)
                    + " now, before on "
                    + name(0)
                    + "; it paused for \\d+\\.\\d ms \\(turn 2, \\d+ .*\\)\n"),
        moved.out() + moved.err());
    vudo("migrate", "counter/moved", "--to", name(1))
        .assertPrinted("counter/moved is on " + name(1) + " already\n");
    JsonNode back = vudo("migrate", "counter/moved", "--to", name(0), "--format", "json").json();
    assertEquals(name(0), back.path("to").asText());
    vudo("ask", "counter/moved", "1", "--type", "add").assertPrinted("6\n");
    vudo("migrate", "counter/moved", "--to", "127.0.0.1:1").assertFailed("NODE_UNKNOWN");
    vudo("migrate", "counter/moved").assertWrongUsage();
    vudo("migrate", "counter/moved", "--to", name(1), "--engine", "jvm").assertWrongUsage();

    // All of it can be seen.
    String status = vudo("status").out();
    assertTrue(status.contains("\nNODE "), status);
    assertTrue(status.contains("\n" + name(0) + "  Up, "), status);
    assertTrue(status.contains("\n" + name(1) + "  Up"), status);
    assertTrue(status.matches("(?s).*\ncounter/moved .* \\d+\\.\\d ms .*"), status);
    CommandRun top = vudo("top", "--once");
    assertEquals(0, top.exitCode(), top.err());
    assertTrue(top.out().startsWith("NODE "), top.out());
    assertTrue(top.out().matches("(?s).*\ncounter/moved +" + name(0) + " +READY .*"), top.out());
    assertTrue(top.out().contains("\nMIGRATION "), top.out());
    JsonNode json = vudo("top", "--format", "json").json();
    assertEquals(2, json.path("cluster").path("nodes").size());
    assertTrue(json.path("spirits").size() > 0);
    assertTrue(json.path("migrations").size() > 0);
  }

  @Test
  void drainAndResume() {
    vudo("ask", "counter/drained", "5", "--type", "add").assertPrinted("5\n");
    vudo("migrate", "counter/drained", "--to", name(1));
    CommandRun drained = vudo("drain", name(1));
    assertTrue(
        drained.out().matches(name(1) + " is drained: \\d+ Spirits moved\n"),
        drained.out() + drained.err());
    assertTrue(vudo("status").out().contains("\n" + name(1) + "  Up, draining"));
    vudo("migrate", "counter/drained", "--to", name(1)).assertFailed("NODE_UNKNOWN");
    vudo("resume", name(1)).assertPrinted(name(1) + " takes Spirits\n");
    CommandRun self = vudo("drain", "--self", "--format", "json");
    assertEquals(name(0), self.json().path("node").asText(), self.err());
    assertEquals(
        "{\"node\":\"" + name(0) + "\",\"resumed\":true}\n",
        vudo("resume", name(0), "--format", "json").out());
    assertTrue(vudo("drain", "nowhere:1").assertFailed("NODE_UNKNOWN").contains(name(1)));
    vudo("drain").assertWrongUsage();
    vudo("drain", name(1), "--self").assertWrongUsage();
    vudo("ask", "counter/drained", "1", "--type", "add").assertPrinted("6\n");
  }

  /** Does what systemd does: a node that ended is started again. */
  private static Thread supervise(List<Integer> restarted) {
    Thread supervisor =
        new Thread(
            () -> {
              for (int i = 0; i < NODES.size(); i++) {
                int number = i;
                AtomicReference<VudoNode> node = NODES.get(number);
                node.get()
                    .whenEnded()
                    .thenRunAsync(
                        () -> {
                          restarted.add(number);
                          node.set(cluster.start(number));
                        });
              }
            },
            "supervisor");
    supervisor.start();
    return supervisor;
  }

  @Test
  void rollRestartsAllNodesWhileCallersGoOn() throws Exception {
    JsonNode before = cluster();
    List<Integer> restarted = java.util.Collections.synchronizedList(new ArrayList<>());
    supervise(restarted).join();
    for (int i = 0; i < 10; i++) {
      vudo("ask", "counter/rolled-" + i, "1", "--type", "add").assertPrinted("1\n");
    }
    CommandRun roll = vudo("roll", "--timeout", "1min");
    assertEquals(0, roll.exitCode(), roll.err() + roll.out());
    List<String> lines = roll.out().lines().toList();
    assertEquals(2, lines.size(), roll.out());
    // The oldest is the last.
    assertTrue(lines.get(1).contains(before.path("oldest").asText()), roll.out());
    assertTrue(
        lines.get(0).matches("\\[1/2] .* is back after \\d+\\.\\d s: \\d+ Spirits moved"),
        roll.out());
    assertEquals(2, restarted.size());
    for (JsonNode old : before.path("nodes")) {
      for (JsonNode now : cluster().path("nodes")) {
        assertNotEquals(old.path("incarnation"), now.path("incarnation"));
      }
    }
    for (int i = 0; i < 10; i++) {
      vudo("ask", "counter/rolled-" + i, "1", "--type", "add").assertPrinted("2\n");
    }
  }

  @Test
  void rollStopsAtANodeThatDoesNotComeBack() {
    try (ClusterFixture other = new ClusterFixture(2, "")) {
      VudoNode first = other.start(0);
      VudoNode second = other.start(1);
      ClusterFixture.awaitMembers(2, first, second);
      String url = first.httpAddress().toString();
      CommandRun failed =
          CommandRun.vudo(
              "roll",
              "--node",
              url,
              "--timeout",
              "10s",
              "--restart-command",
              "echo said by $VUDO_NODE_NAME; exit 7");
      assertEquals(1, failed.exitCode());
      assertTrue(failed.err().contains("said by 127.0.0.1:"), failed.err());
      assertTrue(failed.err().contains("error[ROLL_STOPPED]"), failed.err());
      assertTrue(failed.err().contains("exit code 7"), failed.err());
      // The oldest was to be the last; it serves on, alone.
      CommandRun alone = CommandRun.vudo("roll", "--node", url);
      assertTrue(alone.assertFailed("ROLL_STOPPED").contains("no other node"), alone.err());
      second.whenEnded().toCompletableFuture().join();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aProcessThatIsToldToLeaveEndsWithExitCodeZero() {
    try (NodeProcess process = NodeProcess.start(NodeFixture.newDataDirectory())) {
      String url = process.http().toString();
      JsonNode status = CommandRun.vudo("status", "--node", url, "--format", "json").json();
      String name = status.path("cluster").path("node").asText();
      CommandRun.vudo("leave", "nowhere:1", "--node", url).assertFailed("NODE_UNKNOWN");
      CommandRun left = CommandRun.vudo("leave", name, "--node", url);
      left.assertPrinted(name + " has left: 0 Spirits moved\n");
      assertEquals(0, process.exitCode());
    }
  }
}
