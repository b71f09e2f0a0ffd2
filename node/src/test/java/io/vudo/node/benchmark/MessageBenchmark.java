package io.vudo.node.benchmark;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.google.protobuf.Int64Value;
import io.vudo.journal.EmbeddedJournal;
import io.vudo.node.NodeSettings;
import io.vudo.node.VudoNode;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.Spirits;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;

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

  private static final String COUNTER =
      """
      (module
        (memory (export "memory") 1)
        (global $n (mut i64) (i64.const 0))
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param i32 i32) (result i64)
          (global.set $n (i64.add (global.get $n) (i64.const 1)))
          (i64.store (i32.const 0) (global.get $n))
          (i64.const 8)))
      """;

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
      byte[] module = Wat2Wasm.parse(COUNTER);
      deploy(node, "durable", "", module);
      deploy(node, "fleeting", "?durability=off", module);
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
            i -> PlainCounter.ask(sharding, "one"));
      }
      compare(
          "durable asks, 64 counters, 64 callers",
          rounds,
          seconds,
          64,
          i -> spirits.ask(new SpiritId("durable", "n" + i), "add", NOTHING, "", TIMEOUT),
          i -> PlainCounter.ask(sharding, "n" + i));
      for (int callers : new int[] {1, 64}) {
        compare(
            "tells without durability, 1 counter, " + callers + " callers",
            rounds,
            seconds,
            callers,
            i -> spirits.tell(new SpiritId("fleeting", "one"), "add", NOTHING, "", TIMEOUT),
            i -> FleetingCounter.tell(sharding, "one"));
      }
    } finally {
      delete(data);
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
    perSecond(seconds, callers, spirit);
    perSecond(seconds, callers, plain);
    double[] ours = new double[rounds];
    double[] theirs = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      ours[round] = perSecond(seconds, callers, spirit);
      theirs[round] = perSecond(seconds, callers, plain);
    }
    double[] ratios = new double[rounds];
    Arrays.setAll(ratios, i -> ours[i] / theirs[i]);
    System.out.printf(
        Locale.ROOT,
        "%-46s %,14.0f %,14.0f %8.2f%n",
        what,
        median(ours),
        median(theirs),
        median(ratios));
  }

  /** Each caller sends its next message when the last one is answered. */
  private static double perSecond(
      int seconds, int callers, IntFunction<CompletionStage<?>> operation)
      throws InterruptedException {
    AtomicLong done = new AtomicLong();
    long start = System.nanoTime();
    long until = start + Duration.ofSeconds(seconds).toNanos();
    CountDownLatch ended = new CountDownLatch(callers);
    for (int i = 0; i < callers; i++) {
      next(i, until, operation, done, ended);
    }
    ended.await();
    return done.get() * 1e9 / (System.nanoTime() - start);
  }

  private static void next(
      int caller,
      long until,
      IntFunction<CompletionStage<?>> operation,
      AtomicLong done,
      CountDownLatch ended) {
    operation
        .apply(caller)
        .whenComplete(
            (answer, failure) -> {
              if (failure != null) {
                failure.printStackTrace();
                ended.countDown();
              } else {
                done.incrementAndGet();
                if (System.nanoTime() - until < 0) {
                  next(caller, until, operation, done, ended);
                } else {
                  ended.countDown();
                }
              }
            });
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static void deploy(VudoNode node, String type, String query, byte[] module)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(
                        URI.create(node.httpAddress() + "/v1/deployments/" + type + query))
                    .POST(HttpRequest.BodyPublishers.ofByteArray(module))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() >= 300) {
      throw new IOException(response.body());
    }
  }

  private static void delete(Path directory) throws IOException {
    List<Path> paths = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(directory)) {
      walk.sorted(Comparator.reverseOrder()).forEach(paths::add);
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }

  /** The counter as a Pekko user writes it. */
  private static final class PlainCounter
      extends EventSourcedBehavior<PlainCounter.Add, Int64Value, Long> {
    static final EntityTypeKey<Add> KEY = EntityTypeKey.create(Add.class, "plain-counter");

    record Add(ActorRef<Long> replyTo) {}

    private PlainCounter(String id) {
      super(PersistenceId.of("plain-counter", id));
    }

    static Behavior<Add> create(String id) {
      return Behaviors.setup(context -> new PlainCounter(id));
    }

    static CompletionStage<Long> ask(ClusterSharding sharding, String id) {
      return sharding.entityRefFor(KEY, id).ask(Add::new, TIMEOUT);
    }

    @Override
    public String journalPluginId() {
      return EmbeddedJournal.TURNS;
    }

    @Override
    public Long emptyState() {
      return 0L;
    }

    @Override
    public CommandHandler<Add, Int64Value, Long> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(
              Add.class,
              add ->
                  Effect()
                      .persist(Int64Value.of(1))
                      .thenRun((Long count) -> add.replyTo().tell(count)))
          .build();
    }

    @Override
    public EventHandler<Long, Int64Value> eventHandler() {
      return (count, added) -> count + added.getValue();
    }
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

    static CompletionStage<Long> tell(ClusterSharding sharding, String id) {
      return sharding.entityRefFor(KEY, id).ask(Increment::new, TIMEOUT);
    }
  }
}
