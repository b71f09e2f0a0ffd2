package io.vudo.tuplespace.internal;

import static io.vudo.tuplespace.internal.SpaceFixture.JOB;
import static io.vudo.tuplespace.internal.SpaceFixture.found;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What barriers, transactions, leases and watches are after a crash: {@code restart} kills. */
class SpaceCoordinationTest {
  private static final OperationId NONE = OperationId.none();
  private static final SpiritId ALICE = SpiritId.parse("worker/alice");
  private static final String TX = "0.t";
  private static final long HOUR = 3_600_000;

  private static ActorTestKit kit;
  private static PersistenceTestKit journal;

  @BeforeAll
  static void start() {
    kit = ActorTestKit.create("coordination", SpaceFixture.config());
    journal = PersistenceTestKit.create(kit.system());
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  private static SpaceFixture space(String... settings) {
    return new SpaceFixture(
        kit,
        String.join(", ", settings)
            + "\nhold-check-backoff-min = 5ms, hold-check-backoff-max = 20ms,"
            + " restart-backoff-min = 5ms, restart-backoff-max = 20ms");
  }

  private static ErrorCode code(SpaceReply reply) {
    return assertInstanceOf(SpaceReply.Refused.class, reply, reply.toString()).error().code();
  }

  private static SpaceReply begin(SpaceFixture space, long timeoutMillis) {
    return space.ask(to -> new SpaceCommand.Begin(TX, timeoutMillis, to));
  }

  private static SpaceReply end(SpaceFixture space, boolean commit) {
    return space.ask(to -> new SpaceCommand.End(TX, commit, to));
  }

  private static SpaceReply writeInTransaction(SpaceFixture space, Object... values) {
    return space.ask(to -> new SpaceCommand.Write(NONE, List.of(Tuple.of(values)), 0, TX, to));
  }

  private static SpaceReply takeInTransaction(SpaceFixture space) {
    return space.ask(to -> new SpaceCommand.Take(NONE, JOB, TX, SpaceCommand.Patience.NONE, to));
  }

  /** A transaction that took job 1 and wrote job 9, of jobs 1 and 2. */
  private static void openTransaction(SpaceFixture space) {
    space.write("job", 1);
    space.write("job", 2);
    assertEquals(SpaceReply.Done.DONE, begin(space, HOUR));
    assertEquals(found("job", 1), takeInTransaction(space));
    assertEquals(SpaceReply.Done.DONE, writeInTransaction(space, "job", 9));
    assertEquals(1, space.count());
  }

  @Test
  void anOpenTransactionStaysOpenThroughACrash() {
    try (SpaceFixture space = space()) {
      openTransaction(space);
      space.holder = (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.PENDING);
      space.restart();
      assertEquals(1, space.count());
      assertEquals(SpaceReply.Done.DONE, end(space, true));
      assertEquals(found("job", 2), space.take(NONE));
      assertEquals(found("job", 9), space.take(NONE));
      assertEquals(0, space.count());
    }
  }

  @Test
  void aTransactionWhoseTimeEndedDuringACrashIsAborted() {
    try (SpaceFixture space = space()) {
      openTransaction(space);
      space.stop();
      space.clock.addAndGet(HOUR);
      space.start();
      // What was told before the partition listened is told again after a second.
      await()
          .until(
              () -> {
                space.ticks.addAndGet(1_000);
                return space.count() == 2;
              });
      assertEquals(ErrorCode.TRANSACTION_ABORTED, code(end(space, true)));
      assertEquals(found("job", 1), space.take(NONE));
      assertEquals(found("job", 2), space.take(NONE));
      assertEquals(0, space.count());
    }
  }

  @Test
  void whatWasDecidedIsCarriedOutAfterACrash() {
    try (SpaceFixture space = space()) {
      openTransaction(space);
      // The decision is durable, and then nothing more is.
      CompletableFuture<Void> decided = new CompletableFuture<>();
      space.siblings = (partition, command) -> decided.complete(null);
      TestProbe<SpaceReply> asked = space.send(to -> new SpaceCommand.End(TX, true, to));
      decided.join();
      assertEquals(1, space.count());
      space.stop();
      asked.expectNoMessage(Duration.ofMillis(1));
      space.siblings = null;
      space.start();
      // What was told and not confirmed is told again after a second.
      await()
          .until(
              () -> {
                space.ticks.addAndGet(1_000);
                return space.count() == 2;
              });
      assertEquals(SpaceReply.Done.DONE, end(space, true));
      assertEquals(found("job", 2), space.take(NONE));
      assertEquals(found("job", 9), space.take(NONE));
    }
  }

  @Test
  void aPartitionThatWasNotToldAsksTheHome() {
    // Another partition is the home; here it is played by who resolves holds.
    try (SpaceFixture space = space("hold-age = 1s")) {
      space.write("job", 1);
      assertEquals(found("job", 1), takeInTransaction(space));
      writeInTransaction(space, "job", 9);
      space.restart();
      await().until(() -> space.asked.stream().anyMatch(text -> text.startsWith("tx:" + TX)));
      assertEquals(0, space.count());
      space.holder = (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.COMMITTED);
      space.clock.addAndGet(1_000);
      await().until(() -> space.count() == 1);
      assertEquals(found("job", 9), space.take(NONE));
    }
  }

  @Test
  void whatComesAfterTheEndIsRefused() {
    try (SpaceFixture space = space()) {
      openTransaction(space);
      assertEquals(SpaceReply.Done.DONE, end(space, false));
      assertEquals(ErrorCode.TRANSACTION_UNKNOWN, code(takeInTransaction(space)));
      assertEquals(ErrorCode.TRANSACTION_UNKNOWN, code(writeInTransaction(space, "job", 3)));
      assertEquals(ErrorCode.TRANSACTION_UNKNOWN, code(begin(space, 1)));
      space.restart();
      assertEquals(ErrorCode.TRANSACTION_UNKNOWN, code(takeInTransaction(space)));
      assertEquals(2, space.count());
    }
  }

  @Test
  void transactionsAreBounded() {
    try (SpaceFixture space = space("max-transactions = 1")) {
      assertEquals(SpaceReply.Done.DONE, begin(space, HOUR));
      assertEquals(SpaceReply.Done.DONE, begin(space, HOUR), "repeated");
      assertEquals(
          ErrorCode.TRANSACTIONS_FULL,
          code(space.ask(to -> new SpaceCommand.Begin("0.u", HOUR, to))));
    }
  }

  private static TestProbe<SpaceReply> arrive(SpaceFixture space, String partyId, long millis) {
    return space.send(
        to -> new SpaceCommand.Arrive("step", 3, new SpaceCommand.Patience(partyId, millis), to));
  }

  @Test
  void whoArrivedAtABarrierHasArrivedAfterACrash() {
    try (SpaceFixture space = space()) {
      arrive(space, "a", HOUR);
      space.space().tell(new SpaceCommand.AwaitBarrier("b|0", ALICE, "step", 3, HOUR));
      assertEquals(0, space.count());
      space.restart();
      // "a" does not come again, and counts.
      TestProbe<SpaceReply> last = arrive(space, "c", HOUR);
      last.expectMessage(new SpaceReply.Passed(2));
      space.restart();
      // The barrier opened for all of them or for none.
      arrive(space, "a", HOUR).expectMessage(new SpaceReply.Passed(0));
      space.space().tell(new SpaceCommand.AwaitBarrier("b|0", ALICE, "step", 3, HOUR));
      await().until(() -> space.heard.equals(List.of("worker/alice b passed 1")));
    }
  }

  @Test
  void whoseTimeIsOverIsNotCountedAlsoAfterACrash() {
    try (SpaceFixture space = space()) {
      TestProbe<SpaceReply> brief = arrive(space, "a", 100);
      arrive(space, "b", HOUR);
      assertEquals(0, space.count());
      space.clock.addAndGet(100);
      brief.expectMessage(SpaceReply.NotFound.NOT_FOUND);
      TestProbe<SpaceReply> third = arrive(space, "c", 100);
      assertEquals(0, space.count());
      space.stop();
      space.clock.addAndGet(100);
      space.start();
      await()
          .until(
              () ->
                  journal.persistedInStorage(space.persistenceId).stream()
                          .filter(event -> event instanceof SpaceEvent.Left)
                          .count()
                      == 2);
      third.expectNoMessage(Duration.ofMillis(1));
      arrive(space, "d", HOUR);
      arrive(space, "e", HOUR).expectMessage(new SpaceReply.Passed(2));
    }
  }

  @Test
  void aSpiritThatGivesUpLeavesTheBarrier() {
    try (SpaceFixture space = space()) {
      space.space().tell(new SpaceCommand.AwaitBarrier("a|0", ALICE, "step", 3, HOUR));
      space.cancel("a|0");
      arrive(space, "b", HOUR);
      TestProbe<SpaceReply> third = arrive(space, "c", HOUR);
      assertEquals(0, space.count());
      third.expectNoMessage(Duration.ofMillis(1));
      arrive(space, "d", HOUR).expectMessage(new SpaceReply.Passed(2));
      third.expectMessage(new SpaceReply.Passed(1));
      assertEquals(List.of(), space.heard);
    }
  }

  @Test
  void aRenewedLeaseHoldsThroughACrashAndAHold() {
    try (SpaceFixture space = space()) {
      SpaceReply.Written written =
          (SpaceReply.Written)
              space.raw(to -> new SpaceCommand.Write(NONE, Tuple.of("job", 1), 100, to));
      LeaseName lease = LeaseName.ofEntry(0, written.entryIds().get(0));
      assertEquals(SpaceReply.Done.DONE, space.ask(to -> new SpaceCommand.Renew(lease, 1_000, to)));
      space.restart();
      space.clock.addAndGet(999);
      assertEquals(found("job", 1), space.hold("h"));
      assertEquals(SpaceReply.Done.DONE, space.ask(to -> new SpaceCommand.Renew(lease, 1_000, to)));
      assertEquals(
          ErrorCode.SPACE_UNAVAILABLE,
          code(space.ask(to -> new SpaceCommand.CancelLease(lease, to))));
      space.clock.addAndGet(999);
      space.release("h");
      assertEquals(1, space.count());
      space.clock.addAndGet(1);
      assertEquals(0, space.count());
      assertEquals(
          ErrorCode.LEASE_UNKNOWN, code(space.ask(to -> new SpaceCommand.Renew(lease, 1_000, to))));
    }
  }

  private static SpaceReply offer(SpaceFixture space, String holdId) {
    return space.ask(
        to -> new SpaceCommand.Offer(holdId, JOB, new SpaceCommand.Patience(holdId, HOUR), to));
  }

  @Test
  void aTupleThatNobodyConfirmsGoesBack() {
    try (SpaceFixture space = space("offer-timeout = 1s")) {
      space.write("job", 1);
      assertEquals(found("job", 1), offer(space, "wait:a|0"));
      assertEquals(found("job", 1), offer(space, "wait:a|0"), "repeated");
      // Nobody can be told yet whether it is there.
      TestProbe<SpaceReply> counts = space.send(to -> new SpaceCommand.Count(JOB, to));
      TestProbe<SpaceReply> reads = space.send(to -> new SpaceCommand.Read(JOB, to));
      counts.expectNoMessage(Duration.ofMillis(1));
      space.holder = (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.ABORTED);
      space.clock.addAndGet(1_000);
      assertEquals(1, space.count());
      counts.expectMessage(new SpaceReply.Counted(1));
      reads.expectMessage(found("job", 1));
      // The caller was too slow and hears it.
      assertEquals(SpaceReply.NotFound.NOT_FOUND, space.confirm("wait:a|0"));
      assertEquals(found("job", 1), offer(space, "wait:b|0"));
      TestProbe<SpaceReply> takes = space.send(to -> new SpaceCommand.Take(NONE, JOB, to));
      TestProbe<SpaceReply> holds =
          space.send(to -> new SpaceCommand.Hold("h", "worker/alice", JOB, to));
      assertEquals(SpaceReply.Done.DONE, space.confirm("wait:b|0"));
      takes.expectMessage(SpaceReply.NotFound.NOT_FOUND);
      holds.expectMessage(SpaceReply.NotFound.NOT_FOUND);
      for (int i = 0; i < 2; i++) {
        assertEquals(SpaceReply.Done.DONE, space.confirm("wait:b|0"));
        space.restart();
      }
      assertEquals(0, space.count());
    }
  }

  @Test
  void aSpiritWatchesThroughACrashAndIsToldThatItMayHaveMissedSomething() {
    try (SpaceFixture space = space("max-watchers = 1")) {
      SpaceReply done =
          space.ask(
              to ->
                  new SpaceCommand.WatchForSpirit(
                      "w|0", ALICE, Template.of("job", Template.where("<", 10)), to));
      assertEquals(SpaceReply.Done.DONE, done);
      assertEquals(
          ErrorCode.WATCHERS_FULL,
          code(space.ask(to -> new SpaceCommand.WatchForSpirit("v|0", ALICE, JOB, to))));
      space.write("job", 1);
      space.write("job", 10);
      space.restart();
      space.take(NONE);
      List<String> expected =
          List.of(
              "worker/alice w added [\"job\",1]",
              "worker/alice w missed",
              "worker/alice w removed [\"job\",1]");
      await().until(() -> space.heard.equals(expected));
      space.ask(to -> new SpaceCommand.UnwatchForSpirit("w|0", ALICE, to));
      space.restart();
      space.write("job", 2);
      assertEquals(expected, space.heard);
    }
  }

  @Test
  void snapshotsKeepAllOfIt() {
    try (SpaceFixture space = space("snapshot-every = 1")) {
      openTransaction(space);
      arrive(space, "a", HOUR);
      space.ask(to -> new SpaceCommand.WatchForSpirit("w|0", ALICE, JOB, to));
      space.hold("h");
      space.confirm("h");
      assertEquals(0, space.count());
      space.restart();
      await().until(() -> space.heard.contains("worker/alice w missed"));
      arrive(space, "b", HOUR);
      arrive(space, "c", HOUR).expectMessage(new SpaceReply.Passed(2));
      assertEquals(SpaceReply.Done.DONE, space.confirm("h"));
      assertEquals(SpaceReply.Done.DONE, end(space, true));
      space.restart();
      assertEquals(SpaceReply.Done.DONE, end(space, true));
      assertEquals(found("job", 9), space.take(NONE));
      assertEquals(0, space.count());
    }
  }
}
