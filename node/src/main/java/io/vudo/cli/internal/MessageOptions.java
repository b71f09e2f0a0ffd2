package io.vudo.cli.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What {@code ask} and {@code tell} take: the Spirit, the payload and how it is sent. */
final class MessageOptions {
  private static final String STANDARD_INPUT = "-";

  @Mixin private NodeOption node;

  @Parameters(index = "0", paramLabel = "TYPE/ID", description = "The Spirit.")
  private String spirit;

  @Parameters(index = "1", arity = "0..1", paramLabel = "PAYLOAD", description = "The payload.")
  private String payload;

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "Read the payload from a file, - for standard input.")
  private String file;

  @Option(
      names = "--type",
      paramLabel = "T",
      description = "The message's type; message by default.")
  private String messageType;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = VudoCommand.DurationConverter.class,
      description = "How long to wait; 30s by default.")
  private Duration timeout = Duration.ofSeconds(30);

  @Option(
      names = "--idempotency-key",
      paramLabel = "KEY",
      description = "Messages with the same key are handled once.")
  private String idempotencyKey;

  /** Sends the message; {@code operation} is ask or tell. */
  HttpResponse<byte[]> send(VudoCommand command, String operation) {
    if (payload != null && file != null) {
      throw command.usage("PAYLOAD and --file exclude each other");
    }
    SpiritId id = SpiritId.parse(spirit);
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Content-Type", "application/octet-stream");
    headers.put("X-Vudo-Timeout", timeout.toMillis() + "ms");
    if (messageType != null) {
      headers.put("X-Vudo-Type", messageType);
    }
    if (idempotencyKey != null) {
      headers.put("Idempotency-Key", idempotencyKey);
    }
    return node.client(command)
        .post(
            "/v1/spirits/" + id + "/" + operation,
            headers,
            BodyPublishers.ofByteArray(payload(command.terminal())),
            timeout);
  }

  private byte[] payload(Terminal terminal) {
    try {
      if (file == null) {
        return payload == null ? new byte[0] : payload.getBytes(StandardCharsets.UTF_8);
      }
      return file.equals(STANDARD_INPUT)
          ? terminal.in().readAllBytes()
          : Files.readAllBytes(Path.of(file));
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          e instanceof NoSuchFileException
              ? "There is no file " + file + "."
              : "Cannot read " + file + ": " + e.getMessage() + ".",
          e);
    }
  }
}
