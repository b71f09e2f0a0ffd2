package io.vudo.spirit.internal.wasmtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The process's memory mappings, of which the kernel allows a limited number. */
final class Mappings {
  private static final Path USED = Path.of("/proc/self/maps");
  private static final Path LIMIT = Path.of("/proc/sys/vm/max_map_count");

  private Mappings() {}

  /** How many there are, or -1 where the system does not tell. */
  static long used() {
    if (!Files.isReadable(USED)) {
      return -1;
    }
    try (Stream<String> lines = Files.lines(USED)) {
      return lines.count();
    } catch (IOException | RuntimeException e) {
      return -1;
    }
  }

  /** How many there may be, or -1 where the system does not tell. */
  static long limit() {
    // The kernel answers the first read only, so it must ask for everything.
    try (InputStream in = Files.newInputStream(LIMIT)) {
      byte[] digits = new byte[32];
      int count = Math.max(0, in.read(digits));
      return Long.parseLong(new String(digits, 0, count, StandardCharsets.US_ASCII).trim());
    } catch (IOException | NumberFormatException e) {
      return -1;
    }
  }
}
