package io.vudo.journal;

import com.google.protobuf.ByteString;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Turn;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.SnapshotCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/** A Spirit without WebAssembly: each turn writes one number into its memory. */
final class TestSpirit
    extends EventSourcedBehavior<TestSpirit.Command, SpiritEvent, TestSpirit.State> {
  static final int MEMORY_BYTES = 256 * 1024;

  sealed interface Command permits Write, Get {}

  /** Writes a value at an index and answers the sequence number once that is durable. */
  record Write(int index, long value, ActorRef<Long> replyTo) implements Command {}

  record Get(ActorRef<View> replyTo) implements Command {}

  /** What is seen from outside: the memory, turns applied in all, and those replayed as events. */
  record View(ByteBuffer memory, long turns, int replayed) {}

  static final class State {
    final ByteBuffer memory = ByteBuffer.allocateDirect(MEMORY_BYTES);
    final PageTracker tracker = new PageTracker();
    final SnapshotChain chain = new SnapshotChain();
    long turns;
    int replayed;
    boolean live;
    long sequenceNumber;
  }

  private final int snapshotEvery;
  private final ActorRef<Long> snapshots;

  private TestSpirit(PersistenceId id, int snapshotEvery, ActorRef<Long> snapshots) {
    super(id);
    this.snapshotEvery = snapshotEvery;
    this.snapshots = snapshots;
  }

  /** Tells {@code snapshots} the sequence number of every snapshot that was stored. */
  static Behavior<Command> create(String id, int snapshotEvery, ActorRef<Long> snapshots) {
    return Behaviors.setup(
        context -> new TestSpirit(PersistenceId.ofUniqueId(id), snapshotEvery, snapshots));
  }

  @Override
  public State emptyState() {
    return new State();
  }

  @Override
  public CommandHandler<Command, SpiritEvent, State> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(
            Write.class,
            (state, write) ->
                Effect()
                    .persist(event(state.turns + 1, write.index(), write.value()))
                    .thenReply(write.replyTo(), after -> after.turns))
        .onCommand(
            Get.class,
            (state, get) -> {
              ByteBuffer copy = ByteBuffer.allocate(MEMORY_BYTES);
              copy.put(0, state.memory, 0, MEMORY_BYTES);
              get.replyTo().tell(new View(copy, state.turns, state.replayed));
              return Effect().none();
            })
        .build();
  }

  static SpiritEvent event(long turn, int index, long value) {
    ByteString payload =
        ByteString.copyFrom(ByteBuffer.allocate(12).putInt(index).putLong(value).flip());
    return SpiritEvent.newBuilder()
        .setTurn(
            Turn.newBuilder()
                .setNumber(turn)
                .setInput(Message.newBuilder().setId("m" + turn).setPayload(payload)))
        .build();
  }

  @Override
  public EventHandler<State, SpiritEvent> eventHandler() {
    return newEventHandlerBuilder()
        .forAnyState()
        .onAnyEvent(
            (state, event) -> {
              ByteBuffer payload = event.getTurn().getInput().getPayload().asReadOnlyByteBuffer();
              state.memory.putLong(payload.getInt(), payload.getLong());
              state.tracker.update(state.memory);
              state.turns = event.getTurn().getNumber();
              if (!state.live) {
                state.replayed++;
              }
              return state;
            });
  }

  @Override
  public boolean shouldSnapshot(State state, SpiritEvent event, long sequenceNumber) {
    state.sequenceNumber = sequenceNumber;
    return sequenceNumber % snapshotEvery == 0;
  }

  @Override
  public SnapshotAdapter<State> snapshotAdapter() {
    return new SnapshotAdapter<>() {
      @Override
      public Object toJournal(State state) {
        return state.chain.take(
            state.sequenceNumber,
            ByteString.copyFromUtf8(Long.toString(state.turns)),
            state.tracker);
      }

      @Override
      public State fromJournal(Object from) {
        State state = new State();
        if (from instanceof StateSnapshot snapshot) {
          state.tracker.loadFrom(snapshot);
          state.chain.recovered(snapshot);
          state.tracker.restoreInto(state.memory);
          state.turns = Long.parseLong(snapshot.header().toStringUtf8());
        }
        return state;
      }
    };
  }

  @Override
  public SignalHandler<State> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.class, (state, signal) -> state.live = true)
        .onSignal(
            SnapshotCompleted.class,
            (state, signal) -> snapshots.tell(signal.metadata().sequenceNr()))
        .build();
  }
}
