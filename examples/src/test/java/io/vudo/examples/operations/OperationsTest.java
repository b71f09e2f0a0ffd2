package io.vudo.examples.operations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.crash.FastStart;
import io.vudo.testing.PostgresFixture;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The scripts of docs/operations, one after the other, on one cluster of real processes, while a
 * caller goes on; what it was told is true at the end.
 */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class OperationsTest {
  private static final Path SCRIPTS = Path.of("..", "docs", "operations").toAbsolutePath();
  private static final int NODES = 4;
  private static final long SCRIPT_MINUTES = 5;

  private final Path directory = newDirectory();
  private final List<Integer> ports = freePorts(2 * NODES);

  private static Path newDirectory() {
    try {
      return Files.createTempDirectory(
          Files.createDirectories(Path.of("target").toAbsolutePath()), "operations-");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static List<Integer> freePorts(int number) {
    List<ServerSocket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < number; i++) {
        sockets.add(new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1})));
      }
      List<Integer> ports = sockets.stream().map(ServerSocket::getLocalPort).toList();
      for (ServerSocket socket : sockets) {
        socket.close();
      }
      return ports;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private String joined(int from) {
    return ports.subList(from, from + NODES).stream()
        .map(Object::toString)
        .collect(Collectors.joining(" "));
  }

  private URI http(int number) {
    return URI.create("http://127.0.0.1:" + ports.get(NODES + number - 1));
  }

  /** {@code vudo} on this test's class path, so that it starts fast. */
  private Path command() throws IOException {
    Path command = directory.resolve("vudo");
    String words =
        FastStart.shared().command().stream()
            .map(word -> "'" + word + "'")
            .collect(Collectors.joining(" "));
    Files.writeString(command, "#!/bin/sh\nexec " + words + " \"$@\"\n");
    assertTrue(command.toFile().setExecutable(true));
    return command;
  }

  private String run(String script, Map<String, String> more, PostgresFixture postgres)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(SCRIPTS.resolve(script).toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve(script + ".log").toFile());
    URI database = URI.create(postgres.url().replaceFirst("jdbc:", ""));
    builder
        .environment()
        .putAll(
            Map.of(
                "VUDO", command().toString(),
                "DATA", directory.resolve("nodes").toString(),
                "BACKUP", directory.resolve("backup").toString(),
                "MODULE", Path.of("counter", "counter.wat").toAbsolutePath().toString(),
                "PORTS", joined(0),
                "HTTP_PORTS", joined(NODES),
                "PGHOST", database.getHost(),
                "PGPORT", Integer.toString(database.getPort()),
                "PGUSER", database.getQuery().replaceFirst("user=", ""),
                "PGDATABASE", database.getPath().substring(1)));
    builder.environment().putAll(more);
    Process process = builder.start();
    boolean ended = process.waitFor(SCRIPT_MINUTES, TimeUnit.MINUTES);
    String said = Files.readString(directory.resolve(script + ".log"));
    if (!ended) {
      process.destroyForcibly();
    }
    assertTrue(ended, script + " does not end:\n" + said);
    assertEquals(0, process.exitValue(), script + ":\n" + said + logs());
    return said;
  }

  /** The last that the nodes logged. */
  private String logs() throws IOException {
    StringBuilder logs = new StringBuilder();
    for (int node = 1; node <= NODES; node++) {
      Path log = directory.resolve("nodes").resolve(node + "/logs/node.log");
      if (Files.exists(log)) {
        List<String> lines = Files.readAllLines(log);
        logs.append("\nnode ").append(node).append("\n");
        lines
            .subList(Math.max(0, lines.size() - 15), lines.size())
            .forEach(line -> logs.append(line).append("\n"));
      }
    }
    return logs.toString();
  }

  private void killAll() throws IOException {
    for (int node = 1; node <= NODES; node++) {
      Path pid = directory.resolve("nodes").resolve(node + "/pid");
      if (Files.exists(pid)) {
        ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))
            .ifPresent(ProcessHandle::destroyForcibly);
      }
    }
  }

  @Test
  void everyProcedureDoesWhatItSaysWhileCallersGoOn() throws Exception {
    try (PostgresFixture postgres = PostgresFixture.start(directory)) {
      String formed = run("forming.sh", Map.of(), postgres);
      assertTrue(formed.contains("\n1\n2\n3\n"), formed);
      try (SteadyCaller caller = SteadyCaller.start(List.of(http(1), http(2), http(3)))) {
        run("growing.sh", Map.of(), postgres);
        run("draining.sh", Map.of(), postgres);
        run("shrinking.sh", Map.of(), postgres);
        String rolled = run("rolling.sh", Map.of(), postgres);
        assertTrue(rolled.contains("[3/3]"), rolled);
        run("rolling-by-sigterm.sh", Map.of(), postgres);
        assertTrue(run("failing-over.sh", Map.of(), postgres).contains("answered again after "));
        caller.pause();
        run("backing-up.sh", Map.of(), postgres);
        // What comes after the backup is not in it.
        caller.askOnce();
        run("restoring.sh", Map.of(), postgres);
        caller.assertCounted(1);
        // The archive holds the same.
        run("restoring.sh", Map.of("BY", "archive", "RESTORED", "vudo_imported"), postgres);
        caller.assertCounted(1);
      } finally {
        killAll();
      }
    }
  }

  @Test
  void everyScriptIsRunAndToldOf() throws IOException {
    String page = Files.readString(SCRIPTS.resolveSibling("operations.md"));
    String test =
        Files.readString(Path.of("src/test/java/io/vudo/examples/operations/OperationsTest.java"));
    try (Stream<Path> scripts = Files.list(SCRIPTS)) {
      for (Path script : scripts.toList()) {
        String name = script.getFileName().toString();
        assertTrue(page.contains("operations/" + name), name + " is not in operations.md");
        assertTrue(
            name.equals("lib.sh") || name.equals("start-node.sh") || test.contains(name),
            name + " is not run");
      }
    }
  }
}
