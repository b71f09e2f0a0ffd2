package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "top",
    description = {
      "Show the nodes of the cluster, its busiest Spirits and its last migrations.",
      "",
      "On a terminal again and again until Ctrl-C; otherwise once."
    })
final class TopCommand extends OperatorCommand {
  private static final String CLEAR = "\u001b[H\u001b[2J";
  private static final long NANOS_A_SECOND = 1_000_000_000;

  /** One that counts the turns of a first look only. */
  private static final Duration FIRST_LOOK = Duration.ofMillis(500);

  @Option(names = "--once", description = "Print once and end.")
  private boolean once;

  @Option(
      names = "--interval",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How often; 2s by default.")
  private Duration interval = Duration.ofSeconds(2);

  @Option(names = "--limit", paramLabel = "N", description = "How many of each; 10 by default.")
  private int limit = 10;

  TopCommand(Terminal terminal) {
    super(terminal);
  }

  /**
   * What the Spirits had done at some moment.
   *
   * @param turns of each
   */
  private record Look(long nanos, Map<String, Long> turns) {}

  @Override
  public Integer call() {
    if (limit < 1) {
      throw usage("--limit takes 1 or more");
    }
    ClusterClient client = cluster();
    boolean again = !once && !isJson() && terminal().outIsTerminal();
    Look before = look(spirits(client, client.cluster()));
    pause(FIRST_LOOK);
    while (true) {
      JsonNode cluster = client.cluster();
      List<ObjectNode> spirits = spirits(client, cluster);
      Look now = look(spirits);
      show(cluster, busiest(spirits, before, now), client.migrations(limit), again);
      if (!again) {
        return 0;
      }
      before = now;
      pause(interval);
    }
  }

  /** The Spirits in the memory of all nodes whose gateways answer. */
  private List<ObjectNode> spirits(ClusterClient client, JsonNode cluster) {
    List<ObjectNode> spirits = new ArrayList<>();
    for (JsonNode node : cluster.path("nodes")) {
      Optional<NodeClient> gateway = client.at(node);
      if (gateway.isEmpty() || !node.path("answers").asBoolean()) {
        continue;
      }
      try {
        JsonNode answer = Json.read(gateway.get().get("/v1/spirits").body());
        for (JsonNode spirit : answer.path("spirits")) {
          spirits.add(((ObjectNode) spirit).put("node", node.path("name").asText()));
        }
      } catch (VudoException unreachable) {
        // It is ending, or its gateway is for its own machine only; the others are shown.
        terminal().progress(unreachable.detail());
      }
    }
    return spirits;
  }

  private static Look look(List<ObjectNode> spirits) {
    Map<String, Long> turns = new HashMap<>();
    spirits.forEach(spirit -> turns.put(key(spirit), spirit.path("turns").asLong()));
    return new Look(System.nanoTime(), turns);
  }

  private static String key(JsonNode spirit) {
    return spirit.path("id").asText();
  }

  private List<ObjectNode> busiest(List<ObjectNode> spirits, Look before, Look now) {
    double seconds = (double) (now.nanos() - before.nanos()) / NANOS_A_SECOND;
    for (ObjectNode spirit : spirits) {
      long turns = now.turns().get(key(spirit));
      long since = turns - before.turns().getOrDefault(key(spirit), turns);
      spirit.put("turnsPerSecond", Math.round(since / seconds));
    }
    return spirits.stream()
        .sorted(
            Comparator.<ObjectNode>comparingLong(spirit -> spirit.path("turnsPerSecond").asLong())
                .thenComparingLong(spirit -> spirit.path("waiting").asLong())
                .thenComparingLong(spirit -> spirit.path("turns").asLong())
                .reversed()
                .thenComparing(TopCommand::key))
        .limit(limit)
        .toList();
  }

  private void show(JsonNode cluster, List<ObjectNode> spirits, JsonNode moves, boolean clear) {
    if (isJson()) {
      ObjectNode node = Json.object();
      node.set("cluster", cluster);
      ArrayNode list = node.putArray("spirits");
      spirits.forEach(list::add);
      node.set("migrations", moves);
      print(node);
      return;
    }
    List<String> lines = new ArrayList<>(ClusterText.nodes(cluster));
    if (!spirits.isEmpty()) {
      lines.add("");
      Table table = new Table("SPIRIT", "NODE", "PHASE", "TURNS/S", "TURNS", "WAITING", "MEMORY");
      for (ObjectNode spirit : spirits) {
        table.row(
            spirit.path("id").asText(),
            spirit.path("node").asText(),
            spirit.path("phase").asText(),
            spirit.path("turnsPerSecond").asText(),
            spirit.path("turns").asText(),
            spirit.path("waiting").asText(),
            Quantities.bytesText(spirit.path("memoryBytes").asLong()));
      }
      lines.addAll(table.lines());
    }
    if (!moves.isEmpty()) {
      lines.add("");
      lines.addAll(ClusterText.moves(moves));
    }
    if (clear) {
      terminal().out().print(CLEAR);
    }
    lines.forEach(this::print);
    terminal().out().flush();
  }
}
