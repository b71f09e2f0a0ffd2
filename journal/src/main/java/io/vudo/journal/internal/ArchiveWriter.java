package io.vudo.journal.internal;

import com.google.protobuf.CodedOutputStream;
import io.vudo.journal.internal.format.ArchiveEnd;
import io.vudo.journal.internal.format.ArchiveRecord;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Writes an archive beside its name, and gives it the name when it is whole; see archive.proto. */
public final class ArchiveWriter implements AutoCloseable {
  static final byte[] MAGIC = {'V', 'U', 'D', 'O', 'A', 'R', 'C'};
  static final int VERSION = 1;
  static final int DIGEST_BYTES = 32;

  private static final int BUFFER_BYTES = 1 << 16;

  private final Path file;
  private final Path unfinished;
  private final FileChannel channel;
  private final OutputStream plain;
  private final DigestOutputStream out;
  private final CodedOutputStream coded;

  private ArchiveWriter(Path file, Path unfinished, FileChannel channel) {
    this.file = file;
    this.unfinished = unfinished;
    this.channel = channel;
    plain = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES);
    out = new DigestOutputStream(plain, sha256());
    coded = CodedOutputStream.newInstance(out, BUFFER_BYTES);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  /** Begins one; the file must not exist. */
  public static ArchiveWriter create(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    if (Files.exists(absolute)) {
      throw new FileAlreadyExistsException(absolute.toString());
    }
    Path unfinished = absolute.resolveSibling(absolute.getFileName() + ".unfinished");
    ArchiveWriter writer =
        new ArchiveWriter(
            absolute,
            unfinished,
            FileChannel.open(
                unfinished,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE));
    writer.coded.writeRawBytes(MAGIC);
    writer.coded.write((byte) VERSION);
    return writer;
  }

  /** Appends one record. */
  public void write(ArchiveRecord record) throws IOException {
    coded.writeUInt32NoTag(record.getSerializedSize());
    record.writeTo(coded);
  }

  /** Ends the archive; it has its name when this returns, also after a power failure. */
  public void finish(ArchiveEnd end) throws IOException {
    write(ArchiveRecord.newBuilder().setEnd(end).build());
    coded.flush();
    plain.write(out.getMessageDigest().digest());
    plain.flush();
    channel.force(true);
    channel.close();
    Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel directory = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
      directory.force(true);
    }
  }

  /** Removes what is unfinished. */
  @Override
  public void close() throws IOException {
    channel.close();
    Files.deleteIfExists(unfinished);
  }
}
