package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.io.FileNotFoundException;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "deploy",
    description = {
      "Deploy a module as a Spirit type.",
      "",
      "vudo deploy counter.wasm --name counter --grant sensor_time"
    })
final class DeployCommand extends VudoCommand {
  private static final Duration TIMEOUT = Duration.ofMinutes(5);

  @Mixin private NodeOption node;

  @Parameters(paramLabel = "FILE", description = "A .wasm module or a .wat text.")
  private Path file;

  @Option(
      names = "--name",
      required = true,
      paramLabel = "TYPE",
      description = "The Spirit type's name.")
  private String type;

  @Option(names = "--engine", paramLabel = "NAME", description = "The engine that runs it.")
  private String engine;

  @Option(
      names = "--grant",
      arity = "1..*",
      paramLabel = "CAP",
      description = "A capability: sensor_time, tuplespace_take:jobs, …; may be given again.")
  private List<String> grants = List.of();

  @Option(names = "--fuel", paramLabel = "N", description = "Fuel units a turn.")
  private Long fuel;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = BytesConverter.class,
      description = "The most linear memory of a Spirit.")
  private Long memoryBytes;

  @Option(names = "--call-depth", paramLabel = "N", description = "The most nested guest calls.")
  private Integer callDepth;

  @Option(
      names = "--turn-timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long a turn may run.")
  private Duration turnTimeout;

  @Option(names = "--mailbox", paramLabel = "N", description = "How many messages may wait.")
  private Integer mailbox;

  @Option(
      names = "--payload",
      paramLabel = "SIZE",
      converter = BytesConverter.class,
      description = "The most bytes of a message and of a reply.")
  private Long payloadBytes;

  @Option(
      names = "--durability",
      paramLabel = "on|off",
      description = "Whether turns are journaled; on by default.")
  private String durability;

  @Option(
      names = "--remember",
      paramLabel = "on|off",
      description =
          "Whether Spirits stay in memory and come back after a restart without a message; off by"
              + " default.")
  private String remember;

  @Option(
      names = "--on-failure",
      paramLabel = "resume|restart|stop|escalate",
      description =
          "What is done when a turn fails; restart by default: a message that nobody waits for is"
              + " tried again.")
  private String onFailure;

  @Option(
      names = "--max-restarts",
      paramLabel = "N",
      description = "How often a message is tried again; 3 by default.")
  private Integer maxRestarts;

  @Option(
      names = "--restart-window",
      paramLabel = "D",
      converter = DurationConverter.class,
      description =
          "A Spirit that gives up more than 10 messages in this time is halted; 60s by default.")
  private Duration restartWindow;

  DeployCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    SpiritId.checkDeployable(type);
    terminal().progress("Deploying " + file + " as " + type + " …");
    JsonNode deployed =
        Json.read(
            node.client(this)
                .post(
                    "/v1/deployments/" + type + query(),
                    Map.of("Content-Type", "application/wasm"),
                    module(),
                    TIMEOUT)
                .body());
    if (isJson()) {
      print(deployed);
    } else {
      print(
          type
              + " revision "
              + deployed.path("revision").asText()
              + " sha256:"
              + deployed.path("digest").asText()
              + (deployed.path("changed").asBoolean() ? "" : " (unchanged)"));
    }
    return 0;
  }

  /**
   * Streams the file as it is, so that its size is the node's to judge; a text is assembled here.
   */
  private BodyPublisher module() {
    ModuleFile module = new ModuleFile(file);
    try {
      return module.isText()
          ? BodyPublishers.ofByteArray(module.read())
          : BodyPublishers.ofFile(file);
    } catch (FileNotFoundException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "There is no file " + file + ".", e);
    }
  }

  private String query() {
    List<String> parameters = new ArrayList<>();
    add(parameters, "engine", engine);
    grants.forEach(grant -> add(parameters, "grant", grant));
    add(parameters, "fuel", fuel);
    add(parameters, "memory", memoryBytes);
    add(parameters, "call-depth", callDepth);
    add(parameters, "turn-timeout", turnTimeout == null ? null : turnTimeout.toMillis() + "ms");
    add(parameters, "mailbox", mailbox);
    add(parameters, "payload", payloadBytes);
    add(parameters, "durability", durability);
    add(parameters, "remember", remember);
    add(parameters, "on-failure", onFailure);
    add(parameters, "max-restarts", maxRestarts);
    add(
        parameters,
        "restart-window",
        restartWindow == null ? null : restartWindow.toMillis() + "ms");
    return parameters.isEmpty() ? "" : "?" + String.join("&", parameters);
  }

  private static void add(List<String> parameters, String name, Object value) {
    if (value != null) {
      parameters.add(name + "=" + URLEncoder.encode(value.toString(), StandardCharsets.UTF_8));
    }
  }
}
