package io.vudo.tuplespace.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.OperationId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** With a journal whose writes finish when the test says so. */
class GroupCommitTest {
  private static ActorTestKit kit;

  @BeforeAll
  static void start() {
    kit =
        ActorTestKit.create(
            "commits",
            ConfigFactory.parseString(GatedJournal.CONFIG).withFallback(SpaceFixture.config()));
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  @BeforeEach
  void close() {
    GatedJournal.WRITES.set(0);
    GatedJournal.gate = new CompletableFuture<>();
  }

  private static TestProbe<SpaceReply> write(SpaceFixture space, Object value) {
    return space.send(
        to -> new SpaceCommand.Write(OperationId.none(), Tuple.of("job", value), 0, to));
  }

  private static TestProbe<SpaceReply> firstWriteOnItsWay(SpaceFixture space) {
    TestProbe<SpaceReply> first = write(space, 0);
    await().until(() -> GatedJournal.WRITES.get() == 1);
    return first;
  }

  @Test
  void aHundredConcurrentWritesAreTwoCommits() {
    try (SpaceFixture space = new SpaceFixture(kit, "")) {
      List<TestProbe<SpaceReply>> writes = new ArrayList<>();
      writes.add(firstWriteOnItsWay(space));
      for (int i = 1; i < 100; i++) {
        writes.add(write(space, i));
      }
      GatedJournal.gate.complete(null);

      writes.forEach(probe -> probe.expectMessage(SpaceReply.Done.DONE));
      assertEquals(2, GatedJournal.WRITES.get());
      space.restart();
      assertEquals(100, space.count());
    }
  }

  @Test
  void whoWaitsHearsNothingBeforeTheTupleIsDurable() {
    try (SpaceFixture space = new SpaceFixture(kit, "")) {
      TestProbe<SpaceReply> reader = space.waitFor("reader", Optional.empty(), 3_600_000);
      space.await("r1", "worker/alice", true, 3_600_000);
      TestProbe<SpaceReply> first = firstWriteOnItsWay(space);
      space.await("r2", "worker/alice", false, 3_600_000);
      TestProbe<SpaceReply> second = write(space, 1);
      reader.expectNoMessage(Duration.ofMillis(100));
      assertEquals(List.of(), space.heard);

      GatedJournal.gate.complete(null);
      first.expectMessage(SpaceReply.Done.DONE);
      second.expectMessage(SpaceReply.Done.DONE);
      reader.expectMessage(SpaceFixture.found("job", 0));
      String one = "worker/alice r1 " + Tuple.of("job", 0);
      String two = "worker/alice r2 " + Tuple.of("job", 1);
      await().untilAsserted(() -> assertEquals(List.of(one, two), space.heard));
    }
  }

  @Test
  void aBatchIsNoLargerThanItMayBe() {
    try (SpaceFixture space = new SpaceFixture(kit, "max-batch = 10")) {
      List<TestProbe<SpaceReply>> writes = new ArrayList<>();
      writes.add(firstWriteOnItsWay(space));
      for (int i = 1; i <= 30; i++) {
        writes.add(write(space, i));
      }
      GatedJournal.gate.complete(null);
      writes.forEach(probe -> probe.expectMessage(SpaceReply.Done.DONE));
      assertEquals(4, GatedJournal.WRITES.get());
    }
  }

  @Test
  void nothingIsAnsweredBeforeItIsDurableNotEvenARead() {
    try (SpaceFixture space = new SpaceFixture(kit, "")) {
      TestProbe<SpaceReply> first = firstWriteOnItsWay(space);
      CompletableFuture<Void> firstGate = GatedJournal.gate;
      GatedJournal.gate = new CompletableFuture<>();
      TestProbe<SpaceReply> second = write(space, 1);
      TestProbe<SpaceReply> read = space.send(to -> new SpaceCommand.Read(SpaceFixture.JOB, to));
      TestProbe<SpaceReply> taken =
          space.send(to -> new SpaceCommand.Take(OperationId.none(), SpaceFixture.JOB, to));
      first.expectNoMessage(Duration.ofMillis(50));
      firstGate.complete(null);
      first.expectMessage(SpaceReply.Done.DONE);

      await().until(() -> GatedJournal.WRITES.get() == 2);
      second.expectNoMessage(Duration.ofMillis(50));
      read.expectNoMessage(Duration.ofMillis(10));
      taken.expectNoMessage(Duration.ofMillis(10));
      GatedJournal.gate.complete(null);
      second.expectMessage(SpaceReply.Done.DONE);
      read.expectMessage(SpaceFixture.found("job", 0));
      taken.expectMessage(SpaceFixture.found("job", 0));
    }
  }

  @Test
  void operationsOfOneBatchSeeEachOther() {
    try (SpaceFixture space = new SpaceFixture(kit, "")) {
      TestProbe<SpaceReply> first = firstWriteOnItsWay(space);
      List<TestProbe<SpaceReply>> takes = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        takes.add(
            space.send(to -> new SpaceCommand.Take(OperationId.none(), SpaceFixture.JOB, to)));
        write(space, i + 1);
      }
      GatedJournal.gate.complete(null);
      first.expectMessage(SpaceReply.Done.DONE);
      for (int i = 0; i < 3; i++) {
        takes.get(i).expectMessage(SpaceFixture.found("job", i));
      }
    }
  }

  @Test
  void aFullQueueRefusesByNumberAndByBytes() {
    try (SpaceFixture space = new SpaceFixture(kit, "max-waiting = 2")) {
      TestProbe<SpaceReply> first = firstWriteOnItsWay(space);
      List<TestProbe<SpaceReply>> fit = List.of(write(space, 1), write(space, 2));
      assertRefused(write(space, 3));
      GatedJournal.gate.complete(null);
      first.expectMessage(SpaceReply.Done.DONE);
      fit.forEach(probe -> probe.expectMessage(SpaceReply.Done.DONE));
      assertEquals(3, space.count());
      assertEquals(SpaceReply.Done.DONE, space.write("job", 4));
    }
    close();
    try (SpaceFixture space = new SpaceFixture(kit, "max-waiting-bytes = 2000")) {
      TestProbe<SpaceReply> first = firstWriteOnItsWay(space);
      TestProbe<SpaceReply> fits = write(space, new byte[1_500]);
      assertRefused(write(space, new byte[1_500]));
      GatedJournal.gate.complete(null);
      first.expectMessage(SpaceReply.Done.DONE);
      fits.expectMessage(SpaceReply.Done.DONE);
      assertEquals(SpaceReply.Done.DONE, space.write("job", new byte[1_500]));
    }
  }

  @Test
  void aCommitThatFailsLeavesAnEmptyQueueBehind() {
    String overrides =
        "max-waiting-bytes = 2000, restart-backoff-min = 5ms, restart-backoff-max = 5ms";
    try (SpaceFixture space = new SpaceFixture(kit, overrides)) {
      TestProbe<SpaceReply> first = firstWriteOnItsWay(space);
      TestProbe<SpaceReply> waiting = write(space, new byte[1_500]);
      // Answered by refusal, so what came before it is in the queue.
      assertRefused(write(space, new byte[1_500]));
      CompletableFuture<Void> failing = GatedJournal.gate;
      GatedJournal.gate = CompletableFuture.completedFuture(null);
      failing.completeExceptionally(new IllegalStateException("disk full"));

      assertRefused(ErrorCode.JOURNAL_UNAVAILABLE, first);
      assertRefused(waiting);
      await().until(() -> space.write("job", new byte[1_500]).equals(SpaceReply.Done.DONE));
      assertEquals(1, space.count(), "nothing of what was refused is there");
    }
  }

  private static void assertRefused(TestProbe<SpaceReply> probe) {
    assertRefused(ErrorCode.SPACE_UNAVAILABLE, probe);
  }

  private static void assertRefused(ErrorCode code, TestProbe<SpaceReply> probe) {
    SpaceReply.Refused refused = assertInstanceOf(SpaceReply.Refused.class, probe.receiveMessage());
    assertEquals(code, refused.error().code());
  }
}
