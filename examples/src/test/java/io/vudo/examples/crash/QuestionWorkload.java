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
 * Each caller has a relay that asks a log to append a word, in the middle of a turn, starts a timer
 * that sends it to another log, and stores it. So a turn waits for another Spirit's while both die.
 */
final class QuestionWorkload implements Workload {
  static final String ASKED = "crash-log/asked";
  static final String TIMED = "crash-log/timed";
  private static final int LONGEST_DELAY_MILLIS = 300;

  private final Map<Integer, Long> numbers = new ConcurrentHashMap<>();

  @Override
  public String name() {
    return "question";
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy("crash-log", CrashGuests.log(), "");
    node.deploy(
        "crash-relay",
        CrashGuests.relay(),
        "grant=cross_sandbox_call&grant=storage_read&grant=storage_write");
  }

  private static String relay(int caller) {
    return "crash-relay/" + caller;
  }

  @Override
  public Step next(int caller, Random random) {
    long word = Workloads.entry(caller, numbers.merge(caller, 1L, Long::sum));
    byte[] payload = Workloads.words("", word, random.nextInt(LONGEST_DELAY_MILLIS));
    return new Step(
        "ask",
        relay(caller),
        Workloads.entryText(word),
        (node, key) -> new String(node.askBytes(relay(caller), "go", payload, key), UTF_8));
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    Map<String, List<String>> state = new HashMap<>();
    state.put(ASKED, words(node, ASKED));
    // Timers may still be under way, until one message for each question has come.
    state.put(TIMED, awaitTimers(node, state.get(ASKED).size()));
    for (Operation operation : operations) {
      state.computeIfAbsent(
          operation.target(),
          relay ->
              Workloads.longs(
                      Workloads.patiently(() -> node.askBytes(relay, "store", new byte[0], "")))
                  .stream()
                  .map(Workloads::entryText)
                  .toList());
    }
    return state;
  }

  private static List<String> awaitTimers(Door node, int wanted) {
    long deadline = System.nanoTime() + CrashNode.PATIENCE.toNanos();
    List<String> seen = words(node, TIMED);
    while (seen.size() < wanted && System.nanoTime() < deadline) {
      seen = words(node, TIMED);
    }
    return seen;
  }

  private static List<String> words(Door node, String log) {
    return Workloads.list(node, log).stream().map(Workloads::entryText).toList();
  }

  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    Set<String> expected = new HashSet<>();
    Set<String> possible = new HashSet<>();
    Map<String, String> answers = new HashMap<>();
    Map<String, String> lastOf = new HashMap<>();
    for (Operation operation : operations) {
      if (operation.answered()) {
        expected.add(operation.argument());
        answers.put(operation.argument(), operation.answer());
        lastOf.put(operation.target(), operation.argument());
      } else if (operation.open()) {
        possible.add(operation.argument());
        lastOf.remove(operation.target());
      }
    }
    List<String> asked = state.getOrDefault(ASKED, List.of());
    List<String> timed = state.getOrDefault(TIMED, List.of());
    List<Violation> found =
        new ArrayList<>(Checker.onceEach(name(), ASKED, asked, expected, possible));
    found.addAll(Checker.inOrder(name(), ASKED, asked));
    found.addAll(Checker.onceEach(name(), TIMED, timed, expected, possible));
    for (int i = 0; i < asked.size(); i++) {
      String answer = answers.get(asked.get(i));
      if (answer != null && !answer.equals(Integer.toString(i + 1))) {
        found.add(
            new Violation(
                Kind.ANSWERED_OTHERWISE,
                name(),
                asked.get(i) + " is at " + (i + 1) + " and was answered " + answer));
      }
    }
    lastOf.forEach(
        (relay, word) -> {
          if (!List.of(word).equals(state.get(relay))) {
            found.add(
                new Violation(
                    Kind.LOST, name(), relay + " stores " + state.get(relay) + " and not " + word));
          }
        });
    return found;
  }
}
