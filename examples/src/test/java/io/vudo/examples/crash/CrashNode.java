package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * A node in a process of its own that a test may kill at any moment, also while it starts, and
 * whose command line and environment the test chooses.
 *
 * <p>Requests may come from any thread while another one kills and starts. A request that the node
 * refuses fails with its code; one that nobody answers with {@code NODE_UNREACHABLE}.
 */
public final class CrashNode implements Door, AutoCloseable {
  /** How long anything may take that is not the subject of a test. */
  public static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> RUNNING.forEach(Process::destroyForcibly), "kill-crash-nodes"));
  }

  /** A new one for each start: connections to a killed process are of no use. */
  private volatile HttpClient http;

  private final Path directory;
  private final Path data;
  private List<String> prefix = List.of();
  private Map<String, String> environment = Map.of();
  private List<String> javaOptions = List.of();
  private List<String> nodeOptions = List.of();
  private int port;
  private Duration requestTimeout = PATIENCE;
  private String classPath = System.getProperty("java.class.path");
  private volatile URI address = URI.create("http://127.0.0.1:1");
  private Process process;

  /** Guarded by this. */
  private boolean serving;

  private CrashNode(Path directory, Path data) {
    this.directory = directory;
    this.data = data;
    this.http = client();
  }

  /**
   * A node that is not started yet.
   *
   * @param directory for its settings and what it prints; {@code data} within it is its data
   *     directory
   * @param settings lines of HOCON
   */
  public static CrashNode in(Path directory, String... settings) throws IOException {
    return on(directory.resolve("data"), directory, settings);
  }

  /** The same with its data directory elsewhere. */
  public static CrashNode on(Path data, Path directory, String... settings) throws IOException {
    Files.writeString(directory.resolve("node.conf"), String.join("\n", settings), UTF_8);
    return new CrashNode(directory, data);
  }

  /** It is run by this command, {@code nsenter …}, which must end as {@code exec} does. */
  CrashNode withPrefix(List<String> command) {
    prefix = command;
    return this;
  }

  /** Its environment has these variables too. */
  public CrashNode withEnvironment(Map<String, String> variables) {
    environment = variables;
    return this;
  }

  /** Its JVM has these options. */
  public CrashNode withJavaOptions(List<String> options) {
    javaOptions = options;
    return this;
  }

  /** {@code vudo node} has these options. */
  public CrashNode withOptions(String... options) {
    nodeOptions = List.of(options);
    return this;
  }

  /** Its cluster port is this one, instead of any. */
  public CrashNode withPort(int number) {
    port = number;
    return this;
  }

  /** A request that takes longer counts as not answered. */
  public CrashNode withRequestTimeout(Duration time) {
    requestTimeout = time;
    return this;
  }

  /** It runs these jars instead of the class path of this process. */
  CrashNode withClassPath(String jars) {
    classPath = jars;
    return this;
  }

  private static HttpClient client() {
    return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  }

  public Path data() {
    return data;
  }

  public long pid() {
    return process.pid();
  }

  // Life and death

  /** Starts it and waits until it is ready. */
  public void start() {
    launch();
    awaitReady();
  }

  /** Starts the process and does not wait for anything. */
  public void launch() {
    List<String> command = new ArrayList<>(prefix);
    List<String> java = NodeProcess.javaCommand();
    command.add(java.get(0));
    command.addAll(javaOptions);
    for (String argument : java.subList(1, java.size())) {
      command.add(argument.equals(System.getProperty("java.class.path")) ? classPath : argument);
    }
    command.addAll(List.of("node", "--data", data.toString(), "--http", "0"));
    command.addAll(List.of("--port", Integer.toString(port)));
    command.addAll(List.of("--config", directory.resolve("node.conf").toString()));
    command.addAll(List.of("--format", "json"));
    command.addAll(nodeOptions);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectError(errors().toFile());
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot run " + command.get(0), e);
    }
    RUNNING.add(process);
  }

  private Path errors() {
    return directory.resolve("stderr");
  }

  /**
   * Waits until it serves.
   *
   * @throws VudoException what it said when it ended instead
   */
  public void awaitReady() {
    try {
      String line =
          new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8)).readLine();
      if (line != null) {
        http = client();
        address = URI.create(Json.read(line.getBytes(UTF_8)).path("http").asText());
        serve(true);
        return;
      }
      int exit = awaitExit();
      throw startFailure(exit, Files.readString(errors(), UTF_8).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static VudoException startFailure(int exit, String said) {
    try {
      // Its log may be there as well; the error is what it says last.
      String last = said.substring(said.lastIndexOf('\n') + 1);
      JsonNode error = Json.read(last.getBytes(UTF_8));
      return new VudoException(
          ErrorCode.of(error.path("code").asText()),
          error.path("detail").asText() + " Exit code " + exit + ".");
    } catch (RuntimeException notJson) {
      return new VudoException(
          ErrorCode.INTERNAL_ERROR, "Exit code " + exit + " and \"" + said + "\".", notJson);
    }
  }

  private synchronized void serve(boolean now) {
    serving = now;
    notifyAll();
  }

  /** Whether it was ready and was not killed since. */
  public synchronized boolean isServing() {
    return serving;
  }

  /** Waits until it serves, a second at most: callers that try all the time slow its start. */
  @Override
  public synchronized void awaitServing() {
    long deadline = System.nanoTime() + Duration.ofSeconds(1).toNanos();
    try {
      while (!serving && System.nanoTime() < deadline) {
        wait(100);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** {@code kill -9}; returns when the process is gone. */
  public void kill() {
    if (process != null) {
      serve(false);
      process.destroyForcibly();
      awaitExit();
    }
  }

  /** Ends it as a signal does, and answers its exit code. */
  public int terminate() {
    serve(false);
    process.destroy();
    return awaitExit();
  }

  /** Whether the process is there. */
  public boolean isAlive() {
    return process.isAlive();
  }

  private int awaitExit() {
    try {
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new VudoException(ErrorCode.INTERNAL_ERROR, "The node did not end.");
      }
      RUNNING.remove(process);
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Interrupted.", e);
    }
  }

  @Override
  public void close() {
    kill();
  }

  /** What the last process has written to its stderr. */
  public String stderr() {
    try {
      return Files.readString(errors(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Requests

  @Override
  public JsonNode deploy(String type, byte[] module, String query) {
    String path = "/v1/deployments/" + type + (query.isEmpty() ? "" : "?" + query);
    return Json.read(post(path, Map.of(), module));
  }

  @Override
  public byte[] askBytes(String spirit, String type, byte[] payload, String key) {
    Map<String, String> headers = new HashMap<>(keyed(key));
    headers.put("X-Vudo-Type", type);
    return post("/v1/spirits/" + spirit + "/ask", headers, payload);
  }

  @Override
  public String space(String space, String operation, String body, String key) {
    Map<String, String> headers = new HashMap<>(keyed(key));
    headers.put("Content-Type", "application/json");
    return new String(
        post("/v1/spaces/" + space + "/" + operation, headers, body.getBytes(UTF_8)), UTF_8);
  }

  private static Map<String, String> keyed(String key) {
    return key.isEmpty() ? Map.of() : Map.of("Idempotency-Key", key);
  }

  @Override
  public JsonNode get(String path) {
    return Json.read(send(HttpRequest.newBuilder(address.resolve(path)).GET()));
  }

  /** Posts to a path of the gateway and answers the body of the answer. */
  public byte[] post(String path, Map<String, String> headers, byte[] body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address.resolve(path)).POST(BodyPublishers.ofByteArray(body));
    headers.forEach(request::header);
    return send(request);
  }

  private byte[] send(HttpRequest.Builder request) {
    HttpResponse<byte[]> response;
    try {
      response = http.send(request.timeout(requestTimeout).build(), BodyHandlers.ofByteArray());
    } catch (IOException e) {
      throw new VudoException(ErrorCode.NODE_UNREACHABLE, String.valueOf(e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Interrupted.", e);
    }
    if (response.statusCode() < 300) {
      return response.body();
    }
    JsonNode problem = Json.read(response.body());
    ErrorCode code = ErrorCode.of(problem.path("code").asText());
    if (code.httpStatus() != response.statusCode()) {
      throw new AssertionError(response.statusCode() + " with " + problem);
    }
    throw new VudoException(code, problem.path("detail").asText());
  }
}
