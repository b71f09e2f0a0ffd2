package io.vudo.spirit;

import io.github.kawamuray.wasmtime.Config;
import io.github.kawamuray.wasmtime.Func;
import io.github.kawamuray.wasmtime.Instance;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.OptLevel;
import io.github.kawamuray.wasmtime.Store;
import io.github.kawamuray.wasmtime.Val;
import io.vudo.protocol.SpiritLimits;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * What metering costs: each kernel as its compiler wrote it, beside the same kernel rewritten by
 * admission, on the same engine, in alternating rounds. See docs/benchmarks.md.
 */
final class MeteringBenchmark {
  /** How an engine runs a module that admission has not seen. */
  private static final Map<String, Function<byte[], Guest>> UNMETERED =
      Map.of("wasmtime", Unmetered::new);

  /** Time that the thread ran, so that others on the machine count little. */
  private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

  private static final String FIB =
      """
      (module
        (func $fib (export "fib") (param i32) (result i32)
          (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
              (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
      """;

  /** An export of a module, called with one size. */
  private interface Guest extends AutoCloseable {
    int call(String export, int size);

    @Override
    void close();
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Kernel(String export, byte[] module, int size) {}

  private MeteringBenchmark() {}

  /** Arguments: rounds, and engines (all by default). */
  public static void main(String[] arguments) throws InterruptedException {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 15;
    // What calls a guest needs the stack of one.
    Thread thread = new GuestThread(() -> run(rounds), "benchmark");
    thread.start();
    thread.join();
  }

  private static List<Kernel> kernels() {
    byte[] compiled = resource("kernels.wasm");
    List<Kernel> kernels = new ArrayList<>();
    kernels.add(new Kernel("fib", Modules.wasm(FIB), 29));
    kernels.add(new Kernel("sha256", compiled, 1_000));
    kernels.add(new Kernel("matmul", compiled, 160));
    kernels.add(new Kernel("nbody", compiled, 20_000));
    kernels.add(new Kernel("sort", compiled, 100_000));
    kernels.add(new Kernel("search", compiled, 1_000_000));
    kernels.add(new Kernel("sieve", compiled, 1_000_000));
    return kernels;
  }

  private static byte[] resource(String name) {
    try (InputStream in =
        Objects.requireNonNull(
            MeteringBenchmark.class.getResourceAsStream("/benchmark/" + name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void run(int rounds) {
    try (Engines engines = Engines.withDefaults()) {
      System.out.printf(
          "%-10s %-8s %10s %10s %6s%n", "engine", "kernel", "plain ms", "metered", "");
      for (String engine : UNMETERED.keySet()) {
        Map<String, Double> ratios = new LinkedHashMap<>();
        for (Kernel kernel : kernels()) {
          ratios.put(kernel.export, ratio(engines.engine(engine), kernel, rounds));
        }
        double product = ratios.values().stream().reduce(1.0, (a, b) -> a * b);
        System.out.printf(
            "%-10s geometric mean %.2f, worst %.2f%n",
            engine,
            Math.pow(product, 1.0 / ratios.size()),
            ratios.values().stream().mapToDouble(r -> r).max().orElse(0));
      }
    }
  }

  private static double ratio(Engine engine, Kernel kernel, int rounds) {
    try (Guest plain = UNMETERED.get(engine.name()).apply(kernel.module);
        Guest metered = new Metered(engine, kernel.module)) {
      double[][] millis = new double[2][rounds];
      // The first rounds warm up and do not count.
      for (int round = -2; round < rounds; round++) {
        int[] answers = new int[2];
        for (int side = 0; side < 2; side++) {
          long start = CLOCK.getCurrentThreadCpuTime();
          answers[side] = (side == 0 ? plain : metered).call(kernel.export, kernel.size);
          if (round >= 0) {
            millis[side][round] = (CLOCK.getCurrentThreadCpuTime() - start) / 1e6;
          }
        }
        if (answers[0] != answers[1]) {
          throw new AssertionError(kernel.export + ": " + Arrays.toString(answers));
        }
      }
      double[] medians = new double[2];
      for (int side = 0; side < 2; side++) {
        Arrays.sort(millis[side]);
        medians[side] = millis[side][rounds / 2];
      }
      double ratio = medians[1] / medians[0];
      System.out.printf(
          "%-10s %-8s %10.2f %10.2f %6.2f%n",
          engine.name(), kernel.export, medians[0], medians[1], ratio);
      return ratio;
    }
  }

  private static final class Metered implements Guest {
    private final CompiledModule compiled;
    private final EngineInstance instance;

    Metered(Engine engine, byte[] module) {
      compiled = engine.compile(Modules.admit(module, SpiritLimits.DEFAULTS));
      instance = compiled.instantiate(Modules.noHost());
    }

    @Override
    public int call(String export, int size) {
      instance.setFuel(Long.MAX_VALUE / 4);
      return (int) Modules.call(instance, export, size)[0];
    }

    @Override
    public void close() {
      instance.close();
      compiled.close();
    }
  }

  /** Straight through the binding, set up as the engine is. */
  private static final class Unmetered implements Guest {
    private final io.github.kawamuray.wasmtime.Engine engine =
        new io.github.kawamuray.wasmtime.Engine(
            new Config().craneliftOptLevel(OptLevel.SPEED).maxWasmStack(2L << 20));
    private final Module module;
    private final Store<Void> store;
    private final Instance instance;
    private final Map<String, Func> functions = new LinkedHashMap<>();

    Unmetered(byte[] bytes) {
      module = new Module(engine, bytes);
      store = new Store<>(null, engine);
      instance = new Instance(store, module, List.of());
    }

    @Override
    public int call(String export, int size) {
      Func function =
          functions.computeIfAbsent(export, name -> instance.getFunc(store, name).orElseThrow());
      return function.call(store, Val.fromI32(size))[0].i32();
    }

    @Override
    public void close() {
      functions.values().forEach(Func::close);
      instance.close();
      store.close();
      module.close();
      engine.close();
    }
  }
}
