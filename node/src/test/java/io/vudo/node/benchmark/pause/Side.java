package io.vudo.node.benchmark.pause;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Nodes of one kind, each in a process of its own, that share a database. The first one stays, and
 * is the one who pings. One thread uses it.
 */
final class Side implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Duration POLL = Duration.ofMillis(50);

  /**
   * What a side is.
   *
   * @param name for the table
   * @param kind {@code stock} or {@code vudo}
   * @param seed a line of HOCON that names the first node, with {@code %s} for its {@code
   *     host:port}
   * @param settings HOCON for all nodes, with {@code %s} for the URL of the database
   * @param moves whether it moves entities by name
   */
  record Spec(String name, String kind, String seed, String settings, boolean moves) {}

  private record Node(Process process, BufferedReader out, OutputStream in, String address) {
    String ask(String line) throws IOException {
      in.write((line + "\n").getBytes(UTF_8));
      in.flush();
      return answer(out.readLine(), line);
    }

    static String answer(String answer, String question) throws IOException {
      if (answer == null || answer.startsWith("error ")) {
        throw new IOException(question + ": " + answer);
      }
      return answer;
    }
  }

  private final Spec spec;
  private final String databaseUrl;
  private final Path directory;
  private final List<Node> nodes = new ArrayList<>();
  private int started;

  private Side(Spec spec, String databaseUrl, Path directory) {
    this.spec = spec;
    this.databaseUrl = databaseUrl;
    this.directory = directory;
  }

  /** Starts so many nodes. */
  static Side start(Spec spec, String databaseUrl, Path directory, int size)
      throws IOException, InterruptedException {
    Side side = new Side(spec, databaseUrl, directory);
    try {
      for (int i = 0; i < size; i++) {
        side.join();
      }
      side.nodes.get(0).ask("prepare");
      return side;
    } catch (IOException | InterruptedException | RuntimeException e) {
      side.close();
      throw e;
    }
  }

  /** Starts one more node, and returns when all see all. */
  void join() throws IOException, InterruptedException {
    started++;
    Path config = directory.resolve("node-" + started + ".conf");
    String settings = spec.settings().formatted(databaseUrl);
    String seed = nodes.isEmpty() ? "" : spec.seed().formatted(nodes.get(0).address());
    Files.writeString(config, settings + "\n" + seed, UTF_8);
    Path errors = directory.resolve("node-" + started + ".err");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms768m",
                "-Xmx768m",
                // Young collections of G1's default goal, 200 ms, would be the pauses that one
                // sees.
                "-XX:MaxGCPauseMillis=20",
                "-XX:+AlwaysPreTouch",
                "-XX:-DontCompileHugeMethods",
                "-Dlogback.configurationFile=io/vudo/cli/logback-command.xml",
                "-cp",
                System.getProperty("java.class.path"),
                MemberProcess.class.getName(),
                spec.kind(),
                config.toString(),
                directory.resolve("data-" + started).toString())
            .redirectError(errors.toFile())
            .start();
    BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    String ready = out.readLine();
    if (ready == null || !ready.startsWith("ready ")) {
      process.destroyForcibly();
      throw new IOException(ready + "\n" + Files.readString(errors));
    }
    nodes.add(
        new Node(process, out, process.getOutputStream(), ready.substring("ready ".length())));
    awaitMembers();
  }

  private void awaitMembers() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (Node node : nodes) {
      while (!node.ask("members").equals(Integer.toString(nodes.size()))) {
        if (System.nanoTime() > deadline) {
          throw new IOException(node.address() + " does not see " + nodes.size() + " members");
        }
        Thread.sleep(POLL.toMillis());
      }
    }
  }

  int size() {
    return nodes.size();
  }

  /**
   * Lets the newest node leave, as on SIGTERM; returns when its process has ended.
   *
   * @return how long each entity that it handed over was paused, in microseconds
   */
  List<Long> leave() throws IOException, InterruptedException {
    Node node = nodes.remove(nodes.size() - 1);
    List<Long> pauses = numbers(node.ask("leave")).toList();
    node.in().close();
    if (!node.process().waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new IOException(node.address() + " does not end");
    }
    return pauses;
  }

  /** How long each entity was paused that any node handed over since the last call. */
  List<Long> takePauses() throws IOException {
    List<Long> pauses = new ArrayList<>();
    for (Node node : nodes) {
      numbers(node.ask("pauses")).forEach(pauses::add);
    }
    return pauses;
  }

  /** How long asks of the first node took, one after the other, in microseconds. */
  List<Long> solo(int entity, int asks) throws IOException {
    return numbers(nodes.get(0).ask("solo " + entity + " " + asks)).toList();
  }

  /** What a node has in use, in bytes. */
  long heapBytes(int node) throws IOException {
    return Long.parseLong(nodes.get(node).ask("heap"));
  }

  void fill(int entities, int bytes) throws IOException {
    nodes.get(0).ask("fill " + entities + " " + bytes);
  }

  /** The entities on a node, by its place in the order of joining. */
  Set<Integer> residents(int node) throws IOException {
    return numbers(nodes.get(node).ask("residents"))
        .map(Long::intValue)
        .collect(Collectors.toSet());
  }

  // Pinging

  void startPinging(int entities, Duration think) throws IOException {
    nodes.get(0).ask("ping " + entities + " " + think.toMillis());
  }

  void stopPinging() throws IOException {
    nodes.get(0).ask("quiet");
  }

  /** The longest waits since the last call, in microseconds by entity. */
  long[] takeLongestMicros() throws IOException {
    return numbers(nodes.get(0).ask("longest")).mapToLong(Long::longValue).toArray();
  }

  /** How many asks were not answered in time since the last call. */
  long takeUnanswered() throws IOException {
    return Long.parseLong(nodes.get(0).ask("unanswered"));
  }

  /** The mean time of an ask since the last call, in microseconds. */
  long takeMeanMicros() throws IOException {
    return Long.parseLong(nodes.get(0).ask("mean"));
  }

  /** What a caller that asks all the time waited before a move at the longest, and around it. */
  record Moved(long beforeMicros, long aroundMicros) {}

  /** Moves an entity to a node, by the node's place. */
  Moved move(int entity, int node) throws IOException {
    List<Long> micros =
        numbers(nodes.get(0).ask("move " + entity + " " + nodes.get(node).address())).toList();
    return new Moved(micros.get(0), micros.get(1));
  }

  private static Stream<Long> numbers(String line) {
    return Stream.of(line.split(" ", -1)).filter(word -> !word.isEmpty()).map(Long::valueOf);
  }

  @Override
  public void close() {
    nodes.forEach(node -> node.process().destroyForcibly());
  }
}
