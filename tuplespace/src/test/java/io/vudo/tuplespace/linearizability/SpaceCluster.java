package io.vudo.tuplespace.linearizability;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Nodes of one cluster, each a process at an address of its own, and what can be done to them.
 *
 * <p>The one that hurts them is one thread; callers connect from any.
 */
final class SpaceCluster implements AutoCloseable {
  /** How long a cluster may take to be whole again. */
  static final Duration PATIENCE = Duration.ofMinutes(3);

  /** What was held for somebody who died is back after so long. */
  static final Duration HOLD = Duration.ofSeconds(8);

  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> RUNNING.forEach(Process::destroyForcibly), "kill-space-nodes"));
  }

  /** One of them. Its addresses stay the same when it is started again. */
  private final class Node {
    final int number;
    final String host;
    final int clusterPort;
    final InetSocketAddress service;
    Process process;

    Node(int number) throws IOException {
      this.number = number;
      this.host = "127.0.0." + (number + 1);
      this.clusterPort = freePort(host);
      this.service = new InetSocketAddress(host, freePort(host));
    }

    String seed() {
      return "\"pekko://vudo@" + host + ":" + clusterPort + "\"";
    }

    Path log() {
      return directory.resolve("node-" + number + ".log");
    }

    /** Starts it; it joins those that are given, or itself. */
    void start(List<Node> others) throws IOException {
      String seeds =
          others.isEmpty()
              ? seed()
              : others.stream().map(Node::seed).collect(Collectors.joining(", "));
      Path settings = directory.resolve("node-" + number + ".conf");
      Files.writeString(
          settings,
          SETTINGS.formatted(database, host, service.getPort(), host, clusterPort, seeds),
          UTF_8);
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.addAll(List.of(SpaceNode.class.getName(), settings.toString()));
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
              .start();
      RUNNING.add(process);
    }

    void awaitEnd() throws InterruptedException {
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        throw new AssertionError("Node " + number + " does not end; see " + log());
      }
      RUNNING.remove(process);
    }
  }

  private static final String SETTINGS =
      """
      test-node { database = "%s", host = "%s", port = %d }
      pekko {
        loglevel = WARNING
        stdout-loglevel = WARNING
        log-dead-letters = off
        actor { provider = cluster, allow-java-serialization = off }
        remote.artery {
          transport = tcp
          canonical { hostname = "%s", port = %d }
        }
        cluster {
          seed-nodes = [%s]
          downing-provider-class = "org.apache.pekko.cluster.sbr.SplitBrainResolverProvider"
          split-brain-resolver {
            active-strategy = keep-majority
            stable-after = 2s
            # On a busy machine nodes may well miss each other for a while.
            down-all-when-unstable = off
          }
          failure-detector { heartbeat-interval = 500ms, acceptable-heartbeat-pause = 5s }
          retry-unsuccessful-join-after = 1s
          leader-actions-interval = 200ms
          gossip-interval = 200ms
          jmx.enabled = off
          sharding {
            # Those that came last get their share soon.
            rebalance-interval = 1s
            retry-interval = 500ms
            waiting-for-state-timeout = 1s
            updating-state-timeout = 2s
            # When a node dies while a partition of it is to be handed over, Pekko asks the dead
            # one for the partition and waits as long as this.
            handoff-timeout = 10s
          }
        }
        coordinated-shutdown.exit-jvm = on
      }
      # What waits is to be sent again soon, and snapshots and recoveries are to be many.
      vudo.tuplespace {
        ask-timeout = 3s
        snapshot-every = 200
        hold-age = 4s
        hold-check-timeout = 2s
        hold-check-backoff-max = 2s
      }
      """;

  private final Path directory;
  private final String database;
  private final List<Node> nodes;
  private int startedAgain;

  private SpaceCluster(Path directory, String database, int size) throws IOException {
    this.directory = directory;
    this.database = database;
    this.nodes = new ArrayList<>();
    for (int number = 1; number <= size; number++) {
      nodes.add(new Node(number));
    }
  }

  /**
   * Starts it and waits until it is whole.
   *
   * @param directory for what the nodes say
   * @param database of a {@link io.vudo.testing.PostgresFixture}
   */
  static SpaceCluster start(Path directory, String database, int size)
      throws IOException, InterruptedException {
    SpaceCluster cluster = new SpaceCluster(directory, database, size);
    try {
      for (Node node : cluster.nodes) {
        node.start(node.number == 1 ? List.of() : cluster.nodes.subList(0, 1));
      }
      cluster.awaitWhole();
      return cluster;
    } catch (IOException | InterruptedException | RuntimeException | Error e) {
      cluster.close();
      throw e;
    }
  }

  private static int freePort(String host) throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(host))) {
      return socket.getLocalPort();
    }
  }

  int size() {
    return nodes.size();
  }

  /** How often a node was started that had ended by itself, since the others had given it up. */
  int startedAgain() {
    return startedAgain;
  }

  /** Where node {@code index}, from 0 on, takes connections. */
  InetSocketAddress service(int index) {
    return nodes.get(index).service;
  }

  /** SIGKILL; returns when the process is gone. */
  void kill(int index) throws InterruptedException {
    Node node = nodes.get(index);
    node.process.toHandle().destroyForcibly();
    node.awaitEnd();
  }

  /** Starts a node that is not there; it joins the others. */
  void startAgain(int index) throws IOException {
    Node node = nodes.get(index);
    node.start(nodes.stream().filter(other -> other != node).toList());
  }

  /** Has a node leave: its partitions go to others first. Returns when the process is gone. */
  void leave(int index) throws IOException, InterruptedException {
    try (NodeConnection connection = new NodeConnection(service(index))) {
      connection.ask("leave");
    }
    nodes.get(index).awaitEnd();
  }

  /** SIGSTOP or SIGCONT. */
  void signal(int index, String name) throws IOException, InterruptedException {
    long pid = nodes.get(index).process.pid();
    var unused =
        new ProcessBuilder("sh", "-c", "kill -" + name + " " + pid).inheritIO().start().waitFor();
  }

  /** Waits until so many others do not know a node any more. */
  void awaitSize(int size) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (membersSeen().stream().filter(seen -> seen == size).count() < size) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("The cluster has not got " + size + " nodes; see " + directory);
      }
      Thread.sleep(100);
    }
  }

  /** Waits until all nodes see each other up, and starts those that have ended by themselves. */
  void awaitWhole() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!membersSeen().stream().allMatch(seen -> seen == nodes.size())) {
      for (Node node : nodes) {
        if (!node.process.isAlive()) {
          RUNNING.remove(node.process);
          startedAgain++;
          startAgain(node.number - 1);
        }
      }
      if (System.nanoTime() > deadline) {
        throw new AssertionError("The cluster is not whole again; see " + directory);
      }
      Thread.sleep(100);
    }
  }

  private List<Integer> membersSeen() {
    return IntStream.range(0, nodes.size()).mapToObj(this::membersSeenBy).toList();
  }

  private int membersSeenBy(int index) {
    try (NodeConnection connection = new NodeConnection(service(index))) {
      return Integer.parseInt(connection.ask("members").split(" ", -1)[1]);
    } catch (IOException e) {
      return -1;
    }
  }

  @Override
  public void close() {
    for (Node node : nodes) {
      if (node.process != null) {
        node.process.destroyForcibly();
      }
    }
    for (Node node : nodes) {
      try {
        if (node.process != null) {
          node.awaitEnd();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
