package io.vudo.tuplespace.internal;

import static io.vudo.tuplespace.internal.SpaceFixture.found;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Those that wait for a tuple: callers, which are answered, and Spirits, which are told. */
class SpaceWaitTest {
  private static final Optional<OperationId> READ = Optional.empty();
  private static final Optional<OperationId> TAKE = Optional.of(OperationId.none());
  private static final String QUICK = "restart-backoff-min = 5ms, restart-backoff-max = 20ms\n";
  private static final long HOUR = 3_600_000;
  private static final String FOUND_1 = "worker/alice r1 " + Tuple.of("job", 1);

  private static ActorTestKit kit;
  private static PersistenceTestKit journal;

  @BeforeAll
  static void start() {
    kit = ActorTestKit.create("waits", SpaceFixture.config());
    journal = PersistenceTestKit.create(kit.system());
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  private static SpaceFixture space() {
    return new SpaceFixture(kit, QUICK);
  }

  private static SpaceFixture space(String overrides) {
    return new SpaceFixture(kit, QUICK + overrides);
  }

  private static Optional<OperationId> takeAs(String key) {
    return Optional.of(OperationId.key(key));
  }

  private static ErrorCode code(SpaceReply reply) {
    return assertInstanceOf(SpaceReply.Refused.class, reply, reply.toString()).error().code();
  }

  private static void assertSilent(TestProbe<SpaceReply> waiting) {
    waiting.expectNoMessage(Duration.ZERO);
  }

  private static void assertHeard(SpaceFixture space, String... told) {
    await().untilAsserted(() -> assertEquals(List.of(told), space.heard));
  }

  @Test
  void aTupleWakesEveryReaderAndTheOldestTaker() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> firstTaker = space.waitFor("t1", TAKE, HOUR);
      TestProbe<SpaceReply> reader = space.waitFor("r1", READ, HOUR);
      TestProbe<SpaceReply> secondTaker = space.waitFor("t2", TAKE, HOUR);
      TestProbe<SpaceReply> lateReader = space.waitFor("r2", READ, HOUR);
      space.write("other", 0);
      assertEquals(SpaceReply.Done.DONE, space.write("job", 1));
      firstTaker.expectMessage(found("job", 1));
      reader.expectMessage(found("job", 1));
      lateReader.expectMessage(found("job", 1));
      assertEquals(0, space.count());
      assertSilent(secondTaker);

      space.write("job", 2);
      secondTaker.expectMessage(found("job", 2));
      assertEquals(0, space.count());
      space.write("job", 3);
      assertEquals(1, space.count());
    }
  }

  @Test
  void oneThatWaitsComesBeforeOneThatAsksLater() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> waiting = space.waitFor("t", TAKE, HOUR);
      space.write("job", 1);
      assertEquals(SpaceReply.NotFound.NOT_FOUND, space.take(OperationId.none()));
      waiting.expectMessage(found("job", 1));
    }
  }

  @Test
  void aHundredTakersGetAHundredTuplesInTheirOrder() {
    try (SpaceFixture space = space()) {
      List<TestProbe<SpaceReply>> takers = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        takers.add(space.waitFor("t" + i, TAKE, HOUR));
      }
      for (int i = 0; i < 100; i++) {
        Tuple job = Tuple.of("job", i);
        space.send(to -> new SpaceCommand.Write(OperationId.none(), job, 0, to));
      }
      for (int i = 0; i < 100; i++) {
        takers.get(i).expectMessage(found("job", i));
        assertSilent(takers.get(i));
      }
      assertEquals(0, space.count());
    }
  }

  @Test
  void whoFindsATupleDoesNotWait() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.waitFor("r", READ, HOUR).expectMessage(found("job", 1));
      space.waitFor("t", TAKE, HOUR).expectMessage(found("job", 1));
      assertEquals(0, space.count());
      space.waitFor("z", TAKE, 0).expectMessage(SpaceReply.NotFound.NOT_FOUND);
    }
  }

  @Test
  void aWaitEndsInTimeAndTakesNothingAfterwards() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> brief = space.waitFor("brief", TAKE, 50);
      TestProbe<SpaceReply> longer = space.waitFor("longer", TAKE, HOUR);
      space.await("r1", "worker/alice", true, 50);
      assertEquals(0, space.count());
      // The clock of leases can be set to anything; waits do not look at it.
      space.clock.addAndGet(HOUR);
      assertEquals(0, space.count());
      assertSilent(brief);
      // Nobody sends anything: the space wakes itself.
      space.ticks.addAndGet(50);
      brief.expectMessage(SpaceReply.NotFound.NOT_FOUND);
      space.write("job", 1);
      longer.expectMessage(found("job", 1));
      space.write("job", 2);
      assertEquals(1, space.count());
      assertEquals(List.of(), space.heard);
    }
  }

  @Test
  void aRepetitionKeepsThePlaceAndIsAnsweredInstead() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> lost = space.waitFor("first", takeAs("k"), 100);
      TestProbe<SpaceReply> second = space.waitFor("second", TAKE, HOUR);
      TestProbe<SpaceReply> first = space.waitFor("first", takeAs("k"), HOUR);
      assertEquals(0, space.count());
      space.ticks.addAndGet(100);
      space.write("job", 1);
      first.expectMessage(found("job", 1));
      assertSilent(lost);
      assertSilent(second);
      // The answer got lost: the same tuple again.
      space.waitFor("first", takeAs("k"), HOUR).expectMessage(found("job", 1));
      space.waitFor("first", takeAs("k"), 0).expectMessage(found("job", 1));
      assertSilent(second);
    }
  }

  @Test
  void oneKeyTakesOneTupleWhoeverWaitsUnderIt() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> one = space.waitFor("one", takeAs("k"), HOUR);
      TestProbe<SpaceReply> two = space.waitFor("two", takeAs("k"), HOUR);
      space.write("job", 1);
      one.expectMessage(found("job", 1));
      two.expectMessage(found("job", 1));
      space.write("job", 2);
      assertEquals(1, space.count());

      space.take(OperationId.none());
      TestProbe<SpaceReply> three = space.waitFor("three", takeAs("w"), HOUR);
      space.writeAs(OperationId.key("w"), 0, "job", 3);
      assertEquals(ErrorCode.REQUEST_INVALID, code(three.receiveMessage()));
      assertEquals(1, space.count());
    }
  }

  @Test
  void aReleasedHoldIsOfferedAndALeaseThatEndedIsNot() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.hold("h1");
      TestProbe<SpaceReply> reader = space.waitFor("r", READ, HOUR);
      TestProbe<SpaceReply> taker = space.waitFor("t", TAKE, HOUR);
      assertEquals(0, space.count());
      assertSilent(reader);
      space.release("h1");
      reader.expectMessage(found("job", 1));
      taker.expectMessage(found("job", 1));

      space.writeAs(OperationId.none(), 100, "job", 2);
      space.hold("h2");
      space.clock.addAndGet(100);
      TestProbe<SpaceReply> late = space.waitFor("late", TAKE, HOUR);
      space.release("h2");
      assertEquals(0, space.count());
      assertSilent(late);
    }
  }

  @Test
  void aSpiritIsToldOfItsTupleAndHoldsIt() {
    try (SpaceFixture space = space()) {
      space.await("r1", "worker/alice", true, HOUR);
      space.await("r1", "worker/alice", true, HOUR);
      space.await("q", "worker/bob", false, HOUR);
      space.write("job", 1);
      assertHeard(space, "worker/bob q " + Tuple.of("job", 1), FOUND_1);
      assertEquals(0, space.count());
      space.write("job", 2);
      assertEquals(1, space.count());

      // Asked again: told again, and no second tuple.
      space.await("r1", "worker/alice", true, HOUR);
      await().until(() -> space.heard.size() == 3);
      assertEquals(FOUND_1, space.heard.get(2));
      assertEquals(1, space.count());

      space.confirm("r1");
      space.await("r1", "worker/alice", true, HOUR);
      assertEquals(1, space.count());
      assertEquals(3, space.heard.size());
      space.restart();
      assertEquals(found("job", 2), space.take(OperationId.none()));
      assertEquals(SpaceReply.NotFound.NOT_FOUND, space.read());
    }
  }

  @Test
  void aSpiritFindsWhatIsThereAndDoesNotWaitForNoTime() {
    try (SpaceFixture space = space()) {
      space.await("r0", "worker/alice", true, 0);
      space.write("job", 1);
      assertEquals(1, space.count());
      space.await("r1", "worker/alice", true, 0);
      assertHeard(space, FOUND_1);
      space.release("r1");
      assertEquals(1, space.count());
    }
  }

  @Test
  void aHoldOutlivesTheSpaceAndAWaitDoesNot() {
    try (SpaceFixture space = space()) {
      space.await("r1", "worker/alice", true, HOUR);
      space.await("r2", "worker/alice", true, HOUR);
      space.write("job", 1);
      assertHeard(space, FOUND_1);
      space.restart();
      space.write("job", 2);
      assertEquals(1, space.count());
      space.await("r1", "worker/alice", true, HOUR);
      space.await("r2", "worker/alice", true, HOUR);
      assertHeard(space, FOUND_1, FOUND_1, "worker/alice r2 " + Tuple.of("job", 2));
    }
  }

  @Test
  void aCancelledWaitGivesItsTupleBackAndStaysCancelled() {
    try (SpaceFixture space = space()) {
      space.await("r1", "worker/alice", true, HOUR);
      space.cancel("r1");
      space.write("job", 1);
      space.await("r1", "worker/alice", true, HOUR);
      assertEquals(1, space.count());

      space.await("r2", "worker/alice", true, HOUR);
      assertEquals(0, space.count());
      TestProbe<SpaceReply> next = space.waitFor("next", READ, HOUR);
      space.cancel("r2");
      next.expectMessage(found("job", 1));
      space.restart();
      assertEquals(1, space.count());

      // The request that was overtaken by its own end.
      space.cancel("r3");
      space.await("r3", "worker/alice", true, HOUR);
      assertEquals(1, space.count());
      assertEquals(List.of("worker/alice r2 " + Tuple.of("job", 1)), space.heard);
    }
  }

  @Test
  void aHoldThatWasWaitedForIsAskedAboutToo() {
    try (SpaceFixture space = space()) {
      space.await("r1", "worker/alice", true, HOUR);
      space.write("job", 1);
      space.holder = (id, hold) -> CompletableFuture.completedFuture(HoldOutcome.ABORTED);
      space.clock.addAndGet(HOUR);
      await().until(() -> space.count() == 1);
      assertEquals(List.of("worker/alice r1"), space.asked);
    }
  }

  @Test
  void anIdIsOfOneSpirit() {
    try (SpaceFixture space = space()) {
      space.await("r1", "worker/alice", true, HOUR);
      space.await("r1", "worker/bob", true, HOUR);
      assertHeard(space, "worker/bob r1 REQUEST_INVALID");
      space.write("job", 1);
      space.await("r1", "worker/bob", true, HOUR);
      assertHeard(space, "worker/bob r1 REQUEST_INVALID", FOUND_1, "worker/bob r1 REQUEST_INVALID");
      space.await("", "worker/bob", true, HOUR);
      await().until(() -> space.heard.contains("worker/bob  REQUEST_INVALID"));
    }
  }

  @Test
  void aHoldByTheIdOfAWaitEndsTheWait() {
    try (SpaceFixture space = space()) {
      space.await("h", "worker/alice", true, HOUR);
      space.write("else", 1);
      space.ask(to -> new SpaceCommand.Hold("h", "worker/alice", Template.of("else", 1), to));
      space.write("job", 1);
      assertEquals(1, space.count());
      space.release("h");
      assertEquals(1, space.count());
      assertEquals(List.of(), space.heard);
    }
  }

  @Test
  void thereIsRoomForSoManyOnly() {
    try (SpaceFixture space = space("max-waiters = 2")) {
      TestProbe<SpaceReply> first = space.waitFor("1", READ, HOUR);
      space.waitFor("2", READ, HOUR);
      assertEquals(ErrorCode.WAITERS_FULL, code(space.waitFor("3", READ, HOUR).receiveMessage()));
      space.await("r", "worker/alice", true, HOUR);
      assertHeard(space, "worker/alice r WAITERS_FULL");
      space.waitFor("2", READ, HOUR);
      space.write("job", 1);
      first.expectMessage(found("job", 1));
      space.take(OperationId.none());
      assertSilent(space.waitFor("3", READ, HOUR));
      assertEquals(0, space.count());
    }
  }

  @Test
  void aFailedJournalSendsThoseOffThatWait() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> waiting = space.waitFor("t", takeAs("k"), HOUR);
      TestProbe<SpaceReply> other =
          space.send(
              to ->
                  new SpaceCommand.Read(
                      Template.of("never"), "", new SpaceCommand.Patience("n", HOUR), to));
      space.await("r1", "worker/alice", true, HOUR);
      // They wait, and are not on their way any more.
      assertEquals(0, space.count());
      journal.failNextPersisted(space.persistenceId, new IllegalStateException("disk full"));
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, code(space.write("job", 1)));
      // The tuple that it nearly had was never there.
      assertEquals(ErrorCode.SPACE_UNAVAILABLE, code(waiting.receiveMessage()));
      assertEquals(ErrorCode.SPACE_UNAVAILABLE, code(other.receiveMessage()));
      await().until(() -> space.read().equals(SpaceReply.NotFound.NOT_FOUND));
      TestProbe<SpaceReply> again = space.waitFor("t", takeAs("k"), HOUR);
      space.write("job", 2);
      again.expectMessage(found("job", 2));
      assertSilent(waiting);
      assertEquals(List.of(), space.heard);
    }
  }

  @Test
  void whoWaitsStaysInItsPlaceWhenTheSpaceMoves() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> served = space.waitFor("served", TAKE, HOUR);
      space.write("job", 1);
      served.expectMessage(found("job", 1));
      TestProbe<SpaceReply> first = space.waitFor("first", TAKE, HOUR);
      space.await("second", "worker/alice", true, HOUR);
      TestProbe<SpaceReply> brief = space.waitFor("brief", TAKE, 100);
      TestProbe<SpaceReply> third = space.waitFor("third", TAKE, HOUR);
      assertEquals(0, space.count());
      for (int i = 0; i < 3; i++) {
        space.leave();
        space.start();
      }
      // The time away counts.
      space.leave();
      space.clock.addAndGet(100);
      space.start();
      space.write("job", 2);
      space.write("job", 3);
      space.write("job", 4);
      first.expectMessage(found("job", 2));
      third.expectMessage(found("job", 4));
      assertEquals(List.of("worker/alice second " + Tuple.of("job", 3)), space.heard);
      assertSilent(served);
      assertSilent(brief);
      assertEquals(0, space.count());
    }
  }

  @Test
  void whoWasServedBeforeTheSpaceMovedAgainIsNotServedTwice() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> first = space.waitFor("first", TAKE, HOUR);
      assertEquals(0, space.count());
      space.leave();
      space.start();
      space.write("job", 1);
      first.expectMessage(found("job", 1));
      space.leave();
      space.start();
      space.write("job", 2);
      assertEquals(1, space.count());
      assertSilent(first);
    }
  }

  @Test
  void tenThousandWaitersCostNoThread() {
    try (SpaceFixture space = space("max-waiting = 100000")) {
      assertEquals(0, space.count());
      int before = Thread.getAllStackTraces().size();
      TestProbe<SpaceReply> all = kit.createTestProbe();
      for (int i = 0; i < 5_000; i++) {
        space
            .space()
            .tell(
                new SpaceCommand.Take(
                    OperationId.none(),
                    SpaceFixture.JOB,
                    "",
                    new SpaceCommand.Patience("t" + i, HOUR),
                    all.getRef()));
        space.await("r" + i, "worker/s" + i, true, HOUR);
      }
      assertEquals(0, space.count());
      int more = Thread.getAllStackTraces().size() - before;
      assertTrue(more < 50, more + " threads more");
      for (int i = 0; i < 10_000; i++) {
        space
            .space()
            .tell(
                new SpaceCommand.Write(
                    OperationId.none(), Tuple.of("job", i), 0, kit.system().ignoreRef()));
      }
      await().atMost(Duration.ofMinutes(1)).until(() -> space.heard.size() == 5_000);
      for (int i = 0; i < 10_000; i += 2) {
        assertEquals(found("job", i), SpaceFixture.plain(all.receiveMessage()));
      }
      for (int i = 0; i < 5_000; i++) {
        assertEquals(
            SpiritId.parse("worker/s" + i) + " r" + i + " " + Tuple.of("job", 2 * i + 1),
            space.heard.get(i));
      }
      assertEquals(0, space.count());
    }
  }
}
