package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Spirits that compilers built against WASI, with the standard libraries of C and of Rust. */
@ParameterizedClass
@MethodSource("io.vudo.spirit.Engines#names")
class WasiTest {
  @Parameter private String engine;

  private void deploy(TestNode node) throws IOException {
    String[] parameters = {
      "engine=" + engine, "grant=sensor_time", "grant=sensor_random", "grant=actuator_log"
    };
    node.deploy("notes", Guests.prebuilt("wasi-notes"), parameters);
    node.deploy("words", Guests.prebuilt("wasi-words"), parameters);
  }

  private static void awaitLog(TestNode node, String level, String line) {
    await()
        .atMost(TestNode.PATIENCE)
        .until(() -> node.log().lines().anyMatch(l -> l.contains(level) && l.contains(line)));
  }

  @Test
  void theirStateSurvivesKillingTheNode(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory, "vudo.spirit.snapshot-every-events = 20")) {
      deploy(node);
      int turns = 50;
      StringBuilder notes = new StringBuilder();
      for (int i = 1; i <= turns; i++) {
        assertEquals(Integer.toString(i), node.ask("notes/ada", "add", "note " + i));
        assertEquals("w" + i % 7 + "=" + (1 + (i - 1) / 7), words(node, i));
        notes.append(i).append(" \\d+ note ").append(i).append("\n");
      }
      String before = node.ask("notes/ada", "list", "");
      assertTrue(before.matches(notes.toString()), before);
      String counts = node.ask("words/ada", "count", "");
      assertEquals("w0=7 w1=8 w2=7 w3=7 w4=7 w5=7 w6=7", counts);

      for (int kill = 1; kill <= 2; kill++) {
        node.killAndRestart();
        assertEquals(before, node.ask("notes/ada", "list", ""), "texts and times");
        assertEquals(counts, node.ask("words/ada", "count", ""));
      }
      assertEquals(Integer.toString(turns + 1), node.ask("notes/ada", "add", "one more"));
      assertEquals("w1=9", words(node, 1));
    }
  }

  private static String words(TestNode node, int i) {
    return node.ask("words/ada", "count", "w" + i % 7);
  }

  @Test
  void theirOutputIsInTheLogAndTheirEndsAreTyped(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      deploy(node);
      assertEquals("notes/ada notes notes/ada", node.ask("notes/ada", "whoami", ""));
      assertEquals("1", node.ask("notes/ada", "add", "Grüße"));
      awaitLog(node, "INFO", "notes/ada: note 1: Grüße");
      assertEquals("a=1 b=1", node.ask("words/ada", "count", "a b"));
      awaitLog(node, "INFO", "words/ada: 2 words known, clock runs: true, true");

      VudoException exited = node.fails(ErrorCode.GUEST_EXITED, "notes/ada", "abort", "lost");
      assertEquals("Exit code 3.", exited.detail());
      awaitLog(node, "WARN", "notes/ada: giving up");
      node.fails(ErrorCode.TRAP_UNREACHABLE, "words/ada", "count", "panic");
      awaitLog(node, "WARN", "panicked at");
      // Neither left a trace.
      assertEquals("1 0 Grüße\n", node.ask("notes/ada", "list", ""));
      assertEquals("a=1 b=1", node.ask("words/ada", "count", ""));
    }
  }

  @Test
  void withoutCapabilitiesTheyFailAndTheNodeDoesNot(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("notes", Guests.prebuilt("wasi-notes"), "engine=" + engine);
      node.deploy("words", Guests.prebuilt("wasi-words"), "engine=" + engine);
      VudoException denied = node.fails(ErrorCode.APPLICATION_ERROR, "notes/ada", "add", "x");
      assertTrue(denied.detail().contains("needs sensor_time"), denied::detail);
      node.fails(ErrorCode.TRAP_UNREACHABLE, "words/ada", "count", "a");
      assertEquals("notes/ada notes notes/ada", node.ask("notes/ada", "whoami", ""));
    }
  }

  @Test
  void aCommandIsNoSpiritAndTheErrorSaysWhatToBuild(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      for (String program : new String[] {"wasi-args", "wasi-sum"}) {
        VudoException refused =
            assertThrows(
                VudoException.class, () -> node.deploy("program", Guests.prebuilt(program)));
        assertEquals(ErrorCode.MODULE_ABI_MISSING, refused.code());
        assertTrue(refused.detail().contains("-mexec-model=reactor"), refused::detail);
        assertTrue(refused.detail().contains("cdylib"), refused::detail);
      }
    }
  }
}
