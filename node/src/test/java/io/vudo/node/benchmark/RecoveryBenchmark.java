package io.vudo.node.benchmark;

import io.vudo.node.VudoNode;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.Engines;
import io.vudo.spirit.SpiritStatus;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * Not a test: how long the first ask of a Spirit takes after a crash, by the number of turns since
 * its snapshot. docs/benchmarks.md has the command and what it printed.
 *
 * <p>Each Spirit is made to leave memory, by which it gets its snapshot, and then runs so many
 * turns. The data directory as it is then, without any end, is copied for every round, as a crash
 * would leave it; the node of the round asks each Spirit once, in another order each time. A Spirit
 * of the same type is asked before, so that nobody waits for the module.
 */
public final class RecoveryBenchmark {
  private static final Duration TIMEOUT = Duration.ofMinutes(2);
  private static final byte[] NOTHING = {};
  private static final int[] TURNS = {0, 100, 1_000, 10_000};
  private static final int TURNS_BEFORE = 200;
  private static final int AT_ONCE = 256;
  private static final String WARM = "warm";

  private RecoveryBenchmark() {}

  private record Key(String type, int turns) {
    SpiritId spirit() {
      return new SpiritId(type, "n" + turns);
    }

    /** What it has counted, with one turn for its birth. */
    long count() {
      return TURNS_BEFORE + (long) turns;
    }
  }

  /**
   * Runs it on each engine.
   *
   * @param arguments rounds (5)
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    Path directory = Files.createTempDirectory("vudo-benchmark-");
    try {
      Path crashed = directory.resolve("crashed");
      List<Key> keys = prepare(directory.resolve("first"), crashed);
      Map<Key, List<Double>> millis = new LinkedHashMap<>();
      keys.forEach(key -> millis.put(key, new ArrayList<>()));
      for (int round = -1; round < rounds; round++) {
        Path data = directory.resolve("round" + round);
        copy(crashed, data);
        try (VudoNode node = BenchmarkNodes.start(data, "")) {
          for (String type : Engines.names()) {
            ask(node, new SpiritId(type, WARM)).join();
          }
          for (int i = 0; i < keys.size(); i++) {
            Key key = keys.get(Math.floorMod(i + round, keys.size()));
            long start = System.nanoTime();
            long count = ask(node, key.spirit()).join();
            double took = (System.nanoTime() - start) / 1e6;
            check(key.count() + 1, count, key);
            check(key.turns(), replayed(node, key.spirit()), key);
            // The first round does not count: classes and compilers.
            if (round >= 0) {
              millis.get(key).add(took);
            }
          }
        }
        BenchmarkNodes.delete(data);
      }
      print(rounds, millis);
    } finally {
      BenchmarkNodes.delete(directory);
    }
  }

  private static List<Key> prepare(Path data, Path crashed) throws Exception {
    List<Key> keys = new ArrayList<>();
    try (VudoNode node =
        BenchmarkNodes.start(
            data, "vudo.spirit { idle-timeout = 3 s, snapshot-every-events = 1000000000 }")) {
      for (String type : Engines.names()) {
        BenchmarkNodes.deploy(node, type, "?engine=" + type, BenchmarkNodes.counter());
        run(node, new SpiritId(type, WARM), 1);
        for (int turns : TURNS) {
          keys.add(new Key(type, turns));
          run(node, new SpiritId(type, "n" + turns), TURNS_BEFORE);
        }
      }
      while (!node.spirits().resident().isEmpty()) {
        Thread.sleep(100);
      }
      for (Key key : keys) {
        run(node, key.spirit(), key.turns());
      }
      copy(data, crashed);
      for (Key key : keys) {
        if (key.turns() > 0 && replayed(node, key.spirit()) < 0) {
          throw new IllegalStateException(key + " left memory too early; the machine is too busy");
        }
      }
    }
    return keys;
  }

  private static void run(VudoNode node, SpiritId spirit, int turns) {
    for (int done = 0; done < turns; ) {
      List<CompletableFuture<Long>> some = new ArrayList<>();
      while (done < turns && some.size() < AT_ONCE) {
        some.add(ask(node, spirit));
        done++;
      }
      some.forEach(CompletableFuture::join);
    }
  }

  private static CompletableFuture<Long> ask(VudoNode node, SpiritId spirit) {
    return node.spirits()
        .ask(spirit, "add", NOTHING, "", TIMEOUT)
        .thenApply(
            reply -> ByteBuffer.wrap(reply.orElseThrow()).order(ByteOrder.LITTLE_ENDIAN).getLong())
        .toCompletableFuture();
  }

  /** -1 when it is not in memory. */
  private static long replayed(VudoNode node, SpiritId spirit) {
    return node.spirits().resident().stream()
        .filter(status -> status.id().equals(spirit))
        .mapToLong(SpiritStatus::replayedTurns)
        .findFirst()
        .orElse(-1);
  }

  private static void check(long expected, long actual, Key key) {
    if (expected != actual) {
      throw new IllegalStateException(key + ": expected " + expected + ", got " + actual);
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> walk = Files.walk(from)) {
      for (Path path : walk.toList()) {
        Files.copy(path, to.resolve(from.relativize(path)));
      }
    }
  }

  private static void print(int rounds, Map<Key, List<Double>> millis) {
    System.out.printf(
        Locale.ROOT, "%-34s %12s %14s%n", "first ask, median of " + rounds, "ms", "us a turn");
    Map<String, Double> base = new LinkedHashMap<>();
    millis.forEach(
        (key, all) -> {
          double median = Load.median(all.stream().mapToDouble(Double::doubleValue).toArray());
          base.putIfAbsent(key.type(), median);
          System.out.printf(
              Locale.ROOT,
              "%-34s %,12.2f %14s%n",
              key.type() + ", " + key.turns() + " turns since",
              median,
              key.turns() == 0
                  ? ""
                  : String.format(
                      Locale.ROOT, "%.1f", (median - base.get(key.type())) * 1e3 / key.turns()));
        });
  }
}
