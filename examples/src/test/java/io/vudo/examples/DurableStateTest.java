package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * State survives wherever a guest keeps it: in a global that is not exported, in memory that grew,
 * in a function table, in the heap of a garbage-collected language. None of the guests has a line
 * of code for that.
 */
class DurableStateTest {
  private static final int SNAPSHOT_EVERY = 100;

  /** Several snapshots, and some turns after the last. */
  private static final int MANY_TURNS = 3 * SNAPSHOT_EVERY + 57;

  private static final String COUNTER = "counter/a";
  private static final String GROWER = "grower/a";
  private static final String DISPATCH = "dispatch/a";
  private static final String KV = "kv/a";
  private static final List<String> ALL = List.of(COUNTER, GROWER, DISPATCH, KV);

  private static void deployAll(TestNode node) throws IOException {
    node.deploy("counter", Guests.example("counter"));
    node.deploy("grower", Guests.example("grower"));
    node.deploy("dispatch", Guests.example("dispatch"));
    node.deploy("kv", Guests.prebuilt("kv"));
  }

  /** A few turns that leave state of each kind behind. */
  private static void someTurns(TestNode node) {
    assertEquals("5", node.ask(COUNTER, "add", "5"));
    assertEquals("2", node.ask(GROWER, "grow", ""));
    assertEquals("3", node.ask(GROWER, "grow", ""));
    assertEquals("7", node.ask(DISPATCH, "apply", "7"));
    assertEquals("mul", node.ask(DISPATCH, "mode:mul", ""));
    assertEquals("created", node.ask(KV, "put", "city=Brno"));
    assertEquals("replaced", node.ask(KV, "put", "city=Basel"));
    assertEquals("created", node.ask(KV, "put", "river=Rhine"));
    assertEquals("deleted", node.ask(KV, "delete", "river"));
  }

  private static void assertSomeTurns(TestNode node) {
    assertEquals("5", node.ask(COUNTER, "get", ""));
    assertEquals("3", node.ask(GROWER, "pages", ""));
    assertEquals("6", node.ask(GROWER, "sum", ""), "2 pages added: 2 * 3");
    // A table as the module has it would add.
    assertEquals("7", node.ask(DISPATCH, "apply", "1"), "7 * 1");
    assertEquals("Basel", node.ask(KV, "get", "city"));
    assertEquals("city", node.ask(KV, "keys", "").strip());
    node.fails(ErrorCode.APPLICATION_ERROR, KV, "get", "river");
  }

  @Test
  void stateIsEqualAfterKillAndRestart(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      deployAll(node);
      someTurns(node);
      node.killAndRestart();
      assertSomeTurns(node);
      assertTrue(node.resident(COUNTER).path("replayedTurns").asLong() > 0, "no snapshot yet");
      node.killAndRestart();
      assertSomeTurns(node);
    }
  }

  @Test
  void stateIsEqualAfterManyTurnsAndSeveralSnapshots(@TempDir Path directory) throws IOException {
    try (TestNode node =
        TestNode.start(directory, "vudo.spirit.snapshot-every-events = " + SNAPSHOT_EVERY)) {
      deployAll(node);
      List<Runnable> spirits = new ArrayList<>();
      spirits.add(() -> add(node));
      spirits.add(() -> grow(node));
      spirits.add(() -> apply(node));
      spirits.add(() -> put(node));
      spirits.parallelStream().forEach(Runnable::run);

      for (int kill = 1; kill <= 2; kill++) {
        node.killAndRestart();
        assertEquals(Integer.toString(MANY_TURNS), node.ask(COUNTER, "get", ""));
        assertEquals(Integer.toString(MANY_TURNS + 1), node.ask(GROWER, "pages", ""));
        assertEquals(
            Long.toString((long) MANY_TURNS * (MANY_TURNS + 1)), node.ask(GROWER, "sum", ""));
        assertEquals(accumulator(), node.ask(DISPATCH, "apply", "1"), "still in mode mul");
        for (int key = 0; key < 10; key++) {
          int last = (MANY_TURNS - 1 - key) / 10 * 10 + key;
          assertEquals("value-" + last, node.ask(KV, "get", "key-" + key));
        }
        for (String spirit : ALL) {
          long replayed = node.resident(spirit).path("replayedTurns").asLong();
          assertTrue(
              replayed <= SNAPSHOT_EVERY + 20,
              () -> spirit + " replayed " + replayed + " turns, in spite of its snapshots");
        }
      }
    }
  }

  private static void add(TestNode node) {
    for (int i = 1; i <= MANY_TURNS; i++) {
      assertEquals(Integer.toString(i), node.ask(COUNTER, "add", ""));
    }
  }

  private static void grow(TestNode node) {
    for (int i = 1; i <= MANY_TURNS; i++) {
      assertEquals(Integer.toString(i + 1), node.ask(GROWER, "grow", ""));
    }
  }

  private static void apply(TestNode node) {
    for (int i = 1; i < MANY_TURNS; i++) {
      node.ask(DISPATCH, "apply", Integer.toString(i));
    }
    node.ask(DISPATCH, "mode:mul", "");
  }

  private static String accumulator() {
    return Long.toString((long) MANY_TURNS * (MANY_TURNS - 1) / 2);
  }

  private static void put(TestNode node) {
    for (int i = 0; i < MANY_TURNS; i++) {
      node.ask(KV, "put", "key-" + i % 10 + "=value-" + i);
    }
  }

  @Test
  void stateIsEqualAfterPassivationAndAfterACleanEnd(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory, "vudo.spirit.idle-timeout = 300 ms")) {
      deployAll(node);
      someTurns(node);
      awaitPassivation(node);
      assertSomeTurns(node);
      awaitPassivation(node);
      assertSomeTurns(node);
      // The snapshot that a Spirit leaves behind on its way out makes replaying superfluous.
      for (String spirit : ALL) {
        assertEquals(0, node.resident(spirit).path("replayedTurns").asLong(), spirit);
      }
      awaitPassivation(node);
      node.killAndRestart();
      assertSomeTurns(node);
      node.stopAndRestart();
      assertFalse(node.isResident(COUNTER), "nobody has asked it yet");
      assertSomeTurns(node);
    }
  }

  private static void awaitPassivation(TestNode node) {
    await().atMost(TestNode.PATIENCE).until(() -> node.residents().isEmpty());
  }

  @Test
  void askersDoNotNoticePassivation(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory, "vudo.spirit.idle-timeout = 1 ms")) {
      node.deploy("counter", Guests.example("counter"));
      int callers = 6;
      int asks = 60;
      List<CompletableFuture<List<String>>> callersReplies = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        callersReplies.add(
            CompletableFuture.supplyAsync(
                () -> IntStream.range(0, asks).mapToObj(j -> node.ask(COUNTER, "add", "")).toList(),
                command -> new Thread(command).start()));
      }
      Set<String> replies = new HashSet<>();
      for (CompletableFuture<List<String>> caller : callersReplies) {
        List<String> own = caller.join();
        assertEquals(own.stream().sorted(Comparator.comparingLong(Long::parseLong)).toList(), own);
        replies.addAll(own);
      }
      assertEquals(callers * asks, replies.size());
    }
  }
}
