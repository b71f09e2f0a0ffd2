package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Callers add to counters and write to a key-value store, each operation under a key of its own,
 * while the node is killed again and again; what is not acknowledged is repeated under the same
 * key. No operation is lost and none counts twice, and what was acknowledged stays so.
 */
class CrashConsistencyTest {
  private static final int ROUNDS = Integer.getInteger("vudo.test.crash.rounds", 8);
  private static final int CALLERS = 4;

  private final AtomicLong acknowledged = new AtomicLong();
  private final AtomicBoolean enough = new AtomicBoolean();

  @Test
  void everyOperationCountsOnce(@TempDir Path directory) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("CrashConsistencyTest: -Dvudo.test.seed=" + seed + ", " + ROUNDS + " kills");
    Random random = new Random(seed);
    ExecutorService threads = Executors.newFixedThreadPool(CALLERS);
    try (TestNode node = TestNode.start(directory, "vudo.spirit.snapshot-every-events = 40")) {
      node.deploy("counter", Guests.example("counter"));
      node.deploy("kv", Guests.prebuilt("kv"));
      List<Future<Long>> callers = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        int caller = i;
        callers.add(threads.submit(() -> call(node, caller)));
      }
      for (int round = 0; round < ROUNDS; round++) {
        // So many acknowledgements later, none at all too: then it dies while it recovers.
        awaitAcknowledgements(
            acknowledged.get() + (round % 4 == 3 ? 0 : random.nextInt(150)), callers);
        pause(random.nextInt(30));
        node.killAndRestart();
      }
      awaitAcknowledgements(acknowledged.get() + 50, callers);
      enough.set(true);

      long all = 0;
      for (int i = 0; i < CALLERS; i++) {
        long own = callers.get(i).get();
        all += own;
        assertEquals(Long.toString(own), node.ask(own(i), "get", ""), own(i));
        assertEquals(Long.toString(own), node.ask("kv/shared", "get", "caller-" + i));
      }
      assertEquals(Long.toString(all), node.ask("counter/shared", "get", ""), "counter/shared");
      System.out.println("CrashConsistencyTest: " + 3 * all + " operations");

      node.killAndRestart();
      assertEquals(Long.toString(all), node.ask("counter/shared", "get", ""), "counter/shared");
    } finally {
      enough.set(true);
      threads.shutdownNow();
    }
  }

  private static String own(int caller) {
    return "counter/" + caller;
  }

  /** Goes on until it is enough; answers how often it has added. */
  private long call(TestNode node, int caller) {
    long added = 0;
    long lastOfShared = 0;
    while (!enough.get()) {
      added++;
      String key = caller + "-" + added;
      // Nobody else adds to this counter: each answer is known. A tell has none, which the next
      // answer makes up for.
      if (added % 3 == 0) {
        node.tellUntilTaken(own(caller), "add", "1", key);
      } else {
        assertEquals(Long.toString(added), node.askUntilAnswered(own(caller), "add", "1", key));
      }
      // All add to this one: the answers of each rise.
      long shared =
          Long.parseLong(node.askUntilAnswered("counter/shared", "add", "1", "shared-" + key));
      assertTrue(shared > lastOfShared, shared + " after " + lastOfShared);
      lastOfShared = shared;
      String reply =
          node.askUntilAnswered("kv/shared", "put", "caller-" + caller + "=" + added, "kv-" + key);
      assertEquals(added == 1 ? "created" : "replaced", reply, "the answer of the one turn");
      acknowledged.incrementAndGet();
    }
    return added;
  }

  /** Waits until the callers got so far, or until one of them found something wrong. */
  private void awaitAcknowledgements(long wanted, List<Future<Long>> callers) throws Exception {
    await()
        .atMost(TestNode.PATIENCE)
        .pollInterval(Duration.ofMillis(2))
        .until(() -> acknowledged.get() >= wanted || callers.stream().anyMatch(Future::isDone));
    for (Future<Long> caller : callers) {
      if (caller.isDone()) {
        caller.get();
      }
    }
  }

  /** Moves the kill away from the acknowledgement. */
  private static void pause(int millis) {
    await()
        .pollDelay(Duration.ofMillis(millis))
        .pollInterval(Duration.ofMillis(1))
        .until(() -> true);
  }
}
