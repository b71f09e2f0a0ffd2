package io.vudo.node.benchmark.pause;

import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * A sharded entity as a Pekko user writes it, with a state of some size that its one snapshot has.
 * A ping writes nothing, which is in its favour.
 */
final class StockEntity extends EventSourcedBehavior<StockEntity.Command, byte[], byte[]> {
  static final EntityTypeKey<Command> KEY = EntityTypeKey.create(Command.class, "stock");

  /** The entities in the memory of this process. */
  static final Set<Integer> RESIDENT = ConcurrentHashMap.newKeySet();

  /** What it is told; see {@link StockSerializer}. */
  interface Command {
    ActorRef<Long> replyTo();
  }

  record Fill(int bytes, ActorRef<Long> replyTo) implements Command {}

  record Ping(ActorRef<Long> replyTo) implements Command {}

  private final int number;

  private StockEntity(String id) {
    super(PersistenceId.of(KEY.name(), id));
    this.number = Integer.parseInt(id);
  }

  static Behavior<Command> create(String id) {
    return Behaviors.setup(context -> new StockEntity(id));
  }

  @Override
  public byte[] emptyState() {
    return new byte[0];
  }

  @Override
  public CommandHandler<Command, byte[], byte[]> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(
            Fill.class,
            fill ->
                Effect()
                    .persist(content(number, fill.bytes()))
                    .thenRun((byte[] state) -> fill.replyTo().tell((long) state.length)))
        .onCommand(
            Ping.class,
            (state, ping) ->
                Effect().none().thenRun(same -> ping.replyTo().tell((long) same.length)))
        .build();
  }

  /** That does not become smaller by compression. */
  static byte[] content(int seed, int bytes) {
    byte[] content = new byte[bytes];
    new Random(seed).nextBytes(content);
    return content;
  }

  @Override
  public EventHandler<byte[], byte[]> eventHandler() {
    return (state, event) -> Arrays.copyOf(event, event.length);
  }

  @Override
  public boolean shouldSnapshot(byte[] state, byte[] event, long sequenceNumber) {
    return true;
  }

  @Override
  public SignalHandler<byte[]> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), state -> RESIDENT.add(number))
        .onSignal(PostStop.instance(), state -> RESIDENT.remove(number))
        .onSignal(PreRestart.instance(), state -> RESIDENT.remove(number))
        .build();
  }
}
