package io.vudo.node.benchmark.pause;

import io.vudo.testing.PostgresFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Not a test: how long callers wait when a node leaves or joins, and when one entity is moved by
 * name; a VUDO node beside stock Pekko sharding and persistence. docs/benchmarks.md has the command
 * and what it printed.
 *
 * <p>Each round starts three nodes of each side in turn, on a database of the side's own. One node
 * stays; in it a caller for each entity asks, waits for the answer, and asks again after a while. A
 * wait lasts from the first sending of an ask until its answer, however often it had to be sent.
 * Only the entities that moved are counted.
 */
public final class PauseBenchmark {
  private static final String ALL = "all";
  private static final int NODES = 3;

  /** So that two processors that three nodes and a database share are not busy all the time. */
  private static final Duration THINK = Duration.ofMillis(400);

  private static final Duration WARM = Duration.ofSeconds(20);
  private static final Duration QUIET = Duration.ofSeconds(4);
  private static final Duration AFTER_LEAVE = Duration.ofSeconds(4);

  /** Until sharding has rebalanced: it is over when nothing moved for so long. */
  private static final Duration STILL = Duration.ofSeconds(14);

  private static final Duration LONGEST_JOIN = Duration.ofSeconds(90);
  private static final int MOVES = 60;
  private static final int SOLO_ASKS = 500;

  private static final String STOCK =
      """
      vudo.testing.postgres-url = "%s"
      include classpath("io/vudo/testing/postgres.conf")
      pekko {
        loglevel = OFF
        stdout-loglevel = OFF
        actor {
          provider = cluster
          serializers.pause = "io.vudo.node.benchmark.pause.StockSerializer"
          serialization-bindings."io.vudo.node.benchmark.pause.StockEntity$Command" = pause
        }
        remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
        cluster.downing-provider-class = "org.apache.pekko.cluster.sbr.SplitBrainResolverProvider"
      }
      """;

  /** What its documentation and its users advise against long gaps. */
  private static final String TUNED =
      """
      pekko {
        cluster {
          gossip-interval = 200 ms
          leader-actions-interval = 200 ms
          split-brain-resolver.stable-after = 5 s
          sharding {
            number-of-shards = 100
            rebalance-interval = 1 s
            retry-interval = 200 ms
            handoff-timeout = 10 s
            waiting-for-state-timeout = 1 s
            updating-state-timeout = 1 s
            least-shard-allocation-strategy {
              rebalance-absolute-limit = 100
              rebalance-relative-limit = 1.0
            }
            distributed-data {
              gossip-interval = 200 ms
              notify-subscribers-interval = 50 ms
            }
            coordinator-singleton.hand-over-retry-interval = 200 ms
          }
          singleton.hand-over-retry-interval = 200 ms
          distributed-data {
            gossip-interval = 200 ms
            notify-subscribers-interval = 50 ms
          }
        }
      }
      """;

  private static final String STOCK_SEED = "pekko.cluster.seed-nodes = [\"pekko://vudo@%s\"]";

  /** The plain entities snapshot their one event and never again, so these do not either. */
  private static final String VUDO =
      """
      vudo.node.host = "127.0.0.1"
      vudo.spirit.snapshot-every-events = 1000000
      vudo.journal.url = "%s"
      """;

  private static final String VUDO_SEED = "vudo.cluster.seeds = [\"%s\"]";

  private static final List<Side.Spec> SIDES =
      List.of(
          new Side.Spec("stock, defaults", "stock", STOCK_SEED, STOCK, false),
          new Side.Spec("stock, tuned", "stock", STOCK_SEED, STOCK + TUNED, false),
          new Side.Spec("vudo", "vudo", VUDO_SEED, VUDO, true));

  private PauseBenchmark() {}

  /** What was seen, over all rounds: waits in microseconds by what happened. */
  private static final class Row {
    final Side.Spec spec;
    final Map<String, List<Long>> waits = new LinkedHashMap<>();
    final Map<String, Long> unanswered = new LinkedHashMap<>();

    Row(Side.Spec spec) {
      this.spec = spec;
    }

    void add(String what, long[] longest, Predicate<Integer> counts, long lost) {
      List<Long> all = waits.computeIfAbsent(what, w -> new ArrayList<>());
      for (int i = 0; i < longest.length; i++) {
        if (counts.test(i)) {
          all.add(longest[i]);
        }
      }
      unanswered.merge(what, lost, Long::sum);
    }

    void add(String what, long wait) {
      waits.computeIfAbsent(what, w -> new ArrayList<>()).add(wait);
    }
  }

  /**
   * Runs it.
   *
   * @param arguments rounds (3), entities (100), KiB of state (64), sides by the beginning of their
   *     names (all)
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 3;
    int entities = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 100;
    int kibibytes = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 64;
    String wanted = arguments.length > 3 ? arguments[3] : ALL;
    List<Row> rows =
        SIDES.stream()
            .filter(side -> wanted.equals(ALL) || side.name().startsWith(wanted))
            .map(Row::new)
            .toList();
    for (int round = 0; round < rounds; round++) {
      for (Row row : rows) {
        Path directory = Files.createTempDirectory("vudo-benchmark-");
        try (PostgresFixture database = PostgresFixture.start(directory)) {
          round(row, database.url(), directory, entities, kibibytes * 1024);
        } finally {
          delete(directory);
        }
        System.out.printf("round %d, %s%n", round + 1, row.spec.name());
      }
    }
    print(rows, entities, kibibytes);
  }

  private static void round(Row row, String url, Path directory, int entities, int bytes)
      throws IOException, InterruptedException {
    try (Side side = Side.start(row.spec, url, directory, NODES)) {
      long before = side.heapBytes(NODES - 2);
      side.fill(entities, bytes);
      Set<Integer> resident = side.residents(NODES - 2);
      if (!resident.isEmpty()) {
        row.add("heap of one resident, KB", (side.heapBytes(NODES - 2) - before) / resident.size());
      }
      solo(row, side, "ask, local", 0);
      solo(row, side, "ask, remote", NODES - 2);
      side.startPinging(entities, THINK);
      Thread.sleep(WARM.toMillis());
      forget(side);

      Thread.sleep(QUIET.toMillis());
      row.add("nothing", side.takeLongestMicros(), entity -> true, side.takeUnanswered());
      row.add("an ask, mean", side.takeMeanMicros());

      Set<Integer> leaving = side.residents(NODES - 1);
      side.takePauses();
      List<Long> pauses = side.leave();
      pauses.forEach(pause -> row.add("leave, pause itself", pause));
      Thread.sleep(AFTER_LEAVE.toMillis());
      long[] longest = side.takeLongestMicros();
      row.add("leave", longest, leaving::contains, side.takeUnanswered());
      row.add("leave, those that stayed", longest, entity -> !leaving.contains(entity), 0);

      forget(side);
      side.join();
      Set<Integer> joined = awaitStill(side);
      longest = side.takeLongestMicros();
      row.add("join", longest, joined::contains, side.takeUnanswered());
      row.add("join, those that stayed", longest, entity -> !joined.contains(entity), 0);
      side.takePauses().forEach(pause -> row.add("join, pause itself", pause));
      side.stopPinging();

      if (row.spec.moves()) {
        List<Integer> some = side.residents(NODES - 1).stream().sorted().limit(MOVES).toList();
        for (int entity : some) {
          Side.Moved there = side.move(entity, NODES - 2);
          row.add("one caller, nothing", there.beforeMicros());
          row.add("one caller, move", there.aroundMicros());
        }
        side.takePauses().forEach(pause -> row.add("move, pause itself", pause));
      }
    }
  }

  private static void solo(Row row, Side side, String what, int node) throws IOException {
    Optional<Integer> entity = side.residents(node).stream().sorted().findFirst();
    if (entity.isPresent()) {
      List<Long> unused = side.solo(entity.get(), SOLO_ASKS);
      side.solo(entity.get(), SOLO_ASKS).forEach(micros -> row.add(what, micros));
    }
  }

  private static void forget(Side side) throws IOException {
    side.takeLongestMicros();
    side.takeUnanswered();
    side.takeMeanMicros();
  }

  /** Waits until entities come to the newest node no more, and answers which it has. */
  private static Set<Integer> awaitStill(Side side) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + LONGEST_JOIN.toNanos();
    Set<Integer> last = side.residents(NODES - 1);
    long since = System.nanoTime();
    while (System.nanoTime() - since < STILL.toNanos() && System.nanoTime() < deadline) {
      Thread.sleep(500);
      Set<Integer> now = side.residents(NODES - 1);
      if (!now.equals(last)) {
        last = now;
        since = System.nanoTime();
      }
    }
    return last;
  }

  private static void print(List<Row> rows, int entities, int kibibytes) {
    System.out.printf(
        Locale.ROOT,
        "%n%d entities of %d KiB%n%-20s %-26s %8s %12s %12s %12s %12s%n",
        entities,
        kibibytes,
        "",
        "",
        "count",
        "p50, ms",
        "p99, ms",
        "longest, ms",
        "sent again");
    for (Row row : rows) {
      row.waits.forEach(
          (what, waits) -> {
            long[] sorted = waits.stream().mapToLong(Long::longValue).sorted().toArray();
            if (sorted.length == 0) {
              System.out.printf(Locale.ROOT, "%-20s %-26s %8d%n", row.spec.name(), what, 0);
              return;
            }
            System.out.printf(
                Locale.ROOT,
                "%-20s %-26s %8d %,12.1f %,12.1f %,12.1f %12d%n",
                row.spec.name(),
                what,
                sorted.length,
                sorted[sorted.length / 2] / 1e3,
                sorted[Math.min(sorted.length - 1, (int) (sorted.length * 0.99))] / 1e3,
                Arrays.stream(sorted).max().orElseThrow() / 1e3,
                row.unanswered.getOrDefault(what, 0L));
          });
    }
  }

  static void delete(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
