package io.vudo.journal;

import com.google.protobuf.ByteString;

/**
 * Decides for one Spirit whether its next snapshot is full or a delta.
 *
 * <p>It is full when there is nothing to build on, when {@link #maxDeltas} deltas were written
 * since the last full one, or when their bytes exceed it: recovery never reads more than about
 * twice the memory. Not thread-safe.
 */
public final class SnapshotChain {
  /** How many deltas follow a full snapshot unless said otherwise. */
  public static final int DEFAULT_MAX_DELTAS = 10;

  private final int maxDeltas;
  private StateSnapshot.Lineage last = StateSnapshot.Lineage.NONE;

  /** A chain with nothing to build on. */
  public SnapshotChain() {
    this(DEFAULT_MAX_DELTAS);
  }

  /**
   * A chain with nothing to build on.
   *
   * @param maxDeltas how many deltas follow a full one; 0 makes every snapshot full
   */
  public SnapshotChain(int maxDeltas) {
    this.maxDeltas = maxDeltas;
  }

  /** Continues the chain of a snapshot that recovery loaded. */
  public void recovered(StateSnapshot snapshot) {
    last = snapshot.lineage();
  }

  /**
   * Makes the next snapshot and takes the pages out of the tracker.
   *
   * @param sequenceNumber the sequence number that it will be stored under
   * @param header the caller's own bytes
   * @param tracker up to date with the memory
   */
  public StateSnapshot take(long sequenceNumber, ByteString header, PageTracker tracker) {
    if (last.sequenceNumber() == 0
        || last.sequenceNumber() >= sequenceNumber
        || last.deltas() >= maxDeltas
        || last.deltaBytes() > last.fullBytes()) {
      StateSnapshot full = StateSnapshot.full(header, tracker.sizeBytes(), tracker.takeAll());
      last = new StateSnapshot.Lineage(sequenceNumber, 0, full.pageBytes(), 0);
      return full;
    }
    StateSnapshot delta =
        StateSnapshot.delta(
            header, tracker.sizeBytes(), last.sequenceNumber(), tracker.takeDirty());
    last =
        new StateSnapshot.Lineage(
            sequenceNumber,
            last.deltas() + 1,
            last.fullBytes(),
            last.deltaBytes() + delta.pageBytes());
    return delta;
  }

  /** Says that a snapshot could not be stored: nothing may build on it, the next one is full. */
  public void failed() {
    last = StateSnapshot.Lineage.NONE;
  }
}
