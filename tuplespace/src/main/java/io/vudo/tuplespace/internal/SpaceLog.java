package io.vudo.tuplespace.internal;

import io.vudo.tuplespace.HoldResolver;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * The journal of a space: makes each batch one commit and answers after it.
 *
 * <p>The state is mutable and ahead of the journal while a batch is written, see {@link
 * SpaceState}. Two things follow: the event handler changes the state during recovery only, and a
 * snapshot is an immutable copy made at once.
 */
final class SpaceLog extends EventSourcedBehavior<SpaceLog.Batch, SpaceEvent, SpaceLog.Recovered> {
  /** What is done together. The next batch may come only after {@link SpaceActor.LogIdle}. */
  record Batch(List<SpaceWork> work) {}

  /** The state, and whether it takes events from the journal or has made them itself. */
  static final class Recovered {
    final SpaceState space;
    boolean live;

    Recovered(SpaceState space) {
      this.space = space;
    }
  }

  /** The longest timer; a lease that ends later is waited for in steps. */
  private static final long MAX_WAKE_MILLIS = 3_600_000;

  private final SpaceSettings settings;
  private final LongSupplier clock;
  private final ActorRef<SpaceActor.Message> front;
  private final HoldChecks holdChecks;

  private SpaceLog(
      String name,
      SpaceSettings settings,
      HoldResolver resolver,
      LongSupplier clock,
      ActorRef<SpaceActor.Message> front) {
    super(PersistenceId.of("space", name));
    this.settings = settings;
    this.clock = clock;
    this.front = front;
    this.holdChecks = new HoldChecks(settings, resolver, front::tell);
  }

  static Behavior<Batch> create(
      String name,
      SpaceSettings settings,
      HoldResolver resolver,
      LongSupplier clock,
      ActorRef<SpaceActor.Message> front) {
    return new SpaceLog(name, settings, resolver, clock, front);
  }

  @Override
  public Recovered emptyState() {
    return new Recovered(new SpaceState(settings.limits()));
  }

  @Override
  public CommandHandler<Batch, SpaceEvent, Recovered> commandHandler() {
    return this::onBatch;
  }

  private Effect<SpaceEvent, Recovered> onBatch(Recovered state, Batch batch) {
    SpaceState space = state.space;
    space.advanceTo(clock.getAsLong());
    List<SpaceEvent> events = new ArrayList<>();
    List<Runnable> answers = new ArrayList<>();
    for (SpaceWork work : batch.work()) {
      SpaceState.Decision decision = space.handle(work);
      decision.event().ifPresent(events::add);
      if (work instanceof SpaceCommand.Operation operation) {
        decision.reply().ifPresent(reply -> answers.add(() -> operation.replyTo().tell(reply)));
      }
    }
    var effect = events.isEmpty() ? Effect().none() : Effect().persist(events);
    return effect.thenRun(
        durable -> {
          answers.forEach(Runnable::run);
          for (SpaceWork work : batch.work()) {
            if (work instanceof SpaceWork.Resolved resolved) {
              holdChecks.answered(resolved, space.store().nowMillis());
            }
          }
          for (SpaceEvent event : events) {
            if (event instanceof SpaceEvent.Held held) {
              holdChecks.watch(held.holdId(), held.timeMillis() + settings.holdAge().toMillis());
            }
          }
          idle(space, false);
        });
  }

  @Override
  public EventHandler<Recovered, SpaceEvent> eventHandler() {
    return (state, event) -> {
      if (!state.live) {
        state.space.apply(event);
      }
      return state;
    };
  }

  @Override
  public SignalHandler<Recovered> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::onRecovered)
        .build();
  }

  private void onRecovered(Recovered state) {
    state.live = true;
    SpaceState space = state.space;
    space.advanceTo(clock.getAsLong());
    long now = space.store().nowMillis();
    space.store().holds().forEach(held -> holdChecks.watch(held.holdId(), now));
    idle(space, true);
  }

  private void idle(SpaceState space, boolean recovered) {
    TupleStore store = space.store();
    long now = store.nowMillis();
    holdChecks.ask(store, now);
    long next = Math.min(store.nextLeaseEndMillis(), holdChecks.nextMillis());
    long wakeInMillis =
        next == Long.MAX_VALUE ? -1 : Math.min(Math.max(next - now, 1), MAX_WAKE_MILLIS);
    front.tell(new SpaceActor.LogIdle(recovered, wakeInMillis));
  }

  @Override
  public String journalPluginId() {
    return settings.journalPluginId();
  }

  @Override
  public String snapshotPluginId() {
    return settings.snapshotPluginId();
  }

  @Override
  public RetentionCriteria retentionCriteria() {
    return RetentionCriteria.snapshotEvery(settings.snapshotEvery(), settings.snapshotsKept())
        .withDeleteEventsOnSnapshot();
  }

  @Override
  public SnapshotAdapter<Recovered> snapshotAdapter() {
    return new SnapshotAdapter<>() {
      @Override
      public Object toJournal(Recovered state) {
        return state.space.snapshot();
      }

      @Override
      public Recovered fromJournal(Object from) {
        return new Recovered(new SpaceState(settings.limits(), (SpaceSnapshot) from));
      }
    };
  }
}
