package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/** All operations of a run, in the order of their ends. Many threads write. */
final class History {
  private final ConcurrentLinkedQueue<Operation> operations = new ConcurrentLinkedQueue<>();
  private final AtomicLong size = new AtomicLong();

  void add(Operation operation) {
    operations.add(operation);
    size.incrementAndGet();
  }

  long size() {
    return size.get();
  }

  List<Operation> all() {
    return List.copyOf(operations);
  }

  /** Those of one workload, each key once. */
  static List<Operation> distinct(List<Operation> all, String workload) {
    Map<String, Operation> byKey = new LinkedHashMap<>();
    for (Operation operation : all) {
      if (operation.workload().equals(workload)) {
        byKey.putIfAbsent(operation.key(), operation);
      }
    }
    return List.copyOf(byKey.values());
  }

  /** Writes it as lines of JSON, with the final state as the last one. */
  void write(Path file, Map<String, List<String>> state) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      for (Operation operation : operations) {
        ObjectNode line =
            Json.object()
                .put("workload", operation.workload())
                .put("caller", operation.caller())
                .put("key", operation.key())
                .put("kind", operation.kind())
                .put("target", operation.target())
                .put("argument", operation.argument())
                .put("outcome", operation.outcome().toString())
                .put("answer", operation.answer())
                .put("startNanos", operation.startNanos())
                .put("endNanos", operation.endNanos());
        out.write(Json.MAPPER.writeValueAsString(line).getBytes(UTF_8));
        out.write('\n');
      }
      out.write(Json.MAPPER.writeValueAsString(Map.of("state", state)).getBytes(UTF_8));
    }
  }
}
