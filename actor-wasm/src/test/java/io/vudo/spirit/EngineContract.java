package io.vudo.spirit;

import static io.vudo.spirit.Modules.call;
import static io.vudo.spirit.Modules.fails;
import static io.vudo.spirit.Modules.in;
import static io.vudo.spirit.Modules.instance;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every engine must do alike; a subclass says which. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class EngineContract {
  Engine engine;

  /** An engine that may hold so many instances, or as many as it can. */
  abstract Engine engine(OptionalInt maxInstances);

  /** Whether it has v128. */
  abstract boolean simd();

  @BeforeAll
  void start() {
    engine = engine(OptionalInt.empty());
  }

  @AfterAll
  void stop() {
    assertEquals(0, engine.liveInstances(), "every test must close what it opened");
    engine.close();
  }

  private static long bits(float value) {
    return Float.floatToRawIntBits(value);
  }

  private static long bits(double value) {
    return Double.doubleToRawLongBits(value);
  }

  // Values

  @Test
  void numbersOfEveryTypeCross() {
    String text =
        """
        (module
          (func (export "i32") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
          (func (export "i64") (param i64 i64) (result i64) (i64.mul (local.get 0) (local.get 1)))
          (func (export "f32") (param f32 f32) (result f32) (f32.div (local.get 0) (local.get 1)))
          (func (export "f64") (param f64 f64) (result f64) (f64.sub (local.get 0) (local.get 1)))
          (func (export "none"))
          (func (export "echo32") (param f32) (result f32) (local.get 0))
          (func (export "echo64") (param f64) (result f64) (local.get 0))
          (func (export "swap") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0)))
        """;
    try (EngineInstance instance = instance(engine, text)) {
      assertArrayEquals(new long[] {3}, call(instance, "i32", 1, 2));
      assertArrayEquals(
          new long[] {Integer.MIN_VALUE}, call(instance, "i32", Integer.MAX_VALUE, 1));
      assertArrayEquals(new long[] {-6}, call(instance, "i64", 2, -3));
      assertArrayEquals(new long[] {bits(0.5f)}, call(instance, "f32", bits(1f), bits(2f)));
      assertArrayEquals(new long[] {bits(-1.5)}, call(instance, "f64", bits(1.0), bits(2.5)));
      assertArrayEquals(new long[0], call(instance, "none"));
      assertArrayEquals(new long[] {1L << 40, -7}, call(instance, "swap", -7, 1L << 40));
      assertArrayEquals(new long[] {0x7f812345}, call(instance, "echo32", 0x7f812345));
      assertArrayEquals(
          new long[] {0x7ff4_0000_dead_beefL}, call(instance, "echo64", 0x7ff4_0000_dead_beefL));
    }
  }

  @Test
  void callsAreChecked() {
    try (EngineInstance instance = instance(engine, "(module (func (export \"f\") (param i32)))")) {
      String detail = fails(ErrorCode.FUNCTION_NOT_FOUND, () -> call(instance, "g")).detail();
      assertTrue(detail.contains("exports f"), detail);
      fails(ErrorCode.ARGUMENT_INVALID, () -> call(instance, "f"));
      call(instance, "f", 1);
    }
  }

  // Fuel

  private static final String LOOP =
      """
      (module (func (export "f") (param i32)
        (loop
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
      """;

  private long burnt(String text, String name, long... arguments) {
    try (EngineInstance instance = instance(engine, text)) {
      call(instance, name, arguments);
      return Modules.FUEL - instance.fuel();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 10, 1_000, 2_000_000})
  void aLoopBurnsItsInstructions(long rounds) {
    // loop, then five instructions a round: get, const, sub, tee, br_if
    assertEquals(1 + 5 * rounds, burnt(LOOP, "f", rounds));
  }

  @Test
  void everyPathBurnsItsOwnInstructions() {
    String text =
        """
        (module
          (func (export "straight") (result i32) (i32.add (i32.const 1) (i32.const 2)))
          (func (export "empty"))
          (func (export "choose") (param i32) (result i32)
            (if (result i32) (local.get 0)
              (then (i32.const 1) (nop) (nop))
              (else (i32.const 2))))
          (func (export "maybe") (param i32)
            (if (local.get 0) (then (nop) (nop) (nop)))
            (nop))
          (func (export "skip") (param i32)
            (block (br_if 0 (local.get 0)) (nop) (nop))
            (nop))
          (func (export "dead") (return) (nop) (nop))
          (func $callee (nop))
          (func (export "call") (call $callee) (call $callee) (nop))
          (func (export "table") (param i32)
            (block (block (br_table 0 1 (local.get 0))) (nop) (return)) (nop) (nop)))
        """;
    assertEquals(3, burnt(text, "straight"));
    assertEquals(0, burnt(text, "empty"));
    assertEquals(5, burnt(text, "choose", 1));
    assertEquals(3, burnt(text, "choose", 0));
    assertEquals(6, burnt(text, "maybe", 1));
    assertEquals(3, burnt(text, "maybe", 0));
    assertEquals(3, burnt(text, "skip", 1));
    assertEquals(5, burnt(text, "skip", 0));
    assertEquals(1, burnt(text, "dead"));
    assertEquals(5, burnt(text, "call"));
    assertEquals(4, burnt(text, "table", 0));
    assertEquals(4, burnt(text, "table", 1));
  }

  @Test
  void aBudgetIsExact() {
    for (long rounds : new long[] {1, 7, 100, 1_000_000}) {
      long cost = 1 + 5 * rounds;
      try (EngineInstance instance = instance(engine, LOOP)) {
        instance.setFuel(cost);
        call(instance, "f", rounds);
        assertEquals(0, instance.fuel());
      }
      try (EngineInstance instance = instance(engine, LOOP)) {
        instance.setFuel(cost - 1);
        fails(ErrorCode.OUT_OF_FUEL, () -> call(instance, "f", rounds));
        assertEquals(0, instance.fuel());
        assertThrows(IllegalStateException.class, () -> call(instance, "f", rounds));
      }
    }
  }

  @Test
  void smallFunctionsCostTheSameHoweverTheyAreCalled() {
    String text =
        """
        (module (table 1 funcref) (elem (i32.const 0) $referenced)
          (func $small (export "small") (param i32) (result i32)
            (i32.mul (local.get 0) (i32.const 3)))
          (func $referenced (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
          (func (export "direct") (param i32) (result i32) (call $small (local.get 0)))
          (func (export "either") (param i32) (result i32) (call $referenced (local.get 0)))
          (func (export "indirect") (param i32) (result i32)
            (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0))))
        """;
    assertEquals(3, burnt(text, "small", 1));
    assertEquals(2 + 3, burnt(text, "direct", 1));
    assertEquals(2 + 3, burnt(text, "either", 1));
    assertEquals(3 + 3, burnt(text, "indirect", 1));
    for (String function : List.of("small", "direct", "either", "indirect")) {
      long cost = burnt(text, function, 1);
      try (EngineInstance instance = instance(engine, text)) {
        instance.setFuel(cost);
        assertArrayEquals(new long[] {21}, call(instance, function, 7));
        instance.setFuel(cost - 1);
        fails(ErrorCode.OUT_OF_FUEL, () -> call(instance, function, 7));
      }
    }
  }

  @Test
  void manySmallCallsInOneBlockAreCounted() {
    StringBuilder text = new StringBuilder("(module (func $f ");
    text.append("nop ".repeat(64)).append(") (func (export \"f\") ");
    text.append("(call $f) ".repeat(40_000)).append("))");
    assertEquals(40_000 * 65, burnt(text.toString(), "f"));
  }

  @Test
  void recursionWithoutLoopsEnds() {
    String text =
        """
        (module (func $fib (export "fib") (param i32) (result i32)
          (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
              (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
        """;
    // Four instructions, then one or nine: fib(10) calls 177 times, 89 of them with less than 2.
    long cost = 177 * 4 + 89 + 88 * 9;
    assertEquals(cost, burnt(text, "fib", 10));
    try (EngineInstance instance = instance(engine, text)) {
      instance.setFuel(cost);
      assertArrayEquals(new long[] {55}, call(instance, "fib", 10));
      instance.setFuel(10_000_000);
      fails(ErrorCode.OUT_OF_FUEL, () -> call(instance, "fib", 60));
    }
  }

  @Test
  void floatsOutliveTheRefillsOfALoop() {
    String text =
        """
        (module (func (export "f") (param $n i32) (param $a f64) (param $b f32)
          (result f64 f32 i64)
          (local $x f64) (local $y f32) (local $w LOCAL)
          (loop
            (local.set $x (f64.add (local.get $x) (local.get $a)))
            (local.set $y (f32.sub (local.get $b) (local.get $y)))
            (local.set $w (SUB (local.get $w) ONE))
            (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          (local.get $x) (local.get $y) (LAST (local.get $w))))
        """;
    text =
        simd()
            ? text.replace("LOCAL", "v128")
                .replace("SUB", "i64x2.sub")
                .replace("ONE", "(i64x2.splat (i64.const 1))")
                .replace("LAST", "i64x2.extract_lane 1")
            : text.replace("LOCAL", "f64")
                .replace("SUB", "f64.sub")
                .replace("ONE", "(f64.const 1)")
                .replace("LAST", "i64.trunc_f64_s");
    try (EngineInstance instance = instance(engine, text)) {
      assertArrayEquals(
          new long[] {bits(500_000.5), bits(2.5f), -1_000_001},
          call(instance, "f", 1_000_001, bits(0.5), bits(2.5f)));
    }
  }

  @Test
  void hostCallsCostMore() {
    String text =
        "(module (import \"test\" \"nothing\" (func $h)) (table 1 funcref) (elem (i32.const 0) $h)"
            + " (func (export \"direct\") (call $h))"
            + " (func (export \"indirect\") (call_indirect (i32.const 0)))"
            + " (export \"reexported\" (func $h)))";
    assertEquals(101, burnt(text, "direct"));
    assertEquals(102, burnt(text, "indirect"));
    assertEquals(100, burnt(text, "reexported"));
  }

  @Test
  void bulkInstructionsCostByLength() {
    String text =
        """
        (module (memory 2) (data $d "0123456789012345678901234567890123456789012345678901234567890123456789")
          (func (export "fill") (param i32)
            (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
          (func (export "copy") (param i32)
            (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
          (func (export "init") (param i32)
            (memory.init $d (i32.const 0) (i32.const 0) (local.get 0)))
          (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
        """;
    assertEquals(4, burnt(text, "fill", 63));
    assertEquals(5, burnt(text, "fill", 64));
    assertEquals(4 + 1024, burnt(text, "fill", 65_536));
    assertEquals(4 + 16, burnt(text, "copy", 1_024));
    assertEquals(5, burnt(text, "init", 70));
    assertEquals(2 + 3 * 1024, burnt(text, "grow", 3));
    assertEquals(2, burnt(text, "grow", 60_000), "a grow beyond the limit fails at no price");
  }

  @Test
  void endlessLoopsEnd() {
    try (EngineInstance instance =
        instance(engine, "(module (func (export \"f\") (loop (br 0))))")) {
      instance.setFuel(1_000_000);
      fails(ErrorCode.OUT_OF_FUEL, () -> call(instance, "f"));
      assertEquals(0, instance.fuel());
    }
  }

  // Traps

  @ParameterizedTest
  @CsvSource({
    "unreachable, TRAP_UNREACHABLE",
    "divide, TRAP_DIVISION_BY_ZERO",
    "overflow, TRAP_INTEGER_OVERFLOW",
    "convert, TRAP_BAD_CONVERSION",
    "load, TRAP_MEMORY_OUT_OF_BOUNDS",
    "store, TRAP_MEMORY_OUT_OF_BOUNDS",
    "table, TRAP_TABLE_OUT_OF_BOUNDS",
    "null, TRAP_INDIRECT_CALL_NULL",
    "type, TRAP_INDIRECT_CALL_TYPE",
    "recursion, CALL_DEPTH_EXCEEDED",
    "mutual, CALL_DEPTH_EXCEEDED",
  })
  void trapsAreTyped(String function, ErrorCode code) {
    String text =
        """
        (module (memory 1) (table 2 funcref) (elem (i32.const 0) $even)
          (func (export "unreachable") unreachable)
          (func (export "divide") (drop (i32.div_s (i32.const 1) (i32.const 0))))
          (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
          (func (export "convert") (drop (i32.trunc_f64_s (f64.const nan))))
          (func (export "load") (drop (i32.load (i32.const 65533))))
          (func (export "store") (i64.store (i32.const -1) (i64.const 1)))
          (func (export "table") (call_indirect (i32.const 2)))
          (func (export "null") (call_indirect (i32.const 1)))
          (func (export "type") (call_indirect (param i32) (i32.const 1) (i32.const 0)))
          (func $self (export "recursion") (call $self))
          (func $even (export "mutual") (call $odd) nop)
          (func $odd (call $even) nop))
        """;
    try (EngineInstance instance = instance(engine, text)) {
      fails(code, () -> call(instance, function));
      assertTrue(instance.fuel() > 0);
      assertThrows(IllegalStateException.class, () -> call(instance, "load"));
    }
  }

  @Test
  void callDepthIsExactAndComesBack() {
    String text =
        """
        (module
          (func $f (export "f") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
            (br_if 0 (i32.const 7) (i32.eq (local.get 0) (i32.const 1000)))
            (drop)
            (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
          (func $g (export "two") (param i32) (result i32 i64)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 1) (i64.const 2))))
            (call $g (i32.sub (local.get 0) (i32.const 1)))))
        """;
    AdmittedModule module =
        Modules.admit(Modules.wasm(text), SpiritLimits.DEFAULTS.withMaxCallDepth(10));
    try (EngineInstance instance = instance(engine, module, Modules.noHost())) {
      for (int i = 0; i < 50; i++) {
        // The innermost call calls nothing and weighs nothing.
        assertArrayEquals(new long[] {10}, call(instance, "f", 10));
        assertArrayEquals(new long[] {7}, call(instance, "f", 1000));
        assertArrayEquals(new long[] {1, 2}, call(instance, "two", 10));
      }
      fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> call(instance, "f", 11));
    }
  }

  @Test
  void callsInLoopsAndInManyBlocksWeighOnce() {
    String text =
        """
        (module
          (func $f (export "loop") (param i32)
            (local $i i32)
            (if (i32.eqz (local.get 0)) (then (return)))
            (loop
              (call $f (i32.sub (local.get 0) (i32.const 1)))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if 0 (i32.lt_u (local.get $i) (i32.const 2)))))
          (func $g (export "blocks") (param i32)
            (if (i32.eqz (local.get 0)) (then (return)))
            (if (i32.eq (local.get 0) (i32.const 100)) (then (call $g (i32.const 1))))
            (if (i32.eq (local.get 0) (i32.const 200)) (then (call $g (i32.const 1))))
            (call $g (i32.sub (local.get 0) (i32.const 1)))))
        """;
    AdmittedModule module =
        Modules.admit(Modules.wasm(text), SpiritLimits.DEFAULTS.withMaxCallDepth(6));
    for (String function : List.of("loop", "blocks")) {
      try (EngineInstance instance = instance(engine, module, Modules.noHost())) {
        for (int i = 0; i < 20; i++) {
          call(instance, function, 5);
        }
        fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> call(instance, function, 6));
      }
    }
  }

  @Test
  void largeFramesWeighMore() {
    StringBuilder text = new StringBuilder("(module (func $f (export \"f\") (param i32)");
    text.append(" (local i64)".repeat(1_000));
    text.append("(if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))))");
    try (EngineInstance instance = instance(engine, text.toString())) {
      call(instance, "f", 150);
    }
    try (EngineInstance instance = instance(engine, text.toString())) {
      fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> call(instance, "f", 170));
    }
  }

  // Memory

  @Test
  void memoryStaysWithinItsLimit() {
    String text =
        """
        (module (memory (export "memory") 1)
          (func (export "bomb") (result i32)
            (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (memory.size))
          (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))
        """;
    AdmittedModule module =
        Modules.admit(Modules.wasm(text), SpiritLimits.DEFAULTS.withMaxMemoryBytes(20 << 16));
    assertEquals(20, module.memory().orElseThrow().maxPages());
    try (EngineInstance instance = instance(engine, module, Modules.noHost())) {
      assertEquals(1 << 16, instance.memoryBytes());
      assertArrayEquals(new long[] {20}, call(instance, "bomb"));
      assertEquals(20 << 16, instance.memoryBytes());
      instance.writeMemory((20 << 16) - 2, new byte[] {7, 8});
      assertArrayEquals(new long[] {8}, call(instance, "peek", (20 << 16) - 1));
      fails(ErrorCode.LIMIT_INVALID, () -> instance.growMemoryTo(21 << 16));
      fails(ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS, () -> call(instance, "peek", 20 << 16));
    }
  }

  @Test
  void hostAccessIsChecked() {
    try (EngineInstance instance =
        instance(engine, "(module (memory 1) (data (i32.const 3) \"abc\"))")) {
      assertArrayEquals(new byte[] {0, 'a', 'b', 'c', 0}, instance.readMemory(2, 5));
      instance.writeMemory(65_535, new byte[] {1});
      assertThrows(IndexOutOfBoundsException.class, () -> instance.readMemory(65_535, 2));
      assertThrows(IndexOutOfBoundsException.class, () -> instance.readMemory(-1, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> instance.readMemory(0, -1));
      assertThrows(
          IndexOutOfBoundsException.class, () -> instance.writeMemory(-2, new byte[] {1, 2}));
      assertTrue(instance.inMemory(65_535, 1));
      assertFalse(instance.inMemory(-1, 1));
      instance.withMemory(
          memory -> {
            assertEquals(65_536, memory.limit());
            assertEquals(0x00636261, memory.getInt(3));
          });
      instance.growMemoryTo(4 << 16);
      assertEquals(4 << 16, instance.memoryBytes());
      assertArrayEquals(new byte[2], instance.readMemory((4 << 16) - 2, 2));
    }
  }

  // State

  @Test
  void allStateIsReadAndRestored() {
    String text =
        """
        (module (memory 1 10) (data $seg "xyz") (data (i32.const 0) "init")
          (global $a (mut i32) (i32.const -5)) (global i32 (i32.const 9))
          (global $b (mut i64) (i64.const 6)) (global $c (mut f32) (f32.const 1.5))
          (global $d (mut f64) (f64.const 2.5)) (global $v (mut v128) (v128.const i64x2 11 -12))
          (func (export "change")
            (global.set $a (i32.const 100)) (global.set $b (i64.const -200))
            (global.set $c (f32.reinterpret_i32 (i32.const 0x7fa00001)))
            (global.set $d (f64.const -0.0)) (global.set $v (v128.const i64x2 -1 2))
            (drop (memory.grow (i32.const 2))) (i32.store (i32.const 190000) (i32.const 77))
            (data.drop $seg))
          (func (export "sum") (result i64)
            (i64.add (i64.extend_i32_s (global.get $a)) (i64.add (global.get $b)
              (i64.add (i64x2.extract_lane 1 (global.get $v))
                (i64.extend_i32_u (i32.load (i32.const 190000)))))))
          (func (export "init") (memory.init $seg (i32.const 0) (i32.const 0) (i32.const 1)))
          (func (export "emptyInit")
            (memory.init $seg (i32.const 0) (i32.const 0) (i32.const 0))))
        """;
    if (!simd()) {
      text =
          text.replace("(global $v (mut v128) (v128.const i64x2 11 -12))", "")
              .replace("(global.set $v (v128.const i64x2 -1 2))", "")
              .replace("(i64x2.extract_lane 1 (global.get $v))", "(i64.const 2)");
    }
    AdmittedModule module = Modules.admit(text);
    assertFalse(module.mutatesTables());
    try (CompiledModule compiled = engine.compile(module);
        EngineInstance first = compiled.instantiate(Modules.noHost());
        EngineInstance second = compiled.instantiate(Modules.noHost())) {
      first.setFuel(Modules.FUEL);
      second.setFuel(Modules.FUEL);
      long[] initial = {-5, 6, bits(1.5f), bits(2.5), 0};
      long[] changed = {100, -200, 0x7fa00001, bits(-0.0), 1};
      if (simd()) {
        initial = new long[] {-5, 6, bits(1.5f), bits(2.5), 11, -12, 0};
        changed = new long[] {100, -200, 0x7fa00001, bits(-0.0), -1, 2, 1};
      }
      assertArrayEquals(initial, first.readGlobals());
      call(first, "change");
      assertArrayEquals(changed, first.readGlobals());

      call(second, "init");
      second.growMemoryTo(first.memoryBytes());
      second.writeMemory(0, first.readMemory(0, (int) first.memoryBytes()));
      second.writeGlobals(first.readGlobals());
      assertArrayEquals(changed, second.readGlobals());
      assertArrayEquals(call(first, "sum"), call(second, "sum"));
      assertArrayEquals(new long[] {100 - 200 + 2 + 77}, call(second, "sum"));
      call(second, "emptyInit");
      fails(ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS, () -> call(second, "init"));
      assertEquals(0, first.readTables().length);
      assertThrows(IllegalArgumentException.class, () -> first.writeGlobals(new long[1]));
    }
  }

  private static final String TABLES =
      """
      (module
        (import "test" "add" (func $host (param i32 i32) (result i32)))
        (type $op (func (param i32 i32) (result i32)))
        (table $t 4 20 funcref) (table $u 2 funcref)
        (elem (table $t) (i32.const 1) func $plus $minus)
        (elem $late func $times $host)
        (elem declare func $other)
        (global $g (mut funcref) (ref.func $plus)) (global $n (mut funcref) (ref.null func))
        (func $plus (type $op) (i32.add (local.get 0) (local.get 1)))
        (func $minus (type $op) (i32.sub (local.get 0) (local.get 1)))
        (func $times (type $op) (i32.mul (local.get 0) (local.get 1)))
        (func $other (result i32) (i32.const 42))
        (func (export "call") (param i32 i32 i32) (result i32)
          (call_indirect $t (type $op) (local.get 1) (local.get 2) (local.get 0)))
        (func (export "callOther") (param i32) (result i32)
          (call_indirect $t (result i32) (local.get 0)))
        (func (export "set") (param i32) (table.set $t (local.get 0) (ref.func $other)))
        (func (export "late") (table.init $t $late (i32.const 2) (i32.const 0) (i32.const 2)))
        (func (export "drop") (elem.drop $late))
        (func (export "grow") (param i32) (result i32)
          (table.grow $t (ref.func $times) (local.get 0)))
        (func (export "copy") (table.copy $u $t (i32.const 0) (i32.const 1) (i32.const 2)))
        (func (export "fill") (table.fill $t (i32.const 0) (ref.null func) (i32.const 4)))
        (func (export "size") (result i32) (table.size $t))
        (func (export "isNull") (param i32) (result i32)
          (local $r funcref)
          (local.set $r (block (result funcref) (table.get $t (local.get 0))))
          (ref.is_null (select (result funcref) (local.get $r) (ref.null func) (i32.const 1))))
        (func (export "swap")
          (global.set $n (global.get $g)) (global.set $g (table.get $t (i32.const 2))))
        (func (export "viaGlobal") (param i32 i32) (result i32)
          (table.set $t (i32.const 0) (global.get $g))
          (call_indirect $t (type $op) (local.get 0) (local.get 1) (i32.const 0))))
      """;

  @Test
  void tablesAreReadAndRestored() {
    AdmittedModule module = Modules.admit(TABLES);
    assertTrue(module.mutatesTables());
    try (CompiledModule compiled = engine.compile(module);
        EngineInstance first =
            compiled.instantiate(i -> (guest, arguments) -> arguments[0] * 1000 + arguments[1]);
        EngineInstance second =
            compiled.instantiate(i -> (guest, arguments) -> arguments[0] * 1000 + arguments[1])) {
      first.setFuel(Modules.FUEL);
      second.setFuel(Modules.FUEL);
      assertArrayEquals(new int[][] {{-1, 1, 2, -1}, {-1, -1}, {1}, {-1}}, first.readTables());
      assertArrayEquals(new long[] {7}, call(first, "call", 1, 4, 3));
      assertArrayEquals(new long[] {1}, call(first, "isNull", 0));
      assertArrayEquals(new long[] {0}, call(first, "isNull", 1));
      call(first, "late");
      call(first, "set", 1);
      call(first, "drop");
      call(first, "copy");
      call(first, "swap");
      assertArrayEquals(new long[] {4}, call(first, "grow", 3));
      assertArrayEquals(new long[] {-1}, call(first, "grow", 100));
      int[][] expected = {{-1, 4, 3, 0, 3, 3, 3}, {4, 3}, {3}, {1}};
      assertArrayEquals(expected, first.readTables());

      second.writeGlobals(first.readGlobals());
      second.writeTables(first.readTables());
      assertArrayEquals(expected, second.readTables());
      assertArrayEquals(new long[] {42}, call(second, "callOther", 1));
      assertArrayEquals(new long[] {12}, call(second, "call", 2, 4, 3));
      assertArrayEquals(new long[] {4003}, call(second, "call", 3, 4, 3));
      assertArrayEquals(new long[] {20}, call(second, "viaGlobal", 4, 5));
      assertArrayEquals(new long[] {7}, call(second, "size"));
      call(second, "fill");
      assertEquals(-1, second.readTables()[0][2]);
      assertThrows(
          IllegalArgumentException.class,
          () -> second.writeTables(new int[][] {{1}, {1, 1}, {1}, {1}}));
      fails(ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS, () -> call(second, "late"));
      fails(ErrorCode.TRAP_INDIRECT_CALL_TYPE, () -> call(first, "call", 1, 0, 0));
    }
  }

  @Test
  void longTablesAreMovedInChunks() {
    String text =
        """
        (module (table $t 20000 funcref) (func $f) (elem declare func $f)
          (func (export "set") (param i32) (table.set $t (local.get 0) (ref.func $f))))
        """;
    try (EngineInstance first = instance(engine, text);
        EngineInstance second = instance(engine, text)) {
      call(first, "set", 0);
      call(first, "set", 8_000);
      call(first, "set", 19_999);
      int[][] rows = first.readTables();
      int[] row = new int[20_000];
      Arrays.fill(row, -1);
      row[0] = row[8_000] = row[19_999] = 0;
      assertArrayEquals(row, rows[0]);
      second.writeTables(rows);
      assertArrayEquals(row, second.readTables()[0]);
    }
  }

  @Test
  void thousandsOfGlobalsAreMoved() {
    StringBuilder text = new StringBuilder("(module ");
    for (int i = 0; i < 9_000; i++) {
      text.append("(global (mut i32) (i32.const ").append(i).append("))");
    }
    try (EngineInstance instance = instance(engine, text.append(")").toString())) {
      long[] globals = instance.readGlobals();
      assertEquals(9_000, globals.length);
      for (int i = 0; i < globals.length; i++) {
        assertEquals(i, globals[i]);
        globals[i] = -i;
      }
      instance.writeGlobals(globals);
      assertArrayEquals(globals, instance.readGlobals());
    }
  }

  @Test
  void startRunsOnlyWhenAsked() {
    String text =
        "(module (import \"test\" \"nothing\" (func $h)) (global $g (mut i32) (i32.const 0))"
            + " (func $s (global.set $g (i32.const 1)) (call $h)) (start $s)"
            + " (func (export \"_initialize\") unreachable))";
    AdmittedModule module = Modules.admit(text);
    assertTrue(module.hasStart());
    int[] calls = {0};
    try (EngineInstance instance =
        instance(engine, module, i -> (guest, arguments) -> ++calls[0])) {
      assertArrayEquals(new long[] {0}, instance.readGlobals());
      assertEquals(0, calls[0]);
      instance.callStart(in(10));
      assertArrayEquals(new long[] {1}, instance.readGlobals());
      assertEquals(1, calls[0]);
      assertEquals(Modules.FUEL - 103, instance.fuel());
    }
    try (EngineInstance instance = instance(engine, "(module)")) {
      instance.callStart(in(10));
    }
  }

  @Test
  void segmentsThatDoNotFitAreRefused() {
    CompiledModule memory =
        engine.compile(Modules.admit("(module (memory 1) (data (i32.const 65535) \"ab\"))"));
    fails(ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS, () -> memory.instantiate(Modules.noHost()));
    CompiledModule table =
        engine.compile(
            Modules.admit("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))"));
    fails(ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS, () -> table.instantiate(Modules.noHost()));
    assertEquals(0, engine.liveInstances());
  }

  // The host

  private static final String HOST =
      """
      (module
        (import "test" "mix" (func $mix (param i32 i64 f32 f64) (result f64)))
        (import "test" "add" (func $add (param i32 i32) (result i32)))
        (import "test" "call" (func $call (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "mix") (param i32 i64 f32 f64) (result f64)
          (call $mix (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
        (func (export "add") (param i32 i32) (result i32)
          (call $add (local.get 0) (local.get 1)))
        (func (export "alloc") (param i32) (result i32)
          (i32.shl (memory.grow (local.get 0)) (i32.const 16)))
        (func (export "call") (param i32) (result i32)
          (i32.load8_u (call $call (local.get 0))))
        (func (export "fail") unreachable)
        (func (export "spin") (loop (br 0))))
      """;

  private EngineInstance host(HostFunction function) {
    return instance(engine, Modules.admit(HOST), i -> function);
  }

  @Test
  void argumentsReachTheHost() {
    long[][] seen = new long[1][];
    try (EngineInstance instance =
        host(
            (guest, arguments) -> {
              seen[0] = arguments;
              return bits(3.25);
            })) {
      long[] sent = {-1, Long.MIN_VALUE, 0x7f800001, 0x7ff0_0000_0000_0001L};
      assertArrayEquals(new long[] {bits(3.25)}, call(instance, "mix", sent));
      assertArrayEquals(sent, seen[0]);
    }
  }

  @Test
  void theHostCallsBackIntoTheGuest() {
    try (EngineInstance instance =
        host(
            (guest, arguments) -> {
              long before = guest.fuel();
              int address = (int) guest.call("alloc", in(10), arguments[0])[0];
              assertTrue(guest.fuel() < before);
              assertEquals(address + (arguments[0] << 16), guest.memoryBytes());
              guest.writeMemory(address, new byte[] {99});
              guest.setFuel(guest.fuel() - 5_000);
              return address;
            })) {
      assertArrayEquals(new long[] {99}, call(instance, "call", 3));
      assertArrayEquals(new long[] {99}, call(instance, "call", 2));
      long burnt = Modules.FUEL - instance.fuel();
      assertEquals(2 * (3 + 100 + 4 + 5_000) + 5 * 1_024, burnt);
    }
  }

  @Test
  void exceptionsOfTheHostKeepTheirIdentity() {
    for (RuntimeException thrown :
        List.of(new IllegalArgumentException("mine"), new ArithmeticException())) {
      try (EngineInstance instance =
          host(
              (guest, arguments) -> {
                throw thrown;
              })) {
        assertSame(thrown, assertThrows(RuntimeException.class, () -> call(instance, "add", 1, 2)));
        assertThrows(IllegalStateException.class, () -> call(instance, "alloc", 1));
      }
    }
    Error error = new AssertionError("mine");
    try (EngineInstance instance =
        host(
            (guest, arguments) -> {
              throw error;
            })) {
      assertSame(error, assertThrows(Error.class, () -> call(instance, "add", 1, 2)));
    }
  }

  @Test
  void failuresOfNestedCallsPass() {
    try (EngineInstance instance = host((guest, arguments) -> guest.call("fail", in(10)).length)) {
      fails(ErrorCode.TRAP_UNREACHABLE, () -> call(instance, "add", 1, 2));
    }
    try (EngineInstance instance =
        host(
            (guest, arguments) -> {
              assertThrows(RuntimeException.class, () -> guest.call("fail", in(10)));
              return 1;
            })) {
      assertThrows(IllegalStateException.class, () -> call(instance, "add", 1, 2));
    }
    try (EngineInstance instance =
        host((guest, arguments) -> guest.call("add", in(10), arguments)[0])) {
      fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> call(instance, "add", 1, 2));
    }
  }

  @Test
  void recursionInTheHostIsATypedError() {
    try (EngineInstance instance = host((guest, arguments) -> endless(arguments[0]))) {
      fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> call(instance, "add", 1, 2));
    }
  }

  private static long endless(long depth) {
    return depth < 0 ? depth : 1 + endless(depth + 1);
  }

  @Test
  void aHostThatClosesItsGuestDoesNoHarm() {
    EngineInstance[] self = new EngineInstance[1];
    self[0] =
        host(
            (guest, arguments) -> {
              self[0].close();
              return 5;
            });
    assertArrayEquals(new long[] {5}, call(self[0], "add", 1, 2));
    assertThrows(IllegalStateException.class, () -> call(self[0], "add", 1, 2));
  }

  // Time

  @Test
  void theWallClockStopsAGuest() {
    try (EngineInstance instance = instance(engine, HOST)) {
      instance.setFuel(Long.MAX_VALUE / 4);
      long start = System.nanoTime();
      fails(
          ErrorCode.TURN_TIMEOUT,
          () -> instance.call("spin", start + TimeUnit.MILLISECONDS.toNanos(200)));
      long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      assertTrue(took >= 200 && took < 5_000, "took " + took + " ms");
      assertTrue(instance.fuel() > 0);
      assertEquals(1 << 16, instance.memoryBytes());
      assertEquals(0, instance.readGlobals().length);
    }
    try (EngineInstance instance = instance(engine, HOST)) {
      fails(ErrorCode.TURN_TIMEOUT, () -> instance.call("alloc", System.nanoTime() - 1, 1));
    }
    try (EngineInstance instance =
        host(
            (guest, arguments) ->
                guest.call("spin", System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(50)).length)) {
      instance.setFuel(Long.MAX_VALUE / 4);
      fails(ErrorCode.TURN_TIMEOUT, () -> call(instance, "add", 1, 2));
    }
  }

  // Life

  @Test
  void closedInstancesThrow() {
    EngineInstance instance = instance(engine, HOST);
    instance.close();
    instance.close();
    for (Runnable use :
        List.<Runnable>of(
            () -> call(instance, "alloc", 1),
            () -> instance.call("spin", 0),
            instance::fuel,
            () -> instance.setFuel(1),
            instance::memoryBytes,
            () -> instance.readMemory(0, 1),
            () -> instance.writeMemory(0, new byte[1]),
            () -> instance.withMemory(memory -> {}),
            () -> instance.growMemoryTo(1 << 20),
            instance::readGlobals,
            () -> instance.writeGlobals(new long[0]),
            instance::readTables,
            () -> instance.writeTables(new int[0][]))) {
      assertThrows(IllegalStateException.class, use::run);
    }
  }

  @Test
  void closingARunningInstanceWaitsForItsCall() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    EngineInstance instance =
        host(
            (guest, arguments) -> {
              inside.countDown();
              try {
                assertTrue(go.await(10, TimeUnit.SECONDS));
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return arguments[0] + arguments[1];
            });
    long[][] result = new long[1][];
    Thread caller = new GuestThread(() -> result[0] = call(instance, "add", 1, 2), "caller");
    caller.start();
    assertTrue(inside.await(10, TimeUnit.SECONDS));
    assertThrows(IllegalStateException.class, instance::memoryBytes);
    instance.close();
    go.countDown();
    caller.join();
    assertArrayEquals(new long[] {3}, result[0]);
    assertThrows(IllegalStateException.class, instance::memoryBytes);
  }

  @Test
  void closedModulesAndEnginesThrow() {
    Engine other = engine(OptionalInt.empty());
    CompiledModule compiled = other.compile(Modules.admit(HOST));
    EngineInstance instance = compiled.instantiate(Modules.noHost());
    instance.setFuel(Modules.FUEL);
    compiled.close();
    compiled.close();
    assertThrows(IllegalStateException.class, () -> compiled.instantiate(Modules.noHost()));
    assertArrayEquals(new long[] {1 << 16}, call(instance, "alloc", 1));
    other.close();
    assertThrows(IllegalStateException.class, () -> other.compile(Modules.admit(HOST)));
    assertThrows(IllegalStateException.class, () -> call(instance, "alloc", 1));
    instance.close();
  }

  @Test
  void residencyIsBounded() {
    assertTrue(engine.maxInstances() > 100, "only " + engine.maxInstances());
    try (Engine small = engine(OptionalInt.of(300));
        CompiledModule compiled = small.compile(Modules.admit(HOST))) {
      List<EngineInstance> instances = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        instances.add(compiled.instantiate(Modules.noHost()));
      }
      assertEquals(300, small.liveInstances());
      fails(ErrorCode.RESIDENCY_LIMIT, () -> compiled.instantiate(Modules.noHost()));
      instances.remove(0).close();
      instances.add(compiled.instantiate(Modules.noHost()));
      for (EngineInstance instance : instances) {
        instance.setFuel(Modules.FUEL);
        assertArrayEquals(new long[] {1 << 16}, call(instance, "alloc", 1));
        instance.close();
      }
      assertEquals(0, small.liveInstances());
    }
  }

  /** Sums that overflow, ranges that are empty, and tables of different sizes. */
  @Test
  void rangesOfTablesAreCheckedWherePlainSumsOverflow() {
    String text =
        """
        (module (table $a 3 funcref) (table $b 20 funcref) (type $f (func (result i32)))
          (elem $e func $one $one)
          (func $one (export "one") (type $f) (i32.const 1))
          (func (export "fill") (param i32 i32)
            (table.fill $a (local.get 0) (ref.func $one) (local.get 1)))
          (func (export "init") (param i32 i32 i32)
            (table.init $a $e (local.get 0) (local.get 1) (local.get 2)))
          (func (export "copy") (param i32 i32 i32)
            (table.copy $b $a (local.get 0) (local.get 1) (local.get 2)))
          (func (export "call") (param i32) (result i32)
            (call_indirect $b (type $f) (local.get 0))))
        """;
    AdmittedModule module = Modules.admit(text);
    try (CompiledModule compiled = engine.compile(module)) {
      long[][] bad = {
        {0x7fff_ffffL, 1}, {0xffff_ffffL, 1}, {0x8000_0000L, 0}, {4, 0}, {3, 1}, {0xffff_fffeL, 3}
      };
      for (long[] range : bad) {
        trapsOnTable(compiled, "fill", range);
        trapsOnTable(compiled, "init", range[0], 0, range[1]);
        trapsOnTable(compiled, "init", 0, range[0], range[1]);
        trapsOnTable(compiled, "copy", 0, range[0], range[1]);
        if (range[0] > 20) {
          trapsOnTable(compiled, "copy", range[0], 0, range[1]);
        }
      }
      try (EngineInstance instance = compiled.instantiate(Modules.noHost())) {
        instance.setFuel(Modules.FUEL);
        call(instance, "init", 0, 0, 2);
        call(instance, "init", 3, 2, 0);
        call(instance, "fill", 3, 0);
        call(instance, "copy", 18, 0, 2);
        assertArrayEquals(new long[] {1}, call(instance, "call", 19));
      }
    }
  }

  private static void trapsOnTable(CompiledModule compiled, String name, long... arguments) {
    try (EngineInstance instance = compiled.instantiate(Modules.noHost())) {
      instance.setFuel(Modules.FUEL);
      fails(ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS, () -> call(instance, name, arguments));
    }
  }

  /** So many that they are applied by several functions. */
  @Test
  void thousandsOfSegmentsAreAppliedInTheirOrder() {
    StringBuilder text = new StringBuilder("(module (memory (export \"memory\") 1)");
    for (int i = 0; i < 3_000; i++) {
      text.append("(data (i32.const ")
          .append(i % 1_000)
          .append(") \"")
          .append((char) ('a' + i / 1_000))
          .append("\")");
    }
    try (EngineInstance instance = instance(engine, text.append(")").toString())) {
      assertArrayEquals(new byte[] {'c', 'c'}, instance.readMemory(0, 2));
      assertArrayEquals(new byte[] {'c', 0}, instance.readMemory(999, 2));
    }
  }
}
