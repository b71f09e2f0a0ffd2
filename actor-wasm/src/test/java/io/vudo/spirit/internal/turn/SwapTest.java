package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.MachineFixture.nothing;
import static io.vudo.spirit.internal.turn.MachineFixture.number;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Swapped;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Engines;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A Spirit that goes on with another module. */
class SwapTest {
  private static final byte[] CHANGE = {1};

  static List<String> engines() {
    return Engines.names();
  }

  private static MachineFixture spirit(String engine, byte[] module, String... capabilities) {
    return new MachineFixture(engine, module, SpiritLimits.DEFAULTS, capabilities);
  }

  private static long count(MachineFixture spirit) {
    return number(spirit.send("go", nothing()));
  }

  /** Counts in a global and in memory; each message adds so much. */
  private static byte[] counting(int step, String fields) {
    return TestGuests.spirit(
        "",
        fields,
        """
        (global.set $n (i64.add (global.get $n) (i64.const %d)))
        (i64.store (i32.const 64) (global.get $n))
        (call $reply (i64.load (i32.const 64)))
        """
            .formatted(step));
  }

  /** The same with a way out: the count as eight bytes. */
  private static byte[] saving() {
    return counting(
        1,
        """
        (func (export "spirit_save") (result i64)
          (i64.store (i32.const 0) (global.get $n))
          (global.set $n (i64.const -1))
          (i64.const 8))
        """);
  }

  /** Keeps its count elsewhere, in a memory of another size, and has a way in. */
  private static byte[] loading(String imports, String load) {
    return com.dylibso.chicory.wabt.Wat2Wasm.parse(
        """
        (module
          %s
          (memory (export "memory") 3)
          (global $begun (mut i32) (i32.const 0))
          (start $start)
          (func $start (global.set $begun (i32.const 7)))
          (func (export "spirit_abi_1"))
          (func (export "spirit_init") (param i32 i32) (result i32) (unreachable))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
          (func (export "spirit_handle") (param i32 i32) (result i64)
            (i64.store (i32.const 100) (i64.add (i64.load (i32.const 100)) (i64.const 100)))
            (i64.const 0x6400000008))
          (func (export "spirit_load") (param $p i32) (param $l i32) (result i32)
            (if (i32.ne (local.get $l) (i32.const 8)) (then (return (i32.const 1))))
            (if (i32.ne (global.get $begun) (i32.const 7)) (then (return (i32.const 2))))
            (i64.store (i32.const 100) (i64.load (local.get $p)))
            %s
            (i32.const 0)))
        """
            .formatted(imports, load));
  }

  private static void assertRestarts(MachineFixture spirit) {
    String hash = spirit.machine().stateHash();
    Configured configured = spirit.machine().configured().orElseThrow();
    StateSnapshot snapshot = spirit.machine().snapshot(spirit.journal.size());
    try (SpiritMachine restored = spirit.fresh()) {
      restored.recover(snapshot);
      assertEquals(configured, restored.configured().orElseThrow());
      assertEquals(hash, restored.stateHash());
    }
    spirit.restart();
    assertEquals(configured, spirit.machine().configured().orElseThrow());
    assertEquals(hash, spirit.machine().stateHash());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void memoryAndGlobalsAreKept(String engine) {
    try (MachineFixture spirit = spirit(engine, counting(1, ""))) {
      assertEquals(1, count(spirit));
      assertEquals(2, count(spirit));
      Swapped swapped = spirit.swap(counting(10, "(func (export \"more\"))"));
      assertFalse(swapped.hasSaved());
      assertEquals(3, swapped.getTurn());
      assertEquals(12, count(spirit));
      assertRestarts(spirit);
      assertEquals(22, count(spirit));
      spirit.machine().rest();
      assertEquals(32, count(spirit));
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void memoryThatHasGrownIsKept(String engine) {
    try (MachineFixture spirit = spirit(engine, TestGuests.grower())) {
      for (int i = 0; i < 5; i++) {
        spirit.send("go", nothing());
      }
      byte[] other = TestGuests.spirit("", "", "(call $reply (i64.extend_i32_u (memory.size)))");
      spirit.swap(other);
      assertEquals(6, count(spirit));
      assertRestarts(spirit);
    }
  }

  /** A function has another index in the new module; the entries of tables mean the same places. */
  @ParameterizedTest
  @MethodSource("engines")
  void tablesAreThoseOfTheNewModule(String engine) {
    String elements =
        """
        (table $t 2 funcref)
        (elem (i32.const 0) $one)
        (elem declare func $two)
        """;
    byte[] other =
        TestGuests.spirit(
            "",
            """
            (func $new1) (func $new2)
            (type $answer (func (result i64)))
            %s
            (func $two (type $answer) (i64.const 22))
            (func $one (type $answer) (i64.const 11))
            """
                .formatted(elements),
            """
            (if (local.get $l)
              (then (table.set $t (i32.const 0) (ref.func $two))))
            (call $reply (call_indirect $t (type $answer) (i32.const 0)))
            """);
    try (MachineFixture spirit = spirit(engine, TestGuests.dispatcher())) {
      assertEquals(1, count(spirit));
      spirit.swap(other);
      assertEquals(11, count(spirit));
      assertRestarts(spirit);
      assertEquals(22, number(spirit.send("go", CHANGE)));
      assertRestarts(spirit);
      assertEquals(22, count(spirit));
    }
    try (MachineFixture changed = spirit(engine, TestGuests.dispatcher())) {
      assertEquals(2, number(changed.send("go", CHANGE)));
      VudoException refusal = assertThrows(VudoException.class, () -> changed.swap(other));
      assertEquals(ErrorCode.SWAP_INCOMPATIBLE, refusal.code());
      assertTrue(refusal.detail().contains("has changed its tables"), refusal.detail());
      assertEquals(2, count(changed));
      assertRestarts(changed);
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void anotherLayoutIsLoaded(String engine) {
    try (MachineFixture spirit = spirit(engine, saving())) {
      assertEquals(1, count(spirit));
      assertEquals(2, count(spirit));
      Swapped swapped = spirit.swap(loading("", ""));
      assertEquals(8, swapped.getSaved().size());
      assertTrue(swapped.getFuelUsed() > 0);
      assertEquals(102, count(spirit));
      assertRestarts(spirit);
      assertEquals(202, count(spirit));
    }
  }

  /** What the host answered while loading is in the journal, as it is of a turn. */
  @ParameterizedTest
  @MethodSource("engines")
  void loadingMayAskForRandomBytes(String engine) {
    byte[] other =
        loading(
            "(import \"spirit\" \"random\" (func $random (param i32 i32) (result i32)))",
            "(drop (call $random (i32.const 200) (i32.const 16)))");
    try (MachineFixture spirit = spirit(engine, saving(), "sensor_random")) {
      assertEquals(1, count(spirit));
      assertEquals(1, spirit.swap(other).getAnswersCount());
      assertRestarts(spirit);
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void whatCannotMoveGoesOnAsBefore(String engine) {
    String send =
        "(import \"spirit\" \"send_message\" (func $send (param i32 i32 i32 i32 i32 i32)"
            + " (result i32)))";
    String take =
        "(import \"spirit\" \"tuplespace_take\" (func $take (param i32 i32 i32 i32 i64 i32 i32)"
            + " (result i32)))";
    Map<String, byte[]> modules =
        Map.of(
            "spirit_load answered 3", loading("", "(return (i32.const 3))"),
            "TRAP_UNREACHABLE", loading("", "(unreachable)"),
            "OUT_OF_FUEL", loading("", "(loop $on (br $on))"),
            "sent a message",
                loading(
                    send + "(data (i32.const 128) \"test/two\")",
                    """
                    (drop (call $send (i32.const 128) (i32.const 8) (i32.const 128) (i32.const 4)
                      (i32.const 0) (i32.const 0)))
                    """),
            "takes a while",
                loading(
                    take + "(data (i32.const 128) \"jobs\") (data (i32.const 136) \"\\91\\c0\")",
                    """
                    (drop (call $take (i32.const 128) (i32.const 4) (i32.const 136) (i32.const 2)
                      (i64.const 0) (i32.const 144) (i32.const 148)))
                    """));
    modules.forEach(
        (what, module) -> {
          try (MachineFixture spirit =
              spirit(engine, saving(), "cross_sandbox_call", "tuplespace_take")) {
            assertEquals(1, count(spirit));
            String hash = spirit.machine().stateHash();
            VudoException refusal = assertThrows(VudoException.class, () -> spirit.swap(module));
            assertEquals(ErrorCode.SWAP_FAILED, refusal.code(), refusal.detail());
            assertTrue(refusal.detail().contains(what), refusal.detail());
            // spirit_save of this guest spoils its own state.
            assertEquals(hash, spirit.machine().stateHash());

            Deployment target = spirit.deployed(module);
            assertTrue(spirit.machine().isBehind(target));
            spirit.journal.add(spirit.machine().refuseSwap(target, refusal.toError()));
            assertFalse(spirit.machine().isBehind(target));
            assertRestarts(spirit);
            assertFalse(spirit.machine().isBehind(target));
            assertEquals(
                "SWAP_FAILED", spirit.machine().refusedSwap().orElseThrow().getFailed().getCode());
            assertEquals(2, count(spirit));
          }
        });
  }

  @Test
  void whatIsTooMuchIsNotSaved() {
    byte[] much = counting(1, "(func (export \"spirit_save\") (result i64) (i64.const 1001))");
    byte[] nowhere =
        counting(1, "(func (export \"spirit_save\") (result i64) (i64.const 0x1000000000000))");
    for (byte[] module : List.of(much, nowhere)) {
      try (MachineFixture spirit = new MachineFixture(module)) {
        count(spirit);
        VudoException refusal =
            assertThrows(VudoException.class, () -> spirit.swap(loading("", "")));
        assertEquals(ErrorCode.SWAP_FAILED, refusal.code(), refusal.detail());
        assertEquals(2, count(spirit));
      }
    }
  }

  @Test
  void anotherLayoutWithoutAWayIsRefusedWithTheReasons() {
    try (MachineFixture spirit = new MachineFixture(counting(1, ""))) {
      count(spirit);
      VudoException refusal = assertThrows(VudoException.class, () -> spirit.swap(loading("", "")));
      assertEquals(ErrorCode.SWAP_INCOMPATIBLE, refusal.code());
      for (String part : List.of("memory is declared as 3", "mutable global 0", "spirit_save")) {
        assertTrue(refusal.detail().contains(part), refusal.detail());
      }
      assertEquals(2, count(spirit));
    }
  }

  @Test
  void aReplayFindsAnotherStateThanRecorded() {
    try (MachineFixture spirit = new MachineFixture(saving())) {
      count(spirit);
      spirit.swap(loading("", ""));
      int last = spirit.journal.size() - 1;
      SpiritEvent.Builder tampered = spirit.journal.get(last).toBuilder();
      tampered.getSwappedBuilder().setSaved(com.google.protobuf.ByteString.copyFrom(new byte[8]));
      spirit.journal.set(last, tampered.build());
      VudoException failure = assertThrows(VudoException.class, spirit::restart);
      assertEquals(ErrorCode.REPLAY_DIVERGED, failure.code());
      assertTrue(failure.detail().contains("the swap after it"), failure.detail());
    }
  }

  /**
   * Only a swap brings a state to another module; a header or event that says otherwise is wrong.
   */
  @Test
  void aStateIsNeverLoadedIntoAnotherModule() throws Exception {
    try (MachineFixture spirit = new MachineFixture(counting(1, ""))) {
      count(spirit);
      // The very same layout, so that nothing else would notice.
      Configured other = Configurations.of(spirit.deployed(counting(10, ""))).toBuilder().build();
      StateSnapshot snapshot = spirit.machine().snapshot(3);
      SpiritHeader header =
          SpiritHeader.parseFrom(snapshot.header()).toBuilder().setConfigured(other).build();
      try (SpiritMachine restored = spirit.fresh()) {
        restored.recover(
            StateSnapshot.full(header.toByteString(), snapshot.memoryBytes(), snapshot.pages()));
        VudoException failure = assertThrows(VudoException.class, restored::stateHash);
        assertEquals(ErrorCode.SNAPSHOT_MISMATCH, failure.code());
      }
      spirit.journal.add(SpiritEvent.newBuilder().setConfigured(other).build());
      spirit.restart();
      VudoException failure = assertThrows(VudoException.class, () -> count(spirit));
      assertEquals(ErrorCode.SNAPSHOT_MISMATCH, failure.code());
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void thereAndBack(String engine) {
    byte[] one = counting(1, "");
    byte[] ten = counting(10, "");
    try (MachineFixture spirit = spirit(engine, one)) {
      assertEquals(1, count(spirit));
      spirit.swap(ten);
      assertEquals(11, count(spirit));
      spirit.swap(one);
      assertEquals(12, count(spirit));
      assertRestarts(spirit);
      assertEquals(13, count(spirit));
    }
  }
}
