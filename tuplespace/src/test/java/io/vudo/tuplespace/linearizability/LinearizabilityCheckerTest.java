package io.vudo.tuplespace.linearizability;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.tuplespace.linearizability.Operation.Item;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The exact checker accepts what can have been, and nothing else. */
final class LinearizabilityCheckerTest {
  /**
   * As many operations of a made history may be open, and each may begin and end as much before and
   * after its moment; one is made each 100 ns. What the exact search has to look at doubles with
   * each that is open and with each that overlaps, so that without these bounds some history is too
   * hard to decide.
   */
  private static final int MAX_OPEN = 3;

  private static final int BLUR_NANOS = 200;

  private static final Operation WRITE_1 = Operation.write("s", "a", 1).done();
  private static final Operation WRITE_2 = Operation.write("s", "a", 2).done();
  private static final Operation TAKE = Operation.take("s", "a");
  private static final Operation READ = Operation.read("s", "a");
  private static final Operation COUNT = Operation.count("s", Optional.of("a"));
  private static final Operation SWAP_1_FOR_2 = Operation.swap("s", "a", 1, 2);

  private static boolean accepts(Operation... history) {
    return new LinearizabilityChecker<>(new SpaceModel()).check(List.of(history)).isEmpty();
  }

  private static void accepted(Operation... history) {
    assertEquals(true, accepts(history));
  }

  private static void rejected(Operation... history) {
    assertEquals(false, accepts(history));
  }

  @Test
  void oneAfterTheOther() {
    accepted();
    accepted(WRITE_1.at(0, 1), READ.found(1).at(2, 3), TAKE.found(1).at(4, 5));
    accepted(TAKE.empty().at(0, 1), WRITE_1.at(2, 3), COUNT.counted(1).at(4, 5));
    rejected(TAKE.found(1).at(0, 1));
    rejected(WRITE_1.at(0, 1), TAKE.empty().at(2, 3));
    rejected(WRITE_1.at(0, 1), READ.empty().at(2, 3));
    rejected(WRITE_1.at(0, 1), COUNT.counted(0).at(2, 3));
    rejected(WRITE_1.at(0, 1), TAKE.found(1).at(2, 3), TAKE.found(1).at(4, 5));
    rejected(WRITE_1.at(0, 1), TAKE.found(1).at(2, 3), READ.found(1).at(4, 5));
    rejected(TAKE.found(1).at(0, 1), WRITE_1.at(2, 3));
  }

  @Test
  void theOldestMatchComesFirst() {
    accepted(WRITE_1.at(0, 1), WRITE_2.at(2, 3), TAKE.found(1).at(4, 5), TAKE.found(2).at(6, 7));
    rejected(WRITE_1.at(0, 1), WRITE_2.at(2, 3), TAKE.found(2).at(4, 5));
    accepted(WRITE_1.at(0, 1), WRITE_2.at(2, 3), TAKE.withValue(2).found(2).at(4, 5));
    rejected(WRITE_1.at(0, 1), TAKE.withValue(2).found(1).at(2, 3));
    accepted(WRITE_1.at(0, 1), WRITE_2.at(2, 3), COUNT.withValue(2).counted(1).at(4, 5));
  }

  @Test
  void whatOverlapsMayBeInAnyOrder() {
    accepted(WRITE_1.at(0, 5), WRITE_2.at(0, 5), TAKE.found(2).at(6, 7), TAKE.found(1).at(8, 9));
    accepted(WRITE_1.at(0, 5), TAKE.empty().at(1, 2), TAKE.found(1).at(3, 4));
    rejected(WRITE_1.at(0, 5), TAKE.found(1).at(1, 2), READ.found(1).at(3, 4));
    accepted(WRITE_1.at(0, 1), TAKE.found(1).at(2, 5), TAKE.empty().at(2, 5));
    rejected(WRITE_1.at(0, 1), TAKE.found(1).at(2, 5), TAKE.found(1).at(2, 5));
    // At the same moment is no order.
    accepted(WRITE_1.at(0, 1), TAKE.empty().at(1, 2));
  }

  @Test
  void swaps() {
    accepted(WRITE_1.at(0, 1), SWAP_1_FOR_2.done().at(2, 3), TAKE.found(2).at(4, 5));
    accepted(WRITE_2.at(0, 1), SWAP_1_FOR_2.empty().at(2, 3), TAKE.found(2).at(4, 5));
    rejected(WRITE_1.at(0, 1), SWAP_1_FOR_2.empty().at(2, 3));
    rejected(WRITE_2.at(0, 1), SWAP_1_FOR_2.done().at(2, 3));
    // Two that both find the one tuple: a lock that two get.
    rejected(WRITE_1.at(0, 1), SWAP_1_FOR_2.done().at(2, 9), SWAP_1_FOR_2.done().at(2, 9));
    accepted(WRITE_1.at(0, 1), SWAP_1_FOR_2.done().at(2, 9), SWAP_1_FOR_2.empty().at(2, 9));
  }

  @Test
  void severalFirstFieldsInOneSpace() {
    Operation other = Operation.write("s", "b", 1).done();
    Operation any = Operation.takeAny("s");
    accepted(WRITE_1.at(0, 1), other.at(2, 3), any.found("a", 1).at(4, 5));
    rejected(WRITE_1.at(0, 1), other.at(2, 3), any.found("b", 1).at(4, 5));
    accepted(other.at(0, 1), TAKE.empty().at(2, 3), any.found("b", 1).at(4, 5));
    // Each of the two may have seen nothing, but not in one order.
    Operation hop = Operation.swap("s", "a", 1, new Item("b", 1)).done();
    accepted(WRITE_1.at(0, 1), hop.at(2, 9), TAKE.empty().at(3, 4));
    rejected(WRITE_1.at(0, 1), hop.at(2, 9), any.empty().at(3, 4));
    rejected(
        WRITE_1.at(0, 1),
        hop.at(2, 9),
        TAKE.empty().at(3, 4),
        Operation.read("s", "b").empty().at(5, 6));
  }

  @Test
  void openOperationsHappenLaterOrNever() {
    accepted(WRITE_1.open().at(0, 1), TAKE.found(1).at(2, 3));
    accepted(WRITE_1.open().at(0, 1), TAKE.empty().at(2, 3));
    accepted(WRITE_1.open().at(0, 1), TAKE.empty().at(2, 3), TAKE.found(1).at(4, 5));
    rejected(WRITE_1.open().at(0, 1), TAKE.found(1).at(2, 3), TAKE.found(1).at(4, 5));
    rejected(TAKE.found(1).at(0, 1), WRITE_1.open().at(2, 3));
    accepted(WRITE_1.at(0, 1), TAKE.open().at(0, 1), TAKE.empty().at(2, 3));
    rejected(WRITE_1.at(0, 1), TAKE.empty().at(2, 3), TAKE.open().at(4, 5));
    accepted(WRITE_1.at(0, 1), SWAP_1_FOR_2.open().at(0, 1), TAKE.found(2).at(2, 3));
    rejected(WRITE_1.refused().at(0, 1), TAKE.found(1).at(2, 3));
    accepted(WRITE_1.at(0, 1), READ.open().at(2, 3), COUNT.open().at(2, 3));
  }

  /** Histories that were made one at a time and then blurred are accepted, and soon. */
  @Test
  void trueHistoriesAreAcceptedAndOneWrongAnswerIsSeen() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("LinearizabilityCheckerTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      List<Operation> history = trueHistory(random, 40);
      assertEquals(Optional.empty(), check(history), "round " + round);
      // A tuple of a value that nobody writes, at any place.
      int place = random.nextInt(history.size());
      Operation replaced = history.get(place);
      history.set(place, TAKE.found(99).at(replaced.invokedNanos(), replaced.completedNanos()));
      assertEquals(false, check(history).isEmpty(), "round " + round);
    }
  }

  private static Optional<String> check(List<Operation> history) {
    return new LinearizabilityChecker<>(new SpaceModel()).check(history);
  }

  private static List<Operation> trueHistory(Random random, int size) {
    List<Long> queue = new ArrayList<>();
    List<Operation> history = new ArrayList<>();
    int open = 0;
    for (int i = 0; i < size; i++) {
      long value = 1L + random.nextInt(3);
      Operation operation;
      switch (random.nextInt(4)) {
        case 0 -> operation = READ;
        case 1 -> operation = Operation.swap("s", "a", value, 1L + random.nextInt(3));
        case 2 -> operation = TAKE;
        default -> operation = Operation.write("s", "a", value);
      }
      boolean happens = random.nextInt(20) > 0 || open == MAX_OPEN;
      Operation ended = happens ? happen(operation, queue) : operation.open();
      boolean known = random.nextInt(20) > 0 || open == MAX_OPEN;
      open += known && happens ? 0 : 1;
      long moment = 100L * i;
      history.add(
          (known && happens ? ended : operation.open())
              .at(moment - random.nextInt(BLUR_NANOS), moment + random.nextInt(BLUR_NANOS)));
    }
    Collections.shuffle(history, random);
    return history;
  }

  private static Operation happen(Operation operation, List<Long> queue) {
    switch (operation.kind()) {
      case WRITE -> {
        queue.add(operation.value().orElseThrow());
        return operation.done();
      }
      case SWAP -> {
        if (!queue.remove((Long) operation.value().orElseThrow())) {
          return operation.empty();
        }
        queue.add(operation.replacement().orElseThrow().value());
        return operation.done();
      }
      case TAKE -> {
        return queue.isEmpty() ? operation.empty() : operation.found(queue.remove(0));
      }
      default -> {
        return queue.isEmpty() ? operation.empty() : operation.found(queue.get(0));
      }
    }
  }
}
