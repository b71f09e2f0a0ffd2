package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.node.NodeFixture.Answer;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** How long runs of Ghosts are kept, how many there may be, and how large; on a node of its own. */
class GhostRetentionTest {
  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          "vudo.ghost { retention = 300 ms, max-running = 1, max-input-bytes = 2 KiB, max-result-bytes = 1 KiB }");

  @BeforeAll
  static void deploy() throws IOException {
    NODE.deploy("calc", GatewayGhostsTest.wat("price-spirit"));
  }

  private static Answer run(String spirit, String function, String args, String... headers) {
    return NODE.post("/v1/ghosts/run", body(spirit, function, args), headers);
  }

  private static String body(String spirit, String function, String args) {
    return ("{\"ghost\":{\"name\":\"g\",\"timeout-ms\":60000,\"steps\":[{\"name\":\"s\",\"member\":\"m\","
            + "\"function\":\"%s\",\"args\":[%s]}]},\"members\":{\"m\":\"%s\"}}")
        .formatted(function, args, spirit);
  }

  private static String state(Answer answer) {
    return answer.status() + " " + answer.json().path("state").asText();
  }

  @Test
  void aRunIsForgottenAfterItsTimeAndItsKeyIsFree() {
    assertEquals("200 DONE", state(run("calc/a", "add", "1, 2", "Idempotency-Key", "k")));
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> NODE.get("/v1/ghosts/runs/k").status() == 404);
    // Other arguments under the same names: an answer that the Spirit remembers is not taken for
    // it.
    Answer second = run("calc/a", "add", "3, 4", "Idempotency-Key", "k");
    assertEquals(7, second.json().path("value").asInt(), second.text());
    assertEquals("2", NODE.ask("calc/a", "count", "").text());
    // Who may have run it before cannot know that it was not done.
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> NODE.get("/v1/ghosts/runs/k").status() == 404);
    run("calc/a", "add", "3, 4", "Idempotency-Key", "k", "X-Vudo-Sent-Before", "1s")
        .assertProblem(ErrorCode.OUTCOME_FORGOTTEN);
  }

  @Test
  void oneTooManyIsRefusedUntilAnotherIsOver() {
    assertEquals(
        "202 RUNNING",
        state(run("calc/b", "sleep", "3000", "Idempotency-Key", "long", "X-Vudo-Timeout", "1ms")));
    run("calc/c", "add", "1, 2").assertProblem(ErrorCode.GHOSTS_FULL);
    assertEquals(
        "200 DONE",
        state(run("calc/b", "sleep", "3000", "Idempotency-Key", "long", "X-Vudo-Timeout", "1min")));
    assertEquals("200 DONE", state(run("calc/c", "add", "1, 2")));
  }

  @Test
  void whatIsTooLargeIsRefusedOrFailsItsStep() {
    run("calc/d", "echo", "\"" + "x".repeat(3_000) + "\"").assertProblem(ErrorCode.GHOST_TOO_LARGE);
    Answer answer = run("calc/d", "echo", "\"" + "x".repeat(1_200) + "\"");
    assertEquals("GHOST_TOO_LARGE", answer.json().at("/failure/code").asText(), answer.text());
  }
}
