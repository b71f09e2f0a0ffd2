package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import java.net.http.HttpResponse;
import java.util.Base64;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "ask",
    description = {
      "Send a message to a Spirit and print its reply.",
      "",
      "A reply that is text ends with a newline, added when it has none; other bytes are printed as"
          + " they are. No reply prints nothing."
    })
final class AskCommand extends VudoCommand {
  private static final int NO_CONTENT = 204;

  @Mixin private MessageOptions message;

  AskCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() {
    HttpResponse<byte[]> response = message.send(this, "ask");
    if (isJson()) {
      print(toJson(response));
    } else {
      ReplyText.print(terminal(), response.body());
    }
    return 0;
  }

  private static ObjectNode toJson(HttpResponse<byte[]> response) {
    ObjectNode node = Json.object();
    if (response.statusCode() == NO_CONTENT) {
      return node.putNull("reply").putNull("replyBase64");
    }
    return node.put("reply", ReplyText.of(response.body()).orElse(null))
        .put("replyBase64", Base64.getEncoder().encodeToString(response.body()));
  }
}
