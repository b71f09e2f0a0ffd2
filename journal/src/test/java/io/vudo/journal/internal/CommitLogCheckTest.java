package io.vudo.journal.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files as a killed process leaves them, with nothing missing and with something missing. */
class CommitLogCheckTest {
  @TempDir private Path directory;

  /** Copies the files of a database that is open, as a crash would leave them. */
  private Path crashed(String name, Work work) throws SQLException, IOException {
    Path live = directory.resolve("live-" + name);
    Path copy = directory.resolve(name);
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + live + "?journal_mode=WAL");
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE t (x BLOB)");
      work.with(statement);
      for (String suffix : List.of("", "-wal", "-shm")) {
        Files.copy(beside(live, suffix), beside(copy, suffix));
      }
    }
    return copy;
  }

  private interface Work {
    void with(Statement statement) throws SQLException;
  }

  private static Path beside(Path file, String suffix) {
    return file.resolveSibling(file.getFileName() + suffix);
  }

  private static void insert(Statement statement, int rows) throws SQLException {
    for (int i = 0; i < rows; i++) {
      statement.execute("INSERT INTO t VALUES (zeroblob(3000))");
    }
  }

  private static void cut(Path file, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(channel.size() - bytes);
    }
  }

  private static void assertFound(Path file) {
    VudoException found =
        assertThrows(VudoException.class, () -> CommitLogCheck.check(file), "what is missing");
    assertEquals(ErrorCode.JOURNAL_CORRUPT, found.code());
  }

  @Test
  void whatIsWholeIsFine() throws Exception {
    CommitLogCheck.check(directory.resolve("none"));
    CommitLogCheck.check(crashed("new", statement -> insert(statement, 20)));
    CommitLogCheck.check(
        crashed(
            "copied",
            statement -> {
              insert(statement, 20);
              statement.execute("PRAGMA wal_checkpoint(PASSIVE)");
            }));
    CommitLogCheck.check(
        crashed(
            "begun-anew",
            statement -> {
              insert(statement, 20);
              statement.execute("PRAGMA wal_checkpoint(RESTART)");
              insert(statement, 3);
            }));
    CommitLogCheck.check(
        crashed(
            "shrunk",
            statement -> {
              insert(statement, 50);
              statement.execute("DELETE FROM t");
              statement.execute("VACUUM");
              insert(statement, 1);
            }));
  }

  @Test
  void aWriteThatWasUnderWayIsFine() throws Exception {
    Path file = crashed("torn", statement -> insert(statement, 20));
    Files.write(beside(file, "-wal"), new byte[2_000], StandardOpenOption.APPEND);
    CommitLogCheck.check(file);
  }

  @Test
  void aLogThatIsNotNeededMayBeGone() throws Exception {
    Path file =
        crashed(
            "copied",
            statement -> {
              insert(statement, 20);
              statement.execute("PRAGMA wal_checkpoint(PASSIVE)");
            });
    Files.delete(beside(file, "-wal"));
    CommitLogCheck.check(file);
  }

  @Test
  void aLogThatHasLostCommitsIsFound() throws Exception {
    Path tail = crashed("tail", statement -> insert(statement, 20));
    cut(beside(tail, "-wal"), 1);
    assertFound(tail);
    Path gone = crashed("gone", statement -> insert(statement, 20));
    Files.delete(beside(gone, "-wal"));
    assertFound(gone);
    Path header = crashed("header", statement -> insert(statement, 20));
    cut(beside(header, "-wal"), Files.size(beside(header, "-wal")) - 10);
    assertFound(header);
  }

  @Test
  void aFileThatWasCutIsFound() throws Exception {
    Path file =
        crashed(
            "cut",
            statement -> {
              insert(statement, 40);
              statement.execute("PRAGMA wal_checkpoint(RESTART)");
              insert(statement, 1);
            });
    CommitLogCheck.check(file);
    cut(file, Files.size(file) / 2);
    assertFound(file);
  }

  @Test
  void aFileWithoutALogThatWasCutIsFound() throws Exception {
    Path file = directory.resolve("clean");
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + file + "?journal_mode=WAL");
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE t (x BLOB)");
      insert(statement, 20);
    }
    CommitLogCheck.check(file);
    cut(file, 1);
    assertFound(file);
  }
}
