package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Watches and links through {@code kill -9}. */
class RelationsTest {
  private static final int MANY = 12;

  /**
   * By the first letter of a message's type: {@code m}onitor, {@code l}ink or {@code s}top the
   * Spirit that the payload names, {@code x}: trap, {@code d}own counts, {@code g} replies the
   * count.
   */
  private static byte[] kin() {
    return Guests.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "monitor" (func $monitor (param i32 i32) (result i32)))
        (import "spirit" "link" (func $link (param i32 i32) (result i32)))
        (import "spirit" "stop" (func $stop (param i32 i32) (result i32)))
        """,
        "(global $n (mut i64) (i64.const 0))",
        """
        (local $kind i32) (local $status i32)
        (drop (call $type (i32.const 0x80) (i32.const 16)))
        (local.set $kind (i32.load8_u (i32.const 0x80)))
        (if (i32.eq (local.get $kind) (i32.const 0x6d))
          (then (local.set $status (call $monitor (local.get $p) (local.get $l)))))
        (if (i32.eq (local.get $kind) (i32.const 0x6c))
          (then (local.set $status (call $link (local.get $p) (local.get $l)))))
        (if (i32.eq (local.get $kind) (i32.const 0x73))
          (then (local.set $status (call $stop (local.get $p) (local.get $l)))))
        (if (i32.eq (local.get $kind) (i32.const 0x64))
          (then (global.set $n (i64.add (global.get $n) (i64.const 1)))))
        (if (i32.or (local.get $status) (i32.eq (local.get $kind) (i32.const 0x78)))
          (then (unreachable)))
        (call $say (global.get $n))
        """);
  }

  @Test
  void eachEndIsToldOnceThroughKills(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      node.deploy("kin", kin(), "grant=spawn_sandbox", "on-failure=stop");
      for (int i = 0; i < MANY; i++) {
        String one = "kin/a" + i;
        node.ask(one, "get", "");
        node.ask("kin/l" + i, "link", one);
        node.ask("kin/w", "monitor", one);
        if (i % 8 == 3) {
          node.killAndRestart();
        }
        if (i % 2 == 0) {
          node.fails(ErrorCode.TRAP_UNREACHABLE, one, "x", "");
        } else {
          node.ask("kin/s", "stop", one);
        }
        if (i % 8 == 6) {
          node.killAndRestart();
        }
      }
      node.killAndRestart();
      await().atMost(TestNode.PATIENCE).until(() -> told(node, "kin/w") == MANY);
      for (int i = 0; i < MANY; i += 2) {
        String linked = "kin/l" + i;
        // The link may have come too late; then the other end is told that.
        await().atMost(TestNode.PATIENCE).until(() -> told(node, linked) != 0);
      }
      node.killAndRestart();
      // What was sent again after the crash would have come by then.
      await()
          .pollDelay(Duration.ofSeconds(2))
          .atMost(TestNode.PATIENCE)
          .until(() -> told(node, "kin/w") >= MANY);
      assertEquals(MANY, told(node, "kin/w"));
      node.get("/v1/spirits/kin/w/replay");
      node.get("/v1/spirits/kin/a0/replay");
    }
  }

  /** How often it was told that somebody is down; -1 when it is halted itself. */
  private static long told(TestNode node, String spirit) {
    try {
      return Long.parseLong(node.ask(spirit, "get", ""));
    } catch (VudoException failure) {
      assertEquals(ErrorCode.SPIRIT_FAILED, failure.code(), failure::getMessage);
      return -1;
    }
  }
}
