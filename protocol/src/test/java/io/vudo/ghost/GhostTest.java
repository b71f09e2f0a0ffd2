package io.vudo.ghost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What can be declared, in Java and in TOML. */
class GhostTest {
  private static final String PRICE =
      """
      name = "price"
      output = ["total", "note"]
      timeout-ms = 5000

      [[inputs]]
      name = "quantity"
      type = "int"

      [[steps]]
      name = "net"
      member = "calc"
      function = "multiply"
      args = ["$quantity", 25, 0.5, true, "text", "$$5", 5000000000]

      [[steps]]
      name = "tax"
      member = "tax/eu"
      function = "of.all"

      [[steps]]
      name = "total"
      member = "calc"
      function = "add"
      args = ["$net", "$tax"]

      [[steps]]
      name = "note"
      member = "ledger"
      function = "note"
      args = []
      after = ["tax", "net"]
      result = "text"
      timeout-ms = 1000
      """;

  private static Ghost.Builder price() {
    return Ghost.named("price")
        .input("quantity", Ghost.Type.INT)
        .step(
            Step.call(
                "net",
                "calc",
                "multiply",
                Step.from("quantity"),
                25,
                0.5,
                true,
                "text",
                "$5",
                5_000_000_000L))
        .then("tax", "tax/eu", "of.all")
        .step(Step.call("total", "calc", "add", Step.from("net"), Step.from("tax")))
        .step(
            Step.call("note", "ledger", "note")
                .runsAfter("tax", "net")
                .answers(Ghost.Type.TEXT)
                .within(Duration.ofSeconds(1)))
        .output("total", "note")
        .timeout(Duration.ofSeconds(5));
  }

  private static VudoException fails(ErrorCode code, Executable task) {
    VudoException failure = assertThrows(VudoException.class, task);
    assertEquals(code, failure.code(), failure.getMessage());
    return failure;
  }

  private static void invalid(String said, Executable task) {
    VudoException failure = fails(ErrorCode.GHOST_INVALID, task);
    assertTrue(failure.detail().contains(said), said + " is not in: " + failure.detail());
  }

  // What it says

  @Test
  void javaAndTomlDeclareTheSame(@TempDir Path directory) throws IOException {
    Ghost ghost = price().build();
    assertEquals(ghost, Ghost.parse(PRICE));
    assertEquals(ghost.hashCode(), Ghost.parse(PRICE).hashCode());
    Path file = Files.writeString(directory.resolve("price.toml"), PRICE);
    assertEquals(ghost, Ghost.load(file));
    assertNotEquals(ghost, price().output("total").build());
    assertEquals("Ghost price(quantity int)", ghost.toString());
  }

  @Test
  void whatIsDeclaredCanBeRead() {
    Ghost ghost = price().build();
    assertEquals("price", ghost.name());
    assertEquals(List.of(new Ghost.Input("quantity", Ghost.Type.INT)), ghost.inputs());
    assertEquals(
        List.of("net", "tax", "total", "note"), ghost.steps().stream().map(Step::name).toList());
    assertEquals(List.of("total", "note"), ghost.outputs());
    assertEquals(Duration.ofSeconds(5), ghost.timeout());
    Step note = ghost.steps().get(3);
    assertEquals(Set.of(), ghost.before(ghost.steps().get(0)));
    assertEquals(Set.of("net", "tax"), ghost.before(ghost.steps().get(2)));
    assertEquals(Set.of("tax", "net"), ghost.before(note));
    assertEquals(Optional.of(Ghost.Type.TEXT), note.result());
    assertEquals(Optional.of(Duration.ofSeconds(1)), note.timeout());
    assertEquals("step note (ledger.note)", note.toString());
  }

  @Test
  void whatIsLeftOutHasADefault() {
    Ghost piped =
        Ghost.parse(
            """
            name = "piped"
            inputs = [{ name = "a", type = "long" }, { name = "b", type = "text" }]
            [[steps]]
            name = "first"
            member = "m"
            function = "f"
            [[steps]]
            name = "second"
            member = "m"
            function = "g"
            """);
    assertEquals(
        Ghost.named("piped")
            .input("a", Ghost.Type.LONG)
            .input("b", Ghost.Type.TEXT)
            .step(Step.call("first", "m", "f", Step.from("a"), Step.from("b")))
            .step(Step.call("second", "m", "g", Step.from("first")))
            .output("second")
            .timeout(Ghost.DEFAULT_TIMEOUT)
            .build(),
        piped);
    assertEquals(
        piped,
        Ghost.named("piped")
            .input("a", Ghost.Type.LONG)
            .input("b", Ghost.Type.TEXT)
            .then("first", "m", "f")
            .then("second", "m", "g")
            .build());
  }

  @Test
  void stepsMayBeDeclaredBeforeWhatTheyTake() {
    Ghost ghost =
        Ghost.named("backwards")
            .step(Step.call("last", "m", "f", Step.from("first")))
            .step(Step.call("first", "m", "g"))
            .output("last")
            .build();
    assertEquals(Set.of("first"), ghost.before(ghost.steps().get(0)));
  }

  // What is refused

  @Test
  void whatCannotBeIsRefused() {
    Step one = Step.call("one", "m", "f");
    invalid("0 steps", () -> Ghost.named("g").build());
    invalid("\"a b\" cannot be", () -> Ghost.named("a b").step(one).build());
    invalid("\"1\" cannot be", () -> Ghost.named("g").step(Step.call("1", "m", "f")).build());
    invalid("named one", () -> Ghost.named("g").step(one).step(one).build());
    invalid("named one", () -> Ghost.named("g").input("one", Ghost.Type.INT).step(one).build());
    invalid(
        "step two takes three, which is neither an input nor a step; there is a, one, two",
        () ->
            Ghost.named("g")
                .input("a", Ghost.Type.INT)
                .step(one)
                .step(Step.call("two", "m", "f", Step.from("three")))
                .build());
    invalid(
        "one comes after two, which is no step",
        () -> Ghost.named("g").step(one.runsAfter("two")).build());
    invalid("answers two", () -> Ghost.named("g").step(one).output("two").build());
    invalid("same twice", () -> Ghost.named("g").step(one).output("one", "one").build());
    invalid("needs a member", () -> Ghost.named("g").step(Step.call("one", " ", "f")).build());
    invalid("needs a function", () -> Ghost.named("g").step(Step.call("one", "m", "")).build());
    invalid("a java.lang.Object", () -> Step.call("one", "m", "f", new Object()));
    invalid("null", () -> Step.call("one", "m", "f", (Object) null));
    for (Duration time :
        List.of(
            Duration.ZERO,
            Duration.ofNanos(999_999),
            Duration.ofHours(1).plusNanos(1),
            Duration.ofSeconds(Long.MIN_VALUE))) {
      invalid("1 ms and", () -> Ghost.named("g").step(one).timeout(time).build());
      invalid("step one has", () -> Ghost.named("g").step(one.within(time)).build());
    }
    Ghost.Builder many = Ghost.named("g");
    for (int i = 0; i <= Ghost.MAX_STEPS; i++) {
      many.step(Step.call("s" + i, "m", "f"));
    }
    invalid("101 steps", many::build);
  }

  @Test
  void stepsThatWaitForEachOtherAreRefused() {
    invalid(
        "each other: one for one.",
        () -> Ghost.named("g").step(Step.call("one", "m", "f", Step.from("one"))).build());
    invalid(
        "each other: b for d for c for b.",
        () ->
            Ghost.named("g")
                .step(Step.call("a", "m", "f", Step.from("b")))
                .step(Step.call("b", "m", "f", Step.from("d")))
                .step(Step.call("c", "m", "f", Step.from("b")))
                .step(Step.call("d", "m", "f").runsAfter("c"))
                .build());
  }

  @Test
  void tomlThatSaysSomethingElseIsRefused(@TempDir Path directory) throws IOException {
    String step = "[[steps]]\nname = \"one\"\nmember = \"m\"\nfunction = \"f\"\n";
    Ghost.parse("name = \"g\"\n" + step);
    invalid("Line 1", () -> Ghost.parse("name = \n"));
    invalid("Duplicate key", () -> Ghost.parse("name = \"g\"\nname = \"g\"\n"));
    invalid("The Ghost: name is missing", () -> Ghost.parse(""));
    invalid("name is no text", () -> Ghost.parse("name = 1\n"));
    invalid("g: it has stpes", () -> Ghost.parse("name = \"g\"\nstpes = 1\n"));
    invalid("(one): it has arg;", () -> Ghost.parse("name = \"g\"\n" + step + "arg = []\n"));
    invalid("number 1 of steps: name is missing", () -> Ghost.parse("name = \"g\"\n[[steps]]\n"));
    invalid(
        "(one): function is missing",
        () -> Ghost.parse("name = \"g\"\n" + step.replace("function = \"f\"\n", "")));
    invalid("[[steps]]", () -> Ghost.parse("name = \"g\"\n[steps.one]\nmember = \"m\"\n"));
    invalid("no table", () -> Ghost.parse("name = \"g\"\nsteps = [1]\n"));
    invalid("args is no array", () -> Ghost.parse("name = \"g\"\n" + step + "args = \"$a\"\n"));
    invalid("takes a,", () -> Ghost.parse("name = \"g\"\n" + step + "args = [\"$a\"]\n"));
    for (String argument : List.of("[1]", "{ a = 1 }", "99999999999999999999")) {
      invalid(
          "an argument is",
          () -> Ghost.parse("name = \"g\"\n" + step + "args = [" + argument + "]\n"));
    }
    invalid("types are int, long", () -> Ghost.parse("name = \"g\"\n" + step + "result = \"i32\""));
    for (String time : List.of("\"5s\"", "1.5", "99999999999999999999")) {
      invalid(
          "milliseconds", () -> Ghost.parse("name = \"g\"\ntimeout-ms = " + time + "\n" + step));
    }
    invalid("1 ms and", () -> Ghost.parse("name = \"g\"\ntimeout-ms = -1\n" + step));
    invalid(
        "type is missing", () -> Ghost.parse("name = \"g\"\ninputs = [{ name = \"a\" }]\n" + step));
    invalid("output is a text", () -> Ghost.parse("name = \"g\"\noutput = []\n" + step));
    invalid("no text", () -> Ghost.parse("name = \"g\"\noutput = [1]\n" + step));

    Path file = directory.resolve("g.toml");
    fails(ErrorCode.REQUEST_INVALID, () -> Ghost.load(file));
    fails(ErrorCode.REQUEST_INVALID, () -> Ghost.load(directory));
    Files.write(file, new byte[] {'n', (byte) 0xff});
    invalid("no UTF-8", () -> Ghost.load(file));
  }

  @Test
  void hostileTomlIsRefused(@TempDir Path directory) throws IOException {
    for (String deep :
        List.of(
            "name = " + "[".repeat(200_000),
            "name = " + "{a=".repeat(200_000),
            "a" + ".a".repeat(200_000) + " = 1",
            "[" + "a.".repeat(200_000) + "a]")) {
      fails(ErrorCode.GHOST_INVALID, () -> Ghost.parse(deep));
    }
    String large = "#".repeat((1 << 20) + 1);
    invalid("characters", () -> Ghost.parse(large));
    Path file = Files.write(directory.resolve("g"), large.getBytes(StandardCharsets.UTF_8));
    invalid("larger", () -> Ghost.load(file));
  }

  // What callers pass

  @Test
  void inputsAreOfTheirTypes() {
    Ghost.Builder builder = Ghost.named("g").step(Step.call("one", "m", "f"));
    for (Ghost.Type type : Ghost.Type.values()) {
      builder.input(type.toString(), type);
    }
    Ghost ghost = builder.build();
    byte[] bytes = {1};
    assertEquals(
        List.of(1, 2L, 3f, 4.0, true, "text", bytes),
        List.copyOf(ghost.accept(1, 2L, 3f, 4.0, true, "text", bytes).values()));
    Map<String, Object> widened = ghost.accept((byte) 1, 2, (short) 3, 4, false, "", bytes);
    assertEquals(List.of(1, 2L, 3f, 4.0, false, "", bytes), List.copyOf(widened.values()));
    assertEquals(
        List.of("int", "long", "float", "double", "boolean", "text", "bytes"),
        List.copyOf(widened.keySet()));
    Object[] good = {1, 2L, 3f, 4.0, true, "text", bytes};
    Object[] bad = {2L, 3f, 4, 5L, 1, bytes, "text"};
    for (int i = 0; i < good.length; i++) {
      for (Object wrong : new Object[] {bad[i], null}) {
        Object[] values = good.clone();
        values[i] = wrong;
        VudoException failure = fails(ErrorCode.ARGUMENT_INVALID, () -> ghost.accept(values));
        assertTrue(
            failure.detail().contains(": " + ghost.inputs().get(i).name() + " is "),
            failure.detail());
      }
    }
    fails(ErrorCode.ARGUMENT_INVALID, () -> ghost.accept());
  }

  // How it ended

  @Test
  void aResultIsOneValueOrSeveral() {
    Ghost one = price().output("total").build();
    Ghost two = price().build();
    List<GhostResult.StepResult> done =
        two.steps().stream()
            .map(
                step ->
                    new GhostResult.StepResult(
                        step,
                        GhostResult.State.DONE,
                        step.name().equals("note") ? null : step.name().length(),
                        Optional.empty()))
            .toList();
    assertEquals(5, new GhostResult(one, done, null).value());
    Object several = new GhostResult(two, done, null).value();
    assertEquals("{total=5, note=null}", several.toString());
    VudoException failure = new VudoException(ErrorCode.GHOST_TIMEOUT, "");
    GhostResult failed = new GhostResult(two, done, failure);
    assertSame(failure, assertThrows(VudoException.class, failed::value));
    assertSame(failure, failed.failure().orElseThrow());
    assertEquals(List.of("net", "tax", "total", "note"), List.copyOf(failed.steps().keySet()));
  }
}
