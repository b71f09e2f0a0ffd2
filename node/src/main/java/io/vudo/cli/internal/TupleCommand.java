package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vudo tuple}: one class an operation, and what they share. */
final class TupleCommand {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final int NO_CONTENT = 204;

  private TupleCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new Group())
        .addSubcommand(new Write(terminal))
        .addSubcommand(new Read(terminal))
        .addSubcommand(new Take(terminal))
        .addSubcommand(new Count(terminal));
  }

  @Command(
      name = "tuple",
      mixinStandardHelpOptions = true,
      synopsisSubcommandLabel = "write|read|take|count",
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
          spec.commandLine(), "An operation is missing; there are write, read, take, count.");
    }
  }

  /** A command on one space with one JSON argument. */
  private abstract static class OnSpace extends VudoCommand {
    @Mixin private NodeOption node;

    @Parameters(index = "0", paramLabel = "SPACE", description = "The space's name.")
    private String space;

    @Parameters(index = "1", paramLabel = "JSON", description = "The tuple or template.")
    private String json;

    OnSpace(Terminal terminal) {
      super(terminal);
    }

    HttpResponse<byte[]> post(String operation, String member, ObjectNode body) {
      return post(operation, member, body, Duration.ZERO);
    }

    HttpResponse<byte[]> post(String operation, String member, ObjectNode body, Duration wait) {
      JsonNode value;
      try {
        value = Json.read(json.getBytes(StandardCharsets.UTF_8));
      } catch (VudoException e) {
        throw new VudoException(
            member.equals("tuple") ? ErrorCode.TUPLE_INVALID : ErrorCode.TEMPLATE_INVALID,
            e.detail(),
            e);
      }
      body.set(member, value);
      return node.client(this)
          .postJson(
              "/v1/spaces/" + URLEncoder.encode(space, StandardCharsets.UTF_8) + "/" + operation,
              wait.isZero() ? Map.of() : Map.of("X-Vudo-Timeout", wait.toMillis() + "ms"),
              body,
              TIMEOUT.plus(wait));
    }
  }

  @Command(name = "write", description = "Write a tuple.")
  private static final class Write extends OnSpace {
    @Option(
        names = "--ttl",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "For how long; for ever by default.")
    private Duration ttl = Duration.ZERO;

    Write(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      post("write", "tuple", Json.object().put("ttlMillis", ttl.toMillis()));
      if (isJson()) {
        print(Json.object().put("written", 1));
      }
      return 0;
    }
  }

  /** Read and take: they print a tuple, or exit with 1 when there is none. */
  private abstract static class Find extends OnSpace {
    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait for a tuple when none is there; not at all by default.")
    private Duration timeout = Duration.ZERO;

    Find(Terminal terminal) {
      super(terminal);
    }

    Integer find(String operation) {
      HttpResponse<byte[]> response = post(operation, "template", Json.object(), timeout);
      if (response.statusCode() == NO_CONTENT) {
        // Like grep: nothing found is no error, and yet a script can tell.
        terminal().progress("No tuple matches.");
        if (isJson()) {
          print(Json.object().putNull("tuple"));
        }
        return 1;
      }
      JsonNode answer = Json.read(response.body());
      print(isJson() ? answer : answer.path("tuple"));
      return 0;
    }
  }

  @Command(
      name = "read",
      description = "Print a tuple that matches and leave it; exit code 1 when there is none.")
  private static final class Read extends Find {
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
  private static final class Take extends Find {
    Take(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return find("take");
    }
  }

  @Command(name = "count", description = "Print how many tuples match.")
  private static final class Count extends OnSpace {
    Count(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      JsonNode answer = Json.read(post("count", "template", Json.object()).body());
      if (isJson()) {
        print(answer);
      } else {
        print(answer.path("count").asText());
      }
      return 0;
    }
  }
}
