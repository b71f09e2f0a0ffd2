package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.Guests;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The clock of the machine is set back while a node runs, and again while it is down: nothing that
 * was acknowledged is lost, and it goes on. libfaketime sets it, for the node alone.
 */
class ClockFaultTest {
  private static final String COUNTER = "counter/a";
  private static final long BACK_SECONDS = 7 * 24 * 3600;

  private static String library() throws IOException {
    for (Path root : List.of(Path.of("/usr/lib"), Path.of("/usr/local/lib"))) {
      if (Files.exists(root)) {
        try (Stream<Path> found = Files.find(root, 3, (path, a) -> named(path))) {
          var first = found.findFirst();
          if (first.isPresent()) {
            return first.get().toString();
          }
        }
      }
    }
    throw new AssertionError("This test needs libfaketime: apt-get install faketime");
  }

  private static boolean named(Path path) {
    return path.getFileName().toString().equals("libfaketimeMT.so.1");
  }

  private static long add(CrashNode node, String key) {
    return Long.parseLong(node.ask(COUNTER, "add", "1", key));
  }

  /** What a Spirit sees; it is part of its record. */
  private static byte[] clockReader() {
    return Guests.spirit(
        "(import \"spirit\" \"now\" (func $now (result i64)))",
        "",
        "(call $say (i64.div_u (call $now) (i64.const 1000000000)))");
  }

  @Test
  void aClockThatIsSetBackLosesNothing(@TempDir Path directory) throws IOException {
    FastStart fast = FastStart.shared();
    Path offset = directory.resolve("offset");
    Files.writeString(offset, "+0\n", UTF_8);
    try (CrashNode node =
        fast.apply(CrashNode.in(directory, "vudo.spirit.snapshot-every-events = 5"))
            .withOptions("--log-to", "stderr")
            .withEnvironment(
                Map.of(
                    "LD_PRELOAD",
                    library(),
                    "FAKETIME_TIMESTAMP_FILE",
                    offset.toString(),
                    // Reading the file at each look at the clock would make the node crawl.
                    "FAKETIME_CACHE_DURATION",
                    "1",
                    // A monotonic clock does not go back, and timers go by it.
                    "FAKETIME_DONT_FAKE_MONOTONIC",
                    "1"))) {
      node.start();
      node.deploy("counter", Guests.example("counter"), "");
      node.deploy("clock", clockReader(), "grant=sensor_time");
      for (int i = 1; i <= 12; i++) {
        assertEquals(i, add(node, "before-" + i));
      }
      long before = time(node);
      node.space("jobs", "write", "{\"tuple\":[\"kept\"]}", "t1");
      node.space("jobs", "write", "{\"tuple\":[\"leased\"],\"ttlMillis\":3600000}", "t2");

      Files.writeString(offset, "-" + BACK_SECONDS + "\n", UTF_8);
      await().atMost(CrashNode.PATIENCE).until(() -> time(node) < before);
      for (int i = 13; i <= 24; i++) {
        assertEquals(i, add(node, "after-" + i));
      }
      assertEquals(24, add(node, "after-24"), "the same key");
      assertEquals(2, count(node));
      node.deploy("counter", Guests.example("counter"), "fuel=500000");

      // It starts at a time that is before what its journal holds.
      node.kill();
      node.start();
      assertEquals(25, add(node, "restarted"));
      assertEquals(24, add(node, "after-24"), "the same key");
      assertEquals(2, count(node));
      assertEquals(
          500_000, node.get("/v1/deployments/counter").path("limits").path("fuelPerTurn").asLong());
      assertTrue(time(node) < before);
      node.space("jobs", "write", "{\"tuple\":[\"short\"],\"ttlMillis\":500}", "t3");
      assertEquals("{\"tuple\":[\"kept\"]}", take(node));

      Files.writeString(offset, "+0\n", UTF_8);
      assertEquals(26, add(node, "right-again"));
      assertEquals(0, node.terminate());
      node.start();
      assertEquals(27, add(node, "at-last"));
      assertFalse(node.stderr().contains("REPLAY_DIVERGED"), node::stderr);
    }
  }

  private static long time(CrashNode node) {
    return Long.parseLong(node.ask("clock/a", "tell", "", ""));
  }

  private static String take(CrashNode node) {
    // By its first field: what was written under different ones is ordered by the clock.
    return node.space("jobs", "take", "{\"template\":[\"kept\"]}", "");
  }

  private static long count(CrashNode node) {
    String answer = node.space("jobs", "count", "{\"template\":[{\"?\":\"any\"}]}", "");
    return Long.parseLong(answer.replaceAll("[^0-9]", ""));
  }
}
