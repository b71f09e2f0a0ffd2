package io.vudo.examples;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The word count over a real text is exact however often the node is killed on the way, and no
 * tuple is lost or left.
 */
class WordCountTest {
  private static final String SPLITTER = "wc-splitter/main";
  private static final String COLLECTOR = "wc-collector/main";
  private static final int PIECES = 12;
  private static final int WORKERS = 4;
  private static final int KILLS = Integer.getInteger("vudo.test.wordcount.kills", 4);

  /** The committed modules; those just built too, when the profile "guests" has built them. */
  static Stream<Path> modules() {
    return Stream.of("prebuilt", "target/guests")
        .map(Guests::file)
        .filter(directory -> Files.exists(directory.resolve("wc-worker.wasm")));
  }

  @ParameterizedTest
  @MethodSource("modules")
  void theResultIsExactHoweverOftenTheNodeIsKilled(Path modules, @TempDir Path directory)
      throws IOException {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("WordCountTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    byte[] text = Files.readAllBytes(Guests.file("wordcount/gpl-3.txt"));
    try (TestNode node = TestNode.start(directory, "vudo.tuplespace.hold-age = 1 s")) {
      node.deploy("wc-splitter", read(modules, "wc-splitter"), "grant=tuplespace_write:wordcount");
      node.deploy(
          "wc-worker",
          read(modules, "wc-worker"),
          "grant=tuplespace_take:wordcount",
          "grant=cross_sandbox_call");
      node.deploy("wc-collector", read(modules, "wc-collector"));

      // The first kills come while the text is fed, the others while it is counted.
      List<Integer> killsAt =
          IntStream.range(0, KILLS / 2).map(i -> random.nextInt(PIECES)).boxed().toList();
      for (int piece = 0; piece < PIECES; piece++) {
        int from = text.length * piece / PIECES;
        int to = text.length * (piece + 1) / PIECES;
        String part = new String(text, from, to - from, UTF_8);
        node.askUntilAnswered(SPLITTER, "text", part, "piece-" + piece);
        if (piece == 1) {
          startWorkers(node, "early");
        }
        if (killsAt.contains(piece)) {
          node.killAndRestart();
        }
      }
      long chunks = Long.parseLong(node.askUntilAnswered(SPLITTER, "done", "", "done"));
      startWorkers(node, "first");
      for (int kill = 0; kill < KILLS - KILLS / 2; kill++) {
        long before = random.nextLong(chunks + 1);
        await()
            .atMost(TestNode.PATIENCE)
            .pollInterval(Duration.ofMillis(1))
            .until(() -> counted(node) >= before);
        node.killAndRestart();
        startWorkers(node, "after-" + kill);
      }

      // A chunk that was held when the node died comes back when all workers may be idle already.
      await()
          .atMost(TestNode.PATIENCE)
          .until(
              () -> {
                askWorkers(node, "work");
                return counted(node);
              },
              counted -> counted == chunks);
      assertResult(node, text, chunks);

      // A tuple that is held does not count, and is back when its take never was: so let every hold
      // be decided, by those who hold and by a space that starts anew, and look again.
      node.killAndRestart();
      startWorkers(node, "last");
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> askWorkers(node, "work").stream().allMatch("idle"::equals));
      await()
          .during(Duration.ofSeconds(2))
          .atMost(TestNode.PATIENCE)
          .until(
              () ->
                  node.count("wordcount", "[{\"?\":\"any\"},{\"?\":\"any\"},{\"?\":\"any\"}]")
                      == 0);
      assertResult(node, text, chunks);
      long byWorkers = askWorkers(node, "status").stream().mapToLong(Long::parseLong).sum();
      assertEquals(chunks, byWorkers, "each chunk was taken by one worker, once");
    }
  }

  private static byte[] read(Path modules, String name) throws IOException {
    return Files.readAllBytes(modules.resolve(name + ".wasm"));
  }

  private static void startWorkers(TestNode node, String round) {
    for (int i = 1; i <= WORKERS; i++) {
      node.askUntilAnswered("wc-worker/" + i, "work", "", round);
    }
  }

  private static List<String> askWorkers(TestNode node, String type) {
    return IntStream.rangeClosed(1, WORKERS)
        .mapToObj(i -> node.ask("wc-worker/" + i, type, ""))
        .toList();
  }

  private static long counted(TestNode node) {
    return Long.parseLong(node.ask(COLLECTOR, "status", "").strip().split(" ", -1)[0]);
  }

  private static void assertResult(TestNode node, byte[] text, long chunks) {
    List<String> expected = reference(text);
    assertEquals(expected, node.ask(COLLECTOR, "top", "100000").lines().toList());
    long words = expected.stream().mapToLong(line -> Long.parseLong(line.split(" ", 2)[0])).sum();
    assertEquals(
        chunks + " " + words + " " + expected.size(), node.ask(COLLECTOR, "status", "").strip());
    assertEquals(Long.toString(chunks), node.ask(SPLITTER, "status", "").strip());
  }

  /** All words by frequency, counted without any Spirit. */
  private static List<String> reference(byte[] text) {
    Map<String, Long> counts = new TreeMap<>();
    Arrays.stream(new String(text, ISO_8859_1).split("[^A-Za-z]+"))
        .filter(word -> !word.isEmpty())
        .forEach(word -> counts.merge(word.toLowerCase(Locale.ROOT), 1L, Long::sum));
    return counts.entrySet().stream()
        .sorted(
            Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder())
                .thenComparing(Map.Entry.comparingByKey()))
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .toList();
  }
}
