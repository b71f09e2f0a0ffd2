package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several gates share the limit of a client by tuples, and the window is the lease of one. */
class RateLimiterTest {
  private static final int LIMIT = 100;
  private static final int CALLS = 130;
  private static final int CALLERS = 4;
  private static final int GATES = 2;

  @TempDir private static Path directory;

  private static TestNode node;

  @BeforeAll
  static void start() throws IOException {
    node = TestNode.start(directory, "vudo.tuplespace.hold-age = 1 s");
    node.deploy(
        "rate-limiter",
        Guests.prebuilt("rate-limiter"),
        "grant=tuplespace_read:limits",
        "grant=tuplespace_write:limits",
        "grant=tuplespace_take:limits",
        "grant=cross_sandbox_call");
  }

  @AfterAll
  static void end() {
    if (node != null) {
      node.close();
    }
  }

  private static String gate(int i) {
    return "rate-limiter/gate-" + i % GATES;
  }

  /** Two gates and several callers at once, and a kill: a hundred calls, and not one more. */
  @Test
  void aHundredCallsAndNotOneMore() throws Exception {
    // The window is longer than the test may take.
    String client = "alice " + LIMIT + " 3600000";
    assertEquals(
        "{\"allowed\":true,\"remaining\":99,\"limit\":100}", node.ask(gate(0), "call", client));
    CountDownLatch half = new CountDownLatch(LIMIT / 2);
    List<JsonNode> answers = new ArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(CALLERS);
    try {
      List<Future<JsonNode>> calls =
          IntStream.range(0, CALLS)
              .mapToObj(
                  i ->
                      threads.submit(
                          () -> {
                            String answer =
                                node.askUntilAnswered(gate(i), "call", client, "alice-" + i);
                            half.countDown();
                            return Json.read(answer.getBytes(UTF_8));
                          }))
              .toList();
      assertTrue(half.await(TestNode.PATIENCE.toSeconds(), TimeUnit.SECONDS));
      node.killAndRestart();
      for (Future<JsonNode> call : calls) {
        answers.add(answerOf(call));
      }
    } finally {
      threads.shutdownNow();
    }
    List<Integer> remaining =
        answers.stream()
            .filter(answer -> answer.path("allowed").asBoolean())
            .map(answer -> answer.path("remaining").asInt())
            .sorted()
            .toList();
    assertEquals(IntStream.range(0, LIMIT - 1).boxed().toList(), remaining, "each once");
    assertEquals(
        "{\"allowed\":false,\"remaining\":0,\"limit\":100}", node.ask(gate(1), "call", client));
    assertEquals(
        "{\"allowed\":true,\"remaining\":99,\"limit\":100}",
        node.ask(gate(1), "call", "bob"),
        "another client");
  }

  private static JsonNode answerOf(Future<JsonNode> call)
      throws InterruptedException, ExecutionException, TimeoutException {
    return call.get(TestNode.PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  /** What is over is over for all gates, and the next window is whole. */
  @Test
  void theWindowEndsWithTheLease() {
    String client = "carol 2 3000";
    List<String> answers = new ArrayList<>();
    // On a slow machine a window may end before it is full; then the next one shows it.
    await()
        .atMost(TestNode.PATIENCE)
        .pollInterval(Duration.ofMillis(10))
        .until(
            () -> {
              answers.add(node.ask(gate(answers.size()), "call", client));
              int last = answers.size() - 1;
              return last > 0 && isRefused(answers.get(last - 1)) && !isRefused(answers.get(last));
            });
    int remaining = 0;
    for (String answer : answers) {
      if (isRefused(answer)) {
        assertEquals(0, remaining, () -> "refused too early: " + answers);
        assertEquals("{\"allowed\":false,\"remaining\":0,\"limit\":2}", answer);
      } else {
        int left = Json.read(answer.getBytes(UTF_8)).path("remaining").asInt();
        assertTrue(left == 1 || left == remaining - 1, () -> "a call too many: " + answers);
        remaining = left;
      }
    }
    assertEquals("{\"allowed\":true,\"remaining\":1,\"limit\":2}", answers.get(answers.size() - 1));
  }

  private static boolean isRefused(String answer) {
    return answer.contains("\"allowed\":false");
  }
}
