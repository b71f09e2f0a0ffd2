package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Quantities;
import java.util.List;

/** The summary of a state for people. */
final class StateText {
  private StateText() {}

  static List<String> lines(JsonNode state) {
    String head = "spirit     " + state.path("id").asText();
    String turns =
        "turn       "
            + state.path("turn").asText()
            + "; "
            + state.path("turns").asText()
            + " in all, "
            + state.path("failedTurns").asText()
            + " failed, fuel "
            + state.path("fuel").asText();
    if (!state.path("lives").asBoolean()) {
      return List.of(head, turns, "state      none, it does not live");
    }
    return List.of(
        head,
        turns,
        "module     " + state.path("digest").asText() + " on " + state.path("engine").asText(),
        "memory     "
            + Quantities.bytesText(state.path("memoryBytes").asLong())
            + ", "
            + state.path("nonZeroPages").asText()
            + " pages of 4 KiB not zero",
        "globals    " + state.path("globals").asText(),
        "tables     " + state.path("tableEntries").asText() + " entries",
        "state      sha256:" + state.path("stateHash").asText());
  }
}
