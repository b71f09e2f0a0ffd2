package io.vudo.journal;

import static io.vudo.journal.JournalFixture.PATIENCE;
import static io.vudo.journal.JournalFixture.expected;
import static io.vudo.journal.JournalFixture.fresh;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.journal.internal.SpiritEventSerializer;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.jdbc.query.javadsl.JdbcReadJournal;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.stream.javadsl.Sink;
import org.junit.jupiter.api.Test;

final class EmbeddedJournalTest {
  @Test
  void firstStartMakesTheSchemaAndLaterOnesFindTheTurns() throws Exception {
    Path path = fresh("journal");
    for (long start = 0; start < 3; start++) {
      try (JournalFixture fixture = new JournalFixture(path)) {
        TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
        ActorRef<TestSpirit.Command> spirit = fixture.spirit("reopen|1", 1000, snapshots);
        assertEquals(expected(start * 5), fixture.view(spirit).memory());
        fixture.turns(spirit, start * 5 + 1, start * 5 + 5);
      }
    }
    // A clean shutdown leaves nothing but the files themselves.
    try (var files = Files.list(path.resolve("journal"))) {
      assertEquals(
          List.of("snapshots.db", "turns.db"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void everyConnectionFlushesOnCommit() throws Exception {
    try (JournalFixture fixture = new JournalFixture(fresh("journal-settings"))) {
      for (String database : List.of("vudo-turns", "vudo-snapshots")) {
        try (Connection connection = fixture.connect(database)) {
          assertEquals("wal", pragma(connection, "journal_mode"));
          assertEquals("2", pragma(connection, "synchronous"), "2 is FULL");
          assertEquals("1", pragma(connection, "user_version"));
        }
      }
    }
  }

  private static String pragma(Connection connection, String name) throws Exception {
    try (ResultSet result = connection.createStatement().executeQuery("PRAGMA " + name)) {
      assertTrue(result.next());
      return result.getString(1);
    }
  }

  @Test
  void readJournalListsPersistenceIds() throws Exception {
    try (JournalFixture fixture = new JournalFixture(fresh("journal-query"))) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      for (String id : List.of("query|a", "query|b")) {
        fixture.turns(fixture.spirit(id, 2, snapshots), 1, 3);
      }
      JdbcReadJournal query =
          PersistenceQuery.get(fixture.kit.system())
              .getReadJournalFor(JdbcReadJournal.class, EmbeddedJournal.QUERY);
      List<String> ids =
          query
              .currentPersistenceIds()
              .runWith(Sink.seq(), fixture.kit.system())
              .toCompletableFuture()
              .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertEquals(List.of("query|a", "query|b"), ids.stream().sorted().toList());
      assertEquals(
          3,
          query
              .currentEventsByPersistenceId("query|a", 0, Long.MAX_VALUE)
              .runWith(Sink.seq(), fixture.kit.system())
              .toCompletableFuture()
              .get(PATIENCE.toSeconds(), TimeUnit.SECONDS)
              .size());
    }
  }

  @Test
  void newerSchemaIsRefused() throws Exception {
    Path path = fresh("journal-newer");
    new JournalFixture(path).close();
    try (Connection connection =
        DriverManager.getConnection("jdbc:sqlite:" + path.resolve("journal/turns.db"))) {
      connection.createStatement().execute("PRAGMA user_version = 2");
    }
    assertRefused(path, ErrorCode.JOURNAL_VERSION);
  }

  @Test
  void fileThatIsNoDatabaseIsRefused() throws Exception {
    Path path = fresh("journal-no-database");
    new JournalFixture(path).close();
    Files.writeString(path.resolve("journal/snapshots.db"), "not a database".repeat(1000));
    assertRefused(path, ErrorCode.JOURNAL_CORRUPT);
  }

  private static void assertRefused(Path path, ErrorCode code) {
    try (DataDirectory directory = DataDirectory.open(path)) {
      assertEquals(
          code, assertThrows(VudoException.class, () -> EmbeddedJournal.open(directory)).code());
    }
  }

  @Test
  void eventOfAnUnknownFormatStopsRecoveryWithATypedError() throws Exception {
    Path path = fresh("journal-unknown-manifest");
    try (JournalFixture fixture = new JournalFixture(path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      fixture.turns(fixture.spirit("unknown|1", 1000, snapshots), 1, 3);
      try (Connection connection = fixture.connect("vudo-turns")) {
        assertEquals(
            1,
            connection
                .createStatement()
                .executeUpdate(
                    "UPDATE \"event_journal\" SET \"event_ser_manifest\" = 'vudo-spirit-event/9'"
                        + " WHERE \"sequence_number\" = 2"));
      }
      ActorRef<TestSpirit.Command> again = fixture.spirit("unknown|1", 1000, snapshots);
      TestProbe<Object> watcher = fixture.kit.createTestProbe();
      watcher.expectTerminated(again, Duration.ofSeconds(10));
    }
    SpiritEventSerializer serializer = new SpiritEventSerializer();
    byte[] bytes = serializer.toBinary(TestSpirit.event(1, 1, 1));
    assertEquals(
        ErrorCode.JOURNAL_VERSION,
        assertThrows(VudoException.class, () -> serializer.fromBinary(bytes, "vudo-spirit-event/9"))
            .code());
    bytes[0] = 7;
    assertEquals(
        ErrorCode.JOURNAL_CORRUPT,
        assertThrows(VudoException.class, () -> serializer.fromBinary(bytes, "vudo-spirit-event/1"))
            .code());
  }

  /** As a former owner of a Spirit would, that does not know it has lost it. */
  @Test
  void secondWriterOfTheSameSequenceNumberFails() throws Exception {
    try (JournalFixture fixture = new JournalFixture(fresh("journal-fence"))) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> first = fixture.spirit("fence|1", 1000, snapshots);
      ActorRef<TestSpirit.Command> second = fixture.spirit("fence|1", 1000, snapshots);
      fixture.view(first);
      fixture.view(second);
      fixture.turns(first, 1, 3);
      TestProbe<Long> acks = fixture.kit.createTestProbe(Long.class);
      second.tell(new TestSpirit.Write(0, 99, acks.getRef()));
      fixture.kit.createTestProbe().expectTerminated(second, Duration.ofSeconds(10));
      acks.expectNoMessage(Duration.ofMillis(10));
      fixture.turns(first, 4, 6);
    }
  }

  @Test
  void javaSerializationIsOff() throws Exception {
    try (JournalFixture fixture = new JournalFixture(fresh("journal-java-serialization"))) {
      assertFalse(
          fixture
              .kit
              .system()
              .settings()
              .config()
              .getBoolean("pekko.actor.allow-java-serialization"));
      assertTrue(
          SerializationExtension.get(fixture.kit.system())
              .serialize(new java.util.concurrent.atomic.AtomicInteger())
              .isFailure());
    }
  }
}
