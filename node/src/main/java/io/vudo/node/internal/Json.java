package io.vudo.node.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Migration;
import io.vudo.spirit.SpiritStatus;
import java.io.IOException;
import java.time.Instant;

/** The shapes of the gateway's JSON; docs/http.md describes them. */
public final class Json {
  /** Strict where JSON leaves it open: no duplicate keys, nothing after the value. */
  public static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  /**
   * Reads one JSON value.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public static JsonNode read(byte[] text) {
    try {
      JsonNode node = MAPPER.readTree(text);
      if (node == null || node.isMissingNode()) {
        throw new VudoException(ErrorCode.REQUEST_INVALID, "Expected JSON; got nothing.");
      }
      return node;
    } catch (JsonProcessingException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "This is no JSON: "
              + e.getOriginalMessage()
              + (e.getLocation() == null
                  ? ""
                  : " (line "
                      + e.getLocation().getLineNr()
                      + ", column "
                      + e.getLocation().getColumnNr()
                      + ")"),
          e);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "This is no JSON: " + e.getMessage(), e);
    }
  }

  /** Writes a value on one line. */
  public static byte[] write(JsonNode node) {
    try {
      return MAPPER.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree can always be written", e);
    }
  }

  /** An empty object. */
  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** An error as RFC 9457 wants it, and as the command line prints it. */
  public static ObjectNode problem(VudoException failure) {
    ErrorCode code = failure.code();
    return object()
        .put("type", "urn:vudo:error:" + code.name())
        .put("title", code.summary())
        .put("status", code.httpStatus())
        .put("code", code.name())
        .put("detail", failure.detail())
        .put("fix", code.fix());
  }

  static ObjectNode deployment(Deployment deployment) {
    ObjectNode node =
        object()
            .put("type", deployment.type())
            .put("digest", deployment.digest().hex())
            .put("engine", deployment.engine())
            .put("revision", deployment.revision())
            .put("deployedAt", Instant.ofEpochMilli(deployment.deployedAtMillis()).toString())
            .put("durable", deployment.durable());
    ArrayNode capabilities = node.putArray("capabilities");
    deployment.capabilities().stream()
        .map(Capability::toString)
        .sorted()
        .forEach(capabilities::add);
    node.set("limits", limits(deployment.limits()));
    return node;
  }

  private static ObjectNode limits(SpiritLimits limits) {
    return object()
        .put("fuelPerTurn", limits.fuelPerTurn())
        .put("maxMemoryBytes", limits.maxMemoryBytes())
        .put("maxTableEntries", limits.maxTableEntries())
        .put("maxCallDepth", limits.maxCallDepth())
        .put("turnTimeoutMillis", limits.turnTimeoutMillis())
        .put("maxMailbox", limits.maxMailbox())
        .put("maxPayloadBytes", limits.maxPayloadBytes());
  }

  static ObjectNode migration(Migration migration) {
    return object()
        .put("id", migration.id().toString())
        .put("engine", migration.engine())
        .put("fromEngine", migration.fromEngine())
        .put("moved", migration.moved())
        .put("turn", migration.turn())
        .put("pauseMillis", migration.pauseMillis())
        .put("stateHash", migration.stateHash());
  }

  static ObjectNode spirit(SpiritStatus status) {
    return object()
        .put("id", status.id().toString())
        .put("phase", status.phase().name())
        .put("resident", true)
        .put("digest", status.digest().hex())
        .put("engine", status.engine())
        .put("turns", status.turns())
        .put("memoryBytes", status.memoryBytes())
        .put("waiting", status.waiting())
        .put("replayedTurns", status.replayedTurns())
        .put("recoveryMillis", status.recoveryMillis());
  }
}
