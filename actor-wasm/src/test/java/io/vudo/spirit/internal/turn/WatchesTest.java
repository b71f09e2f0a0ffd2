package io.vudo.spirit.internal.turn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Pending;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import io.vudo.protocol.journal.v1.Turn;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The watches of a Spirit as a part of its state, and its recorded answers of many tuples. */
class WatchesTest {
  /** Watches the space {@code s} under the name that is the payload; {@code u…} ends one. */
  private static final byte[] MODULE =
      TestGuests.spirit(
          """
          (import "spirit" "tuplespace_watch"
            (func $watch (param i32 i32 i32 i32 i32 i32) (result i32)))
          (import "spirit" "tuplespace_unwatch" (func $unwatch (param i32 i32 i32 i32) (result i32)))
          (import "spirit" "tuplespace_take_all"
            (func $all (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
          """,
          "(data (i32.const 128) \"s\") (data (i32.const 136) \"\\91\\c7\\00\\00\")",
          """
          (drop (call $type (i32.const 256) (i32.const 16)))
          (if (i32.eq (i32.load8_u (i32.const 256)) (i32.const 0x75)) ;; unwatch
            (then (return (call $reply (i64.extend_i32_s
              (call $unwatch (i32.const 128) (i32.const 1) (local.get $p) (local.get $l)))))))
          (if (i32.eq (i32.load8_u (i32.const 256)) (i32.const 0x61)) ;; all
            (then
              (if (call $all (i32.const 128) (i32.const 1) (i32.const 136) (i32.const 4)
                    (i32.const 10) (i32.const 64) (i32.const 68))
                (then (unreachable)))
              (return (call $reply (i64.extend_i32_u (i32.load (i32.const 68)))))))
          (call $reply (i64.extend_i32_s
            (call $watch (i32.const 128) (i32.const 1) (i32.const 136) (i32.const 4)
              (local.get $p) (local.get $l))))
          """);

  private static MachineFixture spirit() {
    return new MachineFixture(
        MODULE, SpiritLimits.DEFAULTS, "tuplespace_read:s", "tuplespace_take:s");
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<Effect> leaving(SpiritMachine machine) {
    return machine.deliveries().stream().map(Pending::getEffect).toList();
  }

  private static Message change(String watch, String tuple) {
    return Message.newBuilder()
        .setId("watch:x")
        .setType("tuple.added")
        .setKind(Message.Kind.TUPLE_CHANGED)
        .setWatch(watch)
        .setPayload(
            tuple.isEmpty()
                ? ByteString.EMPTY
                : ByteString.copyFrom(TupleCodec.encode(TupleJson.readTuple(tuple))))
        .build();
  }

  private static String payload(SpiritMachine machine, String watch, String tuple) {
    return machine
        .watched(change(watch, tuple))
        .map(told -> TupleCodec.decodeTuple(told.getPayload().toByteArray()))
        .map(TupleJson::write)
        .orElse("");
  }

  @Test
  void aWatchOfTheSameNameTakesThePlaceOfTheOneBefore() {
    try (MachineFixture spirit = spirit()) {
      spirit.send("watch", text("one"));
      String first = leaving(spirit.machine()).get(0).getTupleWatch().getId();
      assertEquals("test/one#2#0#s", first);
      spirit.send("watch", text("one"));
      Effect second = leaving(spirit.machine()).get(1);
      assertEquals(first, second.getTupleWatch().getReplaces());
      assertEquals("", payload(spirit.machine(), first, "[1]"));
      String id = second.getTupleWatch().getId();
      for (int i = 0; i < 2; i++) {
        assertEquals("[\"one\",\"s\",[1]]", payload(spirit.machine(), id, "[1]"));
        assertEquals("[\"one\",\"s\",null]", payload(spirit.machine(), id, ""));
        spirit.restart();
      }
      try (SpiritMachine restored = spirit.fresh()) {
        restored.recover(spirit.machine().snapshot(9));
        assertEquals("[\"one\",\"s\",[1]]", payload(restored, id, "[1]"));
      }
      spirit.send("unwatch", text("one"));
      assertEquals(id, leaving(spirit.machine()).get(2).getTupleUnwatch().getId());
      assertEquals("", payload(spirit.machine(), id, "[1]"));
      spirit.send("unwatch", text("one"));
      assertEquals(3, leaving(spirit.machine()).size(), "there is nothing to end");
    }
  }

  @Test
  void theEndOfALifeEndsItsWatches() {
    try (MachineFixture spirit = spirit()) {
      spirit.send("watch", text("one"));
      spirit.send("watch", text("two"));
      List<String> ids =
          leaving(spirit.machine()).stream().map(one -> one.getTupleWatch().getId()).toList();
      spirit.journal.add(
          spirit
              .machine()
              .stop(Message.newBuilder().setId("stop").setKind(Message.Kind.STOP).build()));
      for (int i = 0; i < 2; i++) {
        assertEquals(
            ids,
            leaving(spirit.machine()).stream()
                .filter(Effect::hasTupleUnwatch)
                .map(one -> one.getTupleUnwatch().getId())
                .toList());
        assertEquals("", payload(spirit.machine(), ids.get(0), "[1]"));
        spirit.restart();
      }
    }
  }

  @Test
  void tooManyWatchesEndTheTurn() {
    int most = TurnLimits.DEFAULTS.maxWatchers();
    try (MachineFixture spirit = spirit()) {
      for (int i = 0; i < most; i++) {
        spirit.send("watch", text("name " + i));
      }
      assertTrue(spirit.send("watch", text("name 0")).hasCompleted(), "in place of another");
      Turn last = spirit.send("watch", text("one more"));
      assertEquals(ErrorCode.EFFECT_LIMIT_EXCEEDED.name(), last.getFailed().getCode());
      spirit.send("unwatch", text("name 0"));
      assertTrue(spirit.send("watch", text("one more")).hasCompleted());
    }
  }

  @Test
  void manyTuplesAreRecordedAndEachHoldIsConfirmed() {
    List<Tuple> tuples = IntStream.range(0, 3).mapToObj(i -> Tuple.of((long) i)).toList();
    ByteString array = ByteString.copyFrom(new byte[] {(byte) 0x93});
    for (Tuple tuple : tuples) {
      array = array.concat(ByteString.copyFrom(TupleCodec.encode(tuple)));
    }
    Answer answer =
        Answer.newBuilder()
            .setTuples(
                TuplesAnswer.newBuilder()
                    .setTuples(array)
                    .addAllHolds(List.of("h!0|1", "h!1|1", "h!2|1"))
                    .setSpace("s"))
            .build();
    try (MachineFixture spirit = spirit()) {
      Message all = Message.newBuilder().setId("call:all").setType("all").build();
      assertTrue(spirit.attempt(all, List.of()) instanceof Attempt.Suspended);
      Turn turn = ((Attempt.Finished) spirit.attempt(all, List.of(answer))).turn();
      assertEquals(array.size(), MachineFixture.number(turn));
      assertEquals(List.of(answer), turn.getAnswersList());
      for (int i = 0; i < 2; i++) {
        assertEquals(
            List.of("h!0|1", "h!1|1", "h!2|1"),
            leaving(spirit.machine()).stream().map(e -> e.getConfirmTake().getHold()).toList());
        assertTrue(spirit.machine().holdCommitted("h!1|1"));
        spirit.restart();
      }
    }
  }
}
