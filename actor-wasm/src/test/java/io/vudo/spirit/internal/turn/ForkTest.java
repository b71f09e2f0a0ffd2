package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.MachineFixture.nothing;
import static io.vudo.spirit.internal.turn.MachineFixture.number;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.spirit.Engines;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A Spirit that begins with the state of another one. */
class ForkTest {
  private static final byte[] CHANGE = {1};

  static List<String> engines() {
    return Engines.names();
  }

  private static SpiritMachine forked(MachineFixture origin, List<SpiritEvent> events) {
    SpiritMachine fork = origin.fresh();
    events.forEach(fork::replay);
    return fork;
  }

  private static long next(SpiritMachine machine) {
    Message message = Message.newBuilder().setId("call:next").build();
    return number(((Attempt.Finished) machine.attempt(message, List.of())).turn());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void itHasMemoryGlobalsAndTablesOfItsOrigin(String engine) {
    for (byte[] module :
        List.of(TestGuests.counter(), TestGuests.grower(), TestGuests.dispatcher())) {
      try (MachineFixture origin = new MachineFixture(engine, module, SpiritLimits.DEFAULTS)) {
        // The grower has more pages than one event holds.
        for (int i = 0; i < 40; i++) {
          origin.send("go", CHANGE);
        }
        List<SpiritEvent> events = origin.machine().state().forkEvents(0);
        String hash = origin.machine().stateHash();
        long expected = number(origin.send("go", nothing()));
        try (SpiritMachine fork = forked(origin, events)) {
          assertEquals(41, fork.lastTurn());
          assertEquals(hash, fork.stateHash());
          assertEquals(expected, next(fork));
          assertEquals(42, fork.lastTurn());
        }
      }
    }
  }

  @Test
  void itHasNothingUndeliveredAndRemembersNoMessages() {
    byte[] sender =
        TestGuests.spirit(
            """
            (import "spirit" "send_message"
              (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
            """,
            "(data (i32.const 128) \"test/two\")",
            """
            (drop (call $send (i32.const 128) (i32.const 8) (i32.const 128) (i32.const 4)
              (i32.const 0) (i32.const 0)))
            (call $reply (i64.const 1))
            """);
    Message keyed =
        Message.newBuilder().setId(SpiritMachine.KEY_PREFIX + "k").setType("go").build();
    try (MachineFixture origin =
        new MachineFixture(sender, SpiritLimits.DEFAULTS, "cross_sandbox_call")) {
      origin.send(keyed);
      assertTrue(origin.machine().hasDeliveries());
      assertEquals(Verdict.DUPLICATE, origin.machine().judge(keyed));
      try (SpiritMachine fork = forked(origin, origin.machine().state().forkEvents(0))) {
        assertFalse(fork.hasDeliveries());
        assertEquals(Verdict.NEW, fork.judge(keyed));
      }
      assertTrue(origin.machine().hasDeliveries());
    }
  }

  /** Both go on and take snapshots as if the other did not exist. */
  @Test
  void originAndForkDoNotShareMemory() {
    try (MachineFixture origin = new MachineFixture(TestGuests.grower())) {
      for (int i = 0; i < 3; i++) {
        origin.send("go", nothing());
      }
      var before = origin.machine().snapshot(4);
      List<SpiritEvent> events = origin.machine().state().forkEvents(0);
      try (SpiritMachine fork = forked(origin, events)) {
        String hash = fork.stateHash();
        for (int i = 0; i < 70; i++) {
          origin.send("go", nothing());
        }
        assertEquals(hash, fork.stateHash());
        fork.rest();
        assertEquals(hash, fork.stateHash());
      }
      // After state() the chain of snapshots begins anew.
      var after = origin.machine().snapshot(80);
      assertTrue(before.isFull() && after.isFull());
      try (SpiritMachine restored = origin.fresh()) {
        restored.recover(after);
        assertEquals(origin.machine().stateHash(), restored.stateHash());
      }
    }
  }

  @Test
  void pagesThatAreMissingOrWrongAreFound() {
    try (MachineFixture origin = new MachineFixture(TestGuests.grower())) {
      origin.send("go", nothing());
      List<SpiritEvent> events = origin.machine().state().forkEvents(0);
      VudoException missing =
          assertThrows(VudoException.class, () -> forked(origin, events.subList(1, events.size())));
      assertEquals(ErrorCode.JOURNAL_CORRUPT, missing.code());

      SpiritEvent.Builder pages = events.get(0).toBuilder();
      pages
          .getForkedPagesBuilder()
          .getPagesBuilder(0)
          .setContent(ByteString.copyFrom(new byte[4096]));
      List<SpiritEvent> wrong = List.of(pages.build(), events.get(1));
      try (SpiritMachine fork = forked(origin, wrong)) {
        VudoException failure = assertThrows(VudoException.class, fork::stateHash);
        assertEquals(ErrorCode.REPLAY_DIVERGED, failure.code());
      }
    }
  }
}
