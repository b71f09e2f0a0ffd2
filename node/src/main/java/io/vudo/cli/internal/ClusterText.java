package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Quantities;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;

/** How the cluster is told in words. */
final class ClusterText {
  private static final int MICROS = 1000;

  private ClusterText() {}

  /** A migration's pause, in milliseconds. */
  static String pause(JsonNode move) {
    return String.format(Locale.ROOT, "%.1f ms", move.path("pauseMicros").asDouble() / MICROS);
  }

  /** The nodes, a line each, under a heading. */
  static List<String> nodes(JsonNode cluster) {
    Table table =
        new Table(
            "NODE", "STATUS", "SHARDS", "SPIRITS", "MOVING", "IN", "OUT", "FAILED", "SENT", "HTTP");
    for (JsonNode node : cluster.path("nodes")) {
      boolean answers = node.path("answers").asBoolean();
      table.row(
          node.path("name").asText(),
          status(cluster, node),
          answers ? node.path("shards").asText() : "-",
          answers ? node.path("spirits").asText() : "-",
          answers ? node.path("moving").asText() : "-",
          answers ? node.path("movedIn").asText() : "-",
          answers ? node.path("movedOut").asText() : "-",
          answers ? node.path("movesFailed").asText() : "-",
          answers ? Quantities.bytesText(node.path("bytesOut").asLong()) : "-",
          node.path("http").asText("-"));
    }
    return table.lines();
  }

  /** The members that are no nodes, in a line; nothing when there are none. */
  static List<String> services(JsonNode cluster) {
    StringJoiner services = new StringJoiner(", ", "services: ", "");
    for (JsonNode service : cluster.path("services")) {
      services.add(
          service.path("name").asText()
              + (service.path("reachable").asBoolean() ? "" : " (unreachable)"));
    }
    return cluster.path("services").isEmpty() ? List.of() : List.of(services.toString());
  }

  private static String status(JsonNode cluster, JsonNode node) {
    StringJoiner status = new StringJoiner(", ");
    status.add(node.path("status").asText());
    if (!node.path("reachable").asBoolean()) {
      status.add("unreachable");
    } else if (!node.path("answers").asBoolean()) {
      status.add("silent");
    }
    if (node.path("draining").asBoolean()) {
      status.add("draining");
    }
    if (node.path("name").equals(cluster.path("oldest"))) {
      status.add("oldest");
    }
    if (node.path("self").asBoolean()) {
      status.add("asked");
    }
    return status.toString();
  }

  /** Migrations, the newest first, a line each, under a heading; nothing when there are none. */
  static List<String> moves(JsonNode moves) {
    if (moves.isEmpty()) {
      return List.of();
    }
    Table table = new Table("MIGRATION", "FROM", "TO", "TURN", "PAUSE", "BYTES", "TIME");
    for (JsonNode move : moves) {
      table.row(
          move.path("id").asText(),
          move.path("from").asText(),
          move.path("to").asText(),
          move.path("turn").asText(),
          pause(move),
          move.path("bytes").asText(),
          move.path("time").asText());
    }
    return table.lines();
  }

  /** What became of the Spirits of a node that was drained. */
  static String drained(JsonNode drained) {
    if (drained.path("late").asBoolean()) {
      return "not all Spirits moved in time";
    }
    List<String> words = new ArrayList<>();
    words.add(drained.path("moved").asText() + " Spirits moved");
    if (drained.path("left").asLong() > 0) {
      words.add(drained.path("left").asText() + " did not");
    }
    return String.join(", ", words);
  }
}
