package io.vudo.node;

/** A Spirit that watches others and links itself to them when it is told to. */
final class RelationModules {
  private RelationModules() {}

  /**
   * Does what the first letter of the type says with the Spirit that the payload names: "monitor",
   * "forget" (demonitor), "link", "unlink", "stop", "child" (spawn kin/PAYLOAD). "get" replies what
   * "down" messages brought, each with a semicolon; "parent" who that is; "x" traps. Deploy it as
   * "kin" with {@code grant=spawn_sandbox}.
   */
  static byte[] kin() {
    return kin("");
  }

  /** The same in other bytes. */
  static byte[] otherKin() {
    return kin("(func $unused)");
  }

  private static byte[] kin(String more) {
    return TestModules.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "parent" (func $parent (param i32 i32) (result i32)))
        (import "spirit" "monitor" (func $monitor (param i32 i32) (result i32)))
        (import "spirit" "demonitor" (func $demonitor (param i32 i32) (result i32)))
        (import "spirit" "link" (func $link (param i32 i32) (result i32)))
        (import "spirit" "unlink" (func $unlink (param i32 i32) (result i32)))
        (import "spirit" "stop" (func $stop (param i32 i32) (result i32)))
        (import "spirit" "spawn" (func $spawn (param i32 i32 i32 i32 i32 i32) (result i32)))
        (data (i32.const 512) "kin")
        (global $told (mut i32) (i32.const 32768))
        (func $note (param $byte i32)
          (i32.store8 (global.get $told) (local.get $byte))
          (global.set $told (i32.add (global.get $told) (i32.const 1))))
        (func $do (param $what i32) (param $p i32) (param $l i32) (result i32)
          (if (i32.eq (local.get $what) (i32.const 109)) ;; m
            (then (return (call $monitor (local.get $p) (local.get $l)))))
          (if (i32.eq (local.get $what) (i32.const 102)) ;; f
            (then (return (call $demonitor (local.get $p) (local.get $l)))))
          (if (i32.eq (local.get $what) (i32.const 108)) ;; l
            (then (return (call $link (local.get $p) (local.get $l)))))
          (if (i32.eq (local.get $what) (i32.const 117)) ;; u
            (then (return (call $unlink (local.get $p) (local.get $l)))))
          (if (i32.eq (local.get $what) (i32.const 115)) ;; s
            (then (return (call $stop (local.get $p) (local.get $l)))))
          (if (i32.eq (local.get $what) (i32.const 99)) ;; c
            (then
              (return
                (call $spawn (i32.const 512) (i32.const 3) (local.get $p) (local.get $l)
                  (i32.const 0) (i32.const 0)))))
          (i32.const 1))
        """
            + more,
        """
        (local $what i32)
        (drop (call $type (i32.const 0) (i32.const 64)))
        (local.set $what (i32.load8_u (i32.const 0)))
        (if (i32.eq (local.get $what) (i32.const 103)) ;; g
          (then
            (return
              (i64.or (i64.const 0x800000000000)
                (i64.extend_i32_u (i32.sub (global.get $told) (i32.const 32768)))))))
        (if (i32.eq (local.get $what) (i32.const 112)) ;; p
          (then
            (return
              (i64.or (i64.const 0x20000000000)
                (i64.extend_i32_u (call $parent (i32.const 512) (i32.const 256)))))))
        (if (i32.eq (local.get $what) (i32.const 100)) ;; d
          (then
            (block $end
              (loop $each
                (br_if $end (i32.eqz (local.get $l)))
                (call $note (i32.load8_u (local.get $p)))
                (local.set $p (i32.add (local.get $p) (i32.const 1)))
                (local.set $l (i32.sub (local.get $l) (i32.const 1)))
                (br $each)))
            (call $note (i32.const 59))
            (return (i64.const 0))))
        (if (call $do (local.get $what) (local.get $p) (local.get $l)) (then (unreachable)))
        (i64.const 0)
        """);
  }
}
