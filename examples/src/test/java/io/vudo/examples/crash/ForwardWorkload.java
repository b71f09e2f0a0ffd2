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

/**
 * Spirits send numbered messages to one sink: it has to have each of them once and, of each sender,
 * in order. What is acknowledged to the caller is only that they will be sent.
 */
final class ForwardWorkload implements Workload {
  static final String SINK = "crash-log/sink";
  private static final int MOST = 4;

  /** How many messages each caller has ordered so far. */
  private final Map<Integer, Long> ordered = new ConcurrentHashMap<>();

  @Override
  public String name() {
    return "forward";
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy("crash-log", CrashGuests.log(), "");
    node.deploy("crash-forwarder", CrashGuests.forwarder(), "grant=cross_sandbox_call");
  }

  @Override
  public Step next(int caller, Random random) {
    String target = "crash-forwarder/" + caller;
    int count = 1 + random.nextInt(MOST);
    ordered.merge(caller, (long) count, Long::sum);
    byte[] payload = Workloads.words("", caller, count);
    return new Step(
        "send",
        target,
        Integer.toString(count),
        (node, key) -> new String(node.askBytes(target, "go", payload, key), UTF_8));
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    return Map.of(SINK, Workloads.list(node, SINK).stream().map(Workloads::entryText).toList());
  }

  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    List<Violation> found = new ArrayList<>();
    Map<Integer, Long> sent = new HashMap<>();
    Set<String> expected = new HashSet<>();
    Set<String> possible = new HashSet<>();
    for (Operation operation : operations) {
      int caller = operation.caller();
      long before = sent.getOrDefault(caller, 0L);
      long count = Long.parseLong(operation.argument());
      Set<String> into = operation.answered() ? expected : possible;
      for (long i = 1; i <= count; i++) {
        into.add(caller + ":" + (before + i));
      }
      sent.put(caller, before + count);
      if (operation.answered() && Checker.number(operation) != before + count) {
        found.add(
            new Violation(
                Checker.number(operation) < before + count ? Kind.LOST : Kind.DUPLICATED,
                name(),
                operation.key()
                    + " was answered "
                    + operation.answer()
                    + " and not "
                    + (before + count)));
      }
    }
    List<String> seen = state.getOrDefault(SINK, List.of());
    found.addAll(Checker.onceEach(name(), SINK, seen, expected, possible));
    found.addAll(Checker.inOrder(name(), SINK, seen));
    return found;
  }
}
