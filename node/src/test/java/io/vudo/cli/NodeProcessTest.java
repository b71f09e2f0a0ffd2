package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.node.NodeFixture;
import io.vudo.node.TestModules;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.testing.PostgresFixture;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code vudo node} as a process of its own. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class NodeProcessTest {

  @Test
  void aNodeServesUntilItIsToldToEndAndItsDirectoryIsItsOwn() throws Exception {
    Path data = NodeFixture.newDataDirectory();
    Path module = Files.write(NodeFixture.newDataDirectory().resolve("talker.wasm"), talker());
    try (NodeProcess node = NodeProcess.start(data, "--log-format", "json")) {
      CommandRun status =
          CommandRun.vudo("status", "--node", node.http().toString(), "--format", "json");
      assertEquals(node.pid(), status.json().path("pid").asLong());

      VudoException second =
          assertThrows(VudoException.class, () -> NodeProcess.start(data, "--log-format", "json"));
      assertEquals(ErrorCode.DATA_DIR_IN_USE, second.code());

      String to = node.http().toString();
      CommandRun deployed =
          CommandRun.vudo(
              "deploy",
              module.toString(),
              "--name",
              "talker",
              "--grant",
              "actuator_log",
              "--node",
              to);
      assertEquals(0, deployed.exitCode(), deployed.err());
      CommandRun asked =
          CommandRun.vudo("ask", "talker/t", "hi", "--idempotency-key", "k", "--node", to);
      assertEquals(0, asked.exitCode(), asked.err());
      assertEquals(0, node.terminate());
    }
    assertLogIsStructured(data.resolve("logs").resolve("node.log"));
  }

  /** Says hello to the log, and does nothing else. */
  private static byte[] talker() {
    return TestModules.spirit(
        """
        (import "spirit" "log" (func $log (param i32 i32 i32)))
        (data (i32.const 16) "hello")
        """,
        "(call $log (i32.const 2) (i32.const 16) (i32.const 5)) (i64.const 0)");
  }

  /** Every line is a JSON object, and those of a Spirit say which one, where, and when. */
  private static void assertLogIsStructured(Path log) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(log)) {
      JsonNode json = CommandRun.json(line);
      assertTrue(json.path("timestamp").asLong() > 0, line);
      assertTrue(json.path("level").isTextual(), line);
      assertTrue(json.path("loggerName").isTextual(), line);
      assertTrue(json.path("formattedMessage").isTextual(), line);
      lines.add(json);
    }
    JsonNode said =
        lines.stream()
            .filter(line -> line.path("loggerName").asText().equals("io.vudo.guest"))
            .reduce((first, last) -> last)
            .orElseThrow();
    assertEquals("talker/t: hello", said.path("formattedMessage").asText());
    JsonNode about = said.path("mdc");
    assertEquals("talker/t", about.path("spirit").asText(), said.toString());
    assertEquals("2", about.path("turn").asText(), said.toString());
    assertEquals("key:k", about.path("message").asText(), said.toString());
    assertTrue(about.path("node").asText().startsWith("127.0.0.1:"), said.toString());
    assertTrue(
        lines.stream()
            .filter(line -> line.path("loggerName").asText().startsWith("org.apache.pekko"))
            .noneMatch(line -> line.path("mdc").has("turn")),
        "what is nobody's turn says so");
  }

  @Test
  void sigtermIsACleanEndThatPrintsNothing() throws Exception {
    Path data = NodeFixture.newDataDirectory();
    Path err = data.resolve("stderr");
    Process process = start(data, err, "--format", "json");
    try {
      BufferedReader out =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      JsonNode ready = CommandRun.json(out.readLine());
      assertTrue(ready.path("ready").asBoolean());
      assertEquals(process.pid(), ready.path("pid").asLong());
      assertEquals("wasmtime", ready.path("engine").asText());
      assertEquals(data.toString(), ready.path("data").asText());

      process.destroy();

      assertTrue(process.waitFor(45, TimeUnit.SECONDS), "ends within its stop-timeout");
      assertEquals(0, process.exitValue());
      assertEquals("", Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aNodeThatFoundsAClusterOnASharedJournalLeavesItOnSigterm() throws Exception {
    try (PostgresFixture postgres =
            PostgresFixture.start(Files.createDirectories(Path.of("target")));
        NodeProcess node =
            NodeProcess.start(
                NodeFixture.newDataDirectory(), "--seed", "self", "--journal", postgres.url())) {
      CommandRun status =
          CommandRun.vudo("status", "--node", node.http().toString(), "--format", "json");
      assertEquals(1, status.json().path("members").size(), status.out());
      assertEquals(0, node.terminate());
    }
  }

  private static Process start(Path data, Path err, String... options) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(NodeProcess.javaCommand());
    builder
        .command()
        .addAll(List.of("node", "--data", data.toString(), "--http", "0", "--port", "0"));
    builder.command().addAll(List.of(options));
    return builder.redirectError(err.toFile()).start();
  }
}
