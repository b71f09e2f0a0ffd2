package io.vudo.examples.cluster;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.Guests;
import io.vudo.examples.crash.CrashNode;
import io.vudo.examples.crash.FastStart;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two nodes that both believe they have a Spirit: of their writes one wins at each position of its
 * journal, the other node's instance stops and says so, and what either acknowledged is there.
 */
class SpiritFencingTest {
  private static final String SPIRIT = "fenced/one";
  private static final int BEFORE = 20;
  private static final int DURING = 20;
  private static final int AFTER = 20;

  /** How long a node that is alone waits for the others when it is not to give up. */
  private static final String PATIENT =
      "pekko.cluster.split-brain-resolver.stable-after = 10 minutes";

  @Test
  void aProcessThatWasStoppedPastItsDowningWritesNothing(@TempDir Path directory) throws Exception {
    try (ClusterProcesses cluster = ClusterProcesses.start(directory, 3)) {
      Adds adds = begin(cluster);
      ClusterNode former = cluster.ownerOf(SPIRIT);
      former.pause();
      // They reach its kernel; it reads them when it goes on, before it knows better.
      List<CompletableFuture<Void>> late = adds.sendTo(former, DURING);
      List<ClusterNode> others = cluster.others(former);
      ClusterProcesses.awaitRemoved(former, others);
      adds.through(others.get(0), AFTER);

      former.resume();
      late.forEach(CompletableFuture::join);
      await("it stops, or its Spirit does")
          .atMost(ClusterProcesses.PATIENCE)
          .until(() -> !former.process().isAlive() || former.log().contains("SPIRIT_FENCED"));
      adds.through(others.get(1), AFTER);
      adds.check(cluster, others.get(0));
      ClusterFaults.awaitEnd(former);
      cluster.recover();
      adds.through(former, 1);
      adds.check(cluster, former);
      assertEquals(List.of(), cluster.unexpectedLogLines());
    }
  }

  @Test
  void aNodeThatIsCutOffAndGoesOnLosesItsSpirit(@TempDir Path directory) throws Exception {
    // Any of them may be cut off, and then does not give up; so the others have to decide.
    try (ClusterProcesses cluster =
        ClusterProcesses.start(
            directory,
            3,
            FastStart.shared()::apply,
            node -> node == 0 ? List.of(PATIENT) : List.of())) {
      ClusterNode former = cluster.nodes().get(0);
      Adds adds = beginAt(cluster, former);
      cluster.isolate(former);
      List<ClusterNode> others = cluster.others(former);
      // It has callers and the journal, so it goes on.
      adds.through(former, 1);
      ClusterProcesses.awaitRemoved(former, others);
      adds.through(others.get(0), AFTER);
      List<CompletableFuture<Void>> late = adds.sendTo(former, DURING);
      await("its Spirit stops and it says so")
          .atMost(ClusterProcesses.PATIENCE)
          .until(() -> former.log().contains("SPIRIT_FENCED"));
      assertTrue(
          former.log().lines().anyMatch(l -> l.contains("SPIRIT_FENCED") && l.contains(SPIRIT)),
          "it says which");
      adds.through(others.get(1), AFTER);
      late.forEach(CompletableFuture::join);
      adds.check(cluster, others.get(0));

      // Patient as it is, it has to be told.
      former.kill();
      cluster.recover();
      adds.through(former, 1);
      adds.check(cluster, former);
      assertEquals(
          List.of(),
          cluster.unexpectedLogLines().stream()
              // Alone for so long, it cannot write down places of shards, and says so in the end.
              .filter(line -> !line.startsWith(former + ": ") || !line.contains("ShardCoordinator"))
              .toList());
    }
  }

  private static Adds begin(ClusterProcesses cluster) throws IOException {
    cluster.nodes().get(0).process().deploy("fenced", Guests.example("counter"), "");
    Adds adds = new Adds(SPIRIT);
    adds.through(cluster.nodes().get(1), BEFORE);
    return adds;
  }

  /** With a Spirit that is in the memory of one node. */
  private static Adds beginAt(ClusterProcesses cluster, ClusterNode wanted) throws IOException {
    cluster.nodes().get(0).process().deploy("fenced", Guests.example("counter"), "");
    for (int i = 0; ; i++) {
      Adds adds = new Adds(i == 0 ? SPIRIT : SPIRIT + "-" + i);
      adds.through(cluster.nodes().get(1), BEFORE);
      if (cluster.ownerOf(adds.spirit) == wanted) {
        return adds;
      }
    }
  }

  /** Additions of one to a counter, each under a key of its own. */
  private static final class Adds {
    private static final Duration RETRY = Duration.ofMillis(200);

    final String spirit;
    private final AtomicInteger number = new AtomicInteger();
    private final AtomicInteger open = new AtomicInteger();
    private final Collection<Long> answers = new ConcurrentLinkedQueue<>();
    private final ExecutorService threads =
        Executors.newCachedThreadPool(
            work -> {
              Thread thread = new Thread(work, "adds");
              thread.setDaemon(true);
              return thread;
            });

    Adds(String spirit) {
      this.spirit = spirit;
    }

    /** So many, one after the other, each until it is answered. */
    void through(ClusterNode node, int count) {
      for (int i = 0; i < count; i++) {
        String key = key();
        String answer =
            await("add through " + node)
                .atMost(ClusterProcesses.PATIENCE)
                .pollInterval(RETRY)
                .pollDelay(Duration.ZERO)
                .ignoreExceptionsInstanceOf(VudoException.class)
                .until(() -> node.process().ask(spirit, "add", "1", key), text -> text != null);
        answers.add(Long.parseLong(answer));
      }
    }

    /** So many at once, each once: it is answered, or it is open. */
    List<CompletableFuture<Void>> sendTo(ClusterNode node, int count) {
      List<CompletableFuture<Void>> sent = new ArrayList<>();
      CrashNode process = node.process().withRequestTimeout(ClusterProcesses.PATIENCE);
      for (int i = 0; i < count; i++) {
        sent.add(
            CompletableFuture.runAsync(
                () -> {
                  try {
                    answers.add(Long.parseLong(process.ask(spirit, "add", "1", key())));
                  } catch (VudoException e) {
                    open.incrementAndGet();
                  }
                },
                threads));
      }
      return sent;
    }

    private String key() {
      return spirit + "-" + number.incrementAndGet();
    }

    /** Each answer was given once, all of them are there, and each position was written once. */
    void check(ClusterProcesses cluster, ClusterNode node) throws SQLException {
      Set<Long> distinct = new TreeSet<>(answers);
      assertEquals(answers.size(), distinct.size(), () -> "answered twice: " + answers);
      long value =
          await()
              .atMost(ClusterProcesses.PATIENCE)
              .ignoreExceptionsInstanceOf(VudoException.class)
              .until(
                  () -> Long.parseLong(node.process().ask(spirit, "get", "", "")), ignored -> true);
      assertTrue(
          value >= answers.size() && value <= answers.size() + open.get(),
          () -> value + " after " + answers.size() + " answers and " + open + " open");
      assertTrue(
          distinct.stream().allMatch(answer -> answer <= value),
          () -> value + " after " + distinct);
      List<Long> positions = positions(cluster);
      for (int i = 1; i < positions.size(); i++) {
        assertEquals(positions.get(i - 1) + 1, positions.get(i), positions::toString);
      }
    }

    private List<Long> positions(ClusterProcesses cluster) throws SQLException {
      List<Long> positions = new ArrayList<>();
      try (Connection connection = cluster.journal().connect();
          PreparedStatement query =
              connection.prepareStatement(
                  "SELECT sequence_number FROM event_journal WHERE persistence_id LIKE ?"
                      + " ORDER BY sequence_number")) {
        query.setString(1, "%" + spirit);
        try (ResultSet rows = query.executeQuery()) {
          while (rows.next()) {
            positions.add(rows.getLong(1));
          }
        }
      }
      assertTrue(!positions.isEmpty(), "the journal has its turns");
      return positions;
    }
  }
}
