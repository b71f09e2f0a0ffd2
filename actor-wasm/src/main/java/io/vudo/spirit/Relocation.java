package io.vudo.spirit;

import io.vudo.protocol.SpiritId;

/**
 * A Spirit that moved from one node of the cluster to another.
 *
 * @param id its address, which stays the same
 * @param from the node that it left, {@code host:port} of its cluster port
 * @param to the node that it is on now
 * @param turn the last turn that ran on the node that it left
 * @param pauseMicros how long it handled no messages: from the last commit on the old node to the
 *     moment when the old node learned that the new one had it
 * @param copiedBytes of its memory that were sent while it ran
 * @param pauseBytes of its state that were sent during the pause
 * @param movedAtMillis when it was over, milliseconds since 1970
 */
public record Relocation(
    SpiritId id,
    String from,
    String to,
    long turn,
    long pauseMicros,
    long copiedBytes,
    long pauseBytes,
    long movedAtMillis) {

  /** All bytes of its state that crossed the network; code never does. */
  public long bytes() {
    return copiedBytes + pauseBytes;
  }
}
