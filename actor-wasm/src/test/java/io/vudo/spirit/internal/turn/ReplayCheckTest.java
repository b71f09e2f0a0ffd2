package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.MachineFixture.nothing;
import static io.vudo.spirit.internal.turn.MachineFixture.number;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Engines;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whether a replay is checked: effects, reply, fuel, and the state itself. */
class ReplayCheckTest {
  private static final byte[] BAD = {1};
  private static final String IMPORT_SEND =
      """
      (import "spirit" "send_message"
        (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
      """;

  static List<String> engines() {
    return Engines.names();
  }

  private static MachineFixture counter(String engine) {
    return new MachineFixture(engine, TestGuests.counter(), SpiritLimits.DEFAULTS);
  }

  private static String hex(ByteString hash) {
    return HexFormat.of().formatHex(hash.toByteArray());
  }

  /** The event at this place of the journal becomes another turn. */
  private static void change(MachineFixture spirit, int index, UnaryOperator<Turn.Builder> change) {
    Turn.Builder turn = spirit.journal.get(index).getTurn().toBuilder();
    spirit.journal.set(index, SpiritEvent.newBuilder().setTurn(change.apply(turn).build()).build());
  }

  private static String divergence(MachineFixture spirit) {
    VudoException failure = assertThrows(VudoException.class, spirit::recovered);
    assertEquals(ErrorCode.REPLAY_DIVERGED, failure.code(), failure::getMessage);
    return failure.detail();
  }

  @ParameterizedTest
  @MethodSource("engines")
  void eachTurnMayCarryTheHashOfTheStateAfterIt(String engine) {
    try (MachineFixture spirit = counter(engine).hashingEvery(1)) {
      Set<ByteString> hashes = new HashSet<>();
      for (int i = 0; i < 70; i++) {
        Turn turn = spirit.send("add", nothing());
        assertEquals(spirit.machine().stateHash(), hex(turn.getStateHash()));
        assertTrue(hashes.add(turn.getStateHash()), "the state changed");
      }
      spirit.restart();
      assertEquals(71, number(spirit.send("add", nothing())));
    }
  }

  @Test
  void allEnginesHashAlike() {
    Set<ByteString> last = new HashSet<>();
    for (String engine : engines()) {
      try (MachineFixture spirit = counter(engine).hashingEvery(2)) {
        assertTrue(spirit.send("add", nothing()).getStateHash().size() == 32, "birth and this one");
        assertTrue(spirit.send("add", nothing()).getStateHash().isEmpty());
        last.add(spirit.send("add", nothing()).getStateHash());
      }
    }
    assertEquals(1, last.size());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void anotherStateStopsTheReplayAndNamesTheTurn(String engine) {
    try (MachineFixture spirit = counter(engine).hashingEvery(1)) {
      spirit.send("add", nothing());
      spirit.send("add", nothing());
      spirit.recovered().close();
      ByteString right = spirit.journal.get(2).getTurn().getStateHash();
      ByteString wrong = ByteString.copyFrom(new byte[32]);
      change(spirit, 2, turn -> turn.setStateHash(wrong));
      String detail = divergence(spirit);
      assertTrue(detail.startsWith("Turn 2 of test/one: the state after it differs"), detail);
      assertTrue(detail.contains(hex(right)) && detail.contains(hex(wrong)), detail);
      // A record of a version that took no hash.
      change(spirit, 2, Turn.Builder::clearStateHash);
      spirit.recovered().close();
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void theFirstEffectThatDiffersIsNamed(String engine) {
    byte[] module =
        TestGuests.spirit(
            IMPORT_SEND,
            "(data (i32.const 128) \"test/two\") (data (i32.const 144) \"ping\")",
            """
            (drop (call $send (i32.const 128) (i32.const 8) (i32.const 144) (i32.const 4)
              (i32.const 144) (i32.const 4)))
            (drop (call $send (i32.const 128) (i32.const 8) (i32.const 144) (i32.const 4)
              (i32.const 145) (i32.const 3)))
            (call $reply (i64.const 1))
            """);
    try (MachineFixture spirit =
        new MachineFixture(engine, module, SpiritLimits.DEFAULTS, "cross_sandbox_call")) {
      assertEquals(2, spirit.send("go", nothing()).getEffectsCount());
      change(
          spirit,
          2,
          turn -> {
            turn.getEffectsBuilder(1)
                .getSendBuilder()
                .getMessageBuilder()
                .setPayload(ByteString.copyFromUtf8("pong"));
            return turn;
          });
      String detail = divergence(spirit);
      assertTrue(detail.startsWith("Turn 2 of test/one: effect 1 differs"), detail);
      assertTrue(detail.contains("\"pong\"") && detail.contains("\"ing\""), detail);
      change(spirit, 2, turn -> turn.removeEffects(1));
      assertTrue(divergence(spirit).contains("effect 1 differs; recorded: none"));
    }
  }

  /** By default it is taken as often as it costs little: not at all where memory is large. */
  @Test
  void largeMemoriesAreHashedSeldom() {
    try (MachineFixture small = new MachineFixture(TestGuests.counter())) {
      long hashes =
          Stream.generate(() -> small.send("add", nothing()))
              .limit(400)
              .filter(turn -> !turn.getStateHash().isEmpty())
              .count();
      assertTrue(hashes >= 4 && hashes <= 10, hashes + " hashes in 400 turns of 64 KiB");
      small.restart();
      assertEquals(401, number(small.send("add", nothing())));
    }
    byte[] large =
        TestGuests.spirit("", "", "(drop (memory.grow (i32.const 4))) (call $reply (i64.const 1))");
    try (MachineFixture spirit = new MachineFixture(large)) {
      for (int i = 0; i < 100; i++) {
        Turn turn = spirit.send("grow", nothing());
        assertTrue(i < 20 || turn.getStateHash().isEmpty(), "turn " + i);
      }
      assertTrue(spirit.machine().marker().getMarker().getStateHash().isEmpty());
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void aSnapshotOfASmallMemoryCarriesItsHash(String engine) throws Exception {
    try (MachineFixture spirit = counter(engine)) {
      spirit.send("add", nothing());
      spirit.machine().rest();
      SpiritEvent marker = spirit.machine().marker();
      StateSnapshot snapshot = spirit.machine().snapshot(3);
      SpiritHeader header = SpiritHeader.parseFrom(snapshot.header());
      assertEquals(marker.getMarker().getStateHash(), header.getStateHash());
      assertEquals(spirit.machine().stateHash(), hex(header.getStateHash()));

      spirit.journal.add(marker);
      spirit.recovered().close();
      Turn next = spirit.send("add", nothing());
      try (SpiritMachine restored = spirit.fresh()) {
        restored.recover(snapshot);
        restored.replay(SpiritEvent.newBuilder().setTurn(next).build());
        assertEquals(spirit.machine().stateHash(), restored.stateHash());
      }

      SpiritHeader other = header.toBuilder().setGlobals(0, header.getGlobals(0) + 1).build();
      try (SpiritMachine restored = spirit.fresh()) {
        restored.recover(
            StateSnapshot.full(other.toByteString(), snapshot.memoryBytes(), snapshot.pages()));
        VudoException failure = assertThrows(VudoException.class, restored::stateHash);
        assertEquals(ErrorCode.REPLAY_DIVERGED, failure.code());
        assertTrue(failure.detail().startsWith("Turn 2 of test/one"), failure::detail);
      }
    }
  }

  @Test
  void aMarkerInTheMiddleIsChecked() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.counter())) {
      spirit.send("add", nothing());
      spirit.journal.add(spirit.machine().marker());
      spirit.send("add", nothing());
      spirit.recovered().close();
      spirit.journal.remove(2);
      assertTrue(divergence(spirit).contains("the state after it differs"));
    }
  }

  /** What failed for what the host answered can be run again on another module. */
  @Test
  void aFailedTurnKeepsTheAnswersItGot() {
    byte[] module =
        TestGuests.spirit(
            "(import \"spirit\" \"now\" (func $now (result i64)))",
            "",
            """
            (global.set $n (call $now))
            (if (local.get $l) (then (unreachable)))
            (call $reply (global.get $n))
            """);
    byte[] mended =
        TestGuests.spirit(
            "(import \"spirit\" \"now\" (func $now (result i64)))",
            "",
            "(global.set $n (call $now)) (call $reply (global.get $n))");
    try (MachineFixture spirit = new MachineFixture(module, SpiritLimits.DEFAULTS, "sensor_time");
        MachineFixture other = new MachineFixture(mended, SpiritLimits.DEFAULTS, "sensor_time")) {
      number(spirit.send("now", nothing()));
      Turn failed = spirit.send("now", BAD);
      assertEquals("TRAP_UNREACHABLE", failed.getFailed().getCode());
      assertEquals(1, failed.getAnswersCount());
      spirit.recovered().close();

      other.send("now", nothing());
      assertEquals(failed.getAnswers(0).getNowNanos(), number(other.machine().rehearse(failed)));
      Turn old = failed.toBuilder().clearAnswers().build();
      assertEquals("REPLAY_DIVERGED", other.machine().rehearse(old).getFailed().getCode());
      assertFalse(other.machine().hasDeliveries());
      assertNotEquals(0, other.machine().lastTurn());
    }
  }
}
