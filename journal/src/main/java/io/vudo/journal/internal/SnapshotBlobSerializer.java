package io.vudo.journal.internal;

import org.apache.pekko.serialization.SerializerWithStringManifest;

/** Passes the bytes of a {@link SnapshotBlob} through; never fails on what it reads. */
public final class SnapshotBlobSerializer extends SerializerWithStringManifest {
  static final int IDENTIFIER = 5_302;
  static final String MANIFEST = "vudo-snapshot-blob/1";

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object o) {
    return MANIFEST;
  }

  @Override
  public byte[] toBinary(Object o) {
    return ((SnapshotBlob) o).bytes();
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) {
    return new SnapshotBlob(bytes);
  }
}
