package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A small file system in memory, which only processes of a mount namespace of its own see. Neither
 * root nor anything else is needed where users may have namespaces; root needs the capability to
 * mount. The system cleans up when the test ends, however it ends.
 *
 * <p>The processes are started by {@link #prefix}; this process reaches the files by {@link
 * #outside}.
 */
final class SmallDisk implements AutoCloseable {
  private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

  private final Process holder;
  private final Path mountPoint;

  private SmallDisk(Process holder, Path mountPoint) {
    this.holder = holder;
    this.mountPoint = mountPoint;
  }

  /** Mounts one on a directory. */
  static SmallDisk mount(Path mountPoint, int megabytes) throws IOException {
    List<String> command = new ArrayList<>(List.of("unshare", "--mount"));
    if (!ROOT) {
      command.addAll(List.of("--user", "--map-root-user"));
    }
    String script =
        "mount -t tmpfs -o size=%dm,mode=755 tmpfs '%s' && echo mounted && exec cat"
            .formatted(megabytes, mountPoint);
    command.addAll(List.of("sh", "-c", script));
    Process holder = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said =
        new BufferedReader(new InputStreamReader(holder.getInputStream(), UTF_8)).readLine();
    if (!"mounted".equals(said)) {
      throw new AssertionError(
          "This test needs a mount namespace (unshare of util-linux, and the right to use it): "
              + said);
    }
    return new SmallDisk(holder, mountPoint);
  }

  /** Where processes of the namespace see it. */
  Path inside() {
    return mountPoint;
  }

  /** Where this process sees it. */
  Path outside() {
    return Path.of("/proc/" + holder.pid() + "/root").resolve(mountPoint.toString().substring(1));
  }

  /** Begins the command line of a process of the namespace. */
  List<String> prefix() {
    String target = Long.toString(holder.pid());
    return ROOT
        ? List.of("nsenter", "--mount", "--target", target)
        : List.of("nsenter", "--user", "--preserve-credentials", "--mount", "--target", target);
  }

  /** Runs a command in the namespace. */
  void run(String... command) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(prefix());
    all.addAll(List.of(command));
    Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new AssertionError(all + ": " + said);
    }
  }

  /** Writes a file until nothing fits any more. */
  Path fill() throws IOException {
    Path ballast = outside().resolve("ballast");
    // Page by page at the end: what is left must not hold a page of the journal.
    for (int size : new int[] {1 << 20, 1 << 12, 1}) {
      try (OutputStream out =
          Files.newOutputStream(ballast, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
        while (true) {
          out.write(new byte[size]);
        }
      } catch (IOException full) {
        if (!String.valueOf(full.getMessage()).contains("No space left")) {
          throw full;
        }
      }
    }
    return ballast;
  }

  @Override
  public void close() {
    holder.destroyForcibly();
  }
}
