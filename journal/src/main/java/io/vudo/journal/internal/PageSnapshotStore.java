package io.vudo.journal.internal;

import com.typesafe.config.Config;
import io.vudo.journal.StateSnapshot;
import io.vudo.journal.internal.format.SerializedObject;
import io.vudo.journal.internal.format.SnapshotContent;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.persistence.SelectedSnapshot;
import org.apache.pekko.persistence.SnapshotMetadata;
import org.apache.pekko.persistence.SnapshotSelectionCriteria;
import org.apache.pekko.persistence.jdbc.config.SnapshotConfig;
import org.apache.pekko.persistence.jdbc.db.SlickDatabase;
import org.apache.pekko.persistence.jdbc.db.SlickExtension;
import org.apache.pekko.persistence.jdbc.db.SlickExtensionImpl;
import org.apache.pekko.persistence.jdbc.snapshot.dao.DefaultSnapshotDao;
import org.apache.pekko.persistence.jdbc.snapshot.dao.SnapshotDao;
import org.apache.pekko.persistence.snapshot.japi.SnapshotStore;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializer;
import org.apache.pekko.serialization.Serializers;
import org.apache.pekko.stream.SystemMaterializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Tuple2;
import scala.concurrent.ExecutionContextExecutor;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;

/**
 * The snapshot plugin. The stock JDBC store keeps the bytes; this class adds what it lacks:
 * checksums, chains of page deltas, and going back to an older snapshot when a newer one is
 * damaged. Any object that Pekko can serialize goes the same way as a {@link StateSnapshot}, as a
 * chain of one.
 *
 * <p>Holds no state of its own, so it needs no lock and a restart loses nothing: what depends on
 * what is read from the snapshots.
 */
public final class PageSnapshotStore extends SnapshotStore {
  private static final Logger LOG = LoggerFactory.getLogger(PageSnapshotStore.class);

  private final Serialization serialization;
  private final ExecutionContextExecutor executor;
  private final SnapshotDao blobs;
  private final HandedStateTable handed;
  private final JournalMeters meters;

  /** Called by Pekko with the plugin's section of the configuration. */
  public PageSnapshotStore(Config config) {
    ActorSystem system = context().system();
    serialization = SerializationExtension.get(system);
    executor = context().dispatcher();
    handed = HandedStateTable.get(system);
    meters = JournalMeters.get(system);
    SlickDatabase database = ((SlickExtensionImpl) SlickExtension.get(system)).database(config);
    blobs =
        new DefaultSnapshotDao(
            database.database(),
            database.profile(),
            new SnapshotConfig(config),
            serialization,
            executor,
            SystemMaterializer.get(system).materializer());
  }

  // ---- loading

  @Override
  public Future<Optional<SelectedSnapshot>> doLoadAsync(
      String persistenceId, SnapshotSelectionCriteria criteria) {
    return scala(
        handed
            .takeState(persistenceId, criteria)
            .map(
                expected ->
                    expected.thenCompose(
                        state ->
                            state.isPresent()
                                ? CompletableFuture.completedStage(state)
                                : stored(persistenceId, criteria)))
            .orElseGet(() -> stored(persistenceId, criteria)));
  }

  private CompletionStage<Optional<SelectedSnapshot>> stored(
      String persistenceId, SnapshotSelectionCriteria criteria) {
    return newestWhole(persistenceId, criteria, true)
        .thenApply(
            found ->
                found
                    .filter(chain -> criteria.matches(chain.metadata()))
                    .map(chain -> new SelectedSnapshot(chain.metadata(), chain.value())));
  }

  /**
   * A snapshot with all that it builds on, ready to use, or only checked if {@code value} is null.
   */
  private record Chain(SnapshotMetadata metadata, long fullSequenceNumber, Object value) {}

  /** The parts of a chain read so far, oldest first. */
  private record Parts(SnapshotMetadata newest, Deque<SnapshotContent> contents) {}

  /**
   * Finds the newest snapshot within the criteria that can be read with everything it builds on.
   *
   * @param assemble whether the value is wanted; otherwise it is only checked, and in silence
   */
  private CompletionStage<Optional<Chain>> newestWhole(
      String persistenceId, SnapshotSelectionCriteria criteria, boolean assemble) {
    return read(persistenceId, criteria)
        .thenComposeAsync(
            found -> {
              if (found.isEmpty()) {
                return CompletableFuture.completedFuture(Optional.empty());
              }
              SnapshotMetadata newest = found.get().metadata();
              return whole(found.get(), new Parts(newest, new ArrayDeque<>()), assemble)
                  .handle(
                      (chain, failure) -> {
                        if (failure == null) {
                          return CompletableFuture.completedStage(Optional.of(chain));
                        }
                        VudoException damage = damage(failure);
                        if (assemble) {
                          LOG.warn(
                              "{}: The snapshot of {} at sequence number {} is not used, the one"
                                  + " before it is. {}",
                              ErrorCode.SNAPSHOT_CORRUPT,
                              persistenceId,
                              newest.sequenceNr(),
                              damage.detail());
                        }
                        return newestWhole(
                            persistenceId, before(criteria, newest.sequenceNr()), assemble);
                      })
                  .thenCompose(next -> next);
            },
            executor);
  }

  /**
   * Follows the chain down from {@code found} to a full snapshot, or fails with the damage found.
   */
  private CompletionStage<Chain> whole(Found found, Parts parts, boolean assemble) {
    SnapshotContent content;
    try {
      content = SnapshotCodec.decode(found.blob().bytes());
    } catch (VudoException e) {
      return CompletableFuture.failedStage(
          found.metadata().sequenceNr() == parts.newest().sequenceNr()
              ? e
              : SnapshotCodec.corrupt(
                  "it builds on the one at " + found.metadata().sequenceNr() + ", which is damaged",
                  e));
    }
    long base = content.hasState() ? content.getState().getBaseSequenceNumber() : 0;
    if (assemble) {
      parts.contents().addFirst(content);
    }
    if (base == 0) {
      try {
        return CompletableFuture.completedStage(
            new Chain(
                parts.newest(), found.metadata().sequenceNr(), assemble ? assemble(parts) : null));
      } catch (VudoException e) {
        return CompletableFuture.failedStage(e);
      }
    }
    if (base < 0 || base >= found.metadata().sequenceNr()) {
      return CompletableFuture.failedStage(
          SnapshotCodec.corrupt("it builds on the impossible number " + base, null));
    }
    return read(parts.newest().persistenceId(), upTo(base))
        .thenComposeAsync(
            next ->
                next.isPresent() && next.get().metadata().sequenceNr() == base
                    ? whole(next.get(), parts, assemble)
                    : CompletableFuture.failedStage(
                        SnapshotCodec.corrupt(
                            "it builds on the one at " + base + ", which is gone", null)),
            executor);
  }

  private Object assemble(Parts parts) {
    SnapshotContent first = parts.contents().getFirst();
    if (first.hasObject()) {
      if (parts.contents().size() > 1) {
        throw SnapshotCodec.corrupt("it builds on a snapshot of another kind", null);
      }
      return deserialize(first.getObject());
    }
    SortedMap<Integer, byte[]> pages = new TreeMap<>();
    StateSnapshot part = null;
    long fullBytes = 0;
    long deltaBytes = 0;
    for (SnapshotContent content : parts.contents()) {
      part = SnapshotCodec.toSnapshot(content.getState());
      // A memory that shrank and grew again has zeros where the pages beyond its end were.
      pages.tailMap((int) (part.memoryBytes() / StateSnapshot.PAGE_BYTES)).clear();
      for (Map.Entry<Integer, byte[]> page : part.pages().entrySet()) {
        if (page.getValue().length == 0) {
          pages.remove(page.getKey());
        } else {
          pages.put(page.getKey(), page.getValue());
        }
      }
      if (part.isFull()) {
        fullBytes = part.pageBytes();
      } else {
        deltaBytes += part.pageBytes();
      }
    }
    return StateSnapshot.full(part.header(), part.memoryBytes(), pages)
        .withLineage(
            new StateSnapshot.Lineage(
                parts.newest().sequenceNr(), parts.contents().size() - 1, fullBytes, deltaBytes));
  }

  /**
   * The bytes passed their checksum, so a failure here is no damage: a class or a serializer is
   * missing. Going back to an older snapshot would hide that, so recovery fails.
   */
  private Object deserialize(SerializedObject object) {
    return serialization
        .deserialize(object.getData().toByteArray(), object.getSerializerId(), object.getManifest())
        .get();
  }

  // ---- saving

  @Override
  public Future<Void> doSaveAsync(SnapshotMetadata metadata, Object snapshot) {
    return scala(save(metadata, snapshot));
  }

  private CompletionStage<Void> save(SnapshotMetadata metadata, Object snapshot) {
    long startNanos = System.nanoTime();
    boolean full = !(snapshot instanceof StateSnapshot state) || state.isFull();
    return CompletableFuture.supplyAsync(() -> new SnapshotBlob(encode(snapshot)), executor)
        .thenCompose(
            blob ->
                java(blobs.save(metadata, blob))
                    .whenComplete(
                        (saved, failure) ->
                            meters.snapshot(
                                full,
                                System.nanoTime() - startNanos,
                                blob.bytes().length,
                                failure)))
        .thenCompose(
            saved ->
                snapshot instanceof StateSnapshot state && !state.isFull()
                    ? CompletableFuture.completedStage(null)
                    : retain(metadata));
  }

  private byte[] encode(Object snapshot) {
    if (snapshot instanceof StateSnapshot state) {
      return SnapshotCodec.encode(state);
    }
    Serializer serializer = serialization.findSerializerFor(snapshot);
    return SnapshotCodec.encode(
        serializer.identifier(),
        Serializers.manifestFor(serializer, snapshot),
        serialization.serialize(snapshot).get());
  }

  /**
   * After a new full snapshot: keeps it and one older chain that is known to be whole, and deletes
   * all before that. That the snapshot was saved stays true when this fails.
   */
  private CompletionStage<Void> retain(SnapshotMetadata saved) {
    String persistenceId = saved.persistenceId();
    return newestWhole(persistenceId, upTo(saved.sequenceNr() - 1), false)
        .thenCompose(
            older ->
                older.isEmpty() || older.get().fullSequenceNumber() <= 1
                    ? CompletableFuture.<Void>completedStage(null)
                    : done(
                        blobs.deleteUpToMaxSequenceNr(
                            persistenceId, older.get().fullSequenceNumber() - 1)))
        .exceptionally(
            failure -> {
              LOG.warn("Old snapshots of {} could not be deleted yet", persistenceId, failure);
              return null;
            });
  }

  // ---- deleting

  @Override
  public Future<Void> doDeleteAsync(SnapshotMetadata metadata) {
    return scala(delete(metadata));
  }

  private CompletionStage<Void> delete(SnapshotMetadata metadata) {
    String persistenceId = metadata.persistenceId();
    long sequenceNumber = metadata.sequenceNr();
    return needed(persistenceId)
        .thenCompose(
            needed ->
                needed.isPresent()
                        && sequenceNumber >= needed.get().from()
                        && sequenceNumber < needed.get().newest()
                    ? CompletableFuture.<Void>completedStage(null)
                    : done(blobs.delete(persistenceId, sequenceNumber)));
  }

  @Override
  public Future<Void> doDeleteAsync(String persistenceId, SnapshotSelectionCriteria criteria) {
    return scala(delete(persistenceId, criteria));
  }

  private CompletionStage<Void> delete(String persistenceId, SnapshotSelectionCriteria criteria) {
    return needed(persistenceId)
        .thenCompose(
            needed -> {
              // Up to the newest or beyond: nothing is left that could need what is deleted.
              long most =
                  needed.isEmpty() || criteria.maxSequenceNr() >= needed.get().newest()
                      ? criteria.maxSequenceNr()
                      : Math.min(criteria.maxSequenceNr(), needed.get().from() - 1);
              if (criteria.maxTimestamp() == Long.MAX_VALUE) {
                return done(blobs.deleteUpToMaxSequenceNr(persistenceId, most));
              }
              long safe = needed.isEmpty() ? most : Math.min(most, needed.get().from() - 1);
              return done(
                  blobs.deleteUpToMaxSequenceNrAndMaxTimestamp(
                      persistenceId, safe, criteria.maxTimestamp()));
            });
  }

  /** What must stay while the newest snapshot does: {@code from} to {@code newest}. */
  private record Needed(long from, long newest) {}

  private CompletionStage<Optional<Needed>> needed(String persistenceId) {
    return newestWhole(persistenceId, upTo(Long.MAX_VALUE), false)
        .thenCompose(
            newest ->
                newest.isEmpty()
                    ? CompletableFuture.completedStage(Optional.empty())
                    : newestWhole(persistenceId, upTo(newest.get().fullSequenceNumber() - 1), false)
                        .thenApply(
                            older ->
                                Optional.of(
                                    new Needed(
                                        older.orElse(newest.get()).fullSequenceNumber(),
                                        newest.get().metadata().sequenceNr()))));
  }

  // ---- the stock store

  private record Found(SnapshotMetadata metadata, SnapshotBlob blob) {}

  private CompletionStage<Optional<Found>> read(
      String persistenceId, SnapshotSelectionCriteria criteria) {
    if (criteria.maxSequenceNr() <= 0) {
      return CompletableFuture.completedStage(Optional.empty());
    }
    Future<Option<Tuple2<SnapshotMetadata, Object>>> row =
        criteria.maxTimestamp() == Long.MAX_VALUE
            ? blobs.snapshotForMaxSequenceNr(persistenceId, criteria.maxSequenceNr())
            : blobs.snapshotForMaxSequenceNrAndMaxTimestamp(
                persistenceId, criteria.maxSequenceNr(), criteria.maxTimestamp());
    return java(row)
        .thenApply(
            found ->
                found.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new Found(found.get()._1(), (SnapshotBlob) found.get()._2())));
  }

  private static SnapshotSelectionCriteria upTo(long sequenceNumber) {
    return SnapshotSelectionCriteria.create(sequenceNumber, Long.MAX_VALUE);
  }

  private static SnapshotSelectionCriteria before(
      SnapshotSelectionCriteria criteria, long sequenceNumber) {
    return SnapshotSelectionCriteria.create(sequenceNumber - 1, criteria.maxTimestamp());
  }

  /**
   * The damage that a stage failed with; anything else, such as a lost database, stays a failure.
   */
  private static VudoException damage(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof VudoException e && e.code() == ErrorCode.SNAPSHOT_CORRUPT) {
      return e;
    }
    throw new CompletionException(cause);
  }

  /** What follows runs on the plugin's threads; on its own such a stage starts one for each. */
  private <T> CompletionStage<T> java(Future<T> future) {
    return FutureConverters.asJava(future).thenApplyAsync(Function.identity(), executor);
  }

  private static <T> Future<T> scala(CompletionStage<T> stage) {
    return FutureConverters.asScala(stage);
  }

  private CompletionStage<Void> done(Future<?> future) {
    return java(future).thenAccept(ignored -> {});
  }
}
