package io.vudo.journal.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.h2.engine.SessionLocal;
import org.h2.jdbc.JdbcConnection;
import org.h2.mvstore.MVStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The H2 database of the embedded journal: its URL, its schema, and the housekeeping that H2 leaves
 * out when commits are synchronous. One connection stays open for as long as this object, so the
 * database does not close when the pool does.
 */
public final class EmbeddedDatabase implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);

  /** The version of the schema that this version of VUDO makes and reads. */
  static final int SCHEMA_VERSION = 1;

  private static final String SCHEMA_RESOURCE = "schema-1.sql";

  private final String url;
  private final Connection keeper;
  private final ScheduledExecutorService housekeeper;

  private EmbeddedDatabase(String url, Connection keeper, Config config) {
    this.url = url;
    this.keeper = keeper;
    this.housekeeper =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "vudo-journal-compaction");
              thread.setDaemon(true);
              return thread;
            });
    long intervalMillis = config.getDuration("compaction.interval", TimeUnit.MILLISECONDS);
    int fillPercent = config.getInt("compaction.fill-percent");
    int bytes = Math.toIntExact(config.getBytes("compaction.step"));
    Future<?> unused =
        housekeeper.scheduleWithFixedDelay(
            () -> compact(fillPercent, bytes),
            intervalMillis,
            intervalMillis,
            TimeUnit.MILLISECONDS);
  }

  /**
   * Opens the database in this directory, and makes the schema if there is none.
   *
   * @param directory exists
   * @param config the section {@code vudo.journal}
   * @throws VudoException {@code JOURNAL_VERSION}, {@code JOURNAL_CORRUPT}, {@code
   *     JOURNAL_UNAVAILABLE} or {@code DATA_DIR_UNUSABLE}
   */
  public static EmbeddedDatabase open(Path directory, Config config) {
    SyncedFilePath.register();
    String url = url(directory, config);
    Connection keeper = null;
    try {
      keeper = DriverManager.getConnection(url);
      prepareSchema(keeper, directory);
      // The file's own name must be as durable as its content.
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
      return new EmbeddedDatabase(url, keeper, config);
    } catch (SQLException e) {
      closeQuietly(keeper);
      throw explain(e, directory);
    } catch (IOException e) {
      closeQuietly(keeper);
      throw new VudoException(ErrorCode.JOURNAL_UNAVAILABLE, directory + ": " + e + ".", e);
    } catch (VudoException e) {
      closeQuietly(keeper);
      throw e;
    }
  }

  /** The JDBC URL, with every setting that durability depends on. */
  public String url() {
    return url;
  }

  /** Closes the database, and with it every connection still open. */
  @Override
  public synchronized void close() {
    housekeeper.shutdown();
    try {
      // Interrupting it could close the file under H2; a step of compaction is short.
      if (!housekeeper.awaitTermination(10, TimeUnit.SECONDS)) {
        LOG.warn("The journal's compaction did not end within 10 s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      if (!keeper.isClosed()) {
        try (Statement statement = keeper.createStatement()) {
          statement.execute("SHUTDOWN");
        }
      }
    } catch (SQLException e) {
      LOG.warn("The journal was not closed cleanly; nothing committed is lost", e);
    } finally {
      closeQuietly(keeper);
    }
  }

  private static String url(Path directory, Config config) {
    String path = directory.resolve("journal").toString();
    if (path.indexOf(';') >= 0 || path.indexOf('\\') >= 0) {
      throw new VudoException(
          ErrorCode.DATA_DIR_UNUSABLE, path + " holds a semicolon or a backslash.");
    }
    return "jdbc:h2:"
        + SyncedFilePath.SCHEME
        + ":"
        + path
        // A commit returns only after its chunk was written, in the committing thread.
        + ";WRITE_DELAY=0"
        // How long chunks that are no longer needed stay for a disk that writes late. Ours never
        // does, so the default of 45 s would only make the file larger.
        + ";RETENTION_TIME="
        + config.getDuration("retention", TimeUnit.MILLISECONDS)
        // The node closes the database after its actors; a hook of H2's own would race with that.
        + ";DB_CLOSE_ON_EXIT=FALSE"
        + ";CACHE_SIZE="
        + config.getBytes("cache") / 1024
        + ";TRACE_LEVEL_FILE=0";
  }

  private static void prepareSchema(Connection connection, Path directory)
      throws SQLException, IOException {
    try (Statement statement = connection.createStatement()) {
      boolean exists;
      try (ResultSet tables =
          connection.getMetaData().getTables(null, "PUBLIC", "vudo_schema", null)) {
        exists = tables.next();
      }
      if (!exists) {
        // Every statement says IF NOT EXISTS, and the version comes last: a crash in between is
        // mended by the next start.
        for (String sql : schema().split(";\\s*\\n", -1)) {
          if (!sql.isBlank()) {
            statement.execute(sql);
          }
        }
        return;
      }
      try (ResultSet version =
          statement.executeQuery("SELECT \"version\" FROM PUBLIC.\"vudo_schema\"")) {
        int found = version.next() ? version.getInt(1) : 0;
        if (found > SCHEMA_VERSION) {
          throw new VudoException(
              ErrorCode.JOURNAL_VERSION,
              directory
                  + " has the schema "
                  + found
                  + "; this version reads up to "
                  + SCHEMA_VERSION
                  + ".");
        }
      }
    }
  }

  private static String schema() throws IOException {
    try (InputStream in = EmbeddedDatabase.class.getResourceAsStream(SCHEMA_RESOURCE)) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  /**
   * Rewrites chunks of which little is still alive. H2 does this in its background writer, which
   * does not run when commits are synchronous; without it the file would only grow.
   */
  private void compact(int fillPercent, int bytes) {
    try {
      MVStore store =
          ((SessionLocal) keeper.unwrap(JdbcConnection.class).getSession())
              .getDatabase()
              .getStore()
              .getMvStore();
      store.compact(fillPercent, bytes);
    } catch (SQLException | RuntimeException e) {
      LOG.warn("The journal's file could not be compacted this time", e);
    }
  }

  private static VudoException explain(SQLException e, Path directory) {
    ErrorCode code =
        switch (e.getErrorCode()) {
          case org.h2.api.ErrorCode.FILE_CORRUPTED_1 -> ErrorCode.JOURNAL_CORRUPT;
          case org.h2.api.ErrorCode.DATABASE_ALREADY_OPEN_1 -> ErrorCode.DATA_DIR_IN_USE;
          default -> ErrorCode.JOURNAL_UNAVAILABLE;
        };
    return new VudoException(code, directory + ": " + e.getMessage(), e);
  }

  private static void closeQuietly(Connection connection) {
    if (connection != null) {
      try {
        connection.close();
      } catch (SQLException e) {
        LOG.debug("Closing a connection failed", e);
      }
    }
  }
}
