package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Version;
import io.vudo.protocol.VudoException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The whole command line: assembles the commands and turns what they throw into exit codes. */
public final class Vudo {
  private final Terminal terminal;
  private final CommandLine commandLine;

  /** A command line in these surroundings. */
  public Vudo(Terminal terminal) {
    this.terminal = terminal;
    this.commandLine =
        new CommandLine(new Root())
            .addSubcommand(new RunCommand(terminal))
            .addSubcommand(new InspectCommand(terminal))
            .addSubcommand(new NodeCommand(terminal))
            .addSubcommand(new DeployCommand(terminal))
            .addSubcommand(new SwapCommand(terminal))
            .addSubcommand(new AskCommand(terminal))
            .addSubcommand(new TellCommand(terminal))
            .addSubcommand(ProcessCommand.assemble(terminal))
            .addSubcommand(GhostCommand.assemble(terminal))
            .addSubcommand(new MigrateCommand(terminal))
            .addSubcommand(new SpiritsCommand(terminal))
            .addSubcommand(new HistoryCommand(terminal))
            .addSubcommand(new ReplayCommand(terminal))
            .addSubcommand(new ForkCommand(terminal))
            .addSubcommand(StateCommand.assemble(terminal))
            .addSubcommand(new RestartCommand(terminal))
            .addSubcommand(DeadLettersCommand.assemble(terminal))
            .addSubcommand(new StatusCommand(terminal))
            .addSubcommand(new TopCommand(terminal))
            .addSubcommand(new DrainCommand(terminal))
            .addSubcommand(new ResumeCommand(terminal))
            .addSubcommand(new LeaveCommand(terminal))
            .addSubcommand(new RollCommand(terminal))
            .addSubcommand(new ExportCommand(terminal))
            .addSubcommand(new ImportCommand(terminal))
            .addSubcommand(TupleCommand.assemble(terminal))
            .addSubcommand(TokenCommand.assemble(terminal))
            .addSubcommand(new DemoCommand(terminal))
            .addSubcommand(new ErrorsCommand(terminal))
            .addSubcommand(new CommandLine.HelpCommand());
    // Negative numbers are arguments of a function; RunCommand refuses what is neither.
    commandLine.getSubcommands().get("run").setUnmatchedOptionsArePositionalParams(true);
    commandLine
        .setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8))
        .setColorScheme(
            Help.defaultColorScheme(terminal.errIsColoured() ? Help.Ansi.ON : Help.Ansi.OFF))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(terminal.outIsTerminal())
        .setExecutionExceptionHandler((failure, command, parsed) -> failed(failure, command))
        .setParameterExceptionHandler(this::wrongUsage);
  }

  /** Runs a command; answers 0 (done), 1 (failed) or 2 (called wrongly). */
  public int execute(String... arguments) {
    int exitCode = commandLine.execute(arguments);
    terminal.out().flush();
    terminal.err().flush();
    return exitCode;
  }

  private int failed(Exception thrown, CommandLine command) {
    CommandFailure failure;
    if (thrown instanceof ParameterException wrong) {
      return wrongUsage(wrong, new String[0], command.getCommand());
    } else if (thrown instanceof CommandFailure known) {
      failure = known;
    } else if (thrown instanceof VudoException typed) {
      failure = CommandFailure.of(typed);
    } else {
      failure = CommandFailure.ofFault(thrown);
    }
    terminal.out().flush();
    if (command.getCommand() instanceof VudoCommand asked && asked.isJson()) {
      terminal.err().println(new String(Json.write(failure.toJson()), StandardCharsets.UTF_8));
    } else {
      failure.print(terminal);
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private int wrongUsage(ParameterException wrong, String[] arguments) {
    return wrongUsage(wrong, arguments, null);
  }

  private int wrongUsage(ParameterException wrong, String[] arguments, Object command) {
    String usage = wrong.getCommandLine().getCommandSpec().qualifiedName();
    boolean json =
        command instanceof VudoCommand asked ? asked.isJson() : asksForJson(List.of(arguments));
    if (json) {
      ObjectNode node =
          Json.object()
              .put("code", "USAGE")
              .put("title", "The command was called wrongly.")
              .put("detail", wrong.getMessage())
              .put("fix", "See " + usage + " --help.");
      terminal.err().println(new String(Json.write(node), StandardCharsets.UTF_8));
    } else {
      PrintWriter err = wrong.getCommandLine().getErr();
      err.println(terminal.red("error") + ": " + wrong.getMessage());
      UnmatchedArgumentException.printSuggestions(wrong, err);
      err.println("  fix: see " + usage + " --help");
    }
    return CommandLine.ExitCode.USAGE;
  }

  /** Parsing failed, so the option may not have been reached. */
  private static boolean asksForJson(List<String> arguments) {
    int option = arguments.indexOf("--format");
    return arguments.contains("--format=json")
        || (option >= 0
            && option + 1 < arguments.size()
            && arguments.get(option + 1).equalsIgnoreCase("json"));
  }

  @Command(
      name = "vudo",
      mixinStandardHelpOptions = true,
      versionProvider = VersionText.class,
      synopsisSubcommandLabel = "COMMAND",
      description = "Run WebAssembly modules as durable actors.",
      footer = {
        "",
        "Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 called"
            + " wrongly.",
        "Environment: VUDO_NODE (the node's URL), VUDO_TOKEN, VUDO_TOKEN_FILE, VUDO_CA_FILE,"
            + " VUDO_CLIENT_CERTIFICATE, VUDO_CLIENT_KEY, VUDO_JAVA_OPTS, NO_COLOR."
      })
  private static final class Root implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(
          spec.commandLine(),
          "A command is missing; there are "
              + String.join(", ", spec.subcommands().keySet())
              + ".");
    }
  }

  /** What {@code vudo --version} prints. */
  static final class VersionText implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return Arrays.asList(
              "vudo " + Version.text(),
              "Java " + Runtime.version() + ", " + System.getProperty("os.name"))
          .toArray(String[]::new);
    }
  }
}
