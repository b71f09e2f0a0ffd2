package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vudo tuple watch}, {@code barrier}, {@code begin}, {@code commit} and {@code abort}. */
final class TupleCoordination {
  private TupleCoordination() {}

  @Command(
      name = "watch",
      description = {
        "Print what happens to the tuples that match, as it happens: added, removed, expired; or"
            + " missed, when changes may have got lost.",
        "",
        "With --format json it is one object a line."
      })
  static final class Watch extends SpaceCommand {
    @Parameters(index = "1", paramLabel = "TEMPLATE", description = "What matches, in JSON.")
    private String template;

    @Option(
        names = "--count",
        paramLabel = "N",
        description = "End after so many lines; when interrupted by default.")
    private Long count;

    private long printed;

    Watch(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      if (count != null && count < 1) {
        throw usage("--count takes 1 or more");
      }
      ObjectNode body = Json.object();
      body.set("template", template(template));
      client().watch(path("watch"), body, this::print);
      return 0;
    }

    private boolean print(String change, String data) {
      JsonNode tuple = Json.read(data.getBytes(StandardCharsets.UTF_8));
      if (isJson()) {
        print(Json.object().put("change", change).set("tuple", tuple));
      } else {
        print(tuple.isNull() ? change : change + " " + data);
      }
      terminal().out().flush();
      printed++;
      return count == null || printed < count;
    }
  }

  @Command(
      name = "barrier",
      description =
          "Wait until as many have arrived at a barrier as it waits for, and print in which place"
              + " this one came; exit code 1 when the time was over first.")
  static final class Barrier extends SpaceCommand {
    @Parameters(index = "1", paramLabel = "NAME", description = "The barrier.")
    private String name;

    @Parameters(
        index = "2",
        paramLabel = "PARTIES",
        description = "How many have to arrive; all name the same number.")
    private long parties;

    @Option(
        names = "--party",
        paramLabel = "ID",
        description = "A name for this arrival: repeated, it is the same one.")
    private String party;

    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait; 30s by default.")
    private Duration timeout = Duration.ofSeconds(30);

    Barrier(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      ObjectNode body = Json.object().put("name", name).put("parties", parties);
      if (party != null) {
        body.put("party", party);
      }
      return printText(post("barrier", body, timeout), "place", "The others did not come.");
    }
  }

  @Command(
      name = "begin",
      description = "Begin a transaction over the space, and print its id for --transaction.")
  static final class Begin extends SpaceCommand {
    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "After which it is aborted by itself; 1min by default.")
    private Duration timeout = Duration.ofMinutes(1);

    Begin(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return printText(
          post("begin", Json.object().put("timeoutMillis", timeout.toMillis())), "transaction", "");
    }
  }

  /** Ends a transaction. */
  private abstract static class End extends SpaceCommand {
    @Parameters(index = "1", paramLabel = "ID", description = "What begin printed.")
    private String transaction;

    End(Terminal terminal) {
      super(terminal);
    }

    Integer end(String how, String member) {
      post(how, Json.object().put("transaction", transaction));
      return done(member);
    }
  }

  @Command(name = "commit", description = "Let all of a transaction happen.")
  static final class Commit extends End {
    Commit(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return end("commit", "committed");
    }
  }

  @Command(name = "abort", description = "Let nothing of a transaction happen.")
  static final class Abort extends End {
    Abort(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return end("abort", "aborted");
    }
  }
}
