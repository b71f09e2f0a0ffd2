package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Those that wait for a tuple of one space, in the order in which they came. In memory only: after
 * a restart of the space they come again.
 *
 * <p>Pure and single-threaded. Its clock is told by {@link #advanceTo} and is not the space's: a
 * wait is a span of time, so it is measured by a clock that nobody sets.
 *
 * <p>A tuple finds its waiters by arity and first field; those whose template leaves the first
 * field open are kept apart, so a tuple is compared with these and those of its own first field.
 * Readers and takers are apart too: of the takers only the first match is looked for.
 */
final class Waiters {
  private static final Comparator<Waiter> BY_DEADLINE =
      Comparator.comparingLong(Waiter::deadlineMillis).thenComparingLong(Waiter::arrival);

  /** Of one arity, by arrival. */
  private static final class Shelf {
    final NavigableMap<Long, Waiter> open = new TreeMap<>();
    final Map<Field, NavigableMap<Long, Waiter>> byFirstField = new HashMap<>();

    boolean isEmpty() {
      return open.isEmpty() && byFirstField.isEmpty();
    }
  }

  private final int maxWaiters;
  private final long maxBytes;
  private final Map<Integer, Shelf> readers = new HashMap<>();
  private final Map<Integer, Shelf> takers = new HashMap<>();
  private final Map<Waiter.Id, Waiter> byId = new HashMap<>();
  private final Map<String, NavigableMap<Long, Waiter>> byKey = new HashMap<>();
  private final TreeSet<Waiter> byDeadline = new TreeSet<>(BY_DEADLINE);
  private long nextArrival = 1;
  private long bytes;
  private long nowMillis = Long.MIN_VALUE;

  Waiters(int maxWaiters, long maxBytes) {
    this.maxWaiters = maxWaiters;
    this.maxBytes = maxBytes;
  }

  /** Makes it {@code timeMillis} and removes those whose wait is over. */
  List<Waiter> advanceTo(long timeMillis) {
    nowMillis = Math.max(nowMillis, timeMillis);
    List<Waiter> over = new ArrayList<>();
    while (!byDeadline.isEmpty() && byDeadline.first().deadlineMillis() <= nowMillis) {
      Waiter waiter = byDeadline.first();
      remove(waiter);
      over.add(waiter);
    }
    return over;
  }

  /**
   * Lets one wait from now on. If it waits already, it keeps its place and its template, and its
   * time starts again.
   *
   * @throws VudoException {@code WAITERS_FULL}
   */
  void put(Waiter.Party party, Template template, boolean take, long millis) {
    // Far below the end of the clock, whatever is asked for.
    long deadlineMillis = nowMillis + Math.min(millis, Long.MAX_VALUE / 4);
    Waiter before = byId.get(party.id());
    if (before != null) {
      remove(before);
      add(new Waiter(before.arrival(), party, before.template(), before.take(), deadlineMillis));
      return;
    }
    Waiter waiter = new Waiter(nextArrival, party, template, take, deadlineMillis);
    if (byId.size() >= maxWaiters || bytes + waiter.bytes() > maxBytes) {
      throw new VudoException(
          ErrorCode.WAITERS_FULL, byId.size() + " wait, with " + bytes + " bytes.");
    }
    nextArrival++;
    add(waiter);
  }

  /**
   * Puts back one that waited before a restart or elsewhere, at the place of its arrival. It
   * replaces the one of the same id; no limit holds for it, for it was let in once.
   */
  void restore(Waiter waiter) {
    remove(waiter.party().id());
    nextArrival = Math.max(nextArrival, waiter.arrival() + 1);
    add(waiter);
  }

  /** All that wait, by arrival. */
  List<Waiter> inOrder() {
    return byId.values().stream().sorted(Comparator.comparingLong(Waiter::arrival)).toList();
  }

  Optional<Waiter> get(Waiter.Id id) {
    return Optional.ofNullable(byId.get(id));
  }

  void remove(Waiter.Id id) {
    get(id).ifPresent(this::remove);
  }

  /** Removes those that take under this idempotency key, oldest first. */
  List<Waiter> removeByKey(String key) {
    NavigableMap<Long, Waiter> found = byKey.get(key);
    return found == null ? List.of() : removeAll(found.values());
  }

  /** Removes the readers that a tuple serves: all that match, oldest first. */
  List<Waiter> removeReaders(Tuple tuple) {
    TreeMap<Long, Waiter> matching = new TreeMap<>();
    for (NavigableMap<Long, Waiter> bucket : buckets(readers, tuple)) {
      for (Waiter waiter : bucket.values()) {
        if (waiter.template().matches(tuple)) {
          matching.put(waiter.arrival(), waiter);
        }
      }
    }
    return removeAll(matching.values());
  }

  /** Removes the taker that a tuple serves: the oldest that matches. */
  Optional<Waiter> removeTaker(Tuple tuple) {
    Optional<Waiter> oldest =
        buckets(takers, tuple).stream()
            .flatMap(bucket -> firstMatch(bucket.values(), tuple).stream())
            .min(Comparator.comparingLong(Waiter::arrival));
    oldest.ifPresent(this::remove);
    return oldest;
  }

  int size() {
    return byId.size();
  }

  /** In how many milliseconds the next wait is over; {@link Long#MAX_VALUE} when nobody waits. */
  long nextEndInMillis() {
    return byDeadline.isEmpty() ? Long.MAX_VALUE : byDeadline.first().deadlineMillis() - nowMillis;
  }

  private static Optional<Waiter> firstMatch(Collection<Waiter> waiters, Tuple tuple) {
    return waiters.stream().filter(waiter -> waiter.template().matches(tuple)).findFirst();
  }

  private static List<NavigableMap<Long, Waiter>> buckets(
      Map<Integer, Shelf> shelves, Tuple tuple) {
    Shelf shelf = shelves.get(tuple.arity());
    if (shelf == null) {
      return List.of();
    }
    NavigableMap<Long, Waiter> sameFirst = shelf.byFirstField.get(tuple.field(0));
    return sameFirst == null ? List.of(shelf.open) : List.of(sameFirst, shelf.open);
  }

  private List<Waiter> removeAll(Collection<Waiter> waiters) {
    List<Waiter> removed = List.copyOf(waiters);
    removed.forEach(this::remove);
    return removed;
  }

  private void add(Waiter waiter) {
    byId.put(waiter.party().id(), waiter);
    byDeadline.add(waiter);
    bytes += waiter.bytes();
    Shelf shelf =
        (waiter.take() ? takers : readers)
            .computeIfAbsent(waiter.template().arity(), arity -> new Shelf());
    waiter
        .template()
        .exactFirstField()
        .map(first -> shelf.byFirstField.computeIfAbsent(first, field -> new TreeMap<>()))
        .orElse(shelf.open)
        .put(waiter.arrival(), waiter);
    if (!waiter.key().isEmpty()) {
      byKey.computeIfAbsent(waiter.key(), key -> new TreeMap<>()).put(waiter.arrival(), waiter);
    }
  }

  private void remove(Waiter waiter) {
    byId.remove(waiter.party().id());
    byDeadline.remove(waiter);
    bytes -= waiter.bytes();
    Integer arity = waiter.template().arity();
    Map<Integer, Shelf> shelves = waiter.take() ? takers : readers;
    Shelf shelf = shelves.get(arity);
    Optional<Field> first = waiter.template().exactFirstField();
    // What is empty goes, or every first field that was ever waited for would leave a trace.
    if (first.isPresent()) {
      removeFrom(shelf.byFirstField, first.get(), waiter);
    } else {
      shelf.open.remove(waiter.arrival());
    }
    if (shelf.isEmpty()) {
      shelves.remove(arity);
    }
    if (!waiter.key().isEmpty()) {
      removeFrom(byKey, waiter.key(), waiter);
    }
  }

  private static <K> void removeFrom(
      Map<K, NavigableMap<Long, Waiter>> index, K key, Waiter waiter) {
    NavigableMap<Long, Waiter> same = index.get(key);
    same.remove(waiter.arrival());
    if (same.isEmpty()) {
      index.remove(key);
    }
  }
}
