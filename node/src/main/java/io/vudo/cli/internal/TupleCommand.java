package io.vudo.cli.internal;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vudo tuple}: the operations on a space. */
final class TupleCommand {
  private TupleCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new Group())
        .addSubcommand(new TupleWriting.Write(terminal))
        .addSubcommand(new TupleReading.Read(terminal))
        .addSubcommand(new TupleReading.Take(terminal))
        .addSubcommand(new TupleReading.Count(terminal))
        .addSubcommand(new TupleWriting.Swap(terminal))
        .addSubcommand(new TupleWriting.Renew(terminal))
        .addSubcommand(new TupleWriting.CancelLease(terminal))
        .addSubcommand(new TupleCoordination.Watch(terminal))
        .addSubcommand(new TupleCoordination.Barrier(terminal))
        .addSubcommand(new TupleCoordination.Begin(terminal))
        .addSubcommand(new TupleCoordination.Commit(terminal))
        .addSubcommand(new TupleCoordination.Abort(terminal));
  }

  @Command(
      name = "tuple",
      mixinStandardHelpOptions = true,
      synopsisSubcommandLabel = "COMMAND",
      description = {
        "Work with a space of the tuplespace.",
        "",
        "A tuple is a JSON array. A template is one too, in which a field may be {\"?\": \"any\"}, a"
            + " type {\"?\": \"string\"}, a predicate {\"?\": [\">\", 10]}, or a template again. The"
            + " operators are =, !=, <, <=, >, >=, in (one of the values of an array) and startsWith."
      })
  private static final class Group implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(
          spec.commandLine(),
          "An operation is missing; there are "
              + String.join(", ", spec.subcommands().keySet())
              + ".");
    }
  }
}
