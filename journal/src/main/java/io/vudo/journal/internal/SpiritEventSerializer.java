package io.vudo.journal.internal;

import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.SpiritEvent;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/** The events of Spirits as Protobuf. The identifier and the manifest are on disk: never change. */
public final class SpiritEventSerializer extends SerializerWithStringManifest {
  static final int IDENTIFIER = 5_301;
  static final String MANIFEST = "vudo-spirit-event/1";

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
    return ((SpiritEvent) o).toByteArray();
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) {
    if (!manifest.equals(MANIFEST)) {
      throw new VudoException(
          ErrorCode.JOURNAL_VERSION,
          "It holds an event of the format \""
              + manifest
              + "\"; this version reads \""
              + MANIFEST
              + "\".");
    }
    try {
      return SpiritEvent.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new VudoException(
          ErrorCode.JOURNAL_CORRUPT, "An event of " + bytes.length + " bytes cannot be read.", e);
    }
  }
}
