package io.vudo.node.internal.grpc;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.UnsafeByteOperations;
import io.vudo.node.internal.Json;
import io.vudo.protocol.gateway.v1.Place;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Framing;
import org.apache.pekko.stream.javadsl.FramingTruncation;
import org.apache.pekko.stream.javadsl.Source;

/** Translates answers that come bit by bit: lines of JSON, server-sent events, and bytes. */
final class AnswerMessages {
  /** Of a line or an event: a tuple of 1 MiB, all of it escaped, and more. */
  private static final int MAX_FRAME_BYTES = 64 << 20;

  private static final int CHUNK_BYTES = 256 << 10;
  private static final org.apache.pekko.util.ByteString LINE_END =
      org.apache.pekko.util.ByteString.fromString("\n");
  private static final org.apache.pekko.util.ByteString EVENT_END =
      org.apache.pekko.util.ByteString.fromString("\n\n");

  private AnswerMessages() {}

  /** The messages that an answer is. */
  static Source<Message, NotUsed> of(Operation operation, HttpResponse response) {
    Source<org.apache.pekko.util.ByteString, NotUsed> bytes =
        response.entity().getDataBytes().mapMaterializedValue(unused -> NotUsed.getInstance());
    return switch (operation.http().getProduces()) {
      case "application/x-ndjson" ->
          bytes
              .via(frames(LINE_END))
              .filterNot(line -> line.isEmpty())
              .map(line -> line(operation, line));
      case "text/event-stream" ->
          bytes.via(frames(EVENT_END)).mapConcat(event -> event(operation, event.utf8String()));
      default -> bytes.mapConcat(part -> chunks(operation, part));
    };
  }

  private static Flow<org.apache.pekko.util.ByteString, org.apache.pekko.util.ByteString, NotUsed>
      frames(org.apache.pekko.util.ByteString end) {
    return Framing.delimiter(end, MAX_FRAME_BYTES, FramingTruncation.ALLOW);
  }

  private static Message line(Operation operation, org.apache.pekko.util.ByteString line) {
    return MessageJson.read(Json.read(line.toArrayUnsafe()), Answers.newAnswer(operation)).build();
  }

  private static List<Message> chunks(Operation operation, org.apache.pekko.util.ByteString bytes) {
    Message.Builder builder = Answers.newAnswer(operation);
    FieldDescriptor body =
        Operation.part(builder.getDescriptorForType(), Place::getBody).orElseThrow();
    ByteString whole = UnsafeByteOperations.unsafeWrap(bytes.toArrayUnsafe());
    List<Message> chunks = new ArrayList<>();
    for (int at = 0; at < whole.size(); at += CHUNK_BYTES) {
      ByteString chunk = whole.substring(at, Math.min(whole.size(), at + CHUNK_BYTES));
      chunks.add(builder.setField(body, chunk).build());
    }
    return chunks;
  }

  /** The message that an event is; a sign of life is none. */
  private static List<Message> event(Operation operation, String text) {
    String name = "";
    String data = "";
    for (String line : text.split("\n", -1)) {
      if (line.startsWith("event: ")) {
        name = line.substring("event: ".length());
      } else if (line.startsWith("data: ")) {
        data = line.substring("data: ".length());
      }
    }
    if (data.isEmpty()) {
      return List.of();
    }
    JsonNode json = Json.read(data.getBytes(StandardCharsets.UTF_8));
    if (name.equals("error")) {
      throw Answers.problem(json);
    }
    Message.Builder builder = Answers.newAnswer(operation);
    Optional<FieldDescriptor> dataField =
        Operation.part(builder.getDescriptorForType(), Place::getData);
    if (dataField.isEmpty()) {
      return List.of(MessageJson.read(json, builder).build());
    }
    if (!json.isNull()) {
      MessageJson.set(builder, dataField.get(), json);
    }
    Optional<FieldDescriptor> nameField =
        Operation.part(builder.getDescriptorForType(), Place::getEvent);
    if (nameField.isPresent()) {
      builder.setField(nameField.get(), name);
    }
    return List.of(builder.build());
  }
}
