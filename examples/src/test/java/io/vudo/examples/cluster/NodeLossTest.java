package io.vudo.examples.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.examples.Guests;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A node with a tenth of all Spirits in its memory is killed: all Spirits answer again, with all
 * that they had acknowledged. How long the others took to see it, to put it out and to take over is
 * printed, and not judged.
 *
 * <p>{@code -Dcluster.spirits=10000} for all of them.
 */
class NodeLossTest {
  private static final int SPIRITS = Integer.getInteger("cluster.spirits", 1_000);

  /** That have to be in memory, so that about a tenth of all is in that of each node. */
  private static final int RESIDENT = SPIRITS * 3 / 10;

  private static final int AT_ONCE = 32;
  private static final Duration IDLE = Duration.ofSeconds(20);
  private static final Duration POLL = Duration.ofMillis(20);

  @Test
  void allSpiritsAnswerAgain(@TempDir Path directory) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
    try (ClusterProcesses cluster =
        ClusterProcesses.start(
            directory, 3, "vudo.spirit.idle-timeout = " + IDLE.toSeconds() + " s")) {
      ClusterNode lost = cluster.nodes().get(2);
      List<ClusterNode> others = cluster.others(lost);
      others.get(0).process().deploy("many", Guests.example("counter"), "");
      addOneToAll(threads, others, 0, SPIRITS, "born");
      // Those that are not wanted leave; the others are asked again and again.
      await("most Spirits are passivated")
          .atMost(ClusterProcesses.PATIENCE)
          .pollInterval(IDLE.dividedBy(4))
          .until(
              () -> {
                getAll(threads, others, RESIDENT);
                return cluster.nodes().stream().mapToInt(node -> node.residents().size()).sum()
                    <= RESIDENT;
              });
      Set<String> resident = new HashSet<>(lost.residents());
      long killed = System.nanoTime();
      lost.kill();
      CompletableFuture<long[]> seen =
          CompletableFuture.supplyAsync(() -> watch(lost, others.get(0)));
      List<Long> recovered = addOneToAll(threads, others, 0, SPIRITS, "after");
      for (int i = 0; i < SPIRITS; i++) {
        int number = i;
        assertEquals("2", answer(others.get(i % 2), number, "get", "", ""), () -> "many/" + number);
      }
      long[] times = seen.join();
      long[] ofResident = recovered.stream().mapToLong(nanos -> nanos - killed).sorted().toArray();
      System.out.printf(
          "NodeLossTest: %d Spirits, %d in the memory of the node that was killed; unreachable after"
              + " %d ms, put out after %d ms, all Spirits have answered after %d ms (half of them"
              + " after %d ms)%n",
          SPIRITS,
          resident.size(),
          millis(times[0] - killed),
          millis(times[1] - killed),
          millis(Arrays.stream(ofResident).max().orElseThrow()),
          millis(ofResident[ofResident.length / 2]));
    } finally {
      threads.shutdownNow();
    }
  }

  private static long millis(long nanos) {
    return nanos / 1_000_000;
  }

  /** When the other node found it unreachable, and when it had put it out. */
  private static long[] watch(ClusterNode lost, ClusterNode seer) {
    long unreachable = 0;
    long deadline = System.nanoTime() + ClusterProcesses.PATIENCE.toNanos();
    while (System.nanoTime() < deadline) {
      Set<String> members = seer.members();
      if (unreachable == 0 && seer.unreachable().contains(lost.name())) {
        unreachable = System.nanoTime();
      }
      if (!members.isEmpty() && !members.contains(lost.name())) {
        long removed = System.nanoTime();
        return new long[] {unreachable == 0 ? removed : unreachable, removed};
      }
      LockSupport.parkNanos(POLL.toNanos());
    }
    throw new AssertionError(lost + " was not put out");
  }

  /** Each until it answers; returns when each answered. */
  private static List<Long> addOneToAll(
      ExecutorService threads, List<ClusterNode> nodes, int from, int to, String round) {
    List<CompletableFuture<Long>> all = new ArrayList<>();
    for (int i = from; i < to; i++) {
      int number = i;
      all.add(
          CompletableFuture.supplyAsync(
              () -> {
                answer(nodes.get(number % nodes.size()), number, "add", "1", round + number);
                return System.nanoTime();
              },
              threads));
    }
    return all.stream().map(CompletableFuture::join).toList();
  }

  private static void getAll(ExecutorService threads, List<ClusterNode> nodes, int count) {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int number = i;
      all.add(
          CompletableFuture.runAsync(
              () -> answer(nodes.get(number % nodes.size()), number, "get", "", ""), threads));
    }
    all.forEach(CompletableFuture::join);
  }

  private static String answer(
      ClusterNode node, int number, String type, String payload, String key) {
    long deadline = System.nanoTime() + ClusterProcesses.PATIENCE.toNanos();
    while (true) {
      try {
        return new String(
            node.process().askBytes("many/" + number, type, payload.getBytes(UTF_8), key), UTF_8);
      } catch (VudoException e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(POLL.toNanos());
      }
    }
  }
}
