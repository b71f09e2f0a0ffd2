package io.vudo.spirit.internal.turn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.ModuleCache;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A state is the same on every engine, and a Spirit can go from one to another between turns. */
class PortableStateTest {
  private static final int TURNS = 80;

  private static final Engines ENGINES = Engines.withDefaults();

  /**
   * An engine of its own with the code of another: what runs on it shares nothing with the rest.
   */
  private static final Engine SECOND = named("second", new WasmtimeEngine(defaults()));

  /** Refuses every instance once it is told to. */
  private static final FullEngine FULL = new FullEngine();

  private static final Map<String, Engine> BY_NAME = new LinkedHashMap<>();

  static {
    Engines.names().forEach(name -> BY_NAME.put(name, ENGINES.engine(name)));
    BY_NAME.put(SECOND.name(), SECOND);
    BY_NAME.put(FULL.name(), FULL);
  }

  private static WasmtimeEngine.Options defaults() {
    return WasmtimeEngine.Options.DEFAULTS;
  }

  @AfterAll
  static void close() {
    FULL.close();
    SECOND.close();
    ENGINES.close();
  }

  /** All pairs of engines that differ. */
  static Stream<Arguments> pairs() {
    List<String> names = new ArrayList<>(Engines.names());
    names.add(SECOND.name());
    return names.stream()
        .flatMap(
            one ->
                names.stream()
                    .filter(other -> !other.equals(one))
                    .map(other -> Arguments.of(one, other)));
  }

  /**
   * Changes everything that a state consists of. A message with a payload copies from the passive
   * segments, which fails once they are dropped.
   */
  private static byte[] everything(String globals, String more) {
    return Wat2Wasm.parse(
        """
        (module
          (type $answer (func (result i32)))
          (memory (export "memory") 1 40)
          (table $t 4 40 funcref)
          (table $u 3 funcref)
          (global $n (mut i32) (i32.const 0))
          (global $long (mut i64) (i64.const -1))
          (global $float (mut f32) (f32.const 1.5))
          (global $double (mut f64) (f64.const -0))
          (global $function (mut funcref) (ref.null func))
          %s
          (elem (table $t) (i32.const 0) func $one $two)
          (elem $passive funcref (ref.func $two) (ref.null func) (ref.func $three))
          (data (i32.const 512) "active")
          (data $text "passive")
          (func $one (type $answer) (i32.const 1))
          (func $two (type $answer) (i32.const 2))
          (func $three (type $answer) (i32.const 3))
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (global.set $long
              (i64.mul (i64.add (global.get $long) (i64.extend_i32_u (global.get $n)))
                (i64.const 6364136223846793005)))
            ;; A NaN whose payload nothing but a copy of all bits keeps.
            (global.set $float
              (f32.reinterpret_i32 (i32.or (i32.const 0x7fa00000) (global.get $n))))
            (global.set $double
              (f64.div (f64.convert_i32_s (global.get $n)) (f64.const -7)))
            %s
            (if (i32.eqz (i32.rem_u (global.get $n) (i32.const 3)))
              (then
                (drop (memory.grow (i32.const 1)))
                (i64.store
                  (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8))
                  (global.get $long))))
            (if (i32.eqz (i32.rem_u (global.get $n) (i32.const 4)))
              (then
                (drop (table.grow $t (ref.func $three) (i32.const 1)))
                (table.set $t (i32.const 3) (ref.null func))
                (table.set $u (i32.const 1) (global.get $function))
                (global.set $function (ref.func $three)))
              (else
                (table.set $t (i32.const 3) (ref.func $three))
                (table.set $u (i32.const 1) (ref.null func))))
            (if (i32.eq (global.get $n) (i32.const 2))
              (then
                (table.init $u $passive (i32.const 0) (i32.const 0) (i32.const 3))))
            (if (i32.eq (global.get $n) (i32.const 20)) (then (elem.drop $passive)))
            (if (i32.eq (global.get $n) (i32.const 30)) (then (data.drop $text)))
            (if (local.get $l)
              (then
                (memory.init $text (i32.const 600) (i32.const 0) (i32.const 7))
                (table.init $u $passive (i32.const 0) (i32.const 0) (i32.const 3))))
            (i32.store (i32.const 0) (global.get $n))
            (i32.store (i32.const 4) (i32.reinterpret_f32 (global.get $float)))
            (f64.store (i32.const 8) (global.get $double))
            (i64.store (i32.const 16) (global.get $long))
            (i32.store (i32.const 24)
              (i32.add
                (call_indirect $t (type $answer) (i32.const 0))
                (i32.add (table.size $t) (memory.size))))
            (i64.const 28)))
        """
            .formatted(globals, more));
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void turnsAlternateBetweenEnginesAndTheStateIsTheSame(String one, String other) {
    alternate(everything("", ""), one, other);
  }

  /** SIMD is not for every engine. */
  @Test
  void vectorsMoveAsWell() {
    alternate(
        everything(
            "(global $vector (mut v128) (v128.const i32x4 1 2 3 4))",
            """
            (global.set $vector
              (i32x4.add (global.get $vector) (i32x4.splat (global.get $n))))
            """),
        "wasmtime",
        SECOND.name());
  }

  private static void alternate(byte[] module, String one, String other) {
    List<SpiritEvent> journal = new ArrayList<>();
    List<SpiritEvent> stayed = new ArrayList<>();
    int failures = 0;
    try (SpiritMachine fixed = machine(module);
        SpiritMachine moving = machine(module)) {
      follow(fixed, module, one, stayed);
      follow(moving, module, one, journal);
      send(fixed, "birth", Message.Kind.SPAWN, 0, stayed);
      send(moving, "birth", Message.Kind.SPAWN, 0, journal);
      String before = "";
      for (int i = 0; i < TURNS; i++) {
        String engine = i % 2 == 0 ? other : one;
        moving.migrate(engine).ifPresent(journal::add);
        assertEquals(engine, moving.configured().orElseThrow().getEngine());
        // From the 20th turn on these fail, which must leave no trace on either engine.
        int payload = i % 7 == 3 ? 1 : 0;
        Turn expected = send(fixed, "call:" + i, Message.Kind.MESSAGE, payload, stayed);
        Turn turn = send(moving, "call:" + i, Message.Kind.MESSAGE, payload, journal);
        failures += turn.hasFailed() ? 1 : 0;
        assertEquals(expected.getOutcomeCase(), turn.getOutcomeCase(), "turn " + i);
        assertEquals(expected.getCompleted(), turn.getCompleted(), "turn " + i);
        assertEquals(expected.getFailed().getCode(), turn.getFailed().getCode(), "turn " + i);
        assertEquals(expected.getFuelUsed(), turn.getFuelUsed(), "fuel of turn " + i);
        String hash = moving.stateHash();
        assertEquals(fixed.stateHash(), hash, "state after turn " + i);
        if (turn.hasFailed()) {
          assertEquals(before, hash, "a failed turn left a trace");
        } else {
          assertNotEquals(before, hash, "the hash sees no change");
        }
        before = hash;
        if (i % 10 == 9) {
          assertSnapshotIsPortable(module, moving, engine.equals(one) ? other : one);
        }
      }
      assertTrue(failures > 3, failures + " turns failed");
      try (SpiritMachine recovered = machine(module)) {
        journal.forEach(recovered::replay);
        assertEquals(before, recovered.stateHash(), "state after recovery");
        assertEquals(
            moving.configured().orElseThrow().getEngine(),
            recovered.configured().orElseThrow().getEngine());
      }
    }
  }

  /** Written under one engine, loaded under the other. */
  private static void assertSnapshotIsPortable(byte[] module, SpiritMachine of, String engine) {
    StateSnapshot snapshot = of.snapshot(1);
    of.snapshotFailed();
    try (SpiritMachine restored = machine(module)) {
      restored.recover(snapshot);
      restored.migrate(engine);
      assertEquals(engine, restored.configured().orElseThrow().getEngine());
      assertEquals(of.stateHash(), restored.stateHash());
    }
  }

  @Test
  void movingToWhereItIsChangesNothing() {
    byte[] module = TestGuests.counter();
    List<SpiritEvent> journal = new ArrayList<>();
    try (SpiritMachine machine = machine(module)) {
      VudoException nobody = assertThrows(VudoException.class, () -> machine.migrate("wasmtime"));
      assertEquals(ErrorCode.SPIRIT_NOT_FOUND, nobody.code());
      follow(machine, module, "wasmtime", journal);
      send(machine, "birth", Message.Kind.SPAWN, 0, journal);
      assertEquals(Optional.empty(), machine.migrate("wasmtime"));
      assertTrue(machine.migrate("second").isPresent());
      assertEquals(Optional.empty(), machine.migrate("second"));

      machine.stop(Message.newBuilder().setId("stop").setKind(Message.Kind.STOP).build());
      nobody = assertThrows(VudoException.class, () -> machine.migrate("wasmtime"));
      assertEquals(ErrorCode.SPIRIT_NOT_FOUND, nobody.code());
    }
  }

  @Test
  void aSpiritStaysWhereItIsWhenTheOtherEngineCannotTakeIt() {
    byte[] module = TestGuests.counter();
    List<SpiritEvent> journal = new ArrayList<>();
    try (SpiritMachine machine = machine(module)) {
      follow(machine, module, "wasmtime", journal);
      send(machine, "birth", Message.Kind.SPAWN, 0, journal);
      send(machine, "call:1", Message.Kind.MESSAGE, 0, journal);
      String hash = machine.stateHash();
      for (ErrorCode code :
          List.of(
              ErrorCode.MODULE_UNSUPPORTED,
              ErrorCode.MODULE_COMPILE_TIMEOUT,
              ErrorCode.RESIDENCY_LIMIT)) {
        FULL.refusal = code;
        VudoException e = assertThrows(VudoException.class, () -> machine.migrate("full"));
        assertEquals(code, e.code());
        assertEquals("wasmtime", machine.configured().orElseThrow().getEngine());
        assertEquals(hash, machine.stateHash());
      }
      VudoException unknown = assertThrows(VudoException.class, () -> machine.migrate("no-such"));
      assertEquals(ErrorCode.CONFIG_INVALID, unknown.code());
      Turn next = send(machine, "call:2", Message.Kind.MESSAGE, 0, journal);
      assertEquals(2, MachineFixture.number(next));
      FULL.refusal = null;
      assertTrue(machine.migrate("full").isPresent());
      next = send(machine, "call:3", Message.Kind.MESSAGE, 0, journal);
      assertEquals(3, MachineFixture.number(next));
    }
  }

  /** Deploying a type again reaches its Spirits, but does not fetch them back. */
  @Test
  void aNewDeploymentLeavesASpiritOnItsEngine() {
    byte[] module = TestGuests.counter();
    List<SpiritEvent> journal = new ArrayList<>();
    try (SpiritMachine machine = machine(module)) {
      follow(machine, module, "wasmtime", journal);
      send(machine, "birth", Message.Kind.SPAWN, 0, journal);
      machine.migrate("second").ifPresent(journal::add);
      SpiritLimits limits = SpiritLimits.DEFAULTS.withFuelPerTurn(5_000_000);
      machine.follow(deployment(module, "wasmtime", 2, limits)).ifPresent(journal::add);
      assertEquals(5_000_000, machine.limits().fuelPerTurn());
      assertEquals("second", machine.configured().orElseThrow().getEngine());
    }
  }

  @Test
  void aSpiritThatRestsGoesOnWithTheSameState() {
    byte[] module = everything("", "");
    List<SpiritEvent> journal = new ArrayList<>();
    try (SpiritMachine machine = machine(module)) {
      machine.rest();
      follow(machine, module, "wasmtime", journal);
      send(machine, "birth", Message.Kind.SPAWN, 0, journal);
      send(machine, "call:1", Message.Kind.MESSAGE, 0, journal);
      String hash = machine.stateHash();
      machine.rest();
      assertFalse(machine.hasInstance());
      assertEquals(hash, machine.stateHash());
      assertEquals(0, machine.replayedTurns());
    }
  }

  private static SpiritMachine machine(byte[] module) {
    ModuleCache cache = new ModuleCache();
    return new SpiritMachine(
        MachineFixture.ID,
        configured -> load(cache, module, configured),
        Clock.systemUTC(),
        TurnLimits.DEFAULTS,
        100,
        100,
        1 << 20);
  }

  private static CompiledModule load(ModuleCache cache, byte[] module, Configured configured) {
    Engine engine = BY_NAME.get(configured.getEngine());
    if (engine == null) {
      throw new VudoException(ErrorCode.CONFIG_INVALID, configured.getEngine());
    }
    SpiritLimits limits = Configurations.limits(configured);
    return cache.get(
        ModuleDigest.of(module),
        limits,
        engine,
        () -> new Admission().admit(module, limits, SpiritAbi::find));
  }

  private static void follow(
      SpiritMachine machine, byte[] module, String engine, List<SpiritEvent> journal) {
    machine.follow(deployment(module, engine, 1, SpiritLimits.DEFAULTS)).ifPresent(journal::add);
  }

  private static Deployment deployment(
      byte[] module, String engine, long revision, SpiritLimits limits) {
    return new Deployment(
        MachineFixture.ID.type(),
        ModuleDigest.of(module),
        engine,
        limits,
        Set.of(),
        true,
        revision,
        0);
  }

  private static Turn send(
      SpiritMachine machine,
      String id,
      Message.Kind kind,
      int payloadBytes,
      List<SpiritEvent> journal) {
    Message message =
        Message.newBuilder()
            .setId(id)
            .setKind(kind)
            .setPayload(ByteString.copyFrom(new byte[payloadBytes]))
            .build();
    Turn turn = ((Attempt.Finished) machine.attempt(message, List.of())).turn();
    journal.add(SpiritEvent.newBuilder().setTurn(turn).build());
    return turn;
  }

  /** The same engine under another name. */
  private static Engine named(String name, Engine engine) {
    return new Engine() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public CompiledModule compile(AdmittedModule module) {
        return engine.compile(module);
      }

      @Override
      public int maxInstances() {
        return engine.maxInstances();
      }

      @Override
      public int liveInstances() {
        return engine.liveInstances();
      }

      @Override
      public void close() {
        engine.close();
      }
    };
  }

  /** An engine that refuses what it is told to refuse. */
  private static final class FullEngine implements Engine {
    private final Engine engine = new WasmtimeEngine(defaults());
    private ErrorCode refusal;

    @Override
    public String name() {
      return "full";
    }

    @Override
    public CompiledModule compile(AdmittedModule module) {
      if (refusal != null && refusal != ErrorCode.RESIDENCY_LIMIT) {
        throw new VudoException(refusal, "for a test");
      }
      CompiledModule compiled = engine.compile(module);
      return new CompiledModule() {
        @Override
        public AdmittedModule module() {
          return compiled.module();
        }

        @Override
        public io.vudo.spirit.EngineInstance instantiate(
            java.util.function.Function<AdmittedModule.Import, io.vudo.spirit.HostFunction> host) {
          if (refusal == ErrorCode.RESIDENCY_LIMIT) {
            throw new VudoException(refusal, "for a test");
          }
          return compiled.instantiate(host);
        }

        @Override
        public void close() {
          compiled.close();
        }
      };
    }

    @Override
    public int maxInstances() {
      return engine.maxInstances();
    }

    @Override
    public int liveInstances() {
      return engine.liveInstances();
    }

    @Override
    public void close() {
      engine.close();
    }
  }
}
