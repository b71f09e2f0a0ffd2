package io.vudo.node;

/** Spirits that fail on purpose, and one that sends them what they fail on. */
final class SupervisedModules {
  private SupervisedModules() {}

  /**
   * Sends its payload on, as type "m", to the Spirit that the message's type names. Deploy it with
   * {@code grant=cross_sandbox_call}.
   */
  static byte[] teller() {
    return TestModules.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "send_message"
          (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
        (data (i32.const 512) "m")
        """,
        """
        (if (call $send
              (i32.const 0) (call $type (i32.const 0) (i32.const 512))
              (i32.const 512) (i32.const 1) (local.get $p) (local.get $l))
          (then (unreachable)))
        (i64.const 0)
        """);
  }

  /**
   * Notes the first byte of each message, and replies all of them to "get". Traps on an "x", until
   * it is sent a "mend".
   */
  static byte[] picky() {
    return TestModules.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (global $mended (mut i32) (i32.const 0))
        (global $count (mut i32) (i32.const 0))
        """,
        """
        (local $t i32)
        (local.set $t (call $type (i32.const 0) (i32.const 64)))
        (if (i32.eq (local.get $t) (i32.const 3))
          (then (return (i64.or (i64.const 0x800000000000) (i64.extend_i32_u (global.get $count))))))
        (if (i32.eq (local.get $t) (i32.const 4))
          (then (global.set $mended (i32.const 1)) (return (i64.const 0))))
        (if (i32.and (i32.eq (i32.load8_u (local.get $p)) (i32.const 120))
                     (i32.eqz (global.get $mended)))
          (then (unreachable)))
        (i32.store8 (i32.add (i32.const 32768) (global.get $count))
                    (i32.load8_u (local.get $p)))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i64.const 0)
        """);
  }

  /** Counts its messages, and replies the count to "get"; traps at three of four by chance. */
  static byte[] flaky() {
    return TestModules.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "random" (func $random (param i32 i32) (result i32)))
        (global $count (mut i32) (i32.const 48))
        """,
        """
        (if (i32.eq (call $type (i32.const 0) (i32.const 64)) (i32.const 3))
          (then
            (i32.store8 (i32.const 0) (global.get $count))
            (return (i64.const 1))))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (drop (call $random (i32.const 0) (i32.const 1)))
        (if (i32.and (i32.load8_u (i32.const 0)) (i32.const 3)) (then (unreachable)))
        (i64.const 0)
        """);
  }

  /**
   * Spawns "child/" with the payload as id on "spawn!", notes what any longer type brings, and
   * replies that to "get".
   */
  static byte[] parent() {
    return parent("child");
  }

  /** The same with children of another type. */
  static byte[] parent(String childType) {
    return TestModules.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "spawn" (func $spawn (param i32 i32 i32 i32 i32 i32) (result i32)))
        (global $told (mut i64) (i64.const 0))
        (data (i32.const 512) "%s")
        """
            .formatted(childType),
        """
        (local $t i32)
        (local.set $t (call $type (i32.const 0) (i32.const 64)))
        (if (i32.eq (local.get $t) (i32.const 3)) (then (return (global.get $told))))
        (if (i32.eq (local.get $t) (i32.const 6))
          (then
            (if (call $spawn (i32.const 512) (i32.const %d) (local.get $p) (local.get $l)
                  (i32.const 0) (i32.const 0))
              (then (unreachable))))
          (else
            (global.set $told
              (i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32))
                      (i64.extend_i32_u (local.get $l))))))
        (i64.const 0)
        """
            .formatted(childType.length()));
  }
}
