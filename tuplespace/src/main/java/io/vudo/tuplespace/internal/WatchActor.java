package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One watch, on the watcher's side: says to each partition again and again that it is there, and
 * hands the changes to the handler.
 *
 * <p>The handler may block, so it runs on a thread of another dispatcher, with one change after the
 * other; what it has taken in is told to the partitions, which drop it when it is too far behind.
 */
public final class WatchActor extends AbstractBehavior<WatchActor.Message> {
  /** What this actor takes. */
  sealed interface Message {}

  private record Signal(WatchSignal signal) implements Message {}

  private record HandedOver(Batch batch, boolean failed) implements Message {}

  private enum Tick implements Message {
    TICK
  }

  private enum Close implements Message {
    CLOSE
  }

  /**
   * What the handler is told next.
   *
   * @param start which of the starts of the watch at the partition it follows
   * @param upTo how many changes the partition has told with these, since that start
   */
  private record Batch(int partition, long start, long upTo, List<TupleChange> changes) {}

  /** What is known of a partition. */
  private static final class Part {
    long starts;
    long arrived;
    long received;
  }

  private static final Logger LOG = LoggerFactory.getLogger(WatchActor.class);

  /** Well below {@link Watchers#SILENCE_MILLIS}. */
  private static final Duration TICK = Duration.ofSeconds(2);

  private final SpaceClient client;
  private final String space;
  private final Template template;
  private final WatchHandler handler;
  private final CompletableFuture<Void> started;
  private final String watchId = UUID.randomUUID().toString();
  private final ActorRef<WatchSignal> signals;
  private final List<Integer> partitions;

  private final Map<Integer, Part> parts = new HashMap<>();
  private final Queue<Batch> waiting = new ArrayDeque<>();
  private boolean busy;

  private WatchActor(
      ActorContext<Message> context,
      SpaceClient client,
      String space,
      Template template,
      WatchHandler handler,
      CompletableFuture<Void> started) {
    super(context);
    this.client = client;
    this.space = space;
    this.template = template;
    this.handler = handler;
    this.started = started;
    this.signals = context.messageAdapter(WatchSignal.class, Signal::new);
    OptionalInt only = Partitions.of(template);
    this.partitions = only.isPresent() ? List.of(only.getAsInt()) : Partitions.all();
    for (int partition : partitions) {
      parts.put(partition, new Part());
      say(partition);
    }
  }

  /**
   * Begins a watch.
   *
   * @return done when every partition knows it
   */
  public static CompletionStage<Watch> start(
      ActorSystem<?> system,
      SpaceClient client,
      String space,
      Template template,
      WatchHandler handler) {
    CompletableFuture<Void> started = new CompletableFuture<>();
    ActorRef<Message> watch =
        system.systemActorOf(
            Behaviors.setup(
                context ->
                    Behaviors.withTimers(
                        timers -> {
                          timers.startTimerWithFixedDelay(Tick.TICK, TICK);
                          return new WatchActor(context, client, space, template, handler, started);
                        })),
            "watch-" + UUID.randomUUID(),
            Props.empty());
    CompletableFuture<Watch> result = new CompletableFuture<>();
    var unused =
        started
            .orTimeout(client.timeout().toMillis(), TimeUnit.MILLISECONDS)
            .whenComplete(
                (done, failure) -> {
                  if (failure == null) {
                    result.complete(() -> watch.tell(Close.CLOSE));
                    return;
                  }
                  watch.tell(Close.CLOSE);
                  result.completeExceptionally(
                      failure instanceof TimeoutException
                          ? new VudoException(ErrorCode.ASK_TIMEOUT, "Space " + space + ".")
                          : failure);
                });
    return result;
  }

  @Override
  public Receive<Message> createReceive() {
    return newReceiveBuilder()
        .onMessage(Signal.class, signal -> onSignal(signal.signal()))
        .onMessage(HandedOver.class, this::onHandedOver)
        .onMessage(Tick.class, tick -> onTick())
        .onMessage(Close.class, close -> onClose())
        .build();
  }

  private Behavior<Message> onTick() {
    partitions.forEach(this::say);
    return this;
  }

  private void say(int partition) {
    client.tell(
        space,
        partition,
        new SpaceCommand.Watch(watchId, template, parts.get(partition).received, signals));
  }

  private Behavior<Message> onSignal(WatchSignal signal) {
    int partition = signal.partition();
    Part part = parts.get(partition);
    if (signal instanceof WatchSignal.Started) {
      part.starts++;
      part.arrived = 0;
      part.received = 0;
      if (part.starts > 1) {
        enqueue(new Batch(partition, part.starts, 0, List.of(TupleChange.missed())));
      } else if (parts.values().stream().allMatch(one -> one.starts > 0)) {
        started.complete(null);
      }
    } else if (signal instanceof WatchSignal.Changed changed) {
      if (changed.before() != part.arrived) {
        enqueue(new Batch(partition, part.starts, part.arrived, List.of(TupleChange.missed())));
      }
      part.arrived = changed.before() + changed.changes().size();
      enqueue(
          new Batch(
              partition,
              part.starts,
              part.arrived,
              changed.changes().stream()
                  .map(change -> TupleChange.of(change.kind(), change.tuple()))
                  .toList()));
    } else if (signal instanceof WatchSignal.Ended ended) {
      return over(ended.error());
    }
    return this;
  }

  private void enqueue(Batch batch) {
    waiting.add(batch);
    next();
  }

  private void next() {
    if (busy || waiting.isEmpty()) {
      return;
    }
    busy = true;
    Batch batch = waiting.remove();
    ActorRef<Message> self = getContext().getSelf();
    getContext()
        .getSystem()
        .dispatchers()
        .lookup(DispatcherSelector.blocking())
        .execute(
            () -> {
              boolean failed = false;
              try {
                batch.changes().forEach(handler::changed);
              } catch (RuntimeException e) {
                LOG.warn("The handler of a watch of {} failed.", space, e);
                failed = true;
              }
              self.tell(new HandedOver(batch, failed));
            });
  }

  private Behavior<Message> onHandedOver(HandedOver done) {
    busy = false;
    if (done.failed()) {
      return over(new VudoError(ErrorCode.INTERNAL_ERROR, "The handler failed."));
    }
    Part part = parts.get(done.batch().partition());
    if (done.batch().start() == part.starts && done.batch().upTo() > part.received) {
      part.received = done.batch().upTo();
      say(done.batch().partition());
    }
    next();
    return this;
  }

  private Behavior<Message> over(VudoError error) {
    unwatch();
    if (!started.completeExceptionally(error.toException())) {
      try {
        handler.ended(error);
      } catch (RuntimeException e) {
        LOG.warn("The handler of a watch of {} failed.", space, e);
      }
    }
    return Behaviors.stopped();
  }

  private Behavior<Message> onClose() {
    unwatch();
    return Behaviors.stopped();
  }

  private void unwatch() {
    for (int partition : partitions) {
      client.tell(space, partition, new SpaceCommand.Unwatch(watchId));
    }
  }
}
