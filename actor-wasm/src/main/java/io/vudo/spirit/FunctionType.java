package io.vudo.spirit;

import java.util.List;
import java.util.stream.Collectors;

/**
 * The signature of a WebAssembly function.
 *
 * @param parameters types of the parameters, in order
 * @param results types of the results, in order
 */
public record FunctionType(List<ValueType> parameters, List<ValueType> results) {
  public FunctionType {
    parameters = List.copyOf(parameters);
    results = List.copyOf(results);
  }

  /** For example {@code (i32, i32) -> i64}. */
  @Override
  public String toString() {
    return parameters.stream().map(ValueType::toString).collect(Collectors.joining(", ", "(", ")"))
        + " -> "
        + (results.size() == 1
            ? results.get(0).toString()
            : results.stream()
                .map(ValueType::toString)
                .collect(Collectors.joining(", ", "(", ")")));
  }
}
