package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vudo tuple read}, {@code take} and {@code count}. */
final class TupleReading {
  private static final String LABEL = "TEMPLATE";
  private static final String DESCRIPTION = "What matches, in JSON.";

  private TupleReading() {}

  /** They print tuples, or exit with 1 when there is none. */
  private abstract static class Find extends SpaceCommand {
    @Parameters(index = "1", paramLabel = LABEL, description = DESCRIPTION)
    private String template;

    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait for a tuple when none is there; not at all by default.")
    private Duration timeout = Duration.ZERO;

    @Option(names = "--all", description = "All that match, one a line; without waiting.")
    private boolean all;

    @Option(
        names = "--limit",
        paramLabel = "N",
        description = "With --all: at most so many, up to 10,000; 1,000 by default.")
    private Long limit;

    @Option(names = "--transaction", paramLabel = "ID", description = "Within this transaction.")
    private String transaction;

    Find(Terminal terminal) {
      super(terminal);
    }

    Integer find(String operation) {
      if (!all && limit != null) {
        throw usage("--limit needs --all");
      }
      if (all && !timeout.isZero()) {
        throw usage("--all and --timeout exclude each other");
      }
      ObjectNode body = Json.object();
      body.set("template", template(template));
      if (transaction != null) {
        body.put("transaction", transaction);
      }
      if (!all) {
        return printTuple(post(operation, body, timeout));
      }
      if (limit != null) {
        body.put("limit", limit);
      }
      JsonNode answer = Json.read(post(operation + "-all", body).body());
      if (isJson()) {
        print(answer);
      } else {
        answer.path("tuples").forEach(this::print);
      }
      if (answer.path("tuples").isEmpty()) {
        terminal().progress("No tuple matches.");
        return 1;
      }
      return 0;
    }
  }

  @Command(
      name = "read",
      description = "Print a tuple that matches and leave it; exit code 1 when there is none.")
  static final class Read extends Find {
    Read(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return find("read");
    }
  }

  @Command(
      name = "take",
      description = "Take a tuple that matches out and print it; exit code 1 when there is none.")
  static final class Take extends Find {
    Take(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return find("take");
    }
  }

  @Command(name = "count", description = "Print how many tuples match.")
  static final class Count extends SpaceCommand {
    @Parameters(index = "1", paramLabel = LABEL, description = DESCRIPTION)
    private String template;

    Count(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      ObjectNode body = Json.object();
      body.set("template", template(template));
      return printText(post("count", body), "count", "");
    }
  }
}
