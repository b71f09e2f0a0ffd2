package io.vudo.cli;

import io.vudo.cli.internal.Terminal;
import io.vudo.cli.internal.Vudo;

/** The {@code vudo} command. */
public final class Main {
  private Main() {}

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(new Vudo(Terminal.ofProcess()).execute(arguments));
  }
}
