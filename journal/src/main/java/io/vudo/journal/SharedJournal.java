package io.vudo.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.journal.internal.PostgresDatabase;
import io.vudo.protocol.VudoException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The journal in a PostgreSQL database that all nodes of a cluster use.
 *
 * <pre>{@code
 * vudo.journal.url = "jdbc:postgresql://db.example:5432/vudo"
 * vudo.journal.user = "vudo"
 * }</pre>
 *
 * <p>The password is best given by the environment, as {@code VUDO_JOURNAL_PASSWORD}: what is part
 * of a command can be seen by every user of the machine. What the URL says of TLS ({@code
 * ?sslmode=verify-full}) is the driver's.
 *
 * <p>A write is durable when the server says that it committed. The server's {@code
 * synchronous_commit} is left as it is: with {@code on}, its default, that is after the flush of
 * its log; a server that loses commits by its settings is named in a warning. Thread-safe.
 */
public final class SharedJournal implements Journal {
  private static final String DATABASES = "pekko-persistence-jdbc.shared-databases.";

  private final PostgresDatabase database;
  private final Config settings;

  private SharedJournal(PostgresDatabase database, Config settings) {
    this.database = database;
    this.settings = settings;
  }

  /**
   * Connects, and makes the tables if the database has none. Any number of nodes may do so at once.
   *
   * @param config resolved; {@code vudo.journal} is read
   * @throws VudoException {@code ARGUMENT_INVALID} if the URL, or the name of the schema, is none;
   *     {@code JOURNAL_VERSION} if a newer version made the tables; {@code JOURNAL_UNAVAILABLE} if
   *     the database does not answer, does not let this user in, or is not fit for it
   */
  public static SharedJournal open(Config config) {
    Config settings = config.getConfig("vudo.journal");
    PostgresDatabase database = PostgresDatabase.of(settings);
    database.prepare();
    return new SharedJournal(database, settings);
  }

  @Override
  public Config config() {
    Map<String, Object> values = new HashMap<>();
    values.put("pekko.persistence.journal.plugin", TURNS);
    values.put("pekko.persistence.snapshot-store.plugin", SNAPSHOTS);
    values.put("pekko.actor.allow-java-serialization", false);
    for (String plugin : new String[] {TURNS, QUERY}) {
      values.put(plugin + ".tables.event_journal.schemaName", database.schema());
      values.put(plugin + ".tables.event_tag.schemaName", database.schema());
    }
    values.put(SNAPSHOTS + ".tables.snapshot.schemaName", database.schema());
    put(values, "vudo-turns", settings.getInt("shared.turn-connections"));
    put(values, "vudo-snapshots", settings.getInt("shared.snapshot-connections"));
    return ConfigFactory.parseMap(values, "the shared journal");
  }

  private void put(Map<String, Object> values, String name, int connections) {
    values.put(DATABASES + name + ".profile", "slick.jdbc.PostgresProfile$");
    String prefix = DATABASES + name + ".db.";
    values.put(prefix + "driver", "org.postgresql.Driver");
    values.put(prefix + "url", database.url());
    values.put(prefix + "numThreads", connections);
    values.put(prefix + "maxConnections", connections);
    values.put(prefix + "minConnections", connections);
    values.put(
        prefix + "connectionTimeout", settings.getDuration("shared.connect-timeout").toMillis());
    // HikariCP takes that of its first connection for the default. When that one is lost meanwhile
    // it takes -1, which the driver refuses for every connection that ever follows.
    values.put(prefix + "isolation", "READ_COMMITTED");
    // An owner that was stopped, or cut off, within a transaction holds the keys of its rows, and
    // who owns those Spirits now would wait for as long.
    values.put(
        prefix + "connectionInitSql",
        "SET idle_in_transaction_session_timeout = "
            + settings.getDuration("shared.transaction-idle-timeout").toMillis());
    database
        .properties()
        .forEach((key, value) -> values.put(prefix + "properties." + key, value.toString()));
  }

  @Override
  public Optional<ModuleTable> modules() {
    return Optional.of(database);
  }

  @Override
  public void probe() {
    database.probe();
  }

  /** A connection of the caller's own, which sees the journal's tables. */
  Connection connect() throws SQLException {
    return database.connect();
  }

  /** Does nothing: the actor system closes its connections when it terminates. */
  @Override
  public void close() {}
}
