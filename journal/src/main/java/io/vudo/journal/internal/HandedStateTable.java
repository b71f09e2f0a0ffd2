package io.vudo.journal.internal;

import io.vudo.journal.StateSnapshot;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Extension;
import org.apache.pekko.persistence.SelectedSnapshot;
import org.apache.pekko.persistence.SnapshotMetadata;
import org.apache.pekko.persistence.SnapshotSelectionCriteria;

/**
 * What is behind {@link io.vudo.journal.HandedStates}, with the plugins' side of it.
 *
 * <p>A recovery first asks the snapshot store, then the journal. The store's question takes the
 * state and leaves its position for the journal's question. Every question to the store first drops
 * a position left by a recovery that was broken off between the two, so both parts of one recovery
 * always see the same entry. Thread-safe.
 */
public final class HandedStateTable implements Extension {
  private static final Id ID = new Id();

  private record Handed(StateSnapshot state, long sequenceNumber) {}

  /** Of each, empty when it was discarded; not done while it is expected. */
  private final Map<String, CompletableFuture<Optional<Handed>>> states = new ConcurrentHashMap<>();

  private final Map<String, Long> positions = new ConcurrentHashMap<>();

  private HandedStateTable() {}

  private static final class Id extends AbstractExtensionId<HandedStateTable> {
    @Override
    public HandedStateTable createExtension(ExtendedActorSystem system) {
      return new HandedStateTable();
    }
  }

  /** That of an actor system. */
  public static HandedStateTable get(ClassicActorSystemProvider system) {
    return ID.get(system);
  }

  /** Lets the next recovery wait. */
  public void expect(String persistenceId) {
    CompletableFuture<Optional<Handed>> before =
        states.put(persistenceId, new CompletableFuture<>());
    if (before != null) {
      before.complete(Optional.empty());
    }
  }

  /** Gives a full state to the recovery that waits, or keeps it for the next one. */
  public void put(String persistenceId, StateSnapshot state, long sequenceNumber) {
    Optional<Handed> handed = Optional.of(new Handed(state, sequenceNumber));
    CompletableFuture<Optional<Handed>> expected = states.get(persistenceId);
    if (expected == null || !expected.complete(handed)) {
      states.put(persistenceId, CompletableFuture.completedFuture(handed));
    }
  }

  /** Forgets it; answers whether it was there, or expected. */
  public boolean discard(String persistenceId) {
    CompletableFuture<Optional<Handed>> state = states.remove(persistenceId);
    if (state != null) {
      state.complete(Optional.empty());
    }
    return state != null;
  }

  /**
   * For the snapshot store: the state that this recovery begins with, as soon as it is handed over.
   *
   * @return empty when none is, nor expected
   */
  Optional<CompletionStage<Optional<SelectedSnapshot>>> takeState(
      String persistenceId, SnapshotSelectionCriteria criteria) {
    positions.remove(persistenceId);
    return Optional.ofNullable(states.get(persistenceId))
        .map(
            state ->
                state.thenApply(
                    handed -> {
                      states.remove(persistenceId, state);
                      return handed.flatMap(it -> taken(persistenceId, it, criteria));
                    }));
  }

  private Optional<SelectedSnapshot> taken(
      String persistenceId, Handed handed, SnapshotSelectionCriteria criteria) {
    SnapshotMetadata metadata =
        new SnapshotMetadata(persistenceId, handed.sequenceNumber(), System.currentTimeMillis());
    if (!criteria.matches(metadata)) {
      return Optional.empty();
    }
    positions.put(persistenceId, handed.sequenceNumber());
    return Optional.of(SelectedSnapshot.create(metadata, handed.state()));
  }

  /**
   * For the journal: the highest sequence number, if this recovery began with a handed state.
   *
   * @param from where the recovery begins: the number of its snapshot
   */
  OptionalLong takePosition(String persistenceId, long from) {
    Long position = positions.remove(persistenceId);
    return position != null && position == from ? OptionalLong.of(position) : OptionalLong.empty();
  }
}
