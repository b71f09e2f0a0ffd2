package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Timers, reminders and the store of a Spirit, through crashes and out of memory. */
class TimersTest {
  /**
   * By the first letter of a message's type: {@code s}end itself an {@code f} after the payload's
   * milliseconds, {@code c}ancel that timer, {@code r}emind itself with that period, e{@code
   * x}punge the reminder, {@code f} counts, and {@code g} replies the count.
   */
  private static byte[] alarm() {
    return Guests.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "self" (func $self (param i32 i32) (result i32)))
        (import "spirit" "send_after"
          (func $after (param i64 i32 i32 i32 i32 i32 i32) (result i64)))
        (import "spirit" "cancel_timer" (func $cancel (param i64) (result i32)))
        (import "spirit" "remind"
          (func $remind (param i32 i32 i64 i64 i32 i32 i32 i32) (result i64)))
        (import "spirit" "cancel_reminder" (func $forget (param i32 i32) (result i32)))
        """,
        """
        (global $n (mut i64) (i64.const 0))
        (global $timer (mut i64) (i64.const 0))
        (data (i32.const 0x60) "f")
        """,
        """
        (local $kind i32) (local $self i32)
        (drop (call $type (i32.const 0x80) (i32.const 16)))
        (local.set $kind (i32.load8_u (i32.const 0x80)))
        (local.set $self (call $self (i32.const 0x100) (i32.const 100)))
        (if (i32.eq (local.get $kind) (i32.const 0x73))
          (then
            (global.set $timer
              (call $after (i64.load (local.get $p)) (i32.const 0x100) (local.get $self)
                (i32.const 0x60) (i32.const 1) (i32.const 0) (i32.const 0)))
            (if (i64.le_s (global.get $timer) (i64.const 0)) (then (unreachable)))))
        (if (i32.eq (local.get $kind) (i32.const 0x63))
          (then
            (return
              (call $say
                (i64.extend_i32_u (i32.sub (i32.const 0) (call $cancel (global.get $timer))))))))
        (if (i32.eq (local.get $kind) (i32.const 0x72))
          (then
            (if (i64.le_s
                  (call $remind (i32.const 0x60) (i32.const 1)
                    (i64.load (local.get $p)) (i64.load (local.get $p))
                    (i32.const 0x60) (i32.const 1) (i32.const 0) (i32.const 0))
                  (i64.const 0))
              (then (unreachable)))))
        (if (i32.eq (local.get $kind) (i32.const 0x78))
          (then
            (return
              (call $say
                (i64.extend_i32_u
                  (i32.sub (i32.const 0) (call $forget (i32.const 0x60) (i32.const 1))))))))
        (if (i32.eq (local.get $kind) (i32.const 0x66))
          (then (global.set $n (i64.add (global.get $n) (i64.const 1)))))
        (call $say (global.get $n))
        """);
  }

  /**
   * By the first letter of a message's type: {@code p}ut the payload under a key, {@code g}et it,
   * {@code d}elete it, {@code t}: put and trap. Replies the value, or a status.
   */
  private static byte[] cupboard() {
    return Guests.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "storage_get" (func $get (param i32 i32 i32 i32) (result i32)))
        (import "spirit" "storage_put" (func $put (param i32 i32 i32 i32) (result i32)))
        (import "spirit" "storage_delete" (func $delete (param i32 i32) (result i32)))
        """,
        "(data (i32.const 0x60) \"key\")",
        """
        (local $kind i32) (local $status i32)
        (drop (call $type (i32.const 0x80) (i32.const 16)))
        (local.set $kind (i32.load8_u (i32.const 0x80)))
        (if (i32.or (i32.eq (local.get $kind) (i32.const 0x70))
                    (i32.eq (local.get $kind) (i32.const 0x74)))
          (then
            (local.set $status
              (call $put (i32.const 0x60) (i32.const 3) (local.get $p) (local.get $l)))))
        (if (i32.eq (local.get $kind) (i32.const 0x74)) (then (unreachable)))
        (if (i32.eq (local.get $kind) (i32.const 0x64))
          (then (local.set $status (call $delete (i32.const 0x60) (i32.const 3)))))
        (if (i32.eqz (local.get $status))
          (then
            (local.set $status
              (call $get (i32.const 0x60) (i32.const 3) (i32.const 0x40) (i32.const 0x44)))))
        (if (local.get $status)
          (then (return (call $say (i64.extend_i32_u (i32.sub (i32.const 0) (local.get $status)))))))
        (i64.or
          (i64.shl (i64.extend_i32_u (i32.load (i32.const 0x40))) (i64.const 32))
          (i64.extend_i32_u (i32.load (i32.const 0x44))))
        """);
  }

  private static byte[] millis(long millis) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(millis).array();
  }

  private static TestNode node(Path directory, String... settings) throws IOException {
    TestNode node = TestNode.start(directory, settings);
    node.deploy("alarm", alarm(), "grant=cross_sandbox_call");
    node.deploy(
        "cupboard",
        cupboard(),
        "grant=storage_read",
        "grant=storage_write",
        "grant=storage_delete");
    return node;
  }

  private static long count(TestNode node, String spirit) {
    return Long.parseLong(node.ask(spirit, "get", ""));
  }

  private static void awaitCount(TestNode node, String spirit, long wanted) {
    await().atMost(TestNode.PATIENCE).until(() -> count(node, spirit) == wanted);
  }

  @Test
  void aTimerFiresOnceThroughKills(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      for (int i = 0; i < 20; i++) {
        node.askBytes("alarm/a", "send", millis(i * 100L));
        node.askBytes("alarm/" + i, "send", millis(2_000));
      }
      node.askBytes("alarm/late", "send", millis(600_000));
      node.killAndRestart();
      node.killAndRestart();
      awaitCount(node, "alarm/a", 20);
      for (int i = 0; i < 20; i++) {
        awaitCount(node, "alarm/" + i, 1);
      }
      // Those that were sent again after a crash would have come by now.
      node.killAndRestart();
      assertEquals(20, count(node, "alarm/a"));
      assertEquals(1, count(node, "alarm/7"));
      assertEquals(0, count(node, "alarm/late"));
      assertEquals("0", node.ask("alarm/late", "cancel", ""));
      assertEquals("9", node.ask("alarm/late", "cancel", ""), "it is cancelled already");
      assertEquals("9", node.ask("alarm/7", "cancel", ""), "it has fired");
    }
  }

  @Test
  void aTimerBringsItsSpiritBack(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory, "vudo.spirit.idle-timeout = 1s")) {
      node.askBytes("alarm/a", "send", millis(5_000));
      await().atMost(TestNode.PATIENCE).until(() -> !node.isResident("alarm/a"));
      await().atMost(TestNode.PATIENCE).until(() -> node.isResident("alarm/a"));
      awaitCount(node, "alarm/a", 1);
    }
  }

  @Test
  void whoIsRememberedStaysAndComesBack(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory, "vudo.spirit.idle-timeout = 1s")) {
      node.deploy("kept", alarm(), "grant=cross_sandbox_call", "remember=on");
      node.ask("kept/a", "get", "");
      node.ask("alarm/a", "get", "");
      await().atMost(TestNode.PATIENCE).until(() -> !node.isResident("alarm/a"));
      assertTrue(node.isResident("kept/a"));
      node.killAndRestart();
      await().atMost(TestNode.PATIENCE).until(() -> node.isResident("kept/a"));
      node.stopAndRestart();
      await().atMost(TestNode.PATIENCE).until(() -> node.isResident("kept/a"));
      // The next message brings the new deployment, by which it may leave.
      node.deploy("kept", alarm(), "grant=cross_sandbox_call");
      node.ask("kept/a", "get", "");
      await().atMost(TestNode.PATIENCE).until(() -> !node.isResident("kept/a"));
    }
  }

  @Test
  void aReminderComesAgainUntilItIsCancelled(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      node.askBytes("alarm/a", "remind", millis(600_000));
      node.askBytes("alarm/a", "remind", millis(1_000));
      await().atMost(TestNode.PATIENCE).until(() -> count(node, "alarm/a") >= 2);
      node.killAndRestart();
      long before = count(node, "alarm/a");
      await().atMost(TestNode.PATIENCE).until(() -> count(node, "alarm/a") >= before + 2);
      assertEquals("0", node.ask("alarm/a", "x", ""));
      assertEquals("9", node.ask("alarm/a", "x", ""));
      long last = count(node, "alarm/a");
      await()
          .pollDelay(Duration.ofMillis(2_500))
          .atMost(TestNode.PATIENCE)
          .until(() -> count(node, "alarm/a") <= last + 1);
      // The turns and their timers replay as they were.
      assertTrue(node.get("/v1/spirits/alarm/a/replay").path("turn").asLong() > 0);
    }
  }

  @Test
  void theStoreIsPartOfTheTurn(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory, "vudo.spirit.turn.max-storage-bytes = 1000")) {
      assertEquals("9", node.ask("cupboard/a", "get", ""));
      assertEquals("one", node.ask("cupboard/a", "put", "one"));
      node.fails(io.vudo.protocol.ErrorCode.TRAP_UNREACHABLE, "cupboard/a", "trap", "two");
      assertEquals("one", node.ask("cupboard/a", "get", ""), "the turn that trapped left no trace");
      assertEquals("three", node.ask("cupboard/a", "put", "three"));
      node.killAndRestart();
      assertEquals("three", node.ask("cupboard/a", "get", ""));
      node.fails(io.vudo.protocol.ErrorCode.TRAP_UNREACHABLE, "cupboard/a", "trap", "four");
      assertEquals("three", node.ask("cupboard/a", "get", ""));
      assertEquals("11", node.ask("cupboard/a", "put", "x".repeat(1_000)));
      assertEquals("x".repeat(900), node.ask("cupboard/a", "put", "x".repeat(900)));
      assertEquals("9", node.ask("cupboard/a", "delete", ""));
      node.stopAndRestart();
      assertEquals("9", node.ask("cupboard/a", "get", ""));
      assertEquals("five", node.ask("cupboard/a", "put", "five"));
    }
  }
}
