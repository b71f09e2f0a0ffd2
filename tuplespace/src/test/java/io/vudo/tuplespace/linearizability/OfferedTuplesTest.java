package io.vudo.tuplespace.linearizability;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;

/** What is offered to one that waits everywhere, and what others see of it meanwhile. */
final class OfferedTuplesTest {
  private static <T> T get(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }

  /**
   * Two tuples are written, three take: one that waits with an open template, and one for each of
   * the two. In every order of one at a time both tuples are taken by somebody.
   */
  @Disabled("A tuple that is offered and given back is out of sight of those that do not wait.")
  @Test
  void aTupleThatIsGivenBackIsNotMissedByOthers() {
    var config =
        ConfigFactory.parseString(
                """
                pekko.actor.provider = cluster
                pekko.actor.allow-java-serialization = off
                pekko.remote.artery.canonical.hostname = "127.0.0.1"
                pekko.remote.artery.canonical.port = 0
                pekko.coordinated-shutdown.exit-jvm = off
                pekko.loglevel = WARNING
                pekko.stdout-loglevel = OFF
                """)
            .withFallback(PersistenceTestKitPlugin.getInstance().config())
            .withFallback(PersistenceTestKitSnapshotPlugin.config())
            .withFallback(ConfigFactory.load())
            .resolve();
    ActorTestKit kit = ActorTestKit.create("vudo", config);
    try {
      Cluster cluster = Cluster.get(kit.system());
      cluster.manager().tell(Join.create(cluster.selfMember().address()));
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> cluster.selfMember().status().equals(MemberStatus.up()));
      Tuplespace spaces =
          Tuplespace.start(
              kit.system(),
              (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.PENDING));
      OperationId none = OperationId.none();
      for (int round = 0; round < 20; round++) {
        String space = "round-" + round;
        // All partitions are there, so that the one who waits does so when the two are written.
        assertEquals(0, get(spaces.count(space, Template.of(FieldType.STRING))));
        CompletableFuture<Optional<Tuple>> waiting =
            spaces
                .take(space, Template.of(FieldType.STRING), none, Duration.ofSeconds(20))
                .toCompletableFuture();
        assertEquals(0, get(spaces.count(space, Template.of(FieldType.STRING))));
        get(spaces.writeAll(space, List.of(Tuple.of("a"), Tuple.of("b")), 0, none));
        var takeA = spaces.take(space, Template.of("a"), none);
        var takeB = spaces.take(space, Template.of("b"), none);
        Set<Tuple> taken = new HashSet<>();
        waiting.join().ifPresent(taken::add);
        get(takeA).ifPresent(taken::add);
        get(takeB).ifPresent(taken::add);
        assertEquals(Set.of(Tuple.of("a"), Tuple.of("b")), taken, "round " + round);
      }
    } finally {
      kit.shutdownTestKit();
    }
  }
}
