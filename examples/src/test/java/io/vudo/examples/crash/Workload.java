package io.vudo.examples.crash;

import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * One kind of operation of the crash harness: how it is driven, what is to be seen afterwards, and
 * how the two must agree.
 *
 * <p>An instance is for one run. {@link #next} is called by many threads, each with a caller number
 * of its own and one operation at a time, so what is kept by caller needs no lock. {@link #check}
 * uses nothing but its arguments.
 */
interface Workload {
  /** A word, unique among all. */
  String name();

  /** How often it is chosen, compared with the others. */
  default int weight() {
    return 10;
  }

  /** Deploys what it needs. */
  void prepare(Door node) throws IOException;

  /** The next operation of a caller. */
  Step next(int caller, Random random);

  /** Failures of its operations that are answers, such as a transfer beyond the balance. */
  default Set<ErrorCode> expectedFailures() {
    return Set.of();
  }

  /**
   * Whether an operation may be sent again after this answer to it. False where that would be
   * another operation.
   */
  default boolean repeatable(Step step, String answer) {
    return true;
  }

  /**
   * What is there when nobody does anything any more: lists of texts under names that {@link
   * #check} knows.
   *
   * @param operations those of this workload, each key once
   */
  Map<String, List<String>> observe(Door node, List<Operation> operations);

  /**
   * Compares what was answered with what is there.
   *
   * @param operations those of this workload, each key once
   * @param state what {@link #observe} answered
   */
  List<Violation> check(List<Operation> operations, Map<String, List<String>> state);

  /** What a step does with a node; answers the node's answer, or fails as {@link Door}. */
  interface Call {
    String send(Door node, String key);
  }

  /** An operation to be done. */
  record Step(String kind, String target, String argument, Call call) {}
}
