package io.vudo.tuplespace;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
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
        public void found(SpiritId waiter, String requestId, String hold, Tuple tuple) {}

        @Override
        public void passed(SpiritId waiter, String requestId, int index) {}

        @Override
        public void changed(SpiritId watcher, String watchId, TupleChange change) {}

        @Override
        public void refused(SpiritId waiter, String requestId, VudoError error) {}
      };

  /**
   * A tuple matched.
   *
   * @param requestId as the Spirit asked
   * @param hold if it waited to take: the hold of the tuple, for {@link Tuplespace#confirm}. When
   *     the template leaves the first field open, there can be one of each partition; all but one
   *     are to be released
   */
  void found(SpiritId waiter, String requestId, String hold, Tuple tuple);

  /**
   * All parties of the barrier have arrived, which the Spirit waits for by {@link
   * Tuplespace#awaitBarrier}.
   *
   * @param index in which place the Spirit arrived, counting from 0
   */
  void passed(SpiritId waiter, String requestId, int index);

  /** Something happened that the Spirit watches by {@link Tuplespace#watchFor}. */
  void changed(SpiritId watcher, String watchId, TupleChange change);

  /** The space does not let the Spirit wait, and asking again would not help soon. */
  void refused(SpiritId waiter, String requestId, VudoError error);
}
