package io.vudo.spirit;

import static io.vudo.spirit.Modules.admit;
import static io.vudo.spirit.Modules.call;
import static io.vudo.spirit.Modules.fails;
import static io.vudo.spirit.Modules.wasm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdmissionTest {
  private static final SpiritLimits LIMITS = SpiritLimits.DEFAULTS;
  private static final String HEADER = "0061736d01000000";

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  /** A module whose one function, of no parameters, has these instructions and no locals. */
  private static byte[] body(String instructions) {
    return function("00" + instructions);
  }

  private static byte[] function(String body) {
    byte[] code = hex(body);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(hex(HEADER + "01 04 01 60 00 00 03 02 01 00 04 04 01 70 00 01 05 03 01 00 01"));
    out.write(10);
    out.writeBytes(length(code.length + 6));
    out.write(1);
    out.writeBytes(length(code.length));
    out.writeBytes(code);
    return out.toByteArray();
  }

  /** In five bytes, however small. */
  private static byte[] length(int value) {
    byte[] bytes = new byte[5];
    for (int i = 0; i < 5; i++) {
      bytes[i] = (byte) (((value >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0));
    }
    return bytes;
  }

  @Test
  void describesTheModule() {
    byte[] bytes =
        wasm(
            """
            (module (import "test" "add" (func $add (param i32 i32) (result i32)))
              (memory (export "memory") 2 60000)
              (func (export "b") (param i64 f32) (result f64) (f64.const 1))
              (export "a" (func $add)))
            """);
    AdmittedModule module = admit(bytes, LIMITS);
    assertEquals(ModuleDigest.of(bytes), module.digest());
    assertEquals(bytes.length, module.originalBytes());
    assertEquals(Admission.REWRITER_VERSION, module.rewriterVersion());
    assertEquals("[test.add (i32, i32) -> i32]", module.imports().toString());
    assertEquals(
        "{b=(i64, f32) -> f64, a=(i32, i32) -> i32}", module.exportedFunctions().toString());
    assertEquals(new AdmittedModule.Memory(2, 1024), module.memory().orElseThrow());
    assertTrue(module.exportsMemory());
    assertArrayEquals(module.rewritten(), admit(bytes, LIMITS).rewritten());
  }

  @Test
  void sizeIsCheckedFirst() {
    fails(ErrorCode.MODULE_EMPTY, () -> admit(new byte[0], LIMITS));
    fails(ErrorCode.MODULE_TOO_LARGE, () -> admit(new byte[101 << 20], LIMITS));
    VudoException tooLarge =
        fails(
            ErrorCode.MODULE_TOO_LARGE,
            () -> new Admission(8).admit(new byte[9], LIMITS, (from, name) -> null));
    assertTrue(tooLarge.detail().contains("9 bytes"), tooLarge.detail());
  }

  @ParameterizedTest
  @CsvSource({
    "00, MODULE_BAD_MAGIC, ",
    "0061736e01000000, MODULE_BAD_MAGIC, ",
    "0061736d, MODULE_BAD_MAGIC, ",
    "0061736d02000000, MODULE_BAD_MAGIC, version is 2",
    "0061736d0d000100, MODULE_BAD_MAGIC, component",
    // sections
    "0061736d01000000 0e00, MODULE_MALFORMED, unknown section 14",
    "0061736d01000000 0d0100, MODULE_UNSUPPORTED, exception handling",
    "0061736d01000000 0102, MODULE_MALFORMED, At byte 10",
    "0061736d01000000 01020000, MODULE_MALFORMED, longer than its content",
    "0061736d01000000 010100 010100, MODULE_MALFORMED, repeated",
    "0061736d01000000 030100 010100, MODULE_MALFORMED, out of order",
    "0061736d01000000 0100, MODULE_MALFORMED, unexpected end",
    "0061736d01000000 0104 ffffffff7f, MODULE_MALFORMED, ",
    "0061736d01000000 000201ff, MODULE_MALFORMED, UTF-8",
    "0061736d01000000 01050180808000, MODULE_MALFORMED, form",
    "0061736d01000000 010401600000 030201 01, MODULE_INVALID, unknown type 1",
    "0061736d01000000 010401600000 03020100, MODULE_MALFORMED, differ in number",
    // types
    "0061736d01000000 0105 01 60 01 6f 00, MODULE_UNSUPPORTED, externref",
    "0061736d01000000 0105 01 60 01 64 00, MODULE_UNSUPPORTED, function references",
    "0061736d01000000 0105 01 60 01 6e 00, MODULE_UNSUPPORTED, garbage",
    "0061736d01000000 0103 01 5f 00, MODULE_UNSUPPORTED, garbage",
    "0061736d01000000 0105 01 60 01 01 00, MODULE_MALFORMED, value type",
    // imports
    "0061736d01000000 0208 01 0161 0162 02 00 01, MODULE_UNSUPPORTED, imported memory a.b",
    "0061736d01000000 0209 01 0161 0162 01 70 00 01, MODULE_UNSUPPORTED, imported table a.b",
    "0061736d01000000 0208 01 0161 0162 03 7f 00, MODULE_UNSUPPORTED, imported global a.b",
    // tables, memories and globals
    "0061736d01000000 0404 01 6f 00 01, MODULE_UNSUPPORTED, externref",
    "0061736d01000000 0405 01 70 01 02 01, MODULE_INVALID, larger than the maximum",
    "0061736d01000000 0506 01 00 ffffff0f, MODULE_INVALID, beyond",
    "0061736d01000000 0504 01 03 01 01, MODULE_UNSUPPORTED, shared memory",
    "0061736d01000000 0503 01 04 01, MODULE_UNSUPPORTED, 64-bit",
    "0061736d01000000 0505 02 00 01 00 01, MODULE_UNSUPPORTED, multiple memories",
    "0061736d01000000 0606 01 6f 00 d0 6f 0b, MODULE_UNSUPPORTED, externref",
    "0061736d01000000 0606 01 7f 00 23 00 0b, MODULE_UNSUPPORTED, global.get",
    "0061736d01000000 0609 01 7f 00 41 00 41 00 6a 0b, MODULE_UNSUPPORTED, extended constant",
    "0061736d01000000 0606 01 7f 00 42 00 0b, MODULE_INVALID, expected i32",
    "0061736d01000000 0606 01 7f 02 41 00 0b, MODULE_UNSUPPORTED, shared globals",
  })
  void brokenModulesAreRefused(String bytes, ErrorCode code, String reason) {
    VudoException failure = fails(code, () -> admit(hex(bytes), LIMITS));
    if (reason != null) {
      assertTrue(failure.detail().contains(reason), failure.detail());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "12 00 0b, MODULE_UNSUPPORTED, tail calls",
    "06 40 0b 0b, MODULE_UNSUPPORTED, exception handling",
    "08 00 0b, MODULE_UNSUPPORTED, exception handling",
    "fb 00 00 0b, MODULE_UNSUPPORTED, garbage",
    "fe 03 00 0b, MODULE_UNSUPPORTED, threads",
    "fd 80 02 0b, MODULE_UNSUPPORTED, relaxed SIMD",
    "44 0000000000000000 fd 14 1a 0b, MODULE_UNSUPPORTED, f64x2.splat",
    "14 00 0b, MODULE_UNSUPPORTED, function references",
    "41 00 28 42 00 00 1a 0b, MODULE_UNSUPPORTED, multiple memories",
    "d0 6f 1a 0b, MODULE_UNSUPPORTED, externref",
    "ff 0b, MODULE_MALFORMED, unknown instruction 0xff",
    "fc 20 0b, MODULE_MALFORMED, unknown instruction",
    "fd 9a 01 0b, MODULE_MALFORMED, unknown instruction",
    "41 80 80 80 80 80 00 1a 0b, MODULE_MALFORMED, too long",
    "41 ff ff ff ff 0f 1a 0b, MODULE_MALFORMED, too large",
    "02 c0 7f 0b 0b, MODULE_MALFORMED, block type",
    "0b 0b, MODULE_MALFORMED, behind the end",
    "01, MODULE_MALFORMED, unexpected end",
    "41 00 0b, MODULE_INVALID, left over",
    "1a 0b, MODULE_INVALID, an operand is missing",
    "42 00 45 1a 0b, MODULE_INVALID, the operand is i64",
    "20 00 1a 0b, MODULE_INVALID, unknown local",
    "23 00 1a 0b, MODULE_INVALID, unknown global",
    "10 01 0b, MODULE_INVALID, unknown function",
    "0c 01 0b, MODULE_INVALID, unknown label",
    "41 00 11 00 01 0b, MODULE_INVALID, unknown table",
    "41 00 11 01 00 0b, MODULE_INVALID, unknown type",
    "05 0b, MODULE_INVALID, else without if",
    "41 00 04 7f 41 00 0b 1a 0b, MODULE_INVALID, without else",
    "41 00 28 03 00 1a 0b, MODULE_INVALID, alignment",
    "d2 00 1a 0b, MODULE_INVALID, not declared",
    "41 00 42 00 41 00 1b 1a 0b, MODULE_INVALID, select between",
    "fc 09 00 0b, MODULE_MALFORMED, data count",
  })
  void brokenInstructionsAreRefused(String bytes, ErrorCode code, String reason) {
    VudoException failure = fails(code, () -> admit(body(bytes), LIMITS));
    assertTrue(failure.detail().contains(reason), failure.detail());
    assertTrue(failure.detail().startsWith("At byte "), failure.detail());
  }

  @Test
  void importsMustBeKnown() {
    VudoException unknown =
        fails(
            ErrorCode.MODULE_UNKNOWN_IMPORT,
            () -> admit(wasm("(module (import \"env\" \"open\" (func (param i32))))"), LIMITS));
    assertTrue(unknown.detail().contains("env.open (i32) -> ()"), unknown.detail());
    VudoException type =
        fails(
            ErrorCode.MODULE_IMPORT_TYPE,
            () -> admit(wasm("(module (import \"test\" \"add\" (func (param i64))))"), LIMITS));
    assertTrue(type.detail().contains("(i64) -> ()"), type.detail());
    assertTrue(type.detail().contains("(i32, i32) -> i32"), type.detail());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(module (func (export \"__vudo_call_0\")))",
        "(module (func (export \"f\") (param funcref)))",
        "(module (func (export \"f\") (result funcref) (ref.null func)))",
        "(module (table 1 funcref) (func (param funcref)) (func (table.set (i32.const 0) (ref.null"
            + " func))))",
      })
  void whatCannotBeKeptIsRefused(String text) {
    fails(ErrorCode.MODULE_UNSUPPORTED, () -> admit(wasm(text), LIMITS));
  }

  private static String repeated(String part, int count) {
    return part.repeat(count);
  }

  @Test
  void sizesAreBounded() {
    for (String text :
        List.of(
            "(module (memory 2000))",
            "(module (table 60000 funcref) (table 60000 funcref))",
            "(module (type (func (param " + repeated("i32 ", 201) + "))))",
            "(module " + repeated("(global i32 (i32.const 0))", 10_001) + ")")) {
      fails(ErrorCode.MODULE_LIMIT_EXCEEDED, () -> admit(wasm(text), LIMITS));
    }
    for (byte[] module :
        List.of(
            body(repeated("0240", 10_001) + repeated("0b", 10_002)),
            body(repeated("0340", 201) + repeated("0b", 202)),
            body(repeated("01", 1 << 20) + "0b"),
            function("01 d1 86 03 7f 0b"),
            function("02 ff ff ff ff 0f 7f ff ff ff ff 0f 7f 0b"),
            function("01 90 4e 7e" + repeated("02400b", 1_000) + "0b"),
            body("41 00 0e ff ff ff ff 0f 0b"))) {
      fails(ErrorCode.MODULE_LIMIT_EXCEEDED, () -> admit(module, LIMITS));
    }
  }

  /** Good modules that between them use most of the format. */
  private static List<byte[]> samples() {
    return List.of(
        wasm(Programs.TEXT),
        wasm(
            """
            (module (import "test" "add" (func $h (param i32 i32) (result i32)))
              (type $t (func (param i32) (result i32))) (table $a 3 9 funcref) (table $b 2 funcref)
              (memory 1 2) (global $g (mut funcref) (ref.null func)) (global f64 (f64.const 1))
              (elem (i32.const 0) func $f $f) (elem $e funcref (ref.func $f) (ref.null func))
              (data (i32.const 8) "hello") (data $d "x")
              (func $f (export "f") (type $t)
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d)
                (table.init $a $e (i32.const 0) (i32.const 0) (i32.const 2)) (elem.drop $e)
                (global.set $g (ref.func $f)) (drop (table.grow $a (global.get $g) (i32.const 1)))
                (call $h (local.get 0) (call_indirect (type $t) (i32.const 1) (i32.const 0))))
              (start $s) (func $s))
            """));
  }

  @Test
  void damagedModulesGiveTypedErrorsOnly() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (WasmtimeEngine engine = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS)) {
      for (byte[] sample : samples()) {
        admit(sample, LIMITS);
        for (int length = 0; length < sample.length; length++) {
          survive(engine, Arrays.copyOf(sample, length), seed, false);
        }
        for (int round = 0; round < 3_000; round++) {
          byte[] damaged = sample.clone();
          for (int i = random.nextInt(3); i >= 0; i--) {
            damaged[8 + random.nextInt(damaged.length - 8)] = (byte) random.nextInt(256);
          }
          survive(engine, damaged, seed, round % 4 == 0);
        }
      }
    }
  }

  private static void survive(Engine engine, byte[] module, long seed, boolean run) {
    AdmittedModule admitted;
    try {
      admitted = admit(module, LIMITS);
    } catch (VudoException e) {
      assertTrue(e.code().name().startsWith("MODULE_"), e.getMessage());
      return;
    } catch (RuntimeException e) {
      fail("seed " + seed + ", module " + HexFormat.of().formatHex(module), e);
      return;
    }
    if (!run) {
      return;
    }
    try (CompiledModule compiled = engine.compile(admitted);
        EngineInstance instance = compiled.instantiate(Modules.noHost())) {
      instance.setFuel(100_000);
      for (String name : admitted.exportedFunctions().keySet()) {
        instance.call(
            name,
            Modules.in(10),
            new long[admitted.exportedFunctions().get(name).parameters().size()]);
      }
    } catch (VudoException e) {
      // Its code may be any of a guest's failures, but never that admission let pass what the
      // engine then refused.
      if (e.code() == ErrorCode.MODULE_INVALID || e.code() == ErrorCode.INTERNAL_ERROR) {
        fail("seed " + seed + ", module " + HexFormat.of().formatHex(module), e);
      }
    }
  }

  @Test
  void rewritingKeepsTheMeaning() throws Exception {
    byte[] original = wasm(Programs.TEXT);
    Random random = new Random(17);
    try (WasmtimeEngine engine = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
        CompiledModule compiled = engine.compile(admit(original, LIMITS));
        Plain plain = new Plain(original)) {
      EngineInstance instance = compiled.instantiate(Modules.noHost());
      int traps = 0;
      for (var function : compiled.module().exportedFunctions().entrySet()) {
        for (int round = 0; round < 40; round++) {
          long[] arguments = new long[function.getValue().parameters().size()];
          for (int i = 0; i < arguments.length; i++) {
            int value = round < 12 ? round - 2 : random.nextInt(1000) - 300;
            arguments[i] = value;
          }
          instance.setFuel(Modules.FUEL);
          String expected = plain.call(function.getKey(), function.getValue(), arguments);
          String actual;
          try {
            actual = Arrays.toString(call(instance, function.getKey(), arguments));
          } catch (VudoException e) {
            actual = e.code().name();
            traps++;
            instance.close();
            instance = compiled.instantiate(Modules.noHost());
            plain.reset();
          }
          assertEquals(expected, actual, function.getKey() + Arrays.toString(arguments));
        }
      }
      assertTrue(traps > 0);
      instance.close();
    }
  }
}
