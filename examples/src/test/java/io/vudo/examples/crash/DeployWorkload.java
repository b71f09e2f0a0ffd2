package io.vudo.examples.crash;

import io.vudo.examples.Guests;
import io.vudo.examples.crash.Violation.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Deploys, each caller its own type, each time with another limit: what was answered is there. */
final class DeployWorkload implements Workload {
  static final String KIND = "deploy";
  private static final int LEAST_FUEL = 100_000;

  private byte[] module = new byte[0];

  @Override
  public String name() {
    return "deploy";
  }

  @Override
  public int weight() {
    return 2;
  }

  @Override
  public void prepare(Door node) throws IOException {
    module = Guests.example("counter");
  }

  @Override
  public Step next(int caller, Random random) {
    String type = "crash-deployed-" + caller;
    String fuel = Integer.toString(LEAST_FUEL + random.nextInt(1_000_000));
    return new Step(
        KIND,
        type,
        fuel,
        (node, key) -> node.deploy(type, module, "fuel=" + fuel).path("revision").asText());
  }

  /** Deploying the older one again would be another deployment. */
  @Override
  public boolean repeatable(Step step, String answer) {
    return false;
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    Map<String, List<String>> state = new HashMap<>();
    for (Operation operation : operations) {
      state.computeIfAbsent(
          operation.target(),
          type ->
              List.of(
                  Workloads.patiently(() -> node.get("/v1/deployments/" + type))
                      .path("limits")
                      .path("fuelPerTurn")
                      .asText(),
                  Workloads.text(node, type + "/one", "get")));
    }
    return state;
  }

  /** State: the limit, and what a Spirit of the type says. */
  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    List<Violation> found = new ArrayList<>();
    Map<String, Operation> last = new HashMap<>();
    Map<String, List<String>> open = new HashMap<>();
    for (Operation operation : operations) {
      if (operation.open()) {
        open.computeIfAbsent(operation.target(), t -> new ArrayList<>()).add(operation.argument());
      } else if (operation.answered()) {
        Operation before = last.put(operation.target(), operation);
        if (before != null && Checker.number(before) >= Checker.number(operation)) {
          found.add(
              new Violation(
                  Kind.REORDERED,
                  name(),
                  operation.target()
                      + " had revision "
                      + before.answer()
                      + ", then "
                      + operation.answer()));
        }
      }
    }
    last.forEach(
        (type, operation) -> {
          List<String> now = state.getOrDefault(type, List.of("nothing", ""));
          if (!now.get(0).equals(operation.argument())
              && !open.getOrDefault(type, List.of()).contains(now.get(0))) {
            found.add(
                new Violation(
                    Kind.LOST,
                    name(),
                    type + " has " + now.get(0) + " after " + operation.argument()));
          }
        });
    return found;
  }
}
