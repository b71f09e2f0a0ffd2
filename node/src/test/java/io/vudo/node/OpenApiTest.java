package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.vudo.node.internal.Route;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What the document says is what the gateway does: each operation is asked, and looked at. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class OpenApiTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private static ObjectNode document;
  private static SchemaRegistry schemas;

  /** By operationId: how it is asked so that it succeeds. */
  private static final Map<String, Example> EXAMPLES = new HashMap<>();

  /**
   * A request.
   *
   * @param path what stands in braces is replaced already
   * @param status what is expected
   */
  @SuppressWarnings("ArrayRecordComponent") // Nobody compares them.
  private record Example(String path, BodyPublisher body, int status, String... headers) {}

  private static void example(String operation, String path, int status) {
    EXAMPLES.put(operation, new Example(path, BodyPublishers.noBody(), status));
  }

  private static void example(String operation, String path, int status, String body) {
    EXAMPLES.put(operation, new Example(path, BodyPublishers.ofString(body), status));
  }

  private static void example(String operation, String path, int status, byte[] body) {
    EXAMPLES.put(operation, new Example(path, BodyPublishers.ofByteArray(body), status));
  }

  @BeforeAll
  static void prepare() throws IOException {
    byte[] echo = TestModules.echo();
    NODE.deploy("counter", TestModules.example("counter"));
    NODE.deploy("failing", TestModules.spirit("", "(unreachable)"), "on-failure=stop");
    // Sends its payload on to one that cannot handle it.
    NODE.deploy(
        "sender",
        Wat2Wasm.parse(
            """
            (module
              (import "spirit" "send_message"
                (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 0) "failing/a")
              (func (export "spirit_abi_1"))
              (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
              (func (export "spirit_handle") (param i32 i32) (result i64)
                (drop (call $send (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 1)
                  (i32.const 0) (i32.const 4)))
                (i64.const 0)))
            """),
        "grant=cross_sandbox_call");
    for (int i = 0; i < 3; i++) {
      NODE.ask("counter/a", "add", "1").assertReply(Integer.toString(i + 1));
    }
    document = (ObjectNode) NODE.get("/v1/openapi.json").json();
    ObjectNode strict = document.deepCopy();
    closeSchemas(strict.path("components").path("schemas"));
    schemas =
        SchemaRegistry.withDefaultDialect(
            SpecificationVersion.DRAFT_2020_12,
            builder -> builder.schemas(Map.of("urn:document", strict.toString())));

    example("alive", "/health/alive", 200);
    example("ready", "/health/ready", 200);
    example("scrapeMetrics", "/metrics", 200);
    example("openapi", "/v1/openapi.json", 200);
    example("showStatus", "/v1/status", 200);
    example("listDeployments", "/v1/deployments", 200);
    example("showDeployment", "/v1/deployments/counter", 200);
    example("deploy", "/v1/deployments/echo?engine=jvm&fuel=1000000&memory=1MiB", 201, echo);
    // A module to which the state can go over: the same one, and a section that means nothing.
    byte[] counter = TestModules.example("counter");
    byte[] other = Arrays.copyOf(counter, counter.length + 4);
    System.arraycopy(new byte[] {0, 2, 1, 'x'}, 0, other, counter.length, 4);
    example("swap", "/v1/deployments/counter/swap", 201, other);
    example("showSwap", "/v1/deployments/counter/swap", 200);
    example("listSpirits", "/v1/spirits?all=true", 200);
    for (String operation : List.of("ask", "tell")) {
      EXAMPLES.put(
          operation,
          new Example(
              "/v1/spirits/counter/a/" + operation,
              BodyPublishers.ofString("1"),
              operation.equals("ask") ? 200 : 204,
              "X-Vudo-Type",
              "add",
              "X-Vudo-Timeout",
              "30s",
              "Idempotency-Key",
              operation));
    }
    example("showHistory", "/v1/spirits/counter/a/history?limit=10", 200);
    example("replay", "/v1/spirits/counter/a/replay?to=2", 200);
    example("rehearse", "/v1/spirits/counter/a/replay", 200, TestModules.example("counter"));
    example("exportState", "/v1/spirits/counter/a/state", 200);
    example("compareStates", "/v1/spirits/counter/a/diff?from=2&to=3", 200);
    example("fork", "/v1/spirits/counter/a/fork?id=forked&to=2", 201);
    example("restart", "/v1/spirits/counter/a/restart", 204);
    example("migrate", "/v1/spirits/counter/a/migrate?engine=jvm", 200);
    example("listProcesses", "/v1/process", 200);
    example("callProcess", "/v1/process/provided.here", 200, "[]");
    example("callSpirit", "/v1/process/echo/named.add", 200, "[1]");
    EXAMPLES.put(
        "runGhost",
        new Example(
            "/v1/ghosts/run",
            BodyPublishers.ofString(
                """
                {"ghost": {"name": "one", "inputs": [{"name": "n", "type": "int"}],
                  "steps": [{"name": "only", "member": "a", "function": "add"}]},
                  "members": {"a": "counter/ghostly"}, "inputs": {"n": 2}}
                """),
            200,
            "Idempotency-Key",
            "a-run"));
    example("showGhostRun", "/v1/ghosts/runs/a-run", 200);
    example("listDeadLetters", "/v1/dead-letters", 200);
    example("showCluster", "/v1/cluster", 200);
    example("listMigrations", "/v1/cluster/migrations", 200);
    example("watchMigrations", "/v1/cluster/migrations/watch", 200);
    String node = NODE.get("/v1/cluster").json().path("node").asText();
    example("resume", "/v1/cluster/nodes/" + node + "/resume", 204);
    example(
        "writeTuples",
        "/v1/spaces/s/write",
        200,
        "{\"tuples\":[[\"a\",1],[\"a\",1]],\"ttlMillis\":60000}");
    example("readTuple", "/v1/spaces/s/read", 200, template("[\"a\",{\"?\":\"int\"}]"));
    example("readAllTuples", "/v1/spaces/s/read-all", 200, template("[\"a\",{\"?\":\"any\"}]"));
    example("countTuples", "/v1/spaces/s/count", 200, template("[\"a\",{\"?\":[\">\",0]}]"));
    example(
        "swapTuple",
        "/v1/spaces/s/swap",
        200,
        "{\"expected\":[\"a\",1],\"replacement\":[\"a\",2.5,null,{\"bytes\":\"AA==\"}]}");
    example("takeTuple", "/v1/spaces/s/take", 200, template("[\"a\",1]"));
    example("takeAllTuples", "/v1/spaces/s/take-all", 200, template("[\"b\",{\"?\":\"any\"}]"));
    EXAMPLES.put(
        "waitAtBarrier",
        new Example(
            "/v1/spaces/s/barrier",
            BodyPublishers.ofString("{\"name\":\"gate\",\"parties\":1}"),
            200,
            "X-Vudo-Timeout",
            "1s"));
    example("beginTransaction", "/v1/spaces/s/begin", 200, "{\"timeoutMillis\":10000}");
    example("watchTuples", "/v1/spaces/s/watch", 200, template("[\"a\",{\"?\":\"any\"}]"));
    example("watchTuplesByQuery", "/v1/spaces/s/watch?template=%5B1%5D", 200);
  }

  private static String template(String template) {
    return "{\"template\":" + template + "}";
  }

  /** Clients let members pass that they do not know; here each has to be described. */
  private static void closeSchemas(JsonNode node) {
    if (node.path("type").asText().equals("object") && node.has("properties")) {
      ((ObjectNode) node).put("additionalProperties", false);
    }
    node.forEach(OpenApiTest::closeSchemas);
  }

  private static JsonNode operation(Route route) {
    return document.path("paths").path(route.path()).path(route.method().toLowerCase(Locale.ROOT));
  }

  @Test
  void everyRouteIsInTheDocumentAndNothingElse() {
    int described = 0;
    for (JsonNode path : document.path("paths")) {
      described += path.size();
    }
    assertEquals(Route.values().length, described);
    assertTrue(document.path("openapi").asText().startsWith("3.1."));
    Set<String> ids = new HashSet<>();
    for (Route route : Route.values()) {
      JsonNode operation = operation(route);
      assertFalse(operation.isMissingNode(), route::name);
      assertTrue(ids.add(operation.path("operationId").asText()), route::name);
      assertFalse(operation.path("summary").asText().isBlank(), route::name);
      assertEquals(
          route.role().map(role -> role.text()).orElse(""),
          operation.path("x-vudo-role").asText(),
          route::name);
      assertEquals(route.role().isEmpty(), operation.path("security").isEmpty(), route::name);
      // What stands in braces is described.
      Set<String> inPath = new HashSet<>();
      for (JsonNode parameter : operation.path("parameters")) {
        if (parameter.path("in").asText().equals("path")) {
          inPath.add("{" + parameter.path("name").asText() + "}");
          assertTrue(parameter.path("required").asBoolean(), route::name);
        }
      }
      Set<String> braces = new HashSet<>();
      for (String segment : route.path().split("/", -1)) {
        if (segment.startsWith("{")) {
          braces.add(segment);
        }
      }
      assertEquals(braces, inPath, route::name);
    }
    for (JsonNode reference : document.findValues("$ref")) {
      assertTrue(document.at(reference.asText().substring(1)).isObject(), reference::asText);
    }
  }

  @Test
  void everyOperationAnswersAsDescribed() throws Exception {
    deadLetter();
    // Before the others, one of which asks how far it is.
    check(Route.SWAP, EXAMPLES.get("swap"));
    for (Route route : Route.values()) {
      String id = operation(route).path("operationId").asText();
      Example example = EXAMPLES.get(id);
      if (route == Route.SWAP) {
        continue;
      }
      if (example == null) {
        // They end what others need.
        assertTrue(Set.of("drain", "leave").contains(id), id + " is asked by nobody");
        continue;
      }
      check(route, example);
    }
    for (String end : List.of("commit", "abort")) {
      String transaction =
          NODE.post("/v1/spaces/s/begin", "{\"timeoutMillis\":10000}")
              .json()
              .path("transaction")
              .asText();
      check(
          end.equals("commit") ? Route.COMMIT_TRANSACTION : Route.ABORT_TRANSACTION,
          new Example(
              "/v1/spaces/s/" + end,
              BodyPublishers.ofString("{\"transaction\":\"" + transaction + "\"}"),
              204));
    }
  }

  /** Leases, transactions and dead letters have names that only the node knows. */
  private static void deadLetter() {
    String lease =
        NODE.post("/v1/spaces/leased/write", "{\"tuple\":[1],\"ttlMillis\":60000}")
            .assertWritten(1)
            .get(0);
    example(
        "renewLease",
        "/v1/spaces/leased/renew",
        200,
        "{\"lease\":\"" + lease + "\",\"ttlMillis\":60000}");
    example("cancelLease", "/v1/spaces/leased/cancel-lease", 204, "{\"lease\":\"" + lease + "\"}");
    // Checked with transactions of their own.
    example("commitTransaction", "/v1/spaces/s/commit", 404, "{\"transaction\":\"1.unknown\"}");
    example("abortTransaction", "/v1/spaces/s/abort", 404, "{\"transaction\":\"1.unknown\"}");
    NODE.ask("sender/a", "x", "").assertNothing();
    List<String> letters = new ArrayList<>();
    org.awaitility.Awaitility.await()
        .until(
            () -> {
              letters.addAll(NODE.get("/v1/dead-letters").json().findValuesAsText("id"));
              return !letters.isEmpty();
            });
    example("showDeadLetter", "/v1/dead-letters/" + letters.get(0), 200);
    example("replayDeadLetter", "/v1/dead-letters/no-1/replay", 404);
    example("dropDeadLetter", "/v1/dead-letters/" + letters.get(0), 204);
  }

  private static void check(Route route, Example example) throws Exception {
    String called = route.method() + " " + example.path();
    HttpRequest.Builder request =
        NODE.request(example.path()).method(route.method(), example.body());
    if (example.headers().length > 0) {
      request.headers(example.headers());
    }
    HttpResponse<InputStream> response = HTTP.send(request.build(), BodyHandlers.ofInputStream());
    int status = response.statusCode();
    String type = response.headers().firstValue("Content-Type").orElse("").replaceAll(";.*", "");
    boolean stream = type.equals("text/event-stream");
    byte[] body;
    try (InputStream in = response.body()) {
      body = stream ? new byte[0] : in.readAllBytes();
    }
    String text = new String(body, StandardCharsets.UTF_8);
    assertEquals(example.status(), status, called + " " + text);
    JsonNode responses = operation(route).path("responses");
    String key = responses.has(Integer.toString(status)) ? Integer.toString(status) : "default";
    assertTrue(status < 300 ? !key.equals("default") : true, called + " " + status);
    JsonNode described = responses.path(key);
    assertFalse(described.path("description").asText().isBlank(), called);
    if (status == 204) {
      assertTrue(described.path("content").isMissingNode(), called);
      assertEquals(0, body.length, called);
      return;
    }
    assertTrue(described.path("content").has(type), called + " answers " + type);
    String content =
        "/paths/%s/%s/responses/%s/content/%s"
            .formatted(
                pointer(route.path()), route.method().toLowerCase(Locale.ROOT), key, pointer(type));
    if (type.endsWith("json") && !type.endsWith("x-ndjson")) {
      valid(content + "/schema", JSON.readTree(body), called);
    } else if (type.endsWith("x-ndjson")) {
      int lines = 0;
      for (String line : text.split("\n", -1)) {
        if (!line.isEmpty()) {
          valid(content + "/x-vudo-item", JSON.readTree(line), called);
          lines++;
        }
      }
      assertTrue(lines > 0, called);
    }
  }

  private static String pointer(String name) {
    return name.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D");
  }

  private static void valid(String pointer, JsonNode value, String called) {
    List<Error> errors =
        schemas.getSchema(SchemaLocation.of("urn:document#" + pointer)).validate(value);
    assertEquals(List.of(), errors, called + " " + value);
  }

  @Test
  void refusalsAreAsDescribed() throws Exception {
    check(
        Route.SHOW_DEPLOYMENT, new Example("/v1/deployments/nobody", BodyPublishers.noBody(), 404));
    check(
        Route.WRITE_TUPLES,
        new Example("/v1/spaces/s/write", BodyPublishers.ofString("{\"tuples\":7}"), 400));
    check(
        Route.ASK, new Example("/v1/spirits/counter/a/ask?no=1", BodyPublishers.ofString(""), 400));
    check(Route.ASK, new Example("/v1/spirits/failing/b/ask", BodyPublishers.ofString(""), 422));
    check(
        Route.CALL_PROCESS,
        new Example("/v1/process/nobody.knows", BodyPublishers.ofString("[]"), 404));
    check(
        Route.RUN_GHOST,
        new Example("/v1/ghosts/run", BodyPublishers.ofString("{\"ghost\":7}"), 400));
  }

  @Test
  void callsByNameAndGhostsSayWhatTheyTakeAndAnswer() {
    for (Route call : List.of(Route.CALL_PROCESS, Route.CALL_SPIRIT)) {
      JsonNode arguments = operation(call).at("/requestBody/content/application~1json/schema");
      assertEquals("array", arguments.path("type").asText());
      JsonNode responses = operation(call).path("responses");
      assertEquals(
          "#/components/schemas/Value",
          responses.at("/200/content/application~1json/schema/$ref").asText());
      assertTrue(responses.at("/200/content").has("application/msgpack"));
      assertTrue(responses.has("204"));
    }
    JsonNode run = operation(Route.RUN_GHOST);
    JsonNode body = run.at("/requestBody/content/application~1json/schema");
    assertEquals("[\"ghost\",\"members\"]", body.path("required").toString());
    assertEquals("object", body.at("/properties/inputs/type").asText());
    assertEquals(
        "#/components/schemas/GhostRun",
        run.at("/responses/202/content/application~1json/schema/$ref").asText());
    for (Route timed : List.of(Route.CALL_PROCESS, Route.RUN_GHOST, Route.SHOW_GHOST_RUN)) {
      List<String> headers = operation(timed).path("parameters").findValuesAsText("name");
      assertEquals(1, headers.stream().filter("X-Vudo-Timeout"::equals).count(), timed::name);
    }
  }

  /** That the check above sees anything. */
  @Test
  void aMemberThatIsNotDescribedIsFound() {
    ObjectNode deployment = (ObjectNode) NODE.get("/v1/deployments/counter").json();
    String pointer = "/components/schemas/Deployment";
    valid(pointer, deployment, "as it is");
    ObjectNode more = deployment.deepCopy().put("more", 1);
    ObjectNode less = deployment.deepCopy();
    less.remove("digest");
    ObjectNode other = deployment.deepCopy().put("revision", "one");
    for (ObjectNode wrong : List.of(more, less, other)) {
      assertFalse(
          schemas.getSchema(SchemaLocation.of("urn:document#" + pointer)).validate(wrong).isEmpty(),
          wrong::toString);
    }
  }
}
