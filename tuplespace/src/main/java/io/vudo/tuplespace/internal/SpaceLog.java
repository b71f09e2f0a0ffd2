package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.tuplespace.HoldResolver;
import io.vudo.tuplespace.WaitListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The journal of a partition: makes each batch one commit and answers after it.
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

  private static final Logger LOG = LoggerFactory.getLogger(SpaceLog.class);

  /** The longest timer; a lease that ends later is waited for in steps. */
  private static final long MAX_WAKE_MILLIS = 3_600_000;

  private final SpaceSettings settings;
  private final WaitListener listener;
  private final SpaceClock clock;
  private final ActorRef<SpaceActor.Message> front;
  private final Siblings siblings;
  private final ActorRef<SpaceReply> followed;
  private final HoldChecks holdChecks;
  private final Watchers watchers;
  private final SpaceMeters meters;
  private final SpaceMeters.Contents contents;

  private SpaceLog(
      SpaceActor.Place place,
      SpaceSettings settings,
      HoldResolver resolver,
      WaitListener listener,
      SpaceClock clock,
      Siblings siblings,
      ActorRef<SpaceReply> followed,
      ActorRef<SpaceActor.Message> front,
      SpaceMeters meters,
      SpaceMeters.Contents contents) {
    super(PersistenceId.of("space", place.entityId()));
    this.meters = meters;
    this.contents = contents;
    this.siblings = siblings;
    this.followed = followed;
    this.watchers =
        new Watchers(place.partition(), settings.limits().maxWatchers(), settings.maxWatchBehind());
    this.settings = settings;
    this.listener = listener;
    this.clock = clock;
    this.front = front;
    this.holdChecks = new HoldChecks(settings, resolver, front::tell);
  }

  /**
   * @param followed where partitions answer that they have followed the end of a transaction
   */
  static Behavior<Batch> create(
      SpaceActor.Place place,
      SpaceSettings settings,
      HoldResolver resolver,
      WaitListener listener,
      SpaceClock clock,
      Siblings siblings,
      ActorRef<SpaceReply> followed,
      ActorRef<SpaceActor.Message> front,
      SpaceMeters meters,
      SpaceMeters.Contents contents) {
    return new SpaceLog(
        place, settings, resolver, listener, clock, siblings, followed, front, meters, contents);
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
    space.advanceTo(clock.timeMillis());
    List<SpaceEvent> events = new ArrayList<>();
    List<Runnable> answers = new ArrayList<>();
    List<Notice> notices = new ArrayList<>(space.endWaits(clock.tickMillis()));
    Set<String> endedWaits = new HashSet<>();
    List<Runnable> publishing = new ArrayList<>();
    // Not only when it is woken: under load the next batch may always come before the timer.
    SpaceState.Decision over = space.handle(SpaceWork.Wake.WAKE);
    events.addAll(over.events());
    notices.addAll(over.notices());
    boolean keep = false;
    for (SpaceWork work : batch.work()) {
      if (work instanceof SpaceCommand.Watch || work instanceof SpaceCommand.Unwatch) {
        // In its place in the order: what comes before it is not told, what comes after is.
        publishing.add(tell(space.drainChanges(), space));
        publishing.add(() -> watch((SpaceCommand) work));
        continue;
      } else if (work == SpaceWork.Keep.KEEP) {
        keep = true;
        continue;
      }
      SpaceState.Decision decision = space.handle(work);
      events.addAll(decision.events());
      notices.addAll(decision.notices());
      if (work instanceof SpaceCommand.Request request) {
        meters.handled(request, decision.reply());
      }
      if (work instanceof SpaceCommand.Operation operation && decision.reply().isPresent()) {
        answers.add(() -> operation.replyTo().tell(decision.reply().get()));
        if (operation instanceof SpaceCommand.PatientOperation patient) {
          endedWaits.add(patient.patience().waitId());
        }
      }
    }
    Set<String> kept = new HashSet<>();
    if (keep) {
      Optional<SpaceEvent.WaitersKept> waiting = space.keepWaiters(clock.tickMillis());
      waiting.ifPresent(
          event -> {
            events.add(event);
            event.waiters().forEach(waiter -> kept.add(waiter.party().id().text()));
          });
      for (SpaceCommand.Operation deferred : space.drainDeferred()) {
        answers.add(
            () ->
                deferred
                    .replyTo()
                    .tell(
                        SpaceState.refused(
                            ErrorCode.SPACE_UNAVAILABLE, "It moves; nothing was done.")));
      }
    }
    publishing.add(tell(space.drainChanges(), space));
    boolean leaving = keep;
    var effect = events.isEmpty() ? Effect().none() : Effect().persist(events);
    return effect.thenRun(
        durable -> {
          answers.forEach(Runnable::run);
          publishing.forEach(Runnable::run);
          for (Notice notice : notices) {
            if (notice instanceof Notice.Answer answer) {
              endedWaits.add(answer.waitId());
            }
            tell(notice);
          }
          for (SpaceWork work : batch.work()) {
            if (work instanceof SpaceWork.Resolved resolved) {
              holdChecks.answered(resolved, space.store().nowMillis());
            }
          }
          for (SpaceEvent event : events) {
            if (event instanceof SpaceEvent.Held held) {
              Duration age =
                  held.holder().equals(SpaceState.CALLER_HOLDER)
                      ? settings.offerTimeout()
                      : settings.holdAge();
              holdChecks.watch(held.holdId(), held.timeMillis() + age.toMillis());
            }
          }
          if (leaving) {
            front.tell(new SpaceActor.LogKept(kept));
          } else {
            idle(space, false, endedWaits, Map.of());
          }
        });
  }

  /** Tells those that watch, once it is durable. */
  private Runnable tell(List<WatchSignal.Change> changes, SpaceState space) {
    List<Notice> toSpirits = space.toSpirits(changes);
    return () -> {
      watchers.publish(changes, clock.tickMillis());
      toSpirits.forEach(this::tell);
    };
  }

  private void watch(SpaceCommand command) {
    if (command instanceof SpaceCommand.Watch watch) {
      watchers.watch(watch, clock.tickMillis());
    } else if (command instanceof SpaceCommand.Unwatch unwatch) {
      watchers.unwatch(unwatch.watchId());
    }
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
        .onSignal(PostStop.instance(), state -> contents.leave())
        .build();
  }

  private void onRecovered(Recovered state) {
    state.live = true;
    SpaceState space = state.space;
    space.advanceTo(clock.timeMillis());
    long now = space.store().nowMillis();
    space.store().holds().forEach(held -> holdChecks.watch(held.holdId(), now));
    space.drainChanges();
    space.missed().forEach(this::tell);
    idle(space, true, Set.of(), space.restoreWaiters(clock.tickMillis()));
  }

  private void tell(Notice notice) {
    if (notice instanceof Notice.Answer answer) {
      answer.replyTo().tell(answer.reply());
      return;
    }
    try {
      if (notice instanceof Notice.Found found) {
        listener.found(
            found.waiter(), Partitions.baseOf(found.requestId()), found.requestId(), found.tuple());
      } else if (notice instanceof Notice.Passed passed) {
        listener.passed(passed.waiter(), Partitions.baseOf(passed.requestId()), passed.index());
      } else if (notice instanceof Notice.Changed changed) {
        listener.changed(changed.watcher(), Partitions.baseOf(changed.watchId()), changed.change());
      } else if (notice instanceof Notice.Refused refused) {
        listener.refused(refused.waiter(), Partitions.baseOf(refused.requestId()), refused.error());
      }
    } catch (RuntimeException e) {
      // The Spirit asks again. A space must not fall because of one that waits for it.
      LOG.warn("A Spirit was not told about its wait: {}", notice, e);
    }
  }

  private void idle(
      SpaceState space,
      boolean recovered,
      Set<String> endedWaits,
      Map<String, ActorRef<SpaceReply>> restoredCallers) {
    contents.are(space.store().size(), space.store().storedBytes(), space.waiters().size());
    long now = space.store().nowMillis();
    holdChecks.ask(space.store(), now);
    Transactions transactions = space.transactions();
    for (Transactions.ToTell told : transactions.toTell(clock.tickMillis())) {
      for (int partition : told.partitions()) {
        siblings.tell(
            partition,
            new SpaceCommand.Follow(told.transaction(), told.commit(), partition, followed));
      }
    }
    long next = Math.min(space.nextDueMillis(), holdChecks.nextMillis());
    long nextInMillis =
        Math.min(
            next == Long.MAX_VALUE ? Long.MAX_VALUE : next - now,
            Math.min(space.waiters().nextEndInMillis(), transactions.nextTellInMillis()));
    long wakeInMillis =
        nextInMillis == Long.MAX_VALUE ? -1 : Math.min(Math.max(nextInMillis, 1), MAX_WAKE_MILLIS);
    front.tell(new SpaceActor.LogIdle(recovered, wakeInMillis, endedWaits, restoredCallers));
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
