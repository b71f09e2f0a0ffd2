package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.examples.crash.FastStart;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A node in a process of its own, on a data directory that outlives it: to be asked over HTTP,
 * killed and started again.
 *
 * <p>Whatever goes wrong is a {@link VudoException} with the code that the node answered, or {@code
 * NODE_UNREACHABLE} when it did not. Threads may ask while another one kills and starts the node.
 */
final class TestNode implements AutoCloseable {
  /** How long anything may take that is not the subject of a test. */
  static final Duration PATIENCE = Duration.ofMinutes(2);

  /** What a caller gets while a node is gone or comes back; it says nothing of the message. */
  private static final Set<ErrorCode> PASSING =
      EnumSet.of(
          ErrorCode.NODE_UNREACHABLE,
          ErrorCode.SPIRIT_UNAVAILABLE,
          ErrorCode.SPACE_UNAVAILABLE,
          ErrorCode.ASK_TIMEOUT);

  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  /** Those that run, so that none survives the tests however these end. */
  private static final Set<NodeProcess> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> RUNNING.forEach(NodeProcess::kill), "kill-test-nodes"));
  }

  private final Path data;
  private final String[] options;
  private volatile NodeProcess process;

  private TestNode(Path data, String... options) {
    this.data = data;
    this.options = options;
  }

  /**
   * Starts a node.
   *
   * @param directory to live in; its data directory is inside
   * @param settings lines of HOCON
   */
  static TestNode start(Path directory, String... settings) throws IOException {
    return startAt(0, directory, settings);
  }

  /** The same at a port that it has again after a restart, for who knows it by its address. */
  static TestNode startAt(int port, Path directory, String... settings) throws IOException {
    Path config = directory.resolve("node.conf");
    Files.writeString(config, String.join("\n", settings), UTF_8);
    TestNode node =
        new TestNode(
            directory.resolve("data"),
            "--config",
            config.toString(),
            "--http",
            Integer.toString(port));
    node.start();
    return node;
  }

  /** Where its gateway is. */
  URI http() {
    return process.http();
  }

  private void start() {
    process = NodeProcess.start(FastStart.shared().command(), data, options);
    RUNNING.add(process);
  }

  /** {@code kill -9}, and starts it again on the same data. */
  void killAndRestart() {
    kill();
    start();
  }

  /** {@code kill -9}. */
  void kill() {
    process.kill();
    RUNNING.remove(process);
  }

  /** Ends it as a signal does, and starts it again on the same data. */
  void stopAndRestart() {
    assertEquals(0, process.terminate(), "the exit code of a clean end");
    RUNNING.remove(process);
    start();
  }

  @Override
  public void close() {
    kill();
  }

  /** What it has logged. */
  String log() throws IOException {
    return Files.readString(data.resolve("logs/node.log"), UTF_8);
  }

  // Deployments

  /** Deploys a module; {@code parameters} as in the query: {@code grant=sensor_time}. */
  void deploy(String type, byte[] module, String... parameters) {
    StringBuilder path = new StringBuilder("/v1/deployments/").append(type);
    for (int i = 0; i < parameters.length; i++) {
      String[] parts = parameters[i].split("=", 2);
      path.append(i == 0 ? '?' : '&')
          .append(parts[0])
          .append('=')
          .append(URLEncoder.encode(parts[1], UTF_8));
    }
    join(post(path.toString(), Map.of(), module));
  }

  /** Puts another module under all Spirits of a type, without looking at their last turns. */
  CompletableFuture<JsonNode> swapLater(String type, byte[] module) {
    return post("/v1/deployments/" + type + "/swap?check=0", Map.of(), module)
        .thenApply(Json::read);
  }

  // Messages

  /** Asks and answers the reply's bytes; empty when there is none. */
  CompletableFuture<byte[]> askLater(String spirit, String type, byte[] payload, String key) {
    return post(
        "/v1/spirits/" + spirit + "/ask",
        key.isEmpty()
            ? Map.of("X-Vudo-Type", type)
            : Map.of("X-Vudo-Type", type, "Idempotency-Key", key),
        payload);
  }

  byte[] askBytes(String spirit, String type, byte[] payload) {
    return join(askLater(spirit, type, payload, ""));
  }

  String ask(String spirit, String type, String payload) {
    return ask(spirit, type, payload, "");
  }

  String ask(String spirit, String type, String payload, String key) {
    return new String(join(askLater(spirit, type, payload.getBytes(UTF_8), key)), UTF_8);
  }

  /** Asks under a key until there is an answer, however often the node dies meanwhile. */
  String askUntilAnswered(String spirit, String type, String payload, String key) {
    return untilAnswered(() -> ask(spirit, type, payload, key));
  }

  /** The same with bytes. */
  byte[] askBytesUntilAnswered(String spirit, String type, byte[] payload, String key) {
    return untilAnswered(() -> join(askLater(spirit, type, payload, key)));
  }

  /** Tells; returns when the turn is durable. */
  void tell(String spirit, String type, String payload, String key) {
    Map<String, String> headers = Map.of("X-Vudo-Type", type, "Idempotency-Key", key);
    join(post("/v1/spirits/" + spirit + "/tell", headers, payload.getBytes(UTF_8)));
  }

  void tellUntilTaken(String spirit, String type, String payload, String key) {
    untilAnswered(
        () -> {
          tell(spirit, type, payload, key);
          return "";
        });
  }

  /** Expects a turn to fail and answers how. */
  VudoException fails(ErrorCode code, String spirit, String type, String payload) {
    VudoException failure =
        assertThrows(
            VudoException.class,
            () -> ask(spirit, type, payload),
            () -> spirit + " was to answer " + code);
    assertEquals(code, failure.code(), failure::getMessage);
    return failure;
  }

  private static <T> T untilAnswered(java.util.concurrent.Callable<T> request) {
    return await()
        .atMost(PATIENCE)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(20))
        .pollInSameThread()
        .ignoreExceptionsMatching(
            failure -> failure instanceof VudoException typed && PASSING.contains(typed.code()))
        .until(request, answer -> answer != null);
  }

  // Ghosts

  /** Begins a run and answers how it is at once. */
  JsonNode beginGhost(String key, ObjectNode body) {
    Map<String, String> headers =
        Map.of(
            "Content-Type", "application/json",
            "Idempotency-Key", key,
            "X-Vudo-Timeout", "1ms");
    return Json.read(join(post("/v1/ghosts/run", headers, Json.write(body))));
  }

  // Engines

  /** The names of the node's engines. */
  List<String> engines() {
    List<String> names = new ArrayList<>();
    get("/v1/status").path("engines").forEach(engine -> names.add(engine.path("name").asText()));
    return names;
  }

  /** Moves a Spirit to an engine and answers what the node says of it. */
  JsonNode migrate(String spirit, String engine) {
    return Json.read(
        join(post("/v1/spirits/" + spirit + "/migrate?engine=" + engine, Map.of(), new byte[0])));
  }

  /** Makes a new Spirit that goes on from another one; answers what the node says of it. */
  CompletableFuture<JsonNode> forkLater(String spirit, String newId, long turn) {
    return post(
            "/v1/spirits/" + spirit + "/fork?id=" + newId + "&to=" + turn, Map.of(), new byte[0])
        .thenApply(Json::read);
  }

  /** Whether a failure says only that the node was away. */
  static boolean isPassing(VudoException failure) {
    return PASSING.contains(failure.code());
  }

  // What the node tells

  /** The Spirits that are in memory now. */
  JsonNode residents() {
    return get("/v1/spirits").path("spirits");
  }

  /** What the node says of a Spirit; missing when it is not in memory. */
  JsonNode resident(String spirit) {
    for (JsonNode candidate : residents()) {
      if (candidate.path("id").asText().equals(spirit)) {
        return candidate;
      }
    }
    return Json.MAPPER.missingNode();
  }

  boolean isResident(String spirit) {
    return !resident(spirit).isMissingNode();
  }

  /** What is at an address, as JSON. */
  JsonNode get(String path) {
    return Json.read(getBytes(path));
  }

  /** What is at an address. */
  byte[] getBytes(String path) {
    return join(send(HttpRequest.newBuilder(uri(path)).GET().build()));
  }

  // Tuples

  /** How many tuples of a space match. */
  long count(String space, String template) {
    return Json.read(withTemplate(space, "count", template)).path("count").asLong();
  }

  /** The oldest tuple of a space that matches, which there has to be. */
  JsonNode readTuple(String space, String template) {
    return Json.read(withTemplate(space, "read", template)).path("tuple");
  }

  private byte[] withTemplate(String space, String operation, String template) {
    ObjectNode body = Json.object();
    body.set("template", Json.read(template.getBytes(UTF_8)));
    return join(
        post(
            "/v1/spaces/" + space + "/" + operation,
            Map.of("Content-Type", "application/json"),
            Json.write(body)));
  }

  void writeTuple(String space, String tuple) {
    ObjectNode body = Json.object();
    body.set("tuple", Json.read(tuple.getBytes(UTF_8)));
    join(
        post(
            "/v1/spaces/" + space + "/write",
            Map.of("Content-Type", "application/json"),
            Json.write(body)));
  }

  // HTTP

  private URI uri(String path) {
    return process.http().resolve(path);
  }

  private CompletableFuture<byte[]> post(String path, Map<String, String> headers, byte[] body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri(path)).POST(BodyPublishers.ofByteArray(body)).timeout(PATIENCE);
    headers.forEach(request::header);
    return send(request.build());
  }

  private static CompletableFuture<byte[]> send(HttpRequest request) {
    return HTTP.sendAsync(request, BodyHandlers.ofByteArray())
        .handle(
            (response, failure) -> {
              if (failure != null) {
                throw new VudoException(
                    ErrorCode.NODE_UNREACHABLE, String.valueOf(failure), failure);
              }
              return body(response);
            });
  }

  private static byte[] body(HttpResponse<byte[]> response) {
    if (response.statusCode() < 300) {
      return response.body();
    }
    JsonNode problem = Json.read(response.body());
    ErrorCode code = ErrorCode.of(problem.path("code").asText());
    assertEquals(code.httpStatus(), response.statusCode(), problem::toString);
    throw new VudoException(code, problem.path("detail").asText());
  }

  /** The value of a stage, or the typed failure it ended with. */
  static <T> T join(CompletableFuture<T> stage) {
    try {
      return stage.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof VudoException typed) {
        throw typed;
      }
      throw e;
    }
  }
}
