package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.node.NodeFixture;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code vudo node} as a process of its own. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class NodeProcessTest {

  @Test
  void aNodeServesUntilItIsToldToEndAndItsDirectoryIsItsOwn() {
    Path data = NodeFixture.newDataDirectory();
    try (NodeProcess node = NodeProcess.start(data)) {
      CommandRun status =
          CommandRun.vudo("status", "--node", node.http().toString(), "--format", "json");
      assertEquals(node.pid(), status.json().path("pid").asLong());

      VudoException second = assertThrows(VudoException.class, () -> NodeProcess.start(data));
      assertEquals(ErrorCode.DATA_DIR_IN_USE, second.code());

      assertEquals(0, node.terminate());
    }
    assertTrue(Files.exists(data.resolve("logs").resolve("node.log")));
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

  private static Process start(Path data, Path err, String... options) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(NodeProcess.javaCommand());
    builder
        .command()
        .addAll(List.of("node", "--data", data.toString(), "--http", "0", "--port", "0"));
    builder.command().addAll(List.of(options));
    return builder.redirectError(err.toFile()).start();
  }
}
