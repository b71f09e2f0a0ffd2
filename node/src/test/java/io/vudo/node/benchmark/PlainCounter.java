package io.vudo.node.benchmark;

import com.google.protobuf.Int64Value;
import io.vudo.journal.EmbeddedJournal;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;

/** The counter as a Pekko user writes it. */
final class PlainCounter extends EventSourcedBehavior<PlainCounter.Add, Int64Value, Long> {
  static final EntityTypeKey<Add> KEY = EntityTypeKey.create(Add.class, "plain-counter");

  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  record Add(ActorRef<Long> replyTo) {}

  private PlainCounter(String id) {
    super(PersistenceId.of("plain-counter", id));
  }

  static Behavior<Add> create(String id) {
    return Behaviors.setup(context -> new PlainCounter(id));
  }

  /** Answers where Spirits answer too: on its own the stage starts a thread for each callback. */
  static CompletionStage<Long> ask(ActorSystem<?> system, ClusterSharding sharding, String id) {
    return sharding
        .entityRefFor(KEY, id)
        .<Long>ask(Add::new, TIMEOUT)
        .thenApplyAsync(Function.identity(), system.executionContext());
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
