package io.vudo.journal;

import com.typesafe.config.Config;
import io.vudo.protocol.VudoException;
import java.util.Optional;

/**
 * Where turns and snapshots are kept: in files of this node, or in a database that all nodes of a
 * cluster share. {@link Journals#open} decides by the configuration. Thread-safe.
 */
public sealed interface Journal extends AutoCloseable permits EmbeddedJournal, SharedJournal {
  /** The id of the journal plugin. */
  String TURNS = "vudo.journal.turns";

  /** The id of the snapshot plugin. */
  String SNAPSHOTS = "vudo.journal.snapshots";

  /**
   * The id of the read journal, a {@code JdbcReadJournal}: {@code currentPersistenceIds}, {@code
   * currentEventsByPersistenceId}.
   */
  String QUERY = "vudo.journal.query";

  /**
   * What to put over the application's configuration: the plugins, the database they use, and Java
   * serialization turned off. It holds the database's password, if there is one: do not print it.
   */
  Config config();

  /** The modules beside the journal; empty when each node keeps them in its own directory only. */
  Optional<ModuleTable> modules();

  /**
   * Sees whether it takes writes, by writing something that changes nothing. Waits for the disk or
   * the database.
   *
   * @throws VudoException {@code JOURNAL_UNAVAILABLE}, and why
   */
  void probe();

  /** Closes it, after the actor system has terminated. Closing twice does no harm. */
  @Override
  void close();
}
