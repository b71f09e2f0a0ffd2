package io.vudo.tuplespace.linearizability;

import java.util.Optional;

/**
 * What is asked, one operation after the other.
 *
 * @param <S> a state; immutable, with {@code equals}
 */
interface Model<S> {
  S initial();

  /**
   * The state after an operation, or empty when it cannot have had its answer in this state. An
   * open one can have had any.
   */
  Optional<S> step(S state, Operation operation);
}
