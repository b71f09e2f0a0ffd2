package io.vudo.examples.crash;

import io.vudo.examples.Guests;
import io.vudo.examples.crash.Violation.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Puts and gets in one key-value store. Each caller has keys of its own, so what a get has to
 * answer is known: what the caller put last.
 */
final class KeyValueWorkload implements Workload {
  private static final String TARGET = "crash-kv/shared";
  private static final int KEYS = 5;

  private final Map<String, Integer> versions = new ConcurrentHashMap<>();

  @Override
  public String name() {
    return "kv";
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy("crash-kv", Guests.prebuilt("kv"), "");
  }

  @Override
  public Step next(int caller, Random random) {
    String field = caller + "-" + random.nextInt(KEYS);
    if (versions.containsKey(field) && random.nextInt(3) == 0) {
      return new Step("get", field, "", (node, key) -> node.ask(TARGET, "get", field, key));
    }
    String value = "v" + versions.merge(field, 1, Integer::sum);
    return new Step(
        "put", field, value, (node, key) -> node.ask(TARGET, "put", field + "=" + value, key));
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    Map<String, List<String>> state = new HashMap<>();
    for (Operation put : operations) {
      if (put.kind().equals("put") && put.answered()) {
        state.computeIfAbsent(
            put.target(),
            field -> List.of(Workloads.patiently(() -> node.ask(TARGET, "get", put.target(), ""))));
      }
    }
    return state;
  }

  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    List<Violation> found = new ArrayList<>();
    Map<String, String> last = new HashMap<>();
    Map<String, String> open = new HashMap<>();
    for (Operation operation : operations) {
      String field = operation.target();
      if (operation.kind().equals("get")) {
        if (operation.answered() && !operation.answer().equals(last.get(field))) {
          found.add(
              new Violation(
                  Kind.LOST,
                  name(),
                  operation.key()
                      + " read "
                      + operation.answer()
                      + " of "
                      + field
                      + " after "
                      + last.get(field)
                      + " was put"));
        }
      } else if (operation.open()) {
        open.put(field, operation.argument());
      } else {
        String expected = last.containsKey(field) ? "replaced" : "created";
        if (operation.answered()
            && !open.containsKey(field)
            && !operation.answer().equals(expected)) {
          found.add(
              new Violation(
                  last.containsKey(field) ? Kind.LOST : Kind.DUPLICATED,
                  name(),
                  operation.key() + " has " + operation.answer() + " " + field));
        }
        last.put(field, operation.argument());
      }
    }
    last.forEach(
        (field, value) -> {
          String now = state.getOrDefault(field, List.of("nothing")).get(0);
          if (!now.equals(value) && !now.equals(open.get(field))) {
            found.add(
                new Violation(
                    Kind.LOST, name(), field + " is " + now + " after " + value + " was put"));
          }
        });
    return found;
  }
}
