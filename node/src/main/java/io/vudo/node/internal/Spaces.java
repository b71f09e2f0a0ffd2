package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * The tuplespace as the gateway offers it: tuples and templates in JSON. Every stage that fails
 * does so with a {@link io.vudo.protocol.VudoException}.
 */
public interface Spaces {

  /**
   * Writes a tuple; the stage completes when it is durable. A lease of 0 lasts for ever. The same
   * key, unless it is empty, writes once.
   */
  CompletionStage<Void> write(String space, JsonNode tuple, long ttlMillis, String idempotencyKey);

  /** The oldest tuple that matches, left where it is; empty when there is none. */
  CompletionStage<Optional<JsonNode>> read(String space, JsonNode template);

  /**
   * The oldest tuple that matches, taken out; empty when there is none. The same key, unless it is
   * empty, takes once and answers the same tuple again.
   */
  CompletionStage<Optional<JsonNode>> take(String space, JsonNode template, String idempotencyKey);

  /** How many tuples match. */
  CompletionStage<Long> count(String space, JsonNode template);
}
