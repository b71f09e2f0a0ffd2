package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.NativeLibraryLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads the library of the binding and leaves nothing behind. The binding copies it, 18 MB, to a
 * new file in the temporary directory and never deletes that; nodes that are killed and started
 * again would fill the disk. What is mapped into a process needs no name any more.
 */
final class NativeLibrary {
  private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);
  private static final Path MAPPINGS = Path.of("/proc/self/maps");

  /** As the binding names it, with a random number. A library that was installed has none. */
  private static final Pattern COPY =
      Pattern.compile("/libwasmtime_jni_[^/]+_linux_(x86_64|aarch64)\\d+\\.so$");

  private NativeLibrary() {}

  /** Loads it, if it is not loaded yet. */
  static synchronized void load() {
    NativeLibraryLoader.init();
    if (Files.isReadable(MAPPINGS)) {
      try {
        deleteCopies(Files.readAllLines(MAPPINGS));
      } catch (IOException e) {
        LOG.debug("The copy of Wasmtime's library stays in the temporary directory", e);
      }
    }
  }

  private static void deleteCopies(List<String> mappings) throws IOException {
    for (String mapping : mappings) {
      int path = mapping.indexOf('/');
      if (path >= 0 && COPY.matcher(mapping).find()) {
        Files.deleteIfExists(Path.of(mapping.substring(path)));
      }
    }
  }
}
