package io.vudo.node.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.VudoError;
import io.vudo.spirit.Rehearsal;
import io.vudo.spirit.SwapCheck;
import io.vudo.spirit.SwapProgress;
import java.util.Locale;

/** The shapes of the gateway's JSON that tell of swaps; docs/http.md describes them. */
final class SwapJson {
  private SwapJson() {}

  static ObjectNode outcome(Swapper.Outcome outcome) {
    ObjectNode node =
        Json.object()
            .put("swapped", outcome.deployment().isPresent())
            .put("digest", outcome.digest().hex())
            .put("from", outcome.from().hex());
    outcome.deployment().ifPresent(deployment -> node.put("revision", deployment.revision()));
    node.set("check", check(outcome.check()));
    outcome.progress().ifPresent(progress -> node.set("progress", progress(progress)));
    return node;
  }

  static ObjectNode check(SwapCheck check) {
    ObjectNode node =
        Json.object()
            .put("turns", check.turns())
            .put("differing", check.differing())
            .put("refused", check.refused().size());
    ArrayNode spirits = node.putArray("spirits");
    for (SwapCheck.CheckedSpirit one : check.spirits()) {
      ObjectNode spirit =
          spirits
              .addObject()
              .put("id", one.id().toString())
              .put("transfer", one.transfer().name().toLowerCase(Locale.ROOT))
              .put("firstTurn", one.firstTurn())
              .put("turns", one.turns())
              .put("differing", one.differing())
              .put("incomparable", one.incomparable());
      one.error().ifPresent(error -> put(spirit, error));
      ArrayNode differences = spirit.putArray("differences");
      for (Rehearsal.Difference difference : one.differences()) {
        differences
            .addObject()
            .put("turn", difference.turn())
            .put("type", difference.messageType())
            .put("what", difference.what());
      }
    }
    return node;
  }

  static ObjectNode progress(SwapProgress progress) {
    ObjectNode node =
        Json.object()
            .put("type", progress.type())
            .put("revision", progress.revision())
            .put("digest", progress.digest().hex())
            .put("moved", progress.moved())
            .put("refused", progress.refused())
            .put("waiting", progress.waiting())
            .put("later", progress.later());
    ArrayNode refusals = node.putArray("refusals");
    progress
        .refusals()
        .forEach(
            refusal -> put(refusals.addObject().put("id", refusal.id().toString()), refusal.why()));
    return node;
  }

  /** Adds why a Spirit stays on its module. */
  static ObjectNode put(ObjectNode node, VudoError why) {
    return node.put("code", why.code().name()).put("detail", why.detail());
  }
}
