package io.vudo.journal.internal;

import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.journal.internal.format.ArchiveEnd;
import io.vudo.journal.internal.format.ArchiveRecord;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.sql.SQLException;
import java.util.Arrays;

/** Reads an archive from its beginning to its end; see archive.proto. */
public final class ArchiveReader {
  private ArchiveReader() {}

  /** What is done with each record but the end. */
  public interface Use {
    void accept(ArchiveRecord record) throws SQLException, IOException;
  }

  /**
   * Shows the records. Whether they are what was written is known when this returns, not before.
   *
   * @return the last record
   * @throws VudoException {@code ARCHIVE_CORRUPT} or {@code ARCHIVE_VERSION}
   */
  public static ArchiveEnd read(Path file, Use use) throws IOException, SQLException {
    long checkedBytes = Files.size(file) - ArchiveWriter.DIGEST_BYTES;
    if (checkedBytes <= ArchiveWriter.MAGIC.length) {
      throw corrupt(file, "it has only " + Files.size(file) + " bytes", null);
    }
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      MessageDigest digest = ArchiveWriter.sha256();
      InputStream checked = new DigestInputStream(new Part(in, checkedBytes), digest);
      if (!Arrays.equals(checked.readNBytes(ArchiveWriter.MAGIC.length), ArchiveWriter.MAGIC)) {
        throw corrupt(file, "it does not begin as an archive does", null);
      }
      int version = checked.read();
      if (version > ArchiveWriter.VERSION) {
        throw new VudoException(
            ErrorCode.ARCHIVE_VERSION,
            file
                + " has the format "
                + version
                + "; this version reads up to "
                + ArchiveWriter.VERSION
                + ".");
      }
      ArchiveEnd end = records(file, checked, use);
      if (!Arrays.equals(in.readNBytes(ArchiveWriter.DIGEST_BYTES), digest.digest())) {
        throw corrupt(file, "its checksum is another one", null);
      }
      return end;
    } catch (InvalidProtocolBufferException e) {
      throw corrupt(file, e.getMessage(), e);
    }
  }

  private static ArchiveEnd records(Path file, InputStream in, Use use)
      throws IOException, SQLException {
    ArchiveEnd end = null;
    long events = 0;
    long snapshots = 0;
    long modules = 0;
    while (true) {
      ArchiveRecord record = ArchiveRecord.parseDelimitedFrom(in);
      if (record == null) {
        break;
      }
      if (end != null) {
        throw corrupt(file, "something follows its end", null);
      }
      switch (record.getRecordCase()) {
        case EVENT -> events++;
        case SNAPSHOT -> snapshots++;
        case MODULE -> modules++;
        case END -> end = record.getEnd();
        default -> throw corrupt(file, "it holds a record of an unknown kind", null);
      }
      if (end == null) {
        use.accept(record);
      }
    }
    ArchiveEnd counted =
        ArchiveEnd.newBuilder()
            .setEvents(events)
            .setSnapshots(snapshots)
            .setModules(modules)
            .build();
    if (!counted.equals(end)) {
      throw corrupt(file, "its records are not as many as its end says", null);
    }
    return end;
  }

  private static VudoException corrupt(Path file, String why, Exception cause) {
    return new VudoException(ErrorCode.ARCHIVE_CORRUPT, file + ": " + why + ".", cause);
  }

  /** The first bytes of a stream. */
  private static final class Part extends InputStream {
    private final InputStream in;
    private long left;

    Part(InputStream in, long bytes) {
      this.in = in;
      this.left = bytes;
    }

    @Override
    public int read() throws IOException {
      int read = left == 0 ? -1 : in.read();
      left -= read < 0 ? 0 : 1;
      return read;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      int read = left == 0 ? -1 : in.read(bytes, offset, (int) Math.min(length, left));
      left -= Math.max(0, read);
      return read;
    }
  }
}
