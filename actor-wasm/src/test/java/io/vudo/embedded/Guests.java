package io.vudo.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.embedded.internal.EmbeddedModules;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import org.junit.jupiter.api.function.Executable;

/** Modules of the tests, and short ways to load them. */
final class Guests {
  /** Functions of all kinds, two names for the interface, and everything that fails. */
  static final String CALCULATOR =
      """
      (module
        (memory (export "memory") 1)
        (global $calls (mut i32) (i32.const 0))
        (func (export "add") (param i32 i32) (result i32)
          (i32.add (local.get 0) (local.get 1)))
        (func (export "addLong") (param i64 i64) (result i64)
          (i64.add (local.get 0) (local.get 1)))
        (func (export "half") (param f32) (result f32) (f32.div (local.get 0) (f32.const 2)))
        (func (export "square") (param f64) (result f64) (f64.mul (local.get 0) (local.get 0)))
        (func (export "nothing"))
        (func (export "both") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
        (func (export "count_calls") (result i32)
          (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
          (global.get $calls))
        (func (export "is_even") (param i32) (result i32)
          (i32.eqz (i32.and (local.get 0) (i32.const 1))))
        (func (export "Point.norm") (param i64 i64) (result i64)
          (i64.add (local.get 0) (local.get 1)))
        (func (export "twoWays") (result i32) (i32.const 1))
        (func (export "two_ways") (result i32) (i32.const 2))
        (func (export "v128") (param v128) (result i32) (i32.const 0))
        (func (export "trap") (unreachable))
        (func (export "divide") (param i32 i32) (result i32)
          (i32.div_s (local.get 0) (local.get 1)))
        (func (export "spin") (loop (br 0)))
        (func $deep (export "deep") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "pages") (result i32) (memory.size)))
      """;

  /** Texts as pointer and length in, packed out, in a module with and without an allocator. */
  static final String TEXTS =
      """
      (module
        (memory (export "memory") 1)
        (data (i32.const 16) "hello")
        (func (export "length") (param i32 i32) (result i32) (local.get 1))
        (func (export "first") (param i32 i32 i32) (result i32)
          (i32.add (local.get 2) (i32.load8_u (local.get 0))))
        (func (export "hello") (result i64) (i64.const 0x1000000005))
        (func (export "none") (result i64) (i64.const 0))
        (func (export "echo") (param i32 i32) (result i64)
          ;; copied: the argument is borrowed
          (memory.copy (i32.const 1024) (local.get 0) (local.get 1))
          (i64.or (i64.const 0x40000000000) (i64.extend_i32_u (local.get 1))))
        (func (export "pointer") (param i32 i32) (result i32) (local.get 0))
        (func (export "distance") (param i32 i32 i32 i32) (result i32)
          (i32.sub (local.get 2) (local.get 0)))
        ALLOCATOR)
      """;

  /** An allocator that puts blocks one after the other from 4096 on, and counts what is freed. */
  static final String ALLOC =
      """
      (global $top (mut i32) (i32.const 4096))
      (global $freed (mut i32) (i32.const 0))
      (func (export "alloc") (param $size i32) (result i32) (local $at i32) (local $end i32)
        (local.set $at (global.get $top))
        (local.set $end
          (i32.add (local.get $at)
            (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
        (if (i32.gt_u (local.get $end) (i32.const 65536)) (then (return (i32.const 0))))
        (global.set $top (local.get $end))
        (local.get $at))
      (func (export "dealloc") (param $at i32) (param $size i32)
        (global.set $freed (i32.add (global.get $freed) (local.get $size))))
      (func (export "freed") (result i32) (global.get $freed))
      """;

  private Guests() {}

  static byte[] wasm(String text) {
    return Wat2Wasm.parse(text);
  }

  static byte[] texts(String allocator) {
    return wasm(TEXTS.replace("ALLOCATOR", allocator));
  }

  static SpiritOptions on(String engine) {
    return SpiritOptions.defaults().engine(engine);
  }

  static Spirit load(String engine, String text) {
    return Spirit.load(wasm(text), on(engine));
  }

  /** A calculator for both engines: one of them has no v128. */
  static byte[] calculator(String engine) {
    return wasm(
        engine.equals("jvm")
            ? CALCULATOR.replace(
                "(func (export \"v128\") (param v128) (result i32) (i32.const 0))", "")
            : CALCULATOR);
  }

  static int live(String engine) {
    return EmbeddedModules.ofProcess().engine(engine).liveInstances();
  }

  static VudoException fails(ErrorCode code, Executable task) {
    VudoException failure = assertThrows(VudoException.class, task);
    assertEquals(code, failure.code(), failure.getMessage());
    return failure;
  }
}
