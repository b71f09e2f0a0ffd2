package io.vudo.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import io.vudo.journal.internal.EmbeddedDatabase;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The journal in a database of its own within the data directory: no server, one file.
 *
 * <pre>{@code
 * try (DataDirectory data = DataDirectory.open(Path.of("data"));
 *     EmbeddedJournal journal = EmbeddedJournal.open(data)) {
 *   Config config = journal.config().withFallback(ConfigFactory.load());
 *   ActorSystem<Void> system = ActorSystem.create(guardian, "vudo", config);
 *   ...
 *   system.terminate();
 *   system.getWhenTerminated().toCompletableFuture().join();
 * }
 * }</pre>
 *
 * <p>Close it after the actor system has terminated. Not closing it loses nothing, as a crash does
 * not. Thread-safe.
 */
public final class EmbeddedJournal implements AutoCloseable {
  /** The id of the journal plugin. */
  public static final String TURNS = "vudo.journal.turns";

  /** The id of the snapshot plugin. */
  public static final String SNAPSHOTS = "vudo.journal.snapshots";

  /**
   * The id of the read journal, a {@code JdbcReadJournal}: {@code currentPersistenceIds}, {@code
   * currentEventsByPersistenceId}.
   */
  public static final String QUERY = "vudo.journal.query";

  private final EmbeddedDatabase database;

  private EmbeddedJournal(EmbeddedDatabase database) {
    this.database = database;
  }

  /**
   * Opens the journal under the settings of {@code reference.conf}.
   *
   * @throws VudoException as {@link #open(DataDirectory, Config)}
   */
  public static EmbeddedJournal open(DataDirectory directory) {
    return open(directory, ConfigFactory.load());
  }

  /**
   * Opens the journal, and makes its schema if the directory has none.
   *
   * @param directory open; it is not closed with the journal
   * @param config resolved; {@code vudo.journal} is read
   * @throws VudoException {@code JOURNAL_VERSION} if a newer version wrote it; {@code
   *     JOURNAL_CORRUPT} if its bytes are damaged; {@code JOURNAL_UNAVAILABLE} if the disk is full
   *     or failing; {@code DATA_DIR_UNUSABLE} if the path holds a semicolon or a backslash
   */
  public static EmbeddedJournal open(DataDirectory directory, Config config) {
    Path path = directory.subdirectory("journal");
    EmbeddedDatabase database = EmbeddedDatabase.open(path, config.getConfig("vudo.journal"));
    return new EmbeddedJournal(database);
  }

  /**
   * What to put over the application's configuration: the plugins, the database they use, and Java
   * serialization turned off.
   */
  public Config config() {
    return ConfigFactory.parseMap(
            Map.of(
                "pekko.persistence.journal.plugin",
                TURNS,
                "pekko.persistence.snapshot-store.plugin",
                SNAPSHOTS,
                "pekko.actor.allow-java-serialization",
                false,
                "pekko-persistence-jdbc.shared-databases.vudo.profile",
                "slick.jdbc.H2Profile$",
                "pekko-persistence-jdbc.shared-databases.vudo.db.driver",
                "org.h2.Driver",
                "pekko-persistence-jdbc.shared-databases.vudo.db.url",
                database.url()),
            "the embedded journal")
        .withValue(
            "pekko-persistence-jdbc.shared-databases.vudo.db.keepAliveConnection",
            ConfigValueFactory.fromAnyRef(false));
  }

  /** Writes what compaction left to do and closes the database. Closing twice does no harm. */
  @Override
  public void close() {
    database.close();
  }
}
