package io.vudo.node.benchmark.pause;

import com.dylibso.chicory.wabt.Wat2Wasm;

/** A Spirit with a state of some size. */
final class PauseGuest {
  /**
   * A message of 8 bytes is the size, and what the content grows from; the content does not become
   * smaller by compression. Any other message counts in one page and answers the count.
   */
  private static final String TEXT =
      """
      (module
        (memory (export "memory") 1 100)
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func $fill (param $bytes i32) (param $x i64) (local $at i32) (local $end i32)
          (local.set $at (i32.const 0x10000))
          (local.set $end (i32.add (local.get $at) (local.get $bytes)))
          (drop (memory.grow (i32.shr_u (i32.add (local.get $bytes) (i32.const 0xffff)) (i32.const 16))))
          (loop $next
            (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
            (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
            (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
            (i64.store (local.get $at) (local.get $x))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))
        (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
          (if (i32.eq (local.get $l) (i32.const 8))
            (then (call $fill
              (i32.load (local.get $p))
              (i64.extend_i32_u (i32.load offset=4 (local.get $p))))))
          (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
          (i64.const 8)))
      """;

  private PauseGuest() {}

  static byte[] module() {
    return Wat2Wasm.parse(TEXT);
  }
}
