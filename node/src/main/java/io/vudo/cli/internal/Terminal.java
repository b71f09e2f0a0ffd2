package io.vudo.cli.internal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * What surrounds a command: its streams, its environment, and whether somebody is looking.
 *
 * @param in standard input
 * @param out for data
 * @param err for everything else
 * @param environment the environment variables
 * @param outIsTerminal whether {@code out} is a terminal and no pipe or file
 * @param errIsTerminal whether {@code err} is
 */
public record Terminal(
    InputStream in,
    PrintStream out,
    PrintStream err,
    Map<String, String> environment,
    boolean outIsTerminal,
    boolean errIsTerminal) {
  private static final String BOLD_RED = "\u001b[1;31m";
  private static final String BOLD = "\u001b[1m";
  private static final String RESET = "\u001b[0m";

  /** Those of this process. UTF-8 whatever the locale says: what is printed is data. */
  public static Terminal ofProcess() {
    return new Terminal(
        new FileInputStream(FileDescriptor.in),
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8),
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
        System.getenv(),
        isTerminal("vudo.stdout.terminal"),
        isTerminal("vudo.stderr.terminal"));
  }

  /** Java cannot ask this of one stream alone, so the launcher does and says so. */
  private static boolean isTerminal(String property) {
    return Boolean.getBoolean(property);
  }

  /** Whether stderr may be coloured. */
  boolean errIsColoured() {
    return errIsTerminal
        && environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !"dumb".equals(environment.get("TERM"));
  }

  String red(String text) {
    return errIsColoured() ? BOLD_RED + text + RESET : text;
  }

  String bold(String text) {
    return errIsColoured() ? BOLD + text + RESET : text;
  }

  /** A line of progress for somebody who looks; nothing otherwise. */
  void progress(String line) {
    if (errIsTerminal) {
      err.println(line);
    }
  }
}
