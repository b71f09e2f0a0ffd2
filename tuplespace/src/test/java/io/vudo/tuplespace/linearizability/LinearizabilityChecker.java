package io.vudo.tuplespace.linearizability;

import io.vudo.tuplespace.linearizability.Operation.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Whether a concurrent history could have been one of operations that each took place at one moment
 * between its invocation and its completion.
 *
 * <p>The search of Wing and Gong (1993), which tries the operations that may come next one after
 * the other, with the memory of Lowe (2017): the same operations done, with the same state, are not
 * looked at twice. An open operation may come anywhere after its invocation, or not at all.
 *
 * <p>Three shortcuts. One that changes nothing, whenever it comes, comes as soon as it may: in an
 * order that has it later it can be moved to the front. An open one that would change nothing may
 * as well not happen. Of open ones that are alike the one that was called first comes first.
 *
 * <p>The search is exponential at worst. A history that is linearizable is usually through at once;
 * histories of different first fields are to be checked one by one.
 *
 * @param <S> the states of the model
 */
final class LinearizabilityChecker<S> {
  private static final int MAX_CONFIGURATIONS = 2_000_000;

  /** A call, or the return of one, in a list by time. */
  private static final class Entry {
    final Operation operation;
    final int index;
    final long nanos;

    /** Of a call that returned: its return. */
    Entry itsReturn;

    final boolean call;
    Entry previous;
    Entry next;

    Entry(Operation operation, int index, long nanos, boolean call) {
      this.operation = operation;
      this.index = index;
      this.nanos = nanos;
      this.call = call;
    }

    void unlink() {
      previous.next = next;
      if (next != null) {
        next.previous = previous;
      }
    }

    void relink() {
      previous.next = this;
      if (next != null) {
        next.previous = this;
      }
    }

    /** Takes the call and its return out of the list. */
    void lift() {
      unlink();
      if (itsReturn != null) {
        itsReturn.unlink();
      }
    }

    /** Undoes the newest {@link #lift}. */
    void unlift() {
      if (itsReturn != null) {
        itsReturn.relink();
      }
      relink();
    }
  }

  private record Configuration(BitSet done, Object state) {}

  /**
   * @param changes whether it may change the state; one that does not leaves nothing else to try
   */
  private record Choice<S>(Entry entry, S stateBefore, boolean changes) {}

  private final Model<S> model;

  LinearizabilityChecker(Model<S> model) {
    this.model = model;
  }

  /**
   * Looks for an order.
   *
   * @return empty when there is one; otherwise where the search got stuck at the latest
   * @throws IllegalStateException when the history is too hard to decide
   */
  Optional<String> check(List<Operation> history) {
    List<Operation> operations = history.stream().filter(LinearizabilityChecker::counts).toList();
    Entry head = list(operations);
    long toDo = operations.stream().filter(operation -> !operation.isOpen()).count();
    S state = model.initial();
    BitSet done = new BitSet(operations.size());
    Set<Configuration> seen = new HashSet<>();
    Deque<Choice<S>> choices = new ArrayDeque<>();
    int furthest = -1;
    Operation stuckAt = null;
    Entry entry = head.next;
    while (toDo > 0) {
      boolean stuck = !entry.call;
      if (entry.call) {
        Optional<S> after = next(state, entry, head);
        boolean changes = !entry.operation.isHarmless();
        boolean chosen = false;
        if (after.isPresent()) {
          done.set(entry.index);
          chosen = seen.add(new Configuration((BitSet) done.clone(), after.get()));
          if (!chosen) {
            done.clear(entry.index);
          }
        }
        if (chosen) {
          choices.push(new Choice<>(entry, state, changes));
          state = after.orElseThrow();
          toDo -= entry.operation.isOpen() ? 0 : 1;
          entry.lift();
          entry = head.next;
          if (seen.size() > MAX_CONFIGURATIONS) {
            throw new IllegalStateException(
                "Not decided after " + seen.size() + " configurations:\n" + text(operations));
          }
        } else if (after.isPresent() && !changes) {
          stuck = true;
        } else {
          entry = entry.next;
        }
      } else if (done.cardinality() > furthest) {
        furthest = done.cardinality();
        stuckAt = entry.operation;
      }
      while (stuck) {
        if (choices.isEmpty()) {
          return Optional.of(
              "no order explains this history; "
                  + stuckAt
                  + " is in no place\n"
                  + text(operations));
        }
        Choice<S> last = choices.pop();
        last.entry().unlift();
        done.clear(last.entry().index);
        toDo += last.entry().operation.isOpen() ? 0 : 1;
        state = last.stateBefore();
        entry = last.entry().next;
        stuck = !last.changes();
      }
    }
    return Optional.empty();
  }

  /** The state after a call, or empty when it cannot or need not come next. */
  private Optional<S> next(S state, Entry call, Entry head) {
    Optional<S> after = model.step(state, call.operation);
    if (!call.operation.isOpen()) {
      return after;
    }
    for (Entry earlier = head.next; earlier != call; earlier = earlier.next) {
      if (earlier.operation.isOpen() && earlier.operation.isAlike(call.operation)) {
        return Optional.empty();
      }
    }
    return after.filter(changed -> !changed.equals(state));
  }

  /** Open reads and what was refused say nothing. */
  private static boolean counts(Operation operation) {
    return operation.outcome() != Outcome.REFUSED
        && !(operation.isOpen()
            && (operation.kind() == Operation.Kind.READ
                || operation.kind() == Operation.Kind.COUNT));
  }

  private static Entry list(List<Operation> operations) {
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < operations.size(); i++) {
      Operation operation = operations.get(i);
      Entry call = new Entry(operation, i, operation.invokedNanos(), true);
      entries.add(call);
      if (!operation.isOpen()) {
        call.itsReturn = new Entry(operation, i, operation.completedNanos(), false);
        entries.add(call.itsReturn);
      }
    }
    // At the same moment calls come first: then the two may have overlapped.
    entries.sort(
        Comparator.comparingLong((Entry entry) -> entry.nanos)
            .thenComparing(entry -> entry.call ? 0 : 1));
    Entry head = new Entry(null, -1, Long.MIN_VALUE, true);
    Entry last = head;
    for (Entry entry : entries) {
      entry.previous = last;
      last.next = entry;
      last = entry;
    }
    return head;
  }

  private static String text(List<Operation> operations) {
    return operations.stream()
        .sorted(Comparator.comparingLong(Operation::invokedNanos))
        .map(operation -> "  " + operation)
        .collect(Collectors.joining("\n"));
  }
}
