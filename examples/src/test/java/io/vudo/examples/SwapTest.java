package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engines;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Code is swapped under Spirits while they are at work and while their node dies. */
class SwapTest {
  private static final int SPIRITS = 3;
  private static final int MESSAGES = 40;
  private static final int KILLS = 2;
  private static final int MESSAGES_PER_SWAP = 8;
  private static final int SWAPS_TO_KILL = 5;

  static List<String> engines() {
    return Engines.names();
  }

  private static Random random() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("SwapTest: -Dvudo.test.seed=" + seed);
    return new Random(seed);
  }

  /**
   * Counts its messages at an address, and knows the way out of and into it. Versions with the same
   * address have the same layout.
   */
  private static byte[] counter(int address, String fields) {
    return Guests.spirit(
        "",
        """
        (data (i32.const 1024) "at %1$d")
        (func (export "spirit_save") (result i64)
          (i64.store (i32.const 2048) (i64.load (i32.const %1$d)))
          (i64.store (i32.const %1$d) (i64.const -1))
          (i64.const 0x80000000008))
        (func (export "spirit_load") (param $p i32) (param $l i32) (result i32)
          (i64.store (i32.const %1$d) (i64.load (local.get $p)))
          (i32.ne (local.get $l) (i32.const 8)))
        %2$s
        """
            .formatted(address, fields),
        """
        (i64.store (i32.const %1$d) (i64.add (i64.load (i32.const %1$d)) (i64.const 1)))
        (call $say (i64.load (i32.const %1$d)))
        """
            .formatted(address));
  }

  /** From each to the next the memory is kept, loaded, kept and loaded. */
  private static List<byte[]> versions() {
    String more = "(func (export \"more\"))";
    return List.of(counter(64, ""), counter(64, more), counter(128, ""), counter(128, more));
  }

  private static String digest(byte[] module) {
    return ModuleDigest.of(module).hex();
  }

  private static List<JsonNode> history(TestNode node, String spirit) {
    String lines = new String(node.getBytes("/v1/spirits/" + spirit + "/history"), UTF_8);
    return lines.lines().map(line -> Json.read(line.getBytes(UTF_8))).toList();
  }

  @ParameterizedTest
  @MethodSource("engines")
  void nothingIsLostOrDoubled(String engine, @TempDir Path directory) throws Exception {
    Random random = random();
    List<byte[]> versions = versions();
    AtomicInteger told = new AtomicInteger();
    AtomicInteger swaps = new AtomicInteger();
    AtomicBoolean done = new AtomicBoolean();
    ExecutorService threads = Executors.newFixedThreadPool(SPIRITS + 1);
    try (TestNode node =
        TestNode.start(
            directory,
            "vudo.spirit.snapshot-every-events = 17",
            "vudo.spirit.state-hash-every-turns = 2")) {
      node.deploy("counter", versions.get(0), "engine=" + engine);
      List<Future<?>> tellers = new ArrayList<>();
      for (int i = 0; i < SPIRITS; i++) {
        String spirit = "counter/" + i;
        tellers.add(
            threads.submit(
                () -> {
                  for (int number = 1; number <= MESSAGES; number++) {
                    // In order, so each answer is one more than the one before.
                    assertEquals(
                        Integer.toString(number),
                        node.askUntilAnswered(spirit, "x", "", "ask-" + number),
                        spirit);
                    told.incrementAndGet();
                  }
                }));
      }
      Future<?> swapper =
          threads.submit(
              () -> {
                for (int i = 1; !done.get(); i++) {
                  int enough = i * MESSAGES_PER_SWAP;
                  await()
                      .atMost(TestNode.PATIENCE)
                      .pollInterval(Duration.ofMillis(1))
                      .until(() -> done.get() || told.get() >= enough);
                  swapUntilDone(node, versions.get(i % versions.size()));
                  swaps.incrementAndGet();
                }
              });
      for (int kill = 1; kill <= KILLS; kill++) {
        int atLeast = kill * SPIRITS * MESSAGES / (KILLS + 2) + random.nextInt(10);
        int swapsBefore = swaps.get();
        await()
            .atMost(TestNode.PATIENCE)
            .pollInterval(Duration.ofMillis(1))
            .until(
                () ->
                    tellers.stream().allMatch(Future::isDone)
                        || swapper.isDone()
                        || (told.get() >= atLeast && swaps.get() > swapsBefore));
        node.killAndRestart();
      }
      for (Future<?> teller : tellers) {
        teller.get();
      }
      done.set(true);
      swapper.get();
      System.out.println("SwapTest: " + swaps.get() + " swaps");
      byte[] last = versions.get(1);
      swapUntilDone(node, last);
      node.killAndRestart();
      for (int i = 0; i < SPIRITS; i++) {
        String spirit = "counter/" + i;
        assertEquals(Integer.toString(MESSAGES + 1), node.ask(spirit, "x", ""), spirit);
        assertEquals(digest(last), node.resident(spirit).path("digest").asText());
        assertEquals("", node.resident(spirit).path("swapRefused").path("code").asText());
        int turn = 0;
        for (JsonNode line : history(node, spirit)) {
          turn += line.path("kind").asText().equals("swap") ? 0 : 1;
          assertEquals(turn, line.path("turn").asInt(), line::toString);
          assertEquals("completed", line.path("outcome").asText(), line::toString);
        }
        assertEquals(MESSAGES + 2, turn);
        // From the first turn, over all modules, to the state that the Spirit has.
        assertEquals(
            node.migrate(spirit, engine).path("stateHash").asText(),
            node.get("/v1/spirits/" + spirit + "/replay").path("stateHash").asText());
      }
    } finally {
      done.set(true);
      threads.shutdownNow();
    }
  }

  private static void swapUntilDone(TestNode node, byte[] module) {
    await()
        .atMost(TestNode.PATIENCE)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(20))
        .pollInSameThread()
        .until(
            () -> {
              try {
                return TestNode.join(node.swapLater("counter", module)).path("swapped").asBoolean();
              } catch (VudoException e) {
                assertTrue(TestNode.isPassing(e), e::toString);
                return false;
              }
            });
  }

  /**
   * The node dies somewhere in a swap. Either the swap was never made, or all Spirits follow it: it
   * is one decision, whoever was in memory and whoever was not.
   */
  @Test
  void aSwapIsMadeForAllOrNotAtAll(@TempDir Path directory) throws Exception {
    Random random = random();
    List<byte[]> versions = versions();
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("counter", versions.get(0));
      for (int i = 0; i < SPIRITS; i++) {
        assertEquals("1", node.ask("counter/" + i, "x", ""));
      }
      long startNanos = System.nanoTime();
      TestNode.join(node.swapLater("counter", versions.get(1)));
      String now = digest(versions.get(1));
      long usualMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos) + 20;
      int made = 0;
      for (int swap = 0; swap < SWAPS_TO_KILL; swap++) {
        // One of them is in memory, sometimes.
        int count = swap + 2;
        if (random.nextBoolean()) {
          node.ask("counter/0", "x", "", "count-" + count);
        }
        byte[] next = versions.get((swap + 2) % versions.size());
        CompletableFuture<JsonNode> answer = node.swapLater("counter", next);
        try {
          answer.get(random.nextInt((int) usualMillis), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          // It is under way.
        }
        node.killAndRestart();
        boolean acknowledged = answer.handle((done, failure) -> failure == null).join();
        String deployed = node.get("/v1/deployments/counter").path("digest").asText();
        if (acknowledged) {
          assertEquals(digest(next), deployed);
        }
        made += deployed.equals(now) ? 0 : 1;
        now = deployed;
        for (int i = 0; i < SPIRITS; i++) {
          assertEquals(
              Integer.toString(count), node.ask("counter/" + i, "x", "", "count-" + count));
        }
      }
      for (int i = 0; i < SPIRITS; i++) {
        assertEquals(Integer.toString(SWAPS_TO_KILL + 2), node.ask("counter/" + i, "x", ""));
        assertEquals(now, node.resident("counter/" + i).path("digest").asText());
      }
      System.out.println("SwapTest: " + made + " of " + SWAPS_TO_KILL + " swaps outlived the node");
    }
  }
}
