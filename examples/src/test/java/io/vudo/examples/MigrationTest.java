package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Spirit that goes from engine to engine while it is at work and while the node dies. */
class MigrationTest {
  private static final int MESSAGES = 100;
  private static final int KILLS = 4;
  private static final String SPIRIT = "counter/moving";

  @TempDir private static Path directory;

  @Test
  void nothingIsLostOrDoubledOnTheWay() throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("MigrationTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    AtomicInteger told = new AtomicInteger();
    AtomicInteger moves = new AtomicInteger();
    AtomicBoolean done = new AtomicBoolean();
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (TestNode node = TestNode.start(directory, "vudo.spirit.snapshot-every-events = 17")) {
      node.deploy("counter", Guests.example("counter"));
      List<String> engines = node.engines();
      assertTrue(engines.size() > 1, engines::toString);
      node.tellUntilTaken(SPIRIT, "add", "1", "first");

      Future<?> teller =
          threads.submit(
              () -> {
                for (int i = 1; i < MESSAGES; i++) {
                  node.tellUntilTaken(SPIRIT, "add", "1", "tell-" + i);
                  told.incrementAndGet();
                }
              });
      Future<?> mover = threads.submit(() -> move(node, engines, moves, done));
      for (int kill = 1; kill <= KILLS; kill++) {
        int atLeast = kill * MESSAGES / (KILLS + 2) + random.nextInt(5);
        int movesBefore = moves.get();
        await()
            .atMost(TestNode.PATIENCE)
            .pollInterval(Duration.ofMillis(1))
            .until(
                () ->
                    teller.isDone()
                        || mover.isDone()
                        || (told.get() >= atLeast && moves.get() > movesBefore));
        node.killAndRestart();
      }
      teller.get();
      done.set(true);
      mover.get();
      assertEquals(Integer.toString(MESSAGES), node.ask(SPIRIT, "get", ""));
      System.out.println("MigrationTest: " + moves.get() + " moves");

      String engine = node.resident(SPIRIT).path("engine").asText();
      String hash = node.migrate(SPIRIT, engine).path("stateHash").asText();
      node.killAndRestart();
      assertEquals(Integer.toString(MESSAGES), node.ask(SPIRIT, "get", ""));
      assertEquals(engine, node.resident(SPIRIT).path("engine").asText());
      for (String other : engines) {
        assertEquals(hash, node.migrate(SPIRIT, other).path("stateHash").asText(), other);
      }
    } finally {
      done.set(true);
      threads.shutdownNow();
    }
  }

  /** Back and forth until it is enough. While the node is gone, it tries again. */
  private static void move(
      TestNode node, List<String> engines, AtomicInteger moves, AtomicBoolean done) {
    for (int i = 1; !done.get(); i++) {
      String engine = engines.get(i % engines.size());
      try {
        assertEquals(engine, node.migrate(SPIRIT, engine).path("engine").asText());
        moves.incrementAndGet();
      } catch (VudoException e) {
        assertTrue(TestNode.isPassing(e), e::toString);
      }
    }
  }

  /**
   * Recovery runs turns again, which takes an instance; when there is none, who recovers waits for
   * one as everybody else does.
   */
  @Test
  void recoveryWaitsForRoomAsWell(@TempDir Path crowded) throws IOException {
    int spirits = 30;
    try (TestNode roomy = TestNode.start(crowded)) {
      roomy.deploy("counter", Guests.example("counter"));
      for (int i = 0; i < spirits; i++) {
        roomy.ask("counter/" + i, "add", "1");
      }
    }
    try (TestNode narrow = TestNode.start(crowded, "vudo.spirit.max-instances = 3")) {
      List<CompletableFuture<byte[]>> answers =
          IntStream.range(0, spirits)
              .mapToObj(i -> narrow.askLater("counter/" + i, "add", "1".getBytes(UTF_8), ""))
              .toList();
      for (CompletableFuture<byte[]> answer : answers) {
        assertEquals("2", new String(TestNode.join(answer), UTF_8));
      }
    }
  }

  /**
   * The guests of the jvm engine share a budget of the heap. When one wants more than is left, the
   * others leave, also in the middle of its turn.
   */
  @Test
  void spiritsThatGrowMakeEachOtherLeave(@TempDir Path another) throws IOException {
    byte[] grower =
        Guests.spirit(
            "",
            "(global $n (mut i64) (i64.const 0))",
            """
            (if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then (unreachable)))
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (call $say (global.get $n))
            """);
    try (TestNode node = TestNode.start(another, "vudo.engine.jvm.max-heap-bytes = 8 MiB")) {
      node.deploy("grower", grower, "engine=jvm");
      for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 20; i++) {
          assertEquals(
              Integer.toString(round),
              new String(node.askBytes("grower/" + i, "x", new byte[0]), UTF_8));
        }
      }
    }
  }
}
