package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.spirit.ActorMessage;
import java.util.Optional;
import java.util.function.Consumer;

/** Makes of a message of a Spirit what an actor gets. */
public final class ActorMessages {
  /**
   * What the actor made of a message.
   *
   * @param payload the reply
   * @param failure {@code CODE: text}; empty when it did not fail
   */
  public record Outcome(ByteString payload, String failure) {}

  private ActorMessages() {}

  static ActorMessage of(Message message, Consumer<Outcome> door) {
    return new ActorMessage(
        message.getId(),
        message.getSender().isEmpty()
            ? Optional.empty()
            : Optional.of(SpiritId.parse(message.getSender())),
        message.getPosition().getTurn(),
        message.getPosition().getIndex(),
        message.getType(),
        message.getPayload().toByteArray(),
        message.getKind() == Message.Kind.QUESTION,
        TraceContexts.context(message),
        (payload, failure) -> door.accept(new Outcome(ByteString.copyFrom(payload), failure)));
  }
}
