package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "swap",
    description = {
      "Put another module under all Spirits of a type, those that live included.",
      "",
      "Memory is kept where it means the same to the new module; otherwise spirit_save and"
          + " spirit_load bring the state over. Before, the last turns of some Spirits run on the"
          + " new module, beside the living ones; when one ends otherwise, nothing is changed."
          + " Spirits in memory move at once, the others before their next turn."
    })
final class SwapCommand extends VudoCommand {
  private static final long POLL_MILLIS = 100;

  @Mixin private NodeOption node;

  @Parameters(paramLabel = "TYPE", description = "The Spirit type.")
  private String type;

  @Option(names = "--to", paramLabel = "FILE", description = "The new module, .wasm or .wat.")
  private Path module;

  @Option(names = "--rollback", description = "Go back to the module before the last swap.")
  private boolean rollback;

  @Option(
      names = "--check",
      paramLabel = "N",
      description = "Run up to N last turns of a Spirit before; 20 by default, 0 = none.")
  private Integer check;

  @Option(
      names = "--sample",
      paramLabel = "N",
      description = "Of up to N Spirits, those used last; 10 by default.")
  private Integer sample;

  @Option(
      names = "--accept-differences",
      description = "Swap although turns end otherwise, or Spirits would stay behind.")
  private boolean acceptDifferences;

  @Option(names = "--dry-run", description = "Only run the last turns; change nothing.")
  private boolean dryRun;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "How long to wait; 10min by default.")
  private Duration timeout = Duration.ofMinutes(10);

  SwapCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws InterruptedException {
    if (rollback == (module != null)) {
      throw usage("one of --to FILE and --rollback must be given");
    }
    SpiritId.checkType(type);
    long deadlineNanos = System.nanoTime() + timeout.toNanos();
    NodeClient client = node.client(this);
    ObjectNode answer;
    try {
      answer = (ObjectNode) Json.read(post(client));
    } catch (CommandFailure refused) {
      refused
          .problem()
          .ifPresent(
              problem -> {
                if (problem.has("check")) {
                  printCheck(problem.path("check"));
                }
              });
      throw refused;
    }
    if (!isJson()) {
      printCheck(answer.path("check"));
    }
    if (!answer.path("swapped").asBoolean()) {
      if (isJson()) {
        print(answer);
      }
      return found(answer.path("check")) ? 1 : 0;
    }
    if (!isJson()) {
      print(
          type
              + " revision "
              + answer.path("revision").asText()
              + " sha256:"
              + answer.path("digest").asText()
              + ", before sha256:"
              + answer.path("from").asText());
    }
    JsonNode progress = await(client, answer.path("progress"), deadlineNanos);
    answer.set("progress", progress);
    if (isJson()) {
      print(answer);
    } else {
      print(line(progress));
      progress
          .path("refusals")
          .forEach(
              one ->
                  print(
                      "  "
                          + one.path("id").asText()
                          + " stays: "
                          + one.path("code").asText()
                          + " "
                          + one.path("detail").asText()));
    }
    failUnlessAllMoved(progress);
    return 0;
  }

  private byte[] post(NodeClient client) {
    StringJoiner query = new StringJoiner("&", "?", "").setEmptyValue("");
    if (rollback) {
      query.add("rollback=true");
    }
    if (check != null) {
      query.add("check=" + check);
    }
    if (sample != null) {
      query.add("sample=" + sample);
    }
    if (acceptDifferences) {
      query.add("accept-differences=true");
    }
    if (dryRun) {
      query.add("dry-run=true");
    }
    BodyPublisher body =
        rollback
            ? BodyPublishers.noBody()
            : BodyPublishers.ofByteArray(new ModuleFile(module).read());
    terminal().progress("Checking " + type + " …");
    return client.post("/v1/deployments/" + type + "/swap" + query, Map.of(), body, timeout).body();
  }

  /** Whether a dry run found what would keep the swap from happening. */
  private static boolean found(JsonNode checked) {
    return checked.path("differing").asLong() > 0 || checked.path("refused").asLong() > 0;
  }

  private void printCheck(JsonNode checked) {
    if (isJson()) {
      return;
    }
    for (JsonNode spirit : checked.path("spirits")) {
      String id = spirit.path("id").asText();
      if (spirit.has("code")) {
        print(
            id
                + (spirit.path("transfer").asText().equals("refused")
                    ? " would stay: "
                    : " cannot be checked: ")
                + spirit.path("code").asText()
                + " "
                + spirit.path("detail").asText());
      }
      for (JsonNode difference : spirit.path("differences")) {
        String message = difference.path("type").asText();
        print(
            id
                + " turn "
                + difference.path("turn").asText()
                + (message.isEmpty() ? "" : " (" + message + ")")
                + ": "
                + difference.path("what").asText());
      }
    }
    print(
        checked.path("differing").asText()
            + " of "
            + checked.path("turns").asText()
            + " turns of "
            + spirits(checked.path("spirits").size())
            + " end otherwise");
  }

  private static String spirits(long count) {
    return count + (count == 1 ? " Spirit" : " Spirits");
  }

  /** Waits until all Spirits in memory have come to it. */
  private JsonNode await(NodeClient client, JsonNode first, long deadlineNanos)
      throws InterruptedException {
    JsonNode progress = first;
    String said = "";
    while (progress.path("waiting").asLong() > 0 && System.nanoTime() - deadlineNanos < 0) {
      TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
      progress = Json.read(client.get("/v1/deployments/" + type + "/swap").body());
      if (!line(progress).equals(said)) {
        said = line(progress);
        terminal().progress(said);
      }
    }
    return progress;
  }

  private static String line(JsonNode progress) {
    return progress.path("moved").asText()
        + " moved, "
        + progress.path("refused").asText()
        + " stay, "
        + progress.path("waiting").asText()
        + " at work, "
        + progress.path("later").asText()
        + " move before their next turn";
  }

  private void failUnlessAllMoved(JsonNode progress) {
    if (progress.path("refused").asLong() > 0) {
      JsonNode first = progress.path("refusals").path(0);
      throw new VudoException(
          ErrorCode.of(first.path("code").asText()),
          spirits(progress.path("refused").asLong())
              + " left on the module before; all others swap. "
              + first.path("id").asText()
              + ": "
              + first.path("detail").asText());
    }
    if (progress.path("waiting").asLong() > 0) {
      throw new VudoException(
          ErrorCode.ASK_TIMEOUT,
          spirits(progress.path("waiting").asLong()) + " still at work; the swap follows.");
    }
  }
}
