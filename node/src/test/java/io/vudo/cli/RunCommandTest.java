package io.vudo.cli;

import static io.vudo.cli.CommandRun.vudo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.TestModules;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** {@code vudo run} and {@code vudo inspect}: one module without a node. */
class RunCommandTest {
  @TempDir static Path directory;

  private static String sums;

  @BeforeAll
  static void modules() throws IOException {
    sums =
        file(
            "sums.wasm",
            TestModules.module(
                """
                (func (export "add") (param i32 i32) (result i32)
                  (i32.add (local.get 0) (local.get 1)))
                (func (export "add64") (param i64 i64) (result i64)
                  (i64.add (local.get 0) (local.get 1)))
                (func (export "addf") (param f64 f64) (result f64)
                  (f64.add (local.get 0) (local.get 1)))
                (func (export "addf32") (param f32 f32) (result f32)
                  (f32.add (local.get 0) (local.get 1)))
                (func (export "nothing"))
                (func (export "forever") (loop $l (br $l)))
                (func (export "crash") (unreachable))
                (func (export "div") (param i32 i32) (result i32)
                  (i32.div_s (local.get 0) (local.get 1)))
                (func $down (export "down") (call $down))
                """));
  }

  private static String file(String name, byte[] bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes).toString();
  }

  @ParameterizedTest
  @CsvSource({
    "add, 1, 2, 3",
    "add, -1, -2, -3",
    "add, 0xff, 1, 256",
    "add, 2147483647, 1, -2147483648",
    "add, 4294967295, 1, 0",
    "add64, 9223372036854775807, 1, -9223372036854775808",
    "add64, -5, 3, -2",
    "addf, 0.1, 0.2, 0.30000000000000004",
    "addf, -1.5, 1e3, 998.5",
    "addf, inf, -inf, nan",
    "addf, -inf, 1, -inf",
    "addf32, 0.5, 0.25, 0.75",
  })
  void printsTheResult(String function, String a, String b, String sum) {
    vudo("run", sums, function, a, b).assertPrinted(sum + "\n");
  }

  @Test
  void nothingPrintsNothing() {
    vudo("run", sums, "nothing").assertPrinted("");
  }

  @Test
  void whatLibrariesLogByJavaUtilLoggingIsInTheLogAndNowhereElse() {
    vudo("run", sums, "nothing").assertPrinted("");
    Logger log = (Logger) LoggerFactory.getLogger("io.grpc.Something");
    ListAppender<ILoggingEvent> seen = new ListAppender<>();
    seen.start();
    log.addAppender(seen);
    try {
      java.util.logging.Logger.getLogger(log.getName())
          .log(java.util.logging.Level.WARNING, "{0} went wrong", "It");
    } finally {
      log.detachAppender(seen);
    }
    assertEquals(
        List.of("WARN It went wrong"),
        seen.list.stream()
            .map(event -> event.getLevel() + " " + event.getFormattedMessage())
            .toList());
    for (Handler handler : java.util.logging.Logger.getLogger("").getHandlers()) {
      assertTrue(handler instanceof SLF4JBridgeHandler, handler::toString);
    }
  }

  @Test
  void jsonTellsTypesAndFuel() {
    CommandRun run = vudo("run", sums, "add", "1", "2", "--format", "json");
    assertEquals(0, run.exitCode(), run.err());
    assertEquals(
        "[{\"type\":\"i32\",\"value\":3}]", run.json().path("results").toString(), run.out());
    assertTrue(run.json().path("fuelUsed").asLong() > 0);
    assertEquals(run.out(), vudo("run", sums, "add", "1", "2", "--format", "json").out());
  }

  @Test
  void assemblesText() throws IOException {
    String text =
        file(
            "one.wat",
            "(module (func (export \"one\") (result i32) (i32.const 1)))"
                .getBytes(StandardCharsets.UTF_8));
    vudo("run", text).assertPrinted("1\n");
  }

  @Test
  void aFunctionThatIsMissingListsThoseThereAre() {
    String err = vudo("run", sums, "subtract", "1", "2").assertFailed("FUNCTION_NOT_FOUND");
    assertTrue(err.contains("subtract") && err.contains("add64"), err);
    assertTrue(err.contains("cause: ") && err.contains("fix: "), err);
  }

  @ParameterizedTest
  @CsvSource({
    "--fuel=10, forever, OUT_OF_FUEL",
    "--fuel=1000000, crash, TRAP_UNREACHABLE",
    "--fuel=1000000000, down, CALL_DEPTH_EXCEEDED",
  })
  void whatEndsACallIsTold(String option, String function, String code) {
    vudo("run", sums, function, option).assertFailed(code);
  }

  @Test
  void timeEndsACall() {
    vudo("run", sums, "forever", "--timeout", "100ms", "--fuel", "1000000000000")
        .assertFailed("TURN_TIMEOUT");
  }

  @Test
  void aDivisionByZeroIsNamed() {
    vudo("run", sums, "div", "1", "0").assertFailed("TRAP_DIVISION_BY_ZERO");
  }

  @ParameterizedTest
  @CsvSource({"1, two", "1, 4294967296", "1, 1.5", "1, ''"})
  void argumentsAreReadStrictly(String a, String b) {
    vudo("run", sums, "add", a, b).assertFailed("ARGUMENT_INVALID");
  }

  @Test
  void theNumberOfArgumentsIsChecked() {
    vudo("run", sums, "add", "1").assertFailed("ARGUMENT_INVALID");
    vudo("run", sums, "add", "1", "2", "3").assertFailed("ARGUMENT_INVALID");
  }

  @Test
  void filesThatAreNoModules() throws IOException {
    String missing = directory.resolve("missing.wasm").toString();
    assertTrue(vudo("run", missing).assertFailed("REQUEST_INVALID").contains(missing));
    vudo("run", directory.toString()).assertFailed("REQUEST_INVALID");
    vudo("run", file("empty.wasm", new byte[0])).assertFailed("MODULE_EMPTY");
    vudo("run", file("sh.wasm", new byte[] {'#', '!', 10, 10})).assertFailed("MODULE_BAD_MAGIC");
    vudo("run", file("bad.wat", "(module (fun))".getBytes(StandardCharsets.UTF_8)))
        .assertFailed("MODULE_MALFORMED");
    vudo("inspect", file("empty.wasm", new byte[0])).assertFailed("MODULE_EMPTY");
    vudo("inspect", missing).assertFailed("REQUEST_INVALID");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--fule=1", "--fuel=many", "--timeout=30", "--memory=big", "--format=xml"})
  void optionsAreReadStrictly(String option) {
    vudo("run", sums, "nothing", option).assertWrongUsage();
  }

  @Test
  void limitsAndEnginesAreChecked() {
    vudo("run", sums, "nothing", "--fuel", "0").assertFailed("LIMIT_INVALID");
    vudo("run", sums, "nothing", "--engine", "steam").assertFailed("CONFIG_INVALID");
  }

  @Test
  void errorsAreJsonWhenJsonWasAskedFor() {
    CommandRun failed = vudo("run", sums, "crash", "--format", "json");
    assertEquals(1, failed.exitCode());
    assertEquals("", failed.out());
    JsonNode error = CommandRun.json(failed.err());
    assertEquals("TRAP_UNREACHABLE", error.path("code").asText());
    assertFalse(error.path("title").asText().isEmpty());
    assertFalse(error.path("fix").asText().isEmpty());

    CommandRun wrong = vudo("run", "--format", "json");
    assertEquals(2, wrong.exitCode());
    assertEquals("USAGE", CommandRun.json(wrong.err()).path("code").asText());
  }

  @Test
  void coloursAreForTerminalsThatWantThem() {
    String[] command = {"run", sums, "crash"};
    assertTrue(CommandRun.of(Map.of(), true, "", command).err().contains("\u001b["));
    assertFalse(CommandRun.of(Map.of("NO_COLOR", "1"), true, "", command).err().contains("\u001b"));
    assertFalse(CommandRun.of(Map.of("TERM", "dumb"), true, "", command).err().contains("\u001b"));
    assertFalse(CommandRun.of(Map.of(), false, "", command).err().contains("\u001b"));
  }

  @Test
  void inspectShowsAModule() throws IOException {
    String counter = file("counter.wasm", TestModules.example("counter"));
    CommandRun shown = vudo("inspect", counter);
    assertEquals(0, shown.exitCode(), shown.err());
    for (String part :
        new String[] {"sha256:", "spirit 1", "spirit.message_type", "spirit_handle", "memory"}) {
      assertTrue(shown.out().contains(part), part + " in\n" + shown.out());
    }

    JsonNode json = vudo("inspect", counter, "--format", "json").json();
    assertEquals("spirit 1", json.path("abi").asText());
    assertTrue(json.path("admission").path("admitted").asBoolean());
    assertEquals(1, json.path("memories").path(0).path("minimumPages").asInt());
  }

  @Test
  void inspectShowsHowEnginesCompile() throws IOException {
    String step = "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 1)) (i32.const 3)))";
    String text = "(func (export \"f\") (param i32) " + step.repeat(20_000) + ")";
    String huge = file("huge.wasm", TestModules.module("(func) " + text));
    JsonNode engines = vudo("inspect", huge, "--format", "json").json().path("engines");
    assertEquals("wasmtime", engines.path(0).path("engine").asText());
    assertEquals("[]", engines.path(0).path("interpretedFunctions").toString());
    assertEquals("jvm", engines.path(1).path("engine").asText());
    assertEquals("[1]", engines.path(1).path("interpretedFunctions").toString());
    assertTrue(vudo("inspect", huge).out().contains("jvm: compiled; functions too large"));

    String vectors = file("simd.wasm", TestModules.module("(func (param v128))"));
    JsonNode error =
        vudo("inspect", vectors, "--format", "json").json().path("engines").path(1).path("error");
    assertEquals("MODULE_UNSUPPORTED", error.path("code").asText());
  }

  @ParameterizedTest
  @ValueSource(strings = {"wasmtime", "jvm"})
  void everyEngineRuns(String engine) {
    CommandRun run = vudo("run", sums, "add", "40", "2", "--engine", engine);
    assertEquals("42\n", run.out(), run.err());
    vudo("run", sums, "crash", "--engine", engine).assertFailed("TRAP_UNREACHABLE");
  }

  @Test
  void inspectShowsWhyAModuleIsRefused() throws IOException {
    String foreign =
        file("foreign.wasm", TestModules.module("(import \"env\" \"abort\" (func (param i32)))"));
    JsonNode admission = vudo("inspect", foreign, "--format", "json").json().path("admission");
    assertFalse(admission.path("admitted").asBoolean(true));
    assertEquals("MODULE_UNKNOWN_IMPORT", admission.path("error").path("code").asText());
  }

  // Programs: WASI commands

  private static final String ARGS = TestModules.prebuilt("wasi-args").toString();
  private static final String SUM = TestModules.prebuilt("wasi-sum").toString();

  /** A WASI command with this body of {@code _start}. */
  private static String program(String name, String fields, String body) throws IOException {
    return file(
        name,
        TestModules.module(
            """
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "wasi_snapshot_preview1" "fd_write"
              (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            %s
            (func (export "_start") %s)
            """
                .formatted(fields, body)));
  }

  private static void assertRun(CommandRun run, int exitCode, String out, String err) {
    assertEquals(
        "exit " + exitCode + "\n" + out + "---\n" + err,
        "exit " + run.exitCode() + "\n" + run.out() + "---\n" + run.err());
  }

  @ParameterizedTest
  @MethodSource("io.vudo.spirit.Engines#names")
  void aProgramOfCGetsItsArgumentsAndEnvironment(String engine) {
    assertRun(
        vudo(
            "run",
            "--engine",
            engine,
            ARGS,
            "--env",
            "GREETING=hello",
            "--",
            "one",
            "--two",
            "-3",
            "--",
            ""),
        5,
        "hello: [wasi-args.wasm] [one] [--two] [-3] [--] []\n",
        "");
    assertRun(vudo("run", ARGS, "one"), 1, "(none): [wasi-args.wasm] [one]\n", "");
    assertRun(vudo("run", ARGS, "--env=GREETING=", "x"), 1, ": [wasi-args.wasm] [x]\n", "");
    assertRun(vudo("run", "--engine", engine, ARGS, "clock"), 0, "1\n", "");
    assertRun(vudo("run", ARGS), 64, "", "usage: args WORD...\n");
  }

  @Test
  void theEnvironmentOfThisProcessStaysHere() {
    CommandRun run = CommandRun.of(Map.of("GREETING", "leak"), false, "", "run", ARGS, "x");
    assertRun(run, 1, "(none): [wasi-args.wasm] [x]\n", "");
  }

  @ParameterizedTest
  @MethodSource("io.vudo.spirit.Engines#names")
  void aProgramOfRustRuns(String engine) {
    assertRun(
        vudo("run", "--engine", engine, SUM, "--", "1", "-2", "1", "40"),
        0,
        "40 (3 distinct)\n",
        "");
    assertRun(vudo("run", "--engine", engine, SUM, "1", "two"), 3, "", "not a number: two\n");
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "42, 42", "255, 255"})
  void theExitCodeIsThatOfTheProgram(int code, int exitCode) throws IOException {
    String exits = program("exit.wasm", "", "(call $exit (i32.const " + code + "))");
    assertRun(vudo("run", exits), exitCode, "", "");
  }

  @ParameterizedTest
  @ValueSource(strings = {"256", "-1"})
  void anExitCodeThatNoProcessHasIsAnError(String code) throws IOException {
    vudo("run", program("exit.wasm", "", "(call $exit (i32.const " + code + "))"))
        .assertFailed("GUEST_EXITED");
  }

  @Test
  void outputIsPassedOnAsItIsAndOnTime() throws IOException {
    String writes =
        program(
            "write.wasm",
            "(data (i32.const 0) \"\\10\\00\\00\\00\\05\\00\\00\\00\") (data (i32.const 16) \"a\\00b\\0ac\")",
            """
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
            unreachable
            """);
    CommandRun run = vudo("run", writes);
    assertEquals(1, run.exitCode());
    assertEquals("a\0b\nc", run.out());
    assertTrue(run.err().startsWith("a\0b\ncerror[TRAP_UNREACHABLE]"), run.err());
  }

  @Test
  void programsAreBoundedAsFunctionsAre() throws IOException {
    String loops = program("loop.wasm", "", "(loop $l (br $l))");
    vudo("run", loops, "--fuel=1000").assertFailed("OUT_OF_FUEL");
    String floods =
        program(
            "flood.wasm",
            "(data (i32.const 0) \"\\10\\00\\00\\00\\01\\00\\00\\00\")",
            """
            (loop $l
              (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
              (br $l))
            """);
    CommandRun run = vudo("run", floods, "--fuel=100000");
    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("OUT_OF_FUEL"), run.err());
    assertTrue(run.out().length() < 1_000, "" + run.out().length());
  }

  @Test
  void whatWouldReachForFilesIsDeniedAndTheProgramGoesOn() throws IOException {
    String opens =
        file(
            "open.wasm",
            TestModules.module(
                """
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (import "wasi_snapshot_preview1" "path_open"
                  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "_start")
                  (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
                    (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 8))))
                """));
    assertRun(vudo("run", opens), 76, "", "");
  }

  @Test
  void optionsOfProgramsAreReadStrictly() {
    vudo("run", ARGS, "--two").assertWrongUsage();
    vudo("run", ARGS, "one", "-3", "-x").assertWrongUsage();
    vudo("run", ARGS, "--env", "=x", "one").assertWrongUsage();
    vudo("run", sums, "add", "--", "1", "-2").assertPrinted("-1\n");
  }

  @Test
  void aReactorIsInitializedBeforeItsFunctionIsCalled() throws IOException {
    String reactor =
        file(
            "reactor.wasm",
            TestModules.module(
                """
                (global $n (mut i32) (i32.const 0))
                (func (export "_initialize")
                  (global.set $n (i32.add (global.get $n) (i32.const 7))))
                (func (export "n") (result i32) (global.get $n))
                """));
    vudo("run", reactor, "n").assertPrinted("7\n");
  }

  @Test
  void theFlatBindingIsOfferedToo() throws IOException {
    String guest =
        file(
            "flat.wasm",
            TestModules.module(
                """
                (import "spirit" "log" (func $log (param i32 i32 i32)))
                (import "spirit" "self" (func $self (param i32 i32) (result i32)))
                (import "spirit" "now" (func $now (result i64)))
                (import "spirit" "random" (func $random (param i32 i32) (result i32)))
                (import "spirit" "stop" (func $stop (param i32 i32) (result i32)))
                (import "spirit" "send_message"
                  (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "run/local")
                (func (export "log") (call $log (i32.const 2) (i32.const 0) (i32.const 9)))
                (func (export "self") (result i32) (call $self (i32.const 64) (i32.const 64)))
                (func (export "now") (result i32) (i64.gt_s (call $now) (i64.const 0)))
                (func (export "random") (result i32) (call $random (i32.const 64) (i32.const 8)))
                (func (export "fault") (result i32) (call $random (i32.const -8) (i32.const 16)))
                (func (export "stop") (result i32) (call $stop (i32.const 0) (i32.const 9)))
                (func (export "send") (result i32)
                  (call $send (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 3)
                    (i32.const 0) (i32.const 0)))
                """));
    assertRun(vudo("run", guest, "log"), 0, "", "[info] run/local\n");
    vudo("run", guest, "self").assertPrinted("9\n");
    vudo("run", guest, "now").assertPrinted("1\n");
    vudo("run", guest, "random").assertPrinted("0\n");
    vudo("run", guest, "fault").assertPrinted("-2\n");
    vudo("run", guest, "stop").assertPrinted("-1\n");
    vudo("run", guest, "send").assertPrinted("-1\n");
  }
}
