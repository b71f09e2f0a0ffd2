package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Turns that wait: for a reply, for a tuple, for the time; through crashes and out of memory. */
class SuspensionTest {
  private static final long LONG = 600_000;

  /**
   * Asks the Spirit that the payload names after a timeout; replies what that replied, or {@code
   * STATUS text}. Counts its messages, before it asks.
   */
  private static byte[] asker() {
    return Guests.spirit(
        """
        (import "spirit" "ask"
          (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        """,
        "(global $n (mut i64) (i64.const 0)) (data (i32.const 0x60) \"again\")",
        """
        (local $status i32)
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (if (i32.le_u (local.get $l) (i32.const 8)) (then (return (call $say (global.get $n)))))
        (local.set $status
          (call $ask
            (i32.add (local.get $p) (i32.const 8)) (i32.sub (local.get $l) (i32.const 8))
            (i32.const 0x60) (i32.const 5)
            (i32.const 0) (i32.const 0)
            (i64.load (local.get $p)) (i32.const 0x40) (i32.const 0x44)))
        (if (i32.and (i32.ne (local.get $status) (i32.const 0))
              (i32.ne (local.get $status) (i32.const -12)))
          (then (return (call $say (i64.extend_i32_u (i32.sub (i32.const 0) (local.get $status)))))))
        (i64.or
          (i64.shl (i64.extend_i32_u (i32.load (i32.const 0x40))) (i64.const 32))
          (i64.extend_i32_u (i32.load (i32.const 0x44))))
        """);
  }

  /**
   * Takes a tuple with one field from space {@code s}, waiting as long as the payload says; without
   * a payload it replies how many it has taken so far. Replies the tuple, or its status.
   */
  private static byte[] taker() {
    return Guests.spirit(
        """
        (import "spirit" "tuplespace_take"
          (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        """,
        """
        (global $n (mut i64) (i64.const 0))
        (data (i32.const 0x60) "s")
        (data (i32.const 0x70) "\\91\\c7\\00\\00")
        """,
        """
        (local $status i32)
        (if (i32.eqz (local.get $l)) (then (return (call $say (global.get $n)))))
        (local.set $status
          (call $take (i32.const 0x60) (i32.const 1) (i32.const 0x70) (i32.const 4)
            (i64.load (local.get $p)) (i32.const 0x40) (i32.const 0x44)))
        (if (local.get $status)
          (then (return (call $say (i64.extend_i32_u (i32.sub (i32.const 0) (local.get $status)))))))
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (i64.or
          (i64.shl (i64.extend_i32_u (i32.load (i32.const 0x40))) (i64.const 32))
          (i64.extend_i32_u (i32.load (i32.const 0x44))))
        """);
  }

  /** Sleeps as long as the payload says and replies how many messages it has had. */
  private static byte[] sleeper() {
    return Guests.spirit(
        "(import \"spirit\" \"sleep\" (func $sleep (param i64) (result i32)))",
        "(global $n (mut i64) (i64.const 0))",
        """
        (if (local.get $l)
          (then (if (call $sleep (i64.load (local.get $p))) (then (unreachable)))))
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (call $say (global.get $n))
        """);
  }

  private static byte[] failing() {
    return Guests.spirit("", "", "(unreachable)");
  }

  private static TestNode node(Path directory, String... settings) throws IOException {
    TestNode node = TestNode.start(directory, settings);
    node.deploy("asker", asker(), "grant=cross_sandbox_call");
    node.deploy("taker", taker(), "grant=tuplespace_take:s");
    node.deploy("sleeper", sleeper());
    node.deploy("failing", failing());
    return node;
  }

  private static byte[] millis(long millis, String text) {
    byte[] bytes = text.getBytes(UTF_8);
    return ByteBuffer.allocate(8 + bytes.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(millis)
        .put(bytes)
        .array();
  }

  private static String ask(TestNode node, String spirit, byte[] payload) {
    return new String(node.askBytes(spirit, "go", payload), UTF_8);
  }

  private static CompletableFuture<String> askLater(
      TestNode node, String spirit, byte[] payload, String key) {
    return node.askLater(spirit, "go", payload, key).thenApply(bytes -> new String(bytes, UTF_8));
  }

  private static void awaitSuspended(TestNode node, String spirit) {
    await()
        .atMost(TestNode.PATIENCE)
        .until(() -> node.resident(spirit).path("phase").asText().equals("SUSPENDED"));
  }

  @Test
  void whatIsAskedIsAnswered(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      assertEquals("1", ask(node, "asker/a", millis(LONG, "sleeper/a")));
      assertEquals("2", ask(node, "asker/a", millis(LONG, "sleeper/a")));
      assertEquals(
          "3", ask(node, "asker/a", new byte[0]), "a turn counts once, however often it ran");

      // No such type; a turn that fails; nobody who could answer in time.
      assertEquals("9", ask(node, "asker/a", millis(LONG, "nobody/a")));
      String failure = ask(node, "asker/a", millis(LONG, "failing/a"));
      assertTrue(failure.startsWith(ErrorCode.TRAP_UNREACHABLE + ": "), failure);
      CompletableFuture<String> sleeping = askLater(node, "sleeper/b", millis(LONG, ""), "b");
      awaitSuspended(node, "sleeper/b");
      String waitsFor = node.resident("sleeper/b").path("waitsFor").asText();
      assertTrue(waitsFor.startsWith("the time, until "), waitsFor);
      assertEquals("10", ask(node, "asker/a", millis(200, "sleeper/b")));
      assertFalse(sleeping.isDone());
      assertEquals("3", ask(node, "asker/a", millis(0, "sleeper/b")), "a timeout of 0");
      assertEquals("8", ask(node, "asker/a", new byte[0]));
    }
  }

  @Test
  void circlesEndInATimeout(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      assertEquals("10", ask(node, "asker/self", millis(300, "asker/self")), "itself");
      // The other one has nothing to ask; it replies its count once the first is asked back.
      node.deploy("echo", circle("echo/b", "echo/a"), "grant=cross_sandbox_call");
      assertEquals("10", node.ask("echo/a", "start", ""));
    }
  }

  /** {@code a} asks {@code b} for long, which asks {@code a} for a moment. */
  private static byte[] circle(String b, String a) {
    return Guests.spirit(
        """
        (import "spirit" "ask"
          (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (import "spirit" "self" (func $self (param i32 i32) (result i32)))
        """,
        "(data (i32.const 0x60) \"%s\") (data (i32.const 0x70) \"%s\") (data (i32.const 0x80) \"t\")"
            .formatted(b, a),
        """
        (local $status i32)
        (drop (call $self (i32.const 0x100) (i32.const 100)))
        (if (i32.eq (i32.load8_u (i32.const 0x105)) (i32.const 0x61))
          (then
            (local.set $status
              (call $ask (i32.const 0x60) (i32.const 6) (i32.const 0x80) (i32.const 1)
                (i32.const 0) (i32.const 0) (i64.const 600000) (i32.const 0x40) (i32.const 0x44))))
          (else
            (local.set $status
              (call $ask (i32.const 0x70) (i32.const 6) (i32.const 0x80) (i32.const 1)
                (i32.const 0) (i32.const 0) (i64.const 300) (i32.const 0x40) (i32.const 0x44)))))
        (if (local.get $status)
          (then (return (call $say (i64.extend_i32_u (i32.sub (i32.const 0) (local.get $status)))))))
        (i64.or
          (i64.shl (i64.extend_i32_u (i32.load (i32.const 0x40))) (i64.const 32))
          (i64.extend_i32_u (i32.load (i32.const 0x44))))
        """);
  }

  /** Told nothing, sends five numbered messages to {@code recorder/a}; else only the first. */
  private static byte[] burst() {
    return Guests.spirit(
        """
        (import "spirit" "send_message"
          (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
        """,
        "(data (i32.const 0x60) \"recorder/a\")",
        """
        (local $i i32)
        (loop $more
          (i32.store8 (i32.const 0x80) (i32.add (local.get $i) (i32.const 0x31)))
          (if (call $send (i32.const 0x60) (i32.const 10) (i32.const 0x60) (i32.const 1)
                (i32.const 0x80) (i32.const 1))
            (then (unreachable)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more
            (i32.and (i32.eqz (local.get $l)) (i32.lt_u (local.get $i) (i32.const 5)))))
        (i64.const 0)
        """);
  }

  /** Sleeps for 8 bytes, writes down 1 byte, and replies to none what it has written down. */
  private static byte[] recorder() {
    return Guests.spirit(
        "(import \"spirit\" \"sleep\" (func $sleep (param i64) (result i32)))",
        "(global $end (mut i32) (i32.const 0x4000))",
        """
        (if (i32.eqz (local.get $l))
          (then
            (return
              (i64.or (i64.const 0x400000000000)
                (i64.extend_i32_u (i32.sub (global.get $end) (i32.const 0x4000)))))))
        (if (i32.eq (local.get $l) (i32.const 8))
          (then
            (if (call $sleep (i64.load (local.get $p))) (then (unreachable)))
            (i32.store8 (i32.const 0x80) (i32.const 0x7a))
            (local.set $p (i32.const 0x80))))
        (i32.store8 (global.get $end) (i32.load8_u (local.get $p)))
        (global.set $end (i32.add (global.get $end) (i32.const 1)))
        (i64.const 0)
        """);
  }

  @Test
  void otherMessagesWaitInOrderUpToTheMailbox(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("recorder", recorder(), "mailbox=10");
      node.deploy("burst", burst(), "grant=cross_sandbox_call");
      CompletableFuture<byte[]> first =
          node.askLater("recorder/a", "go", millis(5_000, ""), "first");
      awaitSuspended(node, "recorder/a");
      ask(node, "burst/a", new byte[0]);
      List<CompletableFuture<String>> readers = new ArrayList<>();
      for (int i = 0; i < 7; i++) {
        readers.add(askLater(node, "recorder/a", new byte[0], "r" + i));
      }
      // 5 and 7 are two too many for 10.
      List<String> replies = new ArrayList<>();
      int refused = 0;
      for (CompletableFuture<String> reader : readers) {
        try {
          replies.add(TestNode.join(reader));
        } catch (VudoException e) {
          assertEquals(ErrorCode.MAILBOX_FULL, e.code());
          refused++;
        }
      }
      TestNode.join(first);
      assertTrue(refused >= 2, replies::toString);
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> ask(node, "recorder/a", new byte[0]).equals("z12345"));
    }
  }

  @Test
  void whoWaitsForOneThatWaitsSurvivesKills(@TempDir Path directory) throws IOException {
    int count = 30;
    try (TestNode node = node(directory, "vudo.spirit.wait-redelivery-max = 2s")) {
      node.deploy("link", link(), "grant=cross_sandbox_call", "grant=tuplespace_take:s");
      List<CompletableFuture<String>> lost = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        lost.add(askLater(node, "link/" + i, ("link/" + i + "x").getBytes(UTF_8), "k" + i));
      }
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < count; i++) {
          awaitSuspended(node, "link/" + i);
          awaitSuspended(node, "link/" + i + "x");
        }
        node.killAndRestart();
      }
      for (int i = 0; i < count; i++) {
        node.writeTuple("s", "[" + i + "]");
      }
      List<Integer> replies =
          IntStream.range(0, count)
              .mapToObj(
                  i ->
                      node.askBytesUntilAnswered(
                          "link/" + i, "go", ("link/" + i + "x").getBytes(UTF_8), "k" + i))
              .map(bytes -> (int) bytes[bytes.length - 1])
              .sorted()
              .toList();
      assertEquals(IntStream.range(0, count).boxed().toList(), replies, "each tuple to one");
      assertTrue(lost.stream().allMatch(CompletableFuture::isCompletedExceptionally));
    }
  }

  /** With a payload asks the Spirit that it names, without one takes a tuple from {@code s}. */
  private static byte[] link() {
    return Guests.spirit(
        """
        (import "spirit" "ask"
          (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (import "spirit" "tuplespace_take"
          (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        """,
        "(data (i32.const 0x60) \"s\") (data (i32.const 0x70) \"\\91\\c7\\00\\00\")",
        """
        (if (local.get $l)
          (then
            (if (call $ask (local.get $p) (local.get $l) (i32.const 0x60) (i32.const 1)
                  (i32.const 0) (i32.const 0) (i64.const 600000) (i32.const 0x40) (i32.const 0x44))
              (then (unreachable))))
          (else
            (if (call $take (i32.const 0x60) (i32.const 1) (i32.const 0x70) (i32.const 4)
                  (i64.const 600000) (i32.const 0x40) (i32.const 0x44))
              (then (unreachable)))))
        (i64.or
          (i64.shl (i64.extend_i32_u (i32.load (i32.const 0x40))) (i64.const 32))
          (i64.extend_i32_u (i32.load (i32.const 0x44))))
        """);
  }

  @Test
  void takersSurviveKillsAndTakeOnce(@TempDir Path directory) throws IOException {
    int count = 40;
    try (TestNode node = node(directory, "vudo.spirit.wait-redelivery-max = 2s")) {
      List<CompletableFuture<String>> lost = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        lost.add(askLater(node, "taker/" + i, millis(LONG, ""), "k" + i));
      }
      for (int i = 0; i < count; i++) {
        awaitSuspended(node, "taker/" + i);
      }
      node.killAndRestart();
      lost.forEach(stage -> assertTrue(stage.handle((r, failure) -> failure != null).join()));
      for (int i = 0; i < count; i++) {
        awaitSuspended(node, "taker/" + i);
      }
      node.killAndRestart();
      for (int i = 0; i < count / 2; i++) {
        node.writeTuple("s", "[" + i + "]");
      }
      await().atMost(TestNode.PATIENCE).until(() -> taken(node, count) == count / 2);
      node.killAndRestart();
      for (int i = count / 2; i < count; i++) {
        node.writeTuple("s", "[" + i + "]");
      }
      List<String> replies =
          IntStream.range(0, count)
              .mapToObj(
                  i -> node.askBytesUntilAnswered("taker/" + i, "go", millis(LONG, ""), "k" + i))
              .map(bytes -> Integer.toString(bytes[bytes.length - 1]))
              .sorted()
              .toList();
      assertEquals(
          IntStream.range(0, count).mapToObj(Integer::toString).sorted().toList(),
          replies,
          "each tuple to one");
      assertEquals(0, node.count("s", "[{\"?\": \"any\"}]"));
    }
  }

  private static long taken(TestNode node, int count) {
    return IntStream.range(0, count)
        .filter(i -> !node.resident("taker/" + i).path("phase").asText().equals("SUSPENDED"))
        .count();
  }

  @Test
  void whoSentAMessageNeedNotStayWhileItsTurnWaits(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory, "vudo.spirit.idle-timeout = 1s")) {
      node.deploy("recorder", sleepyRecorder(), "grant=tuplespace_take:s");
      node.deploy("burst", burst(), "grant=cross_sandbox_call");
      ask(node, "burst/a", new byte[0]);
      awaitSuspended(node, "recorder/a");
      // Four more messages wait for it, so both stay; with the last one both may go.
      for (int i = 0; i < 5; i++) {
        node.writeTuple("s", "[" + i + "]");
      }
      await().atMost(TestNode.PATIENCE).until(() -> node.count("s", "[{\"?\": \"any\"}]") == 0);
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> ask(node, "recorder/a", new byte[0]).equals("12345"));
      ask(node, "burst/b", new byte[] {1});
      await().atMost(TestNode.PATIENCE).until(() -> node.residents().isEmpty());
      node.writeTuple("s", "[9]");
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> ask(node, "recorder/a", new byte[0]).equals("123451"));
    }
  }

  /**
   * Takes a tuple from {@code s} for each byte, writes it down, and replies to none all of them.
   */
  private static byte[] sleepyRecorder() {
    return Guests.spirit(
        """
        (import "spirit" "tuplespace_take"
          (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        """,
        """
        (global $end (mut i32) (i32.const 0x4000))
        (data (i32.const 0x60) "s")
        (data (i32.const 0x70) "\\91\\c7\\00\\00")
        """,
        """
        (if (i32.eqz (local.get $l))
          (then
            (return
              (i64.or (i64.const 0x400000000000)
                (i64.extend_i32_u (i32.sub (global.get $end) (i32.const 0x4000)))))))
        (i32.store8 (i32.const 0x80) (i32.load8_u (local.get $p)))
        (if (call $take (i32.const 0x60) (i32.const 1) (i32.const 0x70) (i32.const 4)
              (i64.const 600000) (i32.const 0x40) (i32.const 0x44))
          (then (unreachable)))
        (i32.store8 (global.get $end) (i32.load8_u (i32.const 0x80)))
        (global.set $end (i32.add (global.get $end) (i32.const 1)))
        (i64.const 0)
        """);
  }

  @Test
  void whoWaitsLeavesMemoryAndIsBackInTime(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory, "vudo.spirit.idle-timeout = 1s")) {
      CompletableFuture<String> taking = askLater(node, "taker/a", millis(LONG, ""), "a");
      CompletableFuture<String> sleeping = askLater(node, "sleeper/a", millis(6_000, ""), "b");
      CompletableFuture<String> asking = askLater(node, "asker/a", millis(LONG, "sleeper/a"), "c");
      awaitSuspended(node, "taker/a");
      await().atMost(TestNode.PATIENCE).until(() -> !node.isResident("taker/a"));
      await().atMost(TestNode.PATIENCE).until(() -> !node.isResident("asker/a"));
      assertFalse(taking.isDone());
      assertFalse(asking.isDone());
      node.writeTuple("s", "[5]");
      assertEquals("\u0005", taking.join().substring(1));
      assertEquals("1", sleeping.join());
      assertEquals("2", asking.join());
      await().atMost(Duration.ofMinutes(1)).until(() -> node.residents().isEmpty());
    }
  }
}
