package io.vudo.cli.internal;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What was replied, for people: a text ends with a newline, other bytes stay as they are. */
final class ReplyText {
  private ReplyText() {}

  static void print(Terminal terminal, byte[] reply) {
    terminal.out().writeBytes(reply);
    if (reply.length > 0 && reply[reply.length - 1] != '\n' && of(reply).isPresent()) {
      terminal.out().write('\n');
    }
  }

  /** The bytes as text, if that is what they are. */
  static Optional<String> of(byte[] bytes) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.chars().allMatch(c -> c >= ' ' || c == '\n' || c == '\r' || c == '\t')
          ? Optional.of(text)
          : Optional.empty();
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }
}
