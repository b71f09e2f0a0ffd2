package io.vudo.spirit;

import static io.vudo.spirit.Modules.call;
import static io.vudo.spirit.Modules.fails;
import static io.vudo.spirit.Modules.instance;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class WasmtimeEngineTest extends EngineContract {
  @Override
  Engine engine(OptionalInt maxInstances) {
    return new WasmtimeEngine(
        new WasmtimeEngine.Options(Optional.empty(), maxInstances, Duration.ofSeconds(60)));
  }

  @Override
  boolean simd() {
    return true;
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void theLibraryLeavesNoCopyInTheTemporaryDirectory() throws IOException {
    List<String> libraries;
    try (Stream<String> mappings = Files.lines(Path.of("/proc/self/maps"))) {
      libraries = mappings.filter(mapping -> mapping.contains("libwasmtime_jni_")).toList();
    }
    assertFalse(libraries.isEmpty(), "it is loaded");
    for (String library : libraries) {
      assertTrue(library.endsWith(" (deleted)"), library);
    }
  }

  @Test
  void vectorsCrossAsTwoHalves() {
    String text =
        """
        (module
          (global (mut v128) (v128.const i64x2 5 6)) (global (mut i32) (i32.const 7))
          (func (export "mix") (param i32 v128 f32 v128) (result v128 f32 v128 i32)
            (i64x2.add (local.get 1) (local.get 3)) (local.get 2) (local.get 1) (local.get 0)))
        """;
    long half = Float.floatToRawIntBits(1.5f);
    try (EngineInstance instance = instance(engine, text)) {
      assertArrayEquals(
          new long[] {11, -2, half, 1, Long.MIN_VALUE, -9},
          call(instance, "mix", -9, 1, Long.MIN_VALUE, half, 10, Long.MAX_VALUE - 1));
      fails(ErrorCode.ARGUMENT_INVALID, () -> call(instance, "mix", -9, 1, half, 10));
      assertArrayEquals(new long[] {5, 6, 7}, instance.readGlobals());
    }
  }
}
