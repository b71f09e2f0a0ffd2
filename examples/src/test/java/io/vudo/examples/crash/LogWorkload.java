package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.examples.crash.Violation.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** All callers append to one log, each its own numbers in order. */
final class LogWorkload implements Workload {
  static final String TARGET = "crash-log/shared";

  private final Map<Integer, Long> numbers = new ConcurrentHashMap<>();

  @Override
  public String name() {
    return "log";
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy("crash-log", CrashGuests.log(), "");
  }

  @Override
  public Step next(int caller, Random random) {
    long word = Workloads.entry(caller, numbers.merge(caller, 1L, Long::sum));
    byte[] payload = Workloads.words("", word);
    return new Step(
        "append",
        TARGET,
        Workloads.entryText(word),
        (node, key) -> new String(node.askBytes(TARGET, "append", payload, key), UTF_8));
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    return Map.of(TARGET, Workloads.list(node, TARGET).stream().map(Workloads::entryText).toList());
  }

  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    List<String> seen = state.getOrDefault(TARGET, List.of());
    Set<String> expected = new HashSet<>();
    Set<String> possible = new HashSet<>();
    List<Operation> answered = new ArrayList<>();
    Map<String, String> answers = new HashMap<>();
    for (Operation operation : operations) {
      if (operation.answered()) {
        expected.add(operation.argument());
        answers.put(operation.argument(), operation.answer());
        answered.add(operation);
      } else if (operation.open()) {
        possible.add(operation.argument());
      }
    }
    List<Violation> found =
        new ArrayList<>(Checker.onceEach(name(), TARGET, seen, expected, possible));
    found.addAll(Checker.inOrder(name(), TARGET, seen));
    found.addAll(Checker.linear(name(), TARGET, answered));
    for (int i = 0; i < seen.size(); i++) {
      String answer = answers.get(seen.get(i));
      if (answer != null && !answer.equals(Integer.toString(i + 1))) {
        found.add(
            new Violation(
                Kind.REORDERED,
                name(),
                seen.get(i) + " is at " + (i + 1) + " and was acknowledged at " + answer));
      }
    }
    return found;
  }
}
