package io.vudo.node.benchmark;

import io.vudo.node.NodeSettings;
import io.vudo.node.VudoNode;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.Spirits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/**
 * Not a test: what a Wasm counter costs beside the same logic in plain Java actors, in the same
 * process, on the same journal, in alternating rounds. docs/benchmarks.md has the command and what
 * it printed.
 *
 * <p>Durable asks: a Spirit against a sharded {@code EventSourcedBehavior} that persists one event
 * a command, as a Pekko user would write it. Tells without durability: a Spirit deployed with
 * {@code durability=off} against a sharded actor without persistence, each tell confirmed.
 */
public final class MessageBenchmark {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final byte[] NOTHING = {};

  private MessageBenchmark() {}

  /**
   * Runs all pairs.
   *
   * @param arguments rounds (5) and seconds a round and side (3)
   */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 3;
    Path data = Files.createTempDirectory("vudo-benchmark-");
    try (VudoNode node =
        VudoNode.start(NodeSettings.defaults().withData(data).withHttpPort(0).withPort(0))) {
      byte[] module = BenchmarkNodes.counter();
      BenchmarkNodes.deploy(node, "durable", "", module);
      BenchmarkNodes.deploy(node, "fleeting", "?durability=off", module);
      ClusterSharding sharding = ClusterSharding.get(node.system());
      sharding.init(
          Entity.of(PlainCounter.KEY, entity -> PlainCounter.create(entity.getEntityId())));
      sharding.init(Entity.of(FleetingCounter.KEY, entity -> FleetingCounter.create()));
      Spirits spirits = node.spirits();

      System.out.printf(
          Locale.ROOT,
          "%-46s %14s %14s %8s%n",
          "per second, median of " + rounds + " rounds",
          "Wasm Spirit",
          "plain actor",
          "ratio");
      for (int callers : new int[] {1, 64}) {
        compare(
            "durable asks, 1 counter, " + callers + " callers",
            rounds,
            seconds,
            callers,
            i -> spirits.ask(new SpiritId("durable", "one"), "add", NOTHING, "", TIMEOUT),
            i -> PlainCounter.ask(node.system(), sharding, "one"));
      }
      compare(
          "durable asks, 64 counters, 64 callers",
          rounds,
          seconds,
          64,
          i -> spirits.ask(new SpiritId("durable", "n" + i), "add", NOTHING, "", TIMEOUT),
          i -> PlainCounter.ask(node.system(), sharding, "n" + i));
      for (int callers : new int[] {1, 64}) {
        compare(
            "tells without durability, 1 counter, " + callers + " callers",
            rounds,
            seconds,
            callers,
            i -> spirits.tell(new SpiritId("fleeting", "one"), "add", NOTHING, "", TIMEOUT),
            i -> FleetingCounter.tell(node.system(), sharding, "one"));
      }
    } finally {
      BenchmarkNodes.delete(data);
    }
  }

  private static void compare(
      String what,
      int rounds,
      int seconds,
      int callers,
      IntFunction<CompletionStage<?>> spirit,
      IntFunction<CompletionStage<?>> plain)
      throws InterruptedException {
    // A round of each that does not count: classes, connections, compilers.
    Load.run(seconds, callers, spirit).perSecond();
    Load.run(seconds, callers, plain).perSecond();
    double[] ours = new double[rounds];
    double[] theirs = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      ours[round] = Load.run(seconds, callers, spirit).perSecond();
      theirs[round] = Load.run(seconds, callers, plain).perSecond();
    }
    double[] ratios = new double[rounds];
    Arrays.setAll(ratios, i -> ours[i] / theirs[i]);
    System.out.printf(
        Locale.ROOT,
        "%-46s %,14.0f %,14.0f %8.2f%n",
        what,
        Load.median(ours),
        Load.median(theirs),
        Load.median(ratios));
  }

  /** The counter that forgets. */
  private static final class FleetingCounter {
    static final EntityTypeKey<Increment> KEY =
        EntityTypeKey.create(Increment.class, "fleeting-counter");

    record Increment(ActorRef<Long> replyTo) {}

    static Behavior<Increment> create() {
      return Behaviors.setup(context -> counting(0));
    }

    private static Behavior<Increment> counting(long count) {
      return Behaviors.receive(Increment.class)
          .onMessage(
              Increment.class,
              increment -> {
                increment.replyTo().tell(count + 1);
                return counting(count + 1);
              })
          .build();
    }

    static CompletionStage<Long> tell(ActorSystem<?> system, ClusterSharding sharding, String id) {
      return sharding
          .entityRefFor(KEY, id)
          .<Long>ask(Increment::new, TIMEOUT)
          .thenApplyAsync(Function.identity(), system.executionContext());
    }
  }
}
