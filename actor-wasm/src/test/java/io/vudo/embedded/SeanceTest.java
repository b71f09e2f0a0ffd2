package io.vudo.embedded;

import static io.vudo.embedded.Guests.calculator;
import static io.vudo.embedded.Guests.fails;
import static io.vudo.embedded.Guests.on;
import static io.vudo.embedded.Guests.wasm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Several Spirits that begin and end together. */
class SeanceTest extends EmbeddedContract {

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void spiritsAreSummonedInvokedAndDismissed(String engine, @TempDir Path directory)
      throws IOException {
    List<String> logged = new ArrayList<>();
    LoaRegistry loas = new LoaRegistry();
    loas.register(
        Loa.named("logging", "1.0.0").procedure("log", String.class, logged::add).build());
    byte[] logger =
        wasm(
            """
            (module (import "loa:logging" "log" (func $log (param i32 i32))) (memory 1)
              (func (export "log") (param i32 i32) (call $log (local.get 0) (local.get 1))))
            """);
    Path file = Files.write(directory.resolve("calculator.wasm"), calculator(engine));
    Seance seance = new Seance(on(engine).loas(loas));
    seance.summon("calc", file);
    seance.summon("logger", logger);
    assertEquals(List.of("calc", "logger"), seance.names());
    Object result = seance.invoke("calc", "add", 5, 3);
    seance.invoke("logger", "log", "Result: " + result);
    assertEquals(List.of("Result: 8"), logged);
    assertEquals(2, Guests.live(engine));
    seance.dismiss();
    assertEquals(0, Guests.live(engine));
    seance.dismiss();
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aNameIsTakenOnce(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      seance.invoke("calc", "count_calls");
      fails(ErrorCode.ALREADY_SUMMONED, () -> seance.summon("calc", calculator(engine)));
      assertEquals(1, Guests.live(engine));
      assertEquals(2, seance.invoke("calc", "count_calls"), "the first one goes on");
      seance.summon("other", calculator(engine));
      assertEquals(1, seance.invoke("other", "count_calls"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void oneSpiritIsDismissedAndItsNameIsFree(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("a", calculator(engine));
      seance.summon("b", calculator(engine));
      Spirit kept = seance.spirit("a");
      seance.dismiss("a");
      assertEquals(1, Guests.live(engine));
      VudoException gone = fails(ErrorCode.NOT_SUMMONED, () -> seance.invoke("a", "nothing"));
      assertTrue(gone.detail().contains("there is b"), gone.detail());
      fails(ErrorCode.SPIRIT_CLOSED, () -> kept.call("nothing"));
      fails(ErrorCode.NOT_SUMMONED, () -> seance.dismiss("a"));
      seance.summon("a", calculator(engine));
      assertEquals(List.of("b", "a"), seance.names());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aCallThatFailsDismissesItsSpiritAndNoOther(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      seance.summon("other", calculator(engine));
      seance.invoke("other", "count_calls");
      fails(ErrorCode.TRAP_UNREACHABLE, () -> seance.invoke("calc", "trap"));
      assertEquals(1, Guests.live(engine), "its instance is freed at once");
      assertEquals(List.of("other"), seance.names());
      VudoException after = fails(ErrorCode.SPIRIT_FAILED, () -> seance.invoke("calc", "nothing"));
      assertTrue(after.detail().contains("TRAP_UNREACHABLE"), after.detail());
      assertEquals(2, seance.invoke("other", "count_calls"));
      seance.summon("calc", calculator(engine));
      assertEquals(1, seance.invoke("calc", "count_calls"), "a new one, from the start");
      fails(ErrorCode.TRAP_UNREACHABLE, () -> seance.invoke("calc", "trap"));
      seance.dismiss("calc");
      fails(ErrorCode.NOT_SUMMONED, () -> seance.invoke("calc", "nothing"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aCallThatIsRefusedChangesNothing(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      seance.summon("calc", calculator(engine));
      seance.invoke("calc", "count_calls");
      fails(ErrorCode.FUNCTION_NOT_FOUND, () -> seance.invoke("calc", "sub"));
      fails(ErrorCode.ARGUMENT_INVALID, () -> seance.invoke("calc", "add", "1", 2));
      assertEquals(2, seance.invoke("calc", "count_calls"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whateverIsThrownInsideEverythingIsFreed(String engine) {
    IllegalStateException mine = new IllegalStateException("mine");
    assertEquals(
        mine,
        assertThrows(
            IllegalStateException.class,
            () -> {
              try (Seance seance = new Seance(on(engine))) {
                seance.summon("a", calculator(engine));
                seance.summon("b", calculator(engine));
                throw mine;
              }
            }));
    assertEquals(0, Guests.live(engine));
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aSummonThatFailsLeavesNothingBehind(String engine) {
    try (Seance seance = new Seance(on(engine))) {
      byte[] failing = wasm("(module (func $start (unreachable)) (start $start))");
      fails(ErrorCode.TRAP_UNREACHABLE, () -> seance.summon("a", failing));
      fails(ErrorCode.MODULE_BAD_MAGIC, () -> seance.summon("a", new byte[] {1, 2, 3, 4, 5}));
      fails(ErrorCode.REQUEST_INVALID, () -> seance.summon("a", Path.of("no such file")));
      assertEquals(0, Guests.live(engine));
      assertEquals(List.of(), seance.names());
      fails(ErrorCode.NOT_SUMMONED, () -> seance.invoke("a", "nothing"));
      seance.summon("a", calculator(engine));
      assertEquals(3, seance.invoke("a", "add", 1, 2));
    }
  }

  @Test
  void afterTheEndEverythingSaysSo() {
    Seance seance = new Seance(on(JVM));
    seance.close();
    fails(ErrorCode.SPIRIT_CLOSED, () -> seance.summon("a", calculator(JVM)));
    fails(ErrorCode.SPIRIT_CLOSED, () -> seance.invoke("a", "nothing"));
    fails(ErrorCode.SPIRIT_CLOSED, () -> seance.dismiss("a"));
    fails(ErrorCode.SPIRIT_CLOSED, () -> seance.spirit("a"));
  }

  @Test
  void aSpiritThatIsJustLoadedDoesNotOutliveTheSeance() throws InterruptedException {
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
    byte[] slow =
        wasm(
            """
            (module (import "loa:gate" "pass" (func $pass))
              (func $start (call $pass)) (start $start))
            """);
    Seance seance = new Seance(on(JVM).loas(loas));
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread summoner =
        new Thread(
            () -> {
              try {
                seance.summon("slow", slow);
              } catch (Throwable e) {
                failure.set(e);
              }
            });
    summoner.start();
    inside.await();
    fails(ErrorCode.ALREADY_SUMMONED, () -> seance.summon("slow", calculator(JVM)));
    seance.dismiss();
    leave.countDown();
    summoner.join();
    assertTrue(failure.get() instanceof VudoException, String.valueOf(failure.get()));
    assertEquals(ErrorCode.SPIRIT_CLOSED, ((VudoException) failure.get()).code());
    assertEquals(0, Guests.live(JVM));
  }

  @Test
  void aLoaMayCallAnotherSpiritOfTheSeance() {
    AtomicReference<Seance> session = new AtomicReference<>();
    LoaRegistry loas = new LoaRegistry();
    loas.register(
        Loa.named("calc", "1.0.0")
            .function(
                "add",
                int.class,
                int.class,
                int.class,
                (left, right) -> (Integer) session.get().invoke("calc", "add", left, right))
            .build());
    byte[] client =
        wasm(
            """
            (module (import "loa:calc" "add" (func $add (param i32 i32) (result i32)))
              (func (export "twice") (param i32) (result i32)
                (call $add (local.get 0) (local.get 0))))
            """);
    try (Seance seance = new Seance(on(WASMTIME).loas(loas))) {
      session.set(seance);
      seance.summon("calc", calculator(JVM), on(JVM));
      seance.summon("client", client);
      assertEquals(42, seance.invoke("client", "twice", 21), "across the two engines");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void spiritsShareWhatALoaOfTheSeanceKeeps(String engine) {
    Map<String, Long> shared = new ConcurrentHashMap<>();
    LoaRegistry loas = new LoaRegistry();
    loas.register(
        Loa.named("store", "1.0.0")
            .function(
                "add",
                String.class,
                long.class,
                long.class,
                (key, value) -> shared.merge(key, value, Long::sum))
            .build());
    byte[] client =
        wasm(
            """
            (module (import "loa:store" "add" (func $add (param i32 i32 i64) (result i64)))
              (memory 1)
              (func (export "add") (param i32 i32 i64) (result i64)
                (call $add (local.get 0) (local.get 1) (local.get 2))))
            """);
    try (Seance seance = new Seance(on(engine).loas(loas))) {
      seance.summon("a", client);
      seance.summon("b", client);
      assertEquals(5L, seance.invoke("a", "add", "total", 5L));
      assertEquals(8L, seance.invoke("b", "add", "total", 3L));
      assertEquals(1L, seance.invoke("b", "add", "other", 1L));
    }
  }
}
