package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Those that wait for a tuple of one space, in the order in which they came. In memory only: after
 * a restart of the space they come again.
 *
 * <p>Pure and single-threaded. Its clock is told by {@link #advanceTo} and is not the space's: a
 * wait is a span of time, so it is measured by a clock that nobody sets.
 *
 * <p>Waiters are grouped by arity and by which positions their templates fix. In each group a tuple
 * finds those that fix the values which it has; with these it is compared. Readers and takers are
 * apart too: of the takers only the first match is looked for.
 */
final class Waiters {
  private static final Comparator<Waiter> BY_ARRIVAL = Comparator.comparingLong(Waiter::arrival);
  private static final Comparator<Waiter> BY_DEADLINE =
      Comparator.comparingLong(Waiter::deadlineMillis).thenComparing(BY_ARRIVAL);

  /**
   * How many sets of positions have a group for one arity. A tuple looks into each, so there must
   * not be as many as somebody likes; the templates of others are grouped by first field alone.
   */
  private static final int MAX_GROUPS = 16;

  /** Of one arity. */
  private static final class Groups {
    private static final int[] FIRST = {0};
    private static final int[] NONE = {};

    private final List<FieldIndex<Waiter>> groups = new ArrayList<>(2);

    void add(Waiter waiter) {
      int[] positions = positions(waiter);
      FieldIndex<Waiter> group = group(positions);
      if (group == null && groups.size() >= MAX_GROUPS) {
        positions = coarse(positions);
        group = group(positions);
      }
      if (group == null) {
        group = new FieldIndex<>(positions);
        groups.add(group);
      }
      group.add(waiter);
    }

    void remove(Waiter waiter) {
      int[] positions = positions(waiter);
      FieldIndex<Waiter> group = group(positions);
      if (group == null || !group.remove(waiter)) {
        group = group(coarse(positions));
        group.remove(waiter);
      }
      if (group.isEmpty()) {
        groups.remove(group);
      }
    }

    boolean isEmpty() {
      return groups.isEmpty();
    }

    List<Waiter> matching(Tuple tuple) {
      List<Waiter> found = new ArrayList<>();
      int groupsWithMatches = 0;
      for (FieldIndex<Waiter> group : groups) {
        int before = found.size();
        Run<Waiter> sameValues = group.find(tuple::field);
        if (sameValues != null) {
          for (Waiter waiter : sameValues) {
            if (waiter.template().matches(tuple)) {
              found.add(waiter);
            }
          }
        }
        groupsWithMatches += found.size() > before ? 1 : 0;
      }
      if (groupsWithMatches > 1) {
        found.sort(BY_ARRIVAL);
      }
      return found;
    }

    Waiter oldestMatching(Tuple tuple) {
      Waiter oldest = null;
      for (FieldIndex<Waiter> group : groups) {
        Run<Waiter> sameValues = group.find(tuple::field);
        if (sameValues != null) {
          for (Waiter waiter : sameValues) {
            if (oldest != null && oldest.arrival() < waiter.arrival()) {
              break;
            } else if (waiter.template().matches(tuple)) {
              oldest = waiter;
              break;
            }
          }
        }
      }
      return oldest;
    }

    private FieldIndex<Waiter> group(int[] positions) {
      for (FieldIndex<Waiter> group : groups) {
        if (Arrays.equals(group.positions(), positions)) {
          return group;
        }
      }
      return null;
    }

    private static int[] positions(Waiter waiter) {
      return Shelf.positions(waiter.template());
    }

    private static int[] coarse(int[] positions) {
      return positions.length > 0 && positions[0] == 0 ? FIRST : NONE;
    }
  }

  private final int maxWaiters;
  private final long maxBytes;
  private final Map<Integer, Groups> readers = new HashMap<>();
  private final Map<Integer, Groups> takers = new HashMap<>();
  private final Map<Waiter.Id, Waiter> byId = new HashMap<>();
  private final Map<String, Run<Waiter>> byKey = new HashMap<>();
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
    return byId.values().stream().sorted(BY_ARRIVAL).toList();
  }

  Optional<Waiter> get(Waiter.Id id) {
    return Optional.ofNullable(byId.get(id));
  }

  void remove(Waiter.Id id) {
    get(id).ifPresent(this::remove);
  }

  /** Removes those that take under this idempotency key, oldest first. */
  List<Waiter> removeByKey(String key) {
    Run<Waiter> found = byKey.get(key);
    return found == null ? List.of() : removeAll(List.copyOf(found));
  }

  /** Removes the readers that a tuple serves: all that match, oldest first. */
  List<Waiter> removeReaders(Tuple tuple) {
    Groups shelf = readers.get(tuple.arity());
    return shelf == null ? List.of() : removeAll(shelf.matching(tuple));
  }

  /** The taker that a tuple serves: the oldest that matches. */
  Optional<Waiter> taker(Tuple tuple) {
    Groups shelf = takers.get(tuple.arity());
    return shelf == null ? Optional.empty() : Optional.ofNullable(shelf.oldestMatching(tuple));
  }

  /** Removes the taker that a tuple serves. */
  Optional<Waiter> removeTaker(Tuple tuple) {
    Optional<Waiter> oldest = taker(tuple);
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

  /** When the next wait is over; {@link Long#MAX_VALUE} when nobody waits. */
  long nextDeadlineMillis() {
    return byDeadline.isEmpty() ? Long.MAX_VALUE : byDeadline.first().deadlineMillis();
  }

  private List<Waiter> removeAll(List<Waiter> waiters) {
    waiters.forEach(this::remove);
    return waiters;
  }

  private void add(Waiter waiter) {
    byId.put(waiter.party().id(), waiter);
    byDeadline.add(waiter);
    bytes += waiter.bytes();
    shelves(waiter).computeIfAbsent(waiter.template().arity(), arity -> new Groups()).add(waiter);
    if (!waiter.key().isEmpty()) {
      byKey.computeIfAbsent(waiter.key(), key -> new Run<>()).add(waiter);
    }
  }

  private void remove(Waiter waiter) {
    byId.remove(waiter.party().id());
    byDeadline.remove(waiter);
    bytes -= waiter.bytes();
    Integer arity = waiter.template().arity();
    Groups shelf = shelves(waiter).get(arity);
    shelf.remove(waiter);
    // What is empty goes, or everything that was ever waited for would leave a trace.
    if (shelf.isEmpty()) {
      shelves(waiter).remove(arity);
    }
    if (!waiter.key().isEmpty()) {
      Run<Waiter> sameKey = byKey.get(waiter.key());
      sameKey.removeAt(waiter.arrival());
      if (sameKey.isEmpty()) {
        byKey.remove(waiter.key());
      }
    }
  }

  private Map<Integer, Groups> shelves(Waiter waiter) {
    return waiter.take() ? takers : readers;
  }
}
