package io.vudo.journal.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;

/**
 * Finds commits that were flushed and are not there any more, before SQLite opens the file.
 *
 * <p>After a crash SQLite reads its log of commits up to the first byte that is wrong and takes the
 * rest for a write that was under way. When the log was cut or damaged later, that drops commits in
 * silence. How far the log went is also in the index beside it ({@code -shm}): it is written after
 * the log is flushed, and survives the end of the process. So a log that is shorter than its index
 * says has lost something. The index is not flushed; after a power failure it may be older than the
 * log, and then it claims less.
 *
 * <p>Likewise a page of the database that lies beyond the end of its file must be in the log, and
 * without a log there may be none.
 *
 * <p>The formats are those of sqlite.org/walformat.html and sqlite.org/fileformat2.html, which do
 * not change within SQLite 3.
 */
final class CommitLogCheck {
  private static final int LOG_HEADER_BYTES = 32;
  private static final int FRAME_HEADER_BYTES = 24;
  private static final int INDEX_HEADER_BYTES = 48;
  private static final int INDEX_VERSION = 3_007_000;
  private static final int LOG_MAGIC = 0x377f0682;
  private static final int BIG_ENDIAN_CHECKSUMS = 1;
  private static final int FILE_HEADER_BYTES = 100;

  private final Path file;

  /** Pages that the readable part of the log holds. */
  private final BitSet pages = new BitSet();

  private CommitLogCheck(Path file) {
    this.file = file;
  }

  /**
   * What the index says.
   *
   * @param frames how many the log has, all of them flushed
   * @param copied how many of them are in the database's file already
   * @param pages how many the database has
   * @param salt that of the log it belongs to
   */
  private record Index(long frames, long copied, long pages, long salt) {}

  /**
   * Checks a database that nobody has open.
   *
   * @param file the database; it need not exist
   * @throws VudoException {@code JOURNAL_CORRUPT} when committed data is missing
   * @throws IOException when the files cannot be read
   */
  static void check(Path file) throws IOException {
    Index index = index(file.resolveSibling(file.getFileName() + "-shm"));
    if (index != null) {
      new CommitLogCheck(file).check(index);
    } else {
      checkFileAlone(file);
    }
  }

  /** Without a log the file holds everything; SQLite itself does not miss a part of a page. */
  private static void checkFileAlone(Path file) throws IOException {
    Path log = file.resolveSibling(file.getFileName() + "-wal");
    ByteBuffer header = read(file, FILE_HEADER_BYTES);
    if (header == null || (Files.exists(log) && Files.size(log) > 0)) {
      return;
    }
    // The count is true when it was written together with the counter of changes.
    boolean counted = header.getInt(24) == header.getInt(92);
    int shortBytes = Short.toUnsignedInt(header.getShort(16));
    long pageBytes = shortBytes == 1 ? 65_536 : shortBytes;
    long pages = Integer.toUnsignedLong(header.getInt(28));
    if (counted && Files.size(file) < pages * pageBytes) {
      throw new VudoException(
          ErrorCode.JOURNAL_CORRUPT,
          file + " has " + Files.size(file) + " bytes of " + pages * pageBytes + ".");
    }
  }

  /** The index, or null when there is none, or none that was written to its end. */
  private static Index index(Path path) throws IOException {
    ByteBuffer bytes = read(path, 2 * INDEX_HEADER_BYTES + Integer.BYTES);
    if (bytes == null) {
      return null;
    }
    bytes.order(ByteOrder.nativeOrder());
    ByteBuffer first = bytes.slice(0, INDEX_HEADER_BYTES);
    boolean whole = first.equals(bytes.slice(INDEX_HEADER_BYTES, INDEX_HEADER_BYTES));
    if (!whole || bytes.getInt(0) != INDEX_VERSION || bytes.get(12) == 0) {
      return null;
    }
    return new Index(
        Integer.toUnsignedLong(bytes.getInt(16)),
        Integer.toUnsignedLong(bytes.getInt(2 * INDEX_HEADER_BYTES)),
        Integer.toUnsignedLong(bytes.getInt(20)),
        // As bytes, in the order in which the log has them.
        bytes.order(ByteOrder.BIG_ENDIAN).getLong(32));
  }

  private void check(Index index) throws IOException {
    Path log = file.resolveSibling(file.getFileName() + "-wal");
    ByteBuffer header = read(log, LOG_HEADER_BYTES);
    if (header == null) {
      if (index.frames() > index.copied()) {
        throw lost(log, 0, index);
      }
      return;
    }
    if (header.getLong(16) != index.salt()) {
      // Another log: it was begun anew, and only after all of the last one had been copied.
      return;
    }
    long readable = readableFrames(log, header, index.frames());
    if (readable < index.frames()) {
      if (index.frames() > index.copied()) {
        throw lost(log, readable, index);
      }
      return;
    }
    checkFile(Integer.toUnsignedLong(header.getInt(8)), index);
  }

  private static VudoException lost(Path log, long readable, Index index) {
    return new VudoException(
        ErrorCode.JOURNAL_CORRUPT,
        log
            + " has lost commits: "
            + readable
            + " of the "
            + index.frames()
            + " pages that were flushed to it can be read. Without the file beside it that ends in"
            + " -shm the node starts with what is left.");
  }

  /** How many frames in a row are as they were written, at most {@code most}. */
  private long readableFrames(Path log, ByteBuffer header, long most) throws IOException {
    int magic = header.getInt(0);
    if ((magic & ~BIG_ENDIAN_CHECKSUMS) != LOG_MAGIC) {
      return 0;
    }
    ByteOrder order =
        (magic & BIG_ENDIAN_CHECKSUMS) == 0 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
    int pageBytes = header.getInt(8);
    long sum = sum(0, header.slice(0, 24).order(order));
    if (sum != header.getLong(24)) {
      return 0;
    }
    ByteBuffer frame = ByteBuffer.allocate(FRAME_HEADER_BYTES + pageBytes);
    try (FileChannel channel = FileChannel.open(log, StandardOpenOption.READ)) {
      channel.position(LOG_HEADER_BYTES);
      for (long number = 0; number < most; number++) {
        frame.clear();
        if (!fill(channel, frame) || frame.getLong(8) != header.getLong(16)) {
          return number;
        }
        sum = sum(sum, frame.slice(0, 8).order(order));
        sum = sum(sum, frame.slice(FRAME_HEADER_BYTES, pageBytes).order(order));
        if (sum != frame.getLong(16)) {
          return number;
        }
        pages.set(frame.getInt(0));
      }
    }
    return most;
  }

  /** SQLite's checksum; the high half is its first word. */
  private static long sum(long before, ByteBuffer words) {
    int first = (int) (before >>> 32);
    int second = (int) before;
    while (words.hasRemaining()) {
      first += words.getInt() + second;
      second += words.getInt() + first;
    }
    return (long) first << 32 | Integer.toUnsignedLong(second);
  }

  private void checkFile(long pageBytes, Index index) throws IOException {
    ByteBuffer header = read(file, FILE_HEADER_BYTES);
    long there = header == null ? 0 : Files.size(file) / pageBytes;
    for (long page = there + 1; page <= index.pages(); page++) {
      if (!pages.get((int) page)) {
        throw new VudoException(
            ErrorCode.JOURNAL_CORRUPT,
            file + " ends after page " + there + " of " + index.pages() + ".");
      }
    }
  }

  /** So many bytes, big-endian, or null when the file does not exist or is shorter. */
  private static ByteBuffer read(Path path, int bytes) throws IOException {
    if (!Files.exists(path)) {
      return null;
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      ByteBuffer buffer = ByteBuffer.allocate(bytes);
      return fill(channel, buffer) ? buffer : null;
    }
  }

  private static boolean fill(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        return false;
      }
    }
    buffer.flip();
    return true;
  }
}
