package io.vudo.spirit;

import io.vudo.protocol.VudoError;
import java.util.Optional;

/** What an actor of a service is told of its {@link SpiritMessage}. */
public sealed interface SpiritReply {
  /**
   * The turn that handled the message is durable.
   *
   * @param payload the Spirit's reply; empty when it gave none
   */
  record Done(Optional<byte[]> payload) implements SpiritReply {}

  /**
   * The turn failed, or there was none; with {@code ASK_TIMEOUT} and {@code SPIRIT_UNAVAILABLE}
   * nobody knows.
   *
   * @param error why
   */
  record Failed(VudoError error) implements SpiritReply {}
}
