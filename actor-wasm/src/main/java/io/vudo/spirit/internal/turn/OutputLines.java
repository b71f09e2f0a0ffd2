package io.vudo.spirit.internal.turn;

import java.io.ByteArrayOutputStream;

/** Cuts what a guest writes to a stream into lines for the log. Holds at most one line's bytes. */
final class OutputLines {
  /** Where lines go. */
  @FunctionalInterface
  interface Log {
    /** As {@link HostContext#log}. */
    void log(int level, byte[] text, int originalLength);
  }

  private final int level;
  private final int maxLineBytes;
  private final Log log;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private long lineBytes;

  OutputLines(int level, int maxLineBytes, Log log) {
    this.level = level;
    this.maxLineBytes = maxLineBytes;
    this.log = log;
  }

  /** Logs the lines that these bytes complete and keeps the rest. */
  void write(byte[] bytes) {
    int from = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        keep(bytes, from, i - from);
        finish();
        from = i + 1;
      }
    }
    keep(bytes, from, bytes.length - from);
  }

  /** Logs a line that has no end yet. */
  void end() {
    if (lineBytes > 0) {
      finish();
    }
  }

  private void keep(byte[] bytes, int from, int length) {
    line.write(bytes, from, Math.min(length, maxLineBytes - line.size()));
    lineBytes += length;
  }

  private void finish() {
    log.log(level, line.toByteArray(), (int) Math.min(lineBytes, Integer.MAX_VALUE));
    line.reset();
    lineBytes = 0;
  }
}
