package io.vudo.journal;

import static io.vudo.journal.JournalFixture.PATIENCE;
import static io.vudo.journal.JournalFixture.expected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.vudo.journal.internal.PageSnapshotStore;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.SnapshotMetadata;
import org.apache.pekko.persistence.SnapshotProtocol;
import org.apache.pekko.persistence.SnapshotSelectionCriteria;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

@ParameterizedClass
@EnumSource
final class SnapshotStoreTest {
  @Parameter TestStore store;

  private static final String ID = "spirit|counter/alice";

  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Logger logger = (Logger) LoggerFactory.getLogger(PageSnapshotStore.class);

  @BeforeEach
  void listen() {
    log.start();
    logger.addAppender(log);
  }

  @AfterEach
  void stopListening() {
    logger.detachAppender(log);
  }

  /** 250 turns with a snapshot every ten: 0 full, ten deltas, full, ten deltas, full, ... */
  private void write250(Path path) throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> spirit = fixture.spirit(ID, 10, snapshots);
      for (long turn = 10; turn <= 250; turn += 10) {
        fixture.turns(spirit, turn - 9, turn);
        assertEquals(turn, snapshots.receiveMessage(PATIENCE));
      }
    }
  }

  private void assertRecovers(JournalFixture fixture, int replayed) {
    TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
    TestSpirit.View view = fixture.view(fixture.spirit(ID, 10, snapshots));
    assertEquals(250, view.turns());
    assertEquals(expected(250), view.memory());
    assertEquals(replayed, view.replayed());
  }

  private void assertWarned(long... sequenceNumbers) {
    assertEquals(sequenceNumbers.length, log.list.size(), () -> "warnings: " + log.list.toString());
    for (int i = 0; i < sequenceNumbers.length; i++) {
      String line = log.list.get(i).getFormattedMessage();
      assertTrue(
          line.contains("SNAPSHOT_CORRUPT")
              && line.contains(ID)
              && line.contains("sequence number " + sequenceNumbers[i]),
          line);
    }
  }

  private static List<Long> stored(JournalFixture fixture) throws Exception {
    try (Connection connection = fixture.connect("vudo-snapshots");
        ResultSet rows =
            connection
                .createStatement()
                .executeQuery(
                    "SELECT \"sequence_number\" FROM \"snapshot\" ORDER BY \"sequence_number\"")) {
      List<Long> numbers = new ArrayList<>();
      while (rows.next()) {
        numbers.add(rows.getLong(1));
      }
      return numbers;
    }
  }

  /** Turns over one bit of one byte in the middle of a stored snapshot. */
  private static void damage(JournalFixture fixture, long sequenceNumber) throws Exception {
    try (Connection connection = fixture.connect("vudo-snapshots");
        PreparedStatement select =
            connection.prepareStatement(
                "SELECT \"snapshot_payload\" FROM \"snapshot\" WHERE \"sequence_number\" = ?");
        PreparedStatement update =
            connection.prepareStatement(
                "UPDATE \"snapshot\" SET \"snapshot_payload\" = ? WHERE \"sequence_number\" = ?")) {
      select.setLong(1, sequenceNumber);
      byte[] bytes;
      try (ResultSet rows = select.executeQuery()) {
        assertTrue(rows.next());
        bytes = rows.getBytes(1);
      }
      bytes[bytes.length / 2] ^= 4;
      update.setBytes(1, bytes);
      update.setLong(2, sequenceNumber);
      assertEquals(1, update.executeUpdate());
    }
  }

  @Test
  void chainOf25SnapshotsIsPutTogetherAndOldOnesAreDeleted() throws Exception {
    Path path = store.fresh("chain");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      assertRecovers(fixture, 0);
      assertWarned();
      List<Long> stored = stored(fixture);
      assertEquals(250L, stored.get(stored.size() - 1));
      // The last two chains, and nothing before them.
      assertTrue(stored.size() < 25 && stored.size() >= 2, stored.toString());
    }
  }

  @Test
  void damagedNewestFallsBackToTheOneBefore() throws Exception {
    Path path = store.fresh("damaged-newest");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      damage(fixture, 250);
      assertRecovers(fixture, 10);
      assertWarned(250);
    }
  }

  @Test
  void damagedBaseFallsBackBehindTheWholeChain() throws Exception {
    Path path = store.fresh("damaged-base");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      List<Long> chain = newestChain(fixture);
      long full = chain.get(0);
      damage(fixture, full);
      assertRecovers(fixture, (int) (250 - full + 10));
      assertWarned(chain.stream().mapToLong(n -> n).map(n -> 250 + full - n).toArray());
    }
  }

  @Test
  void deletedBaseFallsBackBehindTheWholeChain() throws Exception {
    Path path = store.fresh("deleted-base");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      List<Long> chain = newestChain(fixture);
      long full = chain.get(0);
      try (Connection connection = fixture.connect("vudo-snapshots")) {
        connection
            .createStatement()
            .execute("DELETE FROM \"snapshot\" WHERE \"sequence_number\" = " + full);
      }
      assertRecovers(fixture, (int) (250 - full + 10));
      assertEquals(chain.size() - 1, log.list.size());
      assertTrue(log.list.get(0).getFormattedMessage().contains("which is gone"));
    }
  }

  @Test
  void withoutAnyUsableSnapshotAllEventsAreReplayed() throws Exception {
    Path path = store.fresh("all-damaged");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      for (long number : stored(fixture)) {
        damage(fixture, number);
      }
      assertRecovers(fixture, 250);
    }
  }

  @Test
  void chainGoesOnAfterRecoveryAndAfterDamage() throws Exception {
    Path path = store.fresh("goes-on");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      damage(fixture, 250);
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> spirit = fixture.spirit(ID, 10, snapshots);
      fixture.turns(spirit, 251, 265);
      assertEquals(260, snapshots.receiveMessage(PATIENCE));
    }
    log.list.clear();
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      TestSpirit.View view = fixture.view(fixture.spirit(ID, 10, snapshots));
      assertEquals(expected(265), view.memory());
      assertEquals(5, view.replayed());
      assertWarned();
    }
  }

  @Test
  void deletingOlderSnapshotsNeverBreaksAChain() throws Exception {
    Path path = store.fresh("deleting");
    write250(path);
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      List<Long> before = stored(fixture);
      TestProbe<Object> probe = fixture.kit.createTestProbe(Object.class);
      org.apache.pekko.actor.ActorRef store = store(fixture);
      org.apache.pekko.actor.ActorRef self =
          org.apache.pekko.actor.typed.javadsl.Adapter.toClassic(probe.getRef());
      store.tell(
          new SnapshotProtocol.DeleteSnapshots(
              ID, SnapshotSelectionCriteria.create(245, Long.MAX_VALUE)),
          self);
      probe.receiveMessage(PATIENCE);
      assertEquals(before, stored(fixture));
      store.tell(new SnapshotProtocol.DeleteSnapshot(new SnapshotMetadata(ID, 240, 0)), self);
      probe.receiveMessage(PATIENCE);
      assertEquals(before, stored(fixture));
      assertRecovers(fixture, 0);
      store.tell(
          new SnapshotProtocol.DeleteSnapshots(ID, SnapshotSelectionCriteria.latest()), self);
      probe.receiveMessage(PATIENCE);
      assertEquals(List.of(), stored(fixture));
    }
  }

  @Test
  void otherObjectsPassThroughWithTheSameFallback() throws Exception {
    Path path = store.fresh("other-objects");
    try (JournalFixture fixture = new JournalFixture(store, path)) {
      TestProbe<Object> probe = fixture.kit.createTestProbe(Object.class);
      org.apache.pekko.actor.ActorRef self =
          org.apache.pekko.actor.typed.javadsl.Adapter.toClassic(probe.getRef());
      for (int n = 1; n <= 4; n++) {
        store(fixture)
            .tell(
                new SnapshotProtocol.SaveSnapshot(
                    new SnapshotMetadata(ID, n, n), TestSpirit.event(n, n, n)),
                self);
        probe.receiveMessage(PATIENCE);
      }
      assertEquals(List.of(3L, 4L), stored(fixture));
      assertEquals(TestSpirit.event(4, 4, 4), load(fixture, probe));
      assertWarned();
      damage(fixture, 4);
      assertEquals(TestSpirit.event(3, 3, 3), load(fixture, probe));
      assertWarned(4);
    }
  }

  private static Object load(JournalFixture fixture, TestProbe<Object> probe) {
    store(fixture)
        .tell(
            new SnapshotProtocol.LoadSnapshot(
                ID, SnapshotSelectionCriteria.latest(), Long.MAX_VALUE),
            org.apache.pekko.actor.typed.javadsl.Adapter.toClassic(probe.getRef()));
    return ((SnapshotProtocol.LoadSnapshotResult) probe.receiveMessage(PATIENCE))
        .snapshot()
        .get()
        .snapshot();
  }

  private static org.apache.pekko.actor.ActorRef store(JournalFixture fixture) {
    return org.apache.pekko.persistence.Persistence.get(fixture.kit.system())
        .snapshotStoreFor(Journal.SNAPSHOTS, com.typesafe.config.ConfigFactory.empty());
  }

  /** The sequence numbers of the newest chain, the full one first; by the stored bases. */
  private static List<Long> newestChain(JournalFixture fixture) throws Exception {
    List<Long> chain = new ArrayList<>();
    long next = 250;
    while (next != 0) {
      chain.add(0, next);
      try (Connection connection = fixture.connect("vudo-snapshots");
          ResultSet rows =
              connection
                  .createStatement()
                  .executeQuery(
                      "SELECT \"snapshot_payload\" FROM \"snapshot\" WHERE \"sequence_number\" = "
                          + next)) {
        assertTrue(rows.next());
        next =
            ((StateSnapshot)
                    new io.vudo.journal.internal.StateSnapshotSerializer()
                        .fromBinary(rows.getBytes(1), "vudo-state-snapshot/1"))
                .baseSequenceNumber();
      }
    }
    return chain;
  }
}
