package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.client.GhostClient;
import io.vudo.client.VudoClient;
import io.vudo.embedded.Seance;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.ghost.GhostResult;
import io.vudo.ghost.GhostResult.State;
import io.vudo.ghost.Step;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Ghosts over Spirits of a cluster, through the gateway and by the client. */
class GatewayGhostsTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  static final Path EXAMPLE = Path.of("..", "examples", "price");

  private static VudoClient client;

  static byte[] wat(String name) throws IOException {
    return Wat2Wasm.parse(Files.readString(EXAMPLE.resolve(name + ".wat")));
  }

  @BeforeAll
  static void deploy() throws IOException {
    NODE.deploy("calc", wat("price-spirit"));
    NODE.deploy("narrow", wat("price-spirit"), "mailbox=1");
    client = VudoClient.of(NODE.uri().toString());
  }

  @AfterAll
  static void close() {
    client.close();
  }

  private static Map<String, SpiritId> members(String... namesAndSpirits) {
    Map<String, SpiritId> members = new HashMap<>();
    for (int i = 0; i < namesAndSpirits.length; i += 2) {
      members.put(namesAndSpirits[i], SpiritId.parse(namesAndSpirits[i + 1]));
    }
    return members;
  }

  private static int count(String spirit) {
    return Integer.parseInt(NODE.ask(spirit, "count", "").text());
  }

  private static VudoException failure(CompletionStage<?> stage) {
    return assertInstanceOf(
        VudoException.class,
        assertThrows(
                CompletionException.class,
                () -> stage.toCompletableFuture().orTimeout(1, TimeUnit.MINUTES).join())
            .getCause());
  }

  private static Answer run(Ghost ghost, String members, String inputs, String... headers) {
    ObjectNode body = Json.object();
    body.set("ghost", GhostJson.tree(GhostJson.write(ghost)));
    body.set("members", Json.read(members.getBytes(StandardCharsets.UTF_8)));
    body.set("inputs", Json.read(inputs.getBytes(StandardCharsets.UTF_8)));
    List<String> all = new ArrayList<>(List.of("Content-Type", "application/json"));
    all.addAll(List.of(headers));
    return NODE.post("/v1/ghosts/run", body.toString(), all.toArray(String[]::new));
  }

  private static Ghost sleeping(String name, long millis, long timeoutMillis) {
    return Ghost.named(name)
        .step(Step.call("sleep", "calc", "sleep", millis))
        .then("after", "calc", "echo")
        .timeout(Duration.ofMillis(timeoutMillis))
        .build();
  }

  @Test
  void theSameGhostHasTheSameResultInOneJvmAndInTheCluster() throws IOException {
    Ghost price = Ghost.load(EXAMPLE.resolve("price.toml"));
    Object embedded;
    try (Seance seance = new Seance()) {
      seance.summon("calc", wat("price"));
      seance.summon("tax", wat("price"));
      embedded = seance.bind(price).call(3);
    }
    GhostResult durable =
        client.ghost(price, members("calc", "calc/same", "tax", "calc/taxes")).runAndWait(3);
    assertEquals(89, embedded);
    assertEquals(embedded, durable.value());
    assertEquals(14, durable.steps().get("tax").value());
    assertEquals(2, count("calc/same"));
    assertEquals(1, count("calc/taxes"));
  }

  @Test
  void declaredInTomlItRunsOverHttpAndTellsOfEachStep() throws IOException {
    ObjectNode body = Json.object().put("ghost", Files.readString(EXAMPLE.resolve("price.toml")));
    body.putObject("members").put("calc", "calc/h").put("tax", "calc/h");
    body.putObject("inputs").put("quantity", 4);
    Answer answer =
        NODE.post(
            "/v1/ghosts/run",
            body.toString(),
            "Idempotency-Key",
            "http/1",
            "X-Vudo-Timeout",
            "1min");
    assertEquals(200, answer.status(), answer.text());
    assertEquals("/v1/ghosts/runs/http%2F1", answer.header("Location"));
    JsonNode run = answer.json();
    assertEquals(
        "http/1 price DONE 119",
        String.join(
            " ",
            run.path("run").asText(),
            run.path("ghost").asText(),
            run.path("state").asText(),
            run.path("value").toString()));
    assertEquals(
        List.of("100", "19", "119"),
        List.of(
            run.at("/steps/0/value").toString(),
            run.at("/steps/1/value").toString(),
            run.at("/steps/2/value").toString()));
    assertEquals("calc/h", run.at("/steps/1/spirit").asText());
    assertEquals(run, NODE.get(answer.header("Location")).json(), "what is shown afterwards");
  }

  @Test
  void stepsFanOutAndAreGatheredAndAreHandledOnceThoughTheMailboxIsFull() {
    Ghost.Builder wide = Ghost.named("wide").input("n", Ghost.Type.INT);
    for (int i = 0; i < 8; i++) {
      wide.step(Step.call("s" + i, "narrow", "add", Step.from("n"), i));
    }
    Ghost ghost =
        wide.step(Step.call("sum", "calc", "add", Step.from("s0"), Step.from("s7")))
            .output("sum", "s3")
            .build();
    GhostResult result =
        client.ghost(ghost, members("narrow", "narrow/w", "calc", "calc/w")).runAndWait(10);
    assertEquals(Map.of("sum", 27, "s3", 13), result.value());
    assertEquals(8, count("narrow/w"));
  }

  @Test
  void valuesArePassedAsTheClientsProxiesPassThem() {
    byte[] bytes = {1, 2, (byte) 0xff};
    Ghost ghost =
        Ghost.named("values")
            .input("text", Ghost.Type.TEXT)
            .input("bytes", Ghost.Type.BYTES)
            .step(
                Step.call("text-alone", "calc", "echo", Step.from("text")).answers(Ghost.Type.TEXT))
            .step(
                Step.call("bytes-alone", "calc", "echo", Step.from("bytes"))
                    .answers(Ghost.Type.BYTES))
            .step(Step.call("raw", "calc", "echo", Step.from("bytes")))
            .step(Step.call("nothing", "calc", "none"))
            .step(
                Step.call("no-args", "calc", "count").answers(Ghost.Type.LONG).runsAfter("nothing"))
            .step(
                Step.call(
                    "all",
                    "calc",
                    "echo",
                    Step.from("text"),
                    Step.from("bytes"),
                    1,
                    2.5,
                    true,
                    "$",
                    Step.from("nothing")))
            .output("text-alone", "bytes-alone", "raw", "nothing", "no-args", "all")
            .build();
    GhostResult result =
        client.ghost(ghost, members("calc", "calc/values")).runAndWait("über", bytes);
    Map<?, ?> values = assertInstanceOf(Map.class, result.value());
    assertEquals("über", values.get("text-alone"));
    assertArrayEquals(bytes, (byte[]) values.get("bytes-alone"));
    assertArrayEquals(bytes, (byte[]) values.get("raw"));
    assertNull(values.get("nothing"));
    assertInstanceOf(Long.class, values.get("no-args"));
    List<Object> all = new ArrayList<>(List.of("über", "AQL/", 1, 2.5, true, "$"));
    all.add(null);
    assertEquals(all, values.get("all"));
  }

  @Test
  void aStepThatFailsEndsItAndThoseThatRunAreWaitedFor() {
    Ghost ghost =
        Ghost.named("failing")
            .step(Step.call("bad", "calc", "unknown"))
            .step(Step.call("slow", "other", "sleep", 700))
            .step(Step.call("never", "calc", "add", Step.from("slow"), 1))
            .build();
    GhostResult result =
        client.ghost(ghost, members("calc", "calc/f", "other", "calc/g")).runAndWait();
    VudoException failure = result.failure().orElseThrow();
    assertEquals(ErrorCode.APPLICATION_ERROR, failure.code());
    assertTrue(
        failure.detail().startsWith("Ghost failing, step bad (calc.unknown): "), failure.detail());
    assertEquals(State.FAILED, result.steps().get("bad").state());
    assertEquals(700, result.steps().get("slow").value());
    assertEquals(State.SKIPPED, result.steps().get("never").state());
    assertEquals(0, count("calc/f"), "a turn that failed did not happen, and the other never came");
  }

  @Test
  void anAnswerThatIsNotWhatWasDeclaredFailsTheStep() {
    Ghost wrong =
        Ghost.named("wrong")
            .step(Step.call("text", "calc", "echo", "x").answers(Ghost.Type.INT))
            .build();
    assertEquals(
        ErrorCode.REPLY_INVALID,
        client.ghost(wrong, members("calc", "calc/v")).runAndWait().failure().orElseThrow().code());
    Ghost unclear =
        Ghost.named("unclear")
            .step(Step.call("text", "calc", "echo", "x"))
            .step(Step.call("two", "calc", "echo", Step.from("text"), 1))
            .build();
    assertEquals(
        ErrorCode.GHOST_MISMATCH,
        client
            .ghost(unclear, members("calc", "calc/v"))
            .runAndWait()
            .failure()
            .orElseThrow()
            .code());
  }

  @Test
  void itsTimeAndThatOfAStepEndIt() {
    GhostResult late =
        client.ghost(sleeping("late", 60_000, 300), members("calc", "calc/late")).runAndWait();
    assertEquals(ErrorCode.GHOST_TIMEOUT, late.failure().orElseThrow().code());
    assertEquals(ErrorCode.ASK_TIMEOUT, late.steps().get("sleep").failure().orElseThrow().code());
    assertEquals(State.SKIPPED, late.steps().get("after").state());
    Ghost step =
        Ghost.named("step")
            .step(Step.call("sleep", "calc", "sleep", 60_000).within(Duration.ofMillis(300)))
            .build();
    VudoException own =
        client.ghost(step, members("calc", "calc/late2")).runAndWait().failure().orElseThrow();
    assertEquals(ErrorCode.ASK_TIMEOUT, own.code(), own.detail());
  }

  @Test
  void whoDoesNotWaitLearnsThatItGoesOnAndHearsOfItsEndLater() {
    Answer begun =
        run(
            sleeping("patient", 1_000, 30_000),
            "{\"calc\":\"calc/p\"}",
            "{}",
            "Idempotency-Key",
            "patient-1",
            "X-Vudo-Timeout",
            "50ms");
    assertEquals(202, begun.status(), begun.text());
    assertEquals(
        "RUNNING RUNNING WAITING",
        begun.json().path("state").asText()
            + " "
            + begun.json().at("/steps/0/state").asText()
            + " "
            + begun.json().at("/steps/1/state").asText());
    Answer end =
        NODE.send(NODE.request("/v1/ghosts/runs/patient-1").header("X-Vudo-Timeout", "1min").GET());
    assertEquals(
        "DONE 1000",
        end.json().path("state").asText() + " " + end.json().path("value").asText(),
        end.text());
  }

  @Test
  void oneKeyIsOneRunAndNothingElseIsRunUnderIt() {
    GhostClient once =
        client.ghost(sleeping("once", 300, 30_000), members("calc", "calc/once")).withKey("once-1");
    CompletionStage<GhostResult> first = once.run();
    CompletionStage<GhostResult> second = once.run();
    assertEquals(300, first.toCompletableFuture().join().value());
    assertEquals(300, second.toCompletableFuture().join().value());
    assertEquals(300, once.runAndWait().value());
    assertEquals(2, count("calc/once"));

    assertEquals(
        ErrorCode.GHOST_RUN_MISMATCH,
        failure(
                client
                    .ghost(sleeping("once", 301, 30_000), members("calc", "calc/once"))
                    .withKey("once-1")
                    .run())
            .code());
    assertEquals(
        ErrorCode.GHOST_RUN_MISMATCH,
        failure(
                client
                    .ghost(sleeping("once", 300, 30_000), members("calc", "calc/other"))
                    .withKey("once-1")
                    .run())
            .code());
    assertEquals(2, count("calc/once"));
  }

  @Test
  void whatCannotBeRunIsRefusedBeforeItBegins() {
    Ghost ghost = sleeping("refused", 1, 1_000);
    run(ghost, "{}", "{}").assertProblem(ErrorCode.REQUEST_INVALID);
    run(ghost, "{\"calc\":\"no id\"}", "{}").assertProblem(ErrorCode.SPIRIT_ID_INVALID);
    run(ghost, "{\"calc\":\"calc/r\",\"more\":\"calc/r\"}", "{}")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    run(ghost, "{\"calc\":\"calc/r\"}", "{\"n\":1}").assertProblem(ErrorCode.ARGUMENT_INVALID);
    run(ghost, "{\"calc\":\"calc/r\"}", "{}", "Idempotency-Key", "a b")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.post("/v1/ghosts/run", "{\"ghost\":\"name=1\",\"members\":{},\"inputs\":{}}")
        .assertProblem(ErrorCode.GHOST_INVALID);
    NODE.post("/v1/ghosts/run", "{\"ghosts\":1}").assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.get("/v1/ghosts/runs/nobody").assertProblem(ErrorCode.GHOST_RUN_NOT_FOUND);
    assertEquals(0, count("calc/r"));
    // A type that is not deployed is found when the step is sent.
    JsonNode run = run(ghost, "{\"calc\":\"nothing/r\"}", "{}").json();
    assertEquals("SPIRIT_TYPE_UNKNOWN", run.at("/failure/code").asText());
  }
}
