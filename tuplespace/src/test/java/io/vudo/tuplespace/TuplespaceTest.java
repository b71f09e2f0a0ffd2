package io.vudo.tuplespace;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.cluster.MemberStatus;
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

  private static ActorTestKit oneNode;
  private static ActorTestKit otherNode;
  private static Tuplespace one;
  private static Tuplespace other;

  private static Config config() {
    return ConfigFactory.parseString(
            """
                pekko.actor.provider = cluster
                pekko.actor.allow-java-serialization = off
                pekko.remote.artery.canonical.hostname = "127.0.0.1"
                pekko.remote.artery.canonical.port = 0
                pekko.cluster.jmx.multi-mbeans-in-same-jvm = on
                pekko.coordinated-shutdown.exit-jvm = off
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
    one = Tuplespace.start(oneNode.system(), UNDECIDED).withTimeout(Duration.ofSeconds(20));
    other = Tuplespace.start(otherNode.system(), UNDECIDED).withTimeout(Duration.ofSeconds(20));
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
        Optional.of(Tuple.of("job", 1)), get(one.hold("held", alice, "worker/alice#2#0", JOB)));
    assertEquals(0L, get(other.count("held", JOB)));
    get(one.release("held", "worker/alice#2#0"));
    assertEquals(
        Optional.of(Tuple.of("job", 1)), get(one.hold("held", alice, "worker/alice#3#0", JOB)));
    get(one.confirm("held", "worker/alice#3#0"));
    get(other.confirm("held", "worker/alice#3#0"));
    assertEquals(0L, get(other.count("held", JOB)));
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
