package io.vudo.spirit.internal.actor;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.WakeEvent;
import io.vudo.protocol.journal.v1.WakeSnapshot;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;

/**
 * The durable index of Spirits that must come back by themselves after a crash, because they have
 * something to deliver. A Spirit is in it before the turn commits that makes it so, and leaves it
 * some time after everything was confirmed.
 *
 * <p>It is spread over a few sharded, event-sourced partitions. A periodic ping from every node
 * starts those that nobody has started, and makes each wake its Spirits: after a crash of the node,
 * and also when a single Spirit went down with its journal.
 */
final class WakeIndex {
  static final int PARTITIONS = 8;
  static final EntityTypeKey<Command> KEY = EntityTypeKey.create(Command.class, "wake");

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  private final ClusterSharding sharding;

  /** What a partition understands. */
  sealed interface Command {}

  record Add(String spirit, ActorRef<Added> replyTo) implements Command {}

  record Remove(String spirit) implements Command {}

  enum Ping implements Command {
    INSTANCE
  }

  /** The Spirit is in the index, durably. */
  record Added(String spirit) {}

  WakeIndex(ClusterSharding sharding) {
    this.sharding = sharding;
  }

  void start(ActorSystem<?> system, SpiritSettings settings) {
    sharding.init(
        Entity.of(
                KEY,
                entity ->
                    Partition.create(sharding, settings, Integer.parseInt(entity.getEntityId())))
            .withSettings(ClusterShardingSettings.create(system).withNoPassivationStrategy()));
  }

  /** Starts the partitions that nobody has started; the others ignore it. */
  void ping() {
    for (int i = 0; i < PARTITIONS; i++) {
      sharding.entityRefFor(KEY, Integer.toString(i)).tell(Ping.INSTANCE);
    }
  }

  /** Completes when the Spirit is in the index. */
  CompletionStage<Added> add(SpiritId id) {
    return sharding
        .entityRefFor(KEY, partition(id))
        .<Added>ask(replyTo -> new Add(id.toString(), replyTo), TIMEOUT)
        // Otherwise on a thread of its own, see SpiritSystem; all that follows is a message.
        .thenApplyAsync(Function.identity(), Runnable::run);
  }

  void remove(SpiritId id) {
    sharding.entityRefFor(KEY, partition(id)).tell(new Remove(id.toString()));
  }

  private static String partition(SpiritId id) {
    return Integer.toString(Math.floorMod(id.toString().hashCode(), PARTITIONS));
  }

  private static final class Partition
      extends EventSourcedBehavior<Command, WakeEvent, Set<String>> {
    private final ClusterSharding sharding;
    private final SpiritSettings settings;

    private Partition(ClusterSharding sharding, SpiritSettings settings, int number) {
      super(PersistenceId.ofUniqueId("wake|" + number));
      this.sharding = sharding;
      this.settings = settings;
    }

    static Behavior<Command> create(ClusterSharding sharding, SpiritSettings settings, int number) {
      return Behaviors.setup(context -> new Partition(sharding, settings, number));
    }

    @Override
    public String journalPluginId() {
      return settings.journalPlugin();
    }

    @Override
    public String snapshotPluginId() {
      return settings.snapshotPlugin();
    }

    @Override
    public Set<String> emptyState() {
      return new TreeSet<>();
    }

    @Override
    public CommandHandler<Command, WakeEvent, Set<String>> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(
              Add.class,
              (spirits, add) ->
                  spirits.contains(add.spirit())
                      ? Effect().none().thenRun(() -> confirm(add))
                      : Effect()
                          .persist(WakeEvent.newBuilder().addAdded(add.spirit()).build())
                          .thenRun(() -> confirm(add)))
          .onCommand(
              Remove.class,
              (spirits, remove) ->
                  spirits.contains(remove.spirit())
                      ? Effect().persist(WakeEvent.newBuilder().addRemoved(remove.spirit()).build())
                      : Effect().none())
          .onCommand(Ping.class, (spirits, ping) -> Effect().none().thenRun(() -> wake(spirits)))
          .build();
    }

    /** Those that are awake already take no notice. */
    private void wake(Set<String> spirits) {
      spirits.forEach(
          spirit ->
              sharding.entityRefFor(SpiritGate.KEY, spirit).tell(SpiritCommand.Wake.INSTANCE));
    }

    private static void confirm(Add add) {
      add.replyTo().tell(new Added(add.spirit()));
    }

    @Override
    public EventHandler<Set<String>, WakeEvent> eventHandler() {
      return (spirits, event) -> {
        spirits.addAll(event.getAddedList());
        event.getRemovedList().forEach(spirits::remove);
        return spirits;
      };
    }

    @Override
    public RetentionCriteria retentionCriteria() {
      return RetentionCriteria.snapshotEvery(1_000, 2).withDeleteEventsOnSnapshot();
    }

    @Override
    public SnapshotAdapter<Set<String>> snapshotAdapter() {
      return new SnapshotAdapter<>() {
        @Override
        public Object toJournal(Set<String> spirits) {
          return WakeSnapshot.newBuilder().addAllSpirits(spirits).build();
        }

        @Override
        public Set<String> fromJournal(Object snapshot) {
          return new TreeSet<>(((WakeSnapshot) snapshot).getSpiritsList());
        }
      };
    }
  }
}
