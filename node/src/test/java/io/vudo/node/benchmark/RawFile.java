package io.vudo.node.benchmark;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The floor of every journal: bytes at the end of a file, and a flush. */
final class RawFile {
  private RawFile() {}

  /** Appends records and flushes them together; each counts as an operation. */
  static Load.Result run(Path file, int recordBytes, int records, int seconds) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocateDirect(recordBytes * records);
    List<Long> latencies = new ArrayList<>();
    long start = System.nanoTime();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      long until = start + Duration.ofSeconds(seconds).toNanos();
      for (long sent = start; sent - until < 0; ) {
        bytes.clear();
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(false);
        long now = System.nanoTime();
        for (int i = 0; i < records; i++) {
          latencies.add(now - sent);
        }
        sent = now;
      }
    }
    return Load.result(
        latencies.stream().mapToLong(Long::longValue).toArray(), System.nanoTime() - start);
  }
}
