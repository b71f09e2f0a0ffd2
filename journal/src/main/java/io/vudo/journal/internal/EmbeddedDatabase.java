package io.vudo.journal.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteException;

/**
 * One SQLite file of the embedded journal: its URL and its schema.
 *
 * <p>SQLite and not H2, because H2 2.5.252 lost commits that it had acknowledged when its process
 * was killed, as soon as it reused space in its file; and because it does not flush on commit.
 *
 * <p>One connection stays open for as long as this object. It is the last one to close, so that the
 * write-ahead log is merged into the file once, at the end.
 */
public final class EmbeddedDatabase implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);

  /** The version of the schemas that this version of VUDO makes and reads. */
  static final int SCHEMA_VERSION = 1;

  /** What one commit of one Spirit may take, by vudo.spirit.batch-bytes. */
  private static final long LEAST_FREE_BYTES = 4 << 20;

  private final Path file;
  private final String url;
  private final Connection keeper;

  private EmbeddedDatabase(Path file, String url, Connection keeper) {
    this.file = file;
    this.url = url;
    this.keeper = keeper;
  }

  /**
   * Opens a file, and makes it with its schema if there is none.
   *
   * @param directory exists
   * @param name of the file and of its schema: {@code turns} or {@code snapshots}
   * @param config the section {@code vudo.journal}
   * @throws VudoException {@code JOURNAL_VERSION}, {@code JOURNAL_CORRUPT}, {@code
   *     JOURNAL_UNAVAILABLE} or {@code DATA_DIR_UNUSABLE}
   */
  public static EmbeddedDatabase open(Path directory, String name, Config config) {
    Path file = directory.resolve(name + ".db");
    String url = url(file, config);
    Connection keeper = null;
    try {
      CommitLogCheck.check(file);
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.JOURNAL_UNAVAILABLE, file + " cannot be read: " + e + ".", e);
    }
    try {
      keeper = DriverManager.getConnection(url);
      prepareSchema(keeper, file, name);
      return new EmbeddedDatabase(file, url, keeper);
    } catch (SQLException e) {
      closeQuietly(keeper, file);
      throw explain(e, file);
    } catch (IOException e) {
      closeQuietly(keeper, file);
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "No schema for " + name + ".", e);
    } catch (VudoException e) {
      closeQuietly(keeper, file);
      throw e;
    }
  }

  /** The JDBC URL, with every setting that durability depends on. */
  public String url() {
    return url;
  }

  /**
   * Commits a page as it is, through the same log and flush as any event.
   *
   * @throws VudoException {@code JOURNAL_UNAVAILABLE}, {@code JOURNAL_CORRUPT}
   */
  public void probe() {
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      // The version that it has. SQLite writes the page of it whether it changes or not.
      statement.execute("PRAGMA user_version = " + SCHEMA_VERSION);
      // A page may still fit where a batch of turns does not.
      long free = Files.getFileStore(file).getUsableSpace();
      if (free < LEAST_FREE_BYTES) {
        throw new VudoException(
            ErrorCode.JOURNAL_UNAVAILABLE, file + ": the disk has only " + free + " bytes left.");
      }
    } catch (SQLException e) {
      throw explain(e, file);
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.JOURNAL_UNAVAILABLE, file + " cannot be read: " + e + ".", e);
    }
  }

  /** Merges the write-ahead log into the file, if all other connections are closed, and closes. */
  @Override
  public void close() {
    closeQuietly(keeper, file);
  }

  private static String url(Path file, Config config) {
    if (file.toString().indexOf('?') >= 0) {
      throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, file + " holds a question mark.");
    }
    return "jdbc:sqlite:"
        + file
        // Commits append to a log, which is flushed by fsync before the commit returns. With
        // NORMAL it would be flushed only now and then, and a power failure would take commits.
        + "?journal_mode=WAL&synchronous=FULL"
        // A transaction takes the write lock when it begins, so it cannot fail half-way because
        // another one was faster; it waits for its turn.
        + "&transaction_mode=IMMEDIATE&busy_timeout="
        + config.getDuration("busy-timeout").toMillis()
        + "&foreign_keys=true"
        // Negative: KiB instead of pages.
        + "&cache_size=-"
        + config.getBytes("cache") / 1024
        + "&journal_size_limit="
        + config.getBytes("log-limit");
  }

  private static void prepareSchema(Connection connection, Path file, String name)
      throws SQLException, IOException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      int found;
      try (ResultSet version = statement.executeQuery("PRAGMA user_version")) {
        found = version.next() ? version.getInt(1) : 0;
      }
      if (found > SCHEMA_VERSION) {
        throw new VudoException(
            ErrorCode.JOURNAL_VERSION,
            file
                + " has the schema "
                + found
                + "; this version reads up to "
                + SCHEMA_VERSION
                + ".");
      }
      if (found == 0) {
        // Tables and version appear in one transaction or not at all.
        for (String sql : schema(name).split(";\\s*\\n", -1)) {
          if (!sql.isBlank()) {
            statement.execute(sql);
          }
        }
        statement.execute("PRAGMA user_version = " + SCHEMA_VERSION);
      }
      connection.commit();
    }
    connection.setAutoCommit(true);
  }

  private static String schema(String name) throws IOException {
    String resource = name + "-" + SCHEMA_VERSION + ".sql";
    try (InputStream in = EmbeddedDatabase.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException(resource + " is missing");
      }
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  private static VudoException explain(SQLException e, Path file) {
    ErrorCode code = ErrorCode.JOURNAL_UNAVAILABLE;
    if (e instanceof SQLiteException sqlite) {
      code =
          switch (sqlite.getResultCode()) {
            case SQLITE_CORRUPT, SQLITE_NOTADB -> ErrorCode.JOURNAL_CORRUPT;
            default -> ErrorCode.JOURNAL_UNAVAILABLE;
          };
    }
    return new VudoException(code, file + ": " + e.getMessage(), e);
  }

  private static void closeQuietly(Connection connection, Path file) {
    if (connection != null) {
      try {
        connection.close();
      } catch (SQLException e) {
        LOG.warn("{} was not closed cleanly; nothing committed is lost", file, e);
      }
    }
  }
}
