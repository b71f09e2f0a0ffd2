package io.vudo.spirit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ModuleCacheTest {
  private static final String TEXT = "(module (func (export \"f\") (result i32) (i32.const 7)))";

  @Test
  void compilesOnceForAll() throws Exception {
    AdmittedModule module = Modules.admit(TEXT);
    AtomicInteger admissions = new AtomicInteger();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try (Engine engine = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
        ModuleCache cache = new ModuleCache()) {
      List<CompletableFuture<CompiledModule>> results = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        results.add(
            CompletableFuture.supplyAsync(
                () ->
                    cache.get(
                        module.digest(),
                        SpiritLimits.DEFAULTS,
                        engine,
                        () -> {
                          admissions.incrementAndGet();
                          return module;
                        }),
                threads));
      }
      CompiledModule first = results.get(0).get();
      for (CompletableFuture<CompiledModule> result : results) {
        assertSame(first, result.get());
      }
      assertEquals(1, admissions.get());
      assertSame(
          first,
          cache.get(
              module.digest(), SpiritLimits.DEFAULTS.withFuelPerTurn(5), engine, () -> module));
      assertNotSame(
          first,
          cache.get(
              module.digest(), SpiritLimits.DEFAULTS.withMaxCallDepth(5), engine, () -> module));
      assertEquals(2, cache.size());
      cache.evict(module.digest());
      assertEquals(0, cache.size());
      assertThrows(IllegalStateException.class, () -> first.instantiate(Modules.noHost()));
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void failuresAreForgotten() {
    AdmittedModule module = Modules.admit(TEXT);
    try (Engine engine = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
        ModuleCache cache = new ModuleCache()) {
      VudoException failure = new VudoException(ErrorCode.MODULE_UNSUPPORTED, "");
      assertSame(
          failure,
          assertThrows(
              VudoException.class,
              () ->
                  cache.get(
                      module.digest(),
                      SpiritLimits.DEFAULTS,
                      engine,
                      () -> {
                        throw failure;
                      })));
      assertEquals(0, cache.size());
      cache.get(module.digest(), SpiritLimits.DEFAULTS, engine, () -> module);
      assertEquals(1, cache.size());
    }
  }

  @Test
  void compiledCodeIsKeptOnDisk() throws IOException {
    // Wasmtime goes on writing to its cache when the engine is closed, too late for a directory
    // that
    // is deleted after the test.
    Path directory = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "cache");
    Path cache = directory.resolve("compiled \"code\"");
    for (int i = 0; i < 2; i++) {
      try (Engine engine =
              new WasmtimeEngine(
                  new WasmtimeEngine.Options(
                      Optional.of(cache), OptionalInt.empty(), Duration.ofSeconds(60)));
          EngineInstance instance = Modules.instance(engine, TEXT)) {
        assertArrayEquals(new long[] {7}, Modules.call(instance, "f"));
      }
      await()
          .ignoreException(UncheckedIOException.class)
          .until(
              () -> {
                try (Stream<Path> files = Files.walk(cache)) {
                  return files.filter(Files::isRegularFile).count() > 1;
                }
              });
    }
    Path file = directory.resolve("file");
    Files.writeString(file, "");
    Modules.fails(
        ErrorCode.DATA_DIR_UNUSABLE,
        () ->
            new WasmtimeEngine(
                new WasmtimeEngine.Options(
                    Optional.of(file), OptionalInt.empty(), Duration.ofSeconds(60))));
  }

  @Test
  void compilingHasADeadline() {
    StringBuilder text = new StringBuilder("(module ");
    for (int i = 0; i < 300; i++) {
      text.append("(func (param i32) (result i32) (local.get 0)");
      text.append("(i32.mul (local.get 0)) (i32.add (i32.const 3)) ".repeat(50)).append(")");
    }
    AdmittedModule module = Modules.admit(text.append(")").toString());
    try (Engine engine =
        new WasmtimeEngine(
            new WasmtimeEngine.Options(
                Optional.empty(), OptionalInt.empty(), Duration.ofMillis(1)))) {
      Modules.fails(ErrorCode.MODULE_COMPILE_TIMEOUT, () -> engine.compile(module));
    }
  }
}
