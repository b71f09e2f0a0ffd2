package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.VudoException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vudo process}: one class an operation. */
final class ProcessCommand {
  private ProcessCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new Group())
        .addSubcommand(new Listing(terminal))
        .addSubcommand(new Call(terminal));
  }

  @Command(
      name = "process",
      mixinStandardHelpOptions = true,
      synopsisSubcommandLabel = "[list|call]",
      description = {
        "Call by dotted names: functions of Loa, scripts, Spirits.",
        "",
        "vudo process list",
        "vudo process call prices.of '{\"article\":\"cup\",\"pieces\":2}'"
      })
  private static final class Group implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(
          spec.commandLine(), "An operation is missing; there are list and call.");
    }
  }

  @Command(
      name = "list",
      description = {
        "List what the node's Java code answers to, and its scripts.",
        "",
        "Every Spirit type that is deployed answers, too: vudo status shows them."
      })
  private static final class Listing extends VudoCommand {
    @Mixin private NodeOption node;

    Listing(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      JsonNode answer = Json.read(node.client(this).get("/v1/process").body());
      if (isJson()) {
        print(answer);
        return 0;
      }
      if (answer.path("names").isEmpty()) {
        terminal().progress("Nothing is registered, and there are no scripts.");
        return 0;
      }
      Table table = new Table("NAME", "KIND", "DETAIL");
      for (JsonNode name : answer.path("names")) {
        table.row(name.path("name").asText(), name.path("kind").asText(), detail(name));
      }
      table.lines().forEach(this::print);
      return 0;
    }

    /** A Loa's version, what an alias stands for, or a script's file and what is wrong with it. */
    private static String detail(JsonNode name) {
      List<String> parts = new ArrayList<>();
      for (String member : List.of("version", "for", "file")) {
        if (name.has(member)) {
          parts.add(name.path(member).asText());
        }
      }
      JsonNode problem = name.path("problem");
      if (!problem.isMissingNode()) {
        parts.add(
            (name.path("serves").asBoolean() ? "goes on as it was, " : "does not answer, ")
                + problem.path("code").asText()
                + ": "
                + problem.path("detail").asText());
      }
      return String.join("  ", parts);
    }
  }

  @Command(
      name = "call",
      description = {
        "Call what stands behind a name and print its result.",
        "",
        "Each ARG is one argument, as JSON: 3, '\"a text\"', '{\"article\":\"cup\"}'. A result of"
            + " Java code is JSON. A Spirit gets an array of the arguments; what it replies is"
            + " printed as vudo ask does."
      })
  private static final class Call extends VudoCommand {
    private static final int NO_CONTENT = 204;

    @Mixin private NodeOption node;

    @Parameters(
        index = "0",
        paramLabel = "NAME",
        description = "GROUP.NAME.FUNCTION or TYPE/ID.FUNCTION.")
    private String name;

    @Parameters(
        index = "1",
        arity = "0..*",
        paramLabel = "ARG",
        description = "The arguments, each as JSON.")
    private List<String> arguments = List.of();

    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait; 30s by default.")
    private Duration timeout = Duration.ofSeconds(30);

    @Option(
        names = "--idempotency-key",
        paramLabel = "KEY",
        description = "Calls with the same key are one: of a Spirit, or at the same node.")
    private String idempotencyKey;

    Call(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      ProcessName checked = ProcessName.parse(name);
      Map<String, String> headers = new LinkedHashMap<>();
      headers.put("X-Vudo-Timeout", timeout.toMillis() + "ms");
      if (idempotencyKey != null) {
        headers.put("Idempotency-Key", idempotencyKey);
      }
      HttpResponse<byte[]> response =
          node.client(this).postJson("/v1/process/" + checked, headers, arguments(), timeout);
      if (isJson()) {
        print(toJson(response));
      } else {
        ReplyText.print(terminal(), response.body());
      }
      return 0;
    }

    private ArrayNode arguments() {
      ArrayNode all = Json.MAPPER.createArrayNode();
      for (String argument : arguments) {
        try {
          all.add(Json.read(argument.getBytes(StandardCharsets.UTF_8)));
        } catch (VudoException e) {
          throw new VudoException(
              ErrorCode.ARGUMENT_INVALID,
              argument + " is no JSON (a text is '\"" + argument + "\"'): " + e.detail(),
              e);
        }
      }
      return all;
    }

    /** A Spirit may reply what is no JSON; then there are only its bytes. */
    private static ObjectNode toJson(HttpResponse<byte[]> response) {
      ObjectNode node = Json.object();
      if (response.statusCode() == NO_CONTENT) {
        return node.putNull("result").putNull("resultBase64");
      }
      byte[] bytes = response.body();
      try {
        node.set("result", Json.read(bytes));
      } catch (VudoException noJson) {
        node.putNull("result");
      }
      return node.put("resultBase64", Base64.getEncoder().encodeToString(bytes));
    }
  }
}
