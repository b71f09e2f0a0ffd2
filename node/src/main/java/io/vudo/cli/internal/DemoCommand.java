package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The main job, shown: Spirits count the words of a real text together through the tuplespace, the
 * node is killed in the middle, and the result is exact all the same.
 */
@Command(
    name = "demo",
    description =
        "Counts the words of a text with Spirits, kills the node with SIGKILL in the middle, restarts"
            + " it, and compares the result with tr | sort | uniq -c.")
final class DemoCommand extends VudoCommand {
  private static final int PIECES = 8;
  private static final int WORKERS = 4;
  private static final int TOP = 10;
  private static final Duration ASK_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final String SPLITTER = "wc-splitter/main";
  private static final String COLLECTOR = "wc-collector/main";

  @Option(
      names = "--text",
      paramLabel = "FILE",
      description = "The text to count; the GNU GPL by default.")
  private Path text;

  @Option(names = "--keep", description = "Keep the data directory and print where it is.")
  private boolean keep;

  DemoCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    Path examples = examples();
    Path source = text == null ? examples.resolve("wordcount/gpl-3.txt") : text;
    byte[] bytes = Files.readAllBytes(source);
    Path data = Files.createTempDirectory("vudo-demo-");
    try {
      return run(examples.resolve("prebuilt"), source, bytes, data);
    } finally {
      if (keep) {
        terminal().progress("The data directory is " + data);
      } else {
        deleteTree(data);
      }
    }
  }

  private int run(Path modules, Path source, byte[] bytes, Path data) throws IOException {
    List<byte[]> pieces = cut(bytes);
    int half = pieces.size() / 2;
    long countedBefore;
    long pid;

    step("Starting a node");
    try (NodeProcess node = NodeProcess.start(data)) {
      pid = node.pid();
      NodeClient client = new NodeClient(node.http());
      step("Deploying the word-count Spirits (C, compiled to WebAssembly)");
      deploy(client, modules, "wc-splitter", "tuplespace_write:wordcount");
      deploy(client, modules, "wc-worker", "tuplespace_take:wordcount", "cross_sandbox_call");
      deploy(client, modules, "wc-collector");
      step(
          "Feeding the first half of "
              + source.getFileName()
              + " ("
              + bytes.length
              + " bytes) and starting "
              + WORKERS
              + " workers");
      feed(client, pieces, 0, half);
      startWorkers(client, "first");
      countedBefore = awaitChunks(client, 1);
      step("Killing the node: kill -9 " + pid + ", " + countedBefore + " chunks counted so far");
      node.kill();
    }

    long restartNanos = System.nanoTime();
    step("Starting it again on the same data");
    try (NodeProcess node = NodeProcess.start(data)) {
      NodeClient client = new NodeClient(node.http());
      long countedAfter = number(ask(client, COLLECTOR, "status", "", ""), 0);
      long recoveryMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - restartNanos);
      if (countedAfter < countedBefore) {
        throw new VudoException(
            ErrorCode.INTERNAL_ERROR,
            countedBefore + " chunks were counted before the kill, " + countedAfter + " after it.");
      }
      step("Feeding the second half");
      // From the start: what was handled before the kill is recognised by its idempotency key.
      feed(client, pieces, 0, pieces.size());
      long chunks = number(ask(client, SPLITTER, "done", "", "done"), 0);
      startWorkers(client, "second");
      awaitChunks(client, chunks);
      List<String> counted =
          ask(client, COLLECTOR, "top", Integer.toString(TOP), "").lines().toList();
      long replayed = replayed(client);
      String[] status = ask(client, COLLECTOR, "status", "", "").split(" ", -1);

      List<String> expected = pipeline(source);
      String by = "tr | sort | uniq -c";
      if (expected.isEmpty()) {
        expected = inJava(bytes);
        by = "java";
      }
      boolean equal = counted.equals(expected);
      show(counted, expected, by, chunks, status, replayed, recoveryMillis, equal);
      return equal ? 0 : 1;
    }
  }

  private void show(
      List<String> counted,
      List<String> expected,
      String by,
      long chunks,
      String[] status,
      long replayed,
      long recoveryMillis,
      boolean equal) {
    if (isJson()) {
      ObjectNode result = Json.object();
      ArrayNode words = result.putArray("words");
      for (String line : counted) {
        String[] parts = line.split(" ", 2);
        words.addObject().put("word", parts[1]).put("count", Long.parseLong(parts[0]));
      }
      result
          .put("equal", equal)
          .put("comparedWith", by)
          .put("chunks", chunks)
          .put("distinctWords", Long.parseLong(status[2].strip()))
          .put("replayedTurns", replayed)
          .put("recoveryMillis", recoveryMillis);
      print(result);
      return;
    }
    Table table = new Table("WORD", "SPIRITS", by);
    for (int i = 0; i < Math.max(counted.size(), expected.size()); i++) {
      String[] ours = i < counted.size() ? counted.get(i).split(" ", 2) : new String[] {"-", "-"};
      String[] theirs =
          i < expected.size() ? expected.get(i).split(" ", 2) : new String[] {"-", "-"};
      table.row(
          ours[1].equals(theirs[1]) ? ours[1] : ours[1] + " / " + theirs[1], ours[0], theirs[0]);
    }
    table.lines().forEach(this::print);
    print("");
    print(
        (equal ? "Equal. " : "NOT EQUAL. ")
            + chunks
            + " chunks, "
            + status[1]
            + " words, "
            + status[2].strip()
            + " distinct.");
    print(
        replayed
            + " turns replayed; "
            + recoveryMillis
            + " ms from starting the process again to the first answer.");
  }

  // The node

  private void deploy(NodeClient client, Path modules, String type, String... grants)
      throws IOException {
    StringBuilder path = new StringBuilder("/v1/deployments/").append(type);
    for (int i = 0; i < grants.length; i++) {
      path.append(i == 0 ? '?' : '&').append("grant=").append(grants[i]);
    }
    client.post(
        path.toString(),
        Map.of(),
        BodyPublishers.ofFile(modules.resolve(type + ".wasm")),
        ASK_TIMEOUT);
  }

  private void feed(NodeClient client, List<byte[]> pieces, int from, int to) {
    for (int i = from; i < to; i++) {
      ask(client, SPLITTER, "text", pieces.get(i), "piece-" + i);
    }
  }

  private void startWorkers(NodeClient client, String round) {
    for (int i = 1; i <= WORKERS; i++) {
      ask(client, "wc-worker/" + i, "work", "", round);
    }
  }

  /** Waits until the collector has merged so many chunks. */
  private long awaitChunks(NodeClient client, long wanted) {
    long until = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      long chunks = number(ask(client, COLLECTOR, "status", "", ""), 0);
      if (chunks >= wanted) {
        return chunks;
      }
      if (System.nanoTime() - until > 0) {
        throw new VudoException(
            ErrorCode.ASK_TIMEOUT, "Only " + chunks + " of " + wanted + " chunks were counted.");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  private long replayed(NodeClient client) {
    JsonNode spirits = Json.read(client.get("/v1/spirits").body()).path("spirits");
    long turns = 0;
    for (JsonNode spirit : spirits) {
      turns += spirit.path("replayedTurns").asLong();
    }
    return turns;
  }

  private static String ask(
      NodeClient client, String spirit, String type, String payload, String key) {
    return ask(client, spirit, type, payload.getBytes(StandardCharsets.UTF_8), key);
  }

  private static String ask(
      NodeClient client, String spirit, String type, byte[] payload, String key) {
    Map<String, String> headers = new TreeMap<>(Map.of("X-Vudo-Type", type));
    if (!key.isEmpty()) {
      headers.put("Idempotency-Key", key);
    }
    HttpResponse<byte[]> response =
        client.post(
            "/v1/spirits/" + spirit + "/ask",
            headers,
            BodyPublishers.ofByteArray(payload),
            ASK_TIMEOUT);
    return new String(response.body(), StandardCharsets.UTF_8);
  }

  private static long number(String reply, int field) {
    return Long.parseLong(reply.strip().split(" ", -1)[field]);
  }

  // The other side of the comparison

  /** What the shell's own tools say; empty where there is no shell. */
  private static List<String> pipeline(Path source) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                "sh",
                "-c",
                "tr -cs 'A-Za-z' '\\n' | grep . | tr 'A-Z' 'a-z' | sort | uniq -c"
                    + " | sort -k1,1nr -k2,2 | head -n "
                    + TOP)
            .redirectInput(source.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("LC_ALL", "C");
    try {
      Process process = builder.start();
      try (Stream<String> lines = process.inputReader(StandardCharsets.UTF_8).lines()) {
        return lines.map(String::strip).toList();
      }
    } catch (IOException noShell) {
      return List.of();
    }
  }

  private static List<String> inJava(byte[] bytes) {
    Map<String, Long> counts = new TreeMap<>();
    Arrays.stream(new String(bytes, StandardCharsets.ISO_8859_1).split("[^A-Za-z]+"))
        .filter(word -> !word.isEmpty())
        .forEach(word -> counts.merge(word.toLowerCase(Locale.ROOT), 1L, Long::sum));
    return counts.entrySet().stream()
        .sorted(
            Map.Entry.<String, Long>comparingByValue()
                .reversed()
                .thenComparing(Map.Entry.comparingByKey()))
        .limit(TOP)
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .toList();
  }

  // Files

  private static Path examples() {
    String home = System.getProperty("vudo.home", ".");
    Path examples = Path.of(home).resolve("examples");
    if (!Files.isDirectory(examples)) {
      throw new VudoException(
          ErrorCode.NOT_FOUND, "There are no examples at " + examples.toAbsolutePath() + ".");
    }
    return examples;
  }

  private static List<byte[]> cut(byte[] bytes) {
    List<byte[]> pieces = new ArrayList<>();
    int size = Math.max(1, (bytes.length + PIECES - 1) / PIECES);
    for (int from = 0; from < bytes.length; from += size) {
      pieces.add(Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + size)));
    }
    return pieces;
  }

  private void step(String line) {
    terminal().progress(line);
  }

  private static void deleteTree(Path directory) throws IOException {
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(directory)) {
      deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : deepestFirst) {
      Files.deleteIfExists(path);
    }
  }
}
