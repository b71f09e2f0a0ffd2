package io.vudo.node;

import com.dylibso.chicory.wabt.Wat2Wasm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Modules for tests: the examples, and small Spirits each made for one claim. */
public final class TestModules {
  private static final Path EXAMPLES = Path.of("..", "examples");

  private TestModules() {}

  /** The source of an example that is written in WAT. */
  public static Path exampleSource(String name) {
    return EXAMPLES.resolve(name).resolve(name + ".wat");
  }

  /** An example that is written in WAT, assembled. */
  public static byte[] example(String name) {
    try {
      return Wat2Wasm.parse(Files.readString(exampleSource(name)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An example that is committed as a module. */
  public static Path prebuilt(String name) {
    return EXAMPLES.resolve("prebuilt").resolve(name + ".wasm");
  }

  /** A module of this text. */
  public static byte[] module(String fields) {
    return Wat2Wasm.parse("(module " + fields + ")");
  }

  /** A Spirit: what each needs, around these imports and this body of {@code spirit_handle}. */
  public static byte[] spirit(String imports, String body) {
    return module(
        imports
            + """
              (memory (export "memory") 1)
              (global $next (mut i32) (i32.const 1024))
              (func (export "spirit_abi_1"))
              ;; Never the same place twice, as long as a test lasts.
              (func (export "spirit_alloc") (param $size i32) (result i32)
                (global.set $next (i32.add (global.get $next) (local.get $size)))
                (i32.sub (global.get $next) (local.get $size)))
              """
            + "(func (export \"spirit_handle\") (param $p i32) (param $l i32) (result i64) "
            + body
            + ")");
  }

  /** Replies its payload. */
  public static byte[] echo() {
    return spirit(
        "",
        """
        (i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32))
                (i64.extend_i32_u (local.get $l)))
        """);
  }

  /** Replies its payload, and is at least this long. */
  public static byte[] large(int bytes) {
    byte[] echo = echo();
    // A custom section: id, length as five bytes of LEB128, a name of one letter.
    int length = bytes + 2;
    byte[] large = Arrays.copyOf(echo, echo.length + 6 + length);
    large[echo.length] = 0;
    for (int i = 0; i < 5; i++) {
      large[echo.length + 1 + i] = (byte) (((length >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0));
    }
    large[echo.length + 6] = 1;
    large[echo.length + 7] = 'x';
    return large;
  }

  /** Handles every message and replies nothing. */
  public static byte[] silent() {
    return spirit("", "(i64.const 0)");
  }

  /** Never comes to an end. */
  public static byte[] spinner() {
    return spirit("", "(loop $for_ever (br $for_ever)) (unreachable)");
  }

  /** Replies "time" when it may see the clock, and "denied" otherwise. */
  public static byte[] clock() {
    return spirit(
        """
        (import "spirit" "now" (func $now (result i64)))
        (data (i32.const 16) "timedenied")
        """,
        """
        (if (result i64) (i64.gt_s (call $now) (i64.const 0))
          (then (i64.const 0x0000001000000004))
          (else (i64.const 0x0000001400000006)))
        """);
  }
}
