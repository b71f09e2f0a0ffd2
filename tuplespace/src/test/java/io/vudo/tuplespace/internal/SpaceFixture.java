package io.vudo.tuplespace.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.HoldResolver;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.WaitListener;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.PersistenceTestKitSnapshotPlugin;

/** One space of its own name, with a clock that is moved by hand and a holder that answers. */
final class SpaceFixture implements AutoCloseable {
  static final Template JOB = Template.of("job", Template.ANY);

  final String name = "test-" + UUID.randomUUID();
  final String persistenceId = "space|" + name + "/0";
  final AtomicLong clock = new AtomicLong(1_000_000);
  final List<String> asked = new CopyOnWriteArrayList<>();
  volatile BiFunction<String, String, CompletionStage<HoldOutcome>> holder =
      (id, holdId) -> CompletableFuture.completedFuture(HoldOutcome.PENDING);

  /** Takes what the partition tells others, when set. */
  volatile Siblings siblings;

  /** For waits; moved by hand like the other. */
  final AtomicLong ticks = new AtomicLong();

  /** What Spirits heard of their waits. */
  final List<String> heard = new CopyOnWriteArrayList<>();

  private final ActorTestKit kit;
  private final SpaceSettings settings;
  private volatile ActorRef<SpaceCommand> space;

  SpaceFixture(ActorTestKit kit, String overrides) {
    this.kit = kit;
    this.settings =
        SpaceSettings.of(
            ConfigFactory.parseString(overrides)
                .atPath("vudo.tuplespace")
                .withFallback(kit.system().settings().config()));
    start();
  }

  /** An in-memory journal and snapshot store that pass everything through the serializers. */
  static Config config() {
    return ConfigFactory.parseString(
            """
            pekko.actor.allow-java-serialization = off
            pekko.loglevel = WARNING
            pekko.stdout-loglevel = OFF
            """)
        .withFallback(PersistenceTestKitPlugin.getInstance().config())
        .withFallback(PersistenceTestKitSnapshotPlugin.config())
        .withFallback(ConfigFactory.load())
        .resolve();
  }

  void start() {
    HoldResolver resolver =
        (id, holdId) -> {
          asked.add(id + " " + holdId);
          return holder.apply(id, holdId);
        };
    WaitListener listener =
        new WaitListener() {
          @Override
          public void found(SpiritId waiter, String requestId, String hold, Tuple tuple) {
            heard.add(waiter + " " + requestId + " " + tuple);
          }

          @Override
          public void passed(SpiritId waiter, String requestId, int index) {
            heard.add(waiter + " " + requestId + " passed " + index);
          }

          @Override
          public void changed(SpiritId watcher, String watchId, TupleChange change) {
            heard.add(
                watcher
                    + " "
                    + watchId
                    + " "
                    + change.kind().text()
                    + change.tuple().map(tuple -> " " + tuple).orElse(""));
          }

          @Override
          public void refused(SpiritId waiter, String requestId, VudoError error) {
            heard.add(waiter + " " + requestId + " " + error.code());
          }
        };
    SpaceClock clocks =
        new SpaceClock() {
          @Override
          public long timeMillis() {
            return clock.get();
          }

          @Override
          public long tickMillis() {
            return ticks.get();
          }
        };
    space =
        kit.spawn(
            SpaceActor.create(
                new SpaceActor.Place(name, 0),
                settings,
                resolver,
                listener,
                clocks,
                (partition, command) -> {
                  if (siblings != null) {
                    siblings.tell(partition, command);
                  } else {
                    // All partitions are this one.
                    space.tell(command);
                  }
                },
                new SpaceMeters(new CompositeMeterRegistry())));
  }

  void stop() {
    kit.stop(space);
  }

  /** Stops as sharding does it, before the partition goes to another node. */
  void leave() {
    TestProbe<SpaceReply> probe = kit.createTestProbe();
    space.tell(SpaceCommand.Stop.STOP);
    probe.expectTerminated(space, Duration.ofSeconds(10));
  }

  void restart() {
    stop();
    start();
  }

  ActorRef<SpaceCommand> space() {
    return space;
  }

  TestProbe<SpaceReply> send(Function<ActorRef<SpaceReply>, SpaceCommand> command) {
    TestProbe<SpaceReply> probe = kit.createTestProbe();
    ActorRef<SpaceReply> plain =
        kit.spawn(
            Behaviors.receiveMessage(
                reply -> {
                  probe.getRef().tell(plain(reply));
                  return Behaviors.same();
                }));
    space.tell(command.apply(plain));
    return probe;
  }

  SpaceReply ask(Function<ActorRef<SpaceReply>, SpaceCommand> command) {
    TestProbe<SpaceReply> probe = send(command);
    SpaceReply reply = probe.receiveMessage();
    probe.stop();
    return reply;
  }

  /** The answer as it is. */
  SpaceReply raw(Function<ActorRef<SpaceReply>, SpaceCommand> command) {
    TestProbe<SpaceReply> probe = kit.createTestProbe();
    space.tell(command.apply(probe.getRef()));
    return probe.receiveMessage();
  }

  SpaceReply write(Object... values) {
    return writeAs(OperationId.none(), 0, values);
  }

  SpaceReply writeAs(OperationId operation, long ttlMillis, Object... values) {
    return ask(to -> new SpaceCommand.Write(operation, Tuple.of(values), ttlMillis, to));
  }

  SpaceReply read() {
    return ask(to -> new SpaceCommand.Read(JOB, to));
  }

  SpaceReply take(OperationId operation) {
    return ask(to -> new SpaceCommand.Take(operation, JOB, to));
  }

  long count() {
    return ((SpaceReply.Counted) ask(to -> new SpaceCommand.Count(JOB, to))).count();
  }

  SpaceReply hold(String holdId) {
    return ask(to -> new SpaceCommand.Hold(holdId, "worker/alice", JOB, to));
  }

  /** A caller that waits under {@code waitId}, to read when it has no operation. */
  TestProbe<SpaceReply> waitFor(String waitId, Optional<OperationId> take, long millis) {
    SpaceCommand.Patience patience = new SpaceCommand.Patience(waitId, millis);
    return send(
        to ->
            take.isPresent()
                ? new SpaceCommand.Take(take.get(), JOB, "", patience, to)
                : new SpaceCommand.Read(JOB, "", patience, to));
  }

  /** A Spirit that waits. */
  void await(String requestId, String spirit, boolean take, long millis) {
    space.tell(new SpaceCommand.Await(requestId, SpiritId.parse(spirit), JOB, take, millis));
  }

  void cancel(String requestId) {
    space.tell(new SpaceCommand.CancelWait(requestId));
  }

  SpaceReply confirm(String holdId) {
    return ask(to -> new SpaceCommand.ConfirmTake(holdId, to));
  }

  SpaceReply release(String holdId) {
    return ask(to -> new SpaceCommand.ReleaseTake(holdId, to));
  }

  /** What a reply says, without the places of tuples, which depend on the time. */
  static SpaceReply plain(SpaceReply reply) {
    if (reply instanceof SpaceReply.Found found) {
      return new SpaceReply.Found(found.tuple(), 0);
    } else if (reply instanceof SpaceReply.NotFound) {
      return SpaceReply.NotFound.NOT_FOUND;
    }
    return reply instanceof SpaceReply.Written ? SpaceReply.Done.DONE : reply;
  }

  static SpaceReply found(Object... values) {
    return new SpaceReply.Found(Tuple.of(values), 0);
  }

  @Override
  public void close() {
    stop();
  }
}
