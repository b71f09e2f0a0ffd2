package io.vudo.spirit.internal.actor;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.WakeAt;
import io.vudo.protocol.journal.v1.WakeEvent;
import io.vudo.protocol.journal.v1.WakeSnapshot;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingSettings;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;

/**
 * The durable index of Spirits that must come back by themselves: after a crash, because they have
 * something to deliver or wait for something; or at a time, because they left memory with something
 * to do then. A Spirit is in it before the turn commits that makes it so, and leaves it some time
 * after there is nothing more to do.
 *
 * <p>It is spread over a few sharded, event-sourced partitions. A periodic ping from every node
 * starts those that nobody has started, and makes each wake its Spirits: after a crash of the node,
 * and also when a single Spirit went down with its journal. Those that have a time are woken then.
 */
final class WakeIndex {
  static final int PARTITIONS = 8;
  static final EntityTypeKey<Command> KEY = EntityTypeKey.create(Command.class, "wake");

  /** Due whenever the Spirit is not in memory. */
  static final long NOW = 0;

  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LONGEST_TICK = Duration.ofMinutes(1);
  private static final long SHORTEST_TICK_MILLIS = 200;

  /** How many of those whose time has come a partition wakes in one tick, about. */
  private static final int MOST_AT_ONCE = 100;

  private final ClusterSharding sharding;
  private final Hosts hosts;
  private final ActorRef<Added> nobody;

  /** What a partition understands. */
  sealed interface Command {}

  /**
   * @param dueMillis when to wake it, milliseconds since 1970; {@link #NOW} = whenever it is away
   */
  record Add(String spirit, long dueMillis, ActorRef<Added> replyTo) implements Command {}

  /** The time of the next one has come, or might have. */
  private enum Tick implements Command {
    INSTANCE
  }

  record Remove(String spirit) implements Command {}

  enum Ping implements Command {
    INSTANCE
  }

  /** The Spirit is in the index, durably. */
  record Added(String spirit) {}

  WakeIndex(ClusterSharding sharding, Hosts hosts, ActorRef<Added> nobody) {
    this.sharding = sharding;
    this.hosts = hosts;
    this.nobody = nobody;
  }

  /**
   * Lets this node have partitions.
   *
   * @param waker wakes those of these names that are no Spirits; answers whether it is one
   */
  void start(ActorSystem<?> system, SpiritSettings settings, Clock clock, Predicate<String> waker) {
    sharding.init(
        Entity.of(
                KEY,
                entity ->
                    Partition.create(
                        hosts, settings, clock, waker, Integer.parseInt(entity.getEntityId())))
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
    return add(id.toString());
  }

  /** The same for somebody who need not be a Spirit. */
  CompletionStage<Added> add(String name) {
    return sharding
        .entityRefFor(KEY, partition(name))
        .<Added>ask(replyTo -> new Add(name, NOW, replyTo), TIMEOUT)
        // Otherwise on a thread of its own, see SpiritSystem; all that follows is a message.
        .thenApplyAsync(Function.identity(), Runnable::run);
  }

  /**
   * The Spirit leaves memory and is to be woken at a time; until this has arrived it is woken at
   * the next ping.
   */
  void schedule(SpiritId id, long dueMillis) {
    schedule(id.toString(), dueMillis);
  }

  /** The same for somebody who need not be a Spirit. */
  void schedule(String name, long dueMillis) {
    sharding
        .entityRefFor(KEY, partition(name))
        .tell(new Add(name, Math.max(NOW + 1, dueMillis), nobody));
  }

  void remove(SpiritId id) {
    remove(id.toString());
  }

  void remove(String name) {
    sharding.entityRefFor(KEY, partition(name)).tell(new Remove(name));
  }

  private static String partition(String name) {
    return Integer.toString(Math.floorMod(name.hashCode(), PARTITIONS));
  }

  /** Who is to be woken, by name and by time. */
  private static final class Due {
    private final Map<String, Long> bySpirit = new TreeMap<>();
    private final NavigableMap<Long, Set<String>> byTime = new TreeMap<>();

    void put(String spirit, long dueMillis) {
      remove(spirit);
      bySpirit.put(spirit, dueMillis);
      byTime.computeIfAbsent(dueMillis, time -> new TreeSet<>()).add(spirit);
    }

    void remove(String spirit) {
      Long before = bySpirit.remove(spirit);
      if (before != null) {
        Set<String> same = byTime.get(before);
        same.remove(spirit);
        if (same.isEmpty()) {
          byTime.remove(before);
        }
      }
    }

    boolean isDue(String spirit, long dueMillis) {
      return Long.valueOf(dueMillis).equals(bySpirit.get(spirit));
    }

    Set<String> now() {
      return byTime.getOrDefault(NOW, Set.of());
    }

    /** Those of the times after the one until the other, by time. */
    NavigableMap<Long, Set<String>> between(long afterMillis, long untilMillis) {
      return byTime.subMap(afterMillis, false, Math.max(afterMillis, untilMillis), true);
    }

    Optional<Long> next() {
      return Optional.ofNullable(byTime.higherKey(NOW));
    }
  }

  private static final class Partition extends EventSourcedBehavior<Command, WakeEvent, Due> {
    private final TimerScheduler<Command> timers;
    private final Hosts hosts;
    private final SpiritSettings settings;
    private final Clock clock;
    private final Predicate<String> waker;

    /** The time of the last that was woken while there are more; {@link #NOW} otherwise. */
    private long wokenUntilMillis = NOW;

    private Partition(
        TimerScheduler<Command> timers,
        Hosts hosts,
        SpiritSettings settings,
        Clock clock,
        Predicate<String> waker,
        int number) {
      super(PersistenceId.ofUniqueId("wake|" + number));
      this.timers = timers;
      this.hosts = hosts;
      this.settings = settings;
      this.clock = clock;
      this.waker = waker;
    }

    static Behavior<Command> create(
        Hosts hosts, SpiritSettings settings, Clock clock, Predicate<String> waker, int number) {
      return Behaviors.setup(
          context ->
              Behaviors.withTimers(
                  timers -> new Partition(timers, hosts, settings, clock, waker, number)));
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
    public Due emptyState() {
      return new Due();
    }

    @Override
    public CommandHandler<Command, WakeEvent, Due> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(Add.class, this::add)
          .onCommand(
              Remove.class,
              (due, remove) ->
                  due.bySpirit.containsKey(remove.spirit())
                      ? Effect().persist(WakeEvent.newBuilder().addRemoved(remove.spirit()).build())
                      : Effect().none())
          .onCommand(Ping.class, (due, ping) -> Effect().none().thenRun(() -> ping(due)))
          .onCommand(Tick.class, (due, tick) -> Effect().none().thenRun(() -> tick(due)))
          .build();
    }

    private Effect<WakeEvent, Due> add(Due due, Add add) {
      if (due.isDue(add.spirit(), add.dueMillis())) {
        return Effect().none().thenRun(() -> confirm(add));
      }
      WakeEvent event =
          add.dueMillis() == NOW
              ? WakeEvent.newBuilder().addAdded(add.spirit()).build()
              : WakeEvent.newBuilder()
                  .addScheduled(
                      WakeAt.newBuilder().setSpirit(add.spirit()).setDueMillis(add.dueMillis()))
                  .build();
      return Effect()
          .persist(event)
          .thenRun(
              () -> {
                confirm(add);
                schedule(due);
              });
    }

    private void ping(Due due) {
      due.now().forEach(this::wake);
      schedule(due);
    }

    /**
     * Wakes some of those whose time has come. After a long time without a node there may be very
     * many, each of which is read from the journal; so the others have their turn at the next tick,
     * and those that have not gone by then after all others.
     */
    private void tick(Due due) {
      due.now().forEach(this::wake);
      int woken = 0;
      long last = NOW;
      for (var each : due.between(wokenUntilMillis, clock.millis()).entrySet()) {
        each.getValue().forEach(this::wake);
        last = each.getKey();
        woken += each.getValue().size();
        if (woken >= MOST_AT_ONCE) {
          break;
        }
      }
      wokenUntilMillis = woken >= MOST_AT_ONCE ? last : NOW;
      schedule(due);
    }

    /** Who is awake already takes no notice. */
    private void wake(String name) {
      if (!waker.test(name)) {
        hosts.send(name, SpiritCommand.Wake.INSTANCE);
      }
    }

    /** One that was woken and is still here then is woken again. */
    private void schedule(Due due) {
      Optional<Long> next = due.next();
      if (next.isEmpty()) {
        timers.cancel(Tick.INSTANCE);
        return;
      }
      long pauseMillis =
          Math.min(
              LONGEST_TICK.toMillis(), Math.max(SHORTEST_TICK_MILLIS, next.get() - clock.millis()));
      timers.startSingleTimer(Tick.INSTANCE, Duration.ofMillis(pauseMillis));
    }

    private static void confirm(Add add) {
      add.replyTo().tell(new Added(add.spirit()));
    }

    @Override
    public EventHandler<Due, WakeEvent> eventHandler() {
      return (due, event) -> {
        event.getAddedList().forEach(spirit -> due.put(spirit, NOW));
        event.getScheduledList().forEach(at -> due.put(at.getSpirit(), at.getDueMillis()));
        event.getRemovedList().forEach(due::remove);
        return due;
      };
    }

    @Override
    public RetentionCriteria retentionCriteria() {
      return RetentionCriteria.snapshotEvery(1_000, 2).withDeleteEventsOnSnapshot();
    }

    @Override
    public SnapshotAdapter<Due> snapshotAdapter() {
      return new SnapshotAdapter<>() {
        @Override
        public Object toJournal(Due due) {
          WakeSnapshot.Builder snapshot = WakeSnapshot.newBuilder();
          due.bySpirit.forEach(
              (spirit, dueMillis) -> {
                if (dueMillis == NOW) {
                  snapshot.addSpirits(spirit);
                } else {
                  snapshot.addScheduled(
                      WakeAt.newBuilder().setSpirit(spirit).setDueMillis(dueMillis));
                }
              });
          return snapshot.build();
        }

        @Override
        public Due fromJournal(Object snapshot) {
          WakeSnapshot stored = (WakeSnapshot) snapshot;
          Due due = new Due();
          stored.getSpiritsList().forEach(spirit -> due.put(spirit, NOW));
          stored.getScheduledList().forEach(at -> due.put(at.getSpirit(), at.getDueMillis()));
          return due;
        }
      };
    }
  }
}
