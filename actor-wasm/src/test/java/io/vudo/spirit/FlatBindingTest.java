package io.vudo.spirit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.Capability;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The table that guests are written against and the functions that the host offers are the same.
 */
class FlatBindingTest {
  private static final String TABLE = "/vudo/wit/flat-binding.tsv";
  private static final List<String> HEAD =
      List.of("name", "parameters", "result", "capability", "status");

  private record Row(String name, FunctionType type, String capability, String status) {}

  private static List<Row> table() throws IOException {
    List<Row> rows = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(FlatBindingTest.class.getResourceAsStream(TABLE), UTF_8))) {
      List<List<String>> cells =
          lines
              .lines()
              .filter(line -> !line.startsWith("#"))
              .map(line -> List.of(line.split("\t", -1)))
              .toList();
      assertEquals(HEAD, cells.get(0));
      for (List<String> row : cells.subList(1, cells.size())) {
        assertEquals(HEAD.size(), row.size(), row::toString);
        FunctionType type = new FunctionType(types(row.get(1)), types(row.get(2)));
        rows.add(new Row(row.get(0), type, row.get(3), row.get(4)));
      }
    }
    return rows;
  }

  private static List<ValueType> types(String text) {
    return text.equals("-")
        ? List.of()
        : Stream.of(text.split(" ", -1))
            .map(
                type ->
                    switch (type) {
                      case "i32" -> ValueType.I32;
                      case "i64" -> ValueType.I64;
                      default -> throw new AssertionError("no type of the binding: " + type);
                    })
            .toList();
  }

  @Test
  void theHostOffersWhatTheTableSaysInItsOrder() throws IOException {
    Map<String, FunctionType> implemented = new LinkedHashMap<>();
    for (Row row : table()) {
      if (row.status().equals("implemented")) {
        implemented.put(row.name(), row.type());
      }
    }
    assertFalse(implemented.isEmpty());
    assertEquals(implemented, SpiritAbi.functions());
    assertEquals(List.copyOf(implemented.keySet()), List.copyOf(SpiritAbi.functions().keySet()));
  }

  @Test
  void whatIsReservedIsNotOffered() throws IOException {
    for (Row row : table()) {
      assertTrue(List.of("implemented", "reserved").contains(row.status()), row::toString);
      assertEquals(
          row.status().equals("implemented"),
          SpiritAbi.find("spirit", row.name()).isPresent(),
          row::toString);
    }
  }

  @Test
  void theCapabilitiesOfTheTableExist() throws IOException {
    for (Row row : table()) {
      if (!row.capability().equals("-")) {
        assertEquals(row.capability(), Capability.parse(row.capability()).toString());
      }
    }
  }
}
