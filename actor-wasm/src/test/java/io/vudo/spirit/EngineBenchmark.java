package io.vudo.spirit;

import com.dylibso.chicory.compiler.MachineFactoryCompiler;
import com.dylibso.chicory.runtime.HostFunction;
import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.FunctionType;
import com.dylibso.chicory.wasm.types.ValType;
import com.google.protobuf.ByteString;
import com.typesafe.config.ConfigFactory;
import io.github.kawamuray.wasmtime.Extern;
import io.github.kawamuray.wasmtime.Func;
import io.github.kawamuray.wasmtime.FuncType;
import io.github.kawamuray.wasmtime.Instance;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.Store;
import io.github.kawamuray.wasmtime.Val;
import io.vudo.journal.PageTracker;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.TurnLimits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What crossing the wall costs on each engine: the library itself beside this product, and a turn
 * split into its parts. All sides alternate in short rounds; printed are medians. See
 * docs/engines.md.
 */
final class EngineBenchmark {
  private static final int CALLS = 1_000;
  private static final int STATE_BYTES = 64 << 10;
  private static final int PAYLOAD_BYTES = 256;
  private static final int COMPILATIONS = 5;

  /** A raw module imports what a Spirit's does, so that both can be the same bytes. */
  private static final String GUEST =
      """
      (module
        (import "spirit" "send_message"
          (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $n (mut i64) (i64.const 0))
        (data (i32.const 0) "test/two") (data (i32.const 16) "hello")
        (func (export "spirit_abi_1"))
        (func (export "add") (param i32 i32) (result i32)
          (i32.add (local.get 0) (local.get 1)))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "host") (param $rounds i32)
          (loop $l
            (drop (call $send (i32.const 0) (i32.const 8) (i32.const 16) (i32.const 5)
              (i32.const 16) (i32.const 5)))
            (br_if $l (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
        (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
          (global.set $n (i64.add (global.get $n) (i64.const 1)))
          (drop (call $send (i32.const 0) (i32.const 8) (i32.const 16) (i32.const 5)
            (local.get $p) (local.get $l)))
          (i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32))
            (i64.extend_i32_u (local.get $l)))))
      """;

  /** One side of a row: does something so many times. */
  private interface Side {
    void run(int times);
  }

  private final Map<String, Side> sides = new LinkedHashMap<>();
  private final Map<String, Integer> times = new LinkedHashMap<>();
  private final Map<String, Double> nanos = new LinkedHashMap<>();
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final byte[] module = Modules.wasm(GUEST);

  private EngineBenchmark() {}

  /** Argument: rounds. */
  public static void main(String[] arguments) throws InterruptedException {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 15;
    // What calls a guest needs the stack of one.
    Thread thread = new GuestThread(() -> new EngineBenchmark().run(rounds), "benchmark");
    thread.start();
    thread.join();
  }

  private void run(int rounds) {
    try (Engines engines = Engines.withDefaults()) {
      rawWasmtime();
      rawJvm();
      for (String engine : Engines.names()) {
        product(engines, engine);
      }
      measure(rounds);
      print(engines);
      compiling();
      while (!open.isEmpty()) {
        try {
          open.pop().close();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  private void side(String name, int count, Side side) {
    sides.put(name, side);
    times.put(name, count);
  }

  private void measure(int rounds) {
    Map<String, double[]> samples = new LinkedHashMap<>();
    // The first third warms up and does not count.
    for (int round = -rounds / 2; round < rounds; round++) {
      for (Map.Entry<String, Side> side : sides.entrySet()) {
        int count = times.get(side.getKey());
        long start = System.nanoTime();
        side.getValue().run(count);
        double one = (System.nanoTime() - start) / (double) count;
        if (round >= 0) {
          samples.computeIfAbsent(side.getKey(), key -> new double[rounds])[round] = one;
        }
      }
    }
    samples.forEach(
        (name, all) -> {
          Arrays.sort(all);
          nanos.put(name, all[all.length / 2]);
        });
  }

  // The libraries themselves

  private void rawWasmtime() {
    var engine = new io.github.kawamuray.wasmtime.Engine();
    Module compiled = new Module(engine, module);
    Store<Void> store = new Store<>(null, engine);
    Instance instance = rawInstance(store, compiled);
    Func add = instance.getFunc(store, "add").orElseThrow();
    Func host = instance.getFunc(store, "host").orElseThrow();
    side(
        "wasmtime raw call",
        CALLS,
        n -> {
          for (int i = 0; i < n; i++) {
            add.call(store, Val.fromI32(i), Val.fromI32(1));
          }
        });
    side("wasmtime raw host", CALLS, n -> host.call(store, Val.fromI32(n)));
    side(
        "wasmtime raw instance",
        20,
        n -> {
          for (int i = 0; i < n; i++) {
            Store<Void> another = new Store<>(null, engine);
            rawInstance(another, compiled).dispose();
            another.dispose();
          }
        });
  }

  private static Instance rawInstance(Store<Void> store, Module compiled) {
    Val.Type[] six = new Val.Type[6];
    Arrays.fill(six, Val.Type.I32);
    Func send =
        new Func(
            store,
            new FuncType(six, new Val.Type[] {Val.Type.I32}),
            (caller, arguments, results) -> results[0] = Val.fromI32(0));
    return new Instance(store, compiled, List.of(Extern.fromFunc(send)));
  }

  private void rawJvm() {
    WasmModule parsed = Parser.parse(module);
    var machine = MachineFactoryCompiler.compile(parsed);
    FunctionType type =
        FunctionType.of(
            List.of(ValType.I32, ValType.I32, ValType.I32, ValType.I32, ValType.I32, ValType.I32),
            List.of(ValType.I32));
    HostFunction send =
        new HostFunction("spirit", "send_message", type, (instance, arguments) -> new long[1]);
    var builder =
        com.dylibso.chicory.runtime.Instance.builder(parsed)
            .withMachineFactory(machine)
            .withImportValues(ImportValues.builder().addFunction(send).build());
    var instance = builder.build();
    var add = instance.export("add");
    var host = instance.export("host");
    side(
        "jvm raw call",
        CALLS * 100,
        n -> {
          for (int i = 0; i < n; i++) {
            add.apply(i, 1);
          }
        });
    side("jvm raw host", CALLS * 100, host::apply);
    side(
        "jvm raw instance",
        200,
        n -> {
          for (int i = 0; i < n; i++) {
            builder.build();
          }
        });
  }

  // This product

  private void product(Engines engines, String name) {
    CompiledModule compiled =
        engines.engine(name).compile(engines.admit(module, SpiritLimits.DEFAULTS));
    open.push(compiled);
    EngineInstance instance = compiled.instantiate(i -> (guest, arguments) -> 0);
    open.push(instance);
    long deadline = Modules.in(3_600);
    side(
        name + " call",
        CALLS,
        n -> {
          instance.setFuel(Modules.FUEL);
          for (int i = 0; i < n; i++) {
            instance.call("add", deadline, i, 1);
          }
        });
    side(
        name + " host",
        CALLS,
        n -> {
          instance.setFuel(Modules.FUEL);
          instance.call("host", deadline, n);
        });
    side(
        name + " instance",
        50,
        n -> {
          for (int i = 0; i < n; i++) {
            compiled.instantiate(w -> (guest, arguments) -> 0).close();
          }
        });
    activation(name, compiled, deadline);
    parts(name, instance, deadline);
    turns(name, compiled);
  }

  /** From a cached module and a state of 64 KiB, none of it zero, to the first answer. */
  private void activation(String name, CompiledModule compiled, long deadline) {
    byte[] state = new byte[STATE_BYTES];
    for (int i = 0; i < state.length; i++) {
      state[i] = (byte) (i * 31 + 1);
    }
    PageTracker pages = new PageTracker();
    pages.update(java.nio.ByteBuffer.wrap(state));
    long[] globals = {7};
    side(
        name + " activation",
        50,
        n -> {
          for (int i = 0; i < n; i++) {
            try (EngineInstance fresh = compiled.instantiate(w -> (guest, arguments) -> 0)) {
              fresh.withMemory(memory -> pages.restoreInto(memory));
              fresh.writeGlobals(globals);
              fresh.writeTables(new int[0][]);
              fresh.setFuel(Modules.FUEL);
              fresh.call("add", deadline, 1, 2);
            }
          }
        });
  }

  private void parts(String name, EngineInstance instance, long deadline) {
    byte[] payload = new byte[PAYLOAD_BYTES];
    side(
        name + " 1 allocate",
        CALLS,
        n -> {
          instance.setFuel(Modules.FUEL);
          for (int i = 0; i < n; i++) {
            instance.call("spirit_alloc", deadline, PAYLOAD_BYTES);
          }
        });
    side(
        name + " 2 copy in",
        CALLS,
        n -> {
          for (int i = 0; i < n; i++) {
            instance.writeMemory(4096, payload);
          }
        });
    side(
        name + " 3 call and one host call",
        CALLS,
        n -> {
          instance.setFuel(Modules.FUEL);
          for (int i = 0; i < n; i++) {
            instance.call("spirit_handle", deadline, 4096, PAYLOAD_BYTES);
          }
        });
    side(
        name + " 4 copy out",
        CALLS,
        n -> {
          for (int i = 0; i < n; i++) {
            instance.readMemory(4096, PAYLOAD_BYTES);
          }
        });
    PageTracker pages = new PageTracker();
    side(
        name + " 5 dirty scan",
        CALLS,
        n -> {
          for (int i = 0; i < n; i++) {
            instance.withMemory(memory -> pages.update(memory));
          }
        });
  }

  /** Whole turns, as a Spirit runs them, with everything but the journal. */
  private void turns(String name, CompiledModule compiled) {
    SpiritMachine machine =
        new SpiritMachine(
            SpiritId.parse("test/one"),
            configured -> compiled,
            Clock.systemUTC(),
            TurnLimits.DEFAULTS,
            100,
            100,
            1 << 20);
    open.push(machine);
    machine.follow(
        new Deployment(
            "test",
            ModuleDigest.of(module),
            name,
            SpiritLimits.DEFAULTS,
            Set.of(Capability.parse("cross_sandbox_call")),
            true,
            1,
            0));
    machine.attempt(
        Message.newBuilder().setKind(Message.Kind.SPAWN).setId("birth").build(), List.of());
    ByteString payload = ByteString.copyFrom(new byte[PAYLOAD_BYTES]);
    long[] sent = {0};
    side(
        name + " turn",
        CALLS,
        n -> {
          for (int i = 0; i < n; i++) {
            Message message =
                Message.newBuilder()
                    .setId("m" + sent[0]++)
                    .setType("go")
                    .setPayload(payload)
                    .build();
            machine.attempt(message, List.of());
            machine.deliveries().forEach(d -> machine.acknowledge(d.getPosition()));
            machine.takeAcknowledged();
          }
        });
  }

  // Compiling

  /**
   * Admitting and compiling a module of some 600 KB, an interpreter of JavaScript; then the same
   * from the caches on disk, as after a restart of the node. The process is warm by now.
   */
  private static void compiling() {
    byte[] large = Modules.resource("quickjs.wasm");
    double[] admission = new double[COMPILATIONS];
    Map<String, double[]> fresh = new LinkedHashMap<>();
    Map<String, double[]> cached = new LinkedHashMap<>();
    List<Integer> interpreted = List.of();
    int rewritten = 0;
    for (int i = 0; i < COMPILATIONS; i++) {
      Path cache = temporaryDirectory();
      for (Map<String, double[]> millis : List.of(fresh, cached)) {
        try (Engines engines = Engines.create(ConfigFactory.load(), cache)) {
          long start = System.nanoTime();
          AdmittedModule admitted = engines.admit(large, SpiritLimits.DEFAULTS);
          admission[i] = (System.nanoTime() - start) / 1e6;
          rewritten = admitted.rewritten().length;
          for (String name : Engines.names()) {
            start = System.nanoTime();
            try (CompiledModule compiled = engines.engine(name).compile(admitted)) {
              millis.computeIfAbsent(name, key -> new double[COMPILATIONS])[i] =
                  (System.nanoTime() - start) / 1e6;
              if (name.equals("jvm")) {
                interpreted = compiled.interpretedFunctions();
              }
            }
          }
        }
      }
    }
    System.out.printf(
        "%nA module of %,d bytes, %,d rewritten (ms, median): admission %.0f%n",
        large.length, rewritten, median(admission));
    System.out.printf("%-34s %14s %14s%n", "", "wasmtime", "jvm");
    System.out.printf(
        "%-34s %14.0f %14.0f%n",
        "compile", median(fresh.get("wasmtime")), median(fresh.get("jvm")));
    System.out.printf(
        "%-34s %14.0f %14.0f%n",
        "from the cache on disk", median(cached.get("wasmtime")), median(cached.get("jvm")));
    System.out.printf(
        "%-34s %14s %14s%n", "functions that are interpreted", "0", interpreted.size());
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  private static Path temporaryDirectory() {
    try {
      Path directory = Files.createTempDirectory("vudo-benchmark");
      directory.toFile().deleteOnExit();
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // The table

  private void print(Engines engines) {
    System.out.printf("%-34s %14s %14s%n", "ns, median", "wasmtime", "jvm");
    row("library: call add(i32, i32)", "raw call");
    row("library: guest calls host", "raw host");
    row("library: instantiate", "raw instance");
    row("call add(i32, i32)", "call");
    row("guest calls host", "host");
    row("instantiate", "instance");
    row("activate with 64 KiB of state", "activation");
    System.out.printf(
        "%-34s %14.2f %14.2f%n",
        "activation / library's instantiate",
        nanos.get("wasmtime activation") / nanos.get("wasmtime raw instance"),
        nanos.get("jvm activation") / nanos.get("jvm raw instance"));
    row("turn: allocate", "1 allocate");
    row("turn: copy in 256 bytes", "2 copy in");
    row("turn: call, with one host call", "3 call and one host call");
    row("turn: copy out 256 bytes", "4 copy out");
    row("turn: scan 64 KiB for changes", "5 dirty scan");
    row("whole turn, one message sent", "turn");
    System.out.printf(
        "%-34s %14d %14d%n",
        "instances at most",
        engines.engine("wasmtime").maxInstances(),
        engines.engine("jvm").maxInstances());
  }

  private void row(String label, String side) {
    System.out.printf(
        "%-34s %,14.0f %,14.0f%n", label, nanos.get("wasmtime " + side), nanos.get("jvm " + side));
  }
}
