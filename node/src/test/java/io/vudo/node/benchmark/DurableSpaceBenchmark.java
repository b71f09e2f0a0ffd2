package io.vudo.node.benchmark;

import io.vudo.node.VudoNode;
import io.vudo.protocol.Lease;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletionStage;
import java.util.function.IntFunction;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;

/**
 * Not a test: what it costs that a tuple is on disk before its write is answered.
 * docs/benchmarks.md has the command and what it printed.
 *
 * <p>Writers on a node with default settings, who write one tuple after the other, or write and
 * take it again; of one first field, so of one journal, and of one each. Beside them a plain {@code
 * EventSourcedBehavior} on the same journal, and a file in the same directory to which records of
 * the size of a tuple are appended and flushed. All take turns, round by round.
 */
public final class DurableSpaceBenchmark {
  private static final int WRITERS = 16;
  private static final int RECORD_BYTES = 64;
  private static final byte[] PAYLOAD = new byte[32];

  private DurableSpaceBenchmark() {}

  /**
   * Runs all.
   *
   * @param arguments rounds (5) and seconds a round and side (3)
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
    Path data = Files.createTempDirectory("vudo-benchmark-");
    try (VudoNode node = BenchmarkNodes.start(data.resolve("node"), "")) {
      Tuplespace spaces = node.tuplespace();
      ClusterSharding sharding = ClusterSharding.get(node.system());
      sharding.init(
          Entity.of(PlainCounter.KEY, entity -> PlainCounter.create(entity.getEntityId())));
      Path file = data.resolve("node/journal/raw");
      new Sides()
          .add("1 writer", s -> writes(spaces, s, 1, i -> "one"))
          .add("16 writers, one first field", s -> writes(spaces, s, WRITERS, i -> "one"))
          .add("16 writers, one each", s -> writes(spaces, s, WRITERS, i -> "k" + i))
          .add("1 pair of write and take", s -> pairs(spaces, s, 1))
          .add("16 pairs, one first field each", s -> pairs(spaces, s, WRITERS))
          .add(
              "plain Pekko, 1 caller",
              s -> Load.run(s, 1, i -> PlainCounter.ask(node.system(), sharding, "one")))
          .add(
              "plain Pekko, 16 callers",
              s -> Load.run(s, WRITERS, i -> PlainCounter.ask(node.system(), sharding, "one")))
          .add("fsync for each record", s -> RawFile.run(file, RECORD_BYTES, 1, s))
          .add("fsync for each 16 records", s -> RawFile.run(file, RECORD_BYTES, WRITERS, s))
          .run(rounds, seconds)
          .print("median of " + rounds, "x 1 writer");
    } finally {
      BenchmarkNodes.delete(data);
    }
  }

  private static Load.Result writes(
      Tuplespace spaces, int seconds, int writers, IntFunction<String> first)
      throws InterruptedException {
    Load.Result result =
        Load.run(seconds, writers, i -> write(spaces, Tuple.of(first.apply(i), PAYLOAD)));
    // Every round begins with an empty space, and none is ever full.
    Template any = Template.of(Template.ANY, Template.ANY);
    while (!spaces
        .takeAll("bench", any, Tuplespace.MAX_LIMIT)
        .toCompletableFuture()
        .join()
        .isEmpty()) {
      Thread.onSpinWait();
    }
    return result;
  }

  private static Load.Result pairs(Tuplespace spaces, int seconds, int writers)
      throws InterruptedException {
    return Load.run(
        seconds,
        writers,
        i ->
            write(spaces, Tuple.of("k" + i, PAYLOAD))
                .thenCompose(
                    lease ->
                        spaces.take(
                            "bench", Template.of("k" + i, Template.ANY), OperationId.none())));
  }

  private static CompletionStage<Lease> write(Tuplespace spaces, Tuple tuple) {
    return spaces.write("bench", tuple, 0, OperationId.none());
  }
}
