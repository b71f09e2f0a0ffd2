package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.vudo.embedded.Loa;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.gateway.v1.ClusterGrpc;
import io.vudo.protocol.gateway.v1.ShowStatusRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code /metrics} says after all kinds of traffic, and docs/metrics.md of it. */
class MetricsTest {
  private static final int METERED_TYPES = 4;
  private static final int ADDED = 7;

  /** As many owners of names have lines of their own. */
  private static final int METERED_OWNERS = 100;

  private static final Path SCRIPTS = scripts();

  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          "vudo.spirit { idle-timeout = 300 ms, max-metered-types = "
              + METERED_TYPES
              + " }\nvudo.grpc { enabled = on, port = 0 }\nvudo.process.deadline = 1 s\n"
              + "vudo.scripts { directory = \""
              + SCRIPTS
              + "\", look-every = 100 ms }");

  /** What one node that is well may not have seen. */
  private static final Set<String> MAY_BE_ZERO =
      Set.of(
          "vudo_ghost_runs_active",
          "vudo_mailbox_bytes",
          "vudo_recovery_turns_total",
          "vudo_recovery_failures_total",
          "vudo_outbox_undelivered",
          "vudo_outbox_redeliveries_total",
          "vudo_journal_fenced_total",
          "vudo_migrations_total",
          "vudo_migration_pause_seconds",
          "vudo_migration_sent_bytes_total",
          "vudo_modules_fetched_total",
          "vudo_module_moved_bytes_total",
          "vudo_cluster_unreachable");

  private static CompletableFuture<NodeFixture.Answer> waiter;

  /** What a row of the page says. */
  private record Documented(String type, Set<String> labels) {}

  private static Path scripts() {
    try {
      Path directory = NodeFixture.newDataDirectory();
      Files.write(directory.resolve("echo.wasm"), TestModules.echo());
      Files.write(directory.resolve("broken.wasm"), new byte[] {1, 2, 3});
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static NodeFixture.Answer call(String name, String... headers) {
    return NODE.post("/v1/process/" + name, "[\"x\"]", headers);
  }

  private static void callByName() throws IOException {
    // Another module for what runs; which of two looks finds it makes no difference.
    Files.move(
        Files.write(SCRIPTS.resolve(".part"), TestModules.large(500)),
        SCRIPTS.resolve("echo.wasm"),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    NODE.node()
        .processes()
        .register(
            Loa.named("texts", "1.0.0")
                .function(
                    "upper", String.class, String.class, text -> text.toUpperCase(Locale.ROOT))
                .build())
        .group(
            "things",
            call -> {
              throw new ProcessException(404, "no " + call.item());
            })
        .handle("slow.down", call -> new CompletableFuture<>())
        .alias("shout.it", "texts.upper");
    assertEquals("\"X\"", call("texts.upper").text());
    assertEquals("\"X\"", call("Texts.UPPER", "Idempotency-Key", "once").text());
    assertEquals("\"X\"", call("Texts.UPPER", "Idempotency-Key", "once").text());
    assertEquals("\"X\"", call("shout.it").text());
    call("things.a.find").assertProblem(ErrorCode.PROCESS_FAILED);
    call("things.b.find").assertProblem(ErrorCode.PROCESS_FAILED);
    call("slow.down").assertProblem(ErrorCode.ASK_TIMEOUT);
    call("no.such/id.name").assertProblem(ErrorCode.PROCESS_UNKNOWN);
    call("scripts.broken.any").assertProblem(ErrorCode.SCRIPT_UNAVAILABLE);
    assertEquals("[\"x\"]", call("scripts.echo.any").text());
    assertEquals("[\"x\"]", call("sixth/a.any").text());
    for (int i = 0; i < METERED_OWNERS; i++) {
      String name = "many.handler" + i;
      NODE.node().processes().handle(name, call -> 1);
      assertEquals("1", call(name).text());
    }
  }

  private static void runGhosts() {
    String ghost =
        """
        name = "g"
        [[inputs]]
        name = "x"
        type = "int"
        [[steps]]
        name = "one"
        member = "m"
        function = "any"
        [[steps]]
        name = "two"
        member = "m"
        function = "any"
        result = "RESULT"
        """;
    // The second of the same key is the first.
    for (int i = 0; i < 2; i++) {
      runGhost(ghost.replace("RESULT", "int"), "DONE", "Idempotency-Key", "same");
    }
    runGhost(ghost.replace("RESULT", "boolean"), "FAILED");
  }

  private static void runGhost(String toml, String state, String... headers) {
    ObjectNode body = Json.object().put("ghost", toml);
    body.putObject("members").put("m", "sixth/a");
    body.putObject("inputs").put("x", 3);
    NodeFixture.Answer answer = NODE.post("/v1/ghosts/run", body.toString(), headers);
    assertEquals(state, answer.json().path("state").asText(), answer.text());
  }

  private static void callByGrpc() {
    ManagedChannel channel =
        Grpc.newChannelBuilder(
                "127.0.0.1:" + NODE.node().grpcAddress().orElseThrow().getPort(),
                InsecureChannelCredentials.create())
            .build();
    var unused =
        ClusterGrpc.newBlockingStub(channel).showStatus(ShowStatusRequest.getDefaultInstance());
    channel.shutdownNow();
  }

  @BeforeAll
  static void traffic() throws IOException {
    NODE.deploy("counted", TestModules.example("counter"));
    NODE.deploy("teller", SupervisedModules.teller(), "grant=cross_sandbox_call");
    NODE.deploy("picky", SupervisedModules.picky());
    NODE.deploy("pages", TestModules.example("grower"), "engine=jvm");
    for (int i = 1; i <= ADDED; i++) {
      NODE.ask("counted/a", "add", "1").assertReply("" + i);
    }
    NODE.ask("picky/direct", "m", "x").assertProblem(ErrorCode.TRAP_UNREACHABLE);
    NODE.ask("picky/direct", "m", "x").assertProblem(ErrorCode.TRAP_UNREACHABLE);
    NODE.ask("teller/a", "picky/told", "1").assertNothing();
    NODE.ask("teller/a", "picky/told", "x").assertNothing();
    NODE.ask("pages/a", "pages", "").assertReply("1");
    // Beyond the bound of types.
    for (String type : List.of("fifth", "sixth")) {
      NODE.deploy(type, TestModules.echo());
      NODE.ask(type + "/a", "any", "same").assertReply("same");
    }
    for (String tuple : List.of("[\"a\",1]", "[\"a\",2]", "[\"b\",1]")) {
      NODE.post("/v1/spaces/metered/write", "{\"tuple\":" + tuple + "}").assertWritten(1);
    }
    NODE.post("/v1/spaces/metered/take", "{\"template\":[\"b\",1]}")
        .assertReply("{\"tuple\":[\"b\",1]}");
    waiter =
        CompletableFuture.supplyAsync(
            () ->
                NODE.post(
                    "/v1/spaces/metered/take",
                    "{\"template\":[\"later\"]}",
                    "X-Vudo-Timeout",
                    "5m"));
    callByGrpc();
    callByName();
    runGhosts();
    NODE.get("/nothing").assertProblem(ErrorCode.NOT_FOUND);
    NODE.get("/and/nothing").assertProblem(ErrorCode.NOT_FOUND);
    assertThrows(
        CompletionException.class,
        () ->
            NODE.node()
                .spirits()
                .ask(new SpiritId("nobody", "a"), "any", new byte[0], "", Duration.ofSeconds(9))
                .toCompletableFuture()
                .join());
    await().until(() -> scrape().sum("vudo_dead_letters_total") > 0);
    // Idle by now; it comes back with what it had.
    await().until(() -> !NODE.get("/v1/spirits").text().contains("counted/a"));
    NODE.ask("counted/a", "add", "0").assertReply("" + ADDED);
  }

  @AfterAll
  static void letThoseGoWhoWait() {
    NODE.post("/v1/spaces/metered/write", "{\"tuple\":[\"later\"]}").assertWritten(1);
    waiter.join();
  }

  private static MetricsText scrape() {
    NodeFixture.Answer answer = NODE.get("/metrics");
    assertEquals(200, answer.status(), answer.text());
    assertEquals("text/plain", answer.mediaType());
    return new MetricsText(answer.text());
  }

  private static Map<String, Documented> documented() throws IOException {
    Map<String, Documented> rows = new TreeMap<>();
    Matcher row =
        Pattern.compile("(?m)^\\| `(vudo_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*)\\| ")
            .matcher(Files.readString(Path.of("..", "docs", "metrics.md")));
    while (row.find()) {
      Set<String> labels = new TreeSet<>();
      Matcher label = Pattern.compile("`([a-z]+)`").matcher(row.group(3));
      while (label.find()) {
        labels.add(label.group(1));
      }
      rows.put(row.group(1), new Documented(row.group(2), labels));
    }
    return rows;
  }

  @Test
  void theDocumentationNamesWhatIsServedAndNothingElse() throws IOException {
    Map<String, Documented> documented = documented();
    assertTrue(documented.size() > 40, documented.keySet().toString());
    MetricsText served = scrape();
    Map<String, String> types = new TreeMap<>();
    served.types.forEach(
        (name, type) -> {
          boolean largest =
              name.endsWith("_max")
                  && documented.containsKey(name.substring(0, name.length() - "_max".length()));
          if (name.startsWith("vudo_") && !largest) {
            types.put(name, type);
          }
        });
    assertEquals(
        documented.entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, row -> row.getValue().type()))
            .entrySet()
            .stream()
            .map(Object::toString)
            .sorted()
            .collect(Collectors.joining("\n")),
        types.entrySet().stream().map(Object::toString).sorted().collect(Collectors.joining("\n")));
    for (MetricsText.Sample sample : served.samples) {
      String family = sample.name().replaceAll("_(bucket|count|sum|max)$", "");
      Documented row =
          documented.getOrDefault(sample.name(), documented.getOrDefault(family, null));
      if (row != null) {
        Set<String> labels = new TreeSet<>(sample.labels().keySet());
        labels.remove("le");
        assertEquals(row.labels(), labels, sample.toString());
      } else {
        assertFalse(sample.name().startsWith("vudo_"), sample.toString());
      }
    }
  }

  @Test
  void everyMeterMoves() throws IOException {
    await()
        .untilAsserted(
            () -> {
              // The gauges of those in memory need one there.
              NODE.ask("pages/a", "pages", "").assertReply("1");
              MetricsText served = scrape();
              Set<String> still = new TreeSet<>();
              for (Map.Entry<String, Documented> row : documented().entrySet()) {
                boolean many = Set.of("histogram", "summary").contains(row.getValue().type());
                String name = row.getKey();
                double value = served.sum(many ? name + "_count" : name);
                double sum = many ? served.sum(name + "_sum") : value;
                if (!MAY_BE_ZERO.contains(name) && !(value > 0 && sum > 0)) {
                  still.add(name + " " + value + " " + sum);
                }
              }
              assertEquals(Set.of(), still);
            });
  }

  @Test
  void turnsAndFuelAreThoseOfTheHistory() {
    int turns = 0;
    double fuel = 0;
    double before = scrape().sum("vudo_turn_fuel_total", "type", "counted");
    for (String line : NODE.get("/v1/spirits/counted/a/history").text().split("\n", -1)) {
      if (!line.isBlank()) {
        JsonNode turn =
            new NodeFixture.Answer(200, null, line.getBytes(StandardCharsets.UTF_8)).json();
        turns++;
        fuel += turn.path("fuel").asDouble();
      }
    }
    MetricsText served = scrape();
    assertEquals(before, served.sum("vudo_turn_fuel_total", "type", "counted"));
    assertEquals(turns, served.sum("vudo_turns_total", "type", "counted", "outcome", "completed"));
    assertEquals(fuel, before, fuel / 1e9);
    assertEquals(0, served.sum("vudo_turns_total", "type", "counted", "outcome", "failed"));
    assertTrue(served.sum("vudo_turns_total", "engine", "jvm", "type", "pages") >= 2);
  }

  @Test
  void failuresAreCountedByCode() {
    MetricsText served = scrape();
    double failed = served.sum("vudo_turns_total", "type", "picky", "outcome", "failed");
    assertTrue(failed >= 3, failed + " failed");
    assertEquals(failed, served.sum("vudo_turn_failures_total", "code", "TRAP_UNREACHABLE"));
    assertEquals(failed, served.sum("vudo_turn_failures_total"));
    assertEquals(2, served.sum("vudo_ask_seconds_count", "outcome", "failed"));
    assertEquals(1, served.sum("vudo_refusals_total", "code", "SPIRIT_TYPE_UNKNOWN"));
    assertEquals(1, served.sum("vudo_dead_letters_total"));
    assertEquals(0, served.sum("vudo_outbox_undelivered"));
    // The message that was handled, the one that was not, and its letter.
    assertTrue(served.sum("vudo_outbox_confirmations_total") >= 3);
  }

  @Test
  void typesBeyondTheBoundAreOther() {
    MetricsText served = scrape();
    Set<String> types =
        served.samples.stream()
            .filter(sample -> sample.name().equals("vudo_turns_total"))
            .map(sample -> sample.labels().get("type"))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Set.of("counted", "teller", "picky", "pages", "other"), types);
    // Each was born and handled one message: two types and a script. One more was by name, and two
    // Ghosts had two steps each.
    assertEquals(11, served.sum("vudo_turns_total", "type", "other", "outcome", "completed"));
  }

  @Test
  void callsByNameAreCountedByWhatIsRegistered() {
    await().until(() -> scrape().sum("vudo_process_calls_total", "owner", "other") > 0);
    MetricsText served = scrape();
    Map<String, Double> counted = new TreeMap<>();
    for (MetricsText.Sample sample : served.samples) {
      if (sample.name().equals("vudo_process_calls_total") && sample.value() > 0) {
        counted.put(
            sample.labels().get("owner") + " " + sample.labels().get("outcome"), sample.value());
      }
    }
    // The second call under one key is the first.
    assertEquals(3, counted.remove("loa texts replied"));
    assertEquals(2, counted.remove("group things failed"));
    assertEquals(1, counted.remove("slow.down timeout"));
    assertEquals(1, counted.remove("unknown refused"));
    assertEquals(1, counted.remove("script refused"));
    assertEquals(1, counted.remove("script replied"));
    assertEquals(1, counted.remove("spirit replied"));
    // The three before them are of the hundred, too.
    assertEquals(3, counted.remove("other replied"));
    assertEquals(METERED_OWNERS - 3, counted.size(), counted.toString());
    assertEquals(Set.of(1.0), Set.copyOf(counted.values()));
    assertEquals(
        METERED_OWNERS + 5, served.sum("vudo_process_call_seconds_count", "outcome", "replied"));
    assertTrue(served.sum("vudo_process_call_seconds_sum", "outcome", "timeout") >= 1);
  }

  @Test
  void scriptsThatCameChangedAndWereRefused() {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> scrape().sum("vudo_script_loads_total", "result", "replaced") == 1);
    MetricsText served = scrape();
    assertEquals(1, served.sum("vudo_script_loads_total", "result", "loaded"));
    assertEquals(1, served.sum("vudo_script_loads_total", "result", "failed"));
  }

  @Test
  void runsOfGhostsAndTheirSteps() {
    MetricsText served = scrape();
    assertEquals(2, served.sum("vudo_ghost_runs_begun_total"));
    assertEquals(0, served.sum("vudo_ghost_runs_active"));
    assertEquals(1, served.sum("vudo_ghost_run_seconds_count", "outcome", "done"));
    assertEquals(1, served.sum("vudo_ghost_run_seconds_count", "outcome", "failed"));
    assertEquals(3, served.sum("vudo_ghost_steps_total", "outcome", "done"));
    assertEquals(1, served.sum("vudo_ghost_steps_total", "outcome", "failed"));
  }

  @Test
  void tuplesAndWhoWaitsForThem() {
    await().until(() -> scrape().sum("vudo_tuplespace_waiters") == 1);
    MetricsText served = scrape();
    assertEquals(2, served.sum("vudo_tuplespace_tuples"));
    assertEquals(
        3, served.sum("vudo_tuplespace_operations_total", "operation", "write", "outcome", "done"));
    assertTrue(served.sum("vudo_tuplespace_operations_total", "outcome", "waits") >= 1);
  }

  @Test
  void requestsAreCountedByRouteAndStatus() {
    String name = "vudo_http_request_seconds_count";
    MetricsText before = scrape();
    assertEquals(
        2,
        before.sum(
            name, "route", "/v1/spirits/{type}/{id}/ask", "method", "POST", "status", "422"));
    assertEquals(2, before.sum(name, "route", "other", "status", "404"));
    assertEquals(200, NODE.get("/v1/deployments/counted").status());
    NODE.send(NODE.request("/v1/deployments").method("PATCH", BodyPublishers.noBody()));
    MetricsText after = scrape();
    String[] shown = {"route", "/v1/deployments/{type}", "method", "GET", "status", "200"};
    assertEquals(before.sum(name, shown) + 1, after.sum(name, shown));
    assertEquals(
        1, after.sum(name, "method", "PATCH", "route", "/v1/deployments", "status", "405"));
    // The request that asks, and the one that waits for a tuple.
    assertEquals(2, after.sum("vudo_http_requests_active"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "process_cpu_usage",
        "process_uptime_seconds",
        "process_files_open_files",
        "jvm_memory_used_bytes",
        "jvm_threads_live_threads",
        "jvm_classes_loaded_classes",
        "system_cpu_count"
      })
  void theProcess(String name) {
    MetricsText served = scrape();
    assertTrue(served.types.containsKey(name), served.types.keySet().toString());
    assertTrue(served.sum(name) >= 0);
  }

  @Test
  void aClusterOfOneThatIsWell() {
    MetricsText served = scrape();
    assertEquals(1, served.sum("vudo_cluster_members", "status", "up"));
    assertEquals(1, served.sum("vudo_cluster_members"));
    assertEquals(
        List.of(),
        served.samples.stream()
            .filter(sample -> sample.name().equals("vudo_health") && sample.value() != 1)
            .toList());
  }
}
