package io.vudo.tuplespace.linearizability;

import io.vudo.tuplespace.linearizability.Operation.Item;
import io.vudo.tuplespace.linearizability.Operation.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The tuples of a space, or those of one first field, oldest first. A template finds the oldest
 * that matches; a swap takes it and writes another, which is the youngest.
 */
final class SpaceModel implements Model<List<Item>> {
  @Override
  public List<Item> initial() {
    return List.of();
  }

  @Override
  public Optional<List<Item>> step(List<Item> state, Operation operation) {
    int index = indexOfMatch(state, operation);
    return switch (operation.kind()) {
      case WRITE -> Optional.of(with(state, operation.written()));
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

  private static Optional<List<Item>> swap(List<Item> state, int index, Operation operation) {
    boolean swaps = index >= 0;
    if (!operation.isOpen() && operation.isDone() != swaps) {
      return Optional.empty();
    }
    return Optional.of(
        swaps ? with(without(state, index), operation.replacement().orElseThrow()) : state);
  }

  private static boolean fits(List<Item> state, int index, Operation operation) {
    if (operation.isOpen()) {
      return true;
    }
    return operation.outcome() == Outcome.EMPTY
        ? index < 0
        : index >= 0 && state.get(index).equals(operation.found().orElseThrow());
  }

  private static int indexOfMatch(List<Item> state, Operation operation) {
    for (int i = 0; i < state.size(); i++) {
      if (operation.matches(state.get(i))) {
        return i;
      }
    }
    return -1;
  }

  private static long matches(List<Item> state, Operation operation) {
    return state.stream().filter(operation::matches).count();
  }

  private static List<Item> with(List<Item> state, Item item) {
    List<Item> next = new ArrayList<>(state);
    next.add(item);
    return next;
  }

  private static List<Item> without(List<Item> state, int index) {
    if (index < 0) {
      return state;
    }
    List<Item> next = new ArrayList<>(state);
    next.remove(index);
    return next;
  }
}
