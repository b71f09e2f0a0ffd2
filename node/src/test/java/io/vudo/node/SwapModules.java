package io.vudo.node;

import com.dylibso.chicory.wabt.Wat2Wasm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;

/** Versions of the example counter. */
public final class SwapModules {
  private static final String PARSE = "(call $parse (local.get $ptr) (local.get $len))";
  private static final String TEXT = "\"unknown message type\"";

  private SwapModules() {}

  private static String source() {
    try {
      return Files.readString(TestModules.exampleSource("counter"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String with(String text, String fields) {
    return text.replace(
        "(func (export \"spirit_abi_1\"))", "(func (export \"spirit_abi_1\"))" + fields);
  }

  /** The example itself. */
  public static byte[] first() {
    return Wat2Wasm.parse(source());
  }

  /** Another module with the same layout that does the same. */
  public static byte[] same() {
    return Wat2Wasm.parse(with(source(), "(func (export \"more\"))"));
  }

  /** The same layout; what is added counts twice. */
  public static byte[] doubling() {
    return Wat2Wasm.parse(source().replace(PARSE, "(i64.mul (i64.const 2) " + PARSE + ")"));
  }

  /** The example with a way out of it. */
  public static byte[] saving() {
    return Wat2Wasm.parse(with(source(), SAVE));
  }

  /** Other texts, so another layout, and no way into it. */
  public static byte[] otherLayout() {
    return Wat2Wasm.parse(source().replace(TEXT, "\"not known of messages\""));
  }

  /** Other texts, and ways in and out. */
  public static byte[] otherLayoutThatLoads() {
    return loading("(global.set $count (i64.load (local.get $p)))");
  }

  /** As {@link #otherLayoutThatLoads}, but it does not take counts above 100. */
  public static byte[] otherLayoutThatLoadsLittle() {
    return loading(
        """
        (if (i64.gt_s (i64.load (local.get $p)) (i64.const 100)) (then (return (i32.const 9))))
        (global.set $count (i64.load (local.get $p)))
        """);
  }

  private static byte[] loading(String body) {
    return Wat2Wasm.parse(
        with(source(), SAVE + LOAD.formatted(body)).replace(TEXT, "\"what is this message\""));
  }

  private static final String SAVE =
      """
      (func (export "spirit_save") (result i64)
        (i64.store (i32.const 0x40) (global.get $count))
        (i64.const 0x4000000008))
      """;

  private static final String LOAD =
      """
      (func (export "spirit_load") (param $p i32) (param $l i32) (result i32)
        %s
        (i32.const 0))
      """;
}
