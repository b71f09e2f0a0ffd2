package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Quantities;
import io.vudo.protocol.SpiritId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "history",
    description = {
      "List what a Spirit did, oldest first: turn, time, sender, message type, fuel, effects,"
          + " outcome.",
      "",
      "With --format json it is one object a line."
    })
final class HistoryCommand extends VudoCommand {
  private static final List<String> HEADING =
      List.of("TURN", "TIME", "SENDER", "TYPE", "FUEL", "EFFECTS", "OUTCOME");

  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
  private String spirit;

  @Option(names = "--type", paramLabel = "T", description = "Only messages of this type.")
  private String type;

  @Option(
      names = "--sender",
      paramLabel = "TYPE/ID",
      description = "Only messages of this Spirit; - for callers that are no Spirits.")
  private String sender;

  @Option(names = "--failed", description = "Only turns that failed and were undone.")
  private boolean failed;

  @Option(
      names = "--from",
      paramLabel = "N|TIME",
      description = "From this turn or time on, such as 17 or 2027-01-15T08:00:00Z.")
  private String from;

  @Option(names = "--to", paramLabel = "N|TIME", description = "Up to this turn or time.")
  private String to;

  @Option(names = "--limit", paramLabel = "N", description = "At most so many, the newest.")
  private Integer limit;

  @Option(names = "--follow", description = "Go on with turns as they happen, until interrupted.")
  private boolean follow;

  HistoryCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    SpiritId id = SpiritId.parse(spirit);
    StringJoiner query = new StringJoiner("&", "?", "").setEmptyValue("");
    add(query, "type", type);
    add(query, "sender", sender);
    add(query, "failed", failed ? "true" : null);
    add(query, "from", from);
    add(query, "to", to);
    add(query, "limit", limit == null ? null : limit.toString());
    add(query, "follow", follow ? "true" : null);
    boolean[] any = {false};
    node.client(this)
        .getLines(
            "/v1/spirits/" + id + "/history" + query,
            line -> {
              if (!any[0] && !isJson()) {
                print(row(HEADING));
              }
              any[0] = true;
              print(isJson() ? line : row(Json.read(line.getBytes(StandardCharsets.UTF_8))));
              terminal().out().flush();
            });
    if (!any[0]) {
      terminal().progress("No turns.");
    }
    return 0;
  }

  private static void add(StringJoiner query, String name, String value) {
    if (value != null) {
      query.add(name + "=" + NodeClient.encoded(value));
    }
  }

  private static String swapped(JsonNode swap) {
    long bytes = swap.path("payloadBytes").asLong();
    return "went over to "
        + swap.path("digest").asText().substring(0, SpiritsCommand.ABBREVIATED_DIGITS)
        + (bytes == 0 ? ", memory kept" : ", " + Quantities.bytesText(bytes) + " loaded");
  }

  /** Lines come one by one, so the widths are guessed: what is longer pushes the rest aside. */
  private static String row(List<String> cells) {
    return String.format("%-6s  %-24s  %-16s  %-12s  %-9s  %-16s  %s", cells.toArray())
        .stripTrailing();
  }

  private static String failure(JsonNode turn) {
    String then = turn.path("then").asText();
    return (turn.path("attempt").asInt() > 1
            ? "attempt " + turn.path("attempt").asText() + ": "
            : "")
        + turn.path("code").asText()
        + " "
        + turn.path("detail").asText()
        + switch (then) {
          case "retry" -> " (to be tried again)";
          case "dead-letter" -> " (dead letter)";
          case "halt" -> " (halted)";
          default -> "";
        };
  }

  private static String row(JsonNode turn) {
    String kind = turn.path("kind").asText();
    String sender = turn.path("sender").asText();
    List<String> effects = new ArrayList<>();
    turn.path("effects")
        .properties()
        .forEach(effect -> effects.add(effect.getValue().asText() + " " + effect.getKey()));
    String outcome =
        turn.path("outcome").asText().equals("failed")
            ? failure(turn)
            : turn.has("replyBytes")
                ? "replied " + Quantities.bytesText(turn.path("replyBytes").asLong())
                : switch (kind) {
                  case "spawn" -> "born";
                  case "stop" -> "stopped";
                  case "restart" -> "restarted";
                  case "fork" -> "forked";
                  case "swap" -> swapped(turn);
                  default -> "completed";
                };
    return row(
        List.of(
            turn.path("turn").asText(),
            turn.path("time").asText(),
            sender.isEmpty() ? "-" : sender,
            kind.equals("message") ? turn.path("type").asText() : "(" + kind + ")",
            turn.path("fuel").asText(),
            effects.isEmpty() ? "-" : String.join(", ", effects),
            outcome));
  }
}
