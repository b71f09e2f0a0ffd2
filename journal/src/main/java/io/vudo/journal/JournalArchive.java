package io.vudo.journal;

import io.vudo.journal.internal.ArchiveReader;
import io.vudo.journal.internal.ArchiveTables;
import io.vudo.journal.internal.ArchiveWriter;
import io.vudo.journal.internal.format.ArchiveEnd;
import io.vudo.journal.internal.format.ArchiveRecord;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;

/**
 * All that a journal holds in one file, and from there into another journal: from a single node
 * into the database of a cluster, and back.
 *
 * <pre>{@code
 * JournalArchive.export(embedded, Path.of("node.vudo"));
 * JournalArchive.importInto(shared, Path.of("node.vudo"));
 * }</pre>
 *
 * <p>The file holds the rows of turns and snapshots as they are, the modules, how many there are of
 * each, and a SHA-256 of all that; {@code archive.proto} says how. Memory is needed for the largest
 * row, not for all of them. Thread-safe, as it holds nothing.
 */
public final class JournalArchive {
  private JournalArchive() {}

  /**
   * How much an archive holds.
   *
   * @param events turns and all other events
   * @param snapshots full ones and deltas
   * @param modules of any type
   */
  public record Contents(long events, long snapshots, long modules) {
    private static Contents of(ArchiveEnd end) {
      return new Contents(end.getEvents(), end.getSnapshots(), end.getModules());
    }
  }

  /**
   * Writes a journal to a file. What is in it is the journal of one moment; a shared journal can be
   * read while nodes run, but what they do afterwards is not in the file.
   *
   * @param journal of a node that is stopped, or a shared one
   * @param file must not exist; it appears when it is whole and on the disk
   * @throws VudoException {@code ARCHIVE_UNUSABLE} if the file exists or cannot be written; {@code
   *     JOURNAL_UNAVAILABLE} if the journal cannot be read; {@code JOURNAL_CORRUPT} if a module is
   *     not what its name says
   */
  public static Contents export(Journal journal, Path file) {
    try (ArchiveWriter writer = ArchiveWriter.create(file);
        ArchiveStore store = ArchiveStore.of(journal)) {
      Counter counter = new Counter(writer);
      store.beginExport();
      ArchiveTables.readEvents(store.turns(), counter);
      ArchiveTables.readSnapshots(store.snapshots(), counter);
      store.readModules(counter);
      ArchiveEnd end = counter.end();
      writer.finish(end);
      return Contents.of(end);
    } catch (SQLException e) {
      throw unavailable(e);
    } catch (IOException e) {
      throw unusable(file, e);
    }
  }

  /** Writes records, and counts them by what they are. */
  private static final class Counter implements ArchiveReader.Use {
    private final ArchiveWriter writer;
    private final ArchiveEnd.Builder end = ArchiveEnd.newBuilder();

    Counter(ArchiveWriter writer) {
      this.writer = writer;
    }

    @Override
    public void accept(ArchiveRecord record) throws IOException {
      writer.write(record);
      switch (record.getRecordCase()) {
        case EVENT -> end.setEvents(end.getEvents() + 1);
        case SNAPSHOT -> end.setSnapshots(end.getSnapshots() + 1);
        case MODULE -> end.setModules(end.getModules() + 1);
        default -> throw new IllegalArgumentException(record.getRecordCase().toString());
      }
    }

    ArchiveEnd end() {
      return end.build();
    }
  }

  /**
   * Reads a whole archive and says what it holds.
   *
   * @throws VudoException {@code ARCHIVE_CORRUPT} if it is damaged or cut short; {@code
   *     ARCHIVE_VERSION} if a newer version wrote it; {@code ARCHIVE_UNUSABLE} if it cannot be read
   */
  public static Contents check(Path file) {
    try {
      return Contents.of(ArchiveReader.read(file, record -> checkModule(file, record)));
    } catch (SQLException e) {
      throw unavailable(e);
    } catch (IOException e) {
      throw unusable(file, e);
    }
  }

  /** Its name is where it goes to, so it must be that of its bytes. */
  private static void checkModule(Path file, ArchiveRecord record) {
    if (record.hasModule()
        && !ModuleDigest.of(record.getModule().getContent().toByteArray())
            .hex()
            .equals(record.getModule().getDigest())) {
      throw new VudoException(
          ErrorCode.ARCHIVE_CORRUPT, file + ": a module in it is not what its name says.");
    }
  }

  /**
   * Fills an empty journal with an archive. The archive is checked first, so one that is damaged
   * changes nothing.
   *
   * <p>It is all or nothing. Into a shared journal it is one transaction. An import into an
   * embedded one that is broken off leaves a data directory that no node starts on ({@code
   * DATA_DIR_UNUSABLE}): delete it, and import again.
   *
   * @param journal holds no turns and no snapshots, and no node uses it
   * @param file as {@link #export} wrote it
   * @throws VudoException {@code JOURNAL_NOT_EMPTY} if the journal holds something; {@code
   *     ARCHIVE_CORRUPT}, {@code ARCHIVE_VERSION} or {@code ARCHIVE_UNUSABLE} as {@link #check};
   *     {@code JOURNAL_UNAVAILABLE} if the journal does not take it
   */
  public static Contents importInto(Journal journal, Path file) {
    check(file);
    try (ArchiveStore store = ArchiveStore.of(journal)) {
      store.beginImport();
      if (ArchiveTables.holdsRows(store.turns(), "event_journal")
          || ArchiveTables.holdsRows(store.snapshots(), "snapshot")) {
        throw new VudoException(
            ErrorCode.JOURNAL_NOT_EMPTY, "Nothing of " + file + " was imported.");
      }
      store.markImport();
      ArchiveEnd end;
      try (ArchiveTables.Inserter inserter =
          new ArchiveTables.Inserter(store.turns(), store.snapshots())) {
        // Its checksum is compared once more, before anything is committed.
        end = ArchiveReader.read(file, record -> write(record, inserter, store));
        inserter.flush();
      }
      store.commitImport();
      return Contents.of(end);
    } catch (SQLException e) {
      throw unavailable(e);
    } catch (IOException e) {
      throw unusable(file, e);
    }
  }

  private static void write(
      ArchiveRecord record, ArchiveTables.Inserter inserter, ArchiveStore store)
      throws SQLException, IOException {
    switch (record.getRecordCase()) {
      case EVENT -> inserter.add(record.getEvent());
      case SNAPSHOT -> inserter.add(record.getSnapshot());
      case MODULE -> store.write(record.getModule());
      default -> throw new IllegalArgumentException(record.getRecordCase().toString());
    }
  }

  private static VudoException unavailable(SQLException e) {
    return new VudoException(
        ErrorCode.JOURNAL_UNAVAILABLE, "The database says: " + e.getMessage(), e);
  }

  private static VudoException unusable(Path file, IOException e) {
    return new VudoException(
        ErrorCode.ARCHIVE_UNUSABLE,
        file + ": " + e.getClass().getSimpleName() + " " + e.getMessage(),
        e);
  }
}
