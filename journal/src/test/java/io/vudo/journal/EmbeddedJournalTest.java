package io.vudo.journal;

import static io.vudo.journal.JournalFixture.expected;
import static io.vudo.journal.JournalFixture.fresh;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
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
}
