package io.vudo.tuplespace;

import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.internal.LocalSpace;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A tuplespace within one process, in memory only: for programs and tests that want to coordinate
 * their threads by tuples and need neither a cluster nor a journal.
 *
 * <pre>{@code
 * LocalTuplespace space = LocalTuplespace.create();
 * space.write(Tuple.of("job", 7, "payload"));
 * Optional<Tuple> job = space.take(Template.of("job", FieldType.INT, Template.ANY));
 * space.takeAsync(Template.of("done", 7), Duration.ofSeconds(5)).thenAccept(System.out::println);
 * }</pre>
 *
 * <p>What {@link Tuplespace} promises of tuples holds here, too: each tuple is taken once; of
 * several that match, the oldest is read and taken first; those that wait are served in the order
 * in which they came, all readers and one taker by each tuple; a tuple whose lease has ended is not
 * seen by anybody. Every operation is linearizable, also one whose template leaves the first field
 * open, and one on many tuples happens at one moment.
 *
 * <p>An operation whose template fixes the first field locks a part of the space, any other all of
 * it: it costs more, and holds up the others. What a look-up costs depends on how many tuples have
 * the values that the template fixes, and not on how many there are.
 *
 * <p>Leases and timeouts count in milliseconds and never end early. Safe to use from many threads.
 * It needs no closing.
 */
public final class LocalTuplespace {
  /** The end of a tuple's time, which can be moved. */
  public interface Lease {
    /**
     * Lets the tuple stay so long from now on.
     *
     * @param ttl zero for ever
     * @return false when the tuple is not there any more: taken, replaced or at its end
     * @throws VudoException {@code LEASE_INVALID} for a negative time
     */
    boolean renew(Duration ttl);

    /** Removes the tuple; false when it was not there any more. */
    boolean cancel();
  }

  /** How much a space holds. */
  public static final class Builder {
    private long maxBytes = Long.MAX_VALUE;
    private int maxWaiters = 100_000;
    private int stripes = 16;

    private Builder() {}

    /**
     * Bytes of all tuples, as {@link Tuple#encodedBytes} counts them and 256 more for each; no
     * limit by default. What would be more is refused with {@code SPACE_FULL}.
     */
    public Builder maxBytes(long maxBytes) {
      this.maxBytes = maxBytes;
      return this;
    }

    /**
     * How many may wait at once; 100,000 by default. One more is refused with {@code WAITERS_FULL}.
     */
    public Builder maxWaiters(int maxWaiters) {
      this.maxWaiters = maxWaiters;
      return this;
    }

    /**
     * Into how many parts the space is split, each with its lock: 1 to 64, rounded up to a power of
     * two; 16 by default. More let more threads in at once, and make open templates dearer.
     */
    public Builder stripes(int stripes) {
      this.stripes = stripes;
      return this;
    }

    /**
     * An empty space.
     *
     * @throws VudoException {@code CONFIG_INVALID} for a number out of its range
     */
    public LocalTuplespace build() {
      return new LocalTuplespace(new LocalSpace(maxBytes, maxWaiters, stripes));
    }
  }

  private final LocalSpace space;

  private LocalTuplespace(LocalSpace space) {
    this.space = space;
  }

  /** An empty space with the default limits. */
  public static LocalTuplespace create() {
    return builder().build();
  }

  /** To make a space with limits. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Writes a tuple that stays until it is taken.
   *
   * @throws VudoException {@code SPACE_FULL}
   */
  public void write(Tuple tuple) {
    space.write(tuple, 0);
  }

  /**
   * Writes a tuple that is not there any more when its time is over.
   *
   * @param ttl zero for ever
   * @throws VudoException {@code SPACE_FULL}, {@code LEASE_INVALID} for a negative time
   */
  public Lease write(Tuple tuple, Duration ttl) {
    return space.write(tuple, LocalSpace.leaseMillis(ttl));
  }

  /**
   * Writes all of these at one moment, or none.
   *
   * @throws VudoException {@code SPACE_FULL}
   */
  public void writeAll(List<Tuple> tuples) {
    space.writeAll(tuples, 0);
  }

  /**
   * Writes all of these at one moment, or none, each with a lease of its own.
   *
   * @param ttl zero for ever
   * @return the leases, in the order of the tuples
   * @throws VudoException {@code SPACE_FULL}, {@code LEASE_INVALID} for a negative time
   */
  public List<Lease> writeAll(List<Tuple> tuples, Duration ttl) {
    return space.writeAll(tuples, LocalSpace.leaseMillis(ttl));
  }

  /** The oldest tuple that matches, which stays; empty when there is none. */
  public Optional<Tuple> read(Template template) {
    return space.read(template);
  }

  /** Removes the oldest tuple that matches; empty when there is none. */
  public Optional<Tuple> take(Template template) {
    return space.take(template);
  }

  /**
   * The oldest tuples that match, oldest first, as they are at one moment.
   *
   * @param limit how many at most, 1 or more
   * @throws VudoException {@code REQUEST_INVALID} for another limit
   */
  public List<Tuple> readAll(Template template, int limit) {
    return space.readAll(template, limit);
  }

  /**
   * Removes the oldest tuples that match, at one moment.
   *
   * @param limit how many at most, 1 or more
   * @return the tuples, oldest first
   * @throws VudoException {@code REQUEST_INVALID} for another limit
   */
  public List<Tuple> takeAll(Template template, int limit) {
    return space.takeAll(template, limit);
  }

  /** How many tuples match. */
  public long count(Template template) {
    return space.count(template);
  }

  /**
   * Replaces the oldest tuple that matches by another, which is written as any new one is: it has
   * no lease, it is the youngest, and it serves those that wait for it.
   *
   * @return the tuple that was replaced; empty when none matched, and then nothing is written
   * @throws VudoException {@code SPACE_FULL}; nothing is changed then
   */
  public Optional<Tuple> compareAndSwap(Template expected, Tuple replacement) {
    return space.compareAndSwap(expected, replacement);
  }

  /**
   * As {@link #read(Template)}, and waits for a tuple when there is none.
   *
   * <p>No thread waits. What depends on the future runs on the thread that wrote the tuple, or,
   * when the time is over, on one that all spaces share: work that takes long belongs on another
   * ({@code thenApplyAsync} and the like). A future that is cancelled, or completed by somebody
   * else, waits no longer.
   *
   * @param timeout how long to wait; zero or less to ask once
   * @return the tuple, or empty when the time is over; fails with {@code WAITERS_FULL}
   */
  public CompletableFuture<Optional<Tuple>> readAsync(Template template, Duration timeout) {
    return space.await(template, false, timeout);
  }

  /**
   * As {@link #take(Template)}, and waits for a tuple when there is none; {@link #readAsync} says
   * how. No tuple gets lost: once one was taken for this future, cancelling or completing it
   * otherwise answers false and changes nothing.
   *
   * @param timeout how long to wait; zero or less to ask once
   * @return the tuple, or empty when the time is over; fails with {@code WAITERS_FULL}
   */
  public CompletableFuture<Optional<Tuple>> takeAsync(Template template, Duration timeout) {
    return space.await(template, true, timeout);
  }

  /**
   * As {@link #read(Template)}, and blocks until there is a tuple or the time is over.
   *
   * @throws VudoException {@code WAITERS_FULL}
   * @throws InterruptedException when the thread is interrupted before there is a tuple
   */
  public Optional<Tuple> read(Template template, Duration timeout) throws InterruptedException {
    return space.block(template, false, timeout);
  }

  /**
   * As {@link #take(Template)}, and blocks until there is a tuple or the time is over. When the
   * thread is interrupted and a tuple was taken already, it is answered and the thread stays
   * interrupted.
   *
   * @throws VudoException {@code WAITERS_FULL}
   * @throws InterruptedException when the thread is interrupted before there is a tuple
   */
  public Optional<Tuple> take(Template template, Duration timeout) throws InterruptedException {
    return space.block(template, true, timeout);
  }
}
