package io.vudo.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.journal.internal.EmbeddedDatabase;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Map;
import java.util.Optional;

/**
 * The journal in two SQLite files within the data directory: no server. Turns and snapshots are
 * apart, so that storing a large snapshot never holds up a turn.
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
public final class EmbeddedJournal implements Journal {
  private static final String DATABASES = "pekko-persistence-jdbc.shared-databases.";
  private static final String SLICK_PROFILE = "slick.jdbc.SQLiteProfile$";

  private final DataDirectory directory;
  private final EmbeddedDatabase turns;
  private final EmbeddedDatabase snapshots;

  private EmbeddedJournal(
      DataDirectory directory, EmbeddedDatabase turns, EmbeddedDatabase snapshots) {
    this.directory = directory;
    this.turns = turns;
    this.snapshots = snapshots;
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
   *     or failing; {@code DATA_DIR_UNUSABLE} if the path holds a question mark
   */
  public static EmbeddedJournal open(DataDirectory directory, Config config) {
    Path path = directory.subdirectory("journal");
    Config settings = config.getConfig("vudo.journal");
    EmbeddedDatabase turns = EmbeddedDatabase.open(path, "turns", settings);
    try {
      return new EmbeddedJournal(
          directory, turns, EmbeddedDatabase.open(path, "snapshots", settings));
    } catch (VudoException e) {
      turns.close();
      throw e;
    }
  }

  @Override
  public Config config() {
    return ConfigFactory.parseMap(
        Map.of(
            "pekko.persistence.journal.plugin",
            TURNS,
            "pekko.persistence.snapshot-store.plugin",
            SNAPSHOTS,
            "pekko.actor.allow-java-serialization",
            false,
            DATABASES + "vudo-turns.profile",
            SLICK_PROFILE,
            DATABASES + "vudo-turns.db.url",
            turns.url(),
            DATABASES + "vudo-snapshots.profile",
            SLICK_PROFILE,
            DATABASES + "vudo-snapshots.db.url",
            snapshots.url()),
        "the embedded journal");
  }

  /** Empty: the node keeps them in its data directory. */
  @Override
  public Optional<ModuleTable> modules() {
    return Optional.empty();
  }

  @Override
  public void probe() {
    turns.probe();
  }

  DataDirectory directory() {
    return directory;
  }

  /** A connection of the caller's own. */
  Connection connectTurns() throws SQLException {
    return DriverManager.getConnection(turns.url());
  }

  /** A connection of the caller's own. */
  Connection connectSnapshots() throws SQLException {
    return DriverManager.getConnection(snapshots.url());
  }

  /** Closes the database. Closing twice does no harm. */
  @Override
  public void close() {
    snapshots.close();
    turns.close();
  }
}
