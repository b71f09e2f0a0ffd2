package io.vudo.spirit.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The runner itself: it must be able to fail, and to say where and why. */
class SpecMainTest {
  private static final String ENGINE = "wasmtime";

  private static final String COUNTER =
      """
      (module
        (memory (export "mem") 1)
        (global $calls (mut i32) (i32.const 0))
        (func (export "next") (result i32)
          (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
          (i32.store (i32.const 0) (global.get $calls))
          (i32.load (i32.const 0)))
        (func (export "divide") (param i32 i32) (result i32)
          (i32.div_s (local.get 0) (local.get 1)))
        (func $deeper (export "deeper") (call $deeper))
        (func (export "nan") (result f32) (f32.const nan:0x600000))
        (func (export "two") (result i32 i64) (i32.const -1) (i64.const 7)))
      """;

  @TempDir Path folder;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... arguments) throws InterruptedException {
    return SpecMain.run(
        List.of(arguments),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
  }

  private String output() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private void wasm(String name, String text) throws IOException {
    Files.write(folder.resolve(name), Wat2Wasm.parse(text));
  }

  /** Writes a file of these commands, one a line from line 1, behind a module $m of COUNTER. */
  private void suite(String... commands) throws IOException {
    wasm("counter.wasm", COUNTER);
    List<String> all = new ArrayList<>();
    all.add("{'type':'module','line':0,'name':'$m','filename':'counter.wasm'}");
    for (int i = 0; i < commands.length; i++) {
      all.add(commands[i].replaceFirst("\\{", "{'line':" + (i + 1) + ","));
    }
    Files.writeString(
        folder.resolve("tiny.json"),
        ("{'commands':[" + String.join(",\n", all) + "]}").replace('\'', '"'));
  }

  private static String invoke(String function, String... arguments) {
    return "'action':{'type':'invoke','module':'$m','field':'"
        + function
        + "','args':["
        + String.join(",", arguments)
        + "]}";
  }

  private static String i32(String bits) {
    return "{'type':'i32','value':'" + bits + "'}";
  }

  private static String returns(String action, String... expected) {
    return "{'type':'assert_return',"
        + action
        + ",'expected':["
        + String.join(",", expected)
        + "]}";
  }

  private static String traps(String action, String text) {
    return "{'type':'assert_trap'," + action + ",'text':'" + text + "'}";
  }

  /** Runs the folder and answers the engine's part of the report. */
  private JsonNode report(int exitCode) throws IOException, InterruptedException {
    assertEquals(
        exitCode,
        run("--engine", ENGINE, "--format", "json", folder.toString()),
        err.toString(StandardCharsets.UTF_8));
    return new ObjectMapper().readTree(output()).path(ENGINE);
  }

  private static void assertTotals(JsonNode report, int passed, int failed, int skipped) {
    assertEquals(passed, report.path("total").path("passed").asInt(), report.toString());
    assertEquals(failed, report.path("total").path("failed").asInt(), report.toString());
    assertEquals(skipped, report.path("total").path("skipped").asInt(), report.toString());
  }

  @Test
  void rightAssertionsPassAndStateOutlivesATrap() throws Exception {
    suite(
        returns(invoke("next"), i32("1")),
        traps(invoke("divide", i32("1"), i32("0")), "integer divide by zero"),
        traps(invoke("divide", i32("2147483648"), i32("4294967295")), "integer overflow"),
        returns(invoke("next"), i32("2")),
        "{'type':'assert_exhaustion'," + invoke("deeper") + ",'text':'call stack exhausted'}",
        returns(invoke("next"), i32("3")),
        returns(invoke("nan"), "{'type':'f32','value':'nan:arithmetic'}"),
        returns(invoke("two"), i32("4294967295"), "{'type':'i64','value':'7'}"));
    JsonNode report = report(0);
    assertTotals(report, 8, 0, 0);
  }

  @Test
  void eachKindOfWrongAssertionIsReported() throws Exception {
    suite(
        returns(invoke("next"), i32("2")),
        traps(invoke("next"), "unreachable"),
        traps(invoke("divide", i32("1"), i32("0")), "unreachable"),
        returns(invoke("nan"), "{'type':'f32','value':'nan:canonical'}"),
        returns(invoke("nan"), i32("2145386496")),
        returns(invoke("two"), i32("4294967295")),
        returns(invoke("missing"), i32("0")),
        "{'type':'assert_invalid','filename':'counter.wasm','text':'type mismatch'}",
        "{'type':'assert_malformed','filename':'counter.wasm','text':'unexpected end'}",
        "{'type':'assert_unlinkable','filename':'counter.wasm','text':'unknown import'}",
        "{'type':'assert_uninstantiable','filename':'counter.wasm','text':'unreachable'}",
        "{'type':'module','filename':'absent.wasm'}",
        returns(invoke("divide", i32("1"), i32("0")), i32("0")));
    JsonNode report = report(1);
    assertTotals(report, 0, 13, 0);
    for (int line = 1; line <= 13; line++) {
      assertEquals(line, report.path("failures").get(line - 1).path("line").asInt());
    }
    assertEquals("[i32 0x2]", report.path("failures").get(0).path("expected").asText());
    assertEquals("[i32 0x1]", report.path("failures").get(0).path("actual").asText());
  }

  @Test
  void aFailureNamesItsFileAndLineInTheText() throws Exception {
    suite(returns(invoke("next"), i32("5")));
    assertEquals(1, run("--engine", ENGINE, folder.toString()));
    assertTrue(
        output().contains("FAILED tiny.json:1 assert_return: expected [i32 0x5], got [i32 0x1]"),
        output());
  }

  @Test
  void aValidModuleThatIsRefusedIsAFailureAndAnUnsupportedOneASkip() throws Exception {
    Files.write(folder.resolve("broken.wasm"), new byte[] {0, 'a', 's', 'm', 1, 0, 0, 0, 77, 0});
    wasm("imports.wasm", "(module (memory (import \"m\" \"mem\") 1) (func (export \"f\")))");
    suite(
        "{'type':'module','name':'$broken','filename':'broken.wasm'}",
        "{'type':'register','name':'$m','as':'m'}",
        returns(invoke("next"), i32("1")),
        "{'type':'module','name':'$n','filename':'imports.wasm'}",
        returns(invoke("f").replace("$m", "$n")),
        // The refused module might have written into this one's memory.
        returns(invoke("next"), i32("2")),
        returns(invoke("f").replace("$m", "$broken")));
    JsonNode report = report(1);
    assertTotals(report, 1, 1, 3);
    assertEquals(1, report.path("failures").get(0).path("line").asInt());
    JsonNode reasons = report.path("skipped");
    assertEquals(1, reasons.path("refused: imported memory").asInt(), reasons.toString());
    assertEquals(
        1,
        reasons.path("shares memory, tables or globals with a module that is refused").asInt(),
        reasons.toString());
    assertEquals(1, reasons.path("needs a module that failed").asInt(), reasons.toString());
  }

  @Test
  void aModuleCallsAnotherOneAndTheHost() throws Exception {
    wasm(
        "caller.wasm",
        """
        (module
          (import "m" "divide" (func $divide (param i32 i32) (result i32)))
          (import "spectest" "print_i32" (func $print (param i32)))
          (func (export "half") (param i32) (result i32)
            (call $print (local.get 0))
            (call $divide (local.get 0) (i32.const 2)))
          (func (export "wrong") (result i32) (call $divide (i32.const 1) (i32.const 0))))
        """);
    wasm("unknown.wasm", "(module (import \"m\" \"absent\" (func)))");
    suite(
        "{'type':'register','name':'$m','as':'m'}",
        "{'type':'module','name':'$c','filename':'caller.wasm'}",
        returns(invoke("half", i32("8")).replace("$m", "$c"), i32("4")),
        traps(invoke("wrong").replace("$m", "$c"), "integer divide by zero"),
        returns(invoke("half", i32("6")).replace("$m", "$c"), i32("3")),
        "{'type':'assert_unlinkable','filename':'unknown.wasm','text':'unknown import'}");
    assertTotals(report(0), 4, 0, 0);
  }

  @Test
  void whatIsNotKnownIsSkippedWithItsReason() throws Exception {
    suite(
        "{'type':'assert_suspension'," + invoke("next") + "}",
        returns(invoke("next"), "{'type':'i99','value':'1'}"),
        returns(invoke("next"), "{'type':'i32','value':'one'}"),
        returns(invoke("divide", "{'type':'exnref','value':'1'}", i32("1")), i32("1")),
        traps(invoke("divide", i32("1"), i32("0")), "a new kind of trap"),
        "{'type':'assert_malformed','filename':'x.wat','module_type':'text','text':'x'}",
        "{'type':'assert_return','action':{'type':'get','module':'$m','field':'g'},'expected':[]}",
        "{'no':'type'}");
    JsonNode report = report(0);
    assertTotals(report, 0, 0, 7);
    assertEquals(7, report.path("skipped").size(), report.toString());
  }

  @Test
  void aFileThatIsNotJsonIsAFailure() throws Exception {
    Files.writeString(folder.resolve("broken.json"), "{\"commands\": [");
    JsonNode report = report(1);
    assertEquals("broken.json", report.path("failures").get(0).path("file").asText());
    assertEquals("JSON", report.path("failures").get(0).path("expected").asText());
  }

  @Test
  void wrongUseIsToldApartFromFailures() throws Exception {
    assertEquals(2, run());
    assertEquals(2, run(folder.resolve("absent").toString()));
    assertEquals(2, run(folder.toString()), "no JSON file");
    suite(returns(invoke("next"), i32("1")));
    assertEquals(2, run("--engine", "steam", folder.toString()));
    assertEquals(2, run("--format", "xml", folder.toString()));
    assertEquals(2, run("--colour", folder.toString()));
    assertEquals(2, run(folder.toString(), "--engine"));
    assertTrue(err.toString(StandardCharsets.UTF_8).contains("There is no engine \"steam\""));
    assertEquals("", output());
  }
}
