package io.vudo.cli.internal;

import io.vudo.journal.JournalArchive;
import io.vudo.node.internal.Json;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "export",
    description = {
      "Write all that a node, or a cluster, must not lose to one file.",
      "",
      "The node must be stopped. Of a cluster's database the file holds one moment, also while nodes"
          + " run."
    })
final class ExportCommand extends VudoCommand {
  @Mixin private JournalOptions journal;

  @Option(
      names = "--to",
      required = true,
      paramLabel = "FILE",
      description = "The archive; it must not exist.")
  private Path file;

  ExportCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    Logging.use("logback-command");
    JournalArchive.Contents contents =
        journal.use(this, true, opened -> JournalArchive.export(opened, file));
    printContents(this, "Exported ", contents, " to " + file);
    return 0;
  }

  static void printContents(
      VudoCommand command, String done, JournalArchive.Contents contents, String where) {
    if (command.isJson()) {
      command.print(
          Json.object()
              .put("events", contents.events())
              .put("snapshots", contents.snapshots())
              .put("modules", contents.modules()));
    } else {
      command.print(
          done
              + contents.events()
              + " events, "
              + contents.snapshots()
              + " snapshots and "
              + contents.modules()
              + " modules"
              + where);
    }
  }
}
