package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code vudo demo}, as a user starts it. */
class DemoTest {
  @Test
  void theDemoCountsRightAndCleansUp(@TempDir Path directory) throws Exception {
    Path out = directory.resolve("out");
    Path err = directory.resolve("err");
    Path temporary = Files.createDirectory(directory.resolve("tmp"));
    Process demo =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dvudo.home=" + Guests.file("..").normalize(),
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                "io.vudo.cli.Main",
                "demo",
                "--format",
                "json")
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    try {
      assertTrue(
          demo.waitFor(2 * TestNode.PATIENCE.toSeconds(), TimeUnit.SECONDS),
          () -> "still running; it said: " + read(err));
      assertEquals(0, demo.exitValue(), () -> read(err));
      JsonNode result = Json.read(Files.readAllBytes(out));
      assertEquals(true, result.path("equal").booleanValue(), result::toString);
      assertEquals(10, result.path("words").size(), result::toString);
      assertTrue(result.path("chunks").asLong() > 1, result::toString);
      try (Stream<Path> left = Files.list(temporary)) {
        assertEquals(
            0,
            left.filter(path -> path.getFileName().toString().startsWith("vudo-demo-")).count(),
            "data directories left behind");
      }
    } finally {
      demo.descendants().forEach(ProcessHandle::destroyForcibly);
      demo.destroyForcibly();
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, UTF_8);
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }
}
