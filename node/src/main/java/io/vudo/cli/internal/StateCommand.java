package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.SpiritId;
import java.time.Duration;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vudo state}: the states that a Spirit had. */
@Command(name = "state", description = "Compare the states that a Spirit had.")
final class StateCommand implements Runnable {
  @Spec private CommandSpec spec;

  @SuppressWarnings("UnusedVariable") // Picocli reads it.
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  private StateCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new StateCommand()).addSubcommand(new Diff(terminal));
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "A command is missing; there is diff.");
  }

  @Command(
      name = "diff",
      description = "Show which pages of memory, globals and tables changed between two turns.")
  static final class Diff extends VudoCommand {
    @Mixin private NodeOption node;

    @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
    private String spirit;

    @Parameters(index = "1", paramLabel = "A", description = "After this turn.")
    private long from;

    @Parameters(index = "2", paramLabel = "B", description = "And after this one.")
    private long to;

    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait; 10min by default.")
    private Duration timeout = Duration.ofMinutes(10);

    Diff(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      SpiritId id = SpiritId.parse(spirit);
      JsonNode answer =
          Json.read(
              node.client(this)
                  .get("/v1/spirits/" + id + "/diff?from=" + from + "&to=" + to, timeout)
                  .body());
      if (isJson()) {
        print(answer);
        return 0;
      }
      long before = answer.path("from").path("memoryBytes").asLong();
      long after = answer.path("to").path("memoryBytes").asLong();
      if (before != after) {
        print("memory     from " + before + " to " + after + " bytes");
      }
      for (JsonNode page : answer.path("pages")) {
        print(
            "page       "
                + page.path("page").asText()
                + ": "
                + page.path("changedBytes").asText()
                + " bytes, the first at "
                + String.format("0x%08x", page.path("firstOffset").asLong()));
      }
      for (JsonNode global : answer.path("globals")) {
        print(
            "global     "
                + global.path("global").asText()
                + ": from "
                + global.path("from").asText()
                + " to "
                + global.path("to").asText());
      }
      for (JsonNode table : answer.path("tables")) {
        print(
            "table      "
                + table.path("table").asText()
                + ": "
                + table.path("changedEntries").asText()
                + " entries; it had "
                + table.path("entriesFrom").asText()
                + " and has "
                + table.path("entriesTo").asText());
      }
      print(
          answer.path("equal").asBoolean()
              ? "The states are equal."
              : answer.path("pages").size()
                  + " pages, "
                  + answer.path("globals").size()
                  + " globals, "
                  + answer.path("tables").size()
                  + " tables differ.");
      return 0;
    }
  }
}
