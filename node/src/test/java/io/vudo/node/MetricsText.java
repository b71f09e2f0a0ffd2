package io.vudo.node;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An answer of {@code /metrics}, read as Prometheus reads it. */
final class MetricsText {
  private static final Pattern SAMPLE =
      Pattern.compile("([a-z0-9_]+)(?:\\{(.*)\\})? ([-+0-9.eEInfNa]+)");
  private static final Pattern LABEL = Pattern.compile("([a-z]+)=\"([^\"]*)\",?");

  /** One line. */
  record Sample(String name, Map<String, String> labels, double value) {}

  /** The types of the families, by name. */
  final Map<String, String> types = new TreeMap<>();

  final List<Sample> samples = new ArrayList<>();

  MetricsText(String text) {
    for (String line : text.split("\n", -1)) {
      if (line.startsWith("# TYPE ")) {
        String[] words = line.split(" ", -1);
        types.put(words[2], words[3]);
      } else if (!line.startsWith("#") && !line.isBlank()) {
        Matcher sample = SAMPLE.matcher(line);
        if (!sample.matches()) {
          throw new AssertionError(line);
        }
        Map<String, String> labels = new TreeMap<>();
        Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
        while (label.find()) {
          labels.put(label.group(1), label.group(2));
        }
        samples.add(new Sample(sample.group(1), labels, Double.parseDouble(sample.group(3))));
      }
    }
  }

  /** The sum of the lines of this name that have all these labels: name, value, name, value. */
  double sum(String name, String... labels) {
    return samples.stream()
        .filter(sample -> sample.name().equals(name))
        .filter(
            sample -> {
              for (int i = 0; i < labels.length; i += 2) {
                if (!labels[i + 1].equals(sample.labels().get(labels[i]))) {
                  return false;
                }
              }
              return true;
            })
        .mapToDouble(Sample::value)
        .sum();
  }
}
