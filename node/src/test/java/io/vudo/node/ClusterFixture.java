package io.vudo.node;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.testing.PostgresFixture;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.Address;
import org.apache.pekko.cluster.typed.Cluster;

/** Several nodes of one cluster in this process, each on its own data directory, on one journal. */
public final class ClusterFixture implements AutoCloseable {
  public static final Duration PATIENCE = Duration.ofMinutes(1);

  /** So that {@link #kill} is abrupt. */
  private static final String ABRUPT =
      "pekko.coordinated-shutdown.run-by-actor-system-terminate = off\n";

  private static final AtomicInteger SCHEMAS = new AtomicInteger();

  /** One for all tests of this process, which ends it; each cluster has a schema of its own. */
  private static PostgresFixture postgres;

  private final String config;
  private final List<Integer> ports = new ArrayList<>();
  private final List<VudoNode> nodes = new ArrayList<>();

  /**
   * No node yet.
   *
   * @param most how many nodes there will be; all are seeds
   * @param config for all of them, above the defaults
   */
  public ClusterFixture(int most, String config) throws IOException {
    startPostgres();
    this.config =
        ABRUPT
            + "vudo.cluster.warm-up-rounds = 1\nvudo.journal.schema = cluster_"
            + SCHEMAS.incrementAndGet()
            + "\n"
            + config;
    List<ServerSocket> taken = new ArrayList<>();
    for (int i = 0; i < most; i++) {
      taken.add(new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1})));
    }
    for (ServerSocket socket : taken) {
      ports.add(socket.getLocalPort());
      socket.close();
    }
  }

  private static synchronized void startPostgres() throws IOException {
    if (postgres == null) {
      try {
        postgres = PostgresFixture.start(Files.createDirectories(Path.of("target")));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException(e);
      }
    }
  }

  /** The settings of the node with this number, on a fresh data directory. */
  public NodeSettings settings(int number, String more) {
    return settings(number, NodeFixture.newDataDirectory(), more);
  }

  public NodeSettings settings(int number, Path data, String more) {
    return NodeFixture.settings(data, config + "\n" + more)
        .withPort(ports.get(number))
        .withSeeds(ports.stream().map(port -> "127.0.0.1:" + port).toList())
        .withJournal(postgres.url());
  }

  public VudoNode start(int number) {
    return start(settings(number, ""));
  }

  public VudoNode start(NodeSettings settings) {
    VudoNode node = VudoNode.start(settings);
    nodes.add(node);
    return node;
  }

  /**
   * Ends a node without a word to the others, as {@code kill -9} looks to them. What it has open is
   * given back.
   */
  public void kill(VudoNode node) {
    nodes.remove(node);
    node.system().terminate();
    node.whenEnded().toCompletableFuture().join();
  }

  static Address addressOf(VudoNode node) {
    return Cluster.get(node.system()).selfMember().address();
  }

  /** How many members a node knows. */
  public static int members(VudoNode node) {
    int members = 0;
    for (var unused : Cluster.get(node.system()).state().getMembers()) {
      members++;
    }
    return members;
  }

  public static void awaitMembers(int number, VudoNode... nodes) {
    for (VudoNode node : nodes) {
      await().atMost(PATIENCE).until(() -> members(node) == number);
    }
  }

  static JsonNode status(VudoNode node) {
    return NodeFixture.of(node).get("/v1/status").json();
  }

  @Override
  public void close() {
    for (VudoNode node : List.copyOf(nodes)) {
      node.close();
    }
  }
}
