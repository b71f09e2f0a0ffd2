package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.MachineFixture.nothing;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Pending;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Turn;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Watches and links in the journal: whatever happened, a replay knows and tells the same. */
class RelationsTest {
  /** Links itself to test/two on "l", ends that on "u", watches it on "m", traps on "x". */
  private static final byte[] GUEST =
      TestGuests.spirit(
          """
          (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
          (import "spirit" "link" (func $link (param i32 i32) (result i32)))
          (import "spirit" "unlink" (func $unlink (param i32 i32) (result i32)))
          (import "spirit" "monitor" (func $monitor (param i32 i32) (result i32)))
          """,
          "(data (i32.const 128) \"test/two\")",
          """
          (local $what i32)
          (drop (call $type (i32.const 0) (i32.const 64)))
          (local.set $what (i32.load8_u (i32.const 0)))
          (if (i32.eq (local.get $what) (i32.const 108))
            (then (drop (call $link (i32.const 128) (i32.const 8)))))
          (if (i32.eq (local.get $what) (i32.const 117))
            (then (drop (call $unlink (i32.const 128) (i32.const 8)))))
          (if (i32.eq (local.get $what) (i32.const 109))
            (then (drop (call $monitor (i32.const 128) (i32.const 8)))))
          (if (i32.eq (local.get $what) (i32.const 120)) (then (unreachable)))
          (i64.const 0)
          """);

  private final MachineFixture spirit =
      new MachineFixture(GUEST, SpiritLimits.DEFAULTS, "spawn_sandbox");
  private int received;

  @AfterEach
  void close() {
    spirit.close();
  }

  private Message from(String sender, Message.Kind kind, String... links) {
    Position position = Position.newBuilder().setTurn(++received).build();
    return Message.newBuilder()
        .setId(sender + "#" + received + "#0")
        .setSender(sender)
        .setType(Relations.type(kind))
        .setKind(kind)
        .setPosition(position)
        .addAllLinks(List.of(links))
        .build();
  }

  private Turn receive(Message message) {
    assertTrue(spirit.machine().isForHost(message));
    Turn turn = spirit.machine().handleByHost(message);
    spirit.journal.add(SpiritEvent.newBuilder().setTurn(turn).build());
    return turn;
  }

  private void stop() {
    spirit.journal.add(
        spirit
            .machine()
            .stop(Message.newBuilder().setId("call:stop").setKind(Message.Kind.STOP).build()));
  }

  /** What waits for delivery, which must be the same after a replay and in a snapshot. */
  private List<String> told() {
    List<Pending> now = spirit.machine().deliveries();
    try (SpiritMachine replayed = spirit.recovered();
        SpiritMachine restored = spirit.fresh()) {
      assertEquals(now, replayed.deliveries());
      StateSnapshot snapshot = replayed.snapshot(1);
      restored.recover(snapshot);
      assertEquals(now, restored.deliveries());
      assertEquals(replayed.halted(), restored.halted());
      assertEquals(spirit.machine().halted(), replayed.halted());
      // All that is still to be told at the end of the life.
      Message end = Message.newBuilder().setId("call:end").setKind(Message.Kind.STOP).build();
      replayed.stop(end);
      restored.stop(end);
      assertEquals(replayed.deliveries(), restored.deliveries());
    }
    return now.stream()
        .map(
            pending ->
                pending.getEffect().getSend().getTo()
                    + " "
                    + pending.getEffect().getSend().getMessage().getType()
                    + " "
                    + pending.getEffect().getSend().getMessage().getPayload().toStringUtf8()
                    + String.join(",", pending.getEffect().getSend().getMessage().getLinksList()))
        .toList();
  }

  @Test
  void anEndTellsWatchersLinksAndTheWatched() {
    spirit.send("m", nothing());
    receive(from("test/w", Message.Kind.MONITOR));
    Message link = from("test/k", Message.Kind.LINK);
    receive(link);
    assertEquals(List.of("test/two monitor "), told());
    stop();
    assertEquals(
        List.of(
            "test/two monitor ",
            "test/w down test/one stopped",
            "test/k unlink " + link.getId(),
            "test/two demonitor "),
        told());
    stop();
    assertEquals(4, told().size());
    receive(from("test/w", Message.Kind.MONITOR));
    assertEquals("test/w down test/one not_found", told().get(4));
    // What it watched itself wakes it no more.
    receive(from("test/two", Message.Kind.DOWN));
    assertFalse(spirit.machine().born());
    spirit.restart();
    assertEquals(5, told().size());
  }

  @Test
  void aLinkIsTheSameToBothSides() {
    spirit.send("l", nothing());
    spirit.send("l", nothing()); // is there already
    assertEquals(List.of("test/two link "), told());
    // The end of an earlier one does not end it.
    receive(from("test/two", Message.Kind.UNLINK, "test/one#1#0"));
    Turn ignored = receive(from("test/two", Message.Kind.EXIT, "test/one#1#0"));
    assertTrue(ignored.hasCompleted());
    spirit.send("u", nothing());
    spirit.send("u", nothing());
    assertEquals(List.of("test/two link ", "test/two unlink test/one#2#0"), told());
    assertTrue(receive(from("test/two", Message.Kind.EXIT, "test/one#2#0")).hasCompleted());
    Message other = from("test/two", Message.Kind.LINK);
    receive(other);
    Turn halting =
        receive(
            from("test/two", Message.Kind.EXIT, other.getId()).toBuilder()
                .setPayload(ByteString.copyFromUtf8("test/two failed"))
                .build());
    assertEquals("LINKED_FAILED", halting.getFailed().getCode());
    assertEquals("test/two failed", halting.getFailed().getDetail());
    told();
    assertTrue(spirit.machine().halted().isPresent());
    // Who asks now is refused.
    Message late = from("test/k", Message.Kind.LINK);
    receive(late);
    assertEquals(
        List.of("test/k unlink " + late.getId(), "test/k down test/one LINKED_FAILED"),
        told().stream().filter(line -> line.startsWith("test/k")).toList());
  }

  @Test
  void aForkHasNone() {
    spirit.send("l", nothing());
    receive(from("test/w", Message.Kind.MONITOR));
    try (SpiritMachine fork = spirit.fresh()) {
      spirit.machine().state().forkEvents(0).forEach(fork::replay);
      fork.stop(Message.newBuilder().setId("call:stop").setKind(Message.Kind.STOP).build());
      assertEquals(List.of(), fork.deliveries());
    }
  }
}
