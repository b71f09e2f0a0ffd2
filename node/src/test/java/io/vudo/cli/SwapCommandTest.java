package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.NodeFixture;
import io.vudo.node.SwapModules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** {@code vudo swap} against a real node. */
class SwapCommandTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  @TempDir static Path directory;

  private static CommandRun vudo(String... arguments) {
    return CommandRun.of(Map.of("VUDO_NODE", NODE.uri().toString()), false, "", arguments);
  }

  private static CommandRun swap(String type, byte[] module, String... options) throws IOException {
    Path file = Files.write(Files.createTempFile(directory, "module", ".wasm"), module);
    List<String> words = new ArrayList<>(List.of("swap", type, "--to", file.toString()));
    words.addAll(List.of(options));
    return vudo(words.toArray(String[]::new));
  }

  @Test
  void tellsWhatItDid() throws IOException {
    NODE.deploy("told", SwapModules.first());
    NODE.ask("told/a", "add", "5").assertReply("5");
    NODE.ask("told/b", "add", "1").assertReply("1");
    CommandRun run = swap("told", SwapModules.same());
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(
        run.out()
            .matches(
                """
                0 of 4 turns of 2 Spirits end otherwise
                told revision \\d+ sha256:[0-9a-f]{64}, before sha256:[0-9a-f]{64}
                2 moved, 0 stay, 0 at work, 0 move before their next turn
                """),
        run.out());
    CommandRun history = vudo("history", "told/a");
    assertTrue(
        history.out().matches("(?s).*\\(swap\\) .* went over to [0-9a-f]{12}, memory kept\n"),
        history.out());
    JsonNode back = CommandRun.json(vudo("swap", "told", "--rollback", "--format", "json").out());
    assertTrue(back.path("swapped").asBoolean(), back.toString());
    assertEquals(2, back.path("progress").path("moved").asInt(), back.toString());
    NODE.ask("told/a", "get", "").assertReply("5");
  }

  @Test
  void showsDifferencesAndChangesNothing() throws IOException {
    NODE.deploy("other", SwapModules.first());
    NODE.ask("other/a", "add", "5").assertReply("5");
    String expected =
        """
        other/a turn 2 (add): the reply differs; recorded: "5"; now: "10"
        1 of 2 turns of 1 Spirit end otherwise
        """;
    CommandRun refused = swap("other", SwapModules.doubling());
    assertEquals(1, refused.exitCode());
    assertEquals(expected, refused.out());
    assertTrue(refused.err().startsWith("error[SWAP_DIFFERENCES]"), refused.err());
    CommandRun dry = swap("other", SwapModules.doubling(), "--dry-run");
    assertEquals("exit 1\n" + expected, "exit " + dry.exitCode() + "\n" + dry.out() + dry.err());
    CommandRun json = swap("other", SwapModules.doubling(), "--format", "json");
    assertEquals(1, json.exitCode());
    assertEquals("", json.out());
    assertEquals(
        1, CommandRun.json(json.err()).path("check").path("differing").asInt(), json.err());
    NODE.ask("other/a", "add", "1").assertReply("6");
    assertEquals(0, swap("other", SwapModules.doubling(), "--accept-differences").exitCode());
    NODE.ask("other/a", "add", "1").assertReply("8");
    assertEquals(0, swap("other", SwapModules.doubling(), "--dry-run", "--check=1").exitCode());
  }

  @Test
  void tellsWhoStays() throws IOException {
    NODE.deploy("staying", SwapModules.first());
    NODE.ask("staying/a", "add", "5").assertReply("5");
    CommandRun refused = swap("staying", SwapModules.otherLayout());
    assertEquals(1, refused.exitCode());
    assertTrue(refused.out().startsWith("staying/a would stay: SWAP_INCOMPATIBLE "), refused.out());
    assertTrue(refused.err().startsWith("error[SWAP_INCOMPATIBLE]"), refused.err());
    CommandRun done = swap("staying", SwapModules.otherLayout(), "--accept-differences");
    assertEquals(1, done.exitCode());
    assertTrue(
        done.out()
            .contains(
                "0 moved, 1 stay, 0 at work, 0 move before their next turn\n"
                    + "  staying/a stays: SWAP_INCOMPATIBLE "),
        done.out());
    assertTrue(done.err().contains("1 Spirit left on the module before"), done.err());
    assertTrue(vudo("spirits").out().matches("(?s).*staying/a .* stays: SWAP_INCOMPATIBLE\n.*"));
    CommandRun history = vudo("history", "staying/a");
    assertTrue(history.out().contains("(swap)"), history.out());
    assertTrue(history.out().contains("SWAP_INCOMPATIBLE"), history.out());
  }

  @Test
  void whatIsAskedWronglyIsTold() throws IOException {
    NODE.deploy("asked", SwapModules.first());
    assertFalse(vudo("swap", "asked").assertWrongUsage().isEmpty());
    vudo("swap", "asked", "--rollback", "--to", "x.wasm").assertWrongUsage();
    vudo("swap", "asked", "--to", "no-such.wasm").assertFailed("REQUEST_INVALID");
    vudo("swap", "asked", "--rollback").assertFailed("SWAP_NO_PREVIOUS");
    swap("nobody", SwapModules.same()).assertFailed("SPIRIT_TYPE_UNKNOWN");
  }
}
