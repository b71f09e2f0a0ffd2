package io.vudo.examples.cluster;

import static org.awaitility.Awaitility.await;

import io.vudo.examples.crash.CrashNode;
import io.vudo.examples.crash.FastStart;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.testing.PostgresFixture;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * A cluster of real processes on this machine, with a PostgreSQL of its own as the journal that
 * they share.
 *
 * <p>Each node has a loopback address, {@code 127.0.0.2} and so on, which Linux has without any
 * set-up, and a {@link LinkProxy} in front of its cluster port. A partition so cuts the nodes from
 * each other and leaves each of them its callers and the journal: the worst case, as both sides can
 * go on.
 *
 * <p>One thread at a time does things to it.
 */
final class ClusterProcesses implements AutoCloseable {
  /** How long anything may take that is not the subject of a test. */
  static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final Duration REQUEST_PATIENCE = Duration.ofSeconds(10);

  /**
   * Below those that the system gives to outgoing connections, and not where another process that
   * runs tests begins.
   */
  private static final int FIRST_PORT = 21_000 + (int) (ProcessHandle.current().pid() % 400) * 20;

  private static final int LAST_PORT = 31_000;

  private static final int MAX_STARTS = 3;

  private final PostgresFixture journal;
  private final List<ClusterNode> nodes = new ArrayList<>();

  private ClusterProcesses(PostgresFixture journal) {
    this.journal = journal;
  }

  /**
   * Starts PostgreSQL and the nodes, and waits until all see each other.
   *
   * @param directory that exists, for all they write
   * @param size how many nodes
   * @param settings lines of HOCON for all of them
   */
  static ClusterProcesses start(Path directory, int size, String... settings)
      throws IOException, InterruptedException {
    return start(directory, size, FastStart.shared()::apply, settings);
  }

  /**
   * The same with nodes that start fast, for tests that kill often.
   *
   * @param fast as {@link FastStart#apply}
   */
  static ClusterProcesses start(
      Path directory, int size, UnaryOperator<CrashNode> fast, String... settings)
      throws IOException, InterruptedException {
    return start(directory, size, fast, i -> List.of(), settings);
  }

  /** Settings of one node. */
  interface Own {
    /** Lines of HOCON for the node of this number, from 0. */
    List<String> of(int node);
  }

  static ClusterProcesses start(
      Path directory, int size, UnaryOperator<CrashNode> fast, Own own, String... settings)
      throws IOException, InterruptedException {
    ClusterProcesses cluster = new ClusterProcesses(PostgresFixture.start(directory));
    try {
      List<LinkProxy> proxies = new ArrayList<>();
      List<Integer> ports = new ArrayList<>();
      for (int i = 0; i < size; i++) {
        InetAddress host = LinkProxy.loopback(i + 2);
        int port = freePort(host, FIRST_PORT + i);
        int real = freePort(host, port + 1);
        proxies.add(
            LinkProxy.start(new InetSocketAddress(host, port), new InetSocketAddress(host, real)));
        ports.add(real);
      }
      for (int i = 0; i < size; i++) {
        List<String> lines = new ArrayList<>(List.of(settings));
        // Nothing here depends on it, and nodes start often.
        lines.add(0, "vudo.cluster.warm-up-rounds = 0");
        InetSocketAddress address = proxies.get(i).address();
        String host = address.getAddress().getHostAddress();
        lines.add("pekko.remote.artery.bind.hostname = \"" + host + "\"");
        lines.add("pekko.remote.artery.bind.port = " + ports.get(i));
        lines.add("pekko.remote.artery.advanced.tcp.outbound-client-hostname = \"" + host + "\"");
        lines.addAll(own.of(i));
        List<String> options = new ArrayList<>(List.of("--host", host));
        for (LinkProxy seed : proxies) {
          options.add("--seed");
          options.add(
              seed.address().getAddress().getHostAddress() + ":" + seed.address().getPort());
        }
        options.add("--journal");
        options.add(cluster.journal.url());
        Path home = Files.createDirectory(directory.resolve("node-" + (i + 1)));
        CrashNode process =
            fast.apply(CrashNode.in(home, lines.toArray(String[]::new)))
                .withPort(address.getPort())
                .withOptions(options.toArray(String[]::new))
                .withRequestTimeout(REQUEST_PATIENCE);
        cluster.nodes.add(new ClusterNode(process, proxies.get(i)));
      }
      // The first seed founds the cluster.
      cluster.nodes.get(0).process().start();
      startAll(cluster.nodes.subList(1, size));
      cluster.awaitWhole();
      return cluster;
    } catch (IOException | RuntimeException | Error e) {
      cluster.close();
      throw e;
    }
  }

  private static void startAll(List<ClusterNode> nodes) {
    List<CompletableFuture<Void>> starts =
        nodes.stream().map(node -> CompletableFuture.runAsync(() -> start(node))).toList();
    starts.forEach(CompletableFuture::join);
  }

  /** On a machine that is too busy the others may put out a node before it has joined. */
  private static void start(ClusterNode node) {
    for (int attempt = 1; ; attempt++) {
      try {
        node.process().start();
        return;
      } catch (VudoException e) {
        if (e.code() != ErrorCode.CLUSTER_UNREACHABLE || attempt == MAX_STARTS) {
          throw e;
        }
        node.kill();
      }
    }
  }

  private static int freePort(InetAddress host, int from) throws IOException {
    for (int port = from; port < LAST_PORT; port++) {
      try (ServerSocket probe = new ServerSocket(port, 1, host)) {
        return probe.getLocalPort();
      } catch (java.net.BindException taken) {
        // The next one.
      }
    }
    throw new IOException("No free port on " + host);
  }

  List<ClusterNode> nodes() {
    return List.copyOf(nodes);
  }

  PostgresFixture journal() {
    return journal;
  }

  /** All but one. */
  List<ClusterNode> others(ClusterNode node) {
    return nodes.stream().filter(other -> other != node).toList();
  }

  /** The node in whose memory a Spirit is. */
  ClusterNode ownerOf(String spirit) {
    return await("home of " + spirit)
        .atMost(PATIENCE)
        .ignoreExceptions()
        .until(
            () ->
                nodes.stream()
                    .filter(node -> node.process().isAlive() && !node.isPaused())
                    .filter(node -> node.residents().contains(spirit))
                    .findFirst()
                    .orElse(null),
            owner -> owner != null);
  }

  // The network

  /** Cuts a node from all others, in both directions. */
  void isolate(ClusterNode node) {
    for (ClusterNode other : others(node)) {
      cut(node, other);
      cut(other, node);
    }
  }

  /** What one node sends to another one does not arrive. */
  void cut(ClusterNode from, ClusterNode to) {
    to.proxy().cut(from.address());
  }

  /** No link is cut. */
  void heal() {
    nodes.forEach(node -> node.proxy().heal());
  }

  // Being whole

  /**
   * Ends all faults: no link is cut, no process stopped, those that are gone are started, and all
   * see each other again.
   */
  void recover() {
    heal();
    nodes.stream().filter(ClusterNode::isPaused).forEach(ClusterNode::resume);
    List<ClusterNode> wanted = new ArrayList<>(nodes);
    await("all nodes see each other")
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(100))
        .until(
            () -> {
              // A node that was put out ends by itself, maybe only after it was looked at.
              startAll(wanted.stream().filter(ClusterProcesses::isGone).toList());
              return isWhole();
            });
  }

  private static boolean isGone(ClusterNode node) {
    if (node.process().isAlive()) {
      return false;
    }
    node.kill();
    return true;
  }

  private boolean isWhole() {
    Set<String> names = nodes.stream().map(ClusterNode::name).collect(Collectors.toSet());
    return nodes.stream()
        .allMatch(node -> node.reachable().equals(names) && node.members().equals(names));
  }

  private void awaitWhole() {
    await("all nodes see each other").atMost(PATIENCE).until(this::isWhole);
  }

  /** Waits until no node in {@code seers} knows of {@code node} any more. */
  static void awaitRemoved(ClusterNode node, List<ClusterNode> seers) {
    await(node + " is put out")
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(100))
        .until(
            () ->
                seers.stream()
                    .map(ClusterNode::members)
                    .allMatch(members -> !members.isEmpty() && !members.contains(node.name())));
  }

  /** Ends a node as a signal does, and starts it again. */
  void restart(ClusterNode node) {
    int exit = node.process().terminate();
    if (exit != 0) {
      throw new AssertionError(node + " ended with " + exit + " after SIGTERM");
    }
    node.process().start();
  }

  /** Kills all at once, and starts them again. */
  void killAllAndRestart() {
    nodes.forEach(ClusterNode::kill);
    nodes.get(0).process().start();
    startAll(nodes.subList(1, nodes.size()));
    awaitWhole();
  }

  // Logs

  /** What the nodes logged and should not have. */
  List<String> unexpectedLogLines() throws IOException {
    List<String> unexpected = new ArrayList<>();
    for (ClusterNode node : nodes) {
      LogCheck.unexpected(node.log()).forEach(line -> unexpected.add(node + ": " + line));
    }
    return unexpected;
  }

  /** Copies all logs to a directory that exists. */
  void keepLogs(Path directory) throws IOException {
    for (ClusterNode node : nodes) {
      Files.writeString(
          directory.resolve("node-" + node.address().getHostAddress() + ".log"),
          node.log(),
          StandardCharsets.UTF_8);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      for (ClusterNode node : nodes) {
        node.close();
      }
    } finally {
      journal.close();
    }
  }
}
