package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
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
  private static final Duration TIMEOUT = Duration.ofSeconds(50);

  @RegisterExtension
  static final NodeFixture NODE = new NodeFixture("vudo.spirit.max-instances = " + MAX_INSTANCES);

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
}
