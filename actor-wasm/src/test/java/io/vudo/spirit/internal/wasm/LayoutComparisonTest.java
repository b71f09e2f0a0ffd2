package io.vudo.spirit.internal.wasm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What keeps a memory from meaning the same to two modules. */
class LayoutComparisonTest {
  private static final String BASE =
      """
      (module
        (type $t (func (result i32)))
        (memory 2 9)
        (table 3 5 funcref)
        (global $stack (mut i32) (i32.const 4096))
        (global $wide (mut i64) (i64.const 1))
        (global $heap i32 (i32.const 5000))
        (global $pi f64 (f64.const 3.5))
        (elem (i32.const 1) $a $b)
        (data (i32.const 16) "text")
        (data $passive "more")
        (func $a (type $t) (i32.const 1))
        (func $b (type $t) (i32.const 2))
        (func $other (param i64) (nop))
        (func (export "init")
          (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 4))))
      """;

  private static List<String> differences(String before, String after) {
    return LayoutComparison.of(Wat2Wasm.parse(before), Wat2Wasm.parse(after)).differences();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(memory 2 9) | (memory 3 9) | memory",
        "(memory 2 9) | (memory 2) | memory",
        "(table 3 5 funcref) | (table 4 5 funcref) | tables",
        "(i32.const 4096) | (i32.const 8192) | mutable global 0 begins with 8192",
        "(global $wide (mut i64) (i64.const 1)) | (global $wide (mut i32) (i32.const 1)) | type",
        "(global $wide (mut i64) (i64.const 1)) | (global $wide i64 (i64.const 1)) | 1 mutable",
        "(i32.const 5000) | (i32.const 5008) | point into memory",
        "(elem (i32.const 1) | (elem (i32.const 0) | element segment 0",
        "$a $b) | $a) | element segment 0",
        "$a $b) | $a $other) | types or names",
        "(i32.const 16) \"text\" | (i32.const 20) \"text\" | data segments",
        "\"text\" | \"next\" | data segments",
        "\"more\" | \"less\" | data segments",
        "(data $passive \"more\") | (data \"new\") (data $passive \"more\") | 3 data segments",
        "(i32.const 0) (i32.const 4)) | (i32.const 0) (i32.const 4)) (memory.init 0"
            + " (i32.const 0) (i32.const 0) (i32.const 0)) | refers to other segments",
      })
  void whatDiffersIsNamed(String part, String replacement, String expected) {
    assertTrue(BASE.contains(part), part);
    String after = BASE.replace(part, replacement);
    List<String> found = differences(BASE, after);
    assertTrue(found.stream().anyMatch(one -> one.contains(expected)), found::toString);
    assertEquals(found.size(), differences(after, BASE).size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(i32.const 1)) | (i32.const 9))",
        "(func $other | (func $new (nop)) (func $other",
        "(func $a (type $t) | (func (export \"more\")) (func $a (type $t)",
        "(f64.const 3.5) | (f64.const 4)",
        "(type $t (func (result i32))) | (type (func)) (type $t (func (result i32)))",
      })
  void codeMayChange(String part, String replacement) {
    assertTrue(BASE.contains(part), part);
    assertEquals(List.of(), differences(BASE, BASE.replace(part, replacement)));
  }

  /** Pointers to functions are places in tables: there the same function must stand. */
  @Test
  void functionsWithNamesKeepTheirPlaces() {
    String named =
        BASE.replace("(func $a ", "(func $a (export \"a\") ")
            .replace("(func $b ", "(func $b (export \"b\") ");
    assertEquals(List.of(), differences(named, named.replace("(i32.const 2))", "(i32.const 3))")));
    List<String> found = differences(named, named.replace("$a $b)", "$b $a)"));
    assertTrue(found.toString().contains("types or names: 0, 1"), found::toString);
  }

  @Test
  void tablesAreComparedWithThoseOfAFreshInstance() {
    byte[] module = Wat2Wasm.parse(BASE);
    LayoutComparison comparison = LayoutComparison.of(module, module);
    assertTrue(comparison.areInitial(new int[][] {{-1, 0, 1}}));
    assertTrue(comparison.areInitial(new int[0][]));
    assertEquals(false, comparison.areInitial(new int[][] {{-1, 1, 1}}));
    assertEquals(false, comparison.areInitial(new int[][] {{-1, 0, 1, -1}}));
  }
}
