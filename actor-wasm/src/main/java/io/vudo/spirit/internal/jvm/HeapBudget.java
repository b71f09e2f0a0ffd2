package io.vudo.spirit.internal.jvm;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The part of the heap that guests may fill. What the collector cannot free must be counted, or the
 * guests of one node could take the memory of its actors. Thread-safe.
 */
final class HeapBudget {
  private final long most;
  private final AtomicLong taken = new AtomicLong();

  HeapBudget(long bytes) {
    this.most = bytes;
  }

  /** How much guests may fill. */
  long bytes() {
    return most;
  }

  private boolean take(long bytes) {
    long now = taken.addAndGet(bytes);
    if (now > most) {
      taken.addAndGet(-bytes);
      return false;
    }
    return true;
  }

  /** What one instance has taken; its owner is the only one to use it. */
  final class Share implements AutoCloseable {
    private long bytes;

    /** Takes more; false when the guests together would have too much. */
    boolean take(long more) {
      if (!HeapBudget.this.take(more)) {
        return false;
      }
      bytes += more;
      return true;
    }

    /** As {@link #take}, or throws {@code RESIDENCY_LIMIT}. */
    void require(long more) {
      if (!take(more)) {
        throw new VudoException(
            ErrorCode.RESIDENCY_LIMIT,
            "The guests of engine jvm hold "
                + taken.get()
                + " of "
                + most
                + " bytes of the heap; "
                + more
                + " more do not fit.");
      }
    }

    void give(long less) {
      taken.addAndGet(-less);
      bytes -= less;
    }

    @Override
    public void close() {
      give(bytes);
    }
  }
}
