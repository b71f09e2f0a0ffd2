package io.vudo.cli.internal;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.node.internal.Quantities;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A module on disk: compiled, or in the text format, which is assembled on the way in. */
final class ModuleFile {
  /** What a node takes unless it is told otherwise, and what run and inspect read at most. */
  private static final long MAX_BYTES = 100L << 20;

  private final Path path;

  ModuleFile(Path path) {
    this.path = path;
  }

  /**
   * Whether the file is text that {@link #read} assembles.
   *
   * @throws VudoException {@code REQUEST_INVALID} when it cannot be read
   */
  boolean isText() {
    try (InputStream in = Files.newInputStream(path)) {
      int first = in.read();
      while (first == ' ' || first == '\t' || first == '\n' || first == '\r') {
        first = in.read();
      }
      // A module in the text format starts with a parenthesis or a comment.
      return first == '(' || (first == ';' && path.toString().endsWith(".wat"));
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  /**
   * The module's bytes.
   *
   * @throws VudoException {@code MODULE_TOO_LARGE}; {@code MODULE_MALFORMED} when the text is
   *     wrong; {@code REQUEST_INVALID} when the file cannot be read
   */
  byte[] read() {
    try {
      long size = Files.size(path);
      if (size > MAX_BYTES) {
        throw new VudoException(
            ErrorCode.MODULE_TOO_LARGE,
            path
                + " has "
                + size
                + " bytes; the limit is "
                + Quantities.bytesText(MAX_BYTES)
                + ".");
      }
      return isText() ? assemble() : Files.readAllBytes(path);
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private byte[] assemble() throws IOException {
    String text = Files.readString(path, StandardCharsets.UTF_8);
    try {
      return Wat2Wasm.parse(text);
    } catch (RuntimeException e) {
      throw new VudoException(
          ErrorCode.MODULE_MALFORMED, path + " does not assemble: " + e.getMessage(), e);
    }
  }

  private VudoException unreadable(IOException e) {
    return new VudoException(
        ErrorCode.REQUEST_INVALID,
        e instanceof NoSuchFileException
            ? "There is no file " + path + "."
            : "Cannot read " + path + ": " + e.getMessage() + ".",
        e);
  }
}
