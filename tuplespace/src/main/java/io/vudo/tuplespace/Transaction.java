package io.vudo.tuplespace;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Lease;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.internal.ManyTuples;
import io.vudo.tuplespace.internal.SpaceClient;
import io.vudo.tuplespace.internal.SpaceCommand;
import io.vudo.tuplespace.internal.SpaceReply;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Several operations on one space that happen together or not at all.
 *
 * <p>What it writes is seen by itself only, and what it takes by nobody, until it {@linkplain
 * #commit commits} or {@linkplain #abort aborts}; then the former is there and the latter gone, or
 * the other way round. It aborts by itself when its time is over. Once a commit was answered, every
 * reader sees all of it; while it is under way, one that looks at different first fields may see
 * some of it. What it only reads, others may take meanwhile.
 *
 * <p>It survives crashes of nodes: an open one stays open until its time is over, one that was
 * committed is carried out. An operation that is under way when the transaction ends belongs to it
 * or is refused.
 *
 * <p>Every operation fails with {@code TRANSACTION_UNKNOWN} when the transaction is over; beside
 * that as the operation of the same name of {@link Tuplespace}. Safe to use from many threads.
 */
public final class Transaction {
  private final SpaceClient client;
  private final String space;
  private final String id;
  private final int home;

  /** Done when it is known that the transaction was begun and is open; null until it is asked. */
  private volatile CompletableFuture<Void> known;

  /**
   * @param known whether it was just begun
   */
  Transaction(SpaceClient client, String space, String id, int home, boolean known) {
    this.client = client;
    this.space = space;
    this.id = id;
    this.home = home;
    this.known = known ? CompletableFuture.completedFuture(null) : null;
  }

  /**
   * A partition believes that a transaction is open until it hears that it is over; only the home
   * knows that there is one at all. So it is asked, once, before the first operation.
   */
  private <T> CompletableFuture<T> whenOpen(Supplier<CompletableFuture<T>> operation) {
    CompletableFuture<Void> asked = known;
    if (asked == null || asked.isCompletedExceptionally()) {
      asked =
          client.ask(
              space,
              home,
              replyTo -> new SpaceCommand.AskOutcome(id, replyTo),
              reply -> {
                if (((SpaceReply.Outcome) reply).outcome() != HoldOutcome.PENDING) {
                  throw new VudoException(ErrorCode.TRANSACTION_UNKNOWN, id);
                }
                return null;
              });
      known = asked;
    }
    return SpaceClient.then(asked, open -> operation.get());
  }

  /** By which {@link Tuplespace#transaction} finds it again. */
  public String id() {
    return id;
  }

  /** The space. */
  public String space() {
    return space;
  }

  /**
   * Writes a tuple.
   *
   * @param ttlMillis the lease, which counts from now on; 0 for ever
   */
  public CompletionStage<Lease> write(Tuple tuple, long ttlMillis) {
    return SpaceClient.map(written(List.of(tuple), ttlMillis), leases -> leases.get(0));
  }

  /** Writes several tuples. */
  public CompletionStage<List<Lease>> writeAll(List<Tuple> tuples, long ttlMillis) {
    return written(tuples, ttlMillis);
  }

  private CompletableFuture<List<Lease>> written(List<Tuple> tuples, long ttlMillis) {
    return whenOpen(
        () -> ManyTuples.write(client, space, tuples, ttlMillis, OperationId.none(), id));
  }

  /** The oldest tuple that matches, or else one that this transaction wrote. */
  public CompletionStage<Optional<Tuple>> read(Template template) {
    return SpaceClient.map(
        whenOpen(() -> client.find(space, template, id)),
        place -> place.map(one -> one.found().tuple()));
  }

  /** As the other; waits for a tuple when there is none. */
  public CompletionStage<Optional<Tuple>> read(Template template, Duration wait) {
    return wait.isZero()
        ? read(template)
        : whenOpen(() -> client.awaitRead(space, template, wait.toMillis(), id));
  }

  /** Takes the oldest tuple that matches, or else one that this transaction wrote. */
  public CompletionStage<Optional<Tuple>> take(Template template) {
    return taken(template);
  }

  private CompletableFuture<Optional<Tuple>> taken(Template template) {
    return SpaceClient.map(
        whenOpen(
            () ->
                client.remove(
                    space,
                    template,
                    id,
                    (partition, replyTo) ->
                        new SpaceCommand.Take(
                            OperationId.none(),
                            template,
                            id,
                            SpaceCommand.Patience.NONE,
                            replyTo))),
        place -> place.map(one -> one.found().tuple()));
  }

  /**
   * As the other; waits for a tuple when there is none. Others that wait may be faster, also when
   * they came later.
   */
  public CompletionStage<Optional<Tuple>> take(Template template, Duration wait) {
    return takeUntil(template, System.nanoTime() + wait.toNanos());
  }

  private CompletableFuture<Optional<Tuple>> takeUntil(Template template, long endNanos) {
    return SpaceClient.then(
        taken(template),
        taken -> {
          long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
          if (taken.isPresent() || leftMillis <= 0) {
            return CompletableFuture.completedFuture(taken);
          }
          return SpaceClient.then(
              client.awaitRead(space, template, leftMillis, id),
              seen ->
                  seen.isEmpty()
                      ? CompletableFuture.completedFuture(seen)
                      : takeUntil(template, endNanos));
        });
  }

  /** Up to {@code limit} tuples that match, with those that this transaction wrote. */
  public CompletionStage<List<Tuple>> readAll(Template template, int limit) {
    return whenOpen(() -> ManyTuples.read(client, space, template, limit, id));
  }

  /** Takes up to {@code limit} tuples that match. */
  public CompletionStage<List<Tuple>> takeAll(Template template, int limit) {
    return whenOpen(() -> ManyTuples.take(client, space, template, limit, id));
  }

  /** Takes the one, writes the other, and commits; aborts when there is nothing to take. */
  CompletionStage<Optional<Tuple>> swap(Template expected, Tuple replacement, long ttlMillis) {
    CompletableFuture<Optional<Tuple>> swapped =
        SpaceClient.then(
            taken(expected),
            taken -> {
              if (taken.isEmpty()) {
                return SpaceClient.then(
                    end(false), done -> CompletableFuture.completedFuture(taken));
              }
              return SpaceClient.then(
                  write(replacement, ttlMillis).toCompletableFuture(),
                  lease ->
                      SpaceClient.then(
                          end(true), done -> CompletableFuture.completedFuture(taken)));
            });
    var unused =
        swapped.whenComplete(
            (done, failure) -> {
              if (failure != null) {
                // If the commit was decided already, this changes nothing.
                var unusedEnd = end(false);
              }
            });
    return swapped;
  }

  /**
   * Commits. Repeated, it answers the same.
   *
   * @return done when all of it has happened. Fails with {@code TRANSACTION_ABORTED} when it was
   *     aborted, also by its time. With {@code ASK_TIMEOUT} it is open whether it was committed;
   *     ask again
   */
  public CompletionStage<Void> commit() {
    return end(true);
  }

  /**
   * Aborts. Repeated, it answers the same.
   *
   * @return done when all of it is undone. Fails with {@code REQUEST_INVALID} when it was committed
   */
  public CompletionStage<Void> abort() {
    return end(false);
  }

  private CompletableFuture<Void> end(boolean commit) {
    return client.ask(
        space, home, replyTo -> new SpaceCommand.End(id, commit, replyTo), reply -> null);
  }
}
