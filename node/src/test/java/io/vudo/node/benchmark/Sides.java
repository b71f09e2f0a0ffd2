package io.vudo.node.benchmark;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What a benchmark compares: each side runs once a round, and medians are printed. */
final class Sides {
  /** What is measured. */
  interface Side {
    Load.Result run(int seconds) throws Exception;
  }

  private record Row(String name, Side side, List<Load.Result> results) {
    double[] perSecond() {
      return results.stream().mapToDouble(Load.Result::perSecond).toArray();
    }
  }

  private final List<Row> rows = new ArrayList<>();

  /** Adds a side; the first is what the others are compared with. */
  Sides add(String name, Side side) {
    rows.add(new Row(name, side, new ArrayList<>()));
    return this;
  }

  /** Runs all, round by round, after one round that does not count. */
  Sides run(int rounds, int seconds) throws Exception {
    for (int round = -1; round < rounds; round++) {
      for (Row row : rows) {
        Load.Result result = row.side().run(seconds);
        // The first round does not count: classes, connections, compilers.
        if (round >= 0) {
          row.results().add(result);
        }
      }
    }
    return this;
  }

  /** Prints the table. */
  void print(String title, String comparison) {
    System.out.printf(
        Locale.ROOT,
        "%-34s %12s %12s %12s %22s%n",
        title,
        "per second",
        "p50, us",
        "p99, us",
        comparison);
    for (Row row : rows) {
      double[] ratios = row.perSecond();
      double[] base = rows.get(0).perSecond();
      Arrays.setAll(ratios, i -> ratios[i] / base[i]);
      System.out.printf(
          Locale.ROOT,
          "%-34s %,12.0f %,12.0f %,12.0f %22.2f%n",
          row.name(),
          Load.median(row.perSecond()),
          Load.median(row.results().stream().mapToDouble(Load.Result::p50Micros).toArray()),
          Load.median(row.results().stream().mapToDouble(Load.Result::p99Micros).toArray()),
          Load.median(ratios));
    }
  }
}
