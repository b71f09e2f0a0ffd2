package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engines;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The past of Spirits while their node is killed. */
class TimeTravelTest {
  private static final int MESSAGES = 60;
  private static final int KILLS = 3;
  private static final int FORKS = 5;

  /** The birth and three messages. */
  private static final long ORIGIN_TURN = 4;

  static List<String> engines() {
    return Engines.names();
  }

  private static Random random() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("TimeTravelTest: -Dvudo.test.seed=" + seed);
    return new Random(seed);
  }

  private static List<JsonNode> history(TestNode node, String spirit) {
    return new String(node.getBytes("/v1/spirits/" + spirit + "/history"), UTF_8)
        .lines()
        .map(line -> Json.read(line.getBytes(UTF_8)))
        .toList();
  }

  private static JsonNode state(TestNode node, String spirit, long turn) {
    return node.get("/v1/spirits/" + spirit + "/replay?to=" + turn);
  }

  /**
   * However often the node died, the history has every turn once, and running it again from the
   * first turn ends in the state that the living Spirit has: over snapshots, recoveries and the
   * rolled-back turns between.
   */
  @ParameterizedTest
  @MethodSource("engines")
  void theHistoryIsWholeAndLeadsToTheLivingState(String engine, @TempDir Path directory)
      throws Exception {
    Random random = random();
    AtomicInteger told = new AtomicInteger();
    String spirit = "counter/told";
    byte[] module = Guests.counterThatMay("", "unreachable");
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try (TestNode node =
        TestNode.start(
            directory,
            "vudo.spirit.snapshot-every-events = 13",
            "vudo.spirit.state-hash-every-turns = 2")) {
      node.deploy("counter", module, "engine=" + engine);
      Future<?> teller =
          thread.submit(
              () -> {
                for (int i = 0; i < MESSAGES; i++) {
                  tell(node, spirit, i);
                  told.incrementAndGet();
                }
              });
      for (int kill = 1; kill <= KILLS; kill++) {
        int atLeast = kill * MESSAGES / (KILLS + 2) + random.nextInt(5);
        await()
            .atMost(TestNode.PATIENCE)
            .pollInterval(Duration.ofMillis(1))
            .until(() -> teller.isDone() || told.get() >= atLeast);
        node.killAndRestart();
      }
      teller.get();

      List<JsonNode> history = history(node, spirit);
      long failed = 0;
      for (int i = 0; i < history.size(); i++) {
        assertEquals(i + 1, history.get(i).path("turn").asInt(), history.get(i)::toString);
        failed += history.get(i).path("outcome").asText().equals("failed") ? 1 : 0;
      }
      assertEquals(MESSAGES / 5, failed);
      assertEquals(MESSAGES + 1, history.size());
      String live = node.migrate(spirit, engine).path("stateHash").asText();
      JsonNode rebuilt = state(node, spirit, history.size());
      assertEquals(live, rebuilt.path("stateHash").asText(), rebuilt::toString);
      assertEquals(engine, rebuilt.path("engine").asText());
      assertEquals(
          Integer.toString(MESSAGES - MESSAGES / 5 + 1), node.ask(spirit, "x", ""), "the count");
    } finally {
      thread.shutdownNow();
    }
  }

  /** Every fifth message is one that the Spirit stumbles over. */
  private static void tell(TestNode node, String spirit, int number) {
    try {
      node.tellUntilTaken(spirit, "x", number % 5 == 4 ? "!" : "", "tell-" + number);
    } catch (VudoException failure) {
      assertEquals(ErrorCode.TRAP_UNREACHABLE, failure.code(), failure::toString);
      assertEquals(4, number % 5, failure::toString);
    }
  }

  /** A node dies while a Spirit is forked: the fork is there whole, or nothing of it is. */
  @Test
  void aForkIsWholeOrNotThere(@TempDir Path directory) throws Exception {
    Random random = random();
    byte[] large =
        Guests.spirit(
            "",
            "(global $n (mut i64) (i64.const 0))",
            """
            (if (i64.eqz (global.get $n))
              (then
                (drop (memory.grow (i32.const 63)))
                (memory.fill (i32.const 8192) (i32.const 7) (i32.const 4000000))))
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (call $say (global.get $n))
            """);
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("large", large);
      for (int i = 1; i <= 3; i++) {
        assertEquals(Integer.toString(i), node.ask("large/origin", "x", ""));
      }
      String expected = state(node, "large/origin", ORIGIN_TURN).path("stateHash").asText();
      List<String> forks = new ArrayList<>();
      List<String> acknowledged = new ArrayList<>();
      int there = 0;
      for (int i = 0; i < FORKS; i++) {
        String fork = "large/fork-" + i;
        forks.add(fork);
        // The first one warms up what the second measures: a fork takes about as long.
        state(node, "large/origin", ORIGIN_TURN);
        long startNanos = System.nanoTime();
        assertEquals(expected, state(node, "large/origin", ORIGIN_TURN).path("stateHash").asText());
        long usualMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos) + 20;
        CompletableFuture<JsonNode> answer =
            node.forkLater("large/origin", "fork-" + i, ORIGIN_TURN);
        long delayMillis =
            i == FORKS - 1 ? TestNode.PATIENCE.toMillis() : random.nextInt((int) usualMillis);
        try {
          answer.get(delayMillis, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          // It is under way.
        }
        node.killAndRestart();
        if (answer.handle((done, failure) -> failure == null).join()) {
          acknowledged.add(fork);
        }
      }
      for (String fork : forks) {
        if (isThere(node, fork)) {
          there++;
          assertEquals(expected, state(node, fork, ORIGIN_TURN).path("stateHash").asText(), fork);
          assertEquals("4", node.ask(fork, "x", ""), fork);
        } else {
          assertTrue(!acknowledged.contains(fork), fork);
          String id = fork.substring("large/".length());
          assertEquals(ORIGIN_TURN, forked(node, id).path("turn").asLong());
          assertEquals("4", node.ask(fork, "x", ""), fork);
        }
      }
      assertTrue(acknowledged.contains(forks.get(FORKS - 1)));
      System.out.println("TimeTravelTest: " + there + " of " + FORKS + " forks outlived the node");
      node.killAndRestart();
      for (String fork : forks) {
        assertEquals("5", node.ask(fork, "x", ""), fork);
      }
      assertEquals("4", node.ask("large/origin", "x", ""));
    }
  }

  private static JsonNode forked(TestNode node, String id) {
    try {
      return node.forkLater("large/origin", id, ORIGIN_TURN).join();
    } catch (CompletionException e) {
      throw (VudoException) e.getCause();
    }
  }

  private static boolean isThere(TestNode node, String spirit) {
    try {
      return !history(node, spirit).isEmpty();
    } catch (VudoException e) {
      assertEquals(ErrorCode.SPIRIT_NOT_FOUND, e.code(), e::toString);
      return false;
    }
  }
}
