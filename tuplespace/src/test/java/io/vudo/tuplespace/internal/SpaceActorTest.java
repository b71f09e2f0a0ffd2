package io.vudo.tuplespace.internal;

import static io.vudo.tuplespace.internal.SpaceFixture.found;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.apache.pekko.persistence.testkit.javadsl.SnapshotTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SpaceActorTest {
  private static final String QUICK =
      """
      hold-check-backoff-min = 5ms, hold-check-backoff-max = 20ms
      restart-backoff-min = 5ms, restart-backoff-max = 20ms
      """;

  private static ActorTestKit kit;
  private static PersistenceTestKit journal;
  private static SnapshotTestKit snapshots;

  @BeforeAll
  static void start() {
    kit = ActorTestKit.create("spaces", SpaceFixture.config());
    journal = PersistenceTestKit.create(kit.system());
    snapshots = SnapshotTestKit.create(kit.system());
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  private static SpaceFixture space() {
    return new SpaceFixture(kit, QUICK);
  }

  private static ErrorCode code(SpaceReply reply) {
    return assertInstanceOf(SpaceReply.Refused.class, reply, reply.toString()).error().code();
  }

  @Test
  void writesReadsTakesAndCounts() {
    try (SpaceFixture space = space()) {
      assertEquals(SpaceReply.NotFound.NOT_FOUND, space.read());
      assertEquals(SpaceReply.Done.DONE, space.write("job", 1));
      space.write("job", 2);
      assertEquals(found("job", 1), space.read());
      assertEquals(2, space.count());
      assertEquals(found("job", 1), space.take(OperationId.none()));
      assertEquals(found("job", 2), space.take(OperationId.none()));
      assertEquals(SpaceReply.NotFound.NOT_FOUND, space.take(OperationId.none()));
    }
  }

  @Test
  void whatWasAnsweredIsThereAfterARestart() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.write("job", 2);
      space.write("job", 3);
      space.take(OperationId.none());
      space.restart();
      assertEquals(found("job", 2), space.take(OperationId.none()));
      assertEquals(1, space.count());
    }
  }

  @Test
  void aLeaseEndsInTimeAlsoAcrossARestart() {
    try (SpaceFixture space = space()) {
      space.writeAs(OperationId.none(), 100, "job", 1);
      space.writeAs(OperationId.none(), 200, "job", 2);
      space.clock.addAndGet(99);
      assertEquals(found("job", 1), space.read());
      space.clock.addAndGet(1);
      assertEquals(found("job", 2), space.read());

      space.restart();
      assertEquals(found("job", 2), space.read());
      space.stop();
      space.clock.addAndGet(100);
      space.start();
      assertEquals(SpaceReply.NotFound.NOT_FOUND, space.read());
      assertEquals(0, space.count());
    }
  }

  @Test
  void aSpaceWakesItselfThoughNobodyAsksIt() {
    // Nothing is sent to the space after its restart: only its own timer can lead to a second
    // question.
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.hold("h");
      space.restart();
      await().until(() -> space.asked.size() >= 1);
      space.clock.addAndGet(1_000);
      await().until(() -> space.asked.size() >= 2);
    }
  }

  @Test
  void repetitionsAreRecognisedAfterARestart() {
    SpiritId alice = SpiritId.parse("worker/alice");
    try (SpaceFixture space = space()) {
      space.writeAs(OperationId.turn(alice, 4, 1), 0, "job", 1);
      space.writeAs(OperationId.key("w"), 0, "job", 2);
      assertEquals(found("job", 1), space.take(OperationId.key("t")));
      space.restart();
      space.writeAs(OperationId.turn(alice, 4, 1), 0, "job", 1);
      space.writeAs(OperationId.turn(alice, 4, 0), 0, "job", 0);
      space.writeAs(OperationId.key("w"), 0, "job", 2);
      assertEquals(found("job", 1), space.take(OperationId.key("t")));
      assertEquals(1, space.count());
    }
  }

  @Test
  void everythingIsThereAfterARestartFromASnapshot() {
    try (SpaceFixture space = new SpaceFixture(kit, "snapshot-every = 10, snapshots-kept = 1")) {
      SpiritId alice = SpiritId.parse("worker/alice");
      space.write("job", "held");
      space.hold("h");
      space.write("job", "over");
      space.hold("over");
      space.confirm("over");
      space.write("job", "taken");
      assertEquals(found("job", "taken"), space.take(OperationId.key("t")));
      space.writeAs(OperationId.turn(alice, 4, 1), 0, "job", 1);
      space.writeAs(OperationId.key("w"), 500, "job", 2);
      for (int i = 3; i < 30; i++) {
        space.write("job", i);
      }
      await().until(() -> !snapshots.persistedInStorage(space.persistenceId).isEmpty());
      // What the snapshot covers is deleted, so what follows can come from nowhere else.
      await().until(() -> journal.persistedInStorage(space.persistenceId).size() < 30);

      space.restart();
      space.writeAs(OperationId.turn(alice, 4, 1), 0, "job", 1);
      space.writeAs(OperationId.key("w"), 0, "job", 2);
      assertEquals(found("job", "taken"), space.take(OperationId.key("t")));
      assertEquals(29, space.count());
      assertEquals(found("job", "held"), space.hold("h"));
      assertEquals(ErrorCode.REQUEST_INVALID, code(space.hold("over")));
      space.clock.addAndGet(500);
      assertEquals(28, space.count());
      space.release("h");
      assertEquals(found("job", "held"), space.read());
    }
  }

  @Test
  void aHoldSurvivesARestartUntilItsHolderDecides() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.write("job", 2);
      assertEquals(found("job", 1), space.hold("h"));
      assertEquals(found("job", 2), space.hold("g"));
      space.restart();
      await().until(() -> space.asked.containsAll(List.of("worker/alice h", "worker/alice g")));
      assertEquals(0, space.count(), "undecided: nobody may see them");
      assertEquals(found("job", 1), space.hold("h"), "the same tuple");

      space.confirm("h");
      space.release("g");
      space.restart();
      assertEquals(found("job", 2), space.take(OperationId.none()));
      assertEquals(0, space.count());
    }
  }

  @Test
  void aRecoveredHoldEndsAsItsHolderSays() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.write("job", 2);
      space.hold("committed");
      space.hold("aborted");
      space.holder =
          (holder, holdId) ->
              CompletableFuture.completedFuture(
                  holdId.equals("committed") ? HoldOutcome.COMMITTED : HoldOutcome.ABORTED);
      space.restart();
      await().until(() -> space.count() == 1);
      assertEquals(found("job", 2), space.take(OperationId.none()));
      space.restart();
      assertEquals(0, space.count(), "the decision is durable");
    }
  }

  @Test
  void anOldHoldIsAskedAboutAgainAndAgainUntilItIsDecided() {
    try (SpaceFixture space = new SpaceFixture(kit, QUICK + ", hold-age = 1h")) {
      AtomicInteger calls = new AtomicInteger();
      space.holder =
          (holder, holdId) -> {
            CompletionStage<HoldOutcome> answer =
                switch (calls.incrementAndGet()) {
                  case 1 -> CompletableFuture.completedFuture(HoldOutcome.PENDING);
                  case 2 -> CompletableFuture.failedFuture(new IllegalStateException("away"));
                  case 3 -> throw new IllegalStateException("away");
                  case 4 -> CompletableFuture.completedFuture(null);
                  default -> CompletableFuture.completedFuture(HoldOutcome.ABORTED);
                };
            return answer;
          };
      space.write("job", 1);
      space.hold("h");
      space.clock.addAndGet(3_599_999);
      assertEquals(0, space.count());
      assertEquals(List.of(), space.asked, "too young");
      space.clock.addAndGet(1);
      await()
          .until(
              () -> {
                space.clock.addAndGet(20);
                return space.count() == 1;
              });
      assertEquals(5, calls.get());
    }
  }

  @Test
  void aHolderThatNeverAnswersIsAskedAgain() {
    try (SpaceFixture space = new SpaceFixture(kit, QUICK + ", hold-check-timeout = 10ms")) {
      CompletableFuture<HoldOutcome> never = new CompletableFuture<>();
      space.holder = (holder, holdId) -> never;
      space.write("job", 1);
      space.hold("h");
      space.restart();
      await()
          .until(
              () -> {
                space.clock.addAndGet(20);
                return space.asked.size() >= 3;
              });
      assertEquals(0, space.count(), "silence is no abort");
      assertTrue(!never.isDone(), "the holder's own future is left alone");
    }
  }

  @Test
  void onlySoManyHoldersAreAskedAtOnce() {
    try (SpaceFixture space = new SpaceFixture(kit, QUICK + ", hold-checks-at-once = 2")) {
      List<CompletableFuture<HoldOutcome>> answers = new ArrayList<>();
      space.holder =
          (holder, holdId) -> {
            CompletableFuture<HoldOutcome> answer = new CompletableFuture<>();
            synchronized (answers) {
              answers.add(answer);
            }
            return answer;
          };
      for (int i = 0; i < 5; i++) {
        space.write("job", i);
        space.hold("h" + i);
      }
      space.restart();
      assertEquals(0, space.count());
      assertEquals(2, space.asked.size());
      for (int i = 0; i < 5; i++) {
        int nth = i;
        await()
            .until(
                () -> {
                  synchronized (answers) {
                    return answers.size() > nth;
                  }
                });
        synchronized (answers) {
          answers.get(i).complete(HoldOutcome.ABORTED);
        }
      }
      await().until(() -> space.count() == 5);
    }
  }

  @Test
  void everyTupleIsTakenOnceByManyTakers() {
    int tuples = 300;
    int takers = 40;
    try (SpaceFixture space = space()) {
      List<TestProbe<SpaceReply>> writes = new ArrayList<>();
      List<TestProbe<SpaceReply>> takes = new ArrayList<>();
      for (int i = 0; i < tuples; i++) {
        int number = i;
        writes.add(
            space.send(
                to -> new SpaceCommand.Write(OperationId.none(), Tuple.of("job", number), 0, to)));
      }
      writes.forEach(probe -> probe.expectMessage(SpaceReply.Done.DONE));
      List<Thread> threads = new ArrayList<>();
      for (int taker = 0; taker < takers; taker++) {
        Thread thread =
            new Thread(
                () -> {
                  for (int i = 0; i < 10; i++) {
                    TestProbe<SpaceReply> probe =
                        space.send(
                            to -> new SpaceCommand.Take(OperationId.none(), SpaceFixture.JOB, to));
                    synchronized (takes) {
                      takes.add(probe);
                    }
                  }
                });
        threads.add(thread);
        thread.start();
      }
      threads.forEach(SpaceActorTest::join);
      Set<Tuple> taken = new HashSet<>();
      int empty = 0;
      for (TestProbe<SpaceReply> probe : takes) {
        if (probe.receiveMessage() instanceof SpaceReply.Found found) {
          assertTrue(taken.add(found.tuple()), found + " was taken twice");
        } else {
          empty++;
        }
      }
      assertEquals(tuples, taken.size());
      assertEquals(takers * 10 - tuples, empty);
    }
  }

  @Test
  void aFailedWriteIsNotAnsweredAsDoneAndIsNotThere() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      journal.failNextPersisted(space.persistenceId);
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, code(space.write("job", 2)));
      // The state that was ahead of the journal is gone with the log; the next one recovers.
      await().until(() -> space.read().equals(found("job", 1)));
      assertEquals(1, space.count());
      assertEquals(SpaceReply.Done.DONE, space.write("job", 3));
    }
  }

  @Test
  void aRejectedWriteIsNotAnsweredAsDoneAndIsNotThere() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      journal.rejectNextPersisted(space.persistenceId);
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, code(space.take(OperationId.none())));
      await().until(() -> space.read().equals(found("job", 1)));
    }
  }

  @Test
  void aSpaceWhoseJournalIsAwayRefusesAtOnceAndComesBack() {
    try (SpaceFixture space =
        new SpaceFixture(kit, "restart-backoff-min = 300ms, restart-backoff-max = 300ms")) {
      space.write("job", 1);
      journal.failNextPersisted(space.persistenceId);
      space.write("job", 2);
      assertEquals(ErrorCode.SPACE_UNAVAILABLE, code(space.read()), "while it is down");
      await().until(() -> space.read().equals(found("job", 1)));
    }
  }

  @Test
  void aSpaceThatCannotRecoverRefusesAndTriesAgain() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      journal.failNextNReads(space.persistenceId, 2);
      space.restart();
      assertEquals(ErrorCode.SPACE_UNAVAILABLE, code(space.read()));
      await().until(() -> space.read().equals(found("job", 1)));
    }
  }

  @Test
  void aDamagedJournalIsSaidToBeDamagedAndNothingIsGuessed() {
    try (SpaceFixture space = space()) {
      space.write("job", 1);
      space.stop();
      journal.clearByPersistenceId(space.persistenceId);
      journal.persistForRecovery(
          space.persistenceId, List.of(new SpaceEvent.Taken(1, 7, OperationId.none())));
      space.start();
      assertEquals(ErrorCode.JOURNAL_CORRUPT, code(space.read()));
      assertEquals(ErrorCode.JOURNAL_CORRUPT, code(space.write("job", 2)));
    }
  }

  @Test
  void limitsHaveTheirCodes() {
    try (SpaceFixture space = new SpaceFixture(kit, "max-bytes = 1000")) {
      assertEquals(ErrorCode.SPACE_FULL, code(space.write("job", new byte[1_000])));
      assertEquals(ErrorCode.LEASE_INVALID, code(space.writeAs(OperationId.none(), -1, "job", 1)));
      assertEquals(ErrorCode.REQUEST_INVALID, code(space.hold("")));
      assertEquals(0, space.count());
    }
  }

  @Test
  void aSpaceThatIsToldToStopFinishesWhatItWasAsked() {
    try (SpaceFixture space = space()) {
      List<TestProbe<SpaceReply>> writes = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        writes.add(
            space.send(
                to -> new SpaceCommand.Write(OperationId.none(), Tuple.of("job", 1), 0, to)));
      }
      TestProbe<Void> watcher = kit.createTestProbe();
      space.space().tell(SpaceCommand.Stop.STOP);
      writes.forEach(probe -> probe.expectMessage(SpaceReply.Done.DONE));
      watcher.expectTerminated(space.space(), Duration.ofSeconds(5));
      space.start();
      assertEquals(50, space.count());
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
