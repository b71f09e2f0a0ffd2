package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.MachineFixture.nothing;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Turn;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What one turn may pile up, beside the number of its effects. */
class TurnBoundsTest {

  /** Calls something as often as a message's payload says: its length times a hundred. */
  private static byte[] calling(String imports, String call) {
    return TestGuests.spirit(
        imports,
        "(data (i32.const 128) \"a/b\")",
        """
        (local $i i32)
        (local.set $i (i32.mul (local.get $l) (i32.const 100)))
        (block $done
          (loop $again
            (br_if $done (i32.eqz (local.get $i)))
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            %s
            (br $again)))
        (call $reply (i64.const 0))
        """
            .formatted(call));
  }

  @ParameterizedTest
  @CsvSource({"1000, ''", "1001, EFFECT_LIMIT_EXCEEDED"})
  void theNumberOfAnswersIsBounded(int hundreds, String code) {
    byte[] module =
        calling("(import \"spirit\" \"now\" (func $now (result i64)))", "(drop (call $now))");
    try (MachineFixture spirit = new MachineFixture(module, SpiritLimits.DEFAULTS, "sensor_time")) {
      Turn turn = spirit.send("ask", new byte[hundreds]);
      assertEquals(code, turn.getFailed().getCode(), turn.getFailed().getDetail());
      assertEquals(0, MachineFixture.number(spirit.send("ask", nothing())));
    }
  }

  @ParameterizedTest
  @CsvSource({"2, ''", "3, EFFECT_LIMIT_EXCEEDED"})
  void theBytesOfEffectsAreBounded(int hundreds, String code) {
    byte[] module =
        calling(
            """
            (import "spirit" "send_message"
              (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
            """,
            """
            (drop (call $send
              (i32.const 128) (i32.const 3) (i32.const 128) (i32.const 1)
              (i32.const 0) (i32.const 65000)))
            """);
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "cross_sandbox_call")) {
      Turn turn = spirit.send("send", new byte[hundreds]);
      assertEquals(code, turn.getFailed().getCode(), turn.getFailed().getDetail());
      assertEquals(code.isEmpty() ? hundreds * 100 : 0, turn.getEffectsCount());
    }
  }

  @Test
  void whatATurnLogsIsCutOff() {
    byte[] module =
        calling(
            "(import \"spirit\" \"log\" (func $log (param i32 i32 i32)))",
            "(call $log (i32.const 2) (i32.const 128) (i32.const 20000))");
    try (MachineFixture spirit =
        new MachineFixture(module, SpiritLimits.DEFAULTS, "actuator_log")) {
      Message message =
          Message.newBuilder()
              .setId("call:log")
              .setPayload(com.google.protobuf.ByteString.copyFrom(new byte[20]))
              .build();
      Attempt.Finished finished = (Attempt.Finished) spirit.attempt(message, List.of());
      assertTrue(finished.turn().hasCompleted());
      List<TurnLog> logs = finished.logs();
      assertEquals(1_001, logs.size());
      assertEquals((16 << 10) + 1, logs.get(0).text().length());
      assertTrue(logs.get(0).text().endsWith("…"));
      assertTrue(logs.get(1_000).text().contains("dropped"), logs.get(1_000).text());
    }
  }
}
