package io.vudo.client;

import io.vudo.protocol.Lease;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * Several operations on one space that happen together or not at all.
 *
 * <p>What it writes is seen by itself only, and what it takes by nobody, until it {@linkplain
 * #commit commits} or {@linkplain #abort aborts}; then the former is there and the latter gone, or
 * the other way round. It aborts by itself when its time is over.
 *
 * <p>Writes and takes in it have no idempotency key and are not repeated: when one fails with
 * {@code NODE_UNREACHABLE} or {@code ASK_TIMEOUT}, it may be done or not, and the transaction is to
 * be aborted and begun again. {@link #commit} and {@link #abort} can be repeated, and are.
 *
 * <p>Every operation fails with {@code TRANSACTION_UNKNOWN} when the transaction is over; beside
 * that as the operation of the same name of {@link TuplespaceClient}. Safe to use from many
 * threads.
 */
public final class Transaction {
  private final TuplespaceClient client;
  private final String space;
  private final String id;

  Transaction(TuplespaceClient client, String space, String id) {
    this.client = client;
    this.space = space;
    this.id = id;
  }

  /** By which {@link TuplespaceClient#transaction} finds it again. */
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
    return client.writeIn(space, tuple, ttlMillis, id);
  }

  /** Writes several tuples. */
  public CompletionStage<List<Lease>> writeAll(List<Tuple> tuples, long ttlMillis) {
    return client.write(space, tuples, ttlMillis, "", id);
  }

  /** The oldest tuple that matches, or else one that this transaction wrote. */
  public CompletionStage<Optional<Tuple>> read(Template template) {
    return read(template, Duration.ZERO);
  }

  /** As the other; waits for a tuple when there is none. */
  public CompletionStage<Optional<Tuple>> read(Template template, Duration wait) {
    return client.find("read", space, template, "", id, wait, true);
  }

  /** Takes the oldest tuple that matches, or else one that this transaction wrote. */
  public CompletionStage<Optional<Tuple>> take(Template template) {
    return take(template, Duration.ZERO);
  }

  /**
   * As the other; waits for a tuple when there is none. Others that wait may be faster, also when
   * they came later.
   */
  public CompletionStage<Optional<Tuple>> take(Template template, Duration wait) {
    return client.find("take", space, template, "", id, wait, false);
  }

  /** Up to {@code limit} tuples that match, with those that this transaction wrote. */
  public CompletionStage<List<Tuple>> readAll(Template template, int limit) {
    return client.findAll("read-all", space, template, limit, id, true);
  }

  /** Takes up to {@code limit} tuples that match. */
  public CompletionStage<List<Tuple>> takeAll(Template template, int limit) {
    return client.findAll("take-all", space, template, limit, id, false);
  }

  /**
   * Commits. Repeated, it answers the same.
   *
   * @return done when all of it has happened. Fails with {@code TRANSACTION_ABORTED} when it was
   *     aborted, also by its time. With {@code ASK_TIMEOUT} or {@code NODE_UNREACHABLE} it is open
   *     whether it was committed; ask again
   */
  public CompletionStage<Void> commit() {
    return client.end("commit", space, id);
  }

  /**
   * Aborts. Repeated, it answers the same.
   *
   * @return done when all of it is undone. Fails with {@code REQUEST_INVALID} when it was committed
   */
  public CompletionStage<Void> abort() {
    return client.end("abort", space, id);
  }
}
