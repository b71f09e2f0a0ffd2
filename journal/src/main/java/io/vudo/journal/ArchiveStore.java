package io.vudo.journal;

import com.google.protobuf.UnsafeByteOperations;
import io.vudo.journal.internal.ArchiveReader;
import io.vudo.journal.internal.format.ArchiveRecord;
import io.vudo.journal.internal.format.ModuleRow;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Stream;

/** What an archive is made of, and where it goes to. Belongs to one thread. */
abstract sealed class ArchiveStore implements AutoCloseable {
  static ArchiveStore of(Journal journal) throws SQLException {
    return journal instanceof SharedJournal shared
        ? new Shared(shared)
        : new Embedded((EmbeddedJournal) journal);
  }

  /** The connection for the tables of events; in a transaction. */
  abstract Connection turns();

  /** The connection for the table of snapshots; in a transaction. */
  abstract Connection snapshots();

  /** From here on all that is read is of one moment. */
  abstract void beginExport() throws SQLException;

  /** From here on nobody else writes. */
  abstract void beginImport() throws SQLException;

  abstract void readModules(ArchiveReader.Use use) throws SQLException, IOException;

  /** Called once the journal is known to be empty, and before the first row is written. */
  abstract void markImport() throws IOException;

  abstract void write(ModuleRow module) throws SQLException, IOException;

  /** Makes all of it durable. */
  abstract void commitImport() throws SQLException, IOException;

  @Override
  public abstract void close() throws SQLException;

  private static ArchiveRecord module(String digest, byte[] content) {
    return ArchiveRecord.newBuilder()
        .setModule(
            ModuleRow.newBuilder()
                .setDigest(digest)
                .setContent(UnsafeByteOperations.unsafeWrap(content)))
        .build();
  }

  private static final class Shared extends ArchiveStore {
    private final Connection connection;

    Shared(SharedJournal journal) throws SQLException {
      connection = journal.connect();
    }

    @Override
    Connection turns() {
      return connection;
    }

    @Override
    Connection snapshots() {
      return connection;
    }

    @Override
    void beginExport() throws SQLException {
      connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
      connection.setReadOnly(true);
      connection.setAutoCommit(false);
    }

    @Override
    void beginImport() throws SQLException {
      connection.setAutoCommit(false);
      try (Statement statement = connection.createStatement()) {
        statement.execute("LOCK TABLE event_journal, snapshot IN EXCLUSIVE MODE");
      }
    }

    @Override
    void readModules(ArchiveReader.Use use) throws SQLException, IOException {
      try (Statement statement = connection.createStatement()) {
        statement.setFetchSize(1);
        try (ResultSet row =
            statement.executeQuery("SELECT digest, content FROM vudo_module ORDER BY digest")) {
          while (row.next()) {
            use.accept(module(row.getString(1), row.getBytes(2)));
          }
        }
      }
    }

    /** The transaction is mark enough. */
    @Override
    void markImport() {}

    @Override
    void write(ModuleRow module) throws SQLException {
      try (PreparedStatement insert =
          connection.prepareStatement(
              "INSERT INTO vudo_module (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING")) {
        insert.setString(1, module.getDigest());
        insert.setBytes(2, module.getContent().toByteArray());
        insert.executeUpdate();
      }
    }

    @Override
    void commitImport() throws SQLException {
      try (Statement statement = connection.createStatement()) {
        // The rows brought their own numbers; the next one is to follow them.
        statement.execute(
            "SELECT setval(pg_get_serial_sequence('event_journal', 'ordering'), max(ordering))"
                + " FROM event_journal HAVING max(ordering) IS NOT NULL");
      }
      connection.commit();
    }

    @Override
    public void close() throws SQLException {
      connection.close();
    }
  }

  private static final class Embedded extends ArchiveStore {
    private static final String SUFFIX = ".wasm";

    private final DataDirectory directory;
    private final Connection turns;
    private final Connection snapshots;

    Embedded(EmbeddedJournal journal) throws SQLException {
      directory = journal.directory();
      turns = journal.connectTurns();
      try {
        snapshots = journal.connectSnapshots();
      } catch (SQLException e) {
        turns.close();
        throw e;
      }
    }

    @Override
    Connection turns() {
      return turns;
    }

    @Override
    Connection snapshots() {
      return snapshots;
    }

    /** The data directory is locked. */
    @Override
    void beginExport() {}

    @Override
    void beginImport() throws SQLException {
      turns.setAutoCommit(false);
      snapshots.setAutoCommit(false);
    }

    @Override
    void readModules(ArchiveReader.Use use) throws SQLException, IOException {
      Path modules = directory.path().resolve("modules");
      if (!Files.isDirectory(modules)) {
        return;
      }
      List<Path> files;
      try (Stream<Path> found = Files.list(modules)) {
        files = found.filter(file -> file.toString().endsWith(SUFFIX)).sorted().toList();
      }
      for (Path file : files) {
        String name = file.getFileName().toString();
        String digest = name.substring(0, name.length() - SUFFIX.length());
        byte[] content = Files.readAllBytes(file);
        if (!ModuleDigest.of(content).hex().equals(digest)) {
          throw new VudoException(
              ErrorCode.JOURNAL_CORRUPT, file + " is not the module that its name says.");
        }
        use.accept(module(digest, content));
      }
    }

    @Override
    void markImport() throws IOException {
      directory.beginImport();
    }

    @Override
    void write(ModuleRow module) throws IOException {
      Path modules = directory.subdirectory("modules");
      // As a digest it is a name without separators.
      String digest = new ModuleDigest(module.getDigest()).hex();
      Path temporary = modules.resolve(digest + ".tmp");
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        for (ByteBuffer part : module.getContent().asReadOnlyByteBufferList()) {
          while (part.hasRemaining()) {
            channel.write(part);
          }
        }
        channel.force(true);
      }
      Files.move(
          temporary,
          modules.resolve(digest + SUFFIX),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      DataDirectory.syncDirectory(modules);
    }

    @Override
    void commitImport() throws SQLException, IOException {
      snapshots.commit();
      turns.commit();
      directory.endImport();
    }

    @Override
    public void close() throws SQLException {
      try (turns) {
        snapshots.close();
      }
    }
  }
}
