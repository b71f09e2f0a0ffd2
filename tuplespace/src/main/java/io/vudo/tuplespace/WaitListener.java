package io.vudo.tuplespace;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;

/**
 * Hears what became of the waits that Spirits asked for by {@link Tuplespace#await}.
 *
 * <p>Called on the node that carries the space, by the thread that runs the space, after what it
 * says is durable. Several spaces call at once. A call must not block; what it throws is logged and
 * dropped.
 *
 * <p>An answer can be given more than once, and can get lost with the node. The Spirit asks again
 * by the same request until it has one; an answer to a request that it has not, or not any more, it
 * ignores.
 */
public interface WaitListener {
  /** Hears nothing: for callers that wait by stages only. */
  WaitListener NONE =
      new WaitListener() {
        @Override
        public void found(SpiritId waiter, String requestId, Tuple tuple) {}

        @Override
        public void refused(SpiritId waiter, String requestId, VudoError error) {}
      };

  /** A tuple matched. If the Spirit waited to take it, it is held under {@code requestId}. */
  void found(SpiritId waiter, String requestId, Tuple tuple);

  /** The space does not let the Spirit wait, and asking again would not help soon. */
  void refused(SpiritId waiter, String requestId, VudoError error);
}
