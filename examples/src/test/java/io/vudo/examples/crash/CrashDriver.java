package io.vudo.examples.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Lets {@link Callers} at a node and kills it meanwhile. It judges nothing.
 *
 * <p>What is chosen, by the callers and by the killer, comes from the seed. When a thread runs does
 * not, so a seed gives the same choices again and not the same run.
 */
final class CrashDriver {
  /** When the node is killed. */
  enum KillPoint {
    /** At any time while it serves. */
    ANY_TIME,
    /** While it starts. */
    STARTING,
    /** When it has just begun to serve, and its Spirits recover. */
    RECOVERING,
    /** At the moment when a caller has got an answer. */
    AFTER_ANSWER,
    /** While a deployment is under way. */
    DEPLOYING,
    /** When something was just written to the store of snapshots. */
    SNAPSHOT
  }

  /** Killing while it starts is cheap and shows less, so it is done less often. */
  private static final List<KillPoint> POINTS =
      List.of(
          KillPoint.ANY_TIME,
          KillPoint.ANY_TIME,
          KillPoint.AFTER_ANSWER,
          KillPoint.AFTER_ANSWER,
          KillPoint.AFTER_ANSWER,
          KillPoint.DEPLOYING,
          KillPoint.SNAPSHOT,
          KillPoint.SNAPSHOT,
          KillPoint.STARTING,
          KillPoint.RECOVERING);

  private static final Duration SIGNAL_PATIENCE = Duration.ofSeconds(2);

  private final CrashNode node;
  private final Callers callers;
  private final int count;
  private final long seed;
  private final Map<KillPoint, Integer> kills = new EnumMap<>(KillPoint.class);

  private final AtomicReference<Duration> lastStart = new AtomicReference<>(Duration.ofSeconds(1));

  CrashDriver(CrashNode node, int count, long seed) {
    this.node = node;
    this.callers = new Callers(node);
    this.count = count;
    this.seed = seed;
  }

  Callers callers() {
    return callers;
  }

  /** How often it killed, by when. */
  Map<KillPoint, Integer> kills() {
    return kills;
  }

  /** Starts the node, drives and kills until the time is over, and leaves the node running. */
  void run(Duration time) throws IOException, InterruptedException {
    long endNanos = System.nanoTime() + time.toNanos();
    Random random = new Random(seed);
    start();
    try (callers) {
      callers.start(count, random);
      while (System.nanoTime() < endNanos) {
        callers.throwIfFailed();
        kill(POINTS.get(random.nextInt(POINTS.size())), random);
      }
      callers.stop();
    }
  }

  /** Kills the node once more and starts it again. */
  void restart() {
    node.kill();
    start();
  }

  private void start() {
    long beginNanos = System.nanoTime();
    node.start();
    lastStart.set(Duration.ofNanos(System.nanoTime() - beginNanos));
  }

  // The killer

  private void kill(KillPoint point, Random random) {
    switch (point) {
      case ANY_TIME -> pause(Duration.ofMillis(random.nextInt(1_500)));
      case STARTING -> {
        node.kill();
        killed(KillPoint.ANY_TIME);
        node.launch();
        pause(Duration.ofNanos((long) (lastStart.get().toNanos() * random.nextDouble())));
      }
      case RECOVERING -> {
        // It was started just now, whatever the last kill was.
        pause(Duration.ofMillis(random.nextInt(150)));
      }
      case AFTER_ANSWER -> {
        awaitReached(callers.answers(), callers.answers().get() + 1 + random.nextInt(80));
      }
      case DEPLOYING -> {
        pause(Duration.ofMillis(random.nextInt(600)));
        awaitChange(callers.deployments()::get);
        pause(Duration.ofMillis(random.nextInt(60)));
      }
      case SNAPSHOT -> {
        pause(Duration.ofMillis(random.nextInt(1_000)));
        awaitChange(this::snapshotLog);
        LockSupport.parkNanos(random.nextInt(3_000_000));
      }
    }
    restart();
    killed(point);
  }

  private void killed(KillPoint point) {
    kills.merge(point, 1, Integer::sum);
  }

  /** Something that changes with each write to the store of snapshots. */
  private long snapshotLog() {
    Path log = node.data().resolve("journal/snapshots.db-wal");
    try {
      return Files.getLastModifiedTime(log).toMillis() * 31 + Files.size(log);
    } catch (IOException e) {
      return 0;
    }
  }

  /** Spins, because the moment counts; goes on by itself when nothing happens. */
  private static void awaitChange(LongSupplier what) {
    long deadline = System.nanoTime() + SIGNAL_PATIENCE.toNanos();
    long before = what.getAsLong();
    while (what.getAsLong() == before && System.nanoTime() < deadline) {
      LockSupport.parkNanos(20_000);
    }
  }

  private static void awaitReached(AtomicLong counter, long value) {
    long deadline = System.nanoTime() + SIGNAL_PATIENCE.toNanos();
    while (counter.get() < value && System.nanoTime() < deadline) {
      LockSupport.parkNanos(20_000);
    }
  }

  private static void pause(Duration time) {
    LockSupport.parkNanos(time.toNanos());
  }
}
