package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A queue whose workers hold claims with leases: whoever dies loses the claim, another one does the
 * job, and every job's result is there once.
 */
class WorkQueueTest {
  private static final int JOBS = 8;
  private static final int LONG_JOB = 60_000;

  private record Claim(long id, long attempt, long payload) {}

  @Test
  void everyJobIsDoneOnceHoweverManyDie(@TempDir Path directory) throws Exception {
    ExecutorService outside = Executors.newSingleThreadExecutor();
    try (TestNode node = TestNode.start(directory, "vudo.tuplespace.hold-age = 1 s")) {
      deploy(node);
      for (int id = 0; id < JOBS; id++) {
        add(node, id, payload(id));
      }

      // Two that work outside of the node take a job each. One is never heard of again, the other
      // one only when it is too late.
      Claim abandoned = claim(node, "dead");
      Claim slow = claim(node, "slow");
      // A Spirit ends in the middle of a job.
      node.ask("queue-worker/ends", "work", "");
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> !node.ask("queue-worker/ends", "status", "").equals("idle"));
      String[] unfinished = node.ask("queue-worker/ends", "status", "").split(" ", 2);
      assertEquals("bye", node.ask("queue-worker/ends", "quit", ""));

      node.ask("queue-worker/1", "work", "");
      node.ask("queue-worker/2", "work", "");
      Future<Integer> done = outside.submit(() -> workOutside(node));
      await().atMost(TestNode.PATIENCE).until(() -> results(node) > 0);
      node.killAndRestart();

      assertTrue(finishedOutside(done) >= 0);
      await().atMost(TestNode.PATIENCE).until(() -> results(node) == JOBS);
      assertEquals("late", finish(node, "slow", slow, 0));
      assertEquals("late", renew(node, "slow", slow));
      for (int id = 0; id < JOBS; id++) {
        String result = "[\"result\"," + id + ",{\"?\":\"any\"},{\"?\":\"any\"}]";
        assertEquals(1, node.count("queue", result));
        assertEquals(
            primesBelow(payload(id)),
            node.readTuple("queue", result).path(3).asLong(),
            "job " + id);
      }
      assertEquals(JOBS, results(node));
      for (long id : new long[] {abandoned.id(), slow.id(), Long.parseLong(unfinished[0])}) {
        JsonNode result =
            node.readTuple("queue", "[\"result\"," + id + ",{\"?\":\"any\"},{\"?\":\"any\"}]");
        assertTrue(result.path(2).asLong() > 1, () -> "taken over: " + result);
      }
      String any = "{\"?\":\"any\"}";
      assertEquals(0, node.count("queue", "[\"job\"," + any + "," + any + "]"));
      assertEquals(
          0, node.count("queue", "[\"doing\"," + any + "," + any + "," + any + "," + any + "]"));
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> node.count("queue", "[\"claim\"," + any + "," + any + "]") == 0);
    } finally {
      outside.shutdownNow();
    }
  }

  private static void deploy(TestNode node) throws IOException {
    for (String type : List.of("queue-desk", "queue-worker")) {
      node.deploy(
          type,
          Guests.prebuilt(type),
          "grant=tuplespace_read:queue",
          "grant=tuplespace_write:queue",
          "grant=tuplespace_take:queue",
          "grant=cross_sandbox_call");
    }
  }

  /** The third is for the Spirit that ends: it must not be done before. */
  private static int payload(int id) {
    return id == 2 ? LONG_JOB : 1_000 + 700 * id;
  }

  private static long primesBelow(int n) {
    return LongStream.range(2, n)
        .filter(i -> LongStream.range(2, i).takeWhile(d -> d * d <= i).allMatch(d -> i % d != 0))
        .count();
  }

  private static long results(TestNode node) {
    String any = "{\"?\":\"any\"}";
    return node.count("queue", "[\"result\"," + any + "," + any + "," + any + "]");
  }

  // A worker that is no Spirit: any program that speaks HTTP.

  private static int workOutside(TestNode node) {
    List<Claim> done = new ArrayList<>();
    // The node is killed meanwhile: only what is asked until it is answered may be asked here.
    for (int i = 0; i < 3; i++) {
      String answer = node.askUntilAnswered("queue-desk/honest", "claim", "", "claim-" + i);
      if (answer.isEmpty()) {
        break;
      }
      Claim claim = read(answer);
      if (!renew(node, "honest", claim).equals("late")
          && finish(node, "honest", claim, primesBelow((int) claim.payload())).equals("done")) {
        done.add(claim);
      }
    }
    return done.size();
  }

  private static int finishedOutside(Future<Integer> done)
      throws InterruptedException, ExecutionException, TimeoutException {
    return done.get(TestNode.PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  private static void add(TestNode node, int id, int payload) {
    assertEquals("added", node.ask("queue-desk/front", "add", id + " " + payload));
  }

  private static Claim claim(TestNode node, String worker) {
    // What was added comes into sight a moment after the answer.
    String answer =
        await()
            .atMost(TestNode.PATIENCE)
            .until(() -> node.ask("queue-desk/" + worker, "claim", ""), text -> !text.isEmpty());
    return read(answer);
  }

  private static Claim read(String answer) {
    String[] words = answer.split(" ", 3);
    return new Claim(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]));
  }

  private static String renew(TestNode node, String worker, Claim claim) {
    String words = claim.id() + " " + claim.attempt();
    return node.askUntilAnswered("queue-desk/" + worker, "renew", words, "renew " + words);
  }

  private static String finish(TestNode node, String worker, Claim claim, long value) {
    String words = claim.id() + " " + claim.attempt();
    return node.askUntilAnswered(
        "queue-desk/" + worker, "finish", words + " " + value, "finish " + words);
  }
}
