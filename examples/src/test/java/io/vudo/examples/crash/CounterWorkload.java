package io.vudo.examples.crash;

import io.vudo.examples.Guests;
import io.vudo.examples.crash.Violation.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Adds one to counters: one that each caller has to itself, and one that all share. */
final class CounterWorkload implements Workload {
  static final String SHARED = "crash-counter/shared";

  @Override
  public String name() {
    return "counter";
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy("crash-counter", Guests.example("counter"), "");
  }

  @Override
  public Step next(int caller, Random random) {
    String target = random.nextBoolean() ? SHARED : "crash-counter/" + caller;
    return new Step("add", target, "1", (node, key) -> node.ask(target, "add", "1", key));
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    Map<String, List<String>> state = new HashMap<>();
    for (Operation operation : operations) {
      state.computeIfAbsent(
          operation.target(), target -> List.of(Workloads.text(node, target, "get")));
    }
    return state;
  }

  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    List<Violation> found = new ArrayList<>();
    Map<String, List<Operation>> byTarget = new HashMap<>();
    operations.forEach(o -> byTarget.computeIfAbsent(o.target(), t -> new ArrayList<>()).add(o));
    byTarget.forEach(
        (target, own) -> {
          List<Operation> answered = own.stream().filter(Operation::answered).toList();
          long open = own.stream().filter(Operation::open).count();
          long value = Long.parseLong(state.getOrDefault(target, List.of("0")).get(0));
          if (value < answered.size()) {
            found.add(
                new Violation(
                    Kind.LOST, name(), target + " is " + value + " after " + answered.size()));
          }
          if (value > answered.size() + open) {
            found.add(
                new Violation(
                    Kind.DUPLICATED,
                    name(),
                    target
                        + " is "
                        + value
                        + " after "
                        + answered.size()
                        + " and "
                        + open
                        + " that are open"));
          }
          for (Operation operation : answered) {
            if (Checker.number(operation) > value) {
              found.add(
                  new Violation(
                      Kind.LOST,
                      name(),
                      target + " is " + value + " and has answered " + operation.answer()));
            }
          }
          found.addAll(Checker.linear(name(), target, answered));
        });
    return found;
  }
}
