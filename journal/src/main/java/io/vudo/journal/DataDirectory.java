package io.vudo.journal;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * The directory that holds all a node must not lose, held exclusively by this process while open.
 *
 * <p>Besides what the parts of the node put there, it holds {@code format}, the version of the
 * layout, and {@code lock}, which names the process that has it open. The operating system frees
 * the lock when the process ends, however it ends: there are no stale locks to remove.
 *
 * <p>Thread-safe.
 */
public final class DataDirectory implements AutoCloseable {
  /** The version of the layout and of all formats that this version of VUDO writes. */
  public static final int FORMAT_VERSION = 1;

  /** A file that is there as long as an import is not complete. */
  private static final String IMPORT = "import-unfinished";

  private static final String FORMAT_PREFIX = "vudo-data ";

  private final Path path;
  private final FileChannel lockChannel;

  private DataDirectory(Path path, FileChannel lockChannel) {
    this.path = path;
    this.lockChannel = lockChannel;
  }

  /**
   * Creates the directory if there is none, checks that it can be written, and locks it.
   *
   * @param directory where; made absolute
   * @throws VudoException {@code DATA_DIR_UNUSABLE} if it cannot be created or written, or if an
   *     import into it was broken off; {@code DATA_DIR_IN_USE} if it is open already, in this
   *     process or another; {@code JOURNAL_VERSION} if a newer version wrote it
   */
  public static DataDirectory open(Path directory) {
    Path path = directory.toAbsolutePath().normalize();
    FileChannel lockChannel = null;
    try {
      Files.createDirectories(path);
      lockChannel =
          FileChannel.open(
              path.resolve("lock"),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      lock(path, lockChannel);
      checkFormat(path);
      checkImport(path);
      return new DataDirectory(path, lockChannel);
    } catch (IOException e) {
      closeQuietly(lockChannel);
      throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, path + ": " + describe(e) + ".", e);
    } catch (VudoException e) {
      closeQuietly(lockChannel);
      throw e;
    }
  }

  /** The absolute path. */
  public Path path() {
    return path;
  }

  /**
   * A directory of this name within this one, created if there is none.
   *
   * @throws VudoException {@code DATA_DIR_UNUSABLE}
   */
  public Path subdirectory(String name) {
    Path subdirectory = path.resolve(name);
    try {
      Files.createDirectories(subdirectory);
      syncDirectory(path);
    } catch (IOException e) {
      throw new VudoException(
          ErrorCode.DATA_DIR_UNUSABLE, subdirectory + ": " + describe(e) + ".", e);
    }
    return subdirectory;
  }

  /** From now on nobody can open the directory again, until {@link #endImport}. */
  void beginImport() throws IOException {
    Path mark = path.resolve(IMPORT);
    try (FileChannel channel =
        FileChannel.open(mark, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    syncDirectory(path);
  }

  /** Called when all of it is durable. */
  void endImport() throws IOException {
    Files.delete(path.resolve(IMPORT));
    syncDirectory(path);
  }

  private static void checkImport(Path path) {
    if (Files.exists(path.resolve(IMPORT))) {
      throw new VudoException(
          ErrorCode.DATA_DIR_UNUSABLE,
          "An import into "
              + path
              + " was broken off, so it holds a part of an archive only. Delete it, and import"
              + " again.");
    }
  }

  /** Lets others open the directory. Closing twice does no harm. */
  @Override
  public void close() {
    closeQuietly(lockChannel);
  }

  private static void lock(Path path, FileChannel channel) throws IOException {
    FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      throw new VudoException(
          ErrorCode.DATA_DIR_IN_USE, path + " is open in this very process.", e);
    }
    if (lock == null) {
      String owner = Files.readString(path.resolve("lock"), UTF_8).trim();
      throw new VudoException(
          ErrorCode.DATA_DIR_IN_USE,
          path + " is open in " + (owner.isEmpty() ? "another process." : owner + "."));
    }
    channel.truncate(0);
    channel.write(UTF_8.encode("process " + ProcessHandle.current().pid() + "\n"), 0);
  }

  private static void checkFormat(Path path) throws IOException {
    Path file = path.resolve("format");
    if (!Files.exists(file)) {
      // Written aside and renamed, so that a crash leaves a whole file or none.
      Path fresh = path.resolve("format.new");
      try (FileChannel channel =
          FileChannel.open(
              fresh,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer text = UTF_8.encode(FORMAT_PREFIX + FORMAT_VERSION + "\n");
        while (text.hasRemaining()) {
          channel.write(text);
        }
        channel.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      syncDirectory(path);
      return;
    }
    String text = Files.readString(file, UTF_8).trim();
    int version;
    try {
      version =
          text.startsWith(FORMAT_PREFIX)
              ? Integer.parseInt(text.substring(FORMAT_PREFIX.length()))
              : 0;
    } catch (NumberFormatException e) {
      version = 0;
    }
    if (version < 1) {
      throw new VudoException(
          ErrorCode.JOURNAL_CORRUPT,
          file + " should read \"" + FORMAT_PREFIX + FORMAT_VERSION + "\".");
    }
    if (version > FORMAT_VERSION) {
      throw new VudoException(
          ErrorCode.JOURNAL_VERSION,
          path
              + " has the format "
              + version
              + "; this version reads up to "
              + FORMAT_VERSION
              + ".");
    }
  }

  /** Makes the names of new files survive a power failure; on Linux a directory opens as a file. */
  static void syncDirectory(Path directory) throws IOException {
    if (System.getProperty("os.name", "").startsWith("Windows")) {
      return;
    }
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static String describe(IOException e) {
    return e.getClass().getSimpleName() + (e.getMessage() == null ? "" : " " + e.getMessage());
  }

  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // The lock is gone with the descriptor either way.
      }
    }
  }
}
