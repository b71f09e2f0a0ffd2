package io.vudo.tuplespace;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Lease;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.internal.Partitions;
import io.vudo.tuplespace.internal.SpaceClient;
import io.vudo.tuplespace.internal.SpaceCommand;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two nodes of one cluster: what the one writes, the other takes. */
class TuplespaceTest {
  private static final Template JOB = Template.of("job", FieldType.INT);
  private static final HoldResolver UNDECIDED =
      (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.PENDING);

  /** What the spaces of both nodes told. */
  private static final List<String> HEARD = new CopyOnWriteArrayList<>();

  private static final WaitListener LISTENER =
      new WaitListener() {
        @Override
        public void found(SpiritId waiter, String requestId, String hold, Tuple tuple) {
          HEARD.add(requestId + " " + tuple);
          throw new IllegalStateException("A listener that fails does no harm.");
        }

        @Override
        public void passed(SpiritId waiter, String requestId, int index) {
          HEARD.add(requestId + " passed " + index);
        }

        @Override
        public void changed(SpiritId watcher, String watchId, TupleChange change) {
          HEARD.add(watchId + " " + change.kind().text());
        }

        @Override
        public void refused(SpiritId waiter, String requestId, VudoError error) {
          HEARD.add(requestId + " " + error.code());
        }
      };

  private static ActorTestKit oneNode;
  private static ActorTestKit otherNode;
  private static Tuplespace one;
  private static Tuplespace other;

  static Config config() {
    return ConfigFactory.parseString(
            """
                pekko.actor.provider = cluster
                pekko.actor.allow-java-serialization = off
                pekko.remote.artery.canonical.hostname = "127.0.0.1"
                pekko.remote.artery.canonical.port = 0
                pekko.remote.artery.advanced.maximum-frame-size = 4 MiB
                pekko.cluster.jmx.multi-mbeans-in-same-jvm = on
                pekko.coordinated-shutdown.exit-jvm = off
                pekko.actor.testkit.typed.system-shutdown-default = 60s
                pekko.loglevel = WARNING
                pekko.stdout-loglevel = OFF
                """)
        .withFallback(PersistenceTestKitPlugin.getInstance().config())
        .withFallback(PersistenceTestKitSnapshotPlugin.config())
        .withFallback(ConfigFactory.load())
        .resolve();
  }

  @BeforeAll
  static void start() {
    oneNode = ActorTestKit.create("vudo", config());
    otherNode = ActorTestKit.create("vudo", config());
    Cluster first = Cluster.get(oneNode.system());
    first.manager().tell(Join.create(first.selfMember().address()));
    Cluster second = Cluster.get(otherNode.system());
    second.manager().tell(Join.create(first.selfMember().address()));
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () ->
                first.selfMember().status().equals(MemberStatus.up())
                    && second.selfMember().status().equals(MemberStatus.up()));
    one =
        Tuplespace.start(oneNode.system(), UNDECIDED, LISTENER).withTimeout(Duration.ofSeconds(20));
    other =
        Tuplespace.start(otherNode.system(), UNDECIDED, LISTENER)
            .withTimeout(Duration.ofSeconds(20));
  }

  @AfterAll
  static void stop() {
    otherNode.shutdownTestKit();
    oneNode.shutdownTestKit();
  }

  private static <T> T get(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }

  private static ErrorCode refused(CompletionStage<?> stage) {
    CompletionException e =
        assertThrows(CompletionException.class, () -> stage.toCompletableFuture().join());
    return assertInstanceOf(VudoException.class, e.getCause()).code();
  }

  @Test
  void whatOneNodeWritesTheOtherTakes() {
    // Enough spaces that both nodes carry some, so commands and replies cross the wire both ways.
    for (int i = 0; i < 12; i++) {
      String space = "jobs-" + i;
      get(one.write(space, Tuple.of("job", i), 0, OperationId.key("k")));
      get(other.write(space, Tuple.of("job", i), 0, OperationId.key("k")));
      assertEquals(1L, get(other.count(space, JOB)));
      assertEquals(Optional.of(Tuple.of("job", i)), get(other.read(space, JOB)));
      assertEquals(
          Optional.of(Tuple.of("job", i)), get(other.take(space, JOB, OperationId.none())));
      assertEquals(Optional.empty(), get(one.take(space, JOB, OperationId.none())));
    }
  }

  @Test
  void aSpiritTakesInTwoSteps() {
    SpiritId alice = SpiritId.parse("worker/alice");
    get(one.write("held", Tuple.of("job", 1), 0, OperationId.turn(alice, 1, 0)));
    assertEquals(
        Tuple.of("job", 1),
        get(one.hold("held", alice, "worker/alice#2#0", JOB)).orElseThrow().tuple());
    assertEquals(0L, get(other.count("held", JOB)));
    get(one.release("held", "worker/alice#2#0"));
    Held held = get(one.hold("held", alice, "worker/alice#3#0", JOB)).orElseThrow();
    assertEquals(Tuple.of("job", 1), held.tuple());
    assertEquals("worker/alice#3#0", Tuplespace.holdIdOf(held.hold()));
    get(one.confirm("held", held.hold()));
    get(other.confirm("held", held.hold()));
    get(one.release("held", held.hold()));
    assertEquals(0L, get(other.count("held", JOB)));
  }

  /** Ends the actors of a space, wherever they live, as a hand-off does. */
  private static void restart(String space) {
    restart(oneNode, space);
  }

  static void restart(ActorTestKit node, String space) {
    for (int partition : Partitions.all()) {
      ClusterSharding.get(node.system())
          .entityRefFor(SpaceClient.SPACES, Partitions.entityId(space, partition))
          .tell(SpaceCommand.Stop.STOP);
    }
  }

  @Test
  void whoWaitsOnOneNodeIsServedFromTheOther() {
    for (int i = 0; i < 6; i++) {
      String space = "waits-" + i;
      var read = one.read(space, JOB, Duration.ofMinutes(1)).toCompletableFuture();
      var first = one.take(space, JOB, OperationId.none(), Duration.ofMinutes(1));
      // One after the other: the space has to see the takers in this order.
      get(one.count(space, JOB));
      var second = one.take(space, JOB, OperationId.none(), Duration.ofMinutes(1));
      get(one.count(space, JOB));
      assertFalse(read.isDone());
      get(other.write(space, Tuple.of("job", 1), 0, OperationId.none()));
      get(other.write(space, Tuple.of("job", 2), 0, OperationId.none()));
      assertEquals(Optional.of(Tuple.of("job", 1)), get(read));
      assertEquals(Optional.of(Tuple.of("job", 1)), get(first));
      assertEquals(Optional.of(Tuple.of("job", 2)), get(second));
      assertEquals(0L, get(one.count(space, JOB)));
    }
  }

  @Test
  void aWaitEndsEmpty() {
    long start = System.nanoTime();
    var take = one.take("empty", JOB, OperationId.none(), Duration.ofMillis(200));
    assertEquals(Optional.empty(), get(one.read("empty", JOB, Duration.ofMillis(200))));
    assertEquals(Optional.empty(), get(take));
    assertTrue(System.nanoTime() - start >= Duration.ofMillis(200).toNanos(), "it did wait");
    get(one.write("empty", Tuple.of("job", 1), 0, OperationId.none()));
    assertEquals(1L, get(one.count("empty", JOB)));
    assertEquals(Optional.of(Tuple.of("job", 1)), get(one.read("empty", JOB, Duration.ZERO)));
    assertEquals(ErrorCode.REQUEST_INVALID, refused(one.read("empty", JOB, Duration.ofMillis(-1))));
    assertEquals(
        ErrorCode.SPACE_NAME_INVALID, refused(one.read("no name", JOB, Duration.ofHours(1))));
  }

  @Test
  void aWaitOutlivesTheSpace() {
    // What reaches an actor that is just ending is lost; then the next request makes up for it.
    Tuplespace brief = one.withTimeout(Duration.ofSeconds(1));
    var read = brief.read("restarts", JOB, Duration.ofMinutes(1)).toCompletableFuture();
    var take =
        brief
            .take("restarts", JOB, OperationId.none(), ChronoUnit.FOREVER.getDuration())
            .toCompletableFuture();
    get(one.count("restarts", JOB));
    for (int i = 0; i < 3; i++) {
      restart("restarts");
      await().ignoreExceptions().until(() -> get(brief.count("restarts", JOB)) == 0L);
    }
    assertFalse(read.isDone() || take.isDone());
    get(other.write("restarts", Tuple.of("job", 1), 0, OperationId.none()));
    assertEquals(Optional.of(Tuple.of("job", 1)), get(take));
    get(other.write("restarts", Tuple.of("job", 2), 0, OperationId.none()));
    assertTrue(get(read).isPresent());
    assertEquals(1L, get(one.count("restarts", JOB)));
  }

  @Test
  void aWaitIsLongerThanOneRequest() {
    // Requests of 20 ms: the wait takes many, and keeps its place before the one that came later.
    Tuplespace hasty = one.withTimeout(Duration.ofMillis(20));
    get(one.count("slices", JOB));
    var early = hasty.take("slices", JOB, OperationId.none(), Duration.ofMinutes(1));
    get(one.count("slices", JOB));
    var late = one.take("slices", JOB, OperationId.none(), Duration.ofMinutes(1));
    assertEquals(Optional.empty(), get(one.read("slices", JOB, Duration.ofMillis(200))));
    get(other.write("slices", Tuple.of("job", 1), 0, OperationId.none()));
    assertEquals(Optional.of(Tuple.of("job", 1)), get(early));
    get(other.write("slices", Tuple.of("job", 2), 0, OperationId.none()));
    assertEquals(Optional.of(Tuple.of("job", 2)), get(late));
  }

  @Test
  void aSpiritWaitsByItsAddress() {
    SpiritId alice = SpiritId.parse("worker/alice");
    for (int i = 0; i < 6; i++) {
      String space = "told-" + i;
      one.await(space, alice, space + "#take", JOB, true, Duration.ofMinutes(1));
      other.await(space, alice, space + "#read", JOB, false, Duration.ofMinutes(1));
      one.cancel(space, space + "#gone", JOB, "");
      one.await(space, alice, space + "#gone", JOB, true, Duration.ofMinutes(1));
      // Both requests are there before the tuple is.
      get(one.count(space, JOB));
      get(other.count(space, JOB));
      get(other.write(space, Tuple.of("job", i), 0, OperationId.none()));
      String took = space + "#take " + Tuple.of("job", i);
      String read = space + "#read " + Tuple.of("job", i);
      await().until(() -> HEARD.containsAll(List.of(took, read)));
      assertEquals(0L, get(one.count(space, JOB)));
      one.cancel(space, space + "#take", JOB, "");
      await().until(() -> get(other.count(space, JOB)) == 1L);
    }
    assertEquals(
        ErrorCode.SPACE_NAME_INVALID,
        assertThrows(VudoException.class, () -> one.cancel("no name", "r", JOB, "")).code());
  }

  @Test
  void tenThousandCallersWaitWithoutThreads() {
    get(one.count("many", JOB));
    int before = Thread.getAllStackTraces().size();
    List<CompletableFuture<Optional<Tuple>>> waiting = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      waiting.add(
          one.take("many", JOB, OperationId.none(), Duration.ofMinutes(5)).toCompletableFuture());
      if (i % 1_000 == 999) {
        // No more at once than the queue between two nodes holds; it drops the rest.
        get(one.count("many", JOB));
      }
    }
    int more = Thread.getAllStackTraces().size() - before;
    assertTrue(more < 50, more + " threads more");
    for (int i = 0; i < 10_000; i += 100) {
      List<CompletionStage<Lease>> writes = new ArrayList<>();
      for (int j = i; j < i + 100; j++) {
        writes.add(one.write("many", Tuple.of("job", j), 0, OperationId.none()));
      }
      writes.forEach(TuplespaceTest::get);
    }
    assertEquals(10_000, waiting.stream().map(TuplespaceTest::get).distinct().count());
    assertEquals(0L, get(one.count("many", JOB)));
  }

  @Test
  void spacesAreApart() {
    get(one.write("apart-1", Tuple.of("job", 1), 0, OperationId.none()));
    assertEquals(0L, get(one.count("apart-2", JOB)));
  }

  @Test
  void errorsArriveAsTheyAre() {
    assertEquals(ErrorCode.SPACE_NAME_INVALID, refused(one.read("no name", JOB)));
    assertEquals(
        ErrorCode.LEASE_INVALID, refused(one.write("errors", Tuple.of(1), -1, OperationId.none())));
    assertEquals(
        ErrorCode.REQUEST_INVALID,
        refused(one.hold("errors", SpiritId.parse("worker/alice"), "", JOB)));
    one.read("no name", JOB)
        .whenComplete(
            (tuple, failure) -> assertTrue(failure instanceof VudoException, "not wrapped"))
        .toCompletableFuture()
        .exceptionally(failure -> Optional.empty())
        .join();
  }

  @Test
  void noAnswerInTimeIsSaidToBeOne() {
    // A node that never joins a cluster: nobody carries the space.
    ActorTestKit alone = ActorTestKit.create("alone", config());
    try {
      Tuplespace spaces = Tuplespace.start(alone.system(), UNDECIDED);
      assertEquals(
          ErrorCode.ASK_TIMEOUT,
          refused(spaces.withTimeout(Duration.ofMillis(50)).read("jobs", JOB)));
    } finally {
      alone.shutdownTestKit();
    }
  }
}
