package io.vudo.spirit;

import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.internal.turn.ProgramContext;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;

/**
 * The host of a module that runs once and without a node, as under {@code vudo run}. It offers the
 * functions of {@link SpiritAbi}: a clock, randomness, a log, and what WASI gives a program. What
 * needs other Spirits, tuples, files or sockets answers that it is denied, and the guest goes on.
 *
 * <p>For one instance. Not thread-safe.
 */
public final class ProgramHost {
  private final ProgramContext context;

  /**
   * A host.
   *
   * @param limits of which the payload's is used here
   * @param deadlineNanos {@link System#nanoTime()} at which the guest is to be stopped
   * @param arguments of the program, its name first
   * @param environment all of its environment variables
   * @param out where its standard output goes
   * @param err where its standard error and its log lines go
   * @throws IllegalArgumentException when a NUL is in an argument or variable, or a variable's name
   *     is empty or has a {@code =}
   */
  public ProgramHost(
      SpiritLimits limits,
      long deadlineNanos,
      List<String> arguments,
      Map<String, String> environment,
      PrintStream out,
      PrintStream err) {
    List<String> variables =
        environment.entrySet().stream()
            .map(variable -> variable(variable.getKey(), variable.getValue()))
            .sorted()
            .toList();
    arguments.forEach(ProgramHost::checkText);
    variables.forEach(ProgramHost::checkText);
    this.context = new ProgramContext(limits, deadlineNanos, arguments, variables, out, err);
  }

  /**
   * The function behind an import, for {@link CompiledModule#instantiate}. A call of WASI's {@code
   * proc_exit} throws {@link ProgramExit}.
   */
  public HostFunction function(AdmittedModule.Import wanted) {
    return context.bind(wanted);
  }

  private static String variable(String name, String value) {
    if (name.isEmpty() || name.indexOf('=') >= 0) {
      throw new IllegalArgumentException("No name of an environment variable: \"" + name + "\"");
    }
    return name + "=" + value;
  }

  private static void checkText(String text) {
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("A NUL is in \"" + text.replace('\0', '?') + "\"");
    }
  }
}
