package io.vudo.client;

import io.vudo.protocol.Lease;
import io.vudo.protocol.SpaceName;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * One tuplespace: the operations of {@link TuplespaceClient} without its name. Each is documented
 * there, with the codes it fails with; those under keys of the caller's are there alone.
 *
 * <p>Immutable, and safe to use from many threads.
 */
public final class SpaceClient {
  private final TuplespaceClient spaces;
  private final String name;

  SpaceClient(TuplespaceClient spaces, String name) {
    SpaceName.check(name);
    this.spaces = spaces;
    this.name = name;
  }

  /** The space's name. */
  public String name() {
    return name;
  }

  /** As {@link TuplespaceClient#write(String, Tuple, long)}. */
  public CompletionStage<Lease> write(Tuple tuple, long ttlMillis) {
    return spaces.write(name, tuple, ttlMillis);
  }

  /** As {@link TuplespaceClient#writeAll(String, List, long)}. */
  public CompletionStage<List<Lease>> writeAll(List<Tuple> tuples, long ttlMillis) {
    return spaces.writeAll(name, tuples, ttlMillis);
  }

  /** As {@link TuplespaceClient#renew}. */
  public CompletionStage<Lease> renew(String lease, long ttlMillis) {
    return spaces.renew(name, lease, ttlMillis);
  }

  /** As {@link TuplespaceClient#cancelLease}. */
  public CompletionStage<Void> cancelLease(String lease) {
    return spaces.cancelLease(name, lease);
  }

  /** As {@link TuplespaceClient#read(String, Template)}. */
  public CompletionStage<Optional<Tuple>> read(Template template) {
    return spaces.read(name, template);
  }

  /** As {@link TuplespaceClient#read(String, Template, Duration)}. */
  public CompletionStage<Optional<Tuple>> read(Template template, Duration wait) {
    return spaces.read(name, template, wait);
  }

  /** As {@link TuplespaceClient#take(String, Template)}. */
  public CompletionStage<Optional<Tuple>> take(Template template) {
    return spaces.take(name, template);
  }

  /** As {@link TuplespaceClient#take(String, Template, Duration)}. */
  public CompletionStage<Optional<Tuple>> take(Template template, Duration wait) {
    return spaces.take(name, template, wait);
  }

  /** As {@link TuplespaceClient#readAll}. */
  public CompletionStage<List<Tuple>> readAll(Template template, int limit) {
    return spaces.readAll(name, template, limit);
  }

  /** As {@link TuplespaceClient#takeAll}. */
  public CompletionStage<List<Tuple>> takeAll(Template template, int limit) {
    return spaces.takeAll(name, template, limit);
  }

  /** As {@link TuplespaceClient#count}. */
  public CompletionStage<Long> count(Template template) {
    return spaces.count(name, template);
  }

  /** As {@link TuplespaceClient#compareAndSwap(String, Template, Tuple, long)}. */
  public CompletionStage<Optional<Tuple>> compareAndSwap(
      Template expected, Tuple replacement, long ttlMillis) {
    return spaces.compareAndSwap(name, expected, replacement, ttlMillis);
  }

  /** As {@link TuplespaceClient#barrier(String, String, int, Duration)}. */
  public CompletionStage<Optional<Integer>> barrier(String barrier, int parties, Duration wait) {
    return spaces.barrier(name, barrier, parties, wait);
  }

  /** As {@link TuplespaceClient#begin}. */
  public CompletionStage<Transaction> begin(Duration timeout) {
    return spaces.begin(name, timeout);
  }

  /** As {@link TuplespaceClient#watch}. */
  public CompletionStage<Watch> watch(Template template, WatchHandler handler) {
    return spaces.watch(name, template, handler);
  }

  @Override
  public String toString() {
    return name;
  }
}
