package io.vudo.journal;

import com.typesafe.config.Config;
import io.vudo.protocol.VudoException;

/** Opens the journal that the configuration names. */
public final class Journals {
  private Journals() {}

  /**
   * Opens the database that {@code vudo.journal.url} names, or the embedded journal when that is
   * empty.
   *
   * @param directory open; it is not closed with the journal. A shared journal keeps nothing there.
   * @param config resolved; {@code vudo.journal} is read
   * @throws VudoException as {@link EmbeddedJournal#open} or {@link SharedJournal#open}
   */
  public static Journal open(DataDirectory directory, Config config) {
    return config.getString("vudo.journal.url").isEmpty()
        ? EmbeddedJournal.open(directory, config)
        : SharedJournal.open(config);
  }
}
