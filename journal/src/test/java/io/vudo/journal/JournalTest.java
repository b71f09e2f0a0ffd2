package io.vudo.journal;

import static io.vudo.journal.JournalFixture.PATIENCE;
import static io.vudo.journal.JournalFixture.expected;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.journal.internal.SpiritEventSerializer;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.sql.Connection;
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
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What holds of a journal wherever it is. */
@ParameterizedClass
@EnumSource
final class JournalTest {
  @Parameter TestStore store;

  @Test
  void laterStartsFindTheTurns() throws Exception {
    Path path = store.fresh("journal-reopen");
    for (long start = 0; start < 3; start++) {
      try (JournalFixture fixture = new JournalFixture(store, path)) {
        TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
        ActorRef<TestSpirit.Command> spirit = fixture.spirit("reopen|1", 7, snapshots);
        assertEquals(expected(start * 5), fixture.view(spirit).memory());
        fixture.turns(spirit, start * 5 + 1, start * 5 + 5);
      }
    }
  }

  @Test
  void readJournalListsPersistenceIds() throws Exception {
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("journal-query"))) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      for (String id : List.of("query|a", "query|b")) {
        fixture.turns(fixture.spirit(id, 2, snapshots), 1, 3);
      }
      JdbcReadJournal query =
          PersistenceQuery.get(fixture.kit.system())
              .getReadJournalFor(JdbcReadJournal.class, Journal.QUERY);
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
  void eventOfAnUnknownFormatStopsRecoveryWithATypedError() throws Exception {
    Path path = store.fresh("journal-unknown-manifest");
    try (JournalFixture fixture = new JournalFixture(store, path)) {
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
    try (JournalFixture fixture = new JournalFixture(store, store.fresh("journal-fence"))) {
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
    try (JournalFixture fixture =
        new JournalFixture(store, store.fresh("journal-java-serialization"))) {
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
