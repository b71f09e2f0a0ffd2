package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A node in a process of its own, under this process's Java and class path: for the demo, and for
 * tests that kill one.
 */
public final class NodeProcess implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofSeconds(90);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(45);
  private static final int FIRST_THAT_GUARDS_NATIVE_ACCESS = 24;

  private final Process process;
  private final URI http;

  private NodeProcess(Process process, URI http) {
    this.process = process;
    this.http = http;
  }

  /**
   * Starts a node and waits until it is ready. Its ports are any free ones, but that of HTTP is
   * what {@code --http} among the options says.
   *
   * @param data its data directory
   * @param options further options of {@code vudo node}
   * @throws VudoException what the node said when it did not start
   */
  public static NodeProcess start(Path data, String... options) {
    return start(javaCommand(), data, options);
  }

  /**
   * The same with another beginning of the command line than {@link #javaCommand}.
   *
   * @param java what runs {@code vudo}
   */
  public static NodeProcess start(List<String> java, Path data, String... options) {
    List<String> command = new ArrayList<>(java);
    command.addAll(List.of("node", "--data", data.toString(), "--port", "0"));
    command.addAll(List.of("--format", "json"));
    command.addAll(List.of(options));
    if (!command.contains("--http")) {
      command.addAll(List.of("--http", "0"));
    }
    try {
      Path errors = Files.createTempFile("vudo-node-", ".err");
      Process process =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(nullDevice()))
              .redirectError(errors.toFile())
              .start();
      try {
        JsonNode ready = Json.read(readyLine(process, errors).getBytes(StandardCharsets.UTF_8));
        return new NodeProcess(process, URI.create(ready.path("http").asText()));
      } catch (RuntimeException failure) {
        process.destroyForcibly();
        throw failure;
      } finally {
        Files.deleteIfExists(errors);
      }
    } catch (IOException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Cannot start a node: " + e, e);
    }
  }

  /**
   * The beginning of a command line that runs {@code vudo} in a process of its own, on this Java
   * and class path.
   */
  public static List<String> javaCommand() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UseSerialGC");
    // As ./vudo does, for engine jvm.
    command.add("-XX:-DontCompileHugeMethods");
    if (Runtime.version().feature() >= FIRST_THAT_GUARDS_NATIVE_ACCESS) {
      command.add("--enable-native-access=ALL-UNNAMED");
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add("io.vudo.cli.Main");
    return command;
  }

  private static java.io.File nullDevice() {
    return new java.io.File(
        System.getProperty("os.name", "").startsWith("Windows") ? "NUL" : "/dev/null");
  }

  private static String readyLine(Process process, Path errors) throws IOException {
    CompletableFuture<String> line =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                    .readLine();
              } catch (IOException e) {
                return null;
              }
            });
    String ready = null;
    try {
      ready = line.get(START_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      // Told below, with what the node said.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (ready != null) {
      return ready;
    }
    throw failure(Files.readString(errors));
  }

  private static VudoException failure(String said) {
    try {
      JsonNode error = Json.read(said.strip().getBytes(StandardCharsets.UTF_8));
      return new VudoException(
          ErrorCode.of(error.path("code").asText()), error.path("detail").asText());
    } catch (VudoException notJson) {
      return new VudoException(
          ErrorCode.INTERNAL_ERROR, "The node did not become ready: " + said.strip(), notJson);
    }
  }

  /** Where its gateway listens. */
  public URI http() {
    return http;
  }

  public long pid() {
    return process.pid();
  }

  /** Ends it at once, as {@code kill -9} does, and waits until it is gone. */
  public void kill() {
    process.destroyForcibly();
    awaitExit();
  }

  /**
   * Asks it to end, as {@code kill} does, and waits until it is gone.
   *
   * @return its exit code
   */
  public int terminate() {
    process.destroy();
    return awaitExit();
  }

  /** Waits until it has ended by itself; answers its exit code. */
  public int exitCode() {
    return awaitExit();
  }

  private int awaitExit() {
    try {
      if (!process.waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new VudoException(
            ErrorCode.INTERNAL_ERROR,
            "The node did not end within " + STOP_TIMEOUT.toSeconds() + " s.");
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Interrupted.", e);
    }
  }

  /** Ends it cleanly if it still runs. */
  @Override
  public void close() {
    if (process.isAlive()) {
      terminate();
    }
  }
}
