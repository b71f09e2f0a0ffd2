package io.vudo.cli.internal;

import com.typesafe.config.ConfigValueFactory;
import io.vudo.journal.DataDirectory;
import io.vudo.journal.Journal;
import io.vudo.journal.Journals;
import io.vudo.journal.SharedJournal;
import io.vudo.node.NodeSettings;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import picocli.CommandLine.Option;

/** Which journal a command works on that needs no node. */
final class JournalOptions {
  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "The data directory of a node that is stopped; ./vudo-data by default.")
  private Path data;

  @Option(
      names = "--journal",
      paramLabel = "URL",
      description = {
        "The database of a cluster, jdbc:postgresql://HOST:PORT/DATABASE, instead of a directory.",
        "Its password is in VUDO_JOURNAL_PASSWORD; user and schema are settings."
      })
  private String url;

  @Option(names = "--config", paramLabel = "FILE", description = "Settings in HOCON.")
  private Path configFile;

  /**
   * Opens the journal for as long as it is used.
   *
   * @param mustExist whether a directory without a journal is refused, and not made
   */
  <T> T use(VudoCommand command, boolean mustExist, Function<Journal, T> action) {
    if (data != null && url != null) {
      throw command.usage("Either --data or --journal, not both");
    }
    NodeSettings settings =
        configFile == null ? NodeSettings.defaults() : NodeSettings.fromFile(configFile);
    var config = settings.config();
    if (url != null || data != null) {
      config =
          config.withValue(
              "vudo.journal.url", ConfigValueFactory.fromAnyRef(url == null ? "" : url));
    }
    if (!config.getString("vudo.journal.url").isEmpty()) {
      try (Journal journal = SharedJournal.open(config)) {
        return action.apply(journal);
      }
    }
    Path directory = data == null ? settings.data() : data;
    if (mustExist && !Files.isDirectory(directory.resolve("journal"))) {
      throw new VudoException(
          ErrorCode.DATA_DIR_UNUSABLE,
          "There is no journal in " + directory.toAbsolutePath() + ".");
    }
    try (DataDirectory opened = DataDirectory.open(directory);
        Journal journal = Journals.open(opened, config)) {
      return action.apply(journal);
    }
  }
}
