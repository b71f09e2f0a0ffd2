package io.vudo.tuplespace.linearizability;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.testing.PostgresFixture;
import io.vudo.tuplespace.linearizability.Operation.Item;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three nodes in processes of their own, many callers, and nodes that are killed, paused and leave
 * meanwhile: what the callers saw is what a tuplespace may do.
 *
 * <p>The seed fixes what callers and faults choose, not when threads run.
 */
final class ClusterLinearizabilityTest {
  private static final int OPERATIONS = Integer.getInteger("linearizability.operations", 12_000);
  private static final int FAULTS = Integer.getInteger("linearizability.faults", 7);
  private static final int CALLERS = Integer.getInteger("linearizability.callers", 24);

  private enum Fault {
    /** SIGKILL, and the node is back before the others have given it up. */
    KILL,
    /** SIGKILL, and the others go on without it for a while. */
    KILL_FOR_LONG,
    /** The node hands its partitions over and ends, and another one comes in its place. */
    LEAVE,
    /** SIGSTOP and SIGCONT, shorter than what makes the others give it up. */
    PAUSE,
    /** All connections to the database end in the midst of whatever they do. */
    CUT_JOURNAL
  }

  @Test
  void everyTupleIsTakenOnceWhateverBecomesOfTheNodes(
      @TempDir(cleanup = CleanupMode.ON_SUCCESS) Path directory) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println(
        "ClusterLinearizabilityTest: -Dvudo.test.seed="
            + seed
            + " -Dlinearizability.operations="
            + OPERATIONS
            + " -Dlinearizability.faults="
            + FAULTS
            + "; what the nodes say, and stays when it fails: "
            + directory);
    long begin = System.nanoTime();
    long[] marks = new long[3];
    List<Operation> history;
    Map<Fault, Integer> faults = new EnumMap<>(Fault.class);
    int startedAgain;
    try (PostgresFixture postgres = PostgresFixture.start(directory);
        SpaceCluster cluster = SpaceCluster.start(directory, postgres.url(), 3);
        Callers callers = new Callers(cluster, CALLERS, seed)) {
      marks[0] = secondsSince(begin);
      callers.start();
      Random random = new Random(seed);
      for (Fault fault : choose(random)) {
        Thread.sleep(random.nextInt(1500));
        callers.checkAlive();
        happen(fault, random, cluster, postgres);
        cluster.awaitWhole();
        faults.merge(fault, 1, Integer::sum);
      }
      marks[1] = secondsSince(begin);
      while (callers.ended() < OPERATIONS) {
        callers.checkAlive();
        Thread.sleep(50);
      }
      history = callers.finish();
      marks[2] = secondsSince(begin);
      startedAgain = cluster.startedAgain();
    }
    List<String> violations = check(history);
    System.out.printf(
        "ClusterLinearizabilityTest: %d operations, %d violations; whole after %d s, faults done after"
            + " %d s, operations after %d s; %s; %d nodes had ended by themselves; %s%n",
        history.size(),
        violations.size(),
        marks[0],
        marks[1],
        marks[2],
        faults,
        startedAgain,
        Callers.summary(history));
    if (!violations.isEmpty()) {
      keep(history, seed);
    }
    assertTrue(
        violations.isEmpty(),
        () ->
            violations.size()
                + " violations, seed "
                + seed
                + ":\n"
                + violations.stream().limit(10).collect(Collectors.joining("\n")));
    assertTrue(history.size() >= OPERATIONS);
  }

  private static long secondsSince(long beginNanos) {
    return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - beginNanos);
  }

  /** Each kind once, then any. */
  private static List<Fault> choose(Random random) {
    List<Fault> faults = new ArrayList<>(Arrays.asList(Fault.values()));
    Collections.shuffle(faults, random);
    while (faults.size() < FAULTS) {
      faults.add(Fault.values()[random.nextInt(Fault.values().length)]);
    }
    return faults.subList(0, FAULTS);
  }

  private static void happen(
      Fault fault, Random random, SpaceCluster cluster, PostgresFixture postgres) throws Exception {
    int victim = random.nextInt(cluster.size());
    switch (fault) {
      case KILL -> {
        duringCommits(random, postgres, () -> cluster.kill(victim));
        cluster.startAgain(victim);
      }
      case KILL_FOR_LONG -> {
        duringCommits(random, postgres, () -> cluster.kill(victim));
        cluster.awaitSize(cluster.size() - 1);
        Thread.sleep(random.nextInt(1500));
        cluster.startAgain(victim);
      }
      case LEAVE -> {
        cluster.leave(victim);
        Thread.sleep(random.nextInt(1500));
        cluster.startAgain(victim);
      }
      case PAUSE -> {
        cluster.signal(victim, "STOP");
        Thread.sleep(100 + random.nextInt(1900));
        cluster.signal(victim, "CONT");
      }
      case CUT_JOURNAL -> duringCommits(random, postgres, postgres::cutConnections);
    }
  }

  /** What happens to a partition. */
  @FunctionalInterface
  private interface Blow {
    void fall() throws Exception;
  }

  /**
   * A commit takes a millisecond, so a blow seldom falls into one. Here all wait to be committed
   * when it does: what was answered too early is lost, and what is told too late is done.
   */
  private static void duringCommits(Random random, PostgresFixture postgres, Blow blow)
      throws Exception {
    try (Connection held = postgres.holdCommits()) {
      Thread.sleep(100 + random.nextInt(300));
      blow.fall();
      held.rollback();
    }
  }

  private static List<String> check(List<Operation> history) {
    Map<Boolean, List<Operation>> parts =
        history.stream()
            .collect(Collectors.partitioningBy(one -> one.space().equals(Callers.SMALL)));
    List<String> violations = new ArrayList<>();
    UniqueTuplesChecker.check(parts.get(false)).forEach(one -> violations.add(one.toString()));
    Map<String, List<Operation>> small =
        parts.get(true).stream()
            .collect(
                Collectors.groupingBy(
                    one -> one.first().orElseThrow(), TreeMap::new, Collectors.toList()));
    LinearizabilityChecker<List<Item>> checker = new LinearizabilityChecker<>(new SpaceModel());
    small.values().forEach(operations -> checker.check(operations).ifPresent(violations::add));
    return violations;
  }

  private static void keep(List<Operation> history, long seed) throws Exception {
    Path file = Path.of(System.getProperty("java.io.tmpdir"), "linearizability-" + seed + ".txt");
    Files.write(file, history.stream().map(Operation::toString).toList(), UTF_8);
    System.out.println("ClusterLinearizabilityTest: the history is in " + file);
  }
}
