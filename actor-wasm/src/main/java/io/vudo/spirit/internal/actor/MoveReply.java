package io.vudo.spirit.internal.actor;

import io.vudo.protocol.VudoError;
import io.vudo.spirit.Relocation;

/** What became of a move. */
sealed interface MoveReply {
  record Moved(Relocation relocation) implements MoveReply {}

  record NotMoved(String spirit, VudoError error) implements MoveReply {}
}
