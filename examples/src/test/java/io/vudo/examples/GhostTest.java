package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.ghost.Step;
import io.vudo.node.internal.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Ghost whose node dies under it again and again. */
class GhostTest {
  private static final int SIDES = 3;
  private static final int LENGTH = 15;

  /**
   * Adds 1 again and again, on several Spirits side by side, waits for all of them, and does it
   * once more: 1 + 15, 3 times, and 15 more.
   */
  private static Ghost ghost() {
    Ghost.Builder ghost = Ghost.named("busy").timeout(Duration.ofMinutes(10));
    for (int side = 0; side < SIDES; side++) {
      ghost.step(Step.call(name(side, 0), "side" + side, "add", 0, 1));
      for (int i = 1; i <= LENGTH; i++) {
        ghost.step(Step.call(name(side, i), "side" + side, "add", Step.from(name(side, i - 1)), 1));
      }
    }
    String[] all =
        IntStream.range(0, SIDES).mapToObj(side -> name(side, LENGTH)).toArray(String[]::new);
    ghost.step(Step.call("sleep", "last", "sleep", 3_000).runsAfter(all));
    ghost.step(
        Step.call("sum", "last", "add", Step.from(all[0]), Step.from(all[1])).runsAfter("sleep"));
    for (int i = 0; i < LENGTH; i++) {
      ghost.then("more" + i, "last", "echo");
    }
    return ghost.build();
  }

  private static String name(int side, int step) {
    return "s" + side + "-" + step;
  }

  @Test
  void itEndsByItselfAndEachStepWasHandledOnceThoughItsNodeIsKilled(@TempDir Path directory)
      throws IOException {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("GhostTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    try (TestNode node = TestNode.start(directory)) {
      node.deploy(
          "calc", Wat2Wasm.parse(Files.readString(Guests.file("price/price-spirit.wat"), UTF_8)));
      ObjectNode body = Json.object();
      body.set("ghost", GhostJson.tree(GhostJson.write(ghost())));
      ObjectNode members = body.putObject("members").put("last", "calc/last");
      for (int side = 0; side < SIDES; side++) {
        members.put("side" + side, "calc/" + side);
      }
      node.beginGhost("busy-1", body);
      awaitDone(node, 1 + random.nextInt(SIDES * LENGTH));
      node.killAndRestart();
      // In the middle of a turn that waits.
      awaitState(node, "sleep", "RUNNING");
      node.killAndRestart();
      // From here on nobody asks for the run until its steps have been handled.
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> node.ask("calc/last", "count", "").equals("" + (2 + LENGTH)));
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> run(node).path("state").asText().equals("DONE"));
      assertEquals(2 * (LENGTH + 1), run(node).path("value").asInt(), () -> run(node).toString());
      for (int side = 0; side < SIDES; side++) {
        assertEquals("" + (LENGTH + 1), node.ask("calc/" + side, "count", ""));
      }
      assertEquals("" + (2 + LENGTH), node.ask("calc/last", "count", ""));
      // The end of it is durable as well.
      node.killAndRestart();
      assertEquals(
          2 * (LENGTH + 1),
          node.beginGhost("busy-1", body).path("value").asInt(),
          "the same again");
      assertEquals("" + (2 + LENGTH), node.ask("calc/last", "count", ""));
    }
  }

  private static JsonNode run(TestNode node) {
    return node.get("/v1/ghosts/runs/busy-1");
  }

  private static void awaitDone(TestNode node, int steps) {
    await()
        .atMost(TestNode.PATIENCE)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(5))
        .until(
            () -> {
              int done = 0;
              for (JsonNode step : run(node).path("steps")) {
                done += step.path("state").asText().equals("DONE") ? 1 : 0;
              }
              return done >= steps;
            });
  }

  private static void awaitState(TestNode node, String name, String state) {
    await()
        .atMost(TestNode.PATIENCE)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> {
              for (JsonNode step : run(node).path("steps")) {
                if (step.path("step").asText().equals(name)) {
                  return step.path("state").asText().equals(state);
                }
              }
              return false;
            });
  }
}
