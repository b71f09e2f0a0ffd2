package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "replay",
    description = {
      "Rebuild the state of a Spirit after one of its turns, beside the living one, and show it.",
      "",
      "Each turn runs again and is compared with its record; no effect is performed. With --module"
          + " another module runs over the same messages, and the turns that end otherwise are"
          + " listed."
    })
final class ReplayCommand extends VudoCommand {
  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
  private String spirit;

  @Option(names = "--to", paramLabel = "N", description = "The last turn to run; all by default.")
  private Long to;

  @Option(
      names = "--export",
      paramLabel = "FILE",
      description = "Write the state: Protobuf, vudo.journal.v1.SpiritImage.")
  private Path export;

  @Option(names = "--module", paramLabel = "FILE", description = "Run this .wasm or .wat instead.")
  private Path module;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long to wait; 10min by default.")
  private Duration timeout = Duration.ofMinutes(10);

  ReplayCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    if (module != null && export != null) {
      throw usage("--module and --export exclude each other");
    }
    SpiritId id = SpiritId.parse(spirit);
    NodeClient client = node.client(this);
    String path = "/v1/spirits/" + id + "/replay" + (to == null ? "" : "?to=" + to);
    if (module != null) {
      rehearse(client, path);
      return 0;
    }
    ObjectNode state = (ObjectNode) Json.read(client.get(path, timeout).body());
    if (export != null) {
      // A turn may have been added meanwhile.
      byte[] image =
          client
              .get("/v1/spirits/" + id + "/state?turn=" + state.path("turn").asText(), timeout)
              .body();
      write(image);
      state.put("exportedBytes", image.length);
    }
    if (isJson()) {
      print(state);
    } else {
      StateText.lines(state).forEach(this::print);
      if (export != null) {
        print("exported   " + export + ", " + state.path("exportedBytes").asText() + " bytes");
      }
    }
    return 0;
  }

  private void rehearse(NodeClient client, String path) {
    JsonNode answer =
        Json.read(
            client
                .post(
                    path,
                    Map.of(),
                    BodyPublishers.ofByteArray(new ModuleFile(module).read()),
                    timeout)
                .body());
    if (isJson()) {
      print(answer);
      return;
    }
    for (JsonNode difference : answer.path("differences")) {
      String type = difference.path("type").asText();
      print(
          "turn "
              + difference.path("turn").asText()
              + (type.isEmpty() ? "" : " (" + type + ")")
              + ": "
              + difference.path("what").asText());
    }
    print(
        answer.path("differing").asText()
            + " of "
            + answer.path("turns").asText()
            + " turns end otherwise"
            + (answer.path("incomparable").asLong() == 0
                ? ""
                : ", " + answer.path("incomparable").asText() + " cannot be compared")
            + "; fuel "
            + answer.path("fuelNow").asText()
            + ", recorded "
            + answer.path("fuelRecorded").asText());
    StateText.lines(answer.path("state")).forEach(this::print);
  }

  private void write(byte[] image) {
    try {
      Files.write(export, image);
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Cannot write " + export + ": " + e + ".", e);
    }
  }
}
