package io.vudo.spirit.internal.wasmtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.google.protobuf.ByteString;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.internal.turn.Attempt;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.turn.TurnLimits;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Crossing into native code is what a turn on this engine costs; so it is counted. */
class CrossingsTest {
  private static final String SENDER =
      """
      (module
        (import "spirit" "send_message"
          (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "test/two") (data (i32.const 16) "hello")
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
          (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 71)) ;; "G"
            (then (drop (memory.grow (i32.const 1)))))
          (i32.store (i32.const 64) (call $send (i32.const 0) (i32.const 8)
            (i32.const 16) (i32.const 5) (local.get $p) (local.get $l)))
          (i64.const 0x0000004000000004)))
      """;

  /** Hands instances out and remembers the last. */
  private record Watched(CompiledModule compiled, AtomicReference<WasmtimeInstance> last)
      implements CompiledModule {
    @Override
    public AdmittedModule module() {
      return compiled.module();
    }

    @Override
    public EngineInstance instantiate(Function<AdmittedModule.Import, HostFunction> host) {
      EngineInstance instance = compiled.instantiate(host);
      last.set((WasmtimeInstance) instance);
      return instance;
    }

    @Override
    public void close() {
      compiled.close();
    }
  }

  @Test
  void aTurnThatSendsAMessageCrossesThreeTimes() {
    byte[] module = Wat2Wasm.parse(SENDER);
    AtomicReference<WasmtimeInstance> instance = new AtomicReference<>();
    Deployment deployment =
        new Deployment(
            "test",
            ModuleDigest.of(module),
            "wasmtime",
            SpiritLimits.DEFAULTS,
            Set.of(Capability.parse("cross_sandbox_call")),
            true,
            1,
            0);
    try (WasmtimeEngine engine = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
        CompiledModule compiled =
            engine.compile(new Admission().admit(module, SpiritLimits.DEFAULTS, SpiritAbi::find));
        SpiritMachine machine =
            new SpiritMachine(
                SpiritId.parse("test/one"),
                configured -> new Watched(compiled, instance),
                Clock.systemUTC(),
                TurnLimits.DEFAULTS,
                100,
                100,
                1 << 20)) {
      machine.follow(deployment);
      handle(machine, Message.newBuilder().setKind(Message.Kind.SPAWN).setId("0").build());
      send(machine, "1", "first");
      assertEquals(3, crossings(machine, instance, "2", "a message"));
      assertEquals(3, crossings(machine, instance, "3", "another one"));
      assertTrue(crossings(machine, instance, "4", "Grows") > 3);
      assertEquals(3, crossings(machine, instance, "5", "after memory grew"));
    }
  }

  private static long crossings(
      SpiritMachine machine, AtomicReference<WasmtimeInstance> instance, String id, String text) {
    long before = instance.get().crossings();
    send(machine, id, text);
    return instance.get().crossings() - before;
  }

  private static void send(SpiritMachine machine, String id, String text) {
    Attempt.Finished done =
        handle(
            machine,
            Message.newBuilder()
                .setId(id)
                .setType("go")
                .setPayload(ByteString.copyFromUtf8(text))
                .build());
    assertEquals(ByteString.copyFrom(new byte[4]), done.turn().getCompleted().getReply(), text);
    assertEquals(
        text, done.turn().getEffects(0).getSend().getMessage().getPayload().toStringUtf8());
  }

  private static Attempt.Finished handle(SpiritMachine machine, Message message) {
    Attempt.Finished done = (Attempt.Finished) machine.attempt(message, List.of());
    assertTrue(done.turn().hasCompleted(), () -> done.turn().getFailed().toString());
    return done;
  }
}
