package io.vudo.spirit.spec;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What came of the suite, on every engine. */
final class SpecReport {
  /** Assertions of a file, or of all. Modules and bare actions count only when they fail. */
  static final class Counts {
    int passed;
    int failed;
    int skipped;

    private void add(Outcome outcome) {
      switch (outcome) {
        case PASSED -> passed++;
        case FAILED -> failed++;
        case SKIPPED -> skipped++;
      }
    }

    private void add(Counts other) {
      passed += other.passed;
      failed += other.failed;
      skipped += other.skipped;
    }
  }

  /** Where something went wrong, and how. */
  record Failure(String file, int line, String command, String expected, String actual) {}

  private static final class OfEngine {
    private final Map<String, Counts> files = new TreeMap<>();
    private final Map<String, Integer> reasons = new TreeMap<>();
    private final List<Failure> failures = new ArrayList<>();

    private Counts totals() {
      Counts totals = new Counts();
      files.values().forEach(totals::add);
      return totals;
    }

    /** The most frequent first. */
    private List<Map.Entry<String, Integer>> reasons() {
      return reasons.entrySet().stream()
          .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder()))
          .toList();
    }
  }

  private final Map<String, OfEngine> engines = new LinkedHashMap<>();

  private OfEngine of(String engine) {
    return engines.computeIfAbsent(engine, name -> new OfEngine());
  }

  private Counts of(String engine, String file) {
    return of(engine).files.computeIfAbsent(file, name -> new Counts());
  }

  void passed(String engine, String file) {
    of(engine, file).add(Outcome.PASSED);
  }

  void skipped(String engine, String file, String reason) {
    of(engine, file).add(Outcome.SKIPPED);
    of(engine).reasons.merge(reason, 1, Integer::sum);
  }

  void failed(String engine, Failure failure) {
    of(engine, failure.file()).add(Outcome.FAILED);
    of(engine).failures.add(failure);
  }

  Counts totals(String engine) {
    return of(engine).totals();
  }

  List<Failure> failures(String engine) {
    return List.copyOf(of(engine).failures);
  }

  Map<String, Integer> reasons(String engine) {
    return Map.copyOf(of(engine).reasons);
  }

  boolean hasFailures() {
    return engines.values().stream().anyMatch(e -> !e.failures.isEmpty());
  }

  void print(PrintStream out) {
    engines.forEach(
        (name, engine) -> {
          int width = engine.files.keySet().stream().mapToInt(String::length).max().orElse(0);
          String row = "%-" + Math.max(width, 8) + "s %8s %8s %8s%n";
          out.printf("Engine %s%n%n", name);
          out.printf(row, "file", "passed", "failed", "skipped");
          engine.files.forEach(
              (file, counts) ->
                  out.printf(row, file, counts.passed, counts.failed, counts.skipped));
          Counts totals = engine.totals();
          out.printf(row, "total", totals.passed, totals.failed, totals.skipped);
          out.println();
          if (!engine.reasons.isEmpty()) {
            out.println("Skipped because:");
            engine.reasons().forEach(r -> out.printf("%8d %s%n", r.getValue(), r.getKey()));
            out.println();
          }
          for (Failure failure : engine.failures) {
            out.printf(
                "FAILED %s:%d %s: expected %s, got %s%n",
                failure.file(),
                failure.line(),
                failure.command(),
                failure.expected(),
                failure.actual());
          }
          if (!engine.failures.isEmpty()) {
            out.println();
          }
        });
  }

  void printJson(PrintStream out) {
    ObjectMapper json = new ObjectMapper();
    ObjectNode root = json.createObjectNode();
    engines.forEach(
        (name, engine) -> {
          ObjectNode node = root.putObject(name);
          ArrayNode files = node.putArray("files");
          engine.files.forEach((file, counts) -> put(files.addObject().put("file", file), counts));
          put(node.putObject("total"), engine.totals());
          ObjectNode reasons = node.putObject("skipped");
          engine.reasons().forEach(r -> reasons.put(r.getKey(), r.getValue()));
          ArrayNode failures = node.putArray("failures");
          for (Failure failure : engine.failures) {
            failures
                .addObject()
                .put("file", failure.file())
                .put("line", failure.line())
                .put("command", failure.command())
                .put("expected", failure.expected())
                .put("actual", failure.actual());
          }
        });
    out.println(root.toPrettyString());
  }

  private static void put(ObjectNode node, Counts counts) {
    node.put("passed", counts.passed).put("failed", counts.failed).put("skipped", counts.skipped);
  }
}
