package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.OperationId.Position;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpaceStateTest {
  private static final SpaceLimits LIMITS =
      new SpaceLimits(10_000, 3, 5_000, 2, 2, 100, 100_000, 3, 3);
  private static final SpiritId ALICE = SpiritId.parse("worker/alice");
  private static final SpiritId BOB = SpiritId.parse("worker/bob");
  private static final SpiritId CAROL = SpiritId.parse("worker/carol");
  private static final Template JOB = Template.of("job", Template.ANY);

  private final SpaceState space = new SpaceState(LIMITS);
  private final List<SpaceEvent> journal = new ArrayList<>();

  private SpaceReply run(SpaceWork work) {
    SpaceState.Decision decision = space.handle(work);
    journal.addAll(decision.events());
    return SpaceFixture.plain(decision.reply().orElse(SpaceReply.Done.DONE));
  }

  private SpaceReply write(OperationId operation, Object... values) {
    return run(new SpaceCommand.Write(operation, Tuple.of(values), 0, null));
  }

  private SpaceReply take(OperationId operation) {
    return run(new SpaceCommand.Take(operation, JOB, null));
  }

  private SpaceReply hold(String holdId) {
    return run(new SpaceCommand.Hold(holdId, "worker/alice", JOB, null));
  }

  private long count() {
    return ((SpaceReply.Counted) run(new SpaceCommand.Count(JOB, null))).count();
  }

  private static void assertRefused(ErrorCode code, SpaceReply reply) {
    assertEquals(code, assertInstanceOf(SpaceReply.Refused.class, reply).error().code());
  }

  private static SpaceReply found(Object... values) {
    return SpaceFixture.found(values);
  }

  @Test
  void aWriteOfASpiritCountsOnce() {
    assertEquals(SpaceReply.Done.DONE, write(OperationId.turn(ALICE, 1, 0), "job", 1));
    assertEquals(SpaceReply.Done.DONE, write(OperationId.turn(ALICE, 1, 1), "job", 2));
    assertEquals(SpaceReply.Done.DONE, write(OperationId.turn(ALICE, 3, 0), "job", 3));

    for (Position again : List.of(new Position(1, 0), new Position(1, 1), new Position(3, 0))) {
      assertEquals(
          SpaceReply.Done.DONE,
          write(OperationId.turn(ALICE, again.turn(), again.index()), "job", 9));
    }
    assertEquals(3, count());
    write(OperationId.turn(BOB, 1, 0), "job", 4);
    assertEquals(4, count(), "each Spirit has its own history");
    assertEquals(4, journal.size(), "a repetition writes nothing down");
  }

  @Test
  void aWriteThatOvertookAnotherIsRefusedAndNeitherIsLost() {
    OperationId first = OperationId.turn(ALICE, 1, 0);
    OperationId second = OperationId.turn(ALICE, new Position(1, 1), new Position(1, 0));

    assertRefused(ErrorCode.SPACE_UNAVAILABLE, write(second, "job", 2));
    write(first, "job", 1);
    write(second, "job", 2);
    write(second, "job", 2);
    assertEquals(2, count());
  }

  @Test
  void aRefusedWriteLeavesNoMark() {
    OperationId operation = OperationId.turn(ALICE, 1, 0);
    assertRefused(ErrorCode.SPACE_FULL, write(operation, "job", new byte[20_000]));
    write(operation, "job", 1);
    assertEquals(1, count());
  }

  @Test
  void aKeyCountsOnce() {
    write(OperationId.key("k"), "job", 1);
    write(OperationId.key("k"), "job", 1);
    write(OperationId.none(), "job", 2);
    write(OperationId.none(), "job", 2);
    assertEquals(3, count());
  }

  @Test
  void aRepeatedTakeAnswersTheSameTuple() {
    write(OperationId.none(), "job", 1);
    write(OperationId.none(), "job", 2);

    assertEquals(found("job", 1), take(OperationId.key("k")));
    assertEquals(found("job", 1), take(OperationId.key("k")));
    assertEquals(found("job", 2), take(OperationId.none()));
    assertEquals(SpaceReply.NotFound.NOT_FOUND, take(OperationId.none()));
    assertEquals(found("job", 1), take(OperationId.key("k")), "also when the space is empty");
  }

  @Test
  void aTakeThatFoundNothingMayFindLater() {
    assertEquals(SpaceReply.NotFound.NOT_FOUND, take(OperationId.key("k")));
    write(OperationId.none(), "job", 1);
    assertEquals(found("job", 1), take(OperationId.key("k")));
  }

  @Test
  void aKeyIsForOneKindOfOperationAndNeverForATurn() {
    write(OperationId.key("w"), "job", 1);
    assertRefused(ErrorCode.REQUEST_INVALID, take(OperationId.key("w")));
    take(OperationId.key("t"));
    assertRefused(ErrorCode.REQUEST_INVALID, write(OperationId.key("t"), "job", 1));
    assertRefused(ErrorCode.REQUEST_INVALID, take(OperationId.turn(ALICE, 1, 0)));

    write(OperationId.key("worker/alice#9#9"), "job", 7);
    write(OperationId.turn(ALICE, 1, 0), "job", 8);
    assertEquals(2, count(), "a caller cannot speak for a Spirit");
  }

  @Test
  void theOldestKeysAreForgotten() {
    for (String key : List.of("1", "2", "3", "4")) {
      write(OperationId.key(key), "job", key);
    }
    write(OperationId.key("2"), "job", "2");
    assertEquals(4, count(), "three are remembered");
    write(OperationId.key("1"), "job", "1");
    assertEquals(5, count(), "the fourth is not");
  }

  @Test
  void tuplesUnderKeysAreBoundedInBytes() {
    for (int i = 0; i < 2; i++) {
      write(OperationId.none(), "job", new byte[3_000]);
    }
    take(OperationId.key("1"));
    take(OperationId.key("2"));
    assertEquals(SpaceReply.NotFound.NOT_FOUND, take(OperationId.key("1")), "6,000 are too many");
    assertInstanceOf(SpaceReply.Found.class, take(OperationId.key("2")));
  }

  @Test
  void theSpiritThatWroteLeastRecentlyIsForgotten() {
    write(OperationId.turn(ALICE, 1, 0), "job", 1);
    write(OperationId.turn(BOB, 1, 0), "job", 2);
    write(OperationId.turn(ALICE, 2, 0), "job", 3);
    write(OperationId.turn(CAROL, 1, 0), "job", 4);

    write(OperationId.turn(ALICE, 1, 0), "job", 1);
    write(OperationId.turn(CAROL, 1, 0), "job", 4);
    assertEquals(4, count());
    assertEquals(
        List.of(ALICE, CAROL),
        space.snapshot().senders().stream().map(OperationId.Turn::sender).toList());
  }

  @Test
  void aHoldAnswersTheSameTupleUntilItIsOver() {
    write(OperationId.none(), "job", 1);
    write(OperationId.none(), "job", 2);

    assertEquals(found("job", 1), hold("h"));
    assertEquals(found("job", 1), hold("h"));
    assertEquals(1, count());
    assertEquals(found("job", 2), hold("g"));
    assertEquals(SpaceReply.NotFound.NOT_FOUND, hold("f"));
    assertRefused(
        ErrorCode.REQUEST_INVALID, run(new SpaceCommand.Hold("h", "worker/bob", JOB, null)));
  }

  @Test
  void aHoldThatIsOverTakesNoSecondTuple() {
    write(OperationId.none(), "job", 1);
    write(OperationId.none(), "job", 2);
    hold("h");
    run(new SpaceCommand.ConfirmTake("h", null));

    assertRefused(ErrorCode.REQUEST_INVALID, hold("h"));
    assertEquals(1, count());
  }

  @Test
  void confirmingAndReleasingAreIdempotent() {
    write(OperationId.none(), "job", 1);
    write(OperationId.none(), "job", 2);
    hold("h");
    hold("g");
    for (int i = 0; i < 2; i++) {
      assertEquals(SpaceReply.Done.DONE, run(new SpaceCommand.ConfirmTake("h", null)));
      assertEquals(SpaceReply.Done.DONE, run(new SpaceCommand.ReleaseTake("g", null)));
      assertEquals(
          SpaceReply.NotFound.NOT_FOUND, run(new SpaceCommand.ConfirmTake("unknown", null)));
      assertEquals(SpaceReply.Done.DONE, run(new SpaceCommand.ReleaseTake("unknown", null)));
    }
    assertEquals(SpaceReply.Done.DONE, run(new SpaceCommand.ReleaseTake("h", null)));
    assertEquals(1, count());
    assertEquals(found("job", 2), take(OperationId.none()));
    assertEquals(7, journal.size(), "2 writes, 2 holds, 1 confirm, 1 release, 1 take");
  }

  @Test
  void whatTheHolderAnsweredDecides() {
    write(OperationId.none(), "job", 1);
    write(OperationId.none(), "job", 2);
    hold("h");
    hold("g");
    run(new SpaceWork.Resolved("h", HoldOutcome.PENDING));
    run(new SpaceWork.Resolved("g", HoldOutcome.PENDING));
    assertEquals(0, count());
    run(new SpaceWork.Resolved("h", HoldOutcome.COMMITTED));
    run(new SpaceWork.Resolved("g", HoldOutcome.ABORTED));
    assertEquals(found("job", 2), take(OperationId.none()));
    assertEquals(0, space.store().holds().size());
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE})
  void aNegativeLeaseIsNone(long ttlMillis) {
    assertRefused(
        ErrorCode.LEASE_INVALID,
        run(new SpaceCommand.Write(OperationId.none(), Tuple.of("job", 1), ttlMillis, null)));
  }

  @Test
  void theLongestLeaseIsForEver() {
    space.advanceTo(1_000);
    run(new SpaceCommand.Write(OperationId.none(), Tuple.of("job", 1), Long.MAX_VALUE, null));
    space.advanceTo(Long.MAX_VALUE - 1);
    assertEquals(1, count());
  }

  @Test
  void aFullSpaceTakesNoMoreUntilSomethingLeaves() {
    Object bytes = new byte[4_500];
    write(OperationId.none(), "job", bytes);
    write(OperationId.none(), "job", bytes);
    assertRefused(ErrorCode.SPACE_FULL, write(OperationId.none(), "job", bytes));
    assertEquals(2, count());
    hold("h");
    assertRefused(ErrorCode.SPACE_FULL, write(OperationId.none(), "job", bytes));
    run(new SpaceCommand.ConfirmTake("h", null));
    assertEquals(SpaceReply.Done.DONE, write(OperationId.none(), "job", bytes));
  }

  @Test
  void idsThatAreNone() {
    assertRefused(ErrorCode.REQUEST_INVALID, hold(""));
    assertRefused(ErrorCode.REQUEST_INVALID, hold("x".repeat(513)));
    assertRefused(ErrorCode.SPIRIT_ID_INVALID, run(new SpaceCommand.Hold("h", "alice", JOB, null)));
    refused(() -> OperationId.key(""));
    refused(() -> OperationId.key("x".repeat(257)));
    refused(() -> OperationId.turn(ALICE, -1, 0));
    refused(() -> OperationId.turn(ALICE, new Position(1, 0), new Position(1, 0)));
    refused(() -> OperationId.parseTurn("worker/alice#1"));
    refused(() -> OperationId.parseTurn("worker/alice#9999999999999999999#0"));
    assertEquals(OperationId.turn(ALICE, 7, 2), OperationId.parseTurn("worker/alice#7#2"));
    assertEquals("worker/alice#7#2", OperationId.turn(ALICE, 7, 2).toString());
  }

  private static void refused(Runnable action) {
    assertEquals(ErrorCode.REQUEST_INVALID, assertThrows(VudoException.class, action::run).code());
  }

  /** Whatever happened, the journal tells it, alone or after a snapshot taken anywhere in it. */
  @Test
  void replayGivesTheSameState() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    SpiritId[] spirits = {ALICE, BOB, CAROL};
    SpaceSnapshot middle = null;
    int eventsBefore = 0;
    long clock = 1_000;
    for (int step = 0; step < 3_000; step++) {
      clock += random.nextInt(10) - 2;
      space.advanceTo(clock);
      OperationId operation =
          switch (random.nextInt(3)) {
            case 0 -> OperationId.none();
            case 1 -> OperationId.key("k" + random.nextInt(5));
            default ->
                OperationId.turn(spirits[random.nextInt(3)], 1 + random.nextInt(step + 1), 0);
          };
      Template template = random.nextBoolean() ? JOB : Template.of(FieldType.STRING, step % 7);
      String holdId = "h" + random.nextInt(6);
      SpaceWork work =
          switch (random.nextInt(6)) {
            case 0, 1 ->
                new SpaceCommand.Write(
                    operation,
                    Tuple.of(random.nextBoolean() ? "job" : "x", random.nextInt(7)),
                    random.nextInt(3) * 40L,
                    null);
            case 2 -> new SpaceCommand.Take(operation, template, null);
            case 3 -> new SpaceCommand.Hold(holdId, "worker/alice", template, null);
            case 4 -> new SpaceCommand.ConfirmTake(holdId, null);
            default -> new SpaceCommand.ReleaseTake(holdId, null);
          };
      run(work);
      if (step == 1_500) {
        middle = space.snapshot();
        eventsBefore = journal.size();
      }
    }
    SpaceState replayed = new SpaceState(LIMITS);
    journal.forEach(replayed::apply);
    replayed.advanceTo(space.store().nowMillis());
    assertEquals(space.snapshot(), replayed.snapshot(), "seed " + seed);

    SpaceState restored = new SpaceState(LIMITS, middle);
    assertEquals(middle, restored.snapshot(), "seed " + seed);
    journal.stream().skip(eventsBefore).forEach(restored::apply);
    restored.advanceTo(space.store().nowMillis());
    assertEquals(space.snapshot(), restored.snapshot(), "seed " + seed);
    assertEquals(space.store().storedBytes(), restored.store().storedBytes(), "seed " + seed);
    assertTrue(journal.size() > 1_000, "the test did something");
  }
}
