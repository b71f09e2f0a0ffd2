package io.vudo.journal.internal;

/**
 * The bytes of a stored snapshot, unopened. They go to the database and come back as they are, so
 * that damage is found where the snapshot's name and number are known.
 */
final class SnapshotBlob {
  private final byte[] bytes;

  SnapshotBlob(byte[] bytes) {
    this.bytes = bytes;
  }

  byte[] bytes() {
    return bytes;
  }
}
