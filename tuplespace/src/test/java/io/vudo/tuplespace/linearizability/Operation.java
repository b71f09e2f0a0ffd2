package io.vudo.tuplespace.linearizability;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * One operation of a history, as its caller saw it. Tuples are pairs of a text and a number.
 *
 * @param process the caller; has one operation at a time
 * @param first the first field, written or asked for; empty for a template that leaves it open
 * @param value the second field: written, or asked for, or expected by a swap; empty for a template
 *     that leaves it open
 * @param replacement what a swap writes
 * @param offered whether it is a take that waits without a key: a tuple is held for it until it has
 *     said that it has it, and comes back when it does not
 * @param found the tuple that was answered
 * @param count how many were counted
 * @param invokedNanos when it began, by a clock that all callers share
 * @param completedNanos when it ended; of an open one, when its caller gave up
 */
record Operation(
    int process,
    Kind kind,
    String space,
    Optional<String> first,
    OptionalLong value,
    Optional<Item> replacement,
    boolean offered,
    Outcome outcome,
    Optional<Item> found,
    long count,
    long invokedNanos,
    long completedNanos) {

  /** What was asked for. */
  enum Kind {
    WRITE,
    READ,
    TAKE,
    COUNT,
    /** A compareAndSwap of one tuple. */
    SWAP
  }

  /** What came of it. */
  enum Outcome {
    /** Done: written, counted, swapped, or a tuple was found. */
    DONE,
    /** Nothing matched. */
    EMPTY,
    /** Nobody knows: it took place after it was invoked, takes place later, or never. */
    OPEN,
    /** It was refused and changed nothing. */
    REFUSED
  }

  /** A tuple. */
  record Item(String first, long value) {
    @Override
    public String toString() {
      return "[" + first + ", " + value + "]";
    }
  }

  /** What an operation asks for, before anybody was asked. */
  static Operation of(Kind kind, String space, Optional<String> first, OptionalLong value) {
    return new Operation(
        0,
        kind,
        space,
        first,
        value,
        Optional.empty(),
        false,
        Outcome.OPEN,
        Optional.empty(),
        0,
        0,
        0);
  }

  static Operation write(String space, String first, long value) {
    return of(Kind.WRITE, space, Optional.of(first), OptionalLong.of(value));
  }

  static Operation take(String space, String first) {
    return of(Kind.TAKE, space, Optional.of(first), OptionalLong.empty());
  }

  static Operation takeAny(String space) {
    return of(Kind.TAKE, space, Optional.empty(), OptionalLong.empty());
  }

  static Operation read(String space, String first) {
    return of(Kind.READ, space, Optional.of(first), OptionalLong.empty());
  }

  static Operation count(String space, Optional<String> first) {
    return of(Kind.COUNT, space, first, OptionalLong.empty());
  }

  static Operation swap(String space, String first, long expected, Item replacement) {
    return new Operation(
        0,
        Kind.SWAP,
        space,
        Optional.of(first),
        OptionalLong.of(expected),
        Optional.of(replacement),
        false,
        Outcome.OPEN,
        Optional.empty(),
        0,
        0,
        0);
  }

  /** The same with the first field of the one expected. */
  static Operation swap(String space, String first, long expected, long replacement) {
    return swap(space, first, expected, new Item(first, replacement));
  }

  /** The same template with an exact second field. */
  Operation withValue(long exact) {
    return new Operation(
        process,
        kind,
        space,
        first,
        OptionalLong.of(exact),
        replacement,
        offered,
        outcome,
        found,
        count,
        invokedNanos,
        completedNanos);
  }

  /** Whether it changes nothing, whatever it finds: it only looked, or it found nothing. */
  boolean isHarmless() {
    return outcome == Outcome.EMPTY || (isDone() && (kind == Kind.READ || kind == Kind.COUNT));
  }

  /** Whether the two ask for the same. */
  boolean isAlike(Operation other) {
    return kind == other.kind
        && space.equals(other.space)
        && first.equals(other.first)
        && value.equals(other.value)
        && replacement.equals(other.replacement)
        && offered == other.offered;
  }

  Operation asOffered() {
    return with(process, true, outcome, found, count, invokedNanos, completedNanos);
  }

  Operation by(int who) {
    return with(who, offered, outcome, found, count, invokedNanos, completedNanos);
  }

  /** The same between two moments. */
  Operation at(long invoked, long completed) {
    return with(process, offered, outcome, found, count, invoked, completed);
  }

  private Operation ended(Outcome how, Optional<Item> item, long counted) {
    return with(process, offered, how, item, counted, invokedNanos, completedNanos);
  }

  private Operation with(
      int who,
      boolean isOffered,
      Outcome how,
      Optional<Item> item,
      long counted,
      long invoked,
      long completed) {
    return new Operation(
        who,
        kind,
        space,
        first,
        value,
        replacement,
        isOffered,
        how,
        item,
        counted,
        invoked,
        completed);
  }

  Operation done() {
    return ended(Outcome.DONE, Optional.empty(), 0);
  }

  Operation found(String itsFirst, long itsValue) {
    return ended(Outcome.DONE, Optional.of(new Item(itsFirst, itsValue)), 0);
  }

  /** The same, with a first field that is that of the template. */
  Operation found(long itsValue) {
    return found(first.orElseThrow(), itsValue);
  }

  Operation counted(long matches) {
    return ended(Outcome.DONE, Optional.empty(), matches);
  }

  Operation empty() {
    return ended(Outcome.EMPTY, Optional.empty(), 0);
  }

  Operation open() {
    return ended(Outcome.OPEN, Optional.empty(), 0);
  }

  Operation refused() {
    return ended(Outcome.REFUSED, Optional.empty(), 0);
  }

  boolean isDone() {
    return outcome == Outcome.DONE;
  }

  boolean isOpen() {
    return outcome == Outcome.OPEN;
  }

  /** The tuple that a write writes. */
  Item written() {
    return new Item(first.orElseThrow(), value.orElseThrow());
  }

  /** Whether a template like this one's matches a tuple. */
  boolean matches(Item item) {
    return first.map(item.first()::equals).orElse(true)
        && (value.isEmpty() || value.getAsLong() == item.value());
  }

  @Override
  public String toString() {
    String asked =
        space
            + " ["
            + first.orElse("*")
            + ", "
            + (value.isPresent() ? Long.toString(value.getAsLong()) : "*")
            + "]";
    String answer =
        found
            .map(Item::toString)
            .orElse(kind == Kind.COUNT && isDone() ? Long.toString(count) : "");
    return String.format(
        "%d..%d us  caller %d  %s%s %s%s: %s %s",
        invokedNanos / 1000,
        completedNanos / 1000,
        process,
        kind,
        offered ? " (offered)" : "",
        asked,
        replacement.map(item -> " for " + item).orElse(""),
        outcome,
        answer);
  }
}
