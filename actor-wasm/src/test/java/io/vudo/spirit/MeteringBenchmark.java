package io.vudo.spirit;

import com.dylibso.chicory.compiler.InterpreterFallback;
import com.dylibso.chicory.compiler.MachineFactoryCompiler;
import com.dylibso.chicory.runtime.ByteArrayMemory;
import com.dylibso.chicory.runtime.ExportFunction;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import io.github.kawamuray.wasmtime.Config;
import io.github.kawamuray.wasmtime.Func;
import io.github.kawamuray.wasmtime.Instance;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.OptLevel;
import io.github.kawamuray.wasmtime.Store;
import io.github.kawamuray.wasmtime.Val;
import io.vudo.protocol.SpiritLimits;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What metering costs: each kernel as its compiler wrote it, beside the same kernel rewritten by
 * admission, on the same engine, in alternating rounds. See docs/benchmarks.md.
 */
final class MeteringBenchmark {
  /** How an engine runs a module that admission has not seen. */
  private static final Map<String, Function<byte[], Guest>> PLAIN =
      Map.of("wasmtime", PlainWasmtime::new, "jvm", PlainJvm::new);

  /** For how long a kernel runs before it counts, so that the JVM's compilers are done with it. */
  private static final long WARM_UP_NANOS = 2_000_000_000L;

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
  private record Kernel(String name, byte[] module, String export, int size) {
    Kernel(String export, byte[] module, int size) {
      this(export, module, export, size);
    }
  }

  /** What the rounds of a kernel took. */
  private record Medians(double plainMillis, double meteredMillis) {
    double ratio() {
      return meteredMillis / plainMillis;
    }
  }

  private MeteringBenchmark() {}

  /** Argument: rounds. */
  public static void main(String[] arguments) throws InterruptedException {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 15;
    // What calls a guest needs the stack of one.
    Thread thread = new GuestThread(() -> run(rounds), "benchmark");
    thread.start();
    thread.join();
  }

  private static List<Kernel> kernels() {
    byte[] compiled = Modules.resource("kernels.wasm");
    List<Kernel> kernels = new ArrayList<>();
    kernels.add(new Kernel("fib", Modules.wasm(FIB), 29));
    kernels.add(new Kernel("sha256", compiled, 1_000));
    kernels.add(new Kernel("matmul", compiled, 160));
    kernels.add(new Kernel("nbody", compiled, 20_000));
    kernels.add(new Kernel("sort", compiled, 100_000));
    kernels.add(new Kernel("search", compiled, 1_000_000));
    kernels.add(new Kernel("sieve", compiled, 1_000_000));
    kernels.add(new Kernel("quickjs", Modules.resource("quickjs.wasm"), "run", 10_000));
    return kernels;
  }

  private static void run(int rounds) {
    Map<String, Map<String, Medians>> all = new LinkedHashMap<>();
    try (Engines engines = Engines.withDefaults()) {
      System.out.printf("%-10s %-8s %10s %10s%n", "engine", "kernel", "plain ms", "metered");
      for (String engine : Engines.names()) {
        Map<String, Medians> medians = new LinkedHashMap<>();
        for (Kernel kernel : kernels()) {
          medians.put(kernel.name, measure(engines.engine(engine), kernel, rounds));
        }
        print(engine, medians.values().stream().map(Medians::ratio).toList());
        all.put(engine, medians);
      }
    }
    System.out.printf("%n%-19s %10s%n", "metered kernel", "jvm/wasmtime");
    List<Double> ratios = new ArrayList<>();
    all.get("wasmtime")
        .forEach(
            (kernel, wasmtime) -> {
              ratios.add(all.get("jvm").get(kernel).meteredMillis / wasmtime.meteredMillis);
              System.out.printf("%-19s %10.2f%n", kernel, ratios.get(ratios.size() - 1));
            });
    print("jvm/wasmtime", ratios);
  }

  private static void print(String label, List<Double> ratios) {
    System.out.printf(
        "%-10s geometric mean %.2f, worst %.2f%n",
        label,
        Math.exp(ratios.stream().mapToDouble(Math::log).average().orElse(0)),
        ratios.stream().mapToDouble(r -> r).max().orElse(0));
  }

  private static Medians measure(Engine engine, Kernel kernel, int rounds) {
    try (Guest plain = PLAIN.get(engine.name()).apply(kernel.module);
        Guest metered = new Metered(engine, kernel.module)) {
      double[][] millis = new double[2][rounds];
      long warm = System.nanoTime() + WARM_UP_NANOS;
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
          throw new AssertionError(kernel.name + ": " + Arrays.toString(answers));
        }
        if (round == -1 && System.nanoTime() < warm) {
          round--;
        }
      }
      for (double[] side : millis) {
        Arrays.sort(side);
      }
      Medians medians = new Medians(millis[0][rounds / 2], millis[1][rounds / 2]);
      System.out.printf(
          "%-10s %-8s %10.2f %10.2f %6.2f%n",
          engine.name(), kernel.name, medians.plainMillis, medians.meteredMillis, medians.ratio());
      return medians;
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
  private static final class PlainWasmtime implements Guest {
    private final io.github.kawamuray.wasmtime.Engine engine =
        new io.github.kawamuray.wasmtime.Engine(
            new Config().craneliftOptLevel(OptLevel.SPEED).maxWasmStack(2L << 20));
    private final Module module;
    private final Store<Void> store;
    private final Instance instance;
    private final Map<String, Func> functions = new LinkedHashMap<>();

    PlainWasmtime(byte[] bytes) {
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

  /** As the library's own users do it. */
  private static final class PlainJvm implements Guest {
    private final com.dylibso.chicory.runtime.Instance instance;

    PlainJvm(byte[] bytes) {
      WasmModule module = Parser.parse(bytes);
      instance =
          com.dylibso.chicory.runtime.Instance.builder(module)
              .withMachineFactory(
                  MachineFactoryCompiler.builder(module)
                      .withInterpreterFallback(InterpreterFallback.SILENT)
                      .compile())
              .withMemoryFactory(ByteArrayMemory::new)
              .build();
    }

    @Override
    public int call(String export, int size) {
      ExportFunction function = instance.export(export);
      return (int) function.apply(size)[0];
    }

    @Override
    public void close() {}
  }
}
