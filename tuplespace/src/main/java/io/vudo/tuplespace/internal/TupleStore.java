package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The tuples of one space: a multiset with FIFO order, leases, holds and an exact count of bytes.
 *
 * <p>Pure and single-threaded. It knows no clock: {@link #advanceTo} says what time it is, and from
 * then on no tuple whose lease ended by that time is seen. It decides nothing about identity or
 * durability: {@link SpaceState} does.
 *
 * <p>Tuples are found by arity and by the fields that the template fixes ({@link Shelf}); what is
 * left is walked in the order of writing.
 */
final class TupleStore {
  private static final Comparator<StoredTuple> BY_LEASE =
      Comparator.comparingLong(StoredTuple::leaseEndsAtMillis)
          .thenComparingLong(StoredTuple::entryId);

  private final Map<Integer, Shelf> shelves = new HashMap<>();
  private final Run<StoredTuple> visible = new Run<>();
  private final TreeSet<StoredTuple> leased = new TreeSet<>(BY_LEASE);
  private final Map<String, HeldTuple> holds = new LinkedHashMap<>();
  private final Map<String, Map<String, HeldTuple>> byHolder = new HashMap<>();
  private final Map<Long, String> holdByEntry = new HashMap<>();
  private final Map<String, Long> byLeaseName = new HashMap<>();
  private long nextEntryId = 1;
  private long arrivals;
  private long storedBytes;
  private long nowMillis = Long.MIN_VALUE;

  /**
   * Makes it {@code timeMillis}, unless it is later already: a clock that goes back brings no tuple
   * back to life.
   *
   * @return the visible tuples whose lease ended just now, in the order in which it did
   */
  List<StoredTuple> advanceTo(long timeMillis) {
    nowMillis = Math.max(nowMillis, timeMillis);
    List<StoredTuple> ended = new ArrayList<>();
    while (!leased.isEmpty() && leased.first().endsBy(nowMillis)) {
      ended.add(remove(leased.first().entryId()));
    }
    return ended;
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
    remember(stored);
    show(stored);
  }

  /** The oldest tuple that matches. */
  Optional<StoredTuple> read(Template template) {
    Shelf shelf = shelves.get(template.arity());
    return shelf == null ? Optional.empty() : Optional.ofNullable(shelf.read(template));
  }

  /** Removes the oldest tuple that matches, for good. */
  Optional<StoredTuple> take(Template template) {
    Optional<StoredTuple> found = read(template);
    found.ifPresent(stored -> remove(stored.entryId()));
    return found;
  }

  /**
   * The oldest tuples that match, oldest first.
   *
   * @param limit how many at most
   * @param afterEntryId only tuples written after the one of this id; 0 for all
   */
  List<StoredTuple> readAll(Template template, int limit, long afterEntryId) {
    Shelf shelf = shelves.get(template.arity());
    return shelf == null ? List.of() : shelf.readAll(template, limit, afterEntryId);
  }

  /** How many tuples match. */
  long count(Template template) {
    Shelf shelf = shelves.get(template.arity());
    return shelf == null ? 0 : shelf.count(template);
  }

  /** How many tuples a look-up by this template walks at most. */
  int candidateCount(Template template) {
    Shelf shelf = shelves.get(template.arity());
    return shelf == null ? 0 : shelf.candidateCount(template);
  }

  /** Removes a visible tuple for good. */
  StoredTuple remove(long entryId) {
    StoredTuple stored = hide(entryId);
    forget(stored);
    return stored;
  }

  /** Takes a visible tuple out of sight; its bytes still count, for it may come back. */
  HeldTuple hold(long entryId, String holdId, String holder) {
    HeldTuple held = new HeldTuple(holdId, holder, nowMillis, hide(entryId));
    keep(held);
    return held;
  }

  /**
   * Keeps a tuple that {@code holder} wrote and that nobody else sees yet: {@link #release} shows
   * it at the place of its id, {@link #confirm} drops it. Its bytes count.
   */
  HeldTuple pend(StoredTuple stored, String holdId, String holder) {
    HeldTuple pended = new HeldTuple(holdId, holder, nowMillis, stored, true);
    restore(pended);
    return pended;
  }

  /** Puts back a hold that a snapshot kept. */
  void restore(HeldTuple held) {
    skipTo(held.stored().entryId() + 1);
    remember(held.stored());
    keep(held);
  }

  /** Removes a held tuple for good; false when there is no such hold. */
  boolean confirm(String holdId) {
    HeldTuple held = drop(holdId);
    if (held == null) {
      return false;
    }
    forget(held.stored());
    return true;
  }

  /**
   * Puts a held tuple back at its old place, or drops it when its lease ended meanwhile; false when
   * there is no such hold.
   */
  boolean release(String holdId) {
    HeldTuple held = drop(holdId);
    if (held == null) {
      return false;
    }
    if (held.stored().endsBy(nowMillis)) {
      forget(held.stored());
    } else {
      show(held.stored());
    }
    return true;
  }

  /**
   * Gives a visible or held tuple another end of its lease. An end that is past already comes with
   * the next {@link #advanceTo}.
   *
   * @return false when there is no such tuple
   */
  boolean renew(long entryId, long leaseEndsAtMillis) {
    StoredTuple before = visible.at(entryId);
    if (before != null) {
      hide(entryId);
      place(before.withLease(leaseEndsAtMillis));
      return true;
    }
    String holdId = holdByEntry.get(entryId);
    if (holdId == null) {
      return false;
    }
    HeldTuple held = holds.get(holdId);
    HeldTuple renewed =
        new HeldTuple(
            holdId,
            held.holder(),
            held.sinceMillis(),
            held.stored().withLease(leaseEndsAtMillis),
            held.written());
    holds.put(holdId, renewed);
    byHolder.get(held.holder()).put(holdId, renewed);
    return true;
  }

  /** The visible tuple of this id. */
  Optional<StoredTuple> visible(long entryId) {
    return Optional.ofNullable(visible.at(entryId));
  }

  Optional<HeldTuple> held(String holdId) {
    return Optional.ofNullable(holds.get(holdId));
  }

  /** The visible or held tuple of this id. */
  Optional<StoredTuple> anywhere(long entryId) {
    StoredTuple stored = visible.at(entryId);
    if (stored != null) {
      return Optional.of(stored);
    }
    String holdId = holdByEntry.get(entryId);
    return holdId == null ? Optional.empty() : Optional.of(holds.get(holdId).stored());
  }

  /** The id of the visible or held tuple whose lease has this name. */
  Optional<Long> byLeaseName(String leaseName) {
    return Optional.ofNullable(byLeaseName.get(leaseName));
  }

  /** What one holder holds, in the order in which it came to hold it. */
  List<HeldTuple> holdsOf(String holder) {
    Map<String, HeldTuple> own = byHolder.get(holder);
    return own == null ? List.of() : List.copyOf(own.values());
  }

  /** The oldest of the tuples that one holder wrote and nobody else sees that matches. */
  Optional<HeldTuple> readPended(String holder, Template template) {
    return byHolder.getOrDefault(holder, Map.of()).values().stream()
        .filter(held -> held.written() && template.matches(held.stored().tuple()))
        .min(Comparator.comparingLong(held -> held.stored().entryId()));
  }

  /** How many tuples came into sight, written or released, in the life of this object. */
  long arrivals() {
    return arrivals;
  }

  Collection<HeldTuple> holds() {
    return Collections.unmodifiableCollection(holds.values());
  }

  /** The visible tuples, oldest first. */
  Collection<StoredTuple> visible() {
    return Collections.unmodifiableCollection(visible);
  }

  /** How many tuples are visible. */
  int size() {
    return visible.size();
  }

  /** Bytes of all tuples, visible and held. */
  long storedBytes() {
    return storedBytes;
  }

  /** When the next lease of a visible tuple ends; {@link StoredTuple#FOR_EVER} when none does. */
  long nextLeaseEndMillis() {
    return leased.isEmpty() ? StoredTuple.FOR_EVER : leased.first().leaseEndsAtMillis();
  }

  private void remember(StoredTuple stored) {
    storedBytes += stored.storedBytes();
    if (!stored.leaseName().isEmpty()) {
      byLeaseName.put(stored.leaseName(), stored.entryId());
    }
  }

  private void forget(StoredTuple stored) {
    storedBytes -= stored.storedBytes();
    if (!stored.leaseName().isEmpty()) {
      byLeaseName.remove(stored.leaseName(), stored.entryId());
    }
  }

  private void keep(HeldTuple held) {
    holds.put(held.holdId(), held);
    byHolder
        .computeIfAbsent(held.holder(), holder -> new LinkedHashMap<>(2))
        .put(held.holdId(), held);
    holdByEntry.put(held.stored().entryId(), held.holdId());
  }

  private HeldTuple drop(String holdId) {
    HeldTuple held = holds.remove(holdId);
    if (held != null) {
      Map<String, HeldTuple> own = byHolder.get(held.holder());
      own.remove(holdId);
      if (own.isEmpty()) {
        byHolder.remove(held.holder());
      }
      holdByEntry.remove(held.stored().entryId());
    }
    return held;
  }

  private void show(StoredTuple stored) {
    arrivals++;
    place(stored);
  }

  private void place(StoredTuple stored) {
    visible.add(stored);
    shelves.computeIfAbsent(stored.tuple().arity(), arity -> new Shelf()).add(stored);
    if (stored.leaseEndsAtMillis() != StoredTuple.FOR_EVER) {
      leased.add(stored);
    }
  }

  private StoredTuple hide(long entryId) {
    StoredTuple stored = visible.removeAt(entryId);
    if (stored == null) {
      // Only a damaged journal names a tuple that is not there.
      throw new VudoException(ErrorCode.JOURNAL_CORRUPT, "The space has no tuple " + entryId + ".");
    }
    if (stored.leaseEndsAtMillis() != StoredTuple.FOR_EVER) {
      leased.remove(stored);
    }
    Integer arity = stored.tuple().arity();
    Shelf shelf = shelves.get(arity);
    shelf.remove(stored);
    if (shelf.isEmpty()) {
      shelves.remove(arity);
    }
    return stored;
  }
}
