package io.vudo.spirit.internal.actor;

import io.vudo.protocol.VudoError;

/** What somebody is told who asked a Spirit to begin as a fork. */
public sealed interface BeginReply {

  /** It exists; that is durable. */
  record Begun() implements BeginReply {}

  /**
   * Nothing was changed.
   *
   * @param error why
   */
  record Refused(VudoError error) implements BeginReply {}
}
