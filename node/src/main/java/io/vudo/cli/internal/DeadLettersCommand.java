package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.SpiritId;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vudo dead-letters}: one class an operation. */
final class DeadLettersCommand {
  private DeadLettersCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new Group(terminal))
        .addSubcommand(new Some(terminal))
        .addSubcommand(new Show(terminal))
        .addSubcommand(new Replay(terminal))
        .addSubcommand(new Drop(terminal));
  }

  private static String path(String id) {
    return "/v1/dead-letters/" + NodeClient.encoded(id);
  }

  @Command(
      name = "dead-letters",
      synopsisSubcommandLabel = "[list|show|replay|drop]",
      description = {
        "List the messages that could not be handled, the oldest first.",
        "",
        "vudo dead-letters list orders/17",
        "vudo dead-letters replay 3-12"
      })
  private static final class Group extends Listing {
    Group(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return list(null, null);
    }
  }

  @Command(name = "list", description = "List those of one Spirit, of a type, or all.")
  private static final class Some extends Listing {
    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "TYPE/ID",
        description = "Only those that this Spirit has, sent or was to get.")
    private String spirit;

    @Option(names = "--type", paramLabel = "TYPE", description = "The same for a Spirit type.")
    private String type;

    Some(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      return list(spirit, type);
    }
  }

  private abstract static class Listing extends VudoCommand {
    @Mixin private NodeOption node;

    Listing(Terminal terminal) {
      super(terminal);
    }

    Integer list(String spirit, String type) {
      List<String> query = new ArrayList<>();
      if (spirit != null) {
        query.add("spirit=" + NodeClient.encoded(SpiritId.parse(spirit).toString()));
      }
      if (type != null) {
        query.add("type=" + NodeClient.encoded(SpiritId.checkType(type)));
      }
      JsonNode answer =
          Json.read(
              node.client(this)
                  .get("/v1/dead-letters" + (query.isEmpty() ? "" : "?" + String.join("&", query)))
                  .body());
      if (isJson()) {
        print(answer);
        return 0;
      }
      long crowdedOut = answer.path("crowdedOut").asLong();
      if (crowdedOut > 0) {
        terminal().progress(crowdedOut + " older ones were dropped: there was no room for them.");
      }
      if (answer.path("deadLetters").isEmpty()) {
        terminal().progress("No dead letters.");
        return 0;
      }
      Table table = new Table("ID", "LAST TRIED", "FROM", "TO", "TYPE", "BYTES", "TRIES", "ERROR");
      for (JsonNode letter : answer.path("deadLetters")) {
        String messageType = letter.path("type").asText();
        table.row(
            letter.path("id").asText(),
            letter.path("lastTime").asText(),
            letter.path("sender").asText(),
            letter.path("receiver").asText(),
            messageType.isEmpty() ? letter.path("kind").asText() : messageType,
            letter.path("payloadBytes").asText(),
            Long.toString(letter.path("attempts").asLong() + letter.path("replays").asLong()),
            letter.path("code").asText());
      }
      table.lines().forEach(this::print);
      return 0;
    }
  }

  @Command(name = "show", description = "Show one with its payload.")
  private static final class Show extends VudoCommand {
    @Mixin private NodeOption node;

    @Parameters(index = "0", paramLabel = "ID", description = "The letter.")
    private String id;

    Show(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() throws java.io.IOException {
      JsonNode letter = Json.read(node.client(this).get(path(id)).body());
      if (isJson()) {
        print(letter);
        return 0;
      }
      for (String member :
          List.of(
              "id",
              "kind",
              "sender",
              "receiver",
              "messageId",
              "type",
              "code",
              "detail",
              "attempts",
              "replays",
              "firstTime",
              "lastTime",
              "payloadBytes")) {
        print(String.format("%-13s", member) + letter.path(member).asText());
      }
      print(
          String.format("%-13s", "payload")
              + new String(letter.path("payload").binaryValue(), StandardCharsets.UTF_8));
      return 0;
    }
  }

  @Command(
      name = "replay",
      description = {
        "Deliver dead letters again, the oldest first.",
        "",
        "A letter that is handled is removed; one that fails again stays with the new error, and"
            + " the command ends with exit code 1 after having tried the others."
      })
  private static final class Replay extends VudoCommand {
    @Mixin private NodeOption node;

    @Parameters(index = "0", arity = "0..1", paramLabel = "ID", description = "The letter.")
    private String id;

    @Option(names = "--all", description = "All there are.")
    private boolean all;

    @Option(
        names = "--timeout",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "How long to wait for each; 30s by default.")
    private Duration timeout = Duration.ofSeconds(30);

    Replay(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      if (all == (id != null)) {
        throw usage("Name one letter, or pass --all.");
      }
      NodeClient client = node.client(this);
      if (!all) {
        replay(client, id);
        if (isJson()) {
          print(Json.object().put("replayed", id));
        } else {
          print(id + " was handled.");
        }
        return 0;
      }
      ObjectNode result = Json.object();
      ArrayNode handled = result.putArray("replayed");
      ObjectNode failed = result.putObject("failed");
      for (JsonNode letter : Json.read(client.get("/v1/dead-letters").body()).path("deadLetters")) {
        String each = letter.path("id").asText();
        try {
          replay(client, each);
          handled.add(each);
          if (!isJson()) {
            print(each + " was handled.");
          }
        } catch (CommandFailure failure) {
          failed.put(each, failure.code());
          if (!isJson()) {
            print(each + " failed again: " + failure.code());
          }
        }
      }
      if (isJson()) {
        print(result);
      }
      return failed.isEmpty() ? 0 : 1;
    }

    private void replay(NodeClient client, String letter) {
      client.post(
          path(letter) + "/replay",
          Map.of("X-Vudo-Timeout", timeout.toMillis() + "ms"),
          BodyPublishers.noBody(),
          timeout);
    }
  }

  @Command(name = "drop", description = "Remove a dead letter without handling it.")
  private static final class Drop extends VudoCommand {
    @Mixin private NodeOption node;

    @Parameters(index = "0", paramLabel = "ID", description = "The letter.")
    private String id;

    Drop(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      node.client(this).delete(path(id));
      if (isJson()) {
        print(Json.object().put("dropped", id));
      } else {
        print(id + " is gone.");
      }
      return 0;
    }
  }
}
