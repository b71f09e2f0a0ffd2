package io.vudo.examples;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Spirits do to each other: messages, spawns, stops; and what they may not do. */
class MessagingTest {
  private static final int MESSAGES = 600;
  private static final int KILLS = 4;

  private static final String SEND =
      "(import \"spirit\" \"send_message\""
          + " (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))";

  private static final String NAMES =
      """
      (data (i32.const 0x200) "relay/a")
      (data (i32.const 0x210) "source/a")
      (data (i32.const 0x220) "n")
      (data (i32.const 0x230) "sink/a")
      """;

  /**
   * Told a number, sends all numbers up to it to the relay: five a turn, then a message to itself.
   */
  private static byte[] source() {
    return Guests.spirit(
        SEND,
        NAMES + "(global $next (mut i64) (i64.const 0)) (global $last (mut i64) (i64.const 0))",
        """
        (local $i i32)
        (if (local.get $l) (then (global.set $last (i64.load (local.get $p)))))
        (block $done
          (loop $more
            (br_if $done (i64.ge_u (global.get $next) (global.get $last)))
            (br_if $done (i32.ge_u (local.get $i) (i32.const 5)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (global.set $next (i64.add (global.get $next) (i64.const 1)))
            (i64.store (i32.const 0x300) (global.get $next))
            (if (call $send (i32.const 0x200) (i32.const 7) (i32.const 0x220) (i32.const 1)
                  (i32.const 0x300) (i32.const 8))
              (then (unreachable)))
            (br $more)))
        (if (i64.lt_u (global.get $next) (global.get $last))
          (then
            (if (call $send (i32.const 0x210) (i32.const 8) (i32.const 0x220) (i32.const 1)
                  (i32.const 0) (i32.const 0))
              (then (unreachable)))))
        (i64.const 0)
        """);
  }

  /** Passes on what it gets. */
  private static byte[] relay() {
    return Guests.spirit(
        SEND,
        NAMES,
        """
        (if (call $send (i32.const 0x230) (i32.const 6) (i32.const 0x220) (i32.const 1)
              (local.get $p) (local.get $l))
          (then (unreachable)))
        (i64.const 0)
        """);
  }

  /** Writes down what it gets, and replies all of it to an empty message. */
  private static byte[] sink() {
    return Guests.spirit(
        "",
        "(global $end (mut i32) (i32.const 0x4000))",
        """
        (if (i32.eqz (local.get $l))
          (then
            (return
              (i64.or (i64.const 0x400000000000)
                (i64.extend_i32_u (i32.sub (global.get $end) (i32.const 0x4000)))))))
        (i64.store (global.get $end) (i64.load (local.get $p)))
        (global.set $end (i32.add (global.get $end) (i32.const 8)))
        (i64.const 0)
        """);
  }

  private static List<Long> received(TestNode node) {
    LongBuffer numbers =
        ByteBuffer.wrap(node.askBytes("sink/a", "read", new byte[0]))
            .order(ByteOrder.LITTLE_ENDIAN)
            .asLongBuffer();
    long[] all = new long[numbers.remaining()];
    numbers.get(all);
    return LongStream.of(all).boxed().toList();
  }

  /**
   * After a restart nobody asks the source or the relay: what they owe, they send by themselves.
   */
  @Test
  void messagesArriveOnceAndInOrderThroughKills(@TempDir Path directory) throws IOException {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("MessagingTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    try (TestNode node = TestNode.start(directory, "vudo.spirit.snapshot-every-events = 50")) {
      node.deploy("source", source(), "grant=cross_sandbox_call");
      node.deploy("relay", relay(), "grant=cross_sandbox_call:sink/a");
      node.deploy("sink", sink());
      byte[] upTo = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(MESSAGES).array();
      TestNode.join(node.askLater("source/a", "n", upTo, "go"));
      for (int kill = 0; kill < KILLS; kill++) {
        int before = random.nextInt(MESSAGES * (kill + 1) / KILLS);
        await()
            .atMost(TestNode.PATIENCE)
            .pollInterval(Duration.ofMillis(1))
            .until(() -> received(node).size() >= before);
        node.killAndRestart();
      }
      await().atMost(TestNode.PATIENCE).until(() -> received(node).size() >= MESSAGES);
      node.killAndRestart();
      // Whatever would still come, would come now.
      await().during(Duration.ofSeconds(1)).atMost(TestNode.PATIENCE).until(() -> inOrder(node));
    }
  }

  private static boolean inOrder(TestNode node) {
    assertEquals(LongStream.rangeClosed(1, MESSAGES).boxed().toList(), received(node));
    return true;
  }

  @Test
  void aSpiritSpawnsAndStopsOthers(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("parent", Caller.module(), "grant=spawn_sandbox:child");
      node.deploy("child", Caller.module());
      long argument =
          ByteBuffer.wrap("argument".getBytes(ISO_8859_1)).order(ByteOrder.LITTLE_ENDIAN).getLong();
      Caller.call(node, "parent/a", "spawn", "child", "one", "argument");
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> node.isResident("child/one") && Caller.look(node, "child/one").turns() > 0);
      assertEquals(argument, Caller.look(node, "child/one").argument(), "what it was spawned with");

      node.killAndRestart();
      assertEquals(argument, Caller.look(node, "child/one").argument());
      Caller.call(node, "parent/a", "stop", "child/one");
      // Its next message begins a new life: without the argument, from the first turn.
      await().atMost(TestNode.PATIENCE).until(() -> Caller.look(node, "child/one").argument() == 0);
      long turns = Caller.look(node, "child/one").turns();
      node.killAndRestart();
      assertEquals(turns + 1, Caller.look(node, "child/one").turns());

      assertEquals(-1, Caller.call(node, "parent/a", "spawn", "parent", "b", "").result());
      assertEquals(-1, Caller.call(node, "parent/a", "stop", "parent/b").result());
      assertEquals(0, Caller.call(node, "parent/a", "stop", "parent/a").result(), "itself");
      await().atMost(TestNode.PATIENCE).until(() -> Caller.look(node, "parent/a").turns() <= 2);
    }
  }

  @Test
  void aMessageToNobodyIsGivenUpAndBlocksNothing(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("counter", Guests.example("counter"));
      node.deploy("sender", Caller.module(), "grant=cross_sandbox_call");
      assertEquals(
          0, Caller.call(node, "sender/a", "send_message", "nobody/x", "add", "").result());
      for (int i = 1; i <= 3; i++) {
        assertEquals(
            0, Caller.call(node, "sender/a", "send_message", "counter/x", "add", "").result());
        assertEquals(
            0, Caller.call(node, "sender/a", "send_message", "nobody/x", "add", "").result());
      }
      await().atMost(TestNode.PATIENCE).until(() -> node.ask("counter/x", "get", "").equals("3"));
      await()
          .atMost(TestNode.PATIENCE)
          .until(
              () -> node.get("/v1/dead-letters?spirit=nobody/x").path("deadLetters").size() == 4);
      node.killAndRestart();
      assertEquals("3", node.ask("counter/x", "get", ""));
      assertEquals(
          ErrorCode.SPIRIT_TYPE_UNKNOWN,
          assertThrows(VudoException.class, () -> node.ask("nobody/x", "get", "")).code());
    }
  }

  @Test
  void aSpiritMayOnlyWhatItWasGranted(@TempDir Path directory) throws IOException {
    byte[] tuple = "\u0092\u00a1a\u0001".getBytes(ISO_8859_1); // ["a", 1]
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("counter", Guests.example("counter"));
      node.deploy("none", Caller.module());
      String none = "none/a";
      assertEquals(-1, Caller.call(node, none, "send_message", "counter/x", "add", "").result());
      assertEquals(-1, Caller.call(node, none, "spawn", "counter", "x", "").result());
      assertEquals(-1, Caller.call(node, none, "stop", "counter/x").result());
      assertEquals(-1, Caller.call(node, none, "tuplespace_write", "jobs", tuple, 0).result());
      assertEquals(
          -1, Caller.call(node, none, "tuplespace_read", "jobs", tuple, 0, 64, 68).result());
      assertEquals(
          -1, Caller.call(node, none, "tuplespace_take", "jobs", tuple, 0, 64, 68).result());
      assertEquals(-1, Caller.call(node, none, "random", 64, 8).result());
      assertEquals(-1, Caller.call(node, none, "now").result());
      Caller.call(node, none, "log", 2, "a line that nobody may write");

      node.deploy(
          "some",
          Caller.module(),
          "grant=cross_sandbox_call:counter/ok",
          "grant=tuplespace_write:jobs",
          "grant=tuplespace_take:jobs",
          "grant=actuator_log");
      String some = "some/a";
      assertEquals(-1, Caller.call(node, some, "send_message", "counter/x", "add", "").result());
      assertEquals(0, Caller.call(node, some, "send_message", "counter/ok", "add", "").result());
      assertEquals(-1, Caller.call(node, some, "tuplespace_write", "other", tuple, 0).result());
      assertEquals(0, Caller.call(node, some, "tuplespace_write", "jobs", tuple, 0).result());
      assertEquals(
          -1, Caller.call(node, some, "tuplespace_read", "jobs", tuple, 0, 64, 68).result());
      await().atMost(TestNode.PATIENCE).until(() -> node.count("jobs", "[\"a\",1]") == 1);
      assertEquals(
          0, Caller.call(node, some, "tuplespace_take", "jobs", tuple, 0, 64, 68).result());
      assertEquals(0, node.count("jobs", "[\"a\",1]"));
      assertEquals(
          -9, Caller.call(node, some, "tuplespace_take", "jobs", tuple, 0, 64, 68).result());
      Caller.call(node, some, "log", 2, "a line that it may write");

      await().atMost(TestNode.PATIENCE).until(() -> node.ask("counter/ok", "get", "").equals("1"));
      assertEquals("0", node.ask("counter/x", "get", ""));
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> node.log().contains("some/a: a line that it may write"));
      assertEquals(false, node.log().contains("a line that nobody may write"));
      assertEquals(0, node.count("other", "[\"a\",1]"));
    }
  }
}
