package io.vudo.node.benchmark;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Restate's server and the counter of {@code src/test/restate} in processes of their own, as {@code
 * npm ci} installs them there.
 */
final class RestateServer implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final List<Process> processes = new ArrayList<>();
  private final URI ingress;

  private RestateServer(URI ingress) {
    this.ingress = ingress;
  }

  /**
   * Starts it.
   *
   * @param installed where {@code npm ci} ran
   * @param data for its files
   */
  static RestateServer start(Path installed, Path data) throws IOException, InterruptedException {
    int[] ports = freePorts(4);
    RestateServer server = new RestateServer(URI.create("http://127.0.0.1:" + ports[0]));
    try {
      server.run(
          installed,
          Map.of("RESTATE_LOGGING", "WARN"),
          "node",
          "counter.js",
          Integer.toString(ports[3]));
      server.run(
          installed,
          Map.of(
              "RUST_LOG",
              "error",
              "RESTATE_INGRESS__BIND_ADDRESS",
              "127.0.0.1:" + ports[0],
              "RESTATE_ADMIN__BIND_ADDRESS",
              "127.0.0.1:" + ports[1],
              "RESTATE_BIND_ADDRESS",
              "127.0.0.1:" + ports[2]),
          installed.resolve("node_modules/.bin/restate-server").toString(),
          "--base-dir",
          data.toString(),
          "--node-name",
          "benchmark");
      post(
          URI.create("http://127.0.0.1:" + ports[1] + "/deployments"),
          "{\"uri\":\"http://127.0.0.1:" + ports[3] + "\"}");
      post(server.counter("warm"), "");
      return server;
    } catch (IOException | InterruptedException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private void run(Path directory, Map<String, String> environment, String... command)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().putAll(environment);
    processes.add(builder.start());
  }

  /** Where a counter is added to. */
  URI counter(String key) {
    return ingress.resolve("/counter/" + key + "/add");
  }

  private static void post(URI address, String body) throws IOException, InterruptedException {
    long untilNanos = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      String answer;
      try {
        HttpResponse<String> response =
            HttpClient.newHttpClient()
                .send(
                    HttpRequest.newBuilder(address)
                        .version(HttpClient.Version.HTTP_1_1)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                    BodyHandlers.ofString());
        if (response.statusCode() < 300) {
          return;
        }
        answer = response.statusCode() + " " + response.body();
      } catch (ConnectException notYet) {
        answer = notYet.toString();
      }
      if (System.nanoTime() - untilNanos > 0) {
        throw new IOException(address + ": " + answer);
      }
      Thread.sleep(200);
    }
  }

  /** So many ports that are free now. */
  static int[] freePorts(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>();
    int[] ports = new int[count];
    for (int i = 0; i < count; i++) {
      sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      ports[i] = sockets.get(i).getLocalPort();
    }
    for (ServerSocket socket : sockets) {
      socket.close();
    }
    return ports;
  }

  @Override
  public void close() {
    for (Process process : processes) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      process.onExit().join();
    }
  }
}
