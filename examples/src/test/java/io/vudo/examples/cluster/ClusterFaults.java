package io.vudo.examples.cluster;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/** The faults that come from outside of the nodes. */
final class ClusterFaults {
  private static final int LONGEST_BLINK_MILLIS = 2_000;

  private ClusterFaults() {}

  /** All of them. */
  static List<ClusterFault> all() {
    return List.of(
        fault("kill and start at once", 10, ClusterFaults::killAndStart),
        fault("kill until taken over", 10, ClusterFaults::killUntilTakenOver),
        fault("stop for a blink", 10, ClusterFaults::stopForABlink),
        fault("stop past downing", 10, ClusterFaults::stopPastDowning),
        fault("cut for a blink", 10, ClusterFaults::cutForABlink),
        fault("cut off until put out", 10, ClusterFaults::cutOffUntilPutOut),
        fault("restart by SIGTERM", 15, ClusterFaults::restart),
        fault("roll all by SIGTERM", 5, ClusterFaults::roll));
  }

  private interface Strike {
    void on(ClusterProcesses cluster, Random random) throws InterruptedException;
  }

  private static ClusterFault fault(String name, int weight, Strike strike) {
    return new ClusterFault() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public int weight() {
        return weight;
      }

      @Override
      public void strike(ClusterProcesses cluster, Random random) throws InterruptedException {
        strike.on(cluster, random);
      }
    };
  }

  private static ClusterNode any(ClusterProcesses cluster, Random random) {
    return cluster.nodes().get(random.nextInt(cluster.nodes().size()));
  }

  /** The others find out that it is another process by its joining. */
  private static void killAndStart(ClusterProcesses cluster, Random random) {
    ClusterNode node = any(cluster, random);
    node.kill();
    node.process().start();
  }

  private static void killUntilTakenOver(ClusterProcesses cluster, Random random) {
    ClusterNode node = any(cluster, random);
    node.kill();
    ClusterProcesses.awaitRemoved(node, cluster.others(node));
  }

  /** Too short for anybody to act upon, most of the time. */
  private static void stopForABlink(ClusterProcesses cluster, Random random) {
    ClusterNode node = any(cluster, random);
    node.pause();
    pause(random.nextInt(LONGEST_BLINK_MILLIS));
    node.resume();
  }

  /** The others take over; then it goes on, and believes that nothing has happened. */
  private static void stopPastDowning(ClusterProcesses cluster, Random random) {
    ClusterNode node = any(cluster, random);
    node.pause();
    ClusterProcesses.awaitRemoved(node, cluster.others(node));
    node.resume();
    awaitEnd(node);
  }

  /** One direction, or both, of one link. */
  private static void cutForABlink(ClusterProcesses cluster, Random random) {
    ClusterNode from = any(cluster, random);
    List<ClusterNode> others = cluster.others(from);
    ClusterNode to = others.get(random.nextInt(others.size()));
    cluster.cut(from, to);
    if (random.nextBoolean()) {
      cluster.cut(to, from);
    }
    pause(random.nextInt(LONGEST_BLINK_MILLIS));
    cluster.heal();
  }

  /** Both sides go on with callers and journal until the smaller one gives up. */
  private static void cutOffUntilPutOut(ClusterProcesses cluster, Random random) {
    ClusterNode node = any(cluster, random);
    cluster.isolate(node);
    ClusterProcesses.awaitRemoved(node, cluster.others(node));
    awaitEnd(node);
  }

  private static void restart(ClusterProcesses cluster, Random random) {
    cluster.restart(any(cluster, random));
  }

  private static void roll(ClusterProcesses cluster, Random random) {
    for (ClusterNode node : cluster.nodes()) {
      cluster.restart(node);
      cluster.recover();
    }
  }

  /** A node that was put out ends by itself. */
  static void awaitEnd(ClusterNode node) {
    await(node + " ends").atMost(ClusterProcesses.PATIENCE).until(() -> !node.process().isAlive());
  }

  private static void pause(int millis) {
    LockSupport.parkNanos(Duration.ofMillis(millis).toNanos());
  }
}
