package io.vudo.client;

import static io.vudo.node.ClusterFixture.awaitMembers;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.ClusterFixture;
import io.vudo.node.NodeFixture;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Callers of Spirits whose nodes go away. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SpiritClientClusterTest {
  interface Counter {
    long add(long n);

    @Idempotent
    long get();
  }

  /** The only one who adds to its Spirit: each reply has to be the next number. */
  private static final class Caller {
    private final Counter counter;
    private final AtomicLong answered = new AtomicLong();

    Caller(VudoClient client, int number) {
      this.counter = client.spirit("counter", "of-" + number).as(Counter.class);
    }

    void callUntil(AtomicBoolean stop) {
      while (!stop.get()) {
        assertEquals(answered.get() + 1, counter.add(1));
        answered.incrementAndGet();
      }
    }
  }

  @Test
  void whatIsAskedAgainIsDoneOnceWhicheverNodeDoesIt() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(3, "")) {
      VudoNode first = cluster.start(0);
      VudoNode second = cluster.start(1);
      VudoNode third = cluster.start(2);
      awaitMembers(3, first, second, third);
      NodeFixture.of(first).deploy("counter", TestModules.example("counter"));

      // The first node does it, its answer is lost, and the second is asked.
      try (CuttableProxy proxy = new CuttableProxy(first.httpAddress())) {
        for (int spirit = 0; spirit < 20; spirit++) {
          try (VudoClient client =
              VudoClient.builder()
                  .node(proxy.url())
                  .node(second.httpAddress().toString())
                  .build()) {
            Counter counter = client.spirit("counter", "lost-" + spirit).as(Counter.class);
            proxy.loseAnswers(1);
            assertEquals(1, counter.add(1));
            assertEquals(0, proxy.answersToLose());
            assertEquals(1, counter.get());
          }
        }
      }

      // One node dies and one leaves, while callers call.
      try (VudoClient client =
          VudoClient.builder()
              .node(first.httpAddress().toString())
              .node(second.httpAddress().toString())
              .node(third.httpAddress().toString())
              .deadline(Duration.ofMinutes(1))
              .build()) {
        AtomicBoolean stop = new AtomicBoolean();
        List<Caller> callers =
            IntStream.range(0, 8).mapToObj(number -> new Caller(client, number)).toList();
        List<CompletableFuture<Void>> calling =
            callers.stream().map(caller -> start(() -> caller.callUntil(stop))).toList();
        try {
          awaitMore(callers, calling);
          cluster.kill(first);
          awaitMore(callers, calling);
          second.close();
          awaitMore(callers, calling);
        } finally {
          stop.set(true);
        }
        calling.forEach(CompletableFuture::join);
        callers.forEach(caller -> assertEquals(caller.answered.get(), caller.counter.get()));
      }
    }
  }

  private static CompletableFuture<Void> start(Runnable calls) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                calls.run();
                done.complete(null);
              } catch (Throwable e) {
                done.completeExceptionally(e);
              }
            },
            "caller");
    thread.setDaemon(true);
    thread.start();
    return done;
  }

  /** Waits until each of them has had some more answers, or one has failed. */
  private static void awaitMore(List<Caller> callers, List<CompletableFuture<Void>> calling) {
    List<Long> before = callers.stream().map(caller -> caller.answered.get()).toList();
    await()
        .atMost(ClusterFixture.PATIENCE)
        .until(
            () ->
                calling.stream().anyMatch(CompletableFuture::isDone)
                    || IntStream.range(0, callers.size())
                        .allMatch(i -> callers.get(i).answered.get() >= before.get(i) + 10));
    calling.stream().filter(CompletableFuture::isDone).forEach(CompletableFuture::join);
    assertTrue(calling.stream().noneMatch(CompletableFuture::isDone));
  }
}
