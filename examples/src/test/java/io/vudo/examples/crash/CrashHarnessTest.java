package io.vudo.examples.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
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

  @Test
  void nothingAcknowledgedIsLostDoneTwiceOrReordered(@TempDir Path directory) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println(
        "CrashHarnessTest: -Dvudo.test.seed=" + seed + " -Dcrash.minutes=" + MINUTES);
    Random random = new Random(seed);
    FastStart fast = FastStart.prepare(Files.createDirectory(directory.resolve("fast")));
    long endNanos = System.nanoTime() + (long) (MINUTES * Duration.ofMinutes(1).toNanos());
    int kills = 0;
    for (int round = 1; round == 1 || System.nanoTime() < endNanos; round++) {
      Duration left = Duration.ofNanos(endNanos - System.nanoTime());
      Duration time = left.compareTo(ROUND) < 0 ? left : ROUND;
      Path home = Files.createDirectory(directory.resolve("round-" + round));
      kills += round(fast, home, random.nextLong(), time);
      delete(home);
    }
    assertTrue(
        kills >= FEWEST_KILLS_A_MINUTE * MINUTES,
        "Only " + kills + " kills in " + MINUTES + " minutes: this showed little");
  }

  private static int round(FastStart fast, Path directory, long seed, Duration time)
      throws IOException, InterruptedException {
    List<Workload> workloads = Workloads.all();
    Checker checker = new Checker(workloads);
    try (CrashNode node =
        fast.apply(
            CrashNode.in(
                directory,
                // Snapshots all the time, and holds that are asked about soon.
                "vudo.spirit.snapshot-every-events = 7",
                "vudo.tuplespace.snapshot-every = 20",
                "vudo.tuplespace.hold-age = 1 s"))) {
      CrashDriver driver = new CrashDriver(node, workloads, CALLERS, seed);
      driver.run(time);
      settle(driver, checker);
      // Once more, without anybody at work: what is there stays, and nothing comes late.
      driver.restart();
      Map<String, Map<String, List<String>>> state = settle(driver, checker);
      List<Violation> violations = checker.check(driver.history().all(), state);
      int kills = driver.kills().values().stream().mapToInt(Integer::intValue).sum() + 1;
      System.out.printf(
          "CrashHarnessTest: %d kills %s, %d operations in %d requests, %d violations%n",
          kills,
          new TreeMap<>(driver.kills()),
          driver.history().size(),
          driver.attempts(),
          violations.size());
      assertEquals(List.of(), some(violations), () -> kept(driver, node, state));
      return kills;
    }
  }

  /** Waits until what is still under way has arrived, and a little longer for what should not. */
  private static Map<String, Map<String, List<String>>> settle(
      CrashDriver driver, Checker checker) {
    long deadline = System.nanoTime() + SETTLE.toNanos();
    while (!checker.check(driver.history().all(), driver.observe()).isEmpty()
        && System.nanoTime() < deadline) {
      LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    }
    // What would come twice comes with the next redelivery.
    LockSupport.parkNanos(Duration.ofMillis(1_500).toNanos());
    return driver.observe();
  }

  private static List<Violation> some(List<Violation> violations) {
    return violations.subList(0, Math.min(20, violations.size()));
  }

  /** Keeps what a failure has to be understood from, outside of the directory that goes. */
  private static String kept(
      CrashDriver driver, CrashNode node, Map<String, Map<String, List<String>>> state) {
    try {
      Path kept = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "crash-");
      Map<String, List<String>> flat = new TreeMap<>();
      state.forEach(
          (workload, values) -> values.forEach((name, v) -> flat.put(workload + " " + name, v)));
      driver.history().write(kept.resolve("history.jsonl"), flat);
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
