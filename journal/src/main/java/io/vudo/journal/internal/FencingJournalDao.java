package io.vudo.journal.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.jdbc.config.JournalConfig;
import org.apache.pekko.persistence.jdbc.journal.dao.DefaultJournalDao;
import org.apache.pekko.persistence.jdbc.journal.dao.JournalTables.JournalPekkoSerializationRow;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.javadsl.Sink;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.collection.immutable.Set;
import scala.concurrent.ExecutionContext;
import scala.concurrent.ExecutionContextExecutor;
import scala.concurrent.Future;
import scala.concurrent.Promise;
import scala.concurrent.Promise$;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.FutureConverters;
import scala.runtime.BoxedUnit;
import scala.util.Failure;
import scala.util.Success;
import scala.util.Try;
import slick.jdbc.JdbcBackend.JdbcDatabaseDef;
import slick.jdbc.JdbcProfile;

/**
 * The stock access to the journal's tables, with the journal's position as the fence: of two owners
 * of a persistence id only one can write at a sequence number, as the pair is unique. The other one
 * gets {@code SPIRIT_FENCED}.
 *
 * <p>Many writers share a transaction, so one that is fenced makes all of them fail. Each is then
 * written once more, alone. That is safe only because a broken key proves that nothing of the
 * transaction is there. After any other failure, such as a connection that went away while the
 * database committed, nobody knows; then nothing is written again, and the writer fails.
 *
 * <p>Being fenced is answered as the rejection of a write, not as a failure of the journal, so that
 * it does not open the circuit breaker for the Spirits that this node does own.
 */
public final class FencingJournalDao extends DefaultJournalDao {
  private final ExecutionContextExecutor executor;
  private final JournalMeters meters;

  /** Called by the plugin. */
  public FencingJournalDao(
      JdbcDatabaseDef database,
      JdbcProfile profile,
      JournalConfig config,
      Serialization serialization,
      ExecutionContext executor,
      Materializer materializer) {
    super(database, profile, config, serialization, executor, materializer);
    this.executor = materializer.executionContext();
    this.meters = JournalMeters.get(materializer.system());
  }

  /** One result for each write: all are in one transaction, so a fence rejects them all. */
  @Override
  public Future<Seq<Try<BoxedUnit>>> asyncWriteMessages(Seq<AtomicWrite> messages) {
    long startNanos = System.nanoTime();
    return scala(
        java(super.asyncWriteMessages(messages))
            .handle(
                (results, failure) -> {
                  if (failure == null) {
                    meters.written(System.nanoTime() - startNanos);
                    return results;
                  }
                  Throwable cause = unwrap(failure);
                  if (cause instanceof VudoException e && e.code() == ErrorCode.SPIRIT_FENCED) {
                    meters.fenced(messages.size());
                    List<Try<BoxedUnit>> rejected = new ArrayList<>();
                    for (int i = 0; i < messages.size(); i++) {
                      rejected.add(new Failure<>(e));
                    }
                    return CollectionConverters.asScala(rejected).toList();
                  }
                  throw new CompletionException(cause);
                }));
  }

  @Override
  public Future<BoxedUnit> queueWriteJournalRows(
      Seq<Tuple2<JournalPekkoSerializationRow, Set<String>>> rows) {
    return scala(
        java(super.queueWriteJournalRows(rows))
            .handle(
                (done, failure) -> {
                  if (failure == null) {
                    return CompletableFuture.completedStage(done);
                  }
                  Throwable cause = unwrap(failure);
                  return SqlFailures.provesNothingWritten(cause)
                      ? writeAlone(rows)
                      : CompletableFuture.<BoxedUnit>failedStage(cause);
                })
            .thenCompose(next -> next));
  }

  /** One transaction; the stock class calls it with all that share one. */
  @Override
  public Future<BoxedUnit> writeJournalRows(
      Seq<Tuple2<JournalPekkoSerializationRow, Set<String>>> rows) {
    long bytes = 0;
    for (Tuple2<JournalPekkoSerializationRow, Set<String>> row :
        CollectionConverters.asJava(rows)) {
      bytes += row._1().eventPayload().length;
    }
    long payloadBytes = bytes;
    long startNanos = System.nanoTime();
    meters.commitBegins();
    Future<BoxedUnit> commit = super.writeJournalRows(rows);
    commit.onComplete(
        done -> {
          meters.commitEnds(
              System.nanoTime() - startNanos,
              rows.size(),
              payloadBytes,
              done instanceof Failure<BoxedUnit> failed ? failed.exception() : null);
          return null;
        },
        executor);
    return commit;
  }

  private CompletionStage<BoxedUnit> writeAlone(
      Seq<Tuple2<JournalPekkoSerializationRow, Set<String>>> rows) {
    return java(writeJournalRows(rows))
        .handle(
            (done, failure) -> {
              if (failure == null) {
                return CompletableFuture.completedStage(done);
              }
              Throwable cause = unwrap(failure);
              return SqlFailures.isBrokenKey(cause)
                  ? whoseRows(CollectionConverters.asJava(rows), cause)
                  : CompletableFuture.<BoxedUnit>failedStage(cause);
            })
        .thenCompose(next -> next);
  }

  /**
   * Tells a fence from this writer's own rows, which are there if the transaction that was reported
   * as failed was in fact committed; then they are durable and the write has succeeded.
   */
  private CompletionStage<BoxedUnit> whoseRows(
      List<Tuple2<JournalPekkoSerializationRow, Set<String>>> rows, Throwable violation) {
    String persistenceId = rows.get(0)._1().persistenceId();
    String writer = rows.get(0)._1().writer();
    java.util.Set<Long> missing = new HashSet<>();
    long from = Long.MAX_VALUE;
    long to = 0;
    for (Tuple2<JournalPekkoSerializationRow, Set<String>> row : rows) {
      missing.add(row._1().sequenceNumber());
      from = Math.min(from, row._1().sequenceNumber());
      to = Math.max(to, row._1().sequenceNumber());
    }
    return messages(persistenceId, from, to, rows.size())
        .asJava()
        .runWith(Sink.seq(), mat())
        .thenApplyAsync(
            found -> {
              for (Try<Tuple2<PersistentRepr, Object>> row : found) {
                if (row instanceof Success<Tuple2<PersistentRepr, Object>> read) {
                  PersistentRepr event = read.value()._1();
                  if (!Objects.equals(event.writerUuid(), writer)) {
                    throw fenced(event, writer);
                  }
                  missing.remove(event.sequenceNr());
                }
              }
              if (missing.isEmpty()) {
                return BoxedUnit.UNIT;
              }
              throw new CompletionException(violation);
            },
            executor);
  }

  private static VudoException fenced(PersistentRepr event, String writer) {
    return new VudoException(
        ErrorCode.SPIRIT_FENCED,
        "The position "
            + event.sequenceNr()
            + " of "
            + event.persistenceId()
            + " was written by "
            + event.writerUuid()
            + "; this one is "
            + writer
            + ".");
  }

  private static Throwable unwrap(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** What follows runs on the plugin's threads; on its own such a stage starts one for each. */
  private <T> CompletionStage<T> java(Future<T> future) {
    return FutureConverters.asJava(future).thenApplyAsync(result -> result, executor);
  }

  /** With the failure itself, not wrapped, as that is what users find in the log. */
  private static <T> Future<T> scala(CompletionStage<T> stage) {
    Promise<T> promise = Promise$.MODULE$.apply();
    var unused =
        stage.whenComplete(
            (value, failure) -> {
              if (failure == null) {
                promise.success(value);
              } else {
                promise.failure(unwrap(failure));
              }
            });
    return promise.future();
  }
}
