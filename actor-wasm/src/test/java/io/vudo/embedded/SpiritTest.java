package io.vudo.embedded;

import static io.vudo.embedded.Guests.calculator;
import static io.vudo.embedded.Guests.fails;
import static io.vudo.embedded.Guests.on;
import static io.vudo.embedded.Guests.wasm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.GuestThread;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Loading a module and calling it, on both engines. */
class SpiritTest extends EmbeddedContract {

  // Loading

  @Test
  void theDefaultEngineIsWasmtime() {
    try (Spirit spirit = Spirit.load(calculator(WASMTIME))) {
      assertEquals(1, Guests.live(WASMTIME));
      assertEquals(3, spirit.call("add", 1, 2));
    }
  }

  @Test
  void aModuleIsLoadedFromAFile(@TempDir Path directory) throws IOException {
    Path file = Files.write(directory.resolve("calculator.wasm"), calculator(JVM));
    try (Spirit spirit = Spirit.load(file)) {
      assertEquals(3, spirit.call("add", 1, 2));
    }
    Path missing = directory.resolve("missing.wasm");
    VudoException failure = fails(ErrorCode.REQUEST_INVALID, () -> Spirit.load(missing));
    assertTrue(failure.detail().contains("missing.wasm"), failure.detail());
  }

  @Test
  void whatIsNoModuleIsRefused() {
    fails(ErrorCode.MODULE_EMPTY, () -> Spirit.load(new byte[0]));
    fails(ErrorCode.MODULE_BAD_MAGIC, () -> Spirit.load(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}));
    fails(ErrorCode.CONFIG_INVALID, () -> Spirit.load(calculator(JVM), on("v8")));
    fails(
        ErrorCode.MODULE_UNKNOWN_IMPORT,
        () -> Spirit.load(wasm("(module (import \"env\" \"nothing\" (func)))")));
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void startFunctionsRunOnceWhenItIsLoaded(String engine) {
    String text =
        """
        (module (global $n (mut i32) (i32.const 0))
          (func $start (global.set $n (i32.add (global.get $n) (i32.const 1))))
          (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 10))))
          (func (export "n") (result i32) (global.get $n))
          (start $start))
        """;
    try (Spirit spirit = Guests.load(engine, text)) {
      assertEquals(11, spirit.call("n"));
      assertEquals(11, spirit.call("n"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aStartFunctionThatFailsLeavesNothingBehind(String engine) {
    fails(
        ErrorCode.TRAP_UNREACHABLE,
        () -> Guests.load(engine, "(module (func $start (unreachable)) (start $start))"));
  }

  // Values

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void numbersCrossAsTheirBoxes(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      assertEquals(3, spirit.call("add", 1, 2));
      assertEquals(Integer.MIN_VALUE, spirit.call("add", Integer.MAX_VALUE, 1));
      assertEquals(1L << 40, spirit.call("addLong", 1L << 40, 0L));
      assertEquals(1.25f, spirit.call("half", 2.5f));
      assertEquals(2.25, spirit.call("square", 1.5));
      assertNull(spirit.call("nothing"));
      assertEquals(List.of(5L, -7), spirit.call("both", -7, 5L));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void narrowerNumbersAreWidenedAndNothingIsRounded(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      assertEquals(3, spirit.call("add", (short) 1, (byte) 2));
      assertEquals(2, spirit.call("add", true, true));
      assertEquals(-1L, spirit.call("addLong", 1, -2));
      assertEquals(9.0, spirit.call("square", 3));
      assertEquals(2.25, spirit.call("square", 1.5f));
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("add", 1L, 2));
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("half", 1));
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("half", 1.5));
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("square", 1L));
      assertEquals(3, spirit.call("add", 1, 2));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aWrongCallIsRefusedBeforeAnythingRuns(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      VudoException unknown = fails(ErrorCode.FUNCTION_NOT_FOUND, () -> spirit.call("sub", 1, 2));
      assertTrue(unknown.detail().contains("add"), unknown.detail());
      VudoException few = fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("add", 1));
      assertTrue(few.detail().contains("add (i32, i32) -> i32 takes 2"), few.detail());
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("add", 1, 2, 3));
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("add", 1, null));
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("addLong", "text", 1));
      VudoException type = fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("add", 1, 2.5));
      assertTrue(type.detail().contains("argument 2 is a Double 2.5"), type.detail());
      assertEquals(1, spirit.call("count_calls"));
    }
  }

  @Test
  void valuesThatJavaHasNotAreRefused() {
    try (Spirit spirit = Spirit.load(calculator(WASMTIME))) {
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("v128", 1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void textsAndBytesAreBorrowedForACall(String engine) {
    for (String allocator : List.of("", Guests.ALLOC)) {
      try (Spirit spirit = Spirit.load(Guests.texts(allocator), on(engine))) {
        assertEquals(6, spirit.call("length", "häuse"));
        assertEquals(0, spirit.call("length", ""));
        assertEquals(3, spirit.call("length", (Object) new byte[3]));
        assertEquals(165, spirit.call("first", "A", 100));
        long packed = (Long) spirit.call("echo", "one\ntwo €");
        assertEquals("one\ntwo €", spirit.memory().readPackedString(packed));
        assertNull(spirit.memory().readPackedString((Long) spirit.call("none")));
        int apart = (Integer) spirit.call("distance", "12345678", "abcdefgh");
        assertTrue(apart >= 8, "two texts of 8 bytes are " + apart + " apart");
        assertEquals(0, spirit.memory().blocks());
        fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("length", "\ud800"));
        assertEquals(0, spirit.memory().blocks());
        assertEquals(1, spirit.call("length", "a"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void argumentsGoBackToTheAllocatorTheyCameFrom(String engine) {
    try (Spirit spirit = Spirit.load(Guests.texts(Guests.ALLOC), on(engine))) {
      spirit.call("length", "12345");
      spirit.call("length", (Object) new byte[7]);
      assertEquals(12, spirit.call("freed"));
    }
    try (Spirit spirit = Spirit.load(Guests.texts(""), on(engine))) {
      Object first = spirit.call("pointer", "12345");
      assertEquals(first, spirit.call("pointer", "abcde"));
    }
  }

  // Limits

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void everyCallHasFuelOfItsOwn(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine).fuel(1_000))) {
      for (int i = 0; i < 500; i++) {
        spirit.call("add", 1, 2);
      }
      assertEquals(3, spirit.fuelUsed());
      fails(ErrorCode.OUT_OF_FUEL, () -> spirit.call("spin"));
      assertEquals(1_000, spirit.fuelUsed());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aCallEndsWhenItsTimeIsUp(String engine) {
    SpiritOptions options = on(engine).fuel(Long.MAX_VALUE / 4).timeout(Duration.ofMillis(50));
    try (Spirit spirit = Spirit.load(calculator(engine), options)) {
      fails(ErrorCode.TURN_TIMEOUT, () -> spirit.call("spin"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void theStackIsBounded(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine).callDepth(100))) {
      assertEquals(50, spirit.call("deep", 50));
      fails(ErrorCode.CALL_DEPTH_EXCEEDED, () -> spirit.call("deep", 1_000));
    }
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      assertEquals(5_000, spirit.call("deep", 5_000));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void memoryBeginsAndEndsWhereItIsTold(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine).memory(4, 6))) {
      assertEquals(4, spirit.call("pages"));
      assertEquals(4 << 16, spirit.memory().size());
      assertEquals(4, spirit.call("grow", 2));
      assertEquals(-1, spirit.call("grow", 1));
    }
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      assertEquals(1, spirit.call("pages"));
    }
    fails(ErrorCode.LIMIT_INVALID, () -> on(engine).memory(7, 6));
    fails(
        ErrorCode.LIMIT_INVALID,
        () -> Spirit.load(wasm("(module (memory 1 2))"), on(engine).memory(3, 10)));
  }

  // Failure

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aTrapEndsTheSpiritAndSaysSo(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      assertTrue(spirit.failure().isEmpty());
      VudoException trap =
          fails(ErrorCode.TRAP_DIVISION_BY_ZERO, () -> spirit.call("divide", 1, 0));
      assertSame(trap, spirit.failure().orElseThrow());
      assertEquals(0, Guests.live(engine), "the instance is freed at once");
      VudoException after = fails(ErrorCode.SPIRIT_FAILED, () -> spirit.call("add", 1, 2));
      assertTrue(after.detail().contains("TRAP_DIVISION_BY_ZERO"), after.detail());
      fails(ErrorCode.SPIRIT_FAILED, () -> spirit.memory().alloc(8));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aClosedSpiritSaysSo(String engine) {
    Spirit spirit = Spirit.load(calculator(engine), on(engine));
    MemoryManager memory = spirit.memory();
    spirit.close();
    spirit.close();
    fails(ErrorCode.SPIRIT_CLOSED, () -> spirit.call("add", 1, 2));
    fails(ErrorCode.SPIRIT_CLOSED, () -> memory.read(0, 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aProgramsExitIsAFailureToo(String engine) {
    String text =
        """
        (module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "leave") (call $exit (i32.const 7))))
        """;
    try (Spirit spirit = Guests.load(engine, text)) {
      VudoException exit = fails(ErrorCode.GUEST_EXITED, () -> spirit.call("leave"));
      assertTrue(exit.detail().contains("7"), exit.detail());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void hostFunctionsOfSpiritsAreThereAsUnderRun(String engine) {
    String text =
        """
        (module
          (import "spirit" "log" (func $log (param i32 i32 i32)))
          (import "spirit" "tuplespace_count"
            (func $count (param i32 i32 i32 i32) (result i64)))
          (memory (export "memory") 1)
          (data (i32.const 8) "tuples[]")
          (func (export "say") (call $log (i32.const 2) (i32.const 8) (i32.const 6)))
          (func (export "count") (result i64)
            (call $count (i32.const 8) (i32.const 6) (i32.const 14) (i32.const 2))))
        """;
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(lines, true, StandardCharsets.UTF_8);
    try (Spirit spirit = Spirit.load(wasm(text), on(engine).output(to, to))) {
      spirit.call("say");
      assertEquals("[info] tuples\n", lines.toString(StandardCharsets.UTF_8).replace("\r", ""));
      assertTrue((Long) spirit.call("count") < 0, "what needs a node is denied");
      spirit.call("say");
    }
  }

  @Test
  void callsAreLoggedWhenSomebodyWantsToSeeThem() {
    Logger logger = (Logger) LoggerFactory.getLogger(Spirit.class);
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    logger.addAppender(lines);
    logger.setLevel(Level.INFO);
    try {
      try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM))) {
        spirit.call("add", 1, 2);
      }
      assertEquals(List.of(), lines.list);
      try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM).debug(true))) {
        spirit.call("add", 1, 2);
        fails(ErrorCode.TRAP_UNREACHABLE, () -> spirit.call("trap"));
      }
    } finally {
      logger.detachAppender(lines);
      logger.setLevel(null);
    }
    List<String> texts = lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    assertEquals(2, texts.size());
    assertTrue(texts.get(0).startsWith("add(1, 2) = 3; 3 units of fuel, "), texts.get(0));
    assertTrue(texts.get(1).startsWith("trap() failed: TRAP_UNREACHABLE"), texts.get(1));
  }

  // Threads

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void callsFromManyThreadsComeOneAfterTheOther(String engine) throws InterruptedException {
    int threads = 4;
    int each = 200;
    ConcurrentLinkedQueue<Object> answers = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      List<Thread> callers = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        Runnable task =
            () -> {
              try {
                for (int call = 0; call < each; call++) {
                  answers.add(spirit.call("count_calls"));
                }
              } catch (Throwable e) {
                failures.add(e);
              }
            };
        callers.add(i % 2 == 0 ? new Thread(task) : new GuestThread(task, "caller"));
      }
      callers.forEach(Thread::start);
      for (Thread caller : callers) {
        caller.join();
      }
    }
    assertTrue(failures.isEmpty(), failures.toString());
    Set<Object> different = new HashSet<>(answers);
    assertEquals(threads * each, different.size());
    assertTrue(different.contains(threads * each));
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whoWaitsTooLongForOthersGetsATimeout(String engine) throws InterruptedException {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    LoaRegistry loas = new LoaRegistry();
    loas.register(
        Loa.named("gate", "1.0.0")
            .function(
                "pass",
                List.of(),
                void.class,
                arguments -> {
                  inside.countDown();
                  leave.await();
                  return null;
                })
            .build());
    String text =
        """
        (module (import "loa:gate" "pass" (func $pass))
          (func (export "pass") (call $pass)) (func (export "nothing")))
        """;
    AtomicReference<Throwable> failure = new AtomicReference<>();
    try (Spirit spirit =
        Spirit.load(wasm(text), on(engine).loas(loas).timeout(Duration.ofMillis(500)))) {
      Thread first =
          new Thread(
              () -> {
                try {
                  spirit.call("pass");
                } catch (Throwable e) {
                  failure.set(e);
                }
              });
      first.start();
      assertTrue(inside.await(20, TimeUnit.SECONDS), () -> String.valueOf(failure.get()));
      VudoException late = fails(ErrorCode.TURN_TIMEOUT, () -> spirit.call("nothing"));
      assertTrue(late.detail().contains("Other calls"), late.detail());
      assertFalse(spirit.failure().isPresent(), "who only waited has broken nothing");
      // A call that runs goes on to its end, though the Spirit is closed under it.
      Runnable close = spirit::close;
      close.run();
      assertEquals(1, Guests.live(engine));
      leave.countDown();
      first.join();
    }
  }

  // The code that is kept

  @Test
  void aModuleIsCompiledOnceAndForgottenBehindManyOthers() {
    byte[] module = calculator(JVM);
    try (Spirit first = Spirit.load(module, on(JVM));
        Spirit second = Spirit.load(module, on(JVM))) {
      assertEquals(1, first.call("count_calls"));
      assertEquals(1, second.call("count_calls"), "they share code, and nothing else");
      for (int i = 0; i < 33; i++) {
        String other = "(module (func (export \"n\") (result i32) (i32.const " + i + ")))";
        try (Spirit spirit = Guests.load(JVM, other)) {
          assertEquals(i, spirit.call("n"));
        }
      }
      assertEquals(2, first.call("count_calls"), "code that is forgotten still runs");
    }
    try (Spirit again = Spirit.load(module, on(JVM))) {
      assertEquals(1, again.call("count_calls"));
    }
  }
}
