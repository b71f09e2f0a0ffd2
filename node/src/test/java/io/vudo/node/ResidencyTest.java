package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** More Spirits than a node has room for: the least recently used leave, and nothing is lost. */
class ResidencyTest {
  private static final int MAX_INSTANCES = 50;
  private static final int SPIRITS = 2_000;
  private static final int CALLERS = 16;
  private static final int MAILBOX_BYTES = 40_000;
  private static final Duration TIMEOUT = Duration.ofSeconds(50);

  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          "vudo.spirit.max-instances = "
              + MAX_INSTANCES
              + "\nvudo.spirit.max-node-mailbox-bytes = "
              + MAILBOX_BYTES);

  private static JsonNode engine(String name) {
    for (JsonNode engine : NODE.get("/v1/status").json().path("engines")) {
      if (engine.path("name").asText().equals(name)) {
        return engine;
      }
    }
    throw new AssertionError("no engine " + name);
  }

  private static List<String> engines() {
    List<String> names = new ArrayList<>();
    for (JsonNode engine : NODE.get("/v1/status").json().path("engines")) {
      names.add(engine.path("name").asText());
    }
    return names;
  }

  /** Adds to so many counters, the types in turn; each must answer what it has counted. */
  private static void addToAll(List<String> types, int expected) throws InterruptedException {
    Semaphore callers = new Semaphore(CALLERS);
    List<CompletableFuture<Void>> answers = new ArrayList<>();
    for (int i = 0; i < SPIRITS; i++) {
      SpiritId spirit = new SpiritId(types.get(i % types.size()), Integer.toString(i));
      callers.acquire();
      answers.add(
          NODE.node()
              .spirits()
              .ask(spirit, "add", "1".getBytes(StandardCharsets.UTF_8), "", TIMEOUT)
              .toCompletableFuture()
              .whenComplete((reply, failure) -> callers.release())
              .thenAccept(
                  reply ->
                      assertEquals(
                          Integer.toString(expected),
                          new String(reply.orElseThrow(), StandardCharsets.UTF_8),
                          spirit.toString())));
    }
    for (CompletableFuture<Void> answer : answers) {
      answer.join();
    }
  }

  @Test
  void twoThousandSpiritsShareFiftyInstances() throws InterruptedException {
    List<String> types = new ArrayList<>();
    for (String engine : engines()) {
      assertEquals(MAX_INSTANCES, engine(engine).path("maxInstances").asInt());
      NODE.deploy("many-" + engine, TestModules.example("counter"), "engine=" + engine);
      types.add("many-" + engine);
    }
    addToAll(types, 1);
    addToAll(types, 2);
    for (String engine : engines()) {
      int live = engine(engine).path("liveInstances").asInt();
      assertTrue(live <= MAX_INSTANCES, live + " live instances of " + engine);
    }
  }

  /** The bound is of all Spirits together; each of them is far from its own. */
  @Test
  void theMailboxesOfANodeAreBoundedTogether() {
    NODE.deploy("busy", TestModules.spinner(), "turn-timeout=3s", "fuel=1000000000000000");
    String payload = "x".repeat(5_000);
    List<CompletableFuture<NodeFixture.Answer>> answers = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      answers.add(NODE.sendAsk("busy/" + i % 5, "spin", payload));
    }
    int full = 0;
    for (CompletableFuture<NodeFixture.Answer> sent : answers) {
      NodeFixture.Answer answer = sent.join();
      if (answer.status() == ErrorCode.MAILBOX_FULL.httpStatus()) {
        String detail = answer.assertProblem(ErrorCode.MAILBOX_FULL);
        assertTrue(detail.contains("vudo.spirit.max-node-mailbox-bytes"), detail);
        full++;
      } else {
        answer.assertProblem(ErrorCode.TURN_TIMEOUT);
      }
    }
    // 40,000 bytes hold seven messages of 5,512.
    assertEquals(20 - MAILBOX_BYTES / 5_512, full);

    // What was answered has given back what it took.
    NODE.deploy("free", TestModules.echo());
    NODE.ask("free/a", "say", "y".repeat(39_000)).assertReply("y".repeat(39_000));
  }
}
