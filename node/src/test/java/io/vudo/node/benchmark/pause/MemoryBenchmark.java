package io.vudo.node.benchmark.pause;

import com.typesafe.config.ConfigFactory;
import io.vudo.testing.PostgresFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/**
 * Not a test: what a Spirit takes of a node's memory while it is resident, and after it has left
 * memory. One node on a database; docs/benchmarks.md has the command and what it printed.
 */
public final class MemoryBenchmark {
  private static final int AT_ONCE = 64;
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private MemoryBenchmark() {}

  /** What the process has, after a collection. */
  private record Memory(long heapBytes, long residentBytes) {
    static Memory now() throws IOException, InterruptedException {
      for (int i = 0; i < 3; i++) {
        System.gc();
        Thread.sleep(200);
      }
      long kibibytes =
          Files.readAllLines(Path.of("/proc/self/status")).stream()
              .filter(line -> line.startsWith("VmRSS:"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
              .findFirst()
              .orElse(0);
      Runtime runtime = Runtime.getRuntime();
      return new Memory(runtime.totalMemory() - runtime.freeMemory(), kibibytes * 1024);
    }

    void print(String what, Memory before, int spirits) {
      System.out.printf(
          Locale.ROOT,
          "%-12s heap %,9.1f KiB, process %,9.1f KiB for each of %d%n",
          what,
          (heapBytes - before.heapBytes) / 1024.0 / spirits,
          (residentBytes - before.residentBytes) / 1024.0 / spirits,
          spirits);
    }
  }

  /**
   * Runs it.
   *
   * @param arguments Spirits (2,000), KiB of state (64)
   */
  public static void main(String[] arguments) throws Exception {
    int spirits = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 2000;
    int kibibytes = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 64;
    Path directory = Files.createTempDirectory("vudo-benchmark-");
    try (PostgresFixture database = PostgresFixture.start(directory)) {
      VudoMember member =
          new VudoMember(
              ConfigFactory.parseString(
                  """
                  vudo.node.host = "127.0.0.1"
                  vudo.journal.url = "%s"
                  vudo.spirit.idle-timeout = 20 s
                  """
                      .formatted(database.url())),
              directory.resolve("data"),
              PATIENCE);
      member.prepare();
      // All that is loaded once.
      fill(member, 0, 200, kibibytes);
      awaitNone(member);
      Memory before = Memory.now();
      fill(member, 200, spirits, kibibytes);
      Memory.now().print("resident", before, spirits);
      awaitNone(member);
      Memory.now().print("passivated", before, spirits);
      member.leave();
    } finally {
      PauseBenchmark.delete(directory);
    }
  }

  private static void fill(Member member, int first, int count, int kibibytes) throws Exception {
    for (int i = first; i < first + count; i += AT_ONCE) {
      List<CompletionStage<?>> some = new ArrayList<>();
      for (int entity = i; entity < Math.min(first + count, i + AT_ONCE); entity++) {
        some.add(member.fill(entity, kibibytes * 1024));
      }
      for (CompletionStage<?> one : some) {
        Object unused = one.toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      }
    }
  }

  private static void awaitNone(Member member) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!member.residents().isEmpty()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(member.residents().size() + " Spirits stay");
      }
      Thread.sleep(500);
    }
    // Their addresses go by themselves a little later.
    Thread.sleep(Duration.ofSeconds(25).toMillis());
  }
}
