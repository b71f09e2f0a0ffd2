package io.vudo.embedded;

import static io.vudo.embedded.Guests.calculator;
import static io.vudo.embedded.Guests.fails;
import static io.vudo.embedded.Guests.on;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A module's exports as methods of a Java interface. */
class SpiritInterfaceTest extends EmbeddedContract {

  interface Calculator {
    int add(int left, int right);

    long addLong(long left, long right);

    float half(float value);

    double square(double value);

    void nothing();

    int countCalls();

    boolean isEven(int value);

    int twoWays();

    Object both(Integer first, Long second);

    @Export("Point.norm")
    long norm(long x, long y);

    default int addAll(int... values) {
      int sum = 0;
      for (int value : values) {
        sum = add(sum, value);
      }
      return sum;
    }

    static int answer() {
      return 42;
    }

    @Override
    String toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void methodsCallExports(String engine) {
    try (Spirit spirit = Spirit.load(calculator(engine), on(engine))) {
      Calculator calculator = spirit.as(Calculator.class);
      assertEquals(3, calculator.add(1, 2));
      assertEquals(1L << 41, calculator.addLong(1L << 40, 1L << 40));
      assertEquals(0.75f, calculator.half(1.5f));
      assertEquals(6.25, calculator.square(-2.5));
      calculator.nothing();
      assertEquals(1, calculator.countCalls());
      assertTrue(calculator.isEven(4));
      assertFalse(calculator.isEven(5));
      assertEquals(7L, calculator.norm(3, 4));
      assertEquals(1, calculator.twoWays(), "the method's own name comes first");
      assertEquals(List.of(2L, 1), calculator.both(1, 2L));
    }
  }

  @Test
  void defaultMethodsRunAndCallTheOthers() {
    try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM))) {
      assertEquals(10, spirit.as(Calculator.class).addAll(1, 2, 3, 4));
      assertEquals(42, Calculator.answer());
    }
  }

  @Test
  void methodsOfObjectWork() {
    try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM))) {
      Calculator one = spirit.as(Calculator.class);
      Calculator other = spirit.as(Calculator.class);
      Calculator same = one;
      assertEquals(one, same);
      assertNotEquals(one, other);
      assertEquals(one.hashCode(), one.hashCode());
      assertTrue(one.toString().startsWith("Calculator of Spirit "), one.toString());
    }
  }

  interface Wider {
    long add(short left, byte right);

    double half(float value);

    double square(int value);

    long addLong(int left, boolean right);
  }

  @Test
  void whatJavaWidensIsWidened() {
    try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM))) {
      Wider wider = spirit.as(Wider.class);
      assertEquals(3L, wider.add((short) 1, (byte) 2));
      assertEquals(0.5, wider.half(1));
      assertEquals(9.0, wider.square(3));
      assertEquals(6L, wider.addLong(5, true));
    }
  }

  interface Texts {
    int length(String text);

    String echo(String text);

    byte[] hello();

    String none();
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void textsCrossInBothDirections(String engine) {
    try (Spirit spirit = Spirit.load(Guests.texts(""), on(engine))) {
      Texts texts = spirit.as(Texts.class);
      assertEquals(3, texts.length("€"));
      assertEquals("grüß Gott", texts.echo("grüß Gott"));
      assertArrayEquals("hello".getBytes(StandardCharsets.UTF_8), texts.hello());
      assertNull(texts.none());
    }
  }

  interface Missing {
    int subtract(int left, int right);
  }

  interface WrongParameter {
    int add(int left, long right);
  }

  interface TooFew {
    int add(int left);
  }

  interface TooMany {
    int add(int left, int middle, int right);
  }

  interface WrongResult {
    int square(double value);
  }

  interface DropsTheResult {
    void add(int left, int right);
  }

  interface WantsAResult {
    int nothing();
  }

  interface NarrowResult {
    float square(double value);
  }

  @Test
  void typesAreCheckedWhenTheInterfaceIsTaken() {
    try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM))) {
      assertTrue(refused(spirit, Missing.class).contains("subtract"));
      String detail = refused(spirit, WrongParameter.class);
      assertTrue(detail.contains("WrongParameter.add(int,long)"), detail);
      assertTrue(detail.contains("export add (i32, i32) -> i32"), detail);
      refused(spirit, TooFew.class);
      refused(spirit, TooMany.class);
      refused(spirit, WrongResult.class);
      refused(spirit, DropsTheResult.class);
      refused(spirit, WantsAResult.class);
      refused(spirit, NarrowResult.class);
      assertTrue(refused(spirit, String.class).contains("no interface"));
      assertEquals(3, spirit.call("add", 1, 2));
    }
  }

  private static String refused(Spirit spirit, Class<?> contract) {
    VudoException failure = fails(ErrorCode.INTERFACE_MISMATCH, () -> spirit.as(contract));
    return failure.detail();
  }

  interface Faulty {
    int divide(int left, int right);

    int add(int left, int right);
  }

  @Test
  void methodsThrowWhatCallsThrow() {
    try (Spirit spirit = Spirit.load(calculator(JVM), on(JVM))) {
      Faulty faulty = spirit.as(Faulty.class);
      fails(ErrorCode.TRAP_DIVISION_BY_ZERO, () -> faulty.divide(1, 0));
      fails(ErrorCode.SPIRIT_FAILED, () -> faulty.add(1, 2));
    }
  }
}
