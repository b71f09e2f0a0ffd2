package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;

/** What a suspended turn waits for. */
public sealed interface WaitRequest {
  /** How long at most, in milliseconds; 0 = the answer comes at once. */
  long timeoutMillis();

  /**
   * A tuple of a space.
   *
   * @param take whether the tuple is to be held for taking, or only read
   * @param space the space's name
   * @param template what must match
   */
  record Tuple(boolean take, String space, Template template, long timeoutMillis)
      implements WaitRequest {}

  /**
   * The reply of another Spirit.
   *
   * @param to whom to ask
   * @param type of the message
   * @param payload of the message
   */
  record Reply(SpiritId to, String type, ByteString payload, long timeoutMillis)
      implements WaitRequest {}

  /** Nothing but the time. */
  record Sleep(long timeoutMillis) implements WaitRequest {}
}
