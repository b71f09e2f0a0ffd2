package io.vudo.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.testing.PostgresFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import org.awaitility.Awaitility;

/** Where the journal under test keeps its rows. What holds of one store holds of the other. */
enum TestStore {
  EMBEDDED {
    @Override
    Config settings(Path path) {
      return ConfigFactory.empty();
    }

    @Override
    Connection connect(Path path, Config config, String database) throws SQLException {
      return DriverManager.getConnection(
          config.getString("pekko-persistence-jdbc.shared-databases." + database + ".db.url"));
    }

    @Override
    Connection holdCommits(JournalFixture fixture) throws SQLException {
      Connection connection = fixture.connect("vudo-turns");
      try (Statement statement = connection.createStatement()) {
        statement.execute("BEGIN IMMEDIATE");
      }
      return connection;
    }
  },

  /** One server for all tests of this JVM; each data directory has a schema of its own. */
  POSTGRESQL {
    @Override
    Config settings(Path path) {
      return ConfigFactory.parseMap(
          Map.of(
              "vudo.journal.url",
              url(),
              "vudo.journal.schema",
              schema(path),
              "vudo.journal.shared.transaction-idle-timeout",
              "2 s"));
    }

    @Override
    Connection connect(Path path, Config config, String database) throws SQLException {
      Connection connection = DriverManager.getConnection(url());
      try (Statement statement = connection.createStatement()) {
        statement.execute("SET search_path TO " + schema(path));
      }
      return connection;
    }

    @Override
    Connection holdCommits(JournalFixture fixture) throws SQLException {
      return server().holdCommits(schema(fixture.directory.path()));
    }

    @Override
    void drop(Path path) throws SQLException {
      try (Connection connection = DriverManager.getConnection(url());
          Statement statement = connection.createStatement()) {
        statement.execute("DROP SCHEMA IF EXISTS " + schema(path) + " CASCADE");
      }
    }
  };

  private static final String URL = "vudo.test.postgres-url";

  /** What makes a child process use this one's server. */
  static String forChild(TestStore store) {
    return store == POSTGRESQL ? url() : "";
  }

  static void inChild(String url) {
    System.setProperty(URL, url);
  }

  /** The settings that name the store for this directory. */
  abstract Config settings(Path path);

  abstract Connection connect(Path path, Config config, String database) throws SQLException;

  /** Lets no commit of an event through until it is closed. */
  abstract Connection holdCommits(JournalFixture fixture) throws SQLException;

  void drop(Path path) throws SQLException {}

  /** A fresh directory below target, with an empty journal. */
  Path fresh(String name) throws IOException, SQLException {
    Path path = JournalFixture.fresh(name);
    drop(path);
    return path;
  }

  private static String schema(Path path) {
    return path.getFileName().toString().replace('-', '_');
  }

  static String url() {
    return System.getProperty(URL) == null ? Server.FIXTURE.url() : System.getProperty(URL);
  }

  /** Started when it is first needed; it ends with this JVM. */
  private static final class Server {
    static final PostgresFixture FIXTURE = start();

    private static PostgresFixture start() {
      try {
        return PostgresFixture.start(Files.createDirectories(Path.of("target").toAbsolutePath()));
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Until somebody holds commits of this directory's journal. */
  static void awaitHold(Path path) {
    Awaitility.await()
        .atMost(JournalFixture.PATIENCE)
        .until(
            () -> {
              try (Connection connection = DriverManager.getConnection(url());
                  Statement statement = connection.createStatement();
                  var rows =
                      statement.executeQuery(
                          "SELECT 1 FROM pg_locks WHERE mode = 'ExclusiveLock' AND granted AND"
                              + " relation = '"
                              + schema(path)
                              + ".event_journal'::regclass")) {
                return rows.next();
              }
            });
  }

  static PostgresFixture server() {
    return Server.FIXTURE;
  }
}
