package io.vudo.examples.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.crash.Callers;
import io.vudo.examples.crash.FastStart;
import io.vudo.examples.crash.Violation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The callers of the crash harness at three nodes that share a journal, while nodes are killed,
 * stopped, cut off, restarted and emptied, and Spirits are moved: nothing acknowledged is lost,
 * nothing is done twice or out of order, and the logs have nothing that should not be there.
 *
 * <p>{@code -Dcluster.minutes} bounds the time under load. The profile {@code cluster} goes on
 * until there were 100 faults and 1,000 moves. What a failure has to be understood from is kept,
 * and its path printed.
 */
class ClusterCrashTest {
  private static final double MINUTES =
      Double.parseDouble(System.getProperty("cluster.minutes", "5"));

  /** As many at least, however long it takes. */
  private static final int FAULTS = Integer.getInteger("cluster.faults", 0);

  private static final int MOVES = Integer.getInteger("cluster.moves", 0);

  /** Whether nodes move Spirits when they are asked to. */
  private static final boolean RELOCATION = Boolean.getBoolean("cluster.relocation");

  private static final int CALLERS = 12;

  /**
   * How long a caller does nothing between two operations, at most. Without it, twelve callers take
   * all of a small machine, and what is to be seen here, that nodes come back, waits for them.
   */
  private static final Duration MOST_BETWEEN =
      Duration.ofMillis(Long.getLong("cluster.pause-millis", 150));

  private static final Duration SETTLE = Duration.ofSeconds(90);

  @Test
  void nothingAcknowledgedIsLostDoneTwiceOrReordered(@TempDir Path directory) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println(
        "ClusterCrashTest: -Dvudo.test.seed=" + seed + " -Dcluster.minutes=" + MINUTES);
    Random random = new Random(seed);
    FastStart fast = FastStart.shared();
    try (ClusterProcesses cluster =
        ClusterProcesses.start(
            directory,
            3,
            fast::apply,
            // Snapshots all the time, and holds that are asked about soon.
            "vudo.spirit.snapshot-every-events = 7",
            "vudo.tuplespace.snapshot-every = 20",
            "vudo.tuplespace.hold-age = 1 s")) {
      try (Callers callers =
          new Callers(new ClusterDoor(cluster.nodes())).withPauses(MOST_BETWEEN)) {
        boolean good = false;
        try {
          run(cluster, callers, random);
          good = true;
        } finally {
          if (!good) {
            System.out.println(kept(cluster, callers));
          }
        }
      }
    }
  }

  private static void run(ClusterProcesses cluster, Callers callers, Random random)
      throws IOException, InterruptedException {
    List<ClusterFault> faults = new ArrayList<>(ClusterFaults.all());
    Relocations relocations = new Relocations(cluster, random.nextLong());
    callers.start(CALLERS, random);
    if (RELOCATION) {
      faults.add(Relocations.drain());
      relocations.start();
    }
    Map<String, Integer> struck = strike(cluster, callers, relocations, faults, random);
    relocations.stop();
    callers.stop();
    callers.settle(SETTLE);
    // Once more, without anybody at work: what is there stays, and nothing comes late.
    cluster.killAllAndRestart();
    List<Violation> violations = callers.settle(SETTLE);
    System.out.printf(
        "ClusterCrashTest: %d faults %s, %d moves and %s refused, %d operations in %d requests,"
            + " %d violations%n",
        struck.values().stream().mapToInt(Integer::intValue).sum(),
        struck,
        relocations.done(),
        relocations.refused(),
        callers.operations(),
        callers.attempts(),
        violations.size());
    assertEquals(List.of(), some(violations));
    assertEquals(List.of(), some(cluster.unexpectedLogLines()));
    assertTrue(!struck.isEmpty() && callers.operations() > 0, "this showed nothing");
  }

  private static Map<String, Integer> strike(
      ClusterProcesses cluster,
      Callers callers,
      Relocations relocations,
      List<ClusterFault> faults,
      Random random)
      throws InterruptedException {
    Map<String, Integer> struck = new TreeMap<>();
    long endNanos = System.nanoTime() + (long) (MINUTES * Duration.ofMinutes(1).toNanos());
    int count = 0;
    while (System.nanoTime() < endNanos || count < FAULTS || relocations.done() < MOVES) {
      callers.throwIfFailed();
      ClusterFault fault = choose(faults, random);
      System.out.printf("ClusterCrashTest: fault %d, %s%n", ++count, fault.name());
      // Some work in between.
      Thread.sleep(random.nextInt(2_000));
      fault.strike(cluster, random);
      cluster.recover();
      struck.merge(fault.name(), 1, Integer::sum);
    }
    return struck;
  }

  private static ClusterFault choose(List<ClusterFault> faults, Random random) {
    int at = random.nextInt(faults.stream().mapToInt(ClusterFault::weight).sum());
    for (ClusterFault fault : faults) {
      at -= fault.weight();
      if (at < 0) {
        return fault;
      }
    }
    throw new IllegalStateException("weights");
  }

  private static <T> List<T> some(List<T> all) {
    return all.subList(0, Math.min(20, all.size()));
  }

  private static String kept(ClusterProcesses cluster, Callers callers) {
    try {
      Path kept = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "cluster-");
      cluster.keepLogs(kept);
      try {
        callers.write(kept.resolve("history.jsonl"));
      } catch (RuntimeException e) {
        System.out.println("Without the history, because the cluster does not answer: " + e);
      }
      return "ClusterCrashTest: history and logs are in " + kept;
    } catch (IOException e) {
      return "ClusterCrashTest: nothing could be kept: " + e;
    }
  }
}
