package io.vudo.spirit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.TestCluster.Node;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Spirits move from node to node while callers go on. */
class RelocationTest {
  private static final Duration PATIENCE = TestCluster.PATIENCE;

  /** So many asks of a caller are under way. */
  private static final int WINDOW = 50;

  /** How many a Spirit is sent that was woken by the first, and with how much time between. */
  private static final int BURST = 300;

  private static final int MOST_BETWEEN_NANOS = 20_000;

  @TempDir Path folder;

  /**
   * Remembers the last number that it was sent, in memory and in a global; replies it, or -1 when a
   * number came that was not the next one. Its memory is as large as asked for, and written to.
   */
  static byte[] sequence(int pages) {
    return Wat2Wasm.parse(
        """
        (module
          (memory (export "memory") %d)
          (global $last (mut i64) (i64.const 0))
          (global $at (mut i32) (i32.const 65536))
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (local $n i64)
            (local.set $n (i64.load (local.get $p)))
            (if (i64.ne (global.get $last) (i64.load (i32.const 64)))
              (then (i64.store (i32.const 0) (i64.const -2)) (return (i64.const 8))))
            (if (i64.ne (local.get $n) (i64.add (global.get $last) (i64.const 1)))
              (then (i64.store (i32.const 0) (i64.const -1)) (return (i64.const 8))))
            (global.set $last (local.get $n))
            (i64.store (i32.const 64) (local.get $n))
            (if (i32.gt_u (memory.size) (i32.const 1))
              (then
                (i64.store (global.get $at) (local.get $n))
                (global.set $at (i32.add (global.get $at) (i32.const 4096)))
                (if (i32.ge_u (global.get $at) (i32.mul (memory.size) (i32.const 65536)))
                  (then (global.set $at (i32.const 65536))))))
            (i64.store (i32.const 0) (local.get $n))
            (i64.const 8)))
        """
            .formatted(pages));
  }

  /** Sleeps for so many milliseconds as it is sent, and replies how often it has done so. */
  private static byte[] sleeper() {
    return Wat2Wasm.parse(
        """
        (module
          (import "spirit" "sleep" (func $sleep (param i64) (result i32)))
          (memory (export "memory") 1)
          (global $times (mut i64) (i64.const 0))
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (if (i64.gt_s (i64.load (local.get $p)) (i64.const 0))
              (then (drop (call $sleep (i64.load (local.get $p))))))
            (global.set $times (i64.add (global.get $times) (i64.const 1)))
            (i64.store (i32.const 0) (global.get $times))
            (i64.const 8)))
        """);
  }

  private static Relocation move(Node by, String spirit, Node to) {
    return by.spirits
        .relocations()
        .move(SpiritId.parse(spirit), to.name(), PATIENCE)
        .toCompletableFuture()
        .join();
  }

  private static boolean isOn(Node node, String spirit) {
    return node.spirits.resident().stream().anyMatch(one -> one.id().toString().equals(spirit));
  }

  private static ErrorCode refused(Runnable call) {
    CompletionException failure = assertThrows(CompletionException.class, call::run);
    return assertInstanceOf(VudoException.class, failure.getCause()).code();
  }

  @ParameterizedTest
  @ValueSource(strings = {"jvm", "wasmtime"})
  void callersGoOnWhileASpiritMoves(String engine) throws Exception {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node other = cluster.start();
      cluster.deploy("sequence", sequence(4), engine);
      assertEquals(0, one.ask("sequence/a", 0).join() + one.ask("sequence/b", 0).join() + 2);
      // From both nodes at once, each to its own Spirit, and without a pause: there is always
      // something on its way.
      AtomicBoolean done = new AtomicBoolean();
      List<CompletableFuture<Long>> sent = new ArrayList<>();
      for (Node from : List.of(one, other)) {
        String spirit = "sequence/" + (from == one ? "a" : "b");
        sent.add(
            CompletableFuture.supplyAsync(
                () -> {
                  long n = 0;
                  Deque<CompletableFuture<Long>> under = new ArrayDeque<>();
                  long answered = 0;
                  while (!done.get() || !under.isEmpty()) {
                    while (!done.get() && under.size() < WINDOW) {
                      under.add(from.ask(spirit, ++n));
                    }
                    assertEquals(++answered, under.poll().join());
                  }
                  return n;
                }));
      }
      List<Relocation> moves = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        Node to = i % 2 == 0 ? other : one;
        for (String spirit : List.of("sequence/a", "sequence/b")) {
          Relocation move = move(i % 3 == 0 ? one : other, spirit, to);
          assertEquals(to.name(), move.to());
          assertTrue(isOn(to, spirit), spirit);
          moves.add(move);
        }
      }
      done.set(true);
      for (CompletableFuture<Long> caller : sent) {
        assertTrue(caller.get() > 0);
      }
      assertTrue(moves.stream().anyMatch(move -> !move.from().equals(move.to())));
      // The journal has all of it, in the same order.
      long last = one.ask("sequence/a", -5).join();
      assertEquals(-1, last);
    }
  }

  /** What is sent before anybody knows where a Spirit is arrives before what is sent after. */
  @Test
  void aNewSpiritGetsItsFirstMessagesInTheirOrder() {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node other = cluster.start();
      cluster.deploy("sequence", sequence(1), "jvm");
      assertEquals(1, one.ask("sequence/first", 1).join());
      List<CompletableFuture<Long>> answers = new ArrayList<>();
      // One after the other, so that the first are there before the last are sent.
      for (long n = 1; n <= 250; n++) {
        for (int i = 0; i < 40; i++) {
          answers.add((i % 2 == 0 ? one : other).ask("sequence/new-" + i, n));
        }
      }
      for (int i = 0; i < answers.size(); i++) {
        assertEquals(i / 40 + 1, answers.get(i).join(), "Spirit " + i % 40);
      }
    }
  }

  /** What wakes a Spirit that is just leaving memory arrives in its order. */
  @Test
  void aSpiritThatLeavesMemoryComesBackInOrder() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("RelocationTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start("vudo.spirit.idle-timeout = 20 ms");
      Node other = cluster.start("vudo.spirit.idle-timeout = 20 ms");
      cluster.deploy("sequence", sequence(1), "jvm");
      long n = 0;
      for (int round = 0; round < 15; round++) {
        List<CompletableFuture<Long>> answers = new ArrayList<>();
        for (int i = 0; i < 20; i++, n++) {
          answers.add(one.ask("sequence/a", n + 1));
          answers.add(other.ask("sequence/b", n + 1));
        }
        for (int i = 0; i < 20; i++) {
          assertEquals(n - 19 + i, answers.get(2 * i).join());
          assertEquals(n - 19 + i, answers.get(2 * i + 1).join());
        }
        // It goes when nobody has sent anything for a while, and this is when it does.
        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(18_000 + random.nextInt(4_000)));
      }
    }
  }

  /**
   * What goes straight to a node that does not have the Spirit any more goes on by its address, and
   * brings it up there again; what comes straight after that must not overtake it.
   */
  @Test
  void whatIsSentToASpiritThatHasLeftKeepsItsOrder() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("RelocationTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start("vudo.spirit.idle-timeout = 20 ms");
      Node other = cluster.start("vudo.spirit.idle-timeout = 20 ms");
      cluster.deploy("sequence", sequence(1), "jvm");
      List<String> away = new ArrayList<>();
      for (int i = 0; away.size() < 8; i++) {
        String spirit = "sequence/" + i;
        assertEquals(1, one.ask(spirit, 1).join());
        if (isOn(other, spirit)) {
          away.add(spirit);
        }
      }
      long n = 1;
      for (int round = 0; round < 10; round++, n += BURST) {
        // The others have the time to leave meanwhile.
        for (String spirit : away) {
          List<CompletableFuture<Long>> answers = new ArrayList<>();
          for (int i = 1; i <= BURST; i++) {
            answers.add(one.ask(spirit, n + i));
            long until = System.nanoTime() + random.nextInt(MOST_BETWEEN_NANOS);
            while (System.nanoTime() - until < 0) {
              Thread.onSpinWait();
            }
          }
          for (int i = 1; i <= BURST; i++) {
            assertEquals(n + i, answers.get(i - 1).join(), spirit);
          }
        }
      }
    }
  }

  @Test
  void nothingIsOnItsWayToANodeThatEnds() throws Exception {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node two = cluster.start();
      Node three = cluster.start();
      cluster.deploy("sequence", sequence(1), "jvm");
      List<String> spirits = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        String spirit = "sequence/" + i;
        spirits.add(spirit);
        assertEquals(1, one.ask(spirit, 1).join());
        // So the caller's node has learned of a way, and of another one.
        move(two, spirit, two);
        assertEquals(2, one.ask(spirit, 2).join());
        move(two, spirit, three);
        assertEquals(3, one.ask(spirit, 3).join());
      }
      AtomicBoolean done = new AtomicBoolean();
      List<CompletableFuture<Void>> callers =
          spirits.subList(0, 20).stream().map(spirit -> goOn(one, spirit, 4, done)).toList();
      three.leave();
      // Those that nobody has asked since, at once: nobody may have heard yet that the node is
      // gone.
      for (String spirit : spirits.subList(20, 40)) {
        assertEquals(4, one.ask(spirit, 4).join());
      }
      for (String spirit : spirits) {
        assertTrue(isOn(one, spirit) || isOn(two, spirit), spirit);
      }
      done.set(true);
      for (CompletableFuture<Void> caller : callers) {
        caller.get();
      }
    }
  }

  /** Asks again and again, each time when the answer is there. */
  private static CompletableFuture<Void> goOn(Node by, String spirit, long n, AtomicBoolean done) {
    return by.ask(spirit, n)
        .thenComposeAsync(
            answer -> {
              assertEquals(n, answer, spirit);
              return done.get()
                  ? CompletableFuture.<Void>completedFuture(null)
                  : goOn(by, spirit, n + 1, done);
            });
  }

  @Test
  void aSpiritThatWaitsMovesAndGoesOnWaiting() {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node other = cluster.start();
      cluster.deploy("sleeper", sleeper(), "jvm");
      assertEquals(1, one.ask("sleeper/a", 0).join());
      Node home = isOn(one, "sleeper/a") ? one : other;
      Node away = home == one ? other : one;
      CompletableFuture<Long> asleep = one.ask("sleeper/a", 2000);
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  home.spirits.resident().stream()
                      .anyMatch(s -> s.phase() == SpiritStatus.Phase.SUSPENDED));
      CompletableFuture<Long> behind = other.ask("sleeper/a", 0);
      Relocation move = move(other, "sleeper/a", away);
      assertEquals(away.name(), move.to());
      assertEquals(2, asleep.join());
      assertEquals(3, behind.join());
      assertTrue(isOn(away, "sleeper/a"));
    }
  }

  @Test
  void aDrainedNodeHasNoSpiritsAndANewOneGetsItsShare() {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node other = cluster.start();
      cluster.deploy("sequence", sequence(1), "jvm");
      Map<String, Long> counts = new TreeMap<>();
      for (int i = 0; i < 60; i++) {
        counts.put("sequence/" + i, 0L);
      }
      Runnable askAll =
          () -> {
            List<CompletableFuture<?>> answers = new ArrayList<>();
            counts.replaceAll((spirit, n) -> n + 1);
            counts.forEach(
                (spirit, n) ->
                    answers.add(
                        (spirit.hashCode() % 2 == 0 ? one : cluster.nodes.get(0))
                            .ask(spirit, n)
                            .thenAccept(reply -> assertEquals(n, reply, spirit))));
            answers.forEach(CompletableFuture::join);
          };
      askAll.run();
      assertTrue(other.spirits.resident().size() > 10, "spread");
      Drained drained =
          one.spirits.relocations().drain(other.name(), PATIENCE).toCompletableFuture().join();
      assertEquals(0, drained.left());
      assertTrue(drained.moved() > 10, drained.toString());
      assertEquals(0, other.spirits.resident().size());
      askAll.run();
      assertEquals(0, other.spirits.resident().size());
      one.spirits.relocations().resume(other.name(), PATIENCE).toCompletableFuture().join();
      await().atMost(PATIENCE).until(() -> other.spirits.resident().size() > 10);
      askAll.run();

      Node third = cluster.start();
      await().atMost(PATIENCE).until(() -> third.spirits.resident().size() > 8);
      askAll.run();

      third.leave();
      askAll.run();
      assertEquals(60, one.spirits.resident().size() + other.spirits.resident().size());
    }
  }

  @Test
  void aNodeThatIsEmptiedJustAsAnotherTakesAgainMovesItsSpiritsThere() {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node other = cluster.start();
      cluster.deploy("sequence", sequence(1), "jvm");
      Drained first =
          one.spirits.relocations().drain(other.name(), PATIENCE).toCompletableFuture().join();
      assertEquals(0, first.left());
      for (int i = 0; i < 8; i++) {
        assertEquals(1, one.ask("sequence/" + i, 1).join());
      }
      // Answered there at once; the news of it is still on its way here.
      other.spirits.relocations().resume(other.name(), PATIENCE).toCompletableFuture().join();
      Drained drained =
          one.spirits.relocations().drain(one.name(), PATIENCE).toCompletableFuture().join();
      assertEquals(8, drained.moved());
      assertEquals(0, drained.left());
    }
  }

  /** More than one message between nodes can hold. */
  @Test
  void muchThatWaitsAndMuchThatIsRememberedMovesAsWell() {
    String frames = "pekko.remote.artery.advanced.maximum-frame-size = 2 MiB";
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start(frames);
      Node other = cluster.start(frames);
      cluster.deploy("large", large(), "wasmtime");
      SpiritId id = SpiritId.parse("large/a");
      List<CompletableFuture<Long>> answers = new ArrayList<>();
      for (int i = 0; i < 1_000; i++) {
        answers.add(askLarge(one, id, new byte[8], "key" + i));
      }
      // Nothing else is handled meanwhile; then what waits is more than what goes with the Spirit.
      answers.add(askLarge(one, id, TestCluster.bytes(1_000), ""));
      for (int i = 0; i < 8; i++) {
        answers.add(askLarge(one, id, new byte[900 << 10], ""));
      }
      Node from = isOn(one, "large/a") ? one : other;
      Node to = from == one ? other : one;
      Relocation moved = move(one, "large/a", to);
      assertEquals(to.name(), moved.to());
      for (int i = 0; i < answers.size(); i++) {
        assertEquals(i + 1, answers.get(i).join());
      }
      assertTrue(isOn(to, "large/a"));
      // What it remembers has come with it; by default up to 4 MiB.
      assertEquals(301, askLarge(other, id, new byte[8], "key300").join());
      assertEquals(1_000, askLarge(other, id, new byte[8], "key999").join());
      assertEquals(1_010, askLarge(other, id, new byte[8], "").join());
    }
  }

  private static CompletableFuture<Long> askLarge(
      Node by, SpiritId id, byte[] payload, String key) {
    return by.spirits
        .ask(id, "n", payload, key, PATIENCE)
        .thenApply(reply -> TestCluster.number(Arrays.copyOf(reply.orElseThrow(), 8)))
        .toCompletableFuture();
  }

  /**
   * Sleeps as {@link #sleeper} does, takes messages of up to 1 MiB, and replies how many it has had
   * in the first 8 of 5,000 bytes.
   */
  private static byte[] large() {
    return Wat2Wasm.parse(
        """
        (module
          (import "spirit" "sleep" (func $sleep (param i64) (result i32)))
          (memory (export "memory") 18)
          (global $times (mut i64) (i64.const 0))
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 65536))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (if (i64.gt_s (i64.load (local.get $p)) (i64.const 0))
              (then (drop (call $sleep (i64.load (local.get $p))))))
            (global.set $times (i64.add (global.get $times) (i64.const 1)))
            (i64.store (i32.const 0) (global.get $times))
            (i64.const 5000)))
        """);
  }

  @Test
  void whatCannotMoveStays() {
    try (TestCluster cluster = new TestCluster(folder)) {
      Node one = cluster.start();
      Node other = cluster.start();
      cluster.deploy("sequence", sequence(1), "jvm");
      assertEquals(1, one.ask("sequence/a", 1).join());
      assertEquals(ErrorCode.SPIRIT_TYPE_UNKNOWN, refused(() -> move(one, "nothing/a", other)));
      assertEquals(ErrorCode.SPIRIT_NOT_FOUND, refused(() -> move(one, "sequence/nobody", one)));
      assertEquals(ErrorCode.SPIRIT_NOT_FOUND, refused(() -> move(one, "sequence/nobody", other)));
      assertEquals(
          ErrorCode.NODE_UNKNOWN,
          refused(
              () ->
                  one.spirits
                      .relocations()
                      .move(SpiritId.parse("sequence/a"), "127.0.0.1:1", PATIENCE)
                      .toCompletableFuture()
                      .join()));
      Relocation there = move(one, "sequence/a", other);
      assertEquals(there.to(), move(one, "sequence/a", other).to());
      assertEquals(2, one.ask("sequence/a", 2).join());
    }
  }
}
