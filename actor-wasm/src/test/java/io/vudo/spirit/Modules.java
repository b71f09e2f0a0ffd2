package io.vudo.spirit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.function.Executable;

/** Short ways to admit and run WebAssembly text in tests. */
final class Modules {
  static final long FUEL = 1_000_000_000L;

  /** The host functions that test modules may import. */
  static final Map<String, FunctionType> HOST =
      Map.of(
          "test.nothing",
          new FunctionType(List.of(), List.of()),
          "test.add",
          new FunctionType(List.of(ValueType.I32, ValueType.I32), List.of(ValueType.I32)),
          "test.mix",
          new FunctionType(
              List.of(ValueType.I32, ValueType.I64, ValueType.F32, ValueType.F64),
              List.of(ValueType.F64)),
          "test.f32",
          new FunctionType(List.of(ValueType.F32), List.of(ValueType.F32)),
          "test.call",
          new FunctionType(List.of(ValueType.I32), List.of(ValueType.I32)));

  private Modules() {}

  static byte[] wasm(String text) {
    return Wat2Wasm.parse(text);
  }

  /** A module of the benchmarks. */
  static byte[] resource(String name) {
    try (InputStream in =
        Objects.requireNonNull(Modules.class.getResourceAsStream("/benchmark/" + name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static AdmittedModule admit(byte[] module, SpiritLimits limits) {
    return new Admission()
        .admit(module, limits, (from, name) -> Optional.ofNullable(HOST.get(from + "." + name)));
  }

  static AdmittedModule admit(String text) {
    return admit(wasm(text), SpiritLimits.DEFAULTS);
  }

  static Function<AdmittedModule.Import, HostFunction> noHost() {
    return i -> (guest, arguments) -> 0;
  }

  static EngineInstance instance(
      Engine engine, AdmittedModule module, Function<AdmittedModule.Import, HostFunction> host) {
    EngineInstance instance = engine.compile(module).instantiate(host);
    instance.setFuel(FUEL);
    return instance;
  }

  static EngineInstance instance(Engine engine, String text) {
    return instance(engine, admit(text), noHost());
  }

  static long in(long seconds) {
    return System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
  }

  static long[] call(EngineInstance instance, String name, long... arguments) {
    return instance.call(name, in(60), arguments);
  }

  static VudoException fails(ErrorCode code, Executable task) {
    VudoException failure = assertThrows(VudoException.class, task);
    assertEquals(code, failure.code(), failure.getMessage());
    return failure;
  }
}
