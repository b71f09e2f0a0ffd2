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
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.DeadLetter;
import io.vudo.spirit.DeadLetters;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Migration;
import io.vudo.spirit.Rehearsal;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.StateDifference;
import io.vudo.spirit.StateSummary;
import io.vudo.spirit.TurnSummary;
import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Locale;

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
            .put("durable", deployment.durable())
            .put("remembered", deployment.remembered());
    ArrayNode capabilities = node.putArray("capabilities");
    deployment.capabilities().stream()
        .map(Capability::toString)
        .sorted()
        .forEach(capabilities::add);
    node.set("limits", limits(deployment.limits()));
    node.putObject("supervision")
        .put("onFailure", deployment.supervision().onFailure().text())
        .put("maxRestarts", deployment.supervision().maxRestarts())
        .put("windowMillis", deployment.supervision().windowMillis());
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

  static ObjectNode turn(TurnSummary turn) {
    ObjectNode node =
        object()
            .put("turn", turn.turn())
            .put("kind", turn.kind().name().toLowerCase(Locale.ROOT))
            .put("time", Instant.ofEpochMilli(turn.timeMillis()).toString())
            .put("sender", turn.sender())
            .put("messageId", turn.messageId())
            .put("type", turn.messageType())
            .put("payloadBytes", turn.payloadBytes())
            .put("fuel", turn.fuelUsed());
    if (turn.kind() == TurnSummary.Kind.SWAP) {
      node.put("digest", turn.messageId()).put("messageId", "");
    }
    ObjectNode effects = node.putObject("effects");
    turn.effects().forEach(effects::put);
    node.put("outcome", turn.failed() ? "failed" : "completed");
    if (turn.failed()) {
      node.put("code", turn.failureCode())
          .put("detail", turn.failureDetail())
          .put("attempt", turn.attempt())
          .put("then", turn.consequence().name().toLowerCase(Locale.ROOT).replace('_', '-'));
    } else if (turn.replyBytes() >= 0) {
      node.put("replyBytes", turn.replyBytes());
    }
    return node;
  }

  static ObjectNode deadLetters(DeadLetters.Listing listing) {
    ObjectNode node = object().put("crowdedOut", listing.crowdedOut());
    ArrayNode letters = node.putArray("deadLetters");
    listing.letters().forEach(letter -> letters.add(deadLetter(letter)));
    return node;
  }

  private static ObjectNode deadLetter(DeadLetter letter) {
    return object()
        .put("id", letter.id())
        .put("spirit", letter.spirit())
        .put("kind", letter.kind())
        .put("sender", letter.sender())
        .put("receiver", letter.receiver())
        .put("messageId", letter.messageId())
        .put("type", letter.messageType())
        .put("payloadBytes", letter.payloadBytes())
        .put("code", letter.code())
        .put("detail", letter.detail())
        .put("attempts", letter.attempts())
        .put("replays", letter.replays())
        .put("firstTime", Instant.ofEpochMilli(letter.firstMillis()).toString())
        .put("lastTime", Instant.ofEpochMilli(letter.lastMillis()).toString());
  }

  static ObjectNode deadLetterWithPayload(DeadLetter letter) {
    return deadLetter(letter).put("payload", letter.payload());
  }

  static ObjectNode state(StateSummary state) {
    return object()
        .put("id", state.id().toString())
        .put("turn", state.turn())
        .put("lives", state.lives())
        .put("life", state.life())
        .put("digest", state.digest())
        .put("engine", state.engine())
        .put("memoryBytes", state.memoryBytes())
        .put("nonZeroPages", state.nonZeroPages())
        .put("globals", state.globals())
        .put("tableEntries", state.tableEntries())
        .put("stateHash", state.stateHash())
        .put("turns", state.turns())
        .put("failedTurns", state.failedTurns())
        .put("fuel", state.fuelUsed());
  }

  static ObjectNode rehearsal(Rehearsal rehearsal) {
    ObjectNode node =
        object()
            .put("turns", rehearsal.turns())
            .put("differing", rehearsal.differing())
            .put("incomparable", rehearsal.incomparable())
            .put("fuelRecorded", rehearsal.fuelRecorded())
            .put("fuelNow", rehearsal.fuelNow());
    ArrayNode differences = node.putArray("differences");
    for (Rehearsal.Difference difference : rehearsal.differences()) {
      differences
          .addObject()
          .put("turn", difference.turn())
          .put("type", difference.messageType())
          .put("what", difference.what());
    }
    node.set("state", state(rehearsal.state()));
    return node;
  }

  static ObjectNode difference(StateDifference difference) {
    ObjectNode node = object().put("equal", difference.isEmpty());
    ArrayNode pages = node.putArray("pages");
    for (StateDifference.PageChange page : difference.pages()) {
      pages
          .addObject()
          .put("page", page.number())
          .put("firstOffset", page.firstOffset())
          .put("changedBytes", page.changedBytes());
    }
    ArrayNode globals = node.putArray("globals");
    for (StateDifference.GlobalChange global : difference.globals()) {
      globals
          .addObject()
          .put("global", global.index())
          .put("from", global.from())
          .put("to", global.to());
    }
    ArrayNode tables = node.putArray("tables");
    for (StateDifference.TableChange table : difference.tables()) {
      tables
          .addObject()
          .put("table", table.index())
          .put("entriesFrom", table.entriesFrom())
          .put("entriesTo", table.entriesTo())
          .put("changedEntries", table.changedEntries());
    }
    node.set("from", state(difference.from()));
    node.set("to", state(difference.to()));
    return node;
  }

  static ObjectNode fork(SpiritId fork, StateSummary state) {
    return object()
        .put("id", fork.toString())
        .put("origin", state.id().toString())
        .put("turn", state.turn())
        .put("stateHash", state.stateHash());
  }

  /** Writes a value as a line of its own. */
  static byte[] line(JsonNode node) {
    byte[] text = write(node);
    byte[] line = Arrays.copyOf(text, text.length + 1);
    line[text.length] = '\n';
    return line;
  }

  static ObjectNode spirit(SpiritStatus status) {
    ObjectNode node =
        object()
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
    if (!status.waitsFor().isEmpty()) {
      node.put("waitsFor", status.waitsFor());
    }
    return node;
  }
}
