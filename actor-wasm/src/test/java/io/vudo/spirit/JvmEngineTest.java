package io.vudo.spirit;

import static io.vudo.spirit.Modules.call;
import static io.vudo.spirit.Modules.fails;
import static io.vudo.spirit.Modules.instance;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.jvm.JvmEngine;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JvmEngineTest extends EngineContract {
  private static JvmEngine.Options options(
      Optional<Path> cache, OptionalInt instances, OptionalLong heap) {
    return new JvmEngine.Options(cache, instances, heap, 16 << 20, Duration.ofSeconds(60));
  }

  @Override
  Engine engine(OptionalInt maxInstances) {
    return new JvmEngine(options(Optional.empty(), maxInstances, OptionalLong.empty()));
  }

  @Override
  boolean simd() {
    return false;
  }

  @Test
  void vectorsAreRefused() {
    for (String text :
        List.of(
            "(module (func (export \"f\") (local v128)))",
            "(module (global (mut v128) (v128.const i64x2 0 0)))",
            "(module (func (param v128)))",
            "(module (func (drop (v128.const i64x2 0 0))))")) {
      fails(ErrorCode.MODULE_UNSUPPORTED, () -> engine.compile(Modules.admit(text)));
    }
  }

  /** A function that is as long as it must be to be too long for a method. */
  private static String tooLong(int instructions) {
    return "(module (func (export \"short\") (result i32) (i32.const 7))"
        + " (func (export \"long\") (param i32) (result i32)"
        + " (local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 1)) (i32.const 3)))"
            .repeat(instructions)
        + " (call 0) (i32.add (local.get 0))))";
  }

  @Test
  void aFunctionThatIsTooLongIsInterpreted() {
    String text = tooLong(20_000);
    try (CompiledModule compiled = engine.compile(Modules.admit(text));
        Engine other = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
        EngineInstance wasmtime = instance(other, text)) {
      assertEquals(List.of(1), compiled.interpretedFunctions());
      try (EngineInstance instance = compiled.instantiate(Modules.noHost())) {
        instance.setFuel(Modules.FUEL);
        assertArrayEquals(call(wasmtime, "long", 5), call(instance, "long", 5));
        assertArrayEquals(new long[] {7}, call(instance, "short"));
        call(wasmtime, "short");
        assertEquals(wasmtime.fuel(), instance.fuel());
      }
    }
  }

  @Test
  void classesAreKeptOnDisk(@TempDir Path directory) throws IOException {
    JvmEngine.Options options =
        options(Optional.of(directory), OptionalInt.empty(), OptionalLong.empty());
    AdmittedModule module = Modules.admit(tooLong(20_000));
    try (Engine first = new JvmEngine(options)) {
      first.compile(module).close();
    }
    Path file = onlyFile(directory);
    FileTime marked = FileTime.fromMillis(1_000);
    Files.setLastModifiedTime(file, marked);
    try (Engine second = new JvmEngine(options);
        CompiledModule compiled = second.compile(module);
        EngineInstance instance = compiled.instantiate(Modules.noHost())) {
      instance.setFuel(Modules.FUEL);
      assertArrayEquals(new long[] {7}, call(instance, "short"));
      assertEquals(List.of(1), compiled.interpretedFunctions());
    }
    assertEquals(marked, Files.getLastModifiedTime(file), "it was compiled again");

    byte[] damaged = Files.readAllBytes(file);
    damaged[damaged.length / 2] ^= 1;
    Files.write(file, damaged);
    Files.setLastModifiedTime(file, marked);
    try (Engine third = new JvmEngine(options);
        EngineInstance instance = instance(third, module, Modules.noHost())) {
      assertArrayEquals(new long[] {7}, call(instance, "short"));
    }
    assertNotEquals(marked, Files.getLastModifiedTime(file), "a damaged file was kept");
  }

  @Test
  void aModuleThatIsTooLargeToCompileIsRefused() {
    JvmEngine.Options small =
        new JvmEngine.Options(
            Optional.empty(),
            OptionalInt.empty(),
            OptionalLong.empty(),
            2_000,
            Duration.ofSeconds(60));
    try (Engine engine = new JvmEngine(small)) {
      engine.compile(Modules.admit(tooLong(10))).close();
      VudoException refusal =
          fails(
              ErrorCode.MODULE_LIMIT_EXCEEDED, () -> engine.compile(Modules.admit(tooLong(1_000))));
      assertTrue(refusal.detail().contains("vudo.engine.jvm.max-module-bytes"), refusal::detail);
    }
  }

  /** The library's own comparison is what HotSpot may miscompile. */
  @Test
  void unsignedComparisonsAreOurOwn(@TempDir Path directory) throws IOException {
    StringBuilder text = new StringBuilder("(module ");
    List<String> operations = List.of("lt_u", "le_u", "gt_u", "ge_u");
    for (String operation : operations) {
      text.append("(func (export \"" + operation + "\") (param i32 i32) (result i32)");
      text.append("(i32." + operation + " (local.get 0) (local.get 1)))");
    }
    AdmittedModule module = Modules.admit(text.append(")").toString());
    JvmEngine.Options options =
        options(Optional.of(directory), OptionalInt.empty(), OptionalLong.empty());
    int[] values = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 7, -7};
    try (Engine other = new JvmEngine(options);
        EngineInstance instance = instance(other, module, Modules.noHost())) {
      for (int a : values) {
        for (int b : values) {
          int order = Integer.compareUnsigned(a, b);
          boolean[] expected = {order < 0, order <= 0, order > 0, order >= 0};
          for (int i = 0; i < expected.length; i++) {
            assertArrayEquals(
                new long[] {expected[i] ? 1 : 0}, call(instance, operations.get(i), a, b));
          }
        }
      }
    }
    String classes = Files.readString(onlyFile(directory), StandardCharsets.ISO_8859_1);
    for (String own : List.of("lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual")) {
      assertTrue(classes.contains(own), own);
    }
  }

  private static Path onlyFile(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all::toString);
      return all.get(0);
    }
  }

  @Test
  void guestsShareABudgetOfTheHeap() {
    long pages = 40;
    OptionalLong budget = OptionalLong.of(pages << 16);
    String text =
        "(module (memory 4 1000) (func (export \"grow\") (param i32) (result i32)"
            + " (memory.grow (local.get 0))))";
    try (JvmEngine small = new JvmEngine(options(Optional.empty(), OptionalInt.empty(), budget));
        CompiledModule compiled = small.compile(Modules.admit(text))) {
      List<EngineInstance> instances = new ArrayList<>();
      fails(
          ErrorCode.RESIDENCY_LIMIT,
          () -> {
            while (true) {
              instances.add(compiled.instantiate(Modules.noHost()));
            }
          });
      assertTrue(instances.size() > 5 && instances.size() <= 10, "" + instances.size());
      instances.get(0).setFuel(Modules.FUEL);
      fails(ErrorCode.RESIDENCY_LIMIT, () -> call(instances.get(0), "grow", 10));
      instances.remove(0).close();
      instances.remove(0).close();
      instances.remove(0).close();
      instances.get(0).setFuel(Modules.FUEL);
      assertArrayEquals(new long[] {4}, call(instances.get(0), "grow", 6));
      fails(ErrorCode.RESIDENCY_LIMIT, () -> instances.get(0).growMemoryTo(100L << 16));
      instances.forEach(EngineInstance::close);
      assertEquals(0, small.liveInstances());
      try (EngineInstance last = compiled.instantiate(Modules.noHost())) {
        last.growMemoryTo(30L << 16);
      }
    }
  }

  @Test
  void tablesOfOneInstanceDoNotReachAnother() {
    String text =
        "(module (table 2 funcref) (func $f) (elem declare func $f)"
            + " (func (export \"grow\") (result i32) (table.grow (ref.func $f) (i32.const 5)))"
            + " (func (export \"size\") (result i32) (table.size)))";
    try (CompiledModule compiled = engine.compile(Modules.admit(text))) {
      for (int i = 0; i < 3; i++) {
        try (EngineInstance instance = compiled.instantiate(Modules.noHost())) {
          instance.setFuel(Modules.FUEL);
          assertArrayEquals(new long[] {2}, call(instance, "grow"));
          assertArrayEquals(new long[] {7}, call(instance, "size"));
        }
      }
    }
  }

  /** As many arguments as take more slots than a method can have, passed on indirectly. */
  @Test
  void whatDoesNotVerifyIsInterpreted() {
    String text =
        "(module (table 1 funcref) (elem (i32.const 0) $f) (type $t (func"
            + " (param i64)".repeat(200)
            + " (result i64))) (func $f (type $t) (i64.add (local.get 0) (local.get 199)))"
            + " (func (export \"f\") (result i64)"
            + " (i64.const 21)".repeat(200)
            + " (call_indirect (type $t) (i32.const 0))))";
    try (CompiledModule compiled = engine.compile(Modules.admit(text));
        EngineInstance instance = compiled.instantiate(Modules.noHost())) {
      instance.setFuel(Modules.FUEL);
      assertArrayEquals(new long[] {42}, call(instance, "f"));
    }
  }

  /** Later writers of classes give up on it; interpreters written in C have such functions. */
  @Test
  void manyLocalsAtManyPlacesAreCompiled() {
    String text =
        "(module (func (export \"f\") (result i64)"
            + " (local i64)".repeat(1_000)
            + " (i64.const 0) (drop)"
            + " (if (i32.eqz (i64.eqz (local.get 7))) (then (return (i64.const 1))))".repeat(1_000)
            + " (i64.const 5)) (func (export \"g\") (result i64) (i64.const 6)))";
    try (CompiledModule compiled = engine.compile(Modules.admit(text));
        EngineInstance instance = compiled.instantiate(Modules.noHost())) {
      assertEquals(List.of(), compiled.interpretedFunctions());
      instance.setFuel(Modules.FUEL);
      assertArrayEquals(new long[] {5}, call(instance, "f"));
      assertArrayEquals(new long[] {6}, call(instance, "g"));
    }
  }

  /** Nine billion locals in the frames of one function would keep a compiler busy for a minute. */
  @Test
  void whatWouldTakeTooLongToCompileIsInterpreted() {
    String text =
        "(module (func (export \"f\") (param i32) (result i64) (local"
            + " i64".repeat(20_000)
            + ") "
            + ("(block (br_table" + " 0".repeat(40_000) + " (local.get 0)))").repeat(12)
            + " (i64.const 5)) (func (export \"g\") (result i64) (i64.const 6)))";
    try (CompiledModule compiled = engine.compile(Modules.admit(text));
        EngineInstance instance = compiled.instantiate(Modules.noHost())) {
      assertEquals(List.of(0), compiled.interpretedFunctions());
      instance.setFuel(Modules.FUEL);
      assertArrayEquals(new long[] {5}, call(instance, "f", 1));
      assertArrayEquals(new long[] {6}, call(instance, "g"));
    }
  }

  /** The counter ends it, not the stack, also in functions that are interpreted. */
  @Test
  void theDeepestCallFitsTheStack() {
    SpiritLimits limits = SpiritLimits.DEFAULTS.withMaxCallDepth(50_000);
    String ballast = "(if (i32.const 0) (then" + " (drop (i32.const 5))".repeat(40_000) + "))";
    for (String body : List.of(ballast + "(call 0)", "(call 0)", "(call_indirect (i32.const 0))")) {
      byte[] module =
          Modules.wasm(
              "(module (table 1 funcref) (elem (i32.const 0) 0) (func (export \"f\") "
                  + body
                  + "))");
      try (CompiledModule compiled = engine.compile(Modules.admit(module, limits));
          EngineInstance instance = compiled.instantiate(Modules.noHost())) {
        assertEquals(body.startsWith(ballast), !compiled.interpretedFunctions().isEmpty());
        instance.setFuel(100 * Modules.FUEL);
        VudoException end = fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> call(instance, "f"));
        assertEquals("", end.detail());
      }
    }
  }
}
