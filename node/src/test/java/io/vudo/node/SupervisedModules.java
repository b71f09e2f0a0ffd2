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
}
