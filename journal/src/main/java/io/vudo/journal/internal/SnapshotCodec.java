package io.vudo.journal.internal;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.UnsafeByteOperations;
import io.vudo.journal.StateSnapshot;
import io.vudo.journal.internal.format.Page;
import io.vudo.journal.internal.format.SerializedObject;
import io.vudo.journal.internal.format.SnapshotContent;
import io.vudo.journal.internal.format.StateImage;
import io.vudo.journal.internal.format.StoredSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/** Snapshots as bytes and back; see {@code snapshot.proto} for the format. */
final class SnapshotCodec {
  private static final byte[] MAGIC = {'V', 'S', 'N', 1};
  private static final int PREFIX_BYTES = MAGIC.length + Integer.BYTES;

  /** Fast, and memory pages hardly get smaller with more effort. */
  private static final int ZSTD_LEVEL = 1;

  /** One array must hold a snapshot; this leaves room for everything around the pages. */
  private static final long MAX_PAGE_BYTES = 1L << 30;

  private SnapshotCodec() {}

  static byte[] encode(StateSnapshot snapshot) {
    if (snapshot.pageBytes() > MAX_PAGE_BYTES) {
      throw new VudoException(
          ErrorCode.SNAPSHOT_TOO_LARGE,
          snapshot.pageBytes() + " bytes of pages; at most " + MAX_PAGE_BYTES + " can be stored.");
    }
    StateImage.Builder image =
        StateImage.newBuilder()
            .setBaseSequenceNumber(snapshot.baseSequenceNumber())
            .setMemoryBytes(snapshot.memoryBytes())
            .setHeader(snapshot.header());
    for (Map.Entry<Integer, byte[]> page : snapshot.pages().entrySet()) {
      image.addPages(
          Page.newBuilder()
              .setNumber(page.getKey())
              .setData(UnsafeByteOperations.unsafeWrap(page.getValue())));
    }
    return pack(SnapshotContent.newBuilder().setState(image).build());
  }

  static byte[] encode(int serializerId, String manifest, byte[] data) {
    return pack(
        SnapshotContent.newBuilder()
            .setObject(
                SerializedObject.newBuilder()
                    .setSerializerId(serializerId)
                    .setManifest(manifest)
                    .setData(UnsafeByteOperations.unsafeWrap(data)))
            .build());
  }

  /**
   * Reads what {@code encode} wrote.
   *
   * @throws VudoException {@code SNAPSHOT_CORRUPT} for anything else
   */
  static SnapshotContent decode(byte[] stored) {
    verify(stored);
    try {
      StoredSnapshot outer =
          StoredSnapshot.parseFrom(
              UnsafeByteOperations.unsafeWrap(stored, PREFIX_BYTES, stored.length - PREFIX_BYTES));
      SnapshotContent content =
          switch (outer.getCompression()) {
            case NONE -> SnapshotContent.parseFrom(outer.getContent());
            case ZSTD -> {
              try (ZstdInputStream in = new ZstdInputStream(outer.getContent().newInput())) {
                CodedInputStream coded = CodedInputStream.newInstance(in);
                coded.setSizeLimit(Integer.MAX_VALUE);
                yield SnapshotContent.parseFrom(coded);
              }
            }
            case UNRECOGNIZED -> throw corrupt("its compression is unknown", null);
          };
      if (content.getContentCase() == SnapshotContent.ContentCase.CONTENT_NOT_SET) {
        throw corrupt("its kind is unknown", null);
      }
      return content;
    } catch (IOException e) {
      throw corrupt(e.getMessage(), e);
    }
  }

  /** The snapshot that an image in a decoded content is. */
  static StateSnapshot toSnapshot(StateImage image) {
    SortedMap<Integer, byte[]> pages = new TreeMap<>();
    for (Page page : image.getPagesList()) {
      pages.put(page.getNumber(), page.getData().toByteArray());
    }
    try {
      return image.getBaseSequenceNumber() == 0
          ? StateSnapshot.full(image.getHeader(), image.getMemoryBytes(), pages)
          : StateSnapshot.delta(
              image.getHeader(), image.getMemoryBytes(), image.getBaseSequenceNumber(), pages);
    } catch (VudoException e) {
      throw corrupt(e.detail(), e);
    }
  }

  private static void verify(byte[] stored) {
    ByteBuffer bytes = ByteBuffer.wrap(stored);
    if (stored.length < PREFIX_BYTES
        || !bytes.slice(0, MAGIC.length).equals(ByteBuffer.wrap(MAGIC))) {
      throw corrupt("it does not begin as a snapshot of a known version does", null);
    }
    int expected = bytes.getInt(MAGIC.length);
    int actual = checksum(stored);
    if (actual != expected) {
      throw corrupt(String.format("its checksum is %08x and not %08x", actual, expected), null);
    }
  }

  private static byte[] pack(SnapshotContent content) {
    ByteString.Output packed = ByteString.newOutput();
    try (ZstdOutputStream out = new ZstdOutputStream(packed, ZSTD_LEVEL)) {
      content.writeTo(out);
    } catch (IOException e) {
      throw new IllegalStateException("Writing to an array cannot fail", e);
    }
    StoredSnapshot outer =
        StoredSnapshot.newBuilder()
            .setCompression(StoredSnapshot.Compression.ZSTD)
            .setContent(packed.toByteString())
            .build();
    byte[] stored = new byte[PREFIX_BYTES + outer.getSerializedSize()];
    ByteBuffer.wrap(stored).put(MAGIC).putInt(0).put(outer.toByteString().asReadOnlyByteBuffer());
    ByteBuffer.wrap(stored).putInt(MAGIC.length, checksum(stored));
    return stored;
  }

  private static int checksum(byte[] stored) {
    CRC32C crc = new CRC32C();
    crc.update(stored, PREFIX_BYTES, stored.length - PREFIX_BYTES);
    return (int) crc.getValue();
  }

  static VudoException corrupt(String detail, Exception cause) {
    return new VudoException(
        ErrorCode.SNAPSHOT_CORRUPT, "It cannot be read: " + detail + ".", cause);
  }
}
