package io.vudo.embedded;

import static io.vudo.embedded.Guests.fails;
import static io.vudo.embedded.Guests.on;
import static io.vudo.embedded.Guests.wasm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions of the host that guests import, and the registry that they are found in. */
class LoaTest extends EmbeddedContract {

  private static Loa numbered(String name, String version, int answer) {
    return Loa.named(name, version).supplier("answer", int.class, () -> answer).build();
  }

  private static LoaRegistry registry(Loa... loas) {
    LoaRegistry registry = LoaRegistry.empty();
    List.of(loas).forEach(registry::register);
    return registry;
  }

  private static Spirit load(String engine, String text, Loa... loas) {
    return Spirit.load(wasm(text), on(engine).loas(registry(loas)));
  }

  // What crosses

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void valuesOfEveryTypeCross(String engine) {
    List<Object> seen = new ArrayList<>();
    Loa all =
        Loa.named("all", "1.0.0")
            .function(
                "mix",
                List.of(
                    int.class,
                    long.class,
                    float.class,
                    double.class,
                    boolean.class,
                    String.class,
                    byte[].class),
                double.class,
                arguments -> {
                  for (Object argument : arguments) {
                    seen.add(
                        argument instanceof byte[] bytes
                            ? new String(bytes, StandardCharsets.UTF_8)
                            : argument);
                  }
                  return 0.5;
                })
            .function("long", Long.class, Long.class, value -> value + 1)
            .function("float", float.class, float.class, value -> value * 2)
            .function("not", boolean.class, boolean.class, value -> !value)
            .build();
    String text =
        """
        (module
          (import "loa:all" "mix"
            (func $mix (param i32 i64 f32 f64 i32 i32 i32 i32 i32) (result f64)))
          (import "loa:all" "long" (func $long (param i64) (result i64)))
          (import "loa:all" "float" (func $float (param f32) (result f32)))
          (import "loa:all" "not" (func $not (param i32) (result i32)))
          (memory 1) (data (i32.const 8) "gr\\c3\\bc\\c3\\9fe") (data (i32.const 32) "bytes")
          (func (export "mix") (result f64)
            (call $mix (i32.const -1) (i64.const -2) (f32.const 1.5) (f64.const -2.5) (i32.const 1)
              (i32.const 8) (i32.const 7) (i32.const 32) (i32.const 5)))
          (func (export "long") (param i64) (result i64) (call $long (local.get 0)))
          (func (export "float") (param f32) (result f32) (call $float (local.get 0)))
          (func (export "not") (param i32) (result i32) (call $not (local.get 0))))
        """;
    try (Spirit spirit = load(engine, text, all)) {
      assertEquals(0.5, spirit.call("mix"));
      assertEquals(List.of(-1, -2L, 1.5f, -2.5, true, "grüße", "bytes"), seen);
      assertEquals((1L << 40) + 1, spirit.call("long", 1L << 40));
      assertEquals(-3f, spirit.call("float", -1.5f));
      assertEquals(0, spirit.call("not", 7));
      assertEquals(1, spirit.call("not", 0));
    }
  }

  private static final String GREETED =
      """
      (module (import "loa:greeter" "greet" (func $greet (param i32 i32) (result i64)))
        (memory (export "memory") 1)
        (func (export "greet") (param i32 i32) (result i64)
          (call $greet (local.get 0) (local.get 1)))
        ALLOCATOR)
      """;

  private static final Loa GREETER =
      Loa.named("greeter", "1.0.0")
          .function(
              "greet",
              String.class,
              String.class,
              name -> name.equals("nobody") ? null : "Hello, " + name + "!")
          .build();

  interface Greeter {
    String greet(String name);
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void textsAreAnsweredInTheGuestsOwnMemory(String engine) {
    for (String allocator : List.of("", Guests.ALLOC)) {
      try (Spirit spirit = load(engine, GREETED.replace("ALLOCATOR", allocator), GREETER)) {
        Greeter greeter = spirit.as(Greeter.class);
        assertEquals("Hello, Ada!", greeter.greet("Ada"));
        assertEquals("Hello, Grace!", greeter.greet("Grace"));
        assertEquals(0L, spirit.call("greet", "nobody"));
        assertEquals(0, spirit.memory().blocks());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void withoutAnAllocatorAnAnswerIsThereUntilTheNextCall(String engine) {
    String text =
        """
        (module (import "loa:greeter" "greet" (func $greet (param i32 i32) (result i64)))
          (memory (export "memory") 1)
          (func (export "last") (param i32 i32) (result i32) (local $packed i64)
            (local.set $packed (call $greet (local.get 0) (local.get 1)))
            ;; another one must not lie on it
            (drop (call $greet (local.get 0) (local.get 1)))
            (i32.load8_u
              (i32.add
                (i32.wrap_i64 (i64.shr_u (local.get $packed) (i64.const 32)))
                (i32.sub (i32.wrap_i64 (local.get $packed)) (i32.const 1)))))
          (func (export "pages") (result i32) (memory.size)))
        """;
    try (Spirit spirit = load(engine, text, GREETER)) {
      for (int i = 0; i < 5_000; i++) {
        assertEquals((int) '!', spirit.call("last", "Ada"));
      }
      assertEquals(2, spirit.call("pages"), "what was answered is given back");
      assertEquals(0, spirit.memory().blocks());
    }
  }

  record Order(long number, int pieces, String name) {}

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aFunctionMayUseTheMemoryOfItsCaller(String engine) {
    List<Order> orders = new ArrayList<>();
    Loa shop =
        Loa.named("shop", "1.0.0")
            .function(
                "order",
                MemoryManager.class,
                int.class,
                int.class,
                (memory, pointer) -> {
                  orders.add(memory.readGene(pointer, Order.class));
                  int answer = memory.alloc(GeneLayout.of(Order.class));
                  memory.writeGene(answer, new Order(8, 1, "done"));
                  return answer;
                })
            .build();
    String text =
        """
        (module (import "loa:shop" "order" (func $order (param i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "order") (param i32) (result i32) (call $order (local.get 0))))
        """;
    try (Spirit spirit = load(engine, text, shop)) {
      MemoryManager memory = spirit.memory();
      int pointer = memory.alloc(GeneLayout.of(Order.class));
      memory.writeGene(pointer, new Order(1L << 33, 3, "screws"));
      int answer = (Integer) spirit.call("order", pointer);
      assertEquals(List.of(new Order(1L << 33, 3, "screws")), orders);
      assertEquals(new Order(8, 1, "done"), memory.readGene(answer, Order.class));
      memory.free(answer);
      memory.free(pointer);
      assertEquals(0, memory.blocks());
    }
  }

  // Annotated

  @LoaService(name = "store", version = "2.1.0")
  interface Store {
    @LoaFunction
    int put(String key, long value);

    @LoaFunction("get-value")
    long get(String key);

    void clear();
  }

  private static final class MapStore implements Store {
    private final Map<String, Long> values = new HashMap<>();

    @Override
    public int put(String key, long value) {
      values.put(key, value);
      return values.size();
    }

    @Override
    public long get(String key) {
      return values.getOrDefault(key, -1L);
    }

    @Override
    public void clear() {
      values.clear();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void anAnnotatedInterfaceIsALoa(String engine) {
    Loa store = Loa.of(new MapStore());
    assertEquals("store 2.1.0", store.toString());
    assertEquals(Set.of("put", "get-value"), store.capabilities());
    assertEquals("(i32, i32, i64) -> i32", store.functions().get("put").toString());
    String text =
        """
        (module
          (import "loa:store@2" "put" (func $put (param i32 i32 i64) (result i32)))
          (import "loa:store@2.1.0" "get-value" (func $get (param i32 i32) (result i64)))
          (memory 1)
          (func (export "put") (param i32 i32 i64) (result i32)
            (call $put (local.get 0) (local.get 1) (local.get 2)))
          (func (export "get") (param i32 i32) (result i64)
            (call $get (local.get 0) (local.get 1))))
        """;
    try (Spirit spirit = load(engine, text, store)) {
      assertEquals(1, spirit.call("put", "a", 7L));
      assertEquals(2, spirit.call("put", "b", 8L));
      assertEquals(7L, spirit.call("get", "a"));
      assertEquals(-1L, spirit.call("get", "c"));
    }
  }

  @LoaService(name = "empty")
  private static final class NoFunctions {}

  @LoaService(name = "lists")
  interface ListsOfTexts {
    @LoaFunction
    List<String> sorted(List<String> texts);
  }

  @Test
  void whatDoesNotCrossIsForCallersByName() throws Exception {
    ListsOfTexts lists = texts -> texts.stream().sorted().toList();
    Loa loa = Loa.of(lists);
    assertEquals(List.of("a", "b"), loa.call("sorted", List.of("b", "a")));
    assertEquals("[java.util.List<java.lang.String>]", loa.parameters("sorted").toString());
    assertEquals(Map.of(), loa.functions());
    fails(ErrorCode.LOA_INVALID, () -> loa.parameters("other"));
    String detail =
        fails(
                ErrorCode.MODULE_UNKNOWN_IMPORT,
                () ->
                    load(
                        WASMTIME,
                        "(module (import \"loa:lists\" \"sorted\" (func (param i32 i32))))",
                        loa))
            .detail();
    assertTrue(detail.contains("process(\"lists.sorted\""), detail);
  }

  @Test
  void whatIsNoLoaIsRefused() {
    fails(ErrorCode.LOA_INVALID, () -> Loa.of("a text"));
    fails(ErrorCode.LOA_INVALID, () -> Loa.of(new NoFunctions()));
    fails(ErrorCode.LOA_INVALID, () -> Loa.named("", "1.0.0"));
    fails(ErrorCode.LOA_INVALID, () -> Loa.named("a:b", "1.0.0"));
    fails(ErrorCode.LOA_INVALID, () -> Loa.named("a", "1.0"));
    fails(ErrorCode.LOA_INVALID, () -> Loa.named("a", "01.0.0"));
    fails(ErrorCode.LOA_INVALID, () -> Loa.named("a", "1.0.0").build());
    Loa.Builder builder = Loa.named("a", "1.0.0").supplier("f", int.class, () -> 1);
    fails(ErrorCode.LOA_INVALID, () -> builder.supplier("f", int.class, () -> 1));
    fails(ErrorCode.LOA_INVALID, () -> builder.capabilities("g").build());
    fails(
        ErrorCode.LOA_INVALID,
        () -> builder.function("h", Collections.nCopies(101, int.class), int.class, a -> 1));
  }

  // Failures

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whatAFunctionThrowsEndsTheCall(String engine) {
    IOException cause = new IOException("no network");
    Loa failing =
        Loa.named("http", "1.0.0")
            .function(
                "fetch",
                List.of(),
                int.class,
                arguments -> {
                  throw cause;
                })
            .function(
                "refuse",
                List.of(),
                int.class,
                arguments -> {
                  throw new VudoException(ErrorCode.NOT_FOUND, "nothing there");
                })
            .function("lie", List.of(), int.class, arguments -> "a text")
            .build();
    for (String function : List.of("fetch", "refuse", "lie")) {
      String text =
          """
          (module (import "loa:http" "NAME" (func $f (result i32)))
            (func (export "f") (result i32) (call $f)))
          """
              .replace("NAME", function);
      try (Spirit spirit = load(engine, text, failing)) {
        VudoException failure =
            fails(
                function.equals("refuse") ? ErrorCode.NOT_FOUND : ErrorCode.LOA_FAILED,
                () -> spirit.call("f"));
        if (function.equals("fetch")) {
          assertSame(cause, failure.getCause());
          assertTrue(failure.detail().contains("http 1.0.0, fetch"), failure.detail());
        }
        fails(ErrorCode.SPIRIT_FAILED, () -> spirit.call("f"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aPointerOutsideOfMemoryIsTheGuestsTrap(String engine) {
    Loa log = Loa.named("log", "1.0.0").procedure("log", String.class, text -> {}).build();
    String text =
        """
        (module (import "loa:log" "log" (func $log (param i32 i32))) (memory 1)
          (data (i32.const 0) "\\ff")
          (func (export "log") (param i32 i32) (call $log (local.get 0) (local.get 1))))
        """;
    int[][] outside = {{65536, 1}, {65535, 2}, {-1, 1}, {0, -1}, {0, 65537}};
    for (int[] range : outside) {
      try (Spirit spirit = load(engine, text, log)) {
        spirit.call("log", 65535, 0);
        spirit.call("log", 1, 65535);
        fails(ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS, () -> spirit.call("log", range[0], range[1]));
      }
    }
    try (Spirit spirit = load(engine, text, log)) {
      fails(ErrorCode.ARGUMENT_INVALID, () -> spirit.call("log", 0, 1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aFunctionMustNotCallWhoWaitsForIt(String engine) {
    AtomicReference<Spirit> first = new AtomicReference<>();
    AtomicReference<Spirit> second = new AtomicReference<>();
    Loa back =
        Loa.named("back", "1.0.0")
            .supplier("self", int.class, () -> (Integer) first.get().call("one"))
            .supplier("other", int.class, () -> (Integer) second.get().call("around"))
            .build();
    String text =
        """
        (module
          (import "loa:back" "self" (func $self (result i32)))
          (import "loa:back" "other" (func $other (result i32)))
          (func (export "one") (result i32) (i32.const 1))
          (func (export "around") (result i32) (call $self))
          (func (export "other") (result i32) (call $other)))
        """;
    for (String call : List.of("around", "other")) {
      try (Spirit one = load(engine, text, back);
          Spirit two = load(engine, text, back)) {
        first.set(one);
        second.set(two);
        assertEquals(1, two.call("around"), "another Spirit may be called");
        fails(ErrorCode.SPIRIT_BUSY, () -> one.call(call));
      }
    }
  }

  // Which Loa an import is of

  private static String importing(String module, String function) {
    return "(module (import \"%s\" \"%s\" (func $f (result i32))) (func (export \"f\") (result i32) (call $f)))"
        .formatted(module, function);
  }

  private static Object answer(LoaRegistry registry, String module) {
    try (Spirit spirit = Spirit.load(wasm(importing(module, "answer")), on(JVM).loas(registry))) {
      return spirit.call("f");
    }
  }

  @Test
  void anImportNamesALoaAndPerhapsItsVersion() {
    LoaRegistry registry =
        registry(
            numbered("a", "1.2.0", 120),
            numbered("a", "1.10.0", 1100),
            numbered("a", "2.0.0-beta.2", 192),
            numbered("a", "2.0.0-beta.11", 1911),
            numbered("b", "0.1.0", 10));
    assertEquals(1100, answer(registry, "loa:a"), "the highest release");
    assertEquals(1100, answer(registry, "loa:a@1"));
    assertEquals(120, answer(registry, "loa:a@1.2"));
    assertEquals(120, answer(registry, "loa:a@1.2.0"));
    assertEquals(192, answer(registry, "loa:a@2.0.0-beta.2"));
    assertEquals(10, answer(registry, "loa:b"));
    for (String module : List.of("loa:c", "loa:a@3", "loa:a@1.1", "loa:a@2", "loa:")) {
      VudoException failure =
          fails(ErrorCode.MODULE_UNKNOWN_IMPORT, () -> answer(registry, module));
      assertTrue(failure.detail().contains("a 1.10.0"), failure.detail());
    }
    registry.register(numbered("a", "2.0.0", 200));
    assertEquals(200, answer(registry, "loa:a"));
    assertEquals("2.0.0", registry.find("a").orElseThrow().version());
    assertEquals("1.10.0", registry.find("a", "1").orElseThrow().version());
    LoaRegistry young = registry(numbered("a", "0.1.0-a", 1), numbered("a", "0.1.0-a.1", 2));
    assertEquals(2, answer(young, "loa:a"), "without a release the highest of what there is");
  }

  @Test
  void modulesOfDolNameTheFunctionOnly() {
    LoaRegistry registry = registry(numbered("a", "1.0.0", 1), numbered("a", "2.0.0", 2));
    assertEquals(2, answer(registry, "loa"));
    assertEquals(2, answer(registry, "vudo"));
    registry.register(numbered("b", "1.0.0", 3));
    VudoException both = fails(ErrorCode.MODULE_UNKNOWN_IMPORT, () -> answer(registry, "loa"));
    assertTrue(both.detail().contains("loa:a"), both.detail());
    fails(ErrorCode.MODULE_UNKNOWN_IMPORT, () -> answer(LoaRegistry.empty(), "loa"));
  }

  @Test
  void aGuestGetsWhatIsDeclaredAndNothingElse() {
    Loa loa =
        Loa.named("http", "1.0.0")
            .supplier("fetch", int.class, () -> 1)
            .supplier("secret", int.class, () -> 2)
            .capabilities("fetch")
            .build();
    LoaRegistry registry = registry(loa);
    try (Spirit spirit =
        Spirit.load(wasm(importing("loa:http", "fetch")), on(JVM).loas(registry))) {
      assertEquals(1, spirit.call("f"));
    }
    VudoException denied =
        fails(
            ErrorCode.CAPABILITY_DENIED,
            () -> Spirit.load(wasm(importing("loa:http", "secret")), on(JVM).loas(registry)));
    assertTrue(denied.detail().contains("fetch"), denied.detail());
    fails(
        ErrorCode.MODULE_UNKNOWN_IMPORT,
        () -> Spirit.load(wasm(importing("loa", "secret")), on(JVM).loas(registry)));
    fails(
        ErrorCode.MODULE_UNKNOWN_IMPORT,
        () -> Spirit.load(wasm(importing("loa:http", "post")), on(JVM).loas(registry)));
    String otherType = importing("loa:http", "fetch").replace("i32", "i64");
    fails(ErrorCode.MODULE_IMPORT_TYPE, () -> Spirit.load(wasm(otherType), on(JVM).loas(registry)));
  }

  // The registry

  @Test
  void aNameAndVersionIsRegisteredOnce() {
    LoaRegistry registry = registry(numbered("a", "1.0.0", 1));
    Loa same = numbered("a", "1.0.0", 2);
    fails(ErrorCode.LOA_EXISTS, () -> registry.register(same));
    assertEquals(1, answer(registry, "loa:a"));
    assertTrue(registry.unregister("a", "1.0.0"));
    assertFalse(registry.unregister("a", "1.0.0"));
    assertTrue(registry.find("a").isEmpty());
    registry.register(same);
    registry.register(numbered("a", "1.0.1", 3));
    assertEquals("[a 1.0.0, a 1.0.1]", registry.list().toString());
  }

  @Test
  void aSpiritKeepsTheLoaItWasLoadedWith() {
    LoaRegistry registry = registry(numbered("a", "1.0.0", 1));
    try (Spirit spirit = Spirit.load(wasm(importing("loa:a", "answer")), on(JVM).loas(registry))) {
      registry.register(numbered("a", "2.0.0", 2));
      registry.unregister("a", "1.0.0");
      assertEquals(1, spirit.call("f"));
      assertEquals(2, answer(registry, "loa:a"));
    }
  }

  // What every registry has

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void coreIsThereFromTheStart(String engine) {
    assertEquals("[core 1.0.0]", new LoaRegistry().list().toString());
    String text =
        """
        (module
          (import "loa" "vudo_print" (func $print (param i32 i32)))
          (import "vudo" "vudo_println" (func $println (param i32 i32)))
          (import "loa:core" "vudo_now" (func $now (result i64)))
          (import "loa" "vudo_random" (func $random (result f64)))
          (import "loa" "vudo_alloc" (func $alloc (param i32) (result i32)))
          (memory (export "memory") 1) (data (i32.const 8) "Hi Ada")
          (func (export "print")
            (call $print (i32.const 8) (i32.const 3)) (call $println (i32.const 11) (i32.const 3)))
          (func (export "now") (result i64) (call $now))
          (func (export "random") (result f64) (call $random))
          (func (export "take") (param i32) (result i32) (call $alloc (local.get 0))))
        """;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    Loa core = Loa.core(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try (Spirit spirit = load(engine, text, core)) {
      spirit.call("print");
      assertEquals("Hi Ada", printed.toString(StandardCharsets.UTF_8).strip());
      long before = System.currentTimeMillis();
      long now = (Long) spirit.call("now");
      assertTrue(before <= now && now <= System.currentTimeMillis(), "now is " + now);
      double random = (Double) spirit.call("random");
      assertTrue(random >= 0 && random < 1, "random is " + random);
      int first = (Integer) spirit.call("take", 10);
      int second = (Integer) spirit.call("take", 10);
      assertEquals(first + 16, second);
      spirit.memory().free(first);
    }
  }
}
