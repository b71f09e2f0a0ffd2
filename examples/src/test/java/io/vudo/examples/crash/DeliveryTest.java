package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the crash harness has found once, each in the fewest steps. */
class DeliveryTest {
  private static final String SINK = ForwardWorkload.SINK;
  private static final String FORWARDER = "crash-forwarder/1";

  /** Some seconds; the kill ends it. */
  private static final long LONG = 2_000_000_000L;

  /**
   * Before the second crash the sender is in memory because of a message, not because it was woken,
   * and has in its journal what it has delivered already.
   */
  @Test
  void whatIsSentBetweenTwoCrashesArrives(@TempDir Path directory) throws IOException {
    try (CrashNode node =
        FastStart.shared().apply(CrashNode.in(directory, "vudo.spirit.redelivery-min = 100 ms"))) {
      node.start();
      Workload forward = new ForwardWorkload();
      forward.prepare(node);
      node.deploy("crash-log", CrashGuests.log(), "fuel=100000000000");
      assertEquals("1", send(node, "first"));
      await().atMost(CrashNode.PATIENCE).until(() -> Workloads.list(node, SINK).size() == 1);
      // Long enough for the sender to leave the index; nothing tells from outside that it has.
      await().pollDelay(Duration.ofSeconds(2)).atMost(CrashNode.PATIENCE).until(() -> true);
      node.kill();
      node.start();

      CompletableFuture<Void> busy =
          CompletableFuture.runAsync(
              () -> node.askBytes(SINK, "burn", Workloads.words("", LONG), ""));
      await()
          .atMost(CrashNode.PATIENCE)
          .until(() -> node.get("/v1/spirits").toString().contains("RUNNING"));
      assertEquals("2", send(node, "second"), "durable, and waiting for a sink that is at work");
      node.kill();
      busy.exceptionally(failure -> null).join();
      node.start();
      await().atMost(CrashNode.PATIENCE).until(() -> Workloads.list(node, SINK).size() == 2);
    }
  }

  private static String send(CrashNode node, String key) {
    byte[] payload = Workloads.words("", 1, 1);
    return Workloads.patiently(
        () -> new String(node.askBytes(FORWARDER, "go", payload, key), UTF_8));
  }

  /** Turns that share a commit each keep what they took. */
  @Test
  void tuplesThatAreTakenInOneBatchAreTakenOnce(@TempDir Path directory) throws IOException {
    int tuples = 40;
    try (CrashNode node = FastStart.shared().apply(CrashNode.in(directory))) {
      node.start();
      new TupleWorkload().prepare(node);
      for (int i = 0; i < tuples; i++) {
        String tuple = "{\"tuple\":[\"t\"," + Workloads.entry(1, i) + "]}";
        node.space(TupleWorkload.SPACE, "write", tuple, "");
      }
      List<CompletableFuture<String>> takes = new ArrayList<>();
      for (int i = 0; i < tuples; i++) {
        takes.add(
            CompletableFuture.supplyAsync(
                () -> takeOne(node), command -> new Thread(command).start()));
      }
      List<String> taken = new ArrayList<>();
      takes.forEach(take -> taken.add(take.join()));
      assertEquals(tuples, new HashSet<>(taken).size(), () -> "taken: " + taken);
      assertEquals(
          "{\"count\":0}",
          node.space(TupleWorkload.SPACE, "count", "{\"template\":[\"t\",{\"?\":\"any\"}]}", ""));
    }
  }

  private static String takeOne(CrashNode node) throws VudoException {
    return TupleWorkload.take(node, "crash-tupler/0", "");
  }
}
