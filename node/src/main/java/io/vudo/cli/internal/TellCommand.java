package io.vudo.cli.internal;

import io.vudo.node.internal.Json;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "tell",
    description = "Send a message to a Spirit; done when it was handled durably.")
final class TellCommand extends VudoCommand {
  @Mixin private MessageOptions message;

  TellCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    message.send(this, "tell");
    if (isJson()) {
      print(Json.object().put("handled", true));
    }
    return 0;
  }
}
