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

  /**
   * What stands behind a dotted name: a function of the host, or a Spirit.
   *
   * @param name as the guest wrote it
   * @param args a JSON or MessagePack array
   */
  record Named(String name, ByteString args, long timeoutMillis) implements WaitRequest {}

  /**
   * Many tuples of a space, those that are there now.
   *
   * @param take whether the tuples are to be held for taking, or only read
   * @param space the space's name
   * @param template what must match
   * @param limit how many at most
   */
  record Tuples(boolean take, String space, Template template, int limit) implements WaitRequest {
    @Override
    public long timeoutMillis() {
      return 0;
    }
  }

  /**
   * How many tuples of a space match now.
   *
   * @param space the space's name
   * @param template what must match
   */
  record Count(String space, Template template) implements WaitRequest {
    @Override
    public long timeoutMillis() {
      return 0;
    }
  }

  /**
   * The others at a barrier.
   *
   * @param space the space that has the barrier
   * @param name the barrier's name
   * @param parties how many have to arrive
   */
  record Barrier(String space, String name, int parties, long timeoutMillis)
      implements WaitRequest {}

  /** Nothing but the time. */
  record Sleep(long timeoutMillis) implements WaitRequest {}
}
