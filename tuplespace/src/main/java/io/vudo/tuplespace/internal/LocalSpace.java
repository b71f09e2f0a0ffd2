package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.LocalTuplespace;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * A space in memory that many threads use: {@link LocalTuplespace}.
 *
 * <p>Tuples are split over stripes by arity and first field, each a {@link TupleStore} and its
 * {@link Waiters} under a lock. An operation locks the stripes that it needs, in ascending order,
 * does everything at once and unlocks them; that is its moment. Entry ids and arrivals are counted
 * for the whole space, so the oldest of several stripes is known.
 *
 * <p>Those that wait with an open first field are in a place of their own with a lock that comes
 * after those of all stripes. Who writes looks there under its stripe's lock, and only if somebody
 * waits: to begin to wait there takes all locks, so nobody can be overlooked.
 *
 * <p>Futures are completed when no lock is held.
 */
public final class LocalSpace {
  private static final int MAX_STRIPES = 64;
  private static final int SPINS = 100;

  /** For all spaces. Its thread comes when there is something to do, and keeps no process alive. */
  private static final ScheduledThreadPoolExecutor TIMER = timer();

  private static ScheduledThreadPoolExecutor timer() {
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "vudo-local-tuplespace-timer");
              thread.setDaemon(true);
              return thread;
            });
    timer.setRemoveOnCancelPolicy(true);
    return timer;
  }

  private final long maxBytes;
  private final int maxWaiters;
  private final LongSupplier clock;
  private final Part[] stripes;
  private final Part open;
  private final long allStripes;
  private final AtomicLong nextEntryId = new AtomicLong(1);
  private final AtomicLong nextArrival = new AtomicLong(1);
  private final AtomicLong storedBytes = new AtomicLong();
  private final AtomicInteger waiting = new AtomicInteger();

  /** How many wait in {@link #open}; grows only while all stripes are locked. */
  private final AtomicInteger waitingOpen = new AtomicInteger();

  /** A space with these limits; {@link LocalTuplespace.Builder} says what they mean. */
  public LocalSpace(long maxBytes, int maxWaiters, int stripes) {
    this(maxBytes, maxWaiters, stripes, () -> System.nanoTime() / 1_000_000);
  }

  /**
   * @param clock in milliseconds, from any beginning; never goes back
   */
  LocalSpace(long maxBytes, int maxWaiters, int stripes, LongSupplier clock) {
    if (maxBytes < 0 || maxWaiters < 0 || stripes < 1 || stripes > MAX_STRIPES) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID,
          "Got " + maxBytes + " bytes, " + maxWaiters + " waiters, " + stripes + " stripes.");
    }
    this.maxBytes = maxBytes;
    this.maxWaiters = maxWaiters;
    this.clock = clock;
    int count = stripes == 1 ? 1 : Integer.highestOneBit(stripes - 1) << 1;
    this.stripes = new Part[count];
    for (int i = 0; i < count; i++) {
      this.stripes[i] = new Part();
    }
    this.open = new Part();
    this.allStripes = count == MAX_STRIPES ? -1 : (1L << count) - 1;
  }

  /**
   * The milliseconds of a lease; 0 for ever.
   *
   * @throws VudoException {@code LEASE_INVALID}
   */
  public static long leaseMillis(Duration ttl) {
    if (ttl.isNegative()) {
      throw new VudoException(ErrorCode.LEASE_INVALID, "Got " + ttl + ".");
    }
    return millis(ttl);
  }

  /** Rounded up, so that nothing ends early; the longest there is for what is too long. */
  private static long millis(Duration duration) {
    try {
      long millis = duration.toMillis();
      return duration.minusMillis(millis).isZero() ? millis : millis + 1;
    } catch (ArithmeticException e) {
      return duration.isNegative() ? 0 : Long.MAX_VALUE;
    }
  }

  /** Writes one; 0 for ever. */
  public LocalTuplespace.Lease write(Tuple tuple, long ttlMillis) {
    long stripe = stripeOf(tuple.arity(), tuple.field(0));
    long bytes = StoredTuple.storedBytes(tuple);
    Served served = new Served();
    for (long locked = stripe; ; locked = allStripes) {
      lock(locked);
      try {
        advance(locked, served);
        if (reserve(bytes, locked)) {
          return put(part(stripe), tuple, ttlMillis, served);
        }
      } finally {
        unlock(locked);
        served.complete();
      }
    }
  }

  /** Writes all or none; 0 for ever. */
  public List<LocalTuplespace.Lease> writeAll(List<Tuple> given, long ttlMillis) {
    List<Tuple> tuples = List.copyOf(given);
    long needed = 0;
    long bytes = 0;
    for (Tuple tuple : tuples) {
      needed |= stripeOf(tuple.arity(), tuple.field(0));
      bytes += StoredTuple.storedBytes(tuple);
    }
    Served served = new Served();
    for (long locked = needed; ; locked = allStripes) {
      lock(locked);
      try {
        advance(locked, served);
        if (reserve(bytes, locked)) {
          List<LocalTuplespace.Lease> leases = new ArrayList<>(tuples.size());
          for (Tuple tuple : tuples) {
            leases.add(put(stripe(tuple), tuple, ttlMillis, served));
          }
          return leases;
        }
      } finally {
        unlock(locked);
        served.complete();
      }
    }
  }

  /** The oldest that matches. */
  public Optional<Tuple> read(Template template) {
    return once(template, false);
  }

  /** Removes the oldest that matches. */
  public Optional<Tuple> take(Template template) {
    return once(template, true);
  }

  private Optional<Tuple> once(Template template, boolean take) {
    long locked = stripesOf(template);
    Served served = new Served();
    lock(locked);
    try {
      advance(locked, served);
      return find(template, take, locked);
    } finally {
      unlock(locked);
      served.complete();
    }
  }

  /** The oldest that match, oldest first. */
  public List<Tuple> readAll(Template template, int limit) {
    return all(template, limit, false);
  }

  /** Removes the oldest that match, oldest first. */
  public List<Tuple> takeAll(Template template, int limit) {
    return all(template, limit, true);
  }

  private List<Tuple> all(Template template, int limit, boolean take) {
    if (limit < 1) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "The limit is " + limit + ".");
    }
    long locked = stripesOf(template);
    Served served = new Served();
    lock(locked);
    try {
      advance(locked, served);
      List<StoredTuple> found = new ArrayList<>();
      for (long rest = locked; rest != 0; rest &= rest - 1) {
        found.addAll(part(rest).store.readAll(template, limit, Long.MIN_VALUE));
      }
      if (Long.bitCount(locked) > 1) {
        found.sort(Comparator.comparingLong(StoredTuple::entryId));
      }
      List<Tuple> tuples = new ArrayList<>(Math.min(limit, found.size()));
      for (StoredTuple stored : found.subList(0, Math.min(limit, found.size()))) {
        if (take) {
          remove(stripe(stored.tuple()), stored);
        }
        tuples.add(stored.tuple());
      }
      return tuples;
    } finally {
      unlock(locked);
      served.complete();
    }
  }

  /** How many match. */
  public long count(Template template) {
    long locked = stripesOf(template);
    Served served = new Served();
    lock(locked);
    try {
      advance(locked, served);
      long count = 0;
      for (long rest = locked; rest != 0; rest &= rest - 1) {
        count += part(rest).store.count(template);
      }
      return count;
    } finally {
      unlock(locked);
      served.complete();
    }
  }

  /** Replaces the oldest that matches. */
  public Optional<Tuple> compareAndSwap(Template expected, Tuple replacement) {
    long from = stripesOf(expected);
    long needed = from | stripeOf(replacement.arity(), replacement.field(0));
    Served served = new Served();
    for (long locked = needed; ; locked = allStripes) {
      lock(locked);
      try {
        advance(locked, served);
        StoredTuple before = oldest(expected, from);
        if (before == null) {
          return Optional.empty();
        }
        long growth = StoredTuple.storedBytes(replacement) - before.storedBytes();
        if (reserve(growth, locked)) {
          stripe(before.tuple()).store.remove(before.entryId());
          put(stripe(replacement), replacement, 0, served);
          return Optional.of(before.tuple());
        }
      } finally {
        unlock(locked);
        served.complete();
      }
    }
  }

  /** The oldest that matches, or the next to come. */
  public CompletableFuture<Optional<Tuple>> await(
      Template template, boolean take, Duration timeout) {
    try {
      return findOrWait(template, take, millis(timeout));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** As {@link #await}, on the thread that calls. */
  public Optional<Tuple> block(Template template, boolean take, Duration timeout)
      throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    CompletableFuture<Optional<Tuple>> wait = findOrWait(template, take, millis(timeout));
    try {
      return wait.get();
    } catch (InterruptedException e) {
      if (wait.cancel(false)) {
        throw e;
      }
      Optional<Tuple> found = wait.join();
      Thread.currentThread().interrupt();
      return found;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e); // Nobody else knows this future.
    }
  }

  private CompletableFuture<Optional<Tuple>> findOrWait(
      Template template, boolean take, long millis) {
    long locked = stripesOf(template);
    Served served = new Served();
    lock(locked);
    try {
      advance(locked, served);
      Optional<Tuple> found = find(template, take, locked);
      if (found.isPresent() || millis <= 0) {
        return CompletableFuture.completedFuture(found);
      }
      if (waiting.incrementAndGet() > maxWaiters) {
        throw new VudoException(
            ErrorCode.WAITERS_FULL, waiting.decrementAndGet() + " wait already.");
      }
      Part home = template.exactFirstField().isPresent() ? part(locked) : open;
      long arrival = nextArrival.getAndIncrement();
      Wait wait = new Wait(home, new Waiter.Id(false, Long.toString(arrival)));
      long deadline = endMillis(clock.getAsLong(), millis);
      Waiter waiter =
          new Waiter(arrival, new Waiter.Local(wait.id, wait), template, take, deadline);
      if (home == open) {
        waitingOpen.incrementAndGet();
        open.lock();
        try {
          open.waiters.restore(waiter);
          open.setWaitAlarm();
        } finally {
          open.lock.unlock();
        }
      } else {
        home.waiters.restore(waiter);
        home.setWaitAlarm();
      }
      return wait;
    } finally {
      unlock(locked);
      served.complete();
    }
  }

  /** When so much time is over for certain: now is up to a millisecond later than it says. */
  private static long endMillis(long nowMillis, long millis) {
    return millis >= Long.MAX_VALUE / 4 ? StoredTuple.FOR_EVER : nowMillis + millis + 1;
  }

  /** The bit of the stripe of tuples with this first field. */
  private long stripeOf(int arity, Field first) {
    int hash = (first.hashCode() + 31 * arity) * 0x9E3779B1;
    return 1L << ((hash >>> 16) & (stripes.length - 1));
  }

  private long stripesOf(Template template) {
    Optional<Field> first = template.exactFirstField();
    return first.isPresent() ? stripeOf(template.arity(), first.get()) : allStripes;
  }

  /** The first of these stripes. */
  private Part part(long bits) {
    return stripes[Long.numberOfTrailingZeros(bits)];
  }

  private Part stripe(Tuple tuple) {
    return part(stripeOf(tuple.arity(), tuple.field(0)));
  }

  private void lock(long bits) {
    for (long rest = bits; rest != 0; rest &= rest - 1) {
      part(rest).lock();
    }
  }

  private void unlock(long bits) {
    for (long rest = bits; rest != 0; rest &= rest - 1) {
      part(rest).lock.unlock();
    }
  }

  private void advance(long bits, Served served) {
    for (long rest = bits; rest != 0; rest &= rest - 1) {
      part(rest).advance(served);
    }
  }

  /**
   * Sets bytes aside, or answers false: then leases may have ended in other stripes.
   *
   * @throws VudoException {@code SPACE_FULL} when there are no others
   */
  private boolean reserve(long bytes, long locked) {
    long before = storedBytes.getAndAdd(bytes);
    if (bytes <= 0 || before + bytes <= maxBytes) {
      return true;
    }
    storedBytes.addAndGet(-bytes);
    if (locked == allStripes) {
      throw new VudoException(
          ErrorCode.SPACE_FULL,
          "It holds " + before + " of " + maxBytes + " bytes, " + bytes + " more are needed.");
    }
    return false;
  }

  private StoredTuple oldest(Template template, long locked) {
    if (Long.bitCount(locked) == 1) {
      return part(locked).store.read(template).orElse(null);
    }
    StoredTuple oldest = null;
    for (long rest = locked; rest != 0; rest &= rest - 1) {
      StoredTuple found = part(rest).store.read(template).orElse(null);
      if (found != null && (oldest == null || found.entryId() < oldest.entryId())) {
        oldest = found;
      }
    }
    return oldest;
  }

  private Optional<Tuple> find(Template template, boolean take, long locked) {
    StoredTuple found = oldest(template, locked);
    if (found == null) {
      return Optional.empty();
    }
    if (take) {
      Part stripe = Long.bitCount(locked) == 1 ? part(locked) : stripe(found.tuple());
      remove(stripe, found);
    }
    return Optional.of(found.tuple());
  }

  private void remove(Part stripe, StoredTuple stored) {
    stripe.store.remove(stored.entryId());
    storedBytes.addAndGet(-stored.storedBytes());
  }

  /** Lets a tuple come into sight, for which bytes are set aside. */
  private LocalTuplespace.Lease put(Part stripe, Tuple tuple, long ttlMillis, Served served) {
    long entryId = nextEntryId.getAndIncrement();
    boolean taken = false;
    if (stripe.waiters.size() > 0 || waitingOpen.get() > 0) {
      taken = offer(stripe, tuple, served);
    }
    if (taken) {
      storedBytes.addAndGet(-StoredTuple.storedBytes(tuple));
    } else {
      long endsAt = ttlMillis == 0 ? StoredTuple.FOR_EVER : endMillis(clock.getAsLong(), ttlMillis);
      stripe.store.add(new StoredTuple(entryId, tuple, endsAt));
      if (endsAt != StoredTuple.FOR_EVER) {
        stripe.setLeaseAlarm();
      }
    }
    return new LocalLease(stripe, entryId);
  }

  /** Serves the readers that match and the oldest taker; whether one took it. */
  private boolean offer(Part stripe, Tuple tuple, Served served) {
    boolean others = waitingOpen.get() > 0;
    if (others) {
      open.lock();
    }
    try {
      stripe.endWaits(served);
      List<Waiter> readers = stripe.waiters.removeReaders(tuple);
      Optional<Waiter> taker = stripe.waiters.taker(tuple);
      Part home = stripe;
      if (others) {
        open.endWaits(served);
        List<Waiter> merged = new ArrayList<>(readers);
        merged.addAll(open.waiters.removeReaders(tuple));
        waitingOpen.addAndGet(readers.size() - merged.size());
        merged.sort(Comparator.comparingLong(Waiter::arrival));
        readers = merged;
        Optional<Waiter> openTaker = open.waiters.taker(tuple);
        if (openTaker.isPresent()
            && (taker.isEmpty() || openTaker.get().arrival() < taker.get().arrival())) {
          taker = openTaker;
          home = open;
          waitingOpen.decrementAndGet();
        }
      }
      Optional<Tuple> found = Optional.of(tuple);
      waiting.addAndGet(-readers.size());
      readers.forEach(reader -> served.add(reader, found));
      if (taker.isPresent()) {
        home.waiters.remove(taker.get().party().id());
        waiting.decrementAndGet();
        served.add(taker.get(), found);
      }
      return taker.isPresent();
    } finally {
      if (others) {
        open.lock.unlock();
      }
    }
  }

  /** What is to be completed once the locks are free. */
  private static final class Served {
    private record One(Wait future, Optional<Tuple> found) {}

    private List<One> all;

    void add(Waiter waiter, Optional<Tuple> found) {
      if (all == null) {
        all = new ArrayList<>();
      }
      all.add(new One(((Waiter.Local) waiter.party()).future(), found));
    }

    void complete() {
      if (all != null) {
        List<One> now = all;
        all = null;
        now.forEach(one -> one.future().deliver(one.found()));
      }
    }
  }

  /** A stripe; or the place of those that wait with an open first field, without tuples. */
  private final class Part {
    final ReentrantLock lock = new ReentrantLock();
    final TupleStore store = new TupleStore();
    final Waiters waiters = new Waiters(Integer.MAX_VALUE, Long.MAX_VALUE);
    private long waitAlarmMillis = Long.MAX_VALUE;
    private long leaseAlarmMillis = Long.MAX_VALUE;
    private Future<?> waitAlarm;
    private Future<?> leaseAlarm;

    void lock() {
      // What is done under a lock takes less time than to fall asleep and to be woken.
      for (int i = 0; i < SPINS; i++) {
        if (lock.tryLock()) {
          return;
        }
        Thread.onSpinWait();
      }
      lock.lock();
    }

    /** Lets what is over be over. */
    void advance(Served served) {
      if (store.nextLeaseEndMillis() != StoredTuple.FOR_EVER) {
        long before = store.storedBytes();
        if (!store.advanceTo(clock.getAsLong()).isEmpty()) {
          storedBytes.addAndGet(store.storedBytes() - before);
        }
      }
      if (waiters.size() > 0) {
        endWaits(served);
      }
    }

    void endWaits(Served served) {
      List<Waiter> over = waiters.advanceTo(clock.getAsLong());
      if (!over.isEmpty()) {
        waiting.addAndGet(-over.size());
        if (this == open) {
          waitingOpen.addAndGet(-over.size());
        }
        over.forEach(waiter -> served.add(waiter, Optional.empty()));
      }
    }

    /** Comes back when the next wait is over; until then the timer keeps the space alive. */
    void setWaitAlarm() {
      long end = waiters.nextDeadlineMillis();
      if (end < waitAlarmMillis) {
        cancel(waitAlarm);
        waitAlarmMillis = end;
        waitAlarm = in(end, this::ring);
      }
    }

    /** Comes back when the next lease is over, if somebody still knows the space by then. */
    void setLeaseAlarm() {
      long end = store.nextLeaseEndMillis();
      if (end < leaseAlarmMillis) {
        cancel(leaseAlarm);
        leaseAlarmMillis = end;
        WeakReference<Part> self = new WeakReference<>(this);
        leaseAlarm = in(end, () -> ringIfThere(self));
      }
    }

    private Future<?> in(long end, Runnable task) {
      return TIMER.schedule(task, end - clock.getAsLong(), TimeUnit.MILLISECONDS);
    }

    private void ring() {
      Served served = new Served();
      lock();
      try {
        advance(served);
        waitAlarmMillis = Long.MAX_VALUE;
        leaseAlarmMillis = Long.MAX_VALUE;
        cancel(waitAlarm);
        cancel(leaseAlarm);
        setWaitAlarm();
        setLeaseAlarm();
      } finally {
        lock.unlock();
        served.complete();
      }
    }
  }

  private static void ringIfThere(WeakReference<Part> reference) {
    Part part = reference.get();
    if (part != null) {
      part.ring();
    }
  }

  private static void cancel(Future<?> alarm) {
    if (alarm != null) {
      alarm.cancel(false);
    }
  }

  /** A future of one that waits; whoever completes it from outside ends the wait first. */
  final class Wait extends CompletableFuture<Optional<Tuple>> {
    private final Part home;
    private final Waiter.Id id;

    Wait(Part home, Waiter.Id id) {
      this.home = home;
      this.id = id;
    }

    private void deliver(Optional<Tuple> found) {
      super.complete(found);
    }

    /** Whether it waited, and now does not. */
    private boolean withdraw() {
      home.lock();
      try {
        if (home.waiters.get(id).isEmpty()) {
          return false;
        }
        home.waiters.remove(id);
        waiting.decrementAndGet();
        if (home == open) {
          waitingOpen.decrementAndGet();
        }
        return true;
      } finally {
        home.lock.unlock();
      }
    }

    @Override
    public boolean complete(Optional<Tuple> value) {
      return withdraw() && super.complete(value);
    }

    @Override
    public boolean completeExceptionally(Throwable failure) {
      return withdraw() && super.completeExceptionally(failure);
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      return withdraw() ? super.cancel(mayInterruptIfRunning) : isCancelled();
    }

    @Override
    public void obtrudeValue(Optional<Tuple> value) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void obtrudeException(Throwable failure) {
      throw new UnsupportedOperationException();
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new CompletableFuture<>();
    }
  }

  private final class LocalLease implements LocalTuplespace.Lease {
    private final Part stripe;
    private final long entryId;

    LocalLease(Part stripe, long entryId) {
      this.stripe = stripe;
      this.entryId = entryId;
    }

    @Override
    public boolean renew(Duration ttl) {
      long millis = leaseMillis(Objects.requireNonNull(ttl));
      Served served = new Served();
      stripe.lock();
      try {
        stripe.advance(served);
        boolean renewed =
            stripe.store.renew(
                entryId, millis == 0 ? StoredTuple.FOR_EVER : endMillis(clock.getAsLong(), millis));
        if (renewed) {
          stripe.setLeaseAlarm();
        }
        return renewed;
      } finally {
        stripe.lock.unlock();
        served.complete();
      }
    }

    @Override
    public boolean cancel() {
      Served served = new Served();
      stripe.lock();
      try {
        stripe.advance(served);
        Optional<StoredTuple> stored = stripe.store.visible(entryId);
        stored.ifPresent(there -> remove(stripe, there));
        return stored.isPresent();
      } finally {
        stripe.lock.unlock();
        served.complete();
      }
    }
  }
}
