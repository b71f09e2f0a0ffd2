package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.dylibso.chicory.wabt.Wat2Wasm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Modules: the examples, and small ones in WAT that are made for one claim each. */
public final class Guests {
  private Guests() {}

  /** An example in WAT, {@code counter}. */
  public static byte[] example(String name) throws IOException {
    return Wat2Wasm.parse(Files.readString(file(name + "/" + name + ".wat"), UTF_8));
  }

  /** A module that is committed as such, {@code kv}. */
  public static byte[] prebuilt(String name) throws IOException {
    return Files.readAllBytes(file("prebuilt/" + name + ".wasm"));
  }

  /** A file of this module; tests run in its directory. */
  public static Path file(String path) {
    return Path.of(path).toAbsolutePath();
  }

  /**
   * What every Spirit needs, around the body of {@code spirit_handle}, whose parameters are {@code
   * $p} and {@code $l}. {@code $say} makes a reply of a number, as decimal text.
   */
  public static byte[] spirit(String imports, String fields, String body) {
    return Wat2Wasm.parse(
        """
        (module
          %s
          (memory (export "memory") 1)
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 0x1000))
          (func $say (param $rest i64) (result i64) (local $at i32)
            (local.set $at (i32.const 0x20))
            (loop $digit
              (local.set $at (i32.sub (local.get $at) (i32.const 1)))
              (i32.store8 (local.get $at)
                (i32.add (i32.const 0x30)
                  (i32.wrap_i64 (i64.rem_u (local.get $rest) (i64.const 10)))))
              (local.set $rest (i64.div_u (local.get $rest) (i64.const 10)))
              (br_if $digit (i64.ne (local.get $rest) (i64.const 0))))
            (i64.or
              (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
              (i64.extend_i32_u (i32.sub (i32.const 0x20) (local.get $at)))))
          %s
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            %s))
        """
            .formatted(imports, fields, body));
  }

  /**
   * Counts its messages in a global and in memory. A message with a payload does something bad
   * after both have changed; the change must not be seen.
   */
  public static byte[] counterThatMay(String fields, String misdeed) {
    return spirit(
        "",
        "(global $n (mut i64) (i64.const 0))" + fields,
        """
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.const 1)))
        (if (local.get $l) (then %s))
        (if (i64.ne (global.get $n) (i64.load (i32.const 64))) (then (unreachable)))
        (call $say (global.get $n))
        """
            .formatted(misdeed));
  }

  /** Counts its messages, and burns fuel between reading the count and writing it. */
  public static byte[] slowCounter(int iterations) {
    return spirit(
        "",
        "(global $n (mut i64) (i64.const 0))",
        """
        (local $before i64) (local $i i32)
        (local.set $before (global.get $n))
        (local.set $i (i32.const %d))
        (loop $again
          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (br_if $again (local.get $i)))
        (global.set $n (i64.add (local.get $before) (i64.const 1)))
        (call $say (global.get $n))
        """
            .formatted(iterations));
  }
}
