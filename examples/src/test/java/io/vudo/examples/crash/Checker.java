package io.vudo.examples.crash;

import io.vudo.examples.crash.Operation.Outcome;
import io.vudo.examples.crash.Violation.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads a history and the final state, and reports every promise that was broken. */
final class Checker {
  private final List<Workload> workloads;

  Checker(List<Workload> workloads) {
    this.workloads = workloads;
  }

  /**
   * Checks a run.
   *
   * @param operations all of them
   * @param state by workload
   */
  List<Violation> check(List<Operation> operations, Map<String, Map<String, List<String>>> state) {
    List<Violation> found = new ArrayList<>(repetitions(operations));
    for (Workload workload : workloads) {
      List<Operation> own = History.distinct(operations, workload.name());
      for (Operation operation : own) {
        if (operation.outcome() == Outcome.FAILED
            && workload.expectedFailures().stream()
                .noneMatch(code -> operation.answer().equals(code.name()))) {
          found.add(
              new Violation(
                  Kind.FAILED,
                  workload.name(),
                  operation.key() + " (" + operation.kind() + ") with " + operation.answer()));
        }
      }
      found.addAll(workload.check(own, state.getOrDefault(workload.name(), Map.of())));
    }
    return found;
  }

  /** What is sent again under the same key is answered as the first time. */
  private static List<Violation> repetitions(List<Operation> operations) {
    List<Violation> found = new ArrayList<>();
    Map<String, Operation> first = new HashMap<>();
    for (Operation operation : operations) {
      Operation before = first.putIfAbsent(operation.key(), operation);
      if (before != null
          && !operation.open()
          && !before.open()
          && !(before.outcome() == operation.outcome()
              && before.answer().equals(operation.answer()))) {
        found.add(
            new Violation(
                Kind.ANSWERED_OTHERWISE,
                operation.workload(),
                operation.key() + ": " + before.answer() + ", then " + operation.answer()));
      }
    }
    return found;
  }

  // What several workloads need

  /**
   * Compares a list with what should be in it: everything of {@code expected} once, nothing twice,
   * nothing else but {@code possible}.
   */
  static List<Violation> onceEach(
      String workload,
      String where,
      List<String> seen,
      Set<String> expected,
      Set<String> possible) {
    List<Violation> found = new ArrayList<>();
    Set<String> met = new HashSet<>();
    for (String entry : seen) {
      if (!met.add(entry)) {
        found.add(new Violation(Kind.DUPLICATED, workload, where + " has " + entry + " again"));
      } else if (!expected.contains(entry) && !possible.contains(entry)) {
        found.add(
            new Violation(
                Kind.INVENTED, workload, where + " has " + entry + ", which nobody sent"));
      }
    }
    for (String entry : expected) {
      if (!met.contains(entry)) {
        found.add(new Violation(Kind.LOST, workload, where + " lacks " + entry));
      }
    }
    return found;
  }

  /** Entries {@code SENDER:NUMBER}: the numbers of each sender rise. */
  static List<Violation> inOrder(String workload, String where, List<String> seen) {
    List<Violation> found = new ArrayList<>();
    Map<String, Long> last = new HashMap<>();
    for (String entry : seen) {
      String sender = entry.substring(0, entry.indexOf(':'));
      long number = Long.parseLong(entry.substring(entry.indexOf(':') + 1));
      Long before = last.put(sender, number);
      if (before != null && number < before) {
        found.add(
            new Violation(
                Kind.REORDERED,
                workload,
                where + " has " + entry + " after " + sender + ":" + before));
      }
    }
    return found;
  }

  /**
   * Numbers that rise with each operation on one target: what began after another one had been
   * answered has a larger number.
   *
   * @param answered operations of one target whose answers are numbers
   */
  static List<Violation> linear(String workload, String target, List<Operation> answered) {
    List<Violation> found = new ArrayList<>();
    List<Operation> byAnswer = new ArrayList<>(answered);
    byAnswer.sort((a, b) -> Long.compare(number(a), number(b)));
    Operation latest = null;
    Operation previous = null;
    for (Operation operation : byAnswer) {
      if (previous != null && number(previous) == number(operation)) {
        found.add(
            new Violation(
                Kind.LOST,
                workload,
                target
                    + " answered "
                    + operation.answer()
                    + " to "
                    + previous.key()
                    + " and to "
                    + operation.key()));
      }
      if (latest != null && operation.endNanos() < latest.startNanos()) {
        found.add(
            new Violation(
                Kind.REORDERED,
                workload,
                target
                    + " answered "
                    + operation.answer()
                    + " to "
                    + operation.key()
                    + " before it answered "
                    + latest.answer()
                    + " to "
                    + latest.key()));
      }
      if (latest == null || operation.startNanos() > latest.startNanos()) {
        latest = operation;
      }
      previous = operation;
    }
    return found;
  }

  static long number(Operation operation) {
    return Long.parseLong(operation.answer());
  }
}
