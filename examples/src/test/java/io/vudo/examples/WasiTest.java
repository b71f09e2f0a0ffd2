package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engines;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Spirits that compilers built against WASI, with the standard libraries of C and of Rust. */
class WasiTest {
  private static final String[] GRANTS = {
    "grant=sensor_time", "grant=sensor_random", "grant=actuator_log"
  };

  private static final List<String> ENGINES = Engines.names();

  /** Deploys both guests for each engine, as {@code notes-jvm}. */
  private static void deploy(TestNode node, String prefix, String... grants) throws IOException {
    for (String engine : ENGINES) {
      List<String> parameters = new ArrayList<>(List.of(grants));
      parameters.add("engine=" + engine);
      for (String guest : List.of("notes", "words")) {
        node.deploy(
            prefix + guest + "-" + engine,
            Guests.prebuilt("wasi-" + guest),
            parameters.toArray(String[]::new));
      }
    }
  }

  private static void awaitLog(TestNode node, String level, String line) {
    await()
        .atMost(TestNode.PATIENCE)
        .until(() -> node.log().lines().anyMatch(l -> l.contains(level) && l.contains(line)));
  }

  @Test
  void theirStateSurvivesKillingTheNode(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory, "vudo.spirit.snapshot-every-events = 20")) {
      deploy(node, "", GRANTS);
      int turns = 50;
      Map<String, String> lists = new HashMap<>();
      for (String engine : ENGINES) {
        String notes = "notes-" + engine + "/ada";
        String words = "words-" + engine + "/ada";
        StringBuilder expected = new StringBuilder();
        for (int i = 1; i <= turns; i++) {
          assertEquals(Integer.toString(i), node.ask(notes, "add", "note " + i));
          assertEquals("w" + i % 7 + "=" + (1 + (i - 1) / 7), node.ask(words, "w", "w" + i % 7));
          expected.append(i).append(" \\d+ note ").append(i).append("\n");
        }
        lists.put(notes, node.ask(notes, "list", ""));
        assertTrue(lists.get(notes).matches(expected.toString()), lists.get(notes));
        lists.put(words, "w0=7 w1=8 w2=7 w3=7 w4=7 w5=7 w6=7");
      }
      for (int kill = 1; kill <= 2; kill++) {
        node.killAndRestart();
        lists.forEach((spirit, list) -> assertEquals(list, node.ask(spirit, "list", ""), spirit));
      }
      for (String engine : ENGINES) {
        assertEquals("51", node.ask("notes-" + engine + "/ada", "add", "one more"));
        assertEquals("w1=9", node.ask("words-" + engine + "/ada", "w", "w1"));
      }
    }
  }

  @Test
  void theirOutputIsInTheLogAndTheirEndsAreTyped(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      deploy(node, "", GRANTS);
      deploy(node, "denied-");
      for (String engine : ENGINES) {
        String notes = "notes-" + engine + "/ada";
        String words = "words-" + engine + "/ada";
        assertEquals(notes + " notes-" + engine + " " + notes, node.ask(notes, "whoami", ""));
        assertEquals("1", node.ask(notes, "add", "Grüße"));
        awaitLog(node, "INFO", notes + ": note 1: Grüße");
        assertEquals("a=1 b=1", node.ask(words, "w", "a b"));
        awaitLog(node, "INFO", words + ": 2 words known, clock runs: true, true");

        VudoException exited = node.fails(ErrorCode.GUEST_EXITED, notes, "abort", "lost");
        assertEquals("Exit code 3.", exited.detail());
        awaitLog(node, "WARN", notes + ": giving up");
        node.fails(ErrorCode.TRAP_UNREACHABLE, words, "w", "panic");
        awaitLog(node, "WARN", words + ": thread '<unnamed>' panicked at");
        // Neither left a trace.
        assertEquals("1 0 Grüße\n", node.ask(notes, "list", ""));
        assertEquals("a=1 b=1", node.ask(words, "w", ""));

        VudoException denied =
            node.fails(ErrorCode.APPLICATION_ERROR, "denied-" + notes, "add", "x");
        assertTrue(denied.detail().contains("needs sensor_time"), denied::detail);
        node.fails(ErrorCode.TRAP_UNREACHABLE, "denied-" + words, "w", "a");
      }
      aCommandIsNoSpiritAndTheErrorSaysWhatToBuild(node);
    }
  }

  private static void aCommandIsNoSpiritAndTheErrorSaysWhatToBuild(TestNode node) {
    for (String program : new String[] {"wasi-args", "wasi-sum"}) {
      VudoException refused =
          assertThrows(VudoException.class, () -> node.deploy("program", Guests.prebuilt(program)));
      assertEquals(ErrorCode.MODULE_ABI_MISSING, refused.code());
      assertTrue(refused.detail().contains("-mexec-model=reactor"), refused::detail);
      assertTrue(refused.detail().contains("cdylib"), refused::detail);
    }
  }
}
