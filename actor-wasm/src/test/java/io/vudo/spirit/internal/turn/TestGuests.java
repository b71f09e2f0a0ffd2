package io.vudo.spirit.internal.turn;

import com.dylibso.chicory.wabt.Wat2Wasm;

/** Small Spirits in WAT, each made for one claim. A reply is eight bytes: a little-endian i64. */
final class TestGuests {
  private TestGuests() {}

  /** Around the body of spirit_handle: what every Spirit needs. $n is a global of its own. */
  static byte[] spirit(String imports, String fields, String body) {
    return Wat2Wasm.parse(
        """
        (module
          %s
          (memory (export "memory") 1)
          (global $n (mut i64) (i64.const 0))
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
          (func $reply (param i64) (result i64)
            (i64.store (i32.const 0) (local.get 0))
            (i64.const 8))
          %s
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            %s))
        """
            .formatted(imports, fields, body));
  }

  /** Counts messages in a global that is not exported. */
  static byte[] counter() {
    return spirit(
        "",
        "",
        """
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (call $reply (global.get $n))
        """);
  }

  /**
   * Counts in a global and in memory, but does something bad when there is a payload, after it has
   * changed both: the change must not be seen.
   */
  static byte[] counterThatMay(String fields, String misdeed) {
    return spirit(
        "",
        fields,
        """
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.const 1)))
        (if (local.get $l)
          (then %s))
        (if (i64.ne (global.get $n) (i64.load (i32.const 64)))
          (then (return (call $reply (i64.const -1)))))
        (call $reply (global.get $n))
        """
            .formatted(misdeed));
  }

  /** Grows memory by a page with each message and writes into the last page; replies the sum. */
  static byte[] grower() {
    return spirit(
        "",
        "",
        """
        (local $i i32) (local $sum i64)
        (drop (memory.grow (i32.const 1)))
        (i64.store
          (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8))
          (i64.extend_i32_u (memory.size)))
        (local.set $i (i32.const 2))
        (block $done
          (loop $next
            (br_if $done (i32.gt_u (local.get $i) (memory.size)))
            (local.set $sum (i64.add (local.get $sum)
              (i64.load (i32.sub (i32.mul (local.get $i) (i32.const 65536)) (i32.const 8)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $next)))
        (call $reply (local.get $sum))
        """);
  }

  /**
   * Replies what its table's entry says; a message with a payload puts the other function there.
   */
  static byte[] dispatcher() {
    return spirit(
        "",
        """
        (type $answer (func (result i64)))
        (table $t 2 funcref)
        (elem (i32.const 0) $one)
        (elem declare func $two)
        (func $one (type $answer) (i64.const 1))
        (func $two (type $answer) (i64.const 2))
        """,
        """
        (if (local.get $l)
          (then (table.set $t (i32.const 0) (ref.func $two))))
        (call $reply (call_indirect $t (type $answer) (i32.const 0)))
        """);
  }
}
