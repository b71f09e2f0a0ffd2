package io.vudo.node.benchmark;

import io.vudo.node.VudoNode;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.SpiritStatus;
import io.vudo.spirit.Spirits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Locale;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;

/**
 * Not a test: what it costs that a turn is on disk before its reply. docs/benchmarks.md has the
 * command and what it printed.
 *
 * <p>Two nodes in one process, one with default settings and one that commits every turn on its own
 * ({@code batch-messages = 1}); beside them a plain {@code EventSourcedBehavior} on the journal of
 * the first, and a file in the same directory to which the bytes of a turn's record are appended
 * and flushed, by one thread, with a flush for each record and with one for 64. All take turns,
 * round by round.
 */
public final class DurabilityBenchmark {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final byte[] NOTHING = {};
  private static final int CALLERS = 64;
  private static final SpiritId ONE = new SpiritId("counter", "one");

  private DurabilityBenchmark() {}

  /**
   * Runs all.
   *
   * @param arguments rounds (5) and seconds a round and side (3)
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
    Path data = Files.createTempDirectory("vudo-benchmark-");
    try (VudoNode node = BenchmarkNodes.start(data.resolve("batching"), "");
        VudoNode single =
            BenchmarkNodes.start(data.resolve("single"), "vudo.spirit.batch-messages = 1")) {
      BenchmarkNodes.deploy(node, "counter", "", BenchmarkNodes.counter());
      BenchmarkNodes.deploy(single, "counter", "", BenchmarkNodes.counter());
      ClusterSharding sharding = ClusterSharding.get(node.system());
      sharding.init(
          Entity.of(PlainCounter.KEY, entity -> PlainCounter.create(entity.getEntityId())));
      node.spirits().ask(ONE, "add", NOTHING, "", TIMEOUT).toCompletableFuture().join();
      node.spirits().ask(ONE, "add", NOTHING, "", TIMEOUT).toCompletableFuture().join();
      int recordBytes =
          (int)
              number(
                  data.resolve("batching/journal/turns.db"),
                  "length(event_payload)",
                  "ORDER BY sequence_number DESC LIMIT 1");
      Path file = data.resolve("batching/journal/raw");

      new Sides()
          .add("one turn a commit, 64 callers", s -> asks(single.spirits(), s, CALLERS))
          .add("group commit, 64 callers", s -> asks(node.spirits(), s, CALLERS))
          .add("plain Pekko, 64 callers", s -> plain(node.system(), sharding, s, CALLERS))
          .add("fsync for each 64 records", s -> RawFile.run(file, recordBytes, CALLERS, s))
          .add("Spirit, 1 caller", s -> asks(node.spirits(), s, 1))
          .add("plain Pekko, 1 caller", s -> plain(node.system(), sharding, s, 1))
          .add("fsync for each record", s -> RawFile.run(file, recordBytes, 1, s))
          .run(rounds, seconds)
          .print("median of " + rounds + ", record " + recordBytes + " B", "x one turn a commit");
      System.out.printf(
          Locale.ROOT,
          "turns a commit: %.1f with group commit (1 caller included), %.1f without%n",
          turnsPerCommit(node, data.resolve("batching/journal/turns.db")),
          turnsPerCommit(single, data.resolve("single/journal/turns.db")));
    } finally {
      BenchmarkNodes.delete(data);
    }
  }

  private static double turnsPerCommit(VudoNode node, Path database) throws SQLException {
    long turns =
        node.spirits().resident().stream()
            .filter(status -> status.id().equals(ONE))
            .mapToLong(SpiritStatus::turns)
            .sum();
    return (double) turns / number(database, "count(*)", "");
  }

  private static Load.Result asks(Spirits spirits, int seconds, int callers)
      throws InterruptedException {
    return Load.run(seconds, callers, i -> spirits.ask(ONE, "add", NOTHING, "", TIMEOUT));
  }

  private static Load.Result plain(
      ActorSystem<?> system, ClusterSharding sharding, int seconds, int callers)
      throws InterruptedException {
    return Load.run(seconds, callers, i -> PlainCounter.ask(system, sharding, "one"));
  }

  private static long number(Path database, String what, String order) throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database);
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT "
                    + what
                    + " FROM event_journal WHERE persistence_id = 'spirit|"
                    + ONE
                    + "' "
                    + order)) {
      row.next();
      return row.getLong(1);
    }
  }
}
