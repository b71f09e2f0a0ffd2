package io.vudo.spirit;

import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

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
}
