package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vudo ghost}: one class an operation. */
final class GhostCommand {
  private GhostCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new Group())
        .addSubcommand(new Run(terminal))
        .addSubcommand(new Show(terminal));
  }

  @Command(
      name = "ghost",
      mixinStandardHelpOptions = true,
      synopsisSubcommandLabel = "[run|show]",
      description = {
        "Run compositions of Spirits, durably.",
        "",
        "vudo ghost run price.toml --member calc=calc/a --member tax=tax/de --input quantity=3",
        "vudo ghost show order-17"
      })
  private static final class Group implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(
          spec.commandLine(), "An operation is missing; there are run and show.");
    }
  }

  private abstract static class OfRun extends VudoCommand {
    @Mixin private NodeOption node;

    OfRun(Terminal terminal) {
      super(terminal);
    }

    NodeClient client() {
      return node.client(this);
    }

    /** Fails as the run did. */
    void throwFailure(JsonNode run) {
      JsonNode failure = run.path("failure");
      if (!failure.isMissingNode()) {
        throw new CommandFailure(
            failure.path("code").asText(),
            failure.path("title").asText(),
            failure.path("detail").asText(),
            failure.path("fix").asText());
      }
    }
  }

  @Command(
      name = "run",
      description = {
        "Run a Ghost and print its result.",
        "",
        "It runs on without this command: when it is not done in time, the command ends with exit"
            + " code 1 and says under which key it runs. The same key again waits for the same run."
      })
  private static final class Run extends OfRun {
    @Parameters(index = "0", paramLabel = "FILE", description = "Its declaration in TOML.")
    private Path file;

    @Option(
        names = "--member",
        paramLabel = "NAME=TYPE/ID",
        description = "The Spirit of a member; for each.")
    private Map<String, String> members = new LinkedHashMap<>();

    @Option(
        names = "--input",
        paramLabel = "NAME=VALUE",
        description = "The value of an input; for each. Bytes are Base64.")
    private Map<String, String> inputs = new LinkedHashMap<>();

    @Option(
        names = "--key",
        paramLabel = "KEY",
        description = "Runs with the same key are one; a random one by default.")
    private String key;

    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait for its end; 30s by default.")
    private Duration timeout = Duration.ofSeconds(30);

    Run(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      Ghost ghost = Ghost.load(file);
      ObjectNode body = Json.object();
      body.set("ghost", GhostJson.tree(GhostJson.write(ghost)));
      ObjectNode bound = body.putObject("members");
      members.forEach((name, spirit) -> bound.put(name, SpiritId.parse(spirit).toString()));
      body.set("inputs", inputs(ghost));
      Map<String, String> headers = new LinkedHashMap<>();
      headers.put("X-Vudo-Timeout", timeout.toMillis() + "ms");
      headers.put("Idempotency-Key", key == null ? UUID.randomUUID().toString() : key);
      JsonNode run = Json.read(client().postJson("/v1/ghosts/run", headers, body, timeout).body());
      if (isJson()) {
        print(run);
        return run.path("state").asText().equals("DONE") ? 0 : 1;
      }
      throwFailure(run);
      if (run.path("state").asText().equals("RUNNING")) {
        throw CommandFailure.of(
            new VudoException(
                ErrorCode.ASK_TIMEOUT, "It runs on: vudo ghost show " + run.path("run").asText()));
      }
      print(text(run.path("value")));
      return 0;
    }

    /** As the Ghost declares them; what it does not declare is left for the node to refuse. */
    private ObjectNode inputs(Ghost ghost) {
      ObjectNode values = Json.object();
      inputs.forEach((name, value) -> values.set(name, input(ghost, name, value)));
      return values;
    }

    private static JsonNode input(Ghost ghost, String name, String text) {
      boolean quoted =
          ghost.inputs().stream()
              .filter(input -> input.name().equals(name))
              .anyMatch(
                  input -> input.type() == Ghost.Type.TEXT || input.type() == Ghost.Type.BYTES);
      if (quoted) {
        return Json.MAPPER.getNodeFactory().textNode(text);
      }
      try {
        return Json.read(text.getBytes(StandardCharsets.UTF_8));
      } catch (VudoException e) {
        throw new VudoException(
            ErrorCode.ARGUMENT_INVALID, "--input " + name + "=" + text + ": " + e.detail(), e);
      }
    }
  }

  /** Texts as they are, anything else as JSON. */
  private static String text(JsonNode value) {
    return value.isTextual() ? value.textValue() : value.toString();
  }

  @Command(
      name = "show",
      description = {
        "Show a run and where each of its steps is.",
        "",
        "Runs are kept for vudo.ghost.retention after their end."
      })
  private static final class Show extends OfRun {
    @Parameters(index = "0", paramLabel = "RUN", description = "Its key.")
    private String run;

    Show(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      JsonNode shown = Json.read(client().get("/v1/ghosts/runs/" + NodeClient.encoded(run)).body());
      if (isJson()) {
        print(shown);
        return 0;
      }
      print(
          String.join(
              "  ",
              shown.path("run").asText(),
              shown.path("ghost").asText(),
              shown.path("state").asText()));
      Table table = new Table("STEP", "SPIRIT", "FUNCTION", "STATE", "RESULT");
      for (JsonNode step : shown.path("steps")) {
        table.row(
            step.path("step").asText(),
            step.path("spirit").asText(),
            step.path("function").asText(),
            step.path("state").asText(),
            result(step));
      }
      table.lines().forEach(this::print);
      return 0;
    }

    private static String result(JsonNode step) {
      if (step.has("failure")) {
        return step.path("failure").path("code").asText();
      }
      JsonNode value = step.has("value") ? step.path("value") : step.path("valueBase64");
      return value.isMissingNode() ? "" : value.toString();
    }
  }
}
