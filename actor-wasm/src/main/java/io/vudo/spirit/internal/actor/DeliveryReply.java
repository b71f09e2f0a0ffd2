package io.vudo.spirit.internal.actor;

import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Failed;

/** What the sender of a message is told. */
public sealed interface DeliveryReply {

  /** The id of the message that this is about. */
  String messageId();

  /**
   * The turn is durable and completed.
   *
   * @param messageId of the message
   * @param turn its number; 0 when the message needed none
   * @param outcome with the reply, if there is one
   */
  record Handled(String messageId, long turn, Completed outcome) implements DeliveryReply {}

  /**
   * The turn is durable and failed: the Spirit's state is that before it.
   *
   * @param messageId of the message
   * @param turn its number
   * @param outcome why
   */
  record HandledBadly(String messageId, long turn, Failed outcome) implements DeliveryReply {}

  /**
   * The message was not handled and left no trace.
   *
   * @param messageId of the message
   * @param error why
   */
  record Refused(String messageId, VudoError error) implements DeliveryReply {}
}
