package io.vudo.journal;

import static io.vudo.journal.JournalFixture.PATIENCE;
import static io.vudo.journal.JournalFixture.expected;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.vudo.journal.internal.ArchiveWriter;
import io.vudo.journal.internal.format.ArchiveEnd;
import io.vudo.journal.internal.format.ArchiveRecord;
import io.vudo.journal.internal.format.EventRow;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

@ParameterizedClass
@CsvSource({"EMBEDDED,POSTGRESQL", "POSTGRESQL,EMBEDDED"})
final class JournalArchiveTest {
  private static final byte[] MODULE = {0, 'a', 's', 'm', 1, 0, 0, 0};
  private static final String DIGEST = ModuleDigest.of(MODULE).hex();

  @Parameter(0)
  TestStore from;

  @Parameter(1)
  TestStore to;

  /** A journal without an actor system. */
  private static final class Opened implements AutoCloseable {
    final DataDirectory directory;
    final Journal journal;

    Opened(TestStore store, Path path) {
      directory = DataDirectory.open(path);
      journal = Journals.open(directory, store.settings(path).withFallback(ConfigFactory.load()));
    }

    @Override
    public void close() {
      journal.close();
      directory.close();
    }
  }

  /** Two Spirits, with everything that a row can have; the file that they were exported to. */
  private Path exported(Path source) throws Exception {
    try (JournalFixture fixture = new JournalFixture(from, source)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> spirit = fixture.spirit("spirit|a/ä", 10, snapshots);
      for (long turn = 10; turn <= 40; turn += 10) {
        fixture.turns(spirit, turn - 9, turn);
        assertEquals(turn, snapshots.receiveMessage(PATIENCE));
      }
      fixture.turns(fixture.spirit("spirit|b", 1000, snapshots), 1, 7);
      try (Connection connection = fixture.connect("vudo-turns");
          Statement statement = connection.createStatement()) {
        for (String tag : new String[] {"red", "blue"}) {
          statement.execute(
              "INSERT INTO event_tag SELECT ordering, '"
                  + tag
                  + "' FROM event_journal WHERE sequence_number IN (2, 5)");
        }
        statement.execute(
            "UPDATE event_journal SET deleted = (1 = 1), meta_ser_id = 17, meta_ser_manifest = 'm',"
                + " meta_payload = event_payload WHERE sequence_number = 3");
      }
      if (from == TestStore.EMBEDDED) {
        Files.write(fixture.directory.subdirectory("modules").resolve(DIGEST + ".wasm"), MODULE);
      } else {
        fixture.journal.modules().orElseThrow().put(DIGEST, MODULE);
      }
    }
    Path file = source.resolveSibling(source.getFileName() + "-" + from + ".vudo");
    Files.deleteIfExists(file);
    try (Opened opened = new Opened(from, source)) {
      JournalArchive.Contents contents = JournalArchive.export(opened.journal, file);
      assertEquals(47, contents.events());
      assertTrue(contents.snapshots() >= 2);
      assertEquals(1, contents.modules());
      assertEquals(contents, JournalArchive.check(file));
    }
    return file;
  }

  private static ErrorCode code(Executable executable) {
    return assertThrows(VudoException.class, executable).code();
  }

  /** All rows of all tables, as text. */
  private static List<String> rows(TestStore store, Path path) throws Exception {
    List<String> rows = new ArrayList<>();
    try (Opened opened = new Opened(store, path)) {
      for (String query :
          new String[] {
            "vudo-turns SELECT ordering, deleted, persistence_id, sequence_number, writer,"
                + " write_timestamp, adapter_manifest, event_payload, event_ser_id,"
                + " event_ser_manifest, meta_payload, meta_ser_id, meta_ser_manifest FROM"
                + " event_journal ORDER BY ordering",
            "vudo-turns SELECT event_id, tag FROM event_tag ORDER BY event_id, tag",
            "vudo-snapshots SELECT persistence_id, sequence_number, created, snapshot_ser_id,"
                + " snapshot_ser_manifest, snapshot_payload, meta_ser_id, meta_ser_manifest,"
                + " meta_payload FROM snapshot ORDER BY sequence_number"
          }) {
        String database = query.substring(0, query.indexOf(' '));
        try (Connection connection = store.connect(path, opened.journal.config(), database);
            Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery(query.substring(query.indexOf(' ')))) {
          while (row.next()) {
            StringBuilder text = new StringBuilder();
            for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
              String name = row.getMetaData().getColumnName(i);
              if (name.endsWith("payload")) {
                byte[] bytes = row.getBytes(i);
                text.append(bytes == null ? null : HexFormat.of().formatHex(bytes));
              } else {
                text.append(name.equals("deleted") ? row.getBoolean(i) : row.getString(i));
              }
              text.append(' ');
            }
            rows.add(text.toString());
          }
        }
      }
    }
    return rows;
  }

  private static byte[] module(TestStore store, Path path) throws IOException {
    if (store == TestStore.EMBEDDED) {
      return Files.readAllBytes(path.resolve("modules").resolve(DIGEST + ".wasm"));
    }
    try (Opened opened = new Opened(store, path)) {
      return opened.journal.modules().orElseThrow().get(DIGEST).orElseThrow();
    }
  }

  @Test
  void rowsAreTheSameInTheOtherStoreAndBackAndSpiritsGoOn() throws Exception {
    Path source = from.fresh("archive-source");
    Path target = to.fresh("archive-target");
    Path back = from.fresh("archive-back");
    Path file = exported(source);
    Path again = file.resolveSibling("again.vudo");
    Files.deleteIfExists(again);
    try (Opened opened = new Opened(to, target)) {
      JournalArchive.Contents contents = JournalArchive.importInto(opened.journal, file);
      assertEquals(JournalArchive.check(file), contents);
      JournalArchive.export(opened.journal, again);
    }
    try (Opened opened = new Opened(from, back)) {
      JournalArchive.importInto(opened.journal, again);
    }
    List<String> rows = rows(from, source);
    assertTrue(rows.size() > 50);
    assertEquals(rows, rows(to, target));
    assertEquals(rows, rows(from, back));
    assertArrayEquals(MODULE, module(to, target));
    assertArrayEquals(MODULE, module(from, back));
    try (JournalFixture fixture = new JournalFixture(to, target)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      ActorRef<TestSpirit.Command> spirit = fixture.spirit("spirit|a/ä", 10, snapshots);
      assertEquals(expected(40), fixture.view(spirit).memory());
      fixture.turns(spirit, 41, 52);
    }
  }

  @Test
  void damagedAndNewerArchivesChangeNothing() throws Exception {
    Path target = to.fresh("archive-empty");
    byte[] bytes = Files.readAllBytes(exported(from.fresh("archive-damage")));
    Path damaged = target.resolveSibling("damaged.vudo");
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("JournalArchiveTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    for (int run = 0; run < 200; run++) {
      int at = run < 10 ? bytes.length - 1 - 4 * run : random.nextInt(bytes.length);
      byte[] changed = bytes.clone();
      if (run % 2 == 0) {
        changed = java.util.Arrays.copyOf(bytes, at);
      } else {
        changed[at] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(damaged, changed);
      ErrorCode code = code(() -> JournalArchive.check(damaged));
      assertTrue(
          code == ErrorCode.ARCHIVE_CORRUPT || (at == 7 && code == ErrorCode.ARCHIVE_VERSION),
          () -> "byte " + at + ": " + code);
    }
    try (Opened opened = new Opened(to, target)) {
      assertEquals(
          ErrorCode.ARCHIVE_CORRUPT,
          code(() -> JournalArchive.importInto(opened.journal, damaged)));
      bytes[7]++;
      Files.write(damaged, bytes);
      assertEquals(
          ErrorCode.ARCHIVE_VERSION,
          code(() -> JournalArchive.importInto(opened.journal, damaged)));
      assertEquals(
          ErrorCode.ARCHIVE_UNUSABLE,
          code(() -> JournalArchive.importInto(opened.journal, target.resolve("none"))));
    }
    assertEquals(List.of(), rows(to, target));
  }

  @Test
  void journalThatHoldsSomethingIsLeftAlone() throws Exception {
    Path source = from.fresh("archive-full");
    Path file = exported(source);
    Path target = to.fresh("archive-full-target");
    try (JournalFixture fixture = new JournalFixture(to, target)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      fixture.turns(fixture.spirit("spirit|c", 1000, snapshots), 1, 1);
    }
    List<String> before = rows(to, target);
    try (Opened opened = new Opened(to, target)) {
      assertEquals(
          ErrorCode.JOURNAL_NOT_EMPTY, code(() -> JournalArchive.importInto(opened.journal, file)));
    }
    assertEquals(before, rows(to, target));
    assertEquals(1, before.size());
  }

  /** Here by an archive that has one position twice. */
  @Test
  void importThatIsBrokenOffLeavesNothingThatANodeWouldStartOn() throws Exception {
    Path target = to.fresh("archive-broken-off");
    Path file = target.resolveSibling("twice.vudo");
    Files.deleteIfExists(file);
    try (ArchiveWriter writer = ArchiveWriter.create(file)) {
      for (int i = 0; i < 2; i++) {
        writer.write(
            ArchiveRecord.newBuilder()
                .setEvent(
                    EventRow.newBuilder()
                        .setOrdering(i)
                        .setPersistenceId("spirit|d")
                        .setSequenceNumber(1))
                .build());
      }
      writer.finish(ArchiveEnd.newBuilder().setEvents(2).build());
    }
    try (Opened opened = new Opened(to, target)) {
      assertEquals(
          ErrorCode.JOURNAL_UNAVAILABLE,
          code(() -> JournalArchive.importInto(opened.journal, file)));
    }
    if (to == TestStore.POSTGRESQL) {
      assertEquals(List.of(), rows(to, target));
    } else {
      assertEquals(ErrorCode.DATA_DIR_UNUSABLE, code(() -> DataDirectory.open(target)));
    }
  }

  @Test
  void exportOverwritesNothing() throws Exception {
    Path source = from.fresh("archive-overwrite");
    Path file = exported(source);
    byte[] before = Files.readAllBytes(file);
    try (Opened opened = new Opened(from, source)) {
      assertEquals(
          ErrorCode.ARCHIVE_UNUSABLE, code(() -> JournalArchive.export(opened.journal, file)));
    }
    assertArrayEquals(before, Files.readAllBytes(file));
    assertFalse(Files.exists(file.resolveSibling(file.getFileName() + ".unfinished")));
  }
}
