package io.vudo.journal.internal;

import com.typesafe.config.Config;
import java.util.OptionalLong;
import org.apache.pekko.persistence.jdbc.journal.JdbcAsyncWriteJournal;
import scala.concurrent.Future;
import scala.concurrent.Future$;

/**
 * The journal plugin: the stock one for JDBC, which asks the database nothing when a recovery
 * begins with a state that another node handed over.
 */
public final class TurnJournal extends JdbcAsyncWriteJournal {
  private final HandedStateTable handed;

  /** Called by Pekko with the plugin's section of the configuration. */
  public TurnJournal(Config config) {
    super(config);
    handed = HandedStateTable.get(context().system());
  }

  /** A recovery at its highest number replays nothing, so this is its only question. */
  @Override
  public Future<Object> asyncReadHighestSequenceNr(String persistenceId, long fromSequenceNr) {
    OptionalLong position = handed.takePosition(persistenceId, fromSequenceNr);
    return position.isPresent()
        ? Future$.MODULE$.successful(position.getAsLong())
        : super.asyncReadHighestSequenceNr(persistenceId, fromSequenceNr);
  }
}
