package io.vudo.embedded;

import static io.vudo.embedded.Guests.calculator;
import static io.vudo.embedded.Guests.fails;
import static io.vudo.embedded.Guests.on;
import static io.vudo.embedded.Guests.wasm;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostResult;
import io.vudo.ghost.GhostResult.State;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.GuestThread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ghosts over the Spirits of a Séance. */
class BoundGhostTest extends EmbeddedContract {
  /** Time of the Spirits' own that never is up, and fuel that is when nobody looks at the time. */
  private static final Duration LONG = Duration.ofMinutes(10);

  private static final long FUEL = 10_000_000_000L;

  /** A guest whose {@code go} passes a number on to a Loa and answers what that answers. */
  private static final String GO =
      """
      (module (import "loa:host" "go" (func $go (param i32) (result i32)))
        (func (export "go") (param i32) (result i32) (call $go (local.get 0))))
      """;

  /** What {@code go} does. */
  @FunctionalInterface
  private interface Go {
    int go(int value) throws Exception;
  }

  private static LoaRegistry host(Go body) {
    LoaRegistry loas = new LoaRegistry();
    loas.register(
        Loa.named("host", "1.0.0")
            .function(
                "go", List.of(int.class), int.class, arguments -> body.go((Integer) arguments[0]))
            .build());
    return loas;
  }

  private static Ghost single(Step step, Ghost.Type... inputs) {
    Ghost.Builder builder = Ghost.named("g");
    for (int i = 0; i < inputs.length; i++) {
      builder.input("in" + i, inputs[i]);
    }
    return builder.step(step).build();
  }

  // What it does

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aPipelinePassesResultsOn(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      seance.summon("texts", Guests.texts(""));
      Ghost ghost =
          Ghost.named("pipeline")
              .input("text", Ghost.Type.TEXT)
              .step(Step.call("copy", "texts", "echo", Step.from("text")).answers(Ghost.Type.TEXT))
              .then("length", "texts", "length")
              .then("even", "calc", "is_even")
              .build();
      BoundGhost bound = seance.bind(ghost);
      assertSame(ghost, bound.ghost());
      assertEquals(1, bound.call("übe"), "4 bytes");
      assertEquals(0, bound.call("abc"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whatIsDeclaredInTomlFansOutAndGathers(String engine, @TempDir Path directory)
      throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("norm.toml"),
            """
            name = "norm"
            inputs = [{ name = "x", type = "double" }, { name = "y", type = "double" }]
            output = ["sum", "half", "count"]

            [[steps]]
            name = "sum"
            member = "adder"
            function = "sum"
            args = ["$xx", "$yy"]

            [[steps]]
            name = "xx"
            member = "calc"
            function = "square"
            args = ["$x"]

            [[steps]]
            name = "yy"
            member = "other"
            function = "square"
            args = ["$y"]

            [[steps]]
            name = "half"
            member = "calc"
            function = "half"
            args = [2.5]

            [[steps]]
            name = "count"
            member = "adder"
            function = "count"
            args = []
            after = ["sum"]
            result = "long"
            """);
    byte[] adder =
        wasm(
            """
            (module (global $calls (mut i32) (i32.const 0))
              (func (export "sum") (param f64 f64) (result f64)
                (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                (f64.add (local.get 0) (local.get 1)))
              (func (export "count") (result i32) (global.get $calls)))
            """);
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      seance.summon("other", calculator(engine));
      seance.summon("adder", adder);
      BoundGhost norm = seance.bind(Ghost.load(file));
      for (int call = 1; call <= 20; call++) {
        assertEquals(Map.of("sum", 25.0, "half", 1.25f, "count", (long) call), norm.call(3, 4.0));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void stepsThatDoNotWaitForEachOtherRunSideBySide(String engine) {
    CyclicBarrier all = new CyclicBarrier(3);
    LoaRegistry loas =
        host(
            value -> {
              all.await(20, TimeUnit.SECONDS);
              return value + 1;
            });
    try (Seance seance = new Seance(on(engine).loas(loas))) {
      Ghost.Builder ghost = Ghost.named("wide").input("n", Ghost.Type.INT);
      for (String member : List.of("a", "b", "c")) {
        seance.summon(member, wasm(GO));
        ghost.step(Step.call(member, member, "go", Step.from("n")));
      }
      ghost.output("a", "b", "c");
      BoundGhost wide = seance.bind(ghost.build());
      assertEquals(Map.of("a", 6, "b", 6, "c", 6), wide.call(5));
      assertEquals(Map.of("a", 0, "b", 0, "c", 0), wide.call(-1));
    }
  }

  @Test
  void aPipelineStaysOnTheThreadOfItsCaller() throws InterruptedException {
    Set<Thread> threads = Collections.synchronizedSet(new HashSet<>());
    LoaRegistry loas =
        host(
            value -> {
              threads.add(Thread.currentThread());
              return value;
            });
    try (Seance seance = new Seance(on(JVM).loas(loas))) {
      seance.summon("a", wasm(GO));
      seance.summon("b", wasm(GO));
      BoundGhost ghost =
          seance.bind(
              Ghost.named("pipeline")
                  .input("n", Ghost.Type.INT)
                  .then("one", "a", "go")
                  .then("two", "b", "go")
                  .then("three", "a", "go")
                  .build());
      AtomicReference<Object> answer = new AtomicReference<>();
      Thread caller = new GuestThread(() -> answer.set(ghost.call(7)), "caller");
      caller.start();
      caller.join();
      assertEquals(7, answer.get());
      assertEquals(Set.of(caller), threads);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void manyCallsRunAtOnce(String engine) throws InterruptedException {
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("a", calculator(engine));
      seance.summon("b", calculator(engine));
      BoundGhost diamond =
          seance.bind(
              Ghost.named("diamond")
                  .input("n", Ghost.Type.INT)
                  .step(Step.call("top", "a", "add", Step.from("n"), 1))
                  .step(Step.call("left", "a", "add", Step.from("top"), 10))
                  .step(Step.call("right", "b", "add", Step.from("top"), 100))
                  .step(Step.call("sum", "b", "add", Step.from("left"), Step.from("right")))
                  .build());
      List<Thread> callers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        int from = i * 1_000;
        callers.add(
            new Thread(
                () -> {
                  try {
                    for (int n = from; n < from + 100; n++) {
                      assertEquals(2 * (n + 1) + 110, diamond.call(n));
                    }
                  } catch (Throwable e) {
                    failures.add(e);
                  }
                }));
      }
      callers.forEach(Thread::start);
      for (Thread caller : callers) {
        caller.join();
      }
    }
    assertEquals(List.of(), List.copyOf(failures));
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void everyTypeCrosses(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      seance.summon("texts", Guests.texts(""));
      Ghost ghost =
          Ghost.named("types")
              .input("b", Ghost.Type.BYTES)
              .input("t", Ghost.Type.BOOLEAN)
              .input("l", Ghost.Type.LONG)
              .input("f", Ghost.Type.FLOAT)
              .step(Step.call("bytes", "texts", "echo", Step.from("b")).answers(Ghost.Type.BYTES))
              .step(Step.call("none", "texts", "none").answers(Ghost.Type.TEXT))
              .step(
                  Step.call("even", "calc", "is_even", Step.from("t")).answers(Ghost.Type.BOOLEAN))
              .step(Step.call("long", "calc", "addLong", Step.from("l"), Step.from("even")))
              .step(Step.call("half", "calc", "half", Step.from("f")).answers(Ghost.Type.DOUBLE))
              .step(Step.call("both", "calc", "both", 1, 2))
              .step(Step.call("nothing", "calc", "nothing"))
              .output("bytes", "none", "even", "long", "half", "both", "nothing")
              .build();
      Map<?, ?> values =
          (Map<?, ?>) seance.bind(ghost).call(new byte[] {1, 2}, false, 1L << 40, 3f);
      assertArrayEquals(new byte[] {1, 2}, (byte[]) values.get("bytes"));
      assertNull(values.get("none"));
      assertEquals(true, values.get("even"));
      assertEquals((1L << 40) + 1, values.get("long"));
      assertEquals(1.5, values.get("half"));
      assertEquals(List.of(2L, 1), values.get("both"));
      assertTrue(values.containsKey("nothing"));
      assertNull(values.get("nothing"));
    }
  }

  // What is found when it is bound

  private static void mismatch(Seance seance, String said, Step step, Ghost.Type... inputs) {
    VudoException failure =
        fails(ErrorCode.GHOST_MISMATCH, () -> seance.bind(single(step, inputs)));
    assertTrue(failure.detail().startsWith("Ghost g, step one (calc."), failure.detail());
    assertTrue(failure.detail().contains(said), said + " is not in: " + failure.detail());
  }

  @Test
  void whatDoesNotFitIsFoundWhenItIsBound() {
    try (Seance seance = new Seance(on(WASMTIME))) {
      seance.summon("calc", calculator(WASMTIME));
      VudoException absent =
          fails(
              ErrorCode.NOT_SUMMONED,
              () -> seance.bind(single(Step.call("one", "clac", "add", 1, 2))));
      assertTrue(
          absent.detail().startsWith("Ghost g, step one (clac.add): \"clac\"; there is calc"),
          absent.detail());
      VudoException unknown =
          fails(
              ErrorCode.FUNCTION_NOT_FOUND,
              () -> seance.bind(single(Step.call("one", "calc", "sub", 1, 2))));
      assertTrue(unknown.detail().contains("step one (calc.sub)"), unknown.detail());
      assertTrue(unknown.detail().contains("calc exports add, addLong"), unknown.detail());

      Step.From in = Step.from("in0");
      mismatch(seance, "passes (int)", Step.call("one", "calc", "add", 1));
      mismatch(seance, "passes (int, long)", Step.call("one", "calc", "add", 1, 2L));
      mismatch(seance, "(int, String)", Step.call("one", "calc", "add", 1, "2"));
      mismatch(seance, "(int, int, int)", Step.call("one", "calc", "add", 1, 2, 3));
      mismatch(seance, "(double)", Step.call("one", "calc", "half", 0.1));
      mismatch(seance, "(long)", Step.call("one", "calc", "trap", in), Ghost.Type.LONG);
      mismatch(seance, "(double)", Step.call("one", "calc", "half", in), Ghost.Type.DOUBLE);
      mismatch(seance, "(boolean)", Step.call("one", "calc", "square", in), Ghost.Type.BOOLEAN);
      mismatch(seance, "v128", Step.call("one", "calc", "v128", 1));
      Step add = Step.call("one", "calc", "add", 1, 2);
      for (Ghost.Type type :
          List.of(Ghost.Type.TEXT, Ghost.Type.BYTES, Ghost.Type.FLOAT, Ghost.Type.DOUBLE)) {
        mismatch(seance, "cannot be read", add.answers(type));
      }
      mismatch(
          seance, "cannot be read", Step.call("one", "calc", "nothing").answers(Ghost.Type.INT));
      mismatch(
          seance, "cannot be read", Step.call("one", "calc", "both", 1, 2).answers(Ghost.Type.INT));
      seance.bind(single(add.answers(Ghost.Type.LONG)));
      seance.bind(single(Step.call("one", "calc", "half", 0.5)));
    }
  }

  @Test
  void whatAStepTakesOfOneBeforeIsCheckedToo() {
    try (Seance seance = new Seance(on(JVM))) {
      seance.summon("calc", calculator(JVM));
      Ghost.Builder nothing =
          Ghost.named("g").then("zero", "calc", "nothing").then("one", "calc", "is_even");
      VudoException failure = fails(ErrorCode.GHOST_MISMATCH, () -> seance.bind(nothing.build()));
      assertTrue(failure.detail().contains("passes (void)"), failure.detail());
      Ghost.Builder two =
          Ghost.named("g")
              .step(Step.call("zero", "calc", "both", 1, 2))
              .then("one", "calc", "is_even");
      failure = fails(ErrorCode.GHOST_MISMATCH, () -> seance.bind(two.build()));
      assertTrue(failure.detail().contains("passes (List)"), failure.detail());
      Ghost.Builder wide =
          Ghost.named("g")
              .step(Step.call("zero", "calc", "addLong", 1, 2))
              .then("one", "calc", "is_even");
      failure = fails(ErrorCode.GHOST_MISMATCH, () -> seance.bind(wide.build()));
      assertTrue(failure.detail().contains("step one (calc.is_even)"), failure.detail());
    }
  }

  @Test
  void inputsAreCheckedBeforeAnythingBegins() {
    try (Seance seance = new Seance(on(JVM))) {
      seance.summon("calc", calculator(JVM));
      BoundGhost ghost =
          seance.bind(
              Ghost.named("g")
                  .input("n", Ghost.Type.INT)
                  .step(Step.call("count", "calc", "count_calls"))
                  .step(Step.call("even", "calc", "is_even", Step.from("n")))
                  .output("count")
                  .build());
      assertEquals(1, ghost.call(1));
      fails(ErrorCode.ARGUMENT_INVALID, () -> ghost.call(1L));
      fails(ErrorCode.ARGUMENT_INVALID, ghost::call);
      assertEquals(2, ghost.call(1));
    }
  }

  // Failure

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aBranchThatFailsIsNamedAndTheOthersAreWaitedFor(String engine) {
    AtomicReference<Spirit> failing = new AtomicReference<>();
    CountDownLatch begun = new CountDownLatch(1);
    LoaRegistry loas =
        host(
            value -> {
              if (value == 0) {
                // What fails begins when the other branch runs, and that ends after the failure.
                assertTrue(begun.await(20, TimeUnit.SECONDS));
              } else {
                begun.countDown();
                await().until(() -> failing.get().failure().isPresent());
              }
              return value;
            });
    try (Seance seance = new Seance(on(engine).loas(loas))) {
      failing.set(seance.summon("calc", calculator(engine)));
      seance.summon("slow", wasm(GO));
      seance.summon("gate", wasm(GO));
      BoundGhost ghost =
          seance.bind(
              Ghost.named("g")
                  .step(Step.call("fine", "slow", "go", 5))
                  .step(Step.call("zero", "gate", "go", 0))
                  .step(Step.call("ratio", "calc", "divide", 1, Step.from("zero")))
                  .step(Step.call("sum", "calc", "add", Step.from("fine"), Step.from("ratio")))
                  .build());
      GhostResult result = ghost.run();
      VudoException failure = result.failure().orElseThrow();
      assertEquals(ErrorCode.TRAP_DIVISION_BY_ZERO, failure.code());
      assertTrue(
          failure.detail().startsWith("Ghost g, step ratio (calc.divide): "), failure.detail());
      assertSame(failure, fails(ErrorCode.TRAP_DIVISION_BY_ZERO, result::value));
      GhostResult.StepResult fine = result.steps().get("fine");
      assertEquals(State.DONE, fine.state());
      assertEquals(5, fine.value());
      GhostResult.StepResult ratio = result.steps().get("ratio");
      assertEquals(State.FAILED, ratio.state());
      assertEquals("calc", ratio.step().member());
      assertEquals(ErrorCode.TRAP_DIVISION_BY_ZERO, ratio.failure().orElseThrow().code());
      assertSame(ratio.failure().orElseThrow(), failure.getCause());
      GhostResult.StepResult sum = result.steps().get("sum");
      assertEquals(State.SKIPPED, sum.state());
      assertTrue(sum.failure().isEmpty());

      assertEquals(List.of("slow", "gate"), seance.names(), "the others go on");
      VudoException again = fails(ErrorCode.SPIRIT_FAILED, ghost::call);
      assertTrue(again.detail().contains("step ratio (calc.divide)"), again.detail());
    }
  }

  @Test
  void stepsThatCouldBeginAfterAFailureDoNot() throws InterruptedException {
    AtomicReference<Spirit> failing = new AtomicReference<>();
    AtomicReference<Thread> caller = new AtomicReference<>();
    CountDownLatch begun = new CountDownLatch(1);
    LoaRegistry loas =
        host(
            value -> {
              if (value == 0) {
                assertTrue(begun.await(20, TimeUnit.SECONDS));
              } else {
                begun.countDown();
                // Its own steps are over, and it waits for this one.
                await()
                    .until(
                        () ->
                            failing.get().failure().isPresent()
                                && caller.get().getState() == Thread.State.WAITING);
              }
              return value;
            });
    try (Seance seance = new Seance(on(JVM).loas(loas))) {
      failing.set(seance.summon("calc", calculator(JVM)));
      Spirit other = seance.summon("other", calculator(JVM));
      seance.summon("slow", wasm(GO));
      seance.summon("gate", wasm(GO));
      BoundGhost ghost =
          seance.bind(
              Ghost.named("g")
                  .step(Step.call("zero", "gate", "go", 0))
                  .step(Step.call("ratio", "calc", "divide", 1, Step.from("zero")))
                  .step(Step.call("fine", "slow", "go", 5))
                  .step(Step.call("never", "other", "count_calls").runsAfter("fine"))
                  .build());
      AtomicReference<GhostResult> result = new AtomicReference<>();
      caller.set(new GuestThread(() -> result.set(ghost.run()), "caller"));
      caller.get().start();
      caller.get().join();
      assertEquals(State.DONE, result.get().steps().get("fine").state());
      assertEquals(State.SKIPPED, result.get().steps().get("never").state());
      assertEquals(1, other.call("count_calls"));
    }
  }

  @Test
  void stepsBehindOneThatFailedDoNotBegin() {
    List<Integer> seen = Collections.synchronizedList(new ArrayList<>());
    LoaRegistry loas =
        host(
            value -> {
              seen.add(value);
              if (value == 2) {
                throw new IOException("no disk");
              }
              return value + 1;
            });
    try (Seance seance = new Seance(on(JVM).loas(loas))) {
      seance.summon("a", wasm(GO));
      seance.summon("b", wasm(GO));
      BoundGhost ghost =
          seance.bind(
              Ghost.named("g")
                  .input("n", Ghost.Type.INT)
                  .then("one", "a", "go")
                  .then("two", "b", "go")
                  .then("three", "a", "go")
                  .build());
      assertEquals(6, ghost.call(3));
      seen.clear();
      VudoException failure = fails(ErrorCode.LOA_FAILED, () -> ghost.call(1));
      assertTrue(failure.detail().contains("step two (b.go)"), failure.detail());
      assertTrue(failure.detail().contains("no disk"), failure.detail());
      assertEquals(List.of(1, 2), seen);
    }
  }

  @Test
  void anErrorOfALoaDoesNotLoseItsCaller() {
    LoaRegistry loas =
        host(
            value -> {
              throw new AssertionError("broken");
            });
    try (Seance seance = new Seance(on(JVM).loas(loas))) {
      seance.summon("a", wasm(GO));
      seance.summon("b", wasm(GO));
      Ghost ghost =
          Ghost.named("g")
              .step(Step.call("one", "a", "go", 1))
              .step(Step.call("two", "b", "go", 2))
              .build();
      VudoException failure = fails(ErrorCode.INTERNAL_ERROR, () -> seance.bind(ghost).call());
      assertTrue(failure.detail().contains("broken"), failure.detail());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aMemberThatIsSummonedAgainTakesPart(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      BoundGhost ghost = seance.bind(single(Step.call("one", "calc", "count_calls")));
      assertEquals(1, ghost.call());
      fails(ErrorCode.TRAP_UNREACHABLE, () -> seance.invoke("calc", "trap"));
      VudoException failed = fails(ErrorCode.SPIRIT_FAILED, ghost::call);
      assertTrue(failed.detail().contains("step one (calc.count_calls)"), failed.detail());
      seance.summon("calc", calculator(engine));
      assertEquals(1, ghost.call());
      seance.dismiss("calc");
      VudoException gone = fails(ErrorCode.NOT_SUMMONED, ghost::call);
      assertTrue(gone.detail().contains("step one"), gone.detail());
      seance.summon("calc", wasm("(module (func (export \"count_calls\") (param i32)))"));
      fails(ErrorCode.GHOST_MISMATCH, ghost::call);
      seance.dismiss("calc");
      seance.summon("calc", calculator(engine));
      assertEquals(1, ghost.call());
      seance.dismiss();
      fails(ErrorCode.SPIRIT_CLOSED, ghost::call);
      fails(ErrorCode.SPIRIT_CLOSED, () -> seance.bind(ghost.ghost()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aMemberThatWaitsForTheGhostIsBusyOnEveryThread(String engine) {
    AtomicReference<BoundGhost> ghost = new AtomicReference<>();
    AtomicReference<GhostResult> result = new AtomicReference<>();
    LoaRegistry loas =
        host(
            value -> {
              if (value == 0) {
                result.set(ghost.get().run());
              }
              return value;
            });
    try (Seance seance = new Seance(on(engine).loas(loas))) {
      seance.summon("a", wasm(GO));
      seance.summon("b", wasm(GO));
      ghost.set(
          seance.bind(
              Ghost.named("g")
                  .step(Step.call("one", "a", "go", 1))
                  .step(Step.call("two", "a", "go", 2))
                  .build()));
      assertEquals(0, seance.invoke("a", "go", 0));
      List<ErrorCode> codes =
          result.get().steps().values().stream()
              .flatMap(step -> step.failure().stream())
              .map(VudoException::code)
              .toList();
      assertFalse(codes.isEmpty());
      assertEquals(Set.of(ErrorCode.SPIRIT_BUSY), new HashSet<>(codes));
      // Over another member, and over threads, which all come back to who waits.
      ghost.set(
          seance.bind(
              Ghost.named("g")
                  .step(Step.call("one", "b", "go", 1))
                  .step(Step.call("two", "b", "go", 2))
                  .step(Step.call("back", "a", "go", Step.from("one")).runsAfter("two"))
                  .build()));
      assertEquals(0, seance.invoke("a", "go", 0));
      assertEquals(ErrorCode.SPIRIT_BUSY, result.get().failure().orElseThrow().code());
      assertEquals(State.DONE, result.get().steps().get("two").state());
    }
  }

  // Time

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whenItsTimeIsUpNothingOfItRunsOn(String engine) {
    try (Seance seance = new Seance(on(engine).fuel(FUEL).timeout(LONG))) {
      seance.summon("calc", calculator(engine));
      seance.summon("other", calculator(engine));
      Ghost.Builder ghost =
          Ghost.named("g")
              .step(Step.call("spin", "calc", "spin"))
              .step(Step.call("next", "other", "count_calls").runsAfter("spin"));
      GhostResult result = seance.bind(ghost.timeout(Duration.ofMillis(500)).build()).run();
      VudoException late = result.failure().orElseThrow();
      assertEquals(ErrorCode.GHOST_TIMEOUT, late.code(), late.getMessage());
      assertTrue(late.detail().contains("its 500 ms were over when step spin"), late.detail());
      GhostResult.StepResult spin = result.steps().get("spin");
      assertEquals(ErrorCode.TURN_TIMEOUT, spin.failure().orElseThrow().code());
      assertEquals(State.SKIPPED, result.steps().get("next").state());
      assertEquals(List.of("other"), seance.names(), "who was stopped in its code is over");
      assertEquals(1, seance.invoke("other", "count_calls"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aStepHasATimeOfItsOwn(String engine) {
    try (Seance seance = new Seance(on(engine).fuel(FUEL).timeout(LONG))) {
      seance.summon("calc", calculator(engine));
      Step step = Step.call("one", "calc", "spin").within(Duration.ofMillis(50));
      VudoException late = fails(ErrorCode.TURN_TIMEOUT, () -> seance.bind(single(step)).call());
      assertTrue(late.detail().contains("step one (calc.spin)"), late.detail());
    }
  }

  @Test
  void whoOnlyWaitedForAMemberHarmsNobody() throws InterruptedException {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    LoaRegistry loas =
        host(
            value -> {
              inside.countDown();
              leave.await();
              return value;
            });
    try (Seance seance = new Seance(on(JVM).loas(loas))) {
      seance.summon("a", wasm(GO));
      Thread first = new Thread(() -> seance.invoke("a", "go", 1));
      first.start();
      inside.await();
      Ghost.Builder ghost = Ghost.named("g").step(Step.call("one", "a", "go", 2));
      fails(
          ErrorCode.GHOST_TIMEOUT,
          () -> seance.bind(ghost.timeout(Duration.ofMillis(50)).build()).call());
      leave.countDown();
      first.join();
      assertEquals(3, seance.invoke("a", "go", 3));
    }
  }

  @Test
  void anInterruptIsKeptAndChangesNothing() {
    try (Seance seance = new Seance(on(JVM))) {
      seance.summon("a", calculator(JVM));
      seance.summon("b", calculator(JVM));
      Ghost ghost =
          Ghost.named("g")
              .step(Step.call("one", "a", "add", 1, 2))
              .step(Step.call("two", "b", "add", 3, 4))
              .output("one", "two")
              .build();
      BoundGhost bound = seance.bind(ghost);
      Thread.currentThread().interrupt();
      try {
        assertEquals(Map.of("one", 3, "two", 7), bound.call());
      } finally {
        assertTrue(Thread.interrupted());
      }
    }
  }

  @Test
  void textsThatAreNoneAreRefusedWhereTheyAreTaken() {
    try (Seance seance = new Seance(on(JVM))) {
      seance.summon("texts", Guests.texts(""));
      Ghost ghost =
          Ghost.named("g")
              .step(Step.call("none", "texts", "none").answers(Ghost.Type.TEXT))
              .then("length", "texts", "length")
              .build();
      VudoException failure = fails(ErrorCode.ARGUMENT_INVALID, () -> seance.bind(ghost).call());
      assertTrue(failure.detail().contains("step length (texts.length)"), failure.detail());
      assertEquals(5, seance.invoke("texts", "length", "hello"));
    }
  }
}
