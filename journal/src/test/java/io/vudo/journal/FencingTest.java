package io.vudo.journal;

import static io.vudo.journal.JournalFixture.PATIENCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.persistence.Persistence;
import org.apache.pekko.persistence.PersistentRepr;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Two actor systems on one database, both of which believe that they own the same Spirits. */
@ParameterizedClass
@EnumSource
final class FencingTest {
  private static final String SAYS = "says ";

  @Parameter TestStore store;

  /** A Spirit on one of the systems, and what it failed with. */
  private static final class Owner {
    final ActorRef<TestSpirit.Command> spirit;

    /** Of each write: the number of the turn, or what the Spirit failed with. */
    final TestProbe<Object> outcomes;

    Owner(ActorTestKit kit, String id) {
      outcomes = kit.createTestProbe(Object.class);
      TestProbe<Long> snapshots = kit.createTestProbe(Long.class);
      spirit =
          kit.spawn(watched(TestSpirit.create(id, 1000, snapshots.getRef()), outcomes.getRef()));
      TestProbe<TestSpirit.View> recovered = kit.createTestProbe(TestSpirit.View.class);
      spirit.tell(new TestSpirit.Get(recovered.getRef()));
      recovered.receiveMessage(PATIENCE);
    }

    private static Behavior<TestSpirit.Command> watched(
        Behavior<TestSpirit.Command> spirit, ActorRef<Object> failures) {
      return Behaviors.setup(
          context -> {
            ActorRef<TestSpirit.Command> child = context.spawnAnonymous(spirit);
            context.watch(child);
            return Behaviors.receive(TestSpirit.Command.class)
                .onAnyMessage(
                    message -> {
                      child.tell(message);
                      return Behaviors.same();
                    })
                .onSignal(
                    ChildFailed.class,
                    failed -> {
                      failures.tell(failed.getCause());
                      return Behaviors.same();
                    })
                .build();
          });
    }

    void write(long value) {
      spirit.tell(new TestSpirit.Write(0, value, outcomes.getRef().narrow()));
    }

    void assertDurable(long turn) {
      assertEquals(turn, outcomes.receiveMessage(PATIENCE));
    }

    void assertFenced() {
      assertEquals(ErrorCode.SPIRIT_FENCED, failure().orElseThrow().code());
    }

    Optional<VudoException> failure() {
      return vudoException(assertInstanceOf(Throwable.class, outcomes.receiveMessage(PATIENCE)));
    }
  }

  private static Optional<VudoException> vudoException(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof VudoException e) {
        return Optional.of(e);
      }
    }
    return Optional.empty();
  }

  @Test
  void oneOwnerIsFencedAndItsNeighboursInTheBatchAreCommitted() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("fence-batch"))) {
      ActorTestKit other = JournalFixture.startSystem(fixture.journal);
      MeterRegistry meters = new SimpleMeterRegistry();
      JournalMetrics metrics = JournalMetrics.get(other.system());
      metrics.bindTo(meters);
      try {
        assertEquals(Optional.empty(), metrics.sinceCommit());
        Owner winner = new Owner(fixture.kit, "contended|1");
        Owner loser = new Owner(other, "contended|1");
        List<Owner> neighbours = new ArrayList<>();
        // More than the failures in a row that open the circuit breaker, fenced ones among them.
        List<Owner> losers = new ArrayList<>(List.of(loser));
        List<Owner> winners = new ArrayList<>(List.of(winner));
        for (int i = 0; i < 20; i++) {
          neighbours.add(new Owner(other, "neighbour|" + i));
          winners.add(new Owner(fixture.kit, "also|" + i));
          losers.add(new Owner(other, "also|" + i));
        }
        for (Owner owner : winners) {
          owner.write(7);
          owner.assertDurable(1);
        }
        Connection hold = store.holdCommits(fixture);
        try (hold) {
          // The first one waits for the database, so the others are in the next batch together.
          neighbours.forEach(owner -> owner.write(1));
          losers.forEach(owner -> owner.write(8));
          // Whoever watches the node sees that nothing goes on.
          Awaitility.await().until(() -> metrics.stalled().compareTo(Duration.ofMillis(50)) > 0);
        }
        for (Owner neighbour : neighbours) {
          neighbour.assertDurable(1);
        }
        losers.forEach(Owner::assertFenced);
        for (Owner neighbour : neighbours) {
          neighbour.write(2);
          neighbour.assertDurable(2);
        }
        winner.write(9);
        winner.assertDurable(2);
        loser.outcomes.expectNoMessage(Duration.ofMillis(10));
        assertCounted(meters, neighbours.size(), losers.size());
        assertEquals(Duration.ZERO, metrics.stalled());
        assertTrue(metrics.sinceCommit().isPresent());
        assertEquals(Optional.empty(), metrics.failure(), "a fence is no failure");
        fixture.journal.probe();
      } finally {
        other.shutdownTestKit();
      }
    }
  }

  /** Each neighbour has written twice, and the second time none was in another one's way. */
  private static void assertCounted(MeterRegistry meters, int neighbours, int losers) {
    assertEquals(losers, (int) meters.get("vudo.journal.fenced").counter().count());
    Timer commits = meters.get("vudo.journal.commit").tag("outcome", "committed").timer();
    DistributionSummary entries = meters.get("vudo.journal.commit.entries").summary();
    assertEquals(2 * neighbours, (int) entries.totalAmount());
    assertEquals(commits.count(), entries.count());
    assertEquals(2L * neighbours, meters.get("vudo.journal.write").timer().count());
    assertTrue(meters.get("vudo.journal.commit").tag("outcome", "failed").timer().count() > 0);
    assertTrue(meters.get("vudo.journal.written").counter().count() > 2 * neighbours);
    assertTrue(commits.totalTime(TimeUnit.NANOSECONDS) > 0);
  }

  @Test
  void exactlyOneAppendWinsAtEachPosition() throws Exception {
    int spirits = 60;
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("fence-race"))) {
      ActorTestKit other = JournalFixture.startSystem(fixture.journal);
      List<Long> won = new ArrayList<>();
      try {
        List<Owner[]> pairs = new ArrayList<>();
        for (int i = 0; i < spirits; i++) {
          pairs.add(
              new Owner[] {new Owner(fixture.kit, "race|" + i), new Owner(other, "race|" + i)});
        }
        for (int i = 0; i < spirits; i++) {
          // In opposite order, so that batches of the two systems also wait for each other.
          pairs.get(i)[0].write(100);
          pairs.get(spirits - 1 - i)[1].write(200);
        }
        for (Owner[] pair : pairs) {
          Object first = pair[0].outcomes.receiveMessage(PATIENCE);
          Object second = pair[1].outcomes.receiveMessage(PATIENCE);
          won.add(first.equals(1L) ? 100L : 200L);
          assertEquals(1L, first.equals(1L) ? first : second);
          Object loss = first.equals(1L) ? second : first;
          assertEquals(
              ErrorCode.SPIRIT_FENCED,
              vudoException(assertInstanceOf(Throwable.class, loss)).orElseThrow().code());
        }
      } finally {
        other.shutdownTestKit();
      }
      for (int i = 0; i < spirits; i++) {
        TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
        TestSpirit.View view = fixture.view(fixture.spirit("race|" + i, 1000, snapshots));
        assertEquals(1, view.turns());
        assertEquals(won.get(i), view.memory().getLong(0), "what was acknowledged is there");
      }
    }
  }

  /** The same row again, as after a commit that was reported as failed, is no fence. */
  @Test
  void ownRowIsNotTakenForSomebodyElses() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("fence-own"))) {
      assertInstanceOf(JournalProtocol.WriteMessageSuccess.class, append(fixture, "me"));
      assertInstanceOf(JournalProtocol.WriteMessageSuccess.class, append(fixture, "me"));
      var rejected =
          assertInstanceOf(
              JournalProtocol.WriteMessageRejected.class, append(fixture, "somebody else"));
      VudoException fenced = vudoException(rejected.cause()).orElseThrow();
      assertEquals(ErrorCode.SPIRIT_FENCED, fenced.code());
      assertTrue(fenced.detail().contains("position 1 of own|1"), fenced.detail());
    }
  }

  /** Has the plugin write the first event of a Spirit; its answer. */
  private static Object append(JournalFixture fixture, String writer) {
    TestProbe<Object> probe = fixture.kit.createTestProbe(Object.class);
    var self = Adapter.toClassic(probe.getRef());
    PersistentRepr event =
        PersistentRepr.apply(TestSpirit.event(1, 1, 1), 1, "own|1", "", false, self, writer);
    Persistence.get(fixture.kit.system())
        .journalFor(Journal.TURNS, com.typesafe.config.ConfigFactory.empty())
        .tell(
            new JournalProtocol.WriteMessages(
                scala.jdk.javaapi.CollectionConverters.asScala(
                        List.<org.apache.pekko.persistence.PersistentEnvelope>of(
                            AtomicWrite.apply(event)))
                    .toList(),
                self,
                1),
            self);
    probe.expectMessage(PATIENCE, JournalProtocol.WriteMessagesSuccessful$.MODULE$);
    return probe.receiveMessage(PATIENCE);
  }

  @Test
  void lostConnectionIsNotTakenForAFence() throws Exception {
    if (store == TestStore.EMBEDDED) {
      return; // It has no connection that could be lost.
    }
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("fence-cut"))) {
      Owner owner = new Owner(fixture.kit, "cut|1");
      Connection hold = store.holdCommits(fixture);
      try (hold) {
        owner.write(1);
        Awaitility.await().atMost(PATIENCE).until(() -> waitsForLock());
        TestStore.server().cutConnections();
        assertFalse(owner.failure().isPresent());
      }
      // With connections of its own, as those of the first one may all be cut.
      ActorTestKit other = JournalFixture.startSystem(fixture.journal);
      try {
        Owner again = new Owner(other, "cut|1");
        again.write(2);
        again.assertDurable(1);
      } finally {
        other.shutdownTestKit();
      }
    }
  }

  /** Stopped between insert and commit, when the row's key is taken and the row not yet there. */
  @Test
  void stoppedOwnerHoldsUpItsSuccessorForAWhileOnly() throws Exception {
    if (store == TestStore.EMBEDDED) {
      return; // It has one process.
    }
    Path path = store.fresh("fence-stopped");
    Path other = JournalFixture.fresh("fence-stopped-other");
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      ChildProcess child =
          ChildProcess.start(
              Stopped.class, path.toString(), other.toString(), TestStore.forChild(store));
      try {
        assertEquals("ready", said(child));
        Connection hold = store.holdCommits(fixture);
        try (hold) {
          Awaitility.await().atMost(PATIENCE).until(() -> waitsForLock());
          child.stop();
        }
        Owner successor = new Owner(fixture.kit, "stopped|1");
        successor.write(2);
        successor.assertDurable(1);
        child.resume();
        assertEquals("failed", said(child));
        assertEquals("fenced", said(child));
        successor.write(3);
        successor.assertDurable(2);
      } finally {
        child.kill();
      }
    }
  }

  /** The next word of a child, whose log comes the same way. */
  private static String said(ChildProcess child) throws IOException {
    String line = child.readLine();
    while (line != null && !line.startsWith(SAYS)) {
      line = child.readLine();
    }
    return line == null ? "nothing more" : line.substring(SAYS.length());
  }

  private static void say(String word) {
    System.out.println(SAYS + word);
  }

  /** Owns a Spirit, and goes on believing so. */
  static final class Stopped {
    public static void main(String[] arguments) throws Exception {
      TestStore.inChild(arguments[2]);
      JournalFixture fixture =
          new JournalFixture(TestStore.POSTGRESQL, Path.of(arguments[0]), Path.of(arguments[1]));
      Owner owner = new Owner(fixture.kit, "stopped|1");
      // Its state is at no turn, as of one that knows nothing of the successor.
      ActorTestKit system = JournalFixture.startSystem(fixture.journal);
      Owner unaware = new Owner(system, "stopped|1");
      say("ready");
      TestStore.awaitHold(Path.of(arguments[0]));
      owner.write(1);
      say(owner.failure().isPresent() ? "fenced" : "failed");
      unaware.write(1);
      Optional<VudoException> failure = unaware.failure();
      say(
          failure.isPresent() && failure.get().code() == ErrorCode.SPIRIT_FENCED
              ? "fenced"
              : "failed");
    }
  }

  private static boolean waitsForLock() throws Exception {
    try (Connection connection = TestStore.server().connect();
        var rows =
            connection
                .createStatement()
                .executeQuery(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")) {
      return rows.next() && rows.getInt(1) > 0;
    }
  }
}
