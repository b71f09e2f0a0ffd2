package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * The tuplespace as the gateway offers it: tuples and templates in JSON. Every stage that fails
 * does so with a {@link io.vudo.protocol.VudoException}.
 */
public interface Spaces {

  /** Writes a tuple; the stage completes when it is durable. A lease of 0 lasts for ever. */
  CompletionStage<Void> write(String space, JsonNode tuple, long ttlMillis);

  /** A tuple that matches, left where it is; empty when none came within the timeout. */
  CompletionStage<Optional<JsonNode>> read(String space, JsonNode template, Duration timeout);

  /** A tuple that matches, taken out; empty when none came within the timeout. */
  CompletionStage<Optional<JsonNode>> take(String space, JsonNode template, Duration timeout);

  /** How many tuples match. */
  CompletionStage<Long> count(String space, JsonNode template);
}
