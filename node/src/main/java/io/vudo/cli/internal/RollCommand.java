package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "roll",
    description = {
      "Restart all nodes, one after the other, while callers go on.",
      "",
      "Each node moves its Spirits away, leaves and ends; when it is back and serves, the next",
      "one follows. The oldest is the last. Stops at a node that does not come back."
    })
final class RollCommand extends OperatorCommand {
  private static final String NAME_VARIABLE = "VUDO_NODE_NAME";
  private static final Duration SETTLE_TIME = Duration.ofSeconds(15);
  private static final int NANOS_A_MILLI = 1_000_000;
  private static final double MILLIS_A_SECOND = 1000;

  @Option(
      names = "--restart-command",
      paramLabel = "CMD",
      description = {
        "What starts a node again, by sh, once it has left; VUDO_NODE_NAME names the node. Its",
        "process may still be ending then. By default whatever supervises the nodes does it."
      })
  private String command;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = {
        "How long a node's Spirits may take to move, how long it may take to leave, and how long",
        "to be back; 5min by default."
      })
  private Duration timeout = Duration.ofMinutes(5);

  RollCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    ClusterClient client = cluster();
    List<JsonNode> nodes = inTurn(settled(client));
    for (int i = 0; i < nodes.size(); i++) {
      restart(client, nodes.get(i), i + 1, nodes.size());
    }
    return 0;
  }

  /** Who has just come or gone is given a moment, until all know of it. */
  private JsonNode settled(ClusterClient client) {
    AtomicReference<JsonNode> cluster = new AtomicReference<>();
    boolean unused =
        await(
            timeout.compareTo(SETTLE_TIME) < 0 ? timeout : SETTLE_TIME,
            () -> {
              cluster.set(client.cluster());
              for (JsonNode node : cluster.get().path("nodes")) {
                if (!isWell(node)) {
                  return false;
                }
              }
              return true;
            });
    return cluster.get();
  }

  /** The nodes of a cluster that is well. */
  private static List<JsonNode> inTurn(JsonNode cluster) {
    List<JsonNode> nodes = new ArrayList<>();
    for (JsonNode node : cluster.path("nodes")) {
      if (!isWell(node)) {
        throw new VudoException(
            ErrorCode.ROLL_STOPPED,
            node.path("name").asText()
                + " is not well ("
                + node.path("status").asText()
                + "); no node was restarted.");
      }
      nodes.add(node);
    }
    if (nodes.size() < 2) {
      throw new VudoException(
          ErrorCode.ROLL_STOPPED, "There is no other node that could take the Spirits meanwhile.");
    }
    nodes.sort(Comparator.comparing(node -> node.path("name").equals(cluster.path("oldest"))));
    return nodes;
  }

  private static boolean isWell(JsonNode node) {
    return node.path("status").asText().equals("Up")
        && node.path("reachable").asBoolean()
        && node.path("answers").asBoolean();
  }

  private void restart(ClusterClient client, JsonNode node, int number, int all) {
    String name = node.path("name").asText();
    String place = "[" + number + "/" + all + "] " + name;
    terminal().progress(place + " moves its Spirits away …");
    JsonNode drained =
        client.node(name, "leave", timeout, ClusterClient.gateway(node).orElse(null));
    long leftNanos = System.nanoTime();
    if (!await(timeout, () -> isGone(client, node, true))) {
      throw stopped(name + " was told to leave, and has not left within ", number, all);
    }
    if (command != null) {
      terminal().progress(place + " is started …");
      runCommand(name);
    }
    terminal().progress(place + " is awaited …");
    if (!await(timeout, () -> isBack(client, node, all))) {
      throw stopped(name + " has left, and is not back within ", number, all);
    }
    long awayMillis = (System.nanoTime() - leftNanos) / NANOS_A_MILLI;
    if (isJson()) {
      ObjectNode line = Json.object().put("node", name);
      line.setAll((ObjectNode) drained);
      print(line.put("awayMillis", awayMillis));
    } else {
      print(
          place
              + " is back after "
              + String.format(Locale.ROOT, "%.1f s", awayMillis / MILLIS_A_SECOND)
              + ": "
              + ClusterText.drained(drained));
    }
    terminal().out().flush();
  }

  /**
   * Whether a node has come back, and all nodes know it and it all of them: the next one's Spirits
   * are to move to it.
   */
  private static boolean isBack(ClusterClient client, JsonNode before, int all) {
    try {
      List<JsonNode> views = client.views();
      return !views.isEmpty() && views.stream().allMatch(view -> isWhole(view, before, all));
    } catch (VudoException failure) {
      if (failure.code() != ErrorCode.NODE_UNREACHABLE) {
        throw failure;
      }
      return false;
    }
  }

  private static boolean isWhole(JsonNode view, JsonNode before, int all) {
    int well = 0;
    for (JsonNode node : view.path("nodes")) {
      well += isWell(node) ? 1 : 0;
    }
    return well == all
        && find(view, before.path("name").asText())
            .filter(node -> !node.path("draining").asBoolean())
            .filter(node -> !node.path("incarnation").equals(before.path("incarnation")))
            .isPresent();
  }

  private VudoException stopped(String what, int number, int all) {
    return new VudoException(
        ErrorCode.ROLL_STOPPED,
        what
            + timeout.toSeconds()
            + " s. "
            + (number - 1)
            + " of "
            + all
            + " nodes were restarted before it.");
  }

  private void runCommand(String name) {
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", command).redirectErrorStream(true);
    builder.environment().put(NAME_VARIABLE, name);
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      // Its output is no data of ours.
      try (Reader output =
          new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)) {
        char[] part = new char[1024];
        for (int read = output.read(part); read >= 0; read = output.read(part)) {
          terminal().err().print(new String(part, 0, read));
        }
      }
      int code = process.waitFor();
      if (code != 0) {
        throw new VudoException(
            ErrorCode.ROLL_STOPPED,
            "The restart command for " + name + " ended with exit code " + code + ".");
      }
    } catch (IOException e) {
      throw new VudoException(ErrorCode.ROLL_STOPPED, "The restart command: " + e + ".", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.ROLL_STOPPED, "Interrupted.", e);
    }
  }
}
