package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.MachineFixture.nothing;
import static io.vudo.spirit.internal.turn.MachineFixture.number;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.Turn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The turn without actors: what runs, what stays, what comes back. */
class SpiritMachineTest {
  private static final byte[] BAD = {1};

  private static final String IMPORT_SEND =
      """
      (import "spirit" "send_message"
        (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
      """;

  @Test
  void aGlobalThatIsNotExportedSurvivesARestart() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.counter())) {
      for (int i = 1; i <= 200; i++) {
        assertEquals(i, number(spirit.send("add", nothing())));
      }
      spirit.restart();
      assertEquals(201, number(spirit.send("add", nothing())));
    }
  }

  @Test
  void memoryThatGrewSurvivesARestart() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.grower())) {
      long before = 0;
      for (int i = 0; i < 70; i++) {
        before = number(spirit.send("grow", nothing()));
      }
      long bytes = spirit.machine().memoryBytes();
      spirit.restart();
      assertEquals(before + 72, number(spirit.send("grow", nothing())));
      assertEquals(bytes + SpiritLimits.PAGE_BYTES, spirit.machine().memoryBytes());
    }
  }

  @Test
  void aChangedFunctionTableSurvivesARestart() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.dispatcher())) {
      assertEquals(1, number(spirit.send("apply", nothing())));
      assertEquals(2, number(spirit.send("change", BAD)));
      spirit.restart();
      assertEquals(2, number(spirit.send("apply", nothing())));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"counter", "grower", "dispatcher"})
  void aSnapshotHoldsTheWholeState(String kind) {
    byte[] module =
        switch (kind) {
          case "counter" -> TestGuests.counter();
          case "grower" -> TestGuests.grower();
          default -> TestGuests.dispatcher();
        };
    try (MachineFixture spirit = new MachineFixture(module)) {
      spirit.send("first", BAD);
      spirit.send("second", nothing());
      var snapshot = spirit.machine().snapshot(1);
      long expected = number(spirit.send("third", nothing()));

      try (SpiritMachine restored = spirit.fresh()) {
        restored.recover(snapshot);
        assertEquals(3, restored.lastTurn());
        Attempt third = restored.attempt(Message.newBuilder().setId("call:x").build(), List.of());
        assertEquals(expected, number(((Attempt.Finished) third).turn()));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "OUT_OF_FUEL, '(loop $l (br $l))'",
    "TRAP_UNREACHABLE, 'unreachable'",
    "TRAP_DIVISION_BY_ZERO, '(drop (i32.div_u (i32.const 1) (i32.const 0)))'",
    "TRAP_MEMORY_OUT_OF_BOUNDS, '(i32.store (i32.const -4) (i32.const 1))'",
    "CALL_DEPTH_EXCEEDED, '(call $deep)'",
    "GUEST_BAD_REPLY, '(return (i64.const 0x7fffffff00000010))'",
    "TRAP_INDIRECT_CALL_NULL, '(call_indirect (type $void) (i32.const 1))'",
    "TRAP_TABLE_OUT_OF_BOUNDS, '(call_indirect (type $void) (i32.const 99))'",
  })
  void aFailedTurnIsTypedAndLeavesNoTrace(String code, String misdeed) {
    byte[] module =
        TestGuests.counterThatMay(
            """
            (type $void (func))
            (table 2 funcref)
            (elem (i32.const 0) $deep)
            (func $deep (type $void) (call $deep))
            """,
            misdeed);
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS.withFuelPerTurn(50_000_000))) {
      assertEquals(1, number(spirit.send("add", nothing())));
      for (int i = 0; i < 3; i++) {
        Turn failed = spirit.send("add", BAD);
        assertEquals(code, failed.getFailed().getCode(), failed.getFailed().getDetail());
        assertEquals(0, failed.getEffectsCount());
      }
      assertEquals(2, number(spirit.send("add", nothing())));
      spirit.restart();
      assertEquals(3, number(spirit.send("add", nothing())));
      assertEquals(7, spirit.machine().lastTurn());
    }
  }

  @Test
  void aGuestThatOnlyBurnsTimeIsStopped() {
    byte[] module = TestGuests.counterThatMay("", "(loop $l (br $l))");
    SpiritLimits limits =
        SpiritLimits.DEFAULTS.withFuelPerTurn(Long.MAX_VALUE / 8).withTurnTimeoutMillis(300);
    try (MachineFixture spirit = new MachineFixture(module, limits)) {
      assertEquals(1, number(spirit.send("add", nothing())));
      assertEquals("TURN_TIMEOUT", spirit.send("add", BAD).getFailed().getCode());
      assertEquals(2, number(spirit.send("add", nothing())));
    }
  }

  @Test
  void memoryBeyondTheLimitIsRefusedToTheGuestOnly() {
    byte[] module =
        TestGuests.spirit(
            "", "", "(call $reply (i64.extend_i32_s (memory.grow (i32.const 30000))))");
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS.withMaxMemoryBytes(1 << 20))) {
      assertEquals(-1, number(spirit.send("bomb", nothing())));
    }
  }

  @Test
  void fuelIsGivenAnewWithEveryMessage() {
    byte[] module =
        TestGuests.spirit(
            "",
            "",
            """
            (local $i i32)
            (local.set $i (i32.const 200))
            (loop $again
              (local.set $i (i32.sub (local.get $i) (i32.const 1)))
              (br_if $again (local.get $i)))
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (call $reply (global.get $n))
            """);
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS.withFuelPerTurn(1_000_000))) {
      Turn turn = Turn.getDefaultInstance();
      for (int i = 1; i <= 10_000; i++) {
        turn = spirit.send("work", nothing());
        assertEquals(i, number(turn));
      }
      // 10,000 of them burn ten times what one message may.
      assertTrue(turn.getFuelUsed() >= 1_000, "fuel " + turn.getFuelUsed());
    }
  }

  @Test
  void anApplicationErrorEndsTheTurn() {
    byte[] module =
        TestGuests.spirit(
            "(import \"spirit\" \"fail\" (func $fail (param i32 i32 i32)))",
            "(data (i32.const 128) \"no stock\")",
            """
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (if (local.get $l) (then (call $fail (i32.const 409) (i32.const 128) (i32.const 8))))
            (call $reply (global.get $n))
            """);
    try (MachineFixture spirit = new MachineFixture(module)) {
      Turn failed = spirit.send("take", BAD);
      assertEquals("APPLICATION_ERROR", failed.getFailed().getCode());
      assertEquals("Code 409: no stock", failed.getFailed().getDetail());
      assertEquals(1, number(spirit.send("take", nothing())));
    }
  }

  @Test
  void clockAndRandomAreRecordedAndReplayed() {
    byte[] module =
        TestGuests.spirit(
            """
            (import "spirit" "now" (func $now (result i64)))
            (import "spirit" "random" (func $random (param i32 i32) (result i32)))
            """,
            "",
            """
            (drop (call $random (i32.const 256) (i32.const 8)))
            (global.set $n (i64.xor (global.get $n)
              (i64.xor (call $now) (i64.load (i32.const 256)))))
            (call $reply (global.get $n))
            """);
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "sensor_time", "sensor_random")) {
      long last = 0;
      for (int i = 0; i < 5; i++) {
        long mixed = number(spirit.send("mix", nothing()));
        assertNotEquals(last, mixed);
        last = mixed;
      }
      try (SpiritMachine recovered = spirit.recovered()) {
        assertEquals(spirit.machine().snapshot(1).header(), recovered.snapshot(1).header());
      }
      assertEquals(
          5, spirit.journal.stream().filter(e -> e.getTurn().getAnswersCount() == 2).count());
    }
  }

  @Test
  void aReplayThatDoesSomethingElseIsDetected() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.counter())) {
      spirit.send("add", nothing());
      spirit.send("add", nothing());
      SpiritEvent last = spirit.journal.remove(spirit.journal.size() - 1);
      SpiritEvent.Builder forged = last.toBuilder();
      forged.getTurnBuilder().getCompletedBuilder().setReply(ByteString.copyFromUtf8("12345678"));
      spirit.journal.add(forged.build());

      VudoException e = assertThrows(VudoException.class, spirit::recovered);
      assertEquals(ErrorCode.REPLAY_DIVERGED, e.code());
      assertTrue(e.detail().contains("Turn 3 of test/one"), e.detail());
    }
  }

  @Test
  void withoutTheCapabilityNothingIsDone() {
    byte[] module =
        TestGuests.spirit(
            IMPORT_SEND + "(import \"spirit\" \"now\" (func $now (result i64)))",
            "(data (i32.const 128) \"a/b\")",
            """
            (call $reply (i64.add
              (i64.mul (i64.const 100) (call $now))
              (i64.extend_i32_s (call $send
                (i32.const 128) (i32.const 3) (i32.const 128) (i32.const 3)
                (i32.const 0) (i32.const 0)))))
            """);
    try (MachineFixture spirit = new MachineFixture(module)) {
      Turn turn = spirit.send("x", nothing());
      assertEquals(-101, number(turn));
      assertEquals(0, turn.getEffectsCount());
    }
  }

  @Test
  void effectsStayInTheOutboxUntilConfirmed() {
    byte[] module =
        TestGuests.spirit(
            IMPORT_SEND,
            "(data (i32.const 128) \"a/b\")",
            """
            (drop (call $send
              (i32.const 128) (i32.const 3) (i32.const 130) (i32.const 1)
              (i32.const 128) (i32.const 3)))
            (call $reply (i64.extend_i32_s (call $send
              (i32.const 128) (i32.const 3) (i32.const 130) (i32.const 1)
              (i32.const 0) (i32.const 0))))
            """);
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "cross_sandbox_call")) {
      Turn turn = spirit.send("x", nothing());
      assertEquals(2, turn.getEffectsCount());
      assertEquals("test/one#2#0", turn.getEffects(0).getSend().getMessage().getId());

      var deliveries = spirit.machine().deliveries();
      assertEquals(2, deliveries.size());
      Message second = deliveries.get(1).getEffect().getSend().getMessage();
      assertEquals(deliveries.get(0).getPosition(), second.getPrevious());

      spirit.restart();
      assertEquals(deliveries, spirit.machine().deliveries());
      assertTrue(spirit.machine().acknowledge(deliveries.get(0).getPosition()));
      assertFalse(spirit.machine().acknowledge(deliveries.get(0).getPosition()));
      assertEquals(1, spirit.machine().deliveries().size());
      assertFalse(
          spirit.machine().deliveries().get(0).getEffect().getSend().getMessage().hasPrevious());
    }
  }

  @Test
  void moreEffectsThanATurnMayHaveEndIt() {
    byte[] module =
        TestGuests.spirit(
            IMPORT_SEND,
            "(data (i32.const 128) \"a/b\")",
            """
            (loop $again
              (drop (call $send
                (i32.const 128) (i32.const 3) (i32.const 130) (i32.const 1)
                (i32.const 128) (i32.const 3)))
              (br $again))
            unreachable
            """);
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "cross_sandbox_call")) {
      Turn turn = spirit.send("x", nothing());
      assertEquals("EFFECT_LIMIT_EXCEEDED", turn.getFailed().getCode());
      assertFalse(spirit.machine().hasDeliveries());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // As vudo_tuple.h writes it: the length of the extension in a byte of its own.
        "92a36a6f62c7040292a13e0a | [\"job\", {\"?\": [\">\", 10]}]",
        "92a36a6f6291c7070292a2696e920102 | [\"job\", [{\"?\": [\"in\", [1, 2]]}]]",
        "91c7040292a13d0a | [10]",
        "91c7040292a17e0a | ''", // no operator
        "91c7040292a13ec0 | ''", // no order of null
        "91c7090292a13dc7040292a13e0a | ''", // a predicate in a predicate
      })
  void aTemplateOfAGuestMayHavePredicates(String hex, String json) {
    byte[] module =
        TestGuests.spirit(
            """
            (import "spirit" "tuplespace_read"
              (func $read (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
            """,
            "(data (i32.const 128) \"jobs\") (data (i32.const 256) \""
                + hex.replaceAll("..", "\\\\$0")
                + "\")",
            """
            (call $reply (i64.extend_i32_s
              (call $read (i32.const 128) (i32.const 4) (i32.const 256) (i32.const %d)
                (i64.const 0) (i32.const 300) (i32.const 304))))
            """
                .formatted(hex.length() / 2));
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "tuplespace_read:jobs")) {
      Attempt attempt = spirit.attempt(Message.newBuilder().setId("call:1").build(), List.of());
      if (json.isEmpty()) {
        assertEquals(
            GuestStatus.INVALID_PARAMETER.status(), number(((Attempt.Finished) attempt).turn()));
      } else {
        WaitRequest.Tuple request =
            assertInstanceOf(WaitRequest.Tuple.class, ((Attempt.Suspended) attempt).request());
        assertEquals(TupleJson.readTemplate(json), request.template());
      }
    }
  }

  @Test
  void aTakeSuspendsTheTurnAndTheRerunGetsTheTuple() {
    Tuple tuple = TupleJson.readTuple("[\"job\", 7]");
    byte[] template = TupleCodec.encode(TupleJson.readTemplate("[\"job\", {\"?\": \"int\"}]"));
    StringBuilder data = new StringBuilder();
    for (byte b : template) {
      data.append(String.format("\\%02x", b));
    }
    byte[] module =
        TestGuests.spirit(
            """
            (import "spirit" "tuplespace_take"
              (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
            """,
            "(data (i32.const 128) \"jobs\") (data (i32.const 256) \"" + data + "\")",
            """
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (if (call $take (i32.const 128) (i32.const 4) (i32.const 256) (i32.const %d)
                  (i64.const 0) (i32.const 300) (i32.const 304))
              (then (return (call $reply (i64.const -1)))))
            (call $reply (i64.add (global.get $n) (i64.extend_i32_u (i32.load (i32.const 304)))))
            """
                .formatted(template.length));
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "tuplespace_take:jobs")) {
      Message message = Message.newBuilder().setId("call:1").build();
      Attempt.Suspended suspended =
          assertInstanceOf(Attempt.Suspended.class, spirit.attempt(message, List.of()));
      WaitRequest.Tuple request = assertInstanceOf(WaitRequest.Tuple.class, suspended.request());
      assertEquals("jobs", request.space());
      assertTrue(request.take());
      assertFalse(spirit.machine().hasInstance());
      assertEquals(1, spirit.machine().lastTurn());

      byte[] encoded = TupleCodec.encode(tuple);
      List<Answer> answers = new ArrayList<>(suspended.answers());
      answers.add(
          Answer.newBuilder()
              .setTuple(
                  TupleAnswer.newBuilder().setTuple(ByteString.copyFrom(encoded)).setHold("h1"))
              .build());
      Turn turn = ((Attempt.Finished) spirit.attempt(message, answers)).turn();
      assertEquals(1 + encoded.length, number(turn));
      assertEquals("h1", turn.getEffects(0).getConfirmTake().getHold());
      assertTrue(spirit.machine().holdCommitted("h1"));

      spirit.restart();
      assertTrue(spirit.machine().holdCommitted("h1"));
    }
  }

  @Test
  void aRepetitionIsRecognisedAlsoAfterARestart() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.counter())) {
      Message keyed = Message.newBuilder().setId("key:k1").build();
      Message first = fromSpirit(1, 0);
      Message third = fromSpirit(5, 2).toBuilder().setPrevious(position(3, 0)).build();
      assertEquals(1, number(spirit.send(keyed)));
      assertEquals(2, number(spirit.send(first)));

      spirit.restart();
      assertEquals(Verdict.DUPLICATE, spirit.machine().judge(keyed));
      assertTrue(spirit.machine().outcome(keyed).orElseThrow().hasCompleted());
      assertEquals(Verdict.DUPLICATE, spirit.machine().judge(first));
      assertEquals(Verdict.GAP, spirit.machine().judge(third));
      assertEquals(Verdict.NEW, spirit.machine().judge(fromSpirit(3, 0)));
      spirit.send(fromSpirit(3, 0));
      assertEquals(Verdict.NEW, spirit.machine().judge(third));
    }
  }

  @Test
  void aRepetitionWhoseKeyIsForgottenIsNotTakenForNew() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.counter())) {
      long beforeMillis = System.currentTimeMillis();
      long laterMillis = beforeMillis + TimeUnit.HOURS.toMillis(1);
      Message other = keyed("other", beforeMillis);
      // Its birth would be remembered under a key, too.
      spirit.send("add", nothing());
      for (int key = 0; key < MachineFixture.MAX_KEYS; key++) {
        spirit.send(keyed("k" + key, 0));
      }
      // Nothing is forgotten yet.
      assertEquals(Verdict.DUPLICATE, spirit.machine().judge(keyed("k0", beforeMillis)));
      assertEquals(Verdict.NEW, spirit.machine().judge(other));
      assertEquals(Verdict.NEW, spirit.machine().judge(keyed("long ago", 1)));

      spirit.send(keyed("one more", 0));
      assertEquals(Verdict.FORGOTTEN, spirit.machine().judge(keyed("k0", beforeMillis)));
      assertEquals(Verdict.FORGOTTEN, spirit.machine().judge(other));
      assertEquals(Verdict.DUPLICATE, spirit.machine().judge(keyed("k1", beforeMillis)));
      // It was first sent after all that is forgotten, or for the first time now.
      assertEquals(Verdict.NEW, spirit.machine().judge(keyed("k0", laterMillis)));
      assertEquals(Verdict.NEW, spirit.machine().judge(keyed("k0", 0)));

      spirit.restart();
      assertEquals(Verdict.FORGOTTEN, spirit.machine().judge(other));
      assertEquals(Verdict.NEW, spirit.machine().judge(keyed("k0", laterMillis)));
      try (SpiritMachine restored = spirit.fresh()) {
        restored.recover(spirit.machine().snapshot(1));
        assertEquals(Verdict.FORGOTTEN, restored.judge(other));
        assertEquals(Verdict.DUPLICATE, restored.judge(keyed("k1", beforeMillis)));
        assertEquals(Verdict.NEW, restored.judge(keyed("k0", laterMillis)));
      }
    }
  }

  private static Message keyed(String key, long firstSentMillis) {
    return Message.newBuilder()
        .setId(SpiritMachine.KEY_PREFIX + key)
        .setFirstSentMillis(firstSentMillis)
        .build();
  }

  @Test
  void stopEndsALifeAndTheNextMessageBeginsAnother() {
    try (MachineFixture spirit = new MachineFixture(TestGuests.counter())) {
      spirit.send("add", nothing());
      spirit.send("add", nothing());
      spirit.journal.add(
          spirit
              .machine()
              .stop(Message.newBuilder().setId("call:stop").setKind(Message.Kind.STOP).build()));
      assertEquals(1, number(spirit.send("add", nothing())));
      spirit.restart();
      assertEquals(2, number(spirit.send("add", nothing())));
    }
  }

  @Test
  void spiritInitRunsOnceInALife() {
    byte[] module =
        TestGuests.spirit(
            "",
            """
            (func (export "spirit_init") (param i32 i32) (result i32)
              (global.set $n (i64.add (global.get $n) (i64.const 100)))
              (i32.const 0))
            """,
            """
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (call $reply (global.get $n))
            """);
    try (MachineFixture spirit = new MachineFixture(module)) {
      assertEquals(101, number(spirit.send("add", nothing())));
      spirit.restart();
      assertEquals(102, number(spirit.send("add", nothing())));
      assertEquals(103, number(spirit.send("add", nothing())));
    }
  }

  @Test
  void aBirthThatFailsIsTypedAndTriedAgain() {
    byte[] module =
        TestGuests.spirit(
            "",
            "(func (export \"spirit_init\") (param i32 i32) (result i32) (i32.const 5))",
            "(i64.const 0)");
    try (MachineFixture spirit = new MachineFixture(module)) {
      for (int i = 0; i < 2; i++) {
        Turn turn = spirit.send("x", nothing());
        assertEquals("SPIRIT_INIT_FAILED", turn.getFailed().getCode());
        assertTrue(turn.getFailed().getDetail().contains("answered 5"));
      }
      assertFalse(spirit.machine().born());
    }
  }

  @Test
  void aReplyMayBeEmptyOrAbsent() {
    byte[] module =
        TestGuests.spirit(
            "",
            "",
            "(if (result i64) (local.get $l) (then (i64.const 0x100000000)) (else (i64.const 0)))");
    try (MachineFixture spirit = new MachineFixture(module)) {
      assertFalse(spirit.send("x", nothing()).getCompleted().hasReply());
      Turn empty = spirit.send("x", BAD);
      assertTrue(empty.getCompleted().hasReply());
      assertEquals(0, empty.getCompleted().getReply().size());
    }
  }

  @Test
  void theGuestReadsWhoItIsAndWhoAsks() {
    byte[] module =
        TestGuests.spirit(
            """
            (import "spirit" "self" (func $self (param i32 i32) (result i32)))
            (import "spirit" "sender" (func $sender (param i32 i32) (result i32)))
            (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
            """,
            "",
            """
            (local $at i32)
            (local.set $at (i32.const 512))
            (local.set $at (i32.add (local.get $at) (call $self (local.get $at) (i32.const 100))))
            (local.set $at (i32.add (local.get $at) (call $sender (local.get $at) (i32.const 100))))
            (local.set $at (i32.add (local.get $at) (call $type (local.get $at) (i32.const 100))))
            (i64.or (i64.shl (i64.const 512) (i64.const 32))
              (i64.extend_i32_u (i32.sub (local.get $at) (i32.const 512))))
            """);
    try (MachineFixture spirit = new MachineFixture(module)) {
      Turn turn = spirit.send(fromSpirit(1, 0).toBuilder().setType("greet").build());
      assertEquals(
          "test/oneother/sgreet", turn.getCompleted().getReply().toString(StandardCharsets.UTF_8));
    }
  }

  private static Message fromSpirit(long turn, int index) {
    return Message.newBuilder()
        .setId("other/s#" + turn + "#" + index)
        .setSender("other/s")
        .setPosition(position(turn, index))
        .build();
  }

  private static Position position(long turn, int index) {
    return Position.newBuilder().setTurn(turn).setIndex(index).build();
  }

  @Test
  void anInitialisationWithoutStatusIsATypedError() {
    byte[] module =
        TestGuests.spirit(
            "", "(func (export \"spirit_init\") (param i32 i32))", "(call $reply (i64.const 0))");
    try (MachineFixture spirit = new MachineFixture(module)) {
      Turn turn = spirit.send("count", MachineFixture.nothing());
      assertEquals(ErrorCode.SPIRIT_INIT_FAILED.name(), turn.getFailed().getCode());
      assertTrue(turn.getFailed().getDetail().startsWith("ARGUMENT_INVALID"), turn::toString);
    }
  }
}
