package io.vudo.tuplespace.linearizability;

import io.vudo.tuplespace.linearizability.Operation.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The tuples of one first field: the values of their second fields, oldest first. A template finds
 * the oldest that matches; a swap takes it and writes another, which is the youngest.
 */
final class QueueModel implements Model<List<Long>> {
  @Override
  public List<Long> initial() {
    return List.of();
  }

  @Override
  public Optional<List<Long>> step(List<Long> state, Operation operation) {
    int index = indexOfMatch(state, operation);
    return switch (operation.kind()) {
      case WRITE -> Optional.of(with(state, operation.value().orElseThrow()));
      case READ -> fits(state, index, operation) ? Optional.of(state) : Optional.empty();
      case TAKE ->
          fits(state, index, operation) ? Optional.of(without(state, index)) : Optional.empty();
      case COUNT ->
          operation.isOpen() || operation.count() == matches(state, operation)
              ? Optional.of(state)
              : Optional.empty();
      case SWAP -> swap(state, index, operation);
    };
  }

  private static Optional<List<Long>> swap(List<Long> state, int index, Operation operation) {
    boolean swaps = index >= 0;
    if (!operation.isOpen() && operation.isDone() != swaps) {
      return Optional.empty();
    }
    return Optional.of(swaps ? with(without(state, index), operation.replacement()) : state);
  }

  private static boolean fits(List<Long> state, int index, Operation operation) {
    if (operation.isOpen()) {
      return true;
    }
    return operation.outcome() == Outcome.EMPTY
        ? index < 0
        : index >= 0 && state.get(index) == operation.found().orElseThrow().value();
  }

  private static int indexOfMatch(List<Long> state, Operation operation) {
    if (operation.value().isPresent()) {
      return state.indexOf(operation.value().getAsLong());
    }
    return state.isEmpty() ? -1 : 0;
  }

  private static long matches(List<Long> state, Operation operation) {
    return operation.value().isPresent()
        ? state.stream().filter(value -> value == operation.value().getAsLong()).count()
        : state.size();
  }

  private static List<Long> with(List<Long> state, long value) {
    List<Long> next = new ArrayList<>(state);
    next.add(value);
    return next;
  }

  private static List<Long> without(List<Long> state, int index) {
    if (index < 0) {
      return state;
    }
    List<Long> next = new ArrayList<>(state);
    next.remove(index);
    return next;
  }
}
