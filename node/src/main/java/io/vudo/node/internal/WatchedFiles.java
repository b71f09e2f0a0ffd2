package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads files again when they change. What cannot be used is logged once, and what was read before
 * stays. Changes are seen by content: times are too coarse, and links go elsewhere.
 */
final class WatchedFiles implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(WatchedFiles.class);
  private static final long MAX_BYTES = 1L << 20;

  private final ErrorCode code;
  private final List<Path> paths;
  private final Loader loader;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread created = new Thread(task, "vudo-gateway-files");
            created.setDaemon(true);
            return created;
          });

  /** What was tried last; only the thread above uses it after the beginning. */
  private List<byte[]> seen;

  /** Why the files cannot be read, as it was logged. */
  private String unreadable = "";

  /** Takes what the files hold. */
  interface Loader {
    /**
     * Uses it from now on.
     *
     * @param contents in the order of the paths
     * @throws VudoException when it cannot be used; then nothing was changed
     */
    void load(List<byte[]> contents);
  }

  /**
   * Reads the files, and again when they change.
   *
   * @param code of the error when they cannot be read
   * @throws VudoException of this code, or what the loader throws
   */
  WatchedFiles(ErrorCode code, List<Path> paths, Duration interval, Loader loader) {
    this.code = code;
    this.paths = List.copyOf(paths);
    this.loader = loader;
    try {
      seen = read();
      loader.load(seen);
    } catch (RuntimeException e) {
      thread.shutdownNow();
      throw e;
    }
    var unused =
        thread.scheduleWithFixedDelay(
            this::look, interval.toMillis(), interval.toMillis(), TimeUnit.MILLISECONDS);
  }

  private List<byte[]> read() {
    List<byte[]> contents = new ArrayList<>();
    for (Path path : paths) {
      try {
        if (Files.size(path) > MAX_BYTES) {
          throw new VudoException(code, path + " is larger than " + MAX_BYTES + " bytes.");
        }
        contents.add(Files.readAllBytes(path));
      } catch (IOException e) {
        throw new VudoException(code, "Cannot read " + path + ": " + e, e);
      }
    }
    return contents;
  }

  private void look() {
    try {
      List<byte[]> now;
      try {
        now = read();
        unreadable = "";
      } catch (VudoException e) {
        if (!e.detail().equals(unreadable)) {
          unreadable = e.detail();
          log.error("{} What was read before stays.", e.getMessage());
        }
        return;
      }
      if (isSame(now, seen)) {
        return;
      }
      seen = now;
      loader.load(now);
      log.info(
          "Read again: {}", paths.stream().map(Path::toString).collect(Collectors.joining(", ")));
    } catch (VudoException e) {
      log.error("{} What was read before stays.", e.getMessage());
    } catch (RuntimeException e) {
      // Whatever it is, the next look must come.
      log.error("A file of the gateway cannot be used; what was read before stays", e);
    }
  }

  private static boolean isSame(List<byte[]> one, List<byte[]> other) {
    for (int i = 0; i < one.size(); i++) {
      if (!Arrays.equals(one.get(i), other.get(i))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
