package io.vudo.cli;

import static io.vudo.cli.CommandRun.vudo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the command line says of itself, and to who calls it wrongly. */
class UsageTest {

  @Test
  void noCommandListsThoseThereAre() {
    assertTrue(vudo().assertWrongUsage().contains("deploy"));
    assertTrue(vudo("tuple").assertWrongUsage().contains("take"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "depoly",
        "run",
        "inspect",
        "ask",
        "tell",
        "deploy x.wasm",
        "tuple burn jobs [1]",
        "tuple read jobs",
        "node --port high",
        "status extra",
        "status --node nowhere",
        "status --node ftp://127.0.0.1",
        "status --nod http://127.0.0.1:1",
        "ask a/b c d",
        "ask a/b payload --file x",
        "ask a/b --timeout 30",
        "process",
        "process call",
        "process list more",
        "errors NO_SUCH_CODE",
      })
  void wrongUsageExitsWithTwoAndSaysWhereToLook(String line) {
    String err = vudo(line.split(" ")).assertWrongUsage();
    assertTrue(err.contains("--help"), err);
    assertTrue(err.lines().count() <= 4, err);
  }

  @Test
  void aMisspeltCommandIsGuessed() {
    assertTrue(vudo("depoly").err().contains("deploy"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "run --help",
        "inspect -h",
        "node --help",
        "deploy --help",
        "ask --help",
        "tell --help",
        "spirits --help",
        "status --help",
        "tuple --help",
        "tuple take --help",
        "demo --help",
        "errors --help",
        "help",
        "help deploy",
      })
  void helpIsDataAndNoFailure(String line) {
    CommandRun help = vudo(line.split(" "));
    assertEquals("0 ", help.exitCode() + " " + help.err());
    assertTrue(help.out().startsWith("Usage: vudo"), help.out());
  }

  @Test
  void theVersionIsTheBuilds() {
    CommandRun version = vudo("--version");
    assertEquals(0, version.exitCode());
    assertTrue(version.out().matches("(?s)vudo \\d+\\.\\d+\\.\\d+.*Java .*"), version.out());
  }

  @Test
  void anErrorCodeIsExplained() {
    vudo("errors", "mailbox_full")
        .assertPrinted(
            "MAILBOX_FULL (HTTP 429): "
                + ErrorCode.MAILBOX_FULL.summary()
                + "\n  fix: "
                + ErrorCode.MAILBOX_FULL.fix()
                + "\n");
    assertEquals(
        ErrorCode.values().length, vudo("errors", "--format", "json").json().path("errors").size());
  }
}
