package io.vudo.spirit.spec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpecValuesTest {
  private static JsonNode json(String values) {
    try {
      return new ObjectMapper().readTree(values.replace('\'', '"'));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static void same(String expected, ValueType type, long... actual) {
    assertDoesNotThrow(
        () -> SpecValues.check(json(expected), new FunctionType(List.of(), List.of(type)), actual));
  }

  private static void different(String expected, ValueType type, long... actual) {
    assertThrows(
        Mismatch.class,
        () -> SpecValues.check(json(expected), new FunctionType(List.of(), List.of(type)), actual));
  }

  @Test
  void argumentsAreBits() {
    assertArrayEquals(
        new long[] {-1, 0x7fc00001L, -2, 0x0000_0002_0000_0001L, 0xffff_ffff_0000_0003L},
        SpecValues.arguments(
            json(
                "[{'type':'i32','value':'4294967295'},{'type':'f32','value':'2143289345'},"
                    + "{'type':'i64','value':'18446744073709551614'},"
                    + "{'type':'v128','lane_type':'i32','value':['1','2','3','4294967295']}]")));
  }

  @Test
  void nanPatternsLookAtTheBitsThatTheyName() {
    String canonical = "[{'type':'f32','value':'nan:canonical'}]";
    same(canonical, ValueType.F32, 0x7fc0_0000L);
    same(canonical, ValueType.F32, 0xffc0_0000L);
    different(canonical, ValueType.F32, 0x7fc0_0001L);
    different(canonical, ValueType.F32, 0x7fa0_0000L);
    different(canonical, ValueType.F32, 0x7f80_0000L);
    String arithmetic = "[{'type':'f64','value':'nan:arithmetic'}]";
    same(arithmetic, ValueType.F64, 0xfff8_0000_0000_0001L);
    different(arithmetic, ValueType.F64, 0x7ff4_0000_0000_0000L);
  }

  @Test
  void lanesAreComparedOneByOne() {
    String lanes =
        "[{'type':'v128','lane_type':'f32','value':['nan:canonical','1','2','nan:arithmetic']}]";
    same(lanes, ValueType.V128, 0x0000_0001_7fc0_0000L, 0x7fe0_0000_0000_0002L);
    different(lanes, ValueType.V128, 0x0000_0001_7fe0_0000L, 0x7fe0_0000_0000_0002L);
    different(lanes, ValueType.V128, 0x0000_0001_7fc0_0000L, 0x7fe0_0000_0000_0003L);
    different(lanes, ValueType.V128, 0x0000_0001_7fc0_0000L);
  }

  @Test
  void typesAndNumbersOfResultsCount() {
    different("[{'type':'i64','value':'1'}]", ValueType.I32, 1);
    different("[]", ValueType.I32, 1);
    different("[{'type':'i32','value':'4294967295'}]", ValueType.I32, 0xffff_ffffL);
    same("[{'type':'i32','value':'4294967295'}]", ValueType.I32, -1);
    same(
        "[{'type':'either','values':[{'type':'i32','value':'1'},{'type':'i32','value':'2'}]}]",
        ValueType.I32,
        2);
    different("[{'type':'either','values':[{'type':'i32','value':'1'}]}]", ValueType.I32, 2);
  }
}
