package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The tuples of one space: a multiset with FIFO order, leases, holds and an exact count of bytes.
 *
 * <p>Pure and single-threaded. It knows no clock: {@link #advanceTo} says what time it is, and from
 * then on no tuple whose lease ended by that time is seen. It decides nothing about identity or
 * durability: {@link SpaceState} does.
 *
 * <p>Tuples are found by arity and, when the template fixes it, first field; what is left is walked
 * in the order of writing.
 */
final class TupleStore {
  private static final Comparator<StoredTuple> BY_LEASE =
      Comparator.comparingLong(StoredTuple::leaseEndsAtMillis)
          .thenComparingLong(StoredTuple::entryId);

  /** The tuples of one arity, by id, and again split by first field. */
  private static final class Shelf {
    final NavigableMap<Long, StoredTuple> all = new TreeMap<>();
    final Map<Field, NavigableMap<Long, StoredTuple>> byFirstField = new HashMap<>();
  }

  private final Map<Integer, Shelf> shelves = new HashMap<>();
  private final NavigableMap<Long, StoredTuple> visible = new TreeMap<>();
  private final TreeSet<StoredTuple> leased = new TreeSet<>(BY_LEASE);
  private final Map<String, HeldTuple> holds = new LinkedHashMap<>();
  private long nextEntryId = 1;
  private long storedBytes;
  private long nowMillis = Long.MIN_VALUE;

  /**
   * Makes it {@code timeMillis}, unless it is later already: a clock that goes back brings no tuple
   * back to life.
   */
  void advanceTo(long timeMillis) {
    nowMillis = Math.max(nowMillis, timeMillis);
    while (!leased.isEmpty() && leased.first().endsBy(nowMillis)) {
      remove(leased.first().entryId());
    }
  }

  long nowMillis() {
    return nowMillis;
  }

  /** The id that the next tuple gets. */
  long nextEntryId() {
    return nextEntryId;
  }

  void skipTo(long entryId) {
    nextEntryId = Math.max(nextEntryId, entryId);
  }

  /** Writes a tuple and answers its id. */
  long write(Tuple tuple, long leaseEndsAtMillis) {
    long entryId = nextEntryId;
    add(new StoredTuple(entryId, tuple, leaseEndsAtMillis));
    return entryId;
  }

  /** Writes a tuple under the id that it has. */
  void add(StoredTuple stored) {
    skipTo(stored.entryId() + 1);
    storedBytes += stored.storedBytes();
    show(stored);
  }

  /** The oldest tuple that matches. */
  Optional<StoredTuple> read(Template template) {
    for (StoredTuple stored : candidates(template)) {
      if (template.matches(stored.tuple())) {
        return Optional.of(stored);
      }
    }
    return Optional.empty();
  }

  /** Removes the oldest tuple that matches, for good. */
  Optional<StoredTuple> take(Template template) {
    Optional<StoredTuple> found = read(template);
    found.ifPresent(stored -> remove(stored.entryId()));
    return found;
  }

  /** How many tuples match. */
  long count(Template template) {
    long count = 0;
    for (StoredTuple stored : candidates(template)) {
      if (template.matches(stored.tuple())) {
        count++;
      }
    }
    return count;
  }

  /** How many tuples a look-up by this template walks at most. */
  int candidateCount(Template template) {
    return candidates(template).size();
  }

  /** Removes a visible tuple for good. */
  StoredTuple remove(long entryId) {
    StoredTuple stored = hide(entryId);
    storedBytes -= stored.storedBytes();
    return stored;
  }

  /** Takes a visible tuple out of sight; its bytes still count, for it may come back. */
  HeldTuple hold(long entryId, String holdId, String holder) {
    HeldTuple held = new HeldTuple(holdId, holder, nowMillis, hide(entryId));
    holds.put(holdId, held);
    return held;
  }

  /** Puts back a hold that a snapshot kept. */
  void restore(HeldTuple held) {
    skipTo(held.stored().entryId() + 1);
    storedBytes += held.stored().storedBytes();
    holds.put(held.holdId(), held);
  }

  /** Removes a held tuple for good; false when there is no such hold. */
  boolean confirm(String holdId) {
    HeldTuple held = holds.remove(holdId);
    if (held == null) {
      return false;
    }
    storedBytes -= held.stored().storedBytes();
    return true;
  }

  /**
   * Puts a held tuple back at its old place, or drops it when its lease ended meanwhile; false when
   * there is no such hold.
   */
  boolean release(String holdId) {
    HeldTuple held = holds.remove(holdId);
    if (held == null) {
      return false;
    }
    if (held.stored().endsBy(nowMillis)) {
      storedBytes -= held.stored().storedBytes();
    } else {
      show(held.stored());
    }
    return true;
  }

  /** The visible tuple of this id. */
  Optional<StoredTuple> visible(long entryId) {
    return Optional.ofNullable(visible.get(entryId));
  }

  Optional<HeldTuple> held(String holdId) {
    return Optional.ofNullable(holds.get(holdId));
  }

  Collection<HeldTuple> holds() {
    return Collections.unmodifiableCollection(holds.values());
  }

  /** The visible tuples, oldest first. */
  Collection<StoredTuple> visible() {
    return Collections.unmodifiableCollection(visible.values());
  }

  /** Bytes of all tuples, visible and held. */
  long storedBytes() {
    return storedBytes;
  }

  /** When the next lease of a visible tuple ends; {@link StoredTuple#FOR_EVER} when none does. */
  long nextLeaseEndMillis() {
    return leased.isEmpty() ? StoredTuple.FOR_EVER : leased.first().leaseEndsAtMillis();
  }

  private Collection<StoredTuple> candidates(Template template) {
    Shelf shelf = shelves.get(template.arity());
    if (shelf == null) {
      return List.of();
    }
    Optional<Field> first = template.exactFirstField();
    if (first.isEmpty()) {
      return shelf.all.values();
    }
    NavigableMap<Long, StoredTuple> sameFirst = shelf.byFirstField.get(first.get());
    return sameFirst == null ? List.of() : sameFirst.values();
  }

  private void show(StoredTuple stored) {
    long id = stored.entryId();
    visible.put(id, stored);
    Shelf shelf = shelves.computeIfAbsent(stored.tuple().arity(), arity -> new Shelf());
    shelf.all.put(id, stored);
    shelf
        .byFirstField
        .computeIfAbsent(stored.tuple().field(0), field -> new TreeMap<>())
        .put(id, stored);
    if (stored.leaseEndsAtMillis() != StoredTuple.FOR_EVER) {
      leased.add(stored);
    }
  }

  private StoredTuple hide(long entryId) {
    StoredTuple stored = visible.remove(entryId);
    if (stored == null) {
      // Only a damaged journal names a tuple that is not there.
      throw new VudoException(ErrorCode.JOURNAL_CORRUPT, "The space has no tuple " + entryId + ".");
    }
    leased.remove(stored);
    Integer arity = stored.tuple().arity();
    Shelf shelf = shelves.get(arity);
    shelf.all.remove(entryId);
    Field first = stored.tuple().field(0);
    NavigableMap<Long, StoredTuple> sameFirst = shelf.byFirstField.get(first);
    sameFirst.remove(entryId);
    // What is empty goes, or every value that was ever written would leave a trace.
    if (sameFirst.isEmpty()) {
      shelf.byFirstField.remove(first);
    }
    if (shelf.all.isEmpty()) {
      shelves.remove(arity);
    }
    return stored;
  }
}
