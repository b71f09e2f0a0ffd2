package io.vudo.tuplespace.internal;

import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;

/** What a space answers. */
public sealed interface SpaceReply {
  /** The operation is done, and durable. */
  enum Done implements SpaceReply {
    DONE
  }

  /** The tuple that was read, taken or held. */
  record Found(Tuple tuple) implements SpaceReply {}

  /** No tuple matches. */
  enum NotFound implements SpaceReply {
    NOT_FOUND
  }

  record Counted(long count) implements SpaceReply {}

  /** Nothing was done. */
  record Refused(VudoError error) implements SpaceReply {}
}
