package io.vudo.journal.internal;

import io.vudo.journal.StateSnapshot;
import io.vudo.journal.internal.format.SnapshotContent;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * A {@link StateSnapshot} within a message between nodes, or in a store other than ours; in the
 * same format as on disk.
 */
public final class StateSnapshotSerializer extends SerializerWithStringManifest {
  static final int IDENTIFIER = 5_303;
  static final String MANIFEST = "vudo-state-snapshot/1";

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
    return SnapshotCodec.encode((StateSnapshot) o);
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) {
    if (!manifest.equals(MANIFEST)) {
      throw new VudoException(
          ErrorCode.JOURNAL_VERSION,
          "A snapshot has the format \""
              + manifest
              + "\"; this version reads \""
              + MANIFEST
              + "\".");
    }
    SnapshotContent content = SnapshotCodec.decode(bytes);
    if (!content.hasState()) {
      throw SnapshotCodec.corrupt("it holds no state", null);
    }
    return SnapshotCodec.toSnapshot(content.getState());
  }
}
