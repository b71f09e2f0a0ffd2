package io.vudo.cli.internal;

import io.vudo.journal.JournalArchive;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "import",
    description = {
      "Fill an empty data directory, or an empty database, with an export.",
      "",
      "All or nothing; the archive is checked first. No node may run on it yet."
    })
final class ImportCommand extends VudoCommand {
  @Mixin private JournalOptions journal;

  @Option(
      names = "--from",
      required = true,
      paramLabel = "FILE",
      description = "The archive that vudo export wrote.")
  private Path file;

  ImportCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    Logging.use("logback-command");
    JournalArchive.Contents contents =
        journal.use(this, false, opened -> JournalArchive.importInto(opened, file));
    ExportCommand.printContents(this, "Imported ", contents, " from " + file);
    return 0;
  }
}
