package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleJson;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** The tuplespace as the gateway offers it: tuples and templates in JSON. */
final class JsonSpaces {
  private final Tuplespace spaces;

  JsonSpaces(Tuplespace spaces) {
    this.spaces = spaces;
  }

  public CompletionStage<Void> write(
      String space, JsonNode tuple, long ttlMillis, String idempotencyKey) {
    return spaces
        .write(space, TupleJson.readTuple(tuple), ttlMillis, operation(idempotencyKey))
        .thenApply(lease -> null);
  }

  public CompletionStage<Optional<JsonNode>> read(String space, JsonNode template, Duration wait) {
    return spaces
        .read(space, TupleJson.readTemplate(template), wait)
        .thenApply(found -> found.map(JsonSpaces::toJson));
  }

  public CompletionStage<Optional<JsonNode>> take(
      String space, JsonNode template, String idempotencyKey, Duration wait) {
    return spaces
        .take(space, TupleJson.readTemplate(template), operation(idempotencyKey), wait)
        .thenApply(found -> found.map(JsonSpaces::toJson));
  }

  public CompletionStage<Long> count(String space, JsonNode template) {
    return spaces.count(space, TupleJson.readTemplate(template));
  }

  private static OperationId operation(String idempotencyKey) {
    return idempotencyKey.isEmpty() ? OperationId.none() : OperationId.key(idempotencyKey);
  }

  private static JsonNode toJson(Tuple tuple) {
    return Json.read(TupleJson.write(tuple).getBytes(StandardCharsets.UTF_8));
  }
}
