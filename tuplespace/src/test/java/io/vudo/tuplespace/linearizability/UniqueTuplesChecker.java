package io.vudo.tuplespace.linearizability;

import io.vudo.tuplespace.linearizability.Operation.Item;
import io.vudo.tuplespace.linearizability.Operation.Kind;
import io.vudo.tuplespace.linearizability.Operation.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Holds a long history against what a tuplespace promises, rule by rule. All tuples written are
 * different, and at the end everything is taken out, by operations of the history too.
 *
 * <p>Each rule says of a history that it is wrong only when it is, whatever the open operations
 * did. A tuple is <i>surely there</i> at a moment when its write had completed and no take that can
 * have got it had begun. While a take waits to which tuples are offered, a match can be held for it
 * and come back: others may get a younger one meanwhile, but nobody is told that there is none.
 */
final class UniqueTuplesChecker {
  /** What a history can break. */
  enum Rule {
    /** A tuple that was written and acknowledged was never taken, and no open take explains it. */
    LOST,
    /** Two takes got the same tuple. */
    TAKEN_TWICE,
    /** A take or read got a tuple that nobody wrote, or whose write was refused. */
    NEVER_WRITTEN,
    /** A take or read that got a tuple ended before its write began. */
    BEFORE_WRITE,
    /** A read that got a tuple began after a take of it had ended. */
    AFTER_TAKE,
    /** A take or read found nothing while a match was surely there. */
    EMPTY,
    /** A take or read got a tuple while an older match was surely there. */
    ORDER,
    /** A count was less than what was surely there, or more than can have been. */
    COUNT
  }

  /** One of them, with the operations that show it. */
  record Violation(Rule rule, List<Operation> operations) {
    @Override
    public String toString() {
      return operations.stream()
          .map(operation -> "\n    " + operation)
          .collect(Collectors.joining("", rule.toString(), ""));
    }
  }

  private static final long NEVER = Long.MAX_VALUE;

  /** After the end of a take that was offered another one too, that one is soon back. */
  private static final long PUT_BACK_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** A tuple that was written, by an operation that was not refused, and what became of it. */
  private static final class Fate {
    final Operation write;
    Operation take;

    /** When a take that can have got it began, at the earliest. */
    long removableNanos = NEVER;

    Fate(Operation write) {
      this.write = write;
    }

    long writtenNanos() {
      return write.completedNanos();
    }

    /** When it was gone at the latest. */
    long goneNanos() {
      return take == null ? NEVER : take.completedNanos();
    }
  }

  /**
   * The tuples of one first field, for "which one is there the longest of those written by then?"
   */
  private static final class Shelf {
    final List<Fate> all = new ArrayList<>();
    long[] writtenNanos;
    Fate[] lastingMost;

    void sort() {
      List<Fate> acknowledged =
          all.stream()
              .filter(fate -> fate.write.isDone())
              .sorted(Comparator.comparingLong(Fate::writtenNanos))
              .toList();
      writtenNanos = acknowledged.stream().mapToLong(Fate::writtenNanos).toArray();
      lastingMost = new Fate[writtenNanos.length];
      for (int i = 0; i < lastingMost.length; i++) {
        Fate fate = acknowledged.get(i);
        lastingMost[i] =
            i > 0 && lastingMost[i - 1].removableNanos >= fate.removableNanos
                ? lastingMost[i - 1]
                : fate;
      }
    }

    /** A tuple whose write completed before one moment and that surely is there until another. */
    Optional<Fate> surelyThere(long beforeNanos, long untilNanos) {
      int index = Arrays.binarySearch(writtenNanos, beforeNanos);
      // The last one before; of equal ones any may have been found.
      int last = index >= 0 ? index : -index - 1;
      while (last > 0 && (last == writtenNanos.length || writtenNanos[last] >= beforeNanos)) {
        last--;
      }
      if (last == writtenNanos.length || writtenNanos[last] >= beforeNanos) {
        return Optional.empty();
      }
      return Optional.of(lastingMost[last]).filter(fate -> fate.removableNanos > untilNanos);
    }
  }

  private record Place(String space, String first) {}

  private final List<Operation> history;
  private final Map<String, Map<Item, Fate>> fates = new HashMap<>();
  private final Map<Place, Shelf> shelves = new HashMap<>();
  private final Map<String, List<Shelf>> shelvesOfSpace = new HashMap<>();
  private final Map<String, List<Operation>> offeredTakes = new HashMap<>();
  private final List<Violation> violations = new ArrayList<>();

  private UniqueTuplesChecker(List<Operation> history) {
    this.history = history;
  }

  /** All violations. */
  static List<Violation> check(List<Operation> history) {
    return new UniqueTuplesChecker(history).check();
  }

  private List<Violation> check() {
    history.stream().filter(operation -> operation.kind() == Kind.WRITE).forEach(this::written);
    history.stream()
        .filter(operation -> operation.isDone() && operation.found().isPresent())
        .forEach(this::found);
    history.stream()
        .filter(Operation::offered)
        .forEach(
            take ->
                offeredTakes.computeIfAbsent(take.space(), space -> new ArrayList<>()).add(take));
    explainLosses();
    shelves.values().forEach(Shelf::sort);
    for (Operation operation : history) {
      if (operation.kind() == Kind.TAKE || operation.kind() == Kind.READ) {
        checkAfterTake(operation);
        checkEmpty(operation);
        checkOrder(operation);
      } else if (operation.kind() == Kind.COUNT && operation.isDone()) {
        checkCount(operation);
      }
    }
    return violations;
  }

  private void violated(Rule rule, Operation... shown) {
    violations.add(new Violation(rule, List.of(shown)));
  }

  private void written(Operation write) {
    if (write.outcome() == Outcome.REFUSED) {
      return;
    }
    Item item = write.written();
    Fate fate = new Fate(write);
    Fate before = fates.computeIfAbsent(write.space(), space -> new HashMap<>()).put(item, fate);
    if (before != null) {
      throw new IllegalArgumentException(item + " was written twice; this is no such history.");
    }
    shelves
        .computeIfAbsent(
            new Place(write.space(), item.first()),
            place -> {
              Shelf shelf = new Shelf();
              shelvesOfSpace.computeIfAbsent(place.space(), space -> new ArrayList<>()).add(shelf);
              return shelf;
            })
        .all
        .add(fate);
  }

  private Optional<Fate> fateOf(Operation operation) {
    return operation.found().map(item -> fates.getOrDefault(operation.space(), Map.of()).get(item));
  }

  private void found(Operation operation) {
    Optional<Fate> known = fateOf(operation);
    if (known.isEmpty() || !operation.matches(operation.found().orElseThrow())) {
      violated(Rule.NEVER_WRITTEN, operation);
      return;
    }
    Fate fate = known.get();
    if (operation.completedNanos() < fate.write.invokedNanos()) {
      violated(Rule.BEFORE_WRITE, fate.write, operation);
    }
    if (operation.kind() == Kind.TAKE) {
      if (fate.take != null) {
        violated(Rule.TAKEN_TWICE, fate.write, fate.take, operation);
        return;
      }
      fate.take = operation;
      fate.removableNanos = operation.invokedNanos();
    }
  }

  /** Each open take may have got one tuple; those that leave the first field open come last. */
  private void explainLosses() {
    Map<String, List<Operation>> openTakes =
        history.stream()
            .filter(operation -> operation.kind() == Kind.TAKE && operation.isOpen())
            .collect(Collectors.groupingBy(Operation::space));
    shelvesOfSpace.forEach(
        (space, itsShelves) -> {
          List<Operation> takes = openTakes.getOrDefault(space, List.of());
          long anywhere = takes.stream().filter(take -> take.first().isEmpty()).count();
          for (Shelf shelf : itsShelves) {
            List<Fate> missing = shelf.all.stream().filter(fate -> fate.take == null).toList();
            if (missing.isEmpty()) {
              continue;
            }
            String first = missing.get(0).write.first().orElseThrow();
            List<Operation> matching =
                takes.stream()
                    .filter(take -> take.first().map(first::equals).orElse(true))
                    .toList();
            long earliest =
                matching.stream().mapToLong(Operation::invokedNanos).min().orElse(NEVER);
            missing.forEach(fate -> fate.removableNanos = earliest);
            List<Fate> lost = missing.stream().filter(fate -> fate.write.isDone()).toList();
            long here = matching.stream().filter(take -> take.first().isPresent()).count();
            long unexplained = Math.max(lost.size() - here, 0);
            long explained = Math.min(unexplained, anywhere);
            anywhere -= explained;
            if (unexplained > explained) {
              violated(Rule.LOST, lost.stream().map(fate -> fate.write).toArray(Operation[]::new));
            }
          }
        });
  }

  private void checkAfterTake(Operation operation) {
    if (operation.kind() == Kind.READ) {
      fateOf(operation)
          .filter(fate -> fate.goneNanos() < operation.invokedNanos())
          .ifPresent(fate -> violated(Rule.AFTER_TAKE, fate.write, fate.take, operation));
    }
  }

  private Collection<Shelf> shelvesOf(Operation operation) {
    if (operation.first().isEmpty()) {
      return shelvesOfSpace.getOrDefault(operation.space(), List.of());
    }
    Shelf shelf = shelves.get(new Place(operation.space(), operation.first().get()));
    return shelf == null ? List.of() : List.of(shelf);
  }

  private void checkEmpty(Operation operation) {
    if (operation.outcome() != Outcome.EMPTY || operation.value().isPresent()) {
      return;
    }
    for (Shelf shelf : shelvesOf(operation)) {
      shelf
          .surelyThere(operation.invokedNanos(), operation.completedNanos())
          .ifPresent(fate -> violated(Rule.EMPTY, shown(fate, operation)));
    }
  }

  /** Whether it can have been out of sight during an operation, for one that it was offered. */
  private boolean mayHaveBeenHeld(Fate fate, Operation operation) {
    Item item = fate.write.written();
    return offeredTakes.getOrDefault(operation.space(), List.of()).stream()
        .anyMatch(
            take ->
                !take.equals(operation)
                    && take.matches(item)
                    && take.invokedNanos() < operation.completedNanos()
                    && (take.isOpen()
                        || take.completedNanos() + PUT_BACK_NANOS > operation.invokedNanos()));
  }

  private static Operation[] shown(Fate fate, Operation... more) {
    List<Operation> shown = new ArrayList<>();
    shown.add(fate.write);
    shown.addAll(List.of(more));
    if (fate.take != null) {
      shown.add(fate.take);
    }
    return shown.toArray(Operation[]::new);
  }

  private void checkOrder(Operation operation) {
    Optional<Fate> got = fateOf(operation);
    if (got.isEmpty() || operation.value().isPresent()) {
      return;
    }
    Operation write = got.get().write;
    // An older one of the same first field; of other first fields nothing is promised.
    shelves
        .get(new Place(operation.space(), write.first().orElseThrow()))
        .surelyThere(write.invokedNanos(), operation.completedNanos())
        .filter(older -> !mayHaveBeenHeld(older, operation))
        .ifPresent(older -> violated(Rule.ORDER, shown(older, write, operation)));
  }

  private void checkCount(Operation operation) {
    long least = 0;
    long most = 0;
    for (Shelf shelf : shelvesOf(operation)) {
      for (Fate fate : shelf.all) {
        boolean surelyThere =
            fate.write.isDone()
                && fate.writtenNanos() < operation.invokedNanos()
                && fate.removableNanos > operation.completedNanos();
        boolean surelyNot =
            fate.write.invokedNanos() > operation.completedNanos()
                || fate.goneNanos() < operation.invokedNanos();
        least += surelyThere ? 1 : 0;
        most += surelyNot ? 0 : 1;
      }
    }
    if (operation.count() < least || operation.count() > most) {
      violated(Rule.COUNT, operation);
    }
  }
}
