package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "spirits", description = "List the Spirits that are in the node's memory.")
final class SpiritsCommand extends VudoCommand {
  static final int ABBREVIATED_DIGITS = 12;

  @Mixin private NodeOption node;

  @Option(names = "--all", description = "Also those that only the journal knows now.")
  private boolean all;

  SpiritsCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    JsonNode answer =
        Json.read(node.client(this).get("/v1/spirits" + (all ? "?all=true" : "")).body());
    if (isJson()) {
      print(answer);
      return 0;
    }
    JsonNode spirits = answer.path("spirits");
    if (spirits.isEmpty()) {
      terminal().progress("No Spirits.");
      return 0;
    }
    Table table = new Table("SPIRIT", "PHASE", "TURNS", "MEMORY", "WAITING", "ENGINE", "MODULE");
    for (JsonNode spirit : spirits) {
      if (spirit.path("resident").asBoolean()) {
        String digest = spirit.path("digest").asText();
        table.row(
            spirit.path("id").asText(),
            spirit.path("phase").asText(),
            spirit.path("turns").asText(),
            Quantities.bytesText(spirit.path("memoryBytes").asLong()),
            spirit.path("waiting").asText(),
            spirit.path("engine").asText(),
            digest.substring(0, Math.min(ABBREVIATED_DIGITS, digest.length()))
                + (spirit.has("waitsFor") ? "  waits for " + spirit.path("waitsFor").asText() : "")
                + (spirit.has("swapRefused")
                    ? "  stays: " + spirit.path("swapRefused").path("code").asText()
                    : ""));
      } else {
        table.row(spirit.path("id").asText(), "-", "-", "-", "-", "-", "-");
      }
    }
    table.lines().forEach(this::print);
    return 0;
  }
}
