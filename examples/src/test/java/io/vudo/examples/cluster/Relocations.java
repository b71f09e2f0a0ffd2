package io.vudo.examples.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Spirits that are sent from node to node by operators' requests: all the time beside the other
 * faults, and all of a node's at once as a fault of its own.
 */
final class Relocations {
  private static final Duration BETWEEN = Duration.ofMillis(50);

  /** Less than a request may take. */
  private static final Duration DRAIN = Duration.ofSeconds(8);

  private static final Duration WHEN_NONE = Duration.ofMillis(200);
  private static final Map<String, String> JSON = Map.of("Content-Type", "application/json");

  private final ClusterProcesses cluster;
  private final Random random;
  private final AtomicBoolean enough = new AtomicBoolean();
  private final AtomicLong done = new AtomicLong();

  /** How often which code was the answer instead: a fault at the same time makes some fail. */
  private final Map<String, Integer> refused = new ConcurrentSkipListMap<>();

  private final Thread thread = new Thread(this::work, "relocations");

  Relocations(ClusterProcesses cluster, long seed) {
    this.cluster = cluster;
    this.random = new Random(seed);
  }

  void start() {
    thread.start();
  }

  void stop() throws InterruptedException {
    enough.set(true);
    thread.join();
  }

  /** How many Spirits were moved. */
  long done() {
    return done.get();
  }

  Map<String, Integer> refused() {
    return new TreeMap<>(refused);
  }

  private void work() {
    while (!enough.get()) {
      LockSupport.parkNanos((moveOne() ? BETWEEN : WHEN_NONE).toNanos());
    }
  }

  /** Moves a Spirit that is in memory somewhere to any other node. */
  private boolean moveOne() {
    List<ClusterNode> nodes = cluster.nodes();
    ClusterNode from = nodes.get(random.nextInt(nodes.size()));
    List<ClusterNode> others = cluster.others(from);
    ClusterNode to = others.get(random.nextInt(others.size()));
    if (!from.process().isServing() || from.isPaused() || to.isPaused()) {
      return false;
    }
    try {
      List<String> spirits = new ArrayList<>(from.residents());
      if (spirits.isEmpty()) {
        return false;
      }
      String spirit = spirits.get(random.nextInt(spirits.size()));
      byte[] unused = from.process().post("/v1/spirits/" + spirit + "/migrate", JSON, node(to));
      done.incrementAndGet();
      return true;
    } catch (VudoException e) {
      refused.merge(e.code().name(), 1, Integer::sum);
      return false;
    }
  }

  /** Empties a node, then ends and starts it. */
  static ClusterFault drain() {
    return new ClusterFault() {
      @Override
      public String name() {
        return "drain and restart";
      }

      @Override
      public void strike(ClusterProcesses cluster, Random random) {
        ClusterNode node = cluster.nodes().get(random.nextInt(cluster.nodes().size()));
        List<ClusterNode> others = cluster.others(node);
        ClusterNode asked = others.get(random.nextInt(others.size()));
        byte[] body =
            Json.object().put("timeoutMillis", DRAIN.toMillis()).toString().getBytes(UTF_8);
        try {
          byte[] unused =
              asked.process().post("/v1/cluster/nodes/" + node.name() + "/drain", JSON, body);
        } catch (VudoException e) {
          // Whatever is left there moves while the node ends, or comes up elsewhere.
          System.out.println("ClusterCrashTest: drain of " + node + ": " + e.getMessage());
        }
        cluster.restart(node);
      }
    };
  }

  private static byte[] node(ClusterNode node) {
    ObjectNode body = Json.object().put("node", node.name());
    return body.toString().getBytes(UTF_8);
  }
}
