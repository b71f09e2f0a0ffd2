package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.cli.internal.Terminal;
import io.vudo.cli.internal.Vudo;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** One run of the command line in this JVM: its exit code and what it printed. */
record CommandRun(int exitCode, String out, String err) {

  /** Runs a command whose output goes to pipes. */
  static CommandRun vudo(String... arguments) {
    return of(Map.of(), false, "", arguments);
  }

  /**
   * Runs a command.
   *
   * @param environment the environment variables
   * @param terminal whether somebody looks at both streams
   * @param input what it reads
   */
  static CommandRun of(
      Map<String, String> environment, boolean terminal, String input, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        new Vudo(
                new Terminal(
                    new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                    new PrintStream(out, false, StandardCharsets.UTF_8),
                    new PrintStream(err, true, StandardCharsets.UTF_8),
                    environment,
                    terminal,
                    terminal))
            .execute(arguments);
    return new CommandRun(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Asserts that it did what was asked, printed this, and was silent otherwise. */
  void assertPrinted(String expected) {
    assertEquals("exit 0\n" + expected, "exit " + exitCode + "\n" + out + err);
  }

  /** Asserts that it failed with this code, which it told on stderr alone, and answers that. */
  String assertFailed(String code) {
    assertEquals(1, exitCode, err);
    assertEquals("", out);
    assertEquals("error[" + code + "]", err.substring(0, Math.max(0, err.indexOf(':'))), err);
    return err;
  }

  /** Asserts that it was called wrongly, which it told on stderr alone, and answers that. */
  String assertWrongUsage() {
    assertEquals(2, exitCode, err);
    assertEquals("", out);
    assertEquals("error: ", err.substring(0, Math.min(7, err.length())), err);
    return err;
  }

  JsonNode json() {
    return json(out);
  }

  static JsonNode json(String text) {
    try {
      return new ObjectMapper().readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(text, e);
    }
  }
}
