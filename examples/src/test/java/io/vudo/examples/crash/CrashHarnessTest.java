package io.vudo.examples.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Callers do all that a node offers, under keys, while it is killed with SIGKILL again and again:
 * nothing acknowledged is lost, nothing is done twice or out of order, and no tuple is lost or
 * doubled.
 *
 * <p>A minute by default; {@code -Dcrash.minutes=60} an hour, in rounds of a few minutes that each
 * begin with a new node. The history of a round that fails is kept, and its path printed.
 */
class CrashHarnessTest {
  private static final double MINUTES =
      Double.parseDouble(System.getProperty("crash.minutes", "1"));
  private static final Duration ROUND = Duration.ofMinutes(3);
  private static final int CALLERS = 12;
  private static final Duration SETTLE = Duration.ofSeconds(60);
  private static final int FEWEST_KILLS_A_MINUTE = 10;
  private static final int SLOW = 3;

  @Test
  void nothingAcknowledgedIsLostDoneTwiceOrReordered(@TempDir Path directory) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println(
        "CrashHarnessTest: -Dvudo.test.seed=" + seed + " -Dcrash.minutes=" + MINUTES);
    Random random = new Random(seed);
    FastStart fast = FastStart.shared();
    long startNanos = System.nanoTime();
    long nanos = (long) (MINUTES * Duration.ofMinutes(1).toNanos());
    int fewest = (int) (FEWEST_KILLS_A_MINUTE * MINUTES);
    int kills = 0;
    for (int round = 1; round == 1 || goesOn(startNanos, nanos, kills < fewest); round++) {
      Duration left = Duration.ofNanos(startNanos + nanos - System.nanoTime());
      Duration time = left.isNegative() || left.compareTo(ROUND) > 0 ? ROUND : left;
      Path home = Files.createDirectory(directory.resolve("round-" + round));
      kills += round(fast, home, random.nextLong(), time);
      delete(home);
    }
    assertTrue(
        kills >= fewest, "Only " + kills + " kills in " + MINUTES + " minutes: this showed little");
  }

  /** A slow machine gets more time for what has to be seen. */
  private static boolean goesOn(long startNanos, long nanos, boolean tooLittle) {
    return System.nanoTime() - startNanos < (tooLittle ? SLOW * nanos : nanos);
  }

  private static int round(FastStart fast, Path directory, long seed, Duration time)
      throws IOException, InterruptedException {
    try (CrashNode node =
        fast.apply(
            CrashNode.in(
                directory,
                // Snapshots all the time, and holds that are asked about soon.
                "vudo.spirit.snapshot-every-events = 7",
                "vudo.tuplespace.snapshot-every = 20",
                "vudo.tuplespace.hold-age = 1 s"))) {
      CrashDriver driver = new CrashDriver(node, CALLERS, seed);
      driver.run(time);
      driver.callers().settle(SETTLE);
      // Once more, without anybody at work: what is there stays, and nothing comes late.
      driver.restart();
      List<Violation> violations = driver.callers().settle(SETTLE);
      int kills = driver.kills().values().stream().mapToInt(Integer::intValue).sum() + 1;
      System.out.printf(
          "CrashHarnessTest: %d kills %s, %d operations in %d requests, %d violations%n",
          kills,
          new TreeMap<>(driver.kills()),
          driver.callers().operations(),
          driver.callers().attempts(),
          violations.size());
      assertEquals(List.of(), some(violations), () -> kept(driver, node));
      return kills;
    }
  }

  private static List<Violation> some(List<Violation> violations) {
    return violations.subList(0, Math.min(20, violations.size()));
  }

  /** Keeps what a failure has to be understood from, outside of the directory that goes. */
  private static String kept(CrashDriver driver, CrashNode node) {
    try {
      Path kept = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "crash-");
      driver.callers().write(kept.resolve("history.jsonl"));
      node.kill();
      copy(node.data(), kept.resolve("data"));
      return "History and data directory are in " + kept;
    } catch (IOException e) {
      return "The history could not be kept: " + e;
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    for (Path file : tree(from)) {
      Files.copy(file, to.resolve(from.relativize(file).toString()));
    }
  }

  private static void delete(Path directory) throws IOException {
    List<Path> files = tree(directory);
    for (int i = files.size() - 1; i >= 0; i--) {
      Files.delete(files.get(i));
    }
  }

  /** All in a directory, each before what is within it. */
  private static List<Path> tree(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      return new ArrayList<>(files.toList());
    }
  }
}
