package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** The order service in a process of its own. */
final class OrderServiceProcess implements AutoCloseable {
  private static final String READY = "Order service ready: ";
  private static final String COMPILED = "target/classes";

  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> RUNNING.forEach(Process::destroyForcibly), "kill-order-services"));
  }

  private final Process process;
  private final URI http;

  private OrderServiceProcess(Process process, URI http) {
    this.process = process;
    this.http = http;
  }

  /** Starts the compiled service. */
  static OrderServiceProcess start(String... arguments) throws IOException {
    return start(classPath(), "io.vudo.examples.orders.OrderService", arguments);
  }

  /** Starts it from its source, which must not be compiled on the class path then. */
  static OrderServiceProcess startSource(Path source, String... arguments) throws IOException {
    String others =
        Arrays.stream(classPath().split(File.pathSeparator, -1))
            .filter(entry -> !Path.of(entry).equals(Guests.file(COMPILED)))
            .collect(Collectors.joining(File.pathSeparator));
    return start(others, source.toString(), arguments);
  }

  private static String classPath() {
    return System.getProperty("java.class.path");
  }

  private static OrderServiceProcess start(String classPath, String program, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", classPath, program));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    RUNNING.add(process);
    String line =
        new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8)).readLine();
    assertTrue(line != null && line.startsWith(READY), () -> "the service said: " + line);
    return new OrderServiceProcess(process, URI.create(line.substring(READY.length())));
  }

  /** Where it serves. */
  URI http() {
    return http;
  }

  /** {@code kill -9}; returns when it is gone. */
  void kill() {
    process.destroyForcibly().onExit().join();
    RUNNING.remove(process);
  }

  @Override
  public void close() {
    kill();
  }
}
