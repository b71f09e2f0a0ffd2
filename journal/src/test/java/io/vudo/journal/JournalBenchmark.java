package io.vudo.journal;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Prints persisted events per second and bytes per event through the whole stack, for one writer
 * and for 64, and what {@link PageTracker} takes. Not a test: run its main.
 */
final class JournalBenchmark {
  private static final int SECONDS = 8;

  private JournalBenchmark() {}

  /**
   * Runs all of it.
   *
   * @param arguments the directory to use; it must not exist
   */
  public static void main(String[] arguments) throws Exception {
    Path path = Path.of(arguments[0]);
    for (int writers : new int[] {1, 64}) {
      // Once to warm up, once to measure.
      run(path.resolve("warm-up-" + writers), writers, false);
      run(path.resolve("writers-" + writers), writers, true);
    }
    tracker(64 << 10);
    tracker(64 << 20);
    System.exit(0);
  }

  private static void run(Path path, int writers, boolean print) throws Exception {
    try (JournalFixture fixture = new JournalFixture(path)) {
      TestProbe<Long> snapshots = fixture.kit.createTestProbe(Long.class);
      AtomicLong persisted = new AtomicLong();
      List<long[]> latencies = new ArrayList<>();
      List<Thread> threads = new ArrayList<>();
      long end = System.nanoTime() + SECONDS * 1_000_000_000L;
      for (int i = 0; i < writers; i++) {
        ActorRef<TestSpirit.Command> spirit =
            fixture.spirit("benchmark|" + i, Integer.MAX_VALUE, snapshots);
        fixture.view(spirit);
        Thread thread =
            new Thread(
                () -> {
                  TestProbe<Long> acks = fixture.kit.createTestProbe(Long.class);
                  long[] nanos = new long[1_000_000];
                  int count = 0;
                  while (System.nanoTime() < end) {
                    long start = System.nanoTime();
                    spirit.tell(new TestSpirit.Write(count % 4096, count, acks.getRef()));
                    acks.receiveMessage(JournalFixture.PATIENCE);
                    nanos[count++] = System.nanoTime() - start;
                  }
                  persisted.addAndGet(count);
                  synchronized (latencies) {
                    latencies.add(Arrays.copyOf(nanos, count));
                  }
                });
        threads.add(thread);
        thread.start();
      }
      for (Thread thread : threads) {
        thread.join();
      }
      long[] all = latencies.stream().flatMapToLong(Arrays::stream).sorted().toArray();
      long eventBytes;
      try (Connection connection = fixture.connect("vudo-turns");
          ResultSet result =
              connection
                  .createStatement()
                  .executeQuery("SELECT avg(length(\"event_payload\")) FROM \"event_journal\"")) {
        result.next();
        eventBytes = result.getLong(1);
      }
      // What is still in the log belongs to the size of the file.
      try (Connection connection = fixture.connect("vudo-turns")) {
        connection.createStatement().execute("PRAGMA wal_checkpoint(TRUNCATE)");
      }
      if (print) {
        System.out.printf(
            "%d writers: %d persists/s, p50 %.2f ms, p99 %.2f ms; %d bytes on disk for an event of"
                + " %d bytes%n",
            writers,
            persisted.get() / SECONDS,
            all[all.length / 2] / 1e6,
            all[(int) (all.length * 0.99)] / 1e6,
            Files.size(path.resolve("journal/turns.db")) / persisted.get(),
            eventBytes);
      }
    }
  }

  private static void tracker(int bytes) {
    ByteBuffer memory = ByteBuffer.allocateDirect(bytes);
    for (int at = 0; at < bytes; at += 64) {
      memory.put(at, (byte) at);
    }
    PageTracker tracker = new PageTracker();
    tracker.update(memory);
    int rounds = (int) Math.min(200_000, (4L << 30) / bytes);
    for (int i = 0; i < rounds; i++) {
      tracker.update(memory);
    }
    long start = System.nanoTime();
    for (int i = 0; i < rounds; i++) {
      tracker.update(memory);
    }
    System.out.printf(
        "PageTracker.update of %d KiB unchanged: %.1f us%n",
        bytes >> 10, (System.nanoTime() - start) / 1e3 / rounds);
    StateSnapshot full = StateSnapshot.full(ByteString.EMPTY, bytes, tracker.takeAll());
    System.out.println("  " + full);
  }
}
