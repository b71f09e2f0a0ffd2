package io.vudo.spirit.internal.turn;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.DeadLetter;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Send;
import io.vudo.protocol.journal.v1.Turn;
import java.util.Optional;

/** Makes dead letters of what cannot be handled. */
final class Letters {
  private Letters() {}

  /**
   * Whether somebody hears how the turn of a message ends; else it must not be lost when it fails.
   */
  static boolean hasAsker(Message message) {
    return !message.hasPosition() || message.getKind() == Message.Kind.QUESTION;
  }

  /**
   * The effect of a failed turn that keeps its message. The record of the turn has the message and
   * the reason already, so they are left out.
   *
   * @param self whose turn it is
   * @param following the message that is lost, if the input is the birth which it caused; else null
   */
  static Effect ofTurn(SpiritId self, Message following, int attempts, long firstMillis, long now) {
    DeadLetter.Builder letter =
        DeadLetter.newBuilder()
            .setAttempts(attempts)
            .setFirstMillis(firstMillis)
            .setLastMillis(now);
    if (following != null) {
      letter.setSend(Send.newBuilder().setTo(self.toString()).setMessage(following));
    }
    return Effect.newBuilder().setDeadLetter(letter).build();
  }

  /** An effect of a turn as it is delivered: a dead letter is completed. */
  static Effect complete(SpiritId self, Turn turn, int index) {
    Effect effect = turn.getEffects(index);
    if (!effect.hasDeadLetter()) {
      return effect;
    }
    DeadLetter.Builder letter =
        effect.getDeadLetter().toBuilder()
            .setSpirit(self.toString())
            .setPosition(Position.newBuilder().setTurn(turn.getNumber()).setIndex(index))
            .setReason(turn.getFailed());
    if (letter.getContentCase() == DeadLetter.ContentCase.CONTENT_NOT_SET) {
      letter.setSend(Send.newBuilder().setTo(self.toString()).setMessage(turn.getInput()));
    }
    return Effect.newBuilder().setDeadLetter(letter).build();
  }

  /** The message that a failed turn gave up, if it gave up one. */
  static Optional<Message> givenUp(Turn turn) {
    return turn.getEffectsList().stream()
        .filter(Effect::hasDeadLetter)
        .map(Effect::getDeadLetter)
        .map(letter -> letter.hasSend() ? letter.getSend().getMessage() : turn.getInput())
        .findFirst();
  }

  /** What takes the place of an effect that its receiver refused for good, if it can be kept. */
  static Optional<Effect> ofRefused(
      SpiritId self, Position position, Effect effect, Failed reason, long timeMillis) {
    DeadLetter.Builder letter =
        DeadLetter.newBuilder()
            .setSpirit(self.toString())
            .setPosition(position)
            .setReason(reason)
            .setAttempts(1)
            .setFirstMillis(timeMillis)
            .setLastMillis(timeMillis);
    switch (effect.getEffectCase()) {
      case SEND -> letter.setSend(effect.getSend());
      case TUPLE_WRITE -> letter.setTupleWrite(effect.getTupleWrite());
      default -> {
        return Optional.empty();
      }
    }
    return Optional.of(Effect.newBuilder().setDeadLetter(letter).build());
  }

  static Failed reason(VudoError error) {
    return Failed.newBuilder().setCode(error.code().name()).setDetail(error.detail()).build();
  }
}
