package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * The modules that were deployed on a node, one file a digest: {@code DIR/modules/<sha256>.wasm}.
 *
 * <p>A file is written under another name, synced, renamed, and the directory synced: after {@link
 * #store} returns, a power cut cannot take the module away, and a half-written file never carries a
 * digest as its name. Thread-safe.
 */
public final class ModuleStore {
  private static final String TEMPORARY = ".tmp";

  private final Path directory;

  /**
   * Opens the store, and clears what a crash left half-written.
   *
   * @throws VudoException {@code DATA_DIR_UNUSABLE}
   */
  public ModuleStore(Path directory) {
    this.directory = directory;
    try {
      Files.createDirectories(directory);
      try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(directory, "*" + TEMPORARY)) {
        for (Path leftover : leftovers) {
          Files.deleteIfExists(leftover);
        }
      }
    } catch (IOException e) {
      throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, directory + ": " + e, e);
    }
  }

  /**
   * Makes a module durable. Storing one that is there already is cheap, and mends it when the disk
   * has damaged it.
   *
   * @return its digest
   * @throws VudoException {@code JOURNAL_UNAVAILABLE} when the disk does not take it
   */
  public ModuleDigest store(byte[] module) {
    ModuleDigest digest = ModuleDigest.of(module);
    Path file = fileOf(digest);
    try {
      if (Files.exists(file) && ModuleDigest.of(Files.readAllBytes(file)).equals(digest)) {
        return digest;
      }
      Path temporary = Files.createTempFile(directory, digest.abbreviated() + "-", TEMPORARY);
      try {
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
          ByteBuffer bytes = ByteBuffer.wrap(module);
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
          channel.force(true);
        }
        Files.move(
            temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(temporary);
      }
      syncDirectory();
      return digest;
    } catch (IOException e) {
      throw new VudoException(ErrorCode.JOURNAL_UNAVAILABLE, "Cannot store the module: " + e, e);
    }
  }

  /**
   * The bytes of a module, checked against its digest.
   *
   * @throws VudoException {@code MODULE_NOT_FOUND}; {@code JOURNAL_CORRUPT} when the file does not
   *     hold what its name says
   */
  public byte[] read(ModuleDigest digest) {
    Path file = fileOf(digest);
    byte[] module;
    try {
      module = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new VudoException(ErrorCode.MODULE_NOT_FOUND, digest.toString(), e);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.JOURNAL_UNAVAILABLE, "Cannot read " + file + ": " + e, e);
    }
    if (!ModuleDigest.of(module).equals(digest)) {
      throw new VudoException(
          ErrorCode.JOURNAL_CORRUPT,
          file + " does not have its digest; deploying the same module again mends it.");
    }
    return module;
  }

  /**
   * A part of a module, unchecked.
   *
   * @param totalBytes of the whole module
   * @param bytes the part; empty behind the end
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Part(long totalBytes, byte[] bytes) {}

  /**
   * A part of a module, for another node that checks the whole; empty when the module is not here.
   *
   * @throws VudoException {@code JOURNAL_UNAVAILABLE}
   */
  Optional<Part> part(ModuleDigest digest, long offset, int most) {
    Path file = fileOf(digest);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long total = channel.size();
      long length = Math.max(0, Math.min(most, total - offset));
      ByteBuffer part = ByteBuffer.allocate(Math.toIntExact(length));
      while (part.hasRemaining() && channel.read(part, offset + part.position()) >= 0) {
        // Reads on.
      }
      return Optional.of(new Part(total, part.array()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new VudoException(ErrorCode.JOURNAL_UNAVAILABLE, "Cannot read " + file + ": " + e, e);
    }
  }

  private Path fileOf(ModuleDigest digest) {
    return directory.resolve(digest.hex() + ".wasm");
  }

  /** Makes the rename itself durable. */
  private void syncDirectory() throws IOException {
    if (System.getProperty("os.name", "").startsWith("Windows")) {
      return; // Directories cannot be opened there; NTFS journals its metadata.
    }
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
