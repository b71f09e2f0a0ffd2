package io.vudo.tuplespace.linearizability;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.tuplespace.linearizability.UniqueTuplesChecker.Rule;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Each rule sees what breaks it, and what may be is not taken for a violation. */
final class UniqueTuplesCheckerTest {
  private static Operation write(long value) {
    return Operation.write("s", "a", value).done();
  }

  private static Operation take() {
    return Operation.take("s", "a");
  }

  private static Operation takeAny() {
    return Operation.takeAny("s");
  }

  private static Operation read() {
    return Operation.read("s", "a");
  }

  private static Operation count() {
    return Operation.count("s", Optional.of("a"));
  }

  private static void broken(Rule rule, Operation... history) {
    List<Rule> rules =
        UniqueTuplesChecker.check(List.of(history)).stream()
            .map(UniqueTuplesChecker.Violation::rule)
            .distinct()
            .toList();
    assertEquals(List.of(rule), rules);
  }

  private static void fine(Operation... history) {
    assertEquals(List.of(), UniqueTuplesChecker.check(List.of(history)));
  }

  @Test
  void whatWasWrittenIsTaken() {
    fine(write(1).at(0, 1), take().found(1).at(2, 3));
    broken(Rule.LOST, write(1).at(0, 1));
    broken(Rule.LOST, write(1).at(0, 1), Operation.take("s", "b").open().at(2, 3));
    broken(Rule.LOST, write(1).at(0, 1), Operation.take("other", "a").open().at(2, 3));
    // An open take explains one loss.
    fine(write(1).at(0, 1), take().open().at(2, 3));
    fine(write(1).at(0, 1), write(2).at(0, 1), take().open().at(2, 3), takeAny().open().at(2, 3));
    broken(Rule.LOST, write(1).at(0, 1), write(2).at(0, 1), take().open().at(2, 3));
    broken(
        Rule.LOST,
        write(1).at(0, 1),
        Operation.write("s", "b", 1).done().at(0, 1),
        takeAny().open().at(2, 3));
    // One that is not known to be written need not be there.
    fine(write(1).open().at(0, 1));
    fine(write(1).open().at(0, 1), take().found(1).at(8, 9));
    fine(write(1).refused().at(0, 1));
  }

  @Test
  void noTupleIsTakenTwice() {
    broken(Rule.TAKEN_TWICE, write(1).at(0, 1), take().found(1).at(2, 5), take().found(1).at(2, 5));
    broken(
        Rule.TAKEN_TWICE,
        write(1).open().at(0, 1),
        take().found(1).at(2, 3),
        takeAny().found("a", 1).at(4, 5));
  }

  @Test
  void nobodyFindsWhatNobodyWrote() {
    broken(Rule.NEVER_WRITTEN, take().found(1).at(0, 1));
    broken(Rule.NEVER_WRITTEN, write(1).refused().at(0, 1), take().found(1).at(2, 3));
    broken(Rule.NEVER_WRITTEN, write(1).refused().at(0, 1), read().found(1).at(2, 3));
    broken(
        Rule.NEVER_WRITTEN,
        write(1).at(0, 1),
        take().found(1).at(2, 3),
        Operation.take("s", "b").found("a", 1).at(2, 3));
  }

  @Test
  void nobodyFindsWhatIsNotWrittenYet() {
    broken(Rule.BEFORE_WRITE, take().found(1).at(0, 1), write(1).at(2, 3));
    broken(
        Rule.BEFORE_WRITE, read().found(1).at(0, 1), write(1).at(2, 3), take().found(1).at(4, 5));
    fine(take().found(1).at(0, 3), write(1).at(2, 5));
  }

  @Test
  void nobodyReadsWhatIsTaken() {
    broken(Rule.AFTER_TAKE, write(1).at(0, 1), take().found(1).at(2, 3), read().found(1).at(4, 5));
    fine(write(1).at(0, 1), take().found(1).at(2, 4), read().found(1).at(3, 5));
  }

  @Test
  void whatIsThereIsFound() {
    broken(Rule.EMPTY, write(1).at(0, 1), take().empty().at(2, 3), take().found(1).at(4, 5));
    broken(Rule.EMPTY, write(1).at(0, 1), read().empty().at(2, 3), take().found(1).at(4, 5));
    broken(Rule.EMPTY, write(1).at(0, 1), takeAny().empty().at(2, 3), take().found(1).at(4, 5));
    fine(write(1).at(0, 2), take().empty().at(1, 3), take().found(1).at(4, 5));
    fine(write(1).at(0, 1), take().empty().at(2, 5), take().found(1).at(4, 6));
    fine(write(1).open().at(0, 1), take().empty().at(2, 3), take().found(1).at(4, 5));
    fine(write(1).at(0, 1), Operation.take("s", "b").empty().at(2, 3), take().found(1).at(4, 5));
    // It was taken by one whose end is open, unless that one began only later.
    fine(write(1).at(0, 1), take().open().at(2, 3), take().empty().at(4, 5));
    broken(Rule.EMPTY, write(1).at(0, 1), take().empty().at(2, 3), take().open().at(4, 5));
    // Behind one that is soon gone there is one that stays.
    broken(
        Rule.EMPTY,
        write(1).at(0, 1),
        write(2).at(2, 3),
        take().found(1).at(4, 5),
        write(3).at(5, 6),
        take().empty().at(7, 8),
        take().found(2).at(9, 10),
        take().found(3).at(11, 12));
  }

  @Test
  void whatIsOfferedToSomebodyIsNotMissed() {
    Operation offered = takeAny().asOffered();
    broken(
        Rule.EMPTY,
        write(1).at(0, 1),
        offered.open().at(2, 3),
        take().empty().at(4, 5),
        take().found(1).at(6, 7));
    broken(
        Rule.EMPTY,
        write(1).at(0, 1),
        take().empty().at(2, 3),
        offered.open().at(4, 5),
        take().found(1).at(6, 7));
    broken(
        Rule.EMPTY,
        write(1).at(0, 1),
        write(2).at(0, 1),
        offered.found("a", 2).at(2, 4),
        take().empty().at(3, 5),
        take().found(1).at(6, 7));
    broken(Rule.LOST, write(1).at(0, 1), offered.found("a", 2).at(2, 3), write(2).at(0, 1));
  }

  @Test
  void theOldestMatchIsFoundFirst() {
    broken(
        Rule.ORDER,
        write(1).at(0, 1),
        write(2).at(2, 3),
        take().found(2).at(4, 5),
        take().found(1).at(6, 7));
    broken(
        Rule.ORDER,
        write(1).at(0, 1),
        write(2).at(2, 3),
        takeAny().found("a", 2).at(4, 5),
        take().found(1).at(6, 7));
    broken(
        Rule.ORDER,
        write(1).at(0, 1),
        write(2).at(2, 3),
        read().found(2).at(4, 5),
        take().found(1).at(6, 7),
        take().found(2).at(8, 9));
    fine(write(1).at(0, 2), write(2).at(1, 3), take().found(2).at(4, 5), take().found(1).at(6, 7));
    fine(write(1).at(0, 1), write(2).at(2, 3), take().found(2).at(4, 6), take().found(1).at(5, 7));
    fine(
        write(1).at(0, 1),
        write(2).at(2, 3),
        take().withValue(2).found(2).at(4, 5),
        take().found(1).at(6, 7));
    // Of other first fields nothing is said.
    fine(
        write(1).at(0, 1),
        Operation.write("s", "b", 2).done().at(2, 3),
        takeAny().found("b", 2).at(4, 5),
        takeAny().found("a", 1).at(6, 7));
    // The older one may be gone by an open take.
    fine(write(1).at(0, 1), write(2).at(2, 3), take().open().at(3, 4), take().found(2).at(5, 6));
  }

  @Test
  void countsAreWhatIsThere() {
    broken(Rule.COUNT, write(1).at(0, 1), count().counted(0).at(2, 3), take().found(1).at(4, 5));
    broken(Rule.COUNT, write(1).at(0, 1), take().found(1).at(2, 3), count().counted(1).at(4, 5));
    broken(
        Rule.COUNT,
        write(1).at(0, 1),
        Operation.count("s", Optional.empty()).counted(2).at(2, 3),
        take().found(1).at(4, 5));
    fine(write(1).at(0, 1), count().counted(1).at(2, 3), take().found(1).at(4, 5));
    fine(write(1).at(0, 1), count().counted(0).at(2, 5), take().found(1).at(4, 6));
    fine(write(1).open().at(0, 1), count().counted(1).at(2, 3), count().counted(0).at(2, 3));
  }
}
