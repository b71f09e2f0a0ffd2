package io.vudo.spirit;

import static io.vudo.spirit.Modules.call;
import static io.vudo.spirit.Modules.instance;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bits of every NaN are determined: canonical from arithmetic, else as they were. */
class CanonicalNanTest {
  private static final long NAN32 = 0x7fc0_0000L;
  private static final long NAN64 = 0x7ff8_0000_0000_0000L;

  private static Engine engine;

  @BeforeAll
  static void start() {
    engine = new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
  }

  @AfterAll
  static void stop() {
    engine.close();
  }

  // A program is a tree that writes itself as text and computes in Java what it shall do.

  private static final int LOCALS = 4;
  private static final int CELLS = 8;

  /** Locals of both widths, memory and a global; floats are bits. */
  private static final class State {
    final long[] wide = new long[LOCALS];
    final long[] narrow = new long[LOCALS];
    final ByteBuffer memory = ByteBuffer.allocate(8 * CELLS).order(ByteOrder.LITTLE_ENDIAN);
    long global;
  }

  private interface Value {
    long of(State state);
  }

  private record Expression(String text, Value value) {}

  private interface Effect {
    void on(State state);
  }

  private record Statement(String text, Effect effect) {}

  private static double real(boolean wide, long bits) {
    return wide ? Double.longBitsToDouble(bits) : Float.intBitsToFloat((int) bits);
  }

  /** The result of arithmetic: its NaN is canonical. */
  private static long rounded(boolean wide, double value) {
    if (Double.isNaN(value)) {
      return wide ? NAN64 : NAN32;
    }
    return wide
        ? Double.doubleToRawLongBits(value)
        : Float.floatToRawIntBits((float) value) & 0xffff_ffffL;
  }

  private static double truncate(double x) {
    return x < 0 ? Math.ceil(x) : Math.floor(x);
  }

  private static final class Generator {
    private final Random random;
    private int counters;

    Generator(Random random) {
      this.random = random;
    }

    private static String type(boolean wide) {
      return wide ? "f64" : "f32";
    }

    private Expression binary(boolean wide, int depth, String name, DoubleBinaryOperator operator) {
      Expression a = expression(wide, depth);
      Expression b = expression(wide, depth);
      return new Expression(
          "(" + type(wide) + "." + name + " " + a.text + " " + b.text + ")",
          state -> {
            long left = a.value.of(state);
            long right = b.value.of(state);
            return rounded(wide, operator.applyAsDouble(real(wide, left), real(wide, right)));
          });
    }

    private Expression unary(boolean wide, int depth, String name, DoubleUnaryOperator operator) {
      Expression a = expression(wide, depth);
      return new Expression(
          "(" + type(wide) + "." + name + " " + a.text + ")",
          state -> rounded(wide, operator.applyAsDouble(real(wide, a.value.of(state)))));
    }

    private Expression bits(boolean wide, int depth, String name, Value mask, boolean exclusive) {
      Expression a = expression(wide, depth);
      return new Expression(
          "(" + type(wide) + "." + name + " " + a.text + ")",
          state ->
              exclusive ? a.value.of(state) ^ mask.of(state) : a.value.of(state) & mask.of(state));
    }

    private Expression constant(boolean wide) {
      long[] all =
          wide
              ? new long[] {
                0,
                1L << 63,
                0x7ff0_0000_0000_0000L,
                0xfff0_0000_0000_0000L,
                NAN64,
                0x7ff4_0000_0000_beefL,
                0xfff8_0000_0000_0001L,
                Double.doubleToRawLongBits(-1.5)
              }
              : new long[] {
                0,
                1L << 31,
                0x7f80_0000L,
                0xff80_0000L,
                NAN32,
                0x7fa0_1234L,
                0xffc0_0001L,
                Float.floatToRawIntBits(2.5f)
              };
      long bits = all[random.nextInt(all.length)];
      double real = real(wide, bits);
      String text;
      if (Double.isNaN(real)) {
        long payload = bits & (wide ? 0xf_ffff_ffff_ffffL : 0x7f_ffffL);
        boolean negative = bits >>> (wide ? 63 : 31) != 0;
        text = (negative ? "-" : "") + "nan:0x" + Long.toHexString(payload);
      } else {
        text = Double.isInfinite(real) ? (real > 0 ? "inf" : "-inf") : Double.toString(real);
      }
      return new Expression("(" + type(wide) + ".const " + text + ")", state -> bits);
    }

    private String local(boolean wide, int index) {
      return (wide ? "$d" : "$s") + index;
    }

    private static long[] locals(boolean wide, State state) {
      return wide ? state.wide : state.narrow;
    }

    Expression expression(boolean wide, int depth) {
      if (depth == 0) {
        if (random.nextInt(3) == 0) {
          return constant(wide);
        }
        int index = random.nextInt(LOCALS);
        return new Expression(
            "(local.get " + local(wide, index) + ")", state -> locals(wide, state)[index]);
      }
      int less = depth - 1;
      long sign = wide ? 1L << 63 : 1L << 31;
      String type = type(wide);
      return switch (random.nextInt(24)) {
        case 0, 1 -> binary(wide, less, "add", Double::sum);
        case 2, 3 -> binary(wide, less, "sub", (a, b) -> a - b);
        case 4, 5 -> binary(wide, less, "mul", (a, b) -> a * b);
        case 6 -> binary(wide, less, "div", (a, b) -> a / b);
        case 7 -> binary(wide, less, "min", Math::min);
        case 8 -> binary(wide, less, "max", Math::max);
        case 9 -> unary(wide, less, "sqrt", Math::sqrt);
        case 10 -> unary(wide, less, "nearest", Math::rint);
        case 11 ->
            random.nextBoolean()
                ? unary(wide, less, "floor", Math::floor)
                : unary(wide, less, "ceil", Math::ceil);
        case 12 -> unary(wide, less, "trunc", CanonicalNanTest::truncate);
        case 13 -> bits(wide, less, "abs", state -> ~sign, false);
        case 14 -> bits(wide, less, "neg", state -> sign, true);
        case 15 -> {
          Expression a = expression(wide, less);
          Expression b = expression(wide, less);
          yield new Expression(
              "(" + type + ".copysign " + a.text + " " + b.text + ")",
              state -> (a.value.of(state) & ~sign) | (b.value.of(state) & sign));
        }
        case 16, 17 -> {
          Expression a = expression(!wide, less);
          yield new Expression(
              "(" + (wide ? "f64.promote_f32 " : "f32.demote_f64 ") + a.text + ")",
              state -> rounded(wide, real(!wide, a.value.of(state))));
        }
        case 18 -> {
          Expression a = expression(wide, less);
          Expression b = expression(wide, less);
          Expression c = condition(less);
          yield new Expression(
              "(select " + a.text + " " + b.text + " " + c.text + ")",
              state -> {
                long first = a.value.of(state);
                long second = b.value.of(state);
                return c.value.of(state) != 0 ? first : second;
              });
        }
        case 19, 20 -> {
          int index = random.nextInt(LOCALS);
          Expression a = expression(wide, less);
          yield new Expression(
              "(local.tee " + local(wide, index) + " " + a.text + ")",
              state -> locals(wide, state)[index] = a.value.of(state));
        }
        case 21 -> {
          int cell = random.nextInt(CELLS);
          yield new Expression(
              "(" + type + ".load (i32.const " + 8 * cell + "))",
              state ->
                  wide
                      ? state.memory.getLong(8 * cell)
                      : state.memory.getInt(8 * cell) & 0xffff_ffffL);
        }
        case 22 -> {
          Expression a = expression(wide, less);
          String integer = wide ? "i64" : "i32";
          yield new Expression(
              "("
                  + type
                  + ".reinterpret_"
                  + integer
                  + " ("
                  + integer
                  + ".reinterpret_"
                  + type
                  + " "
                  + a.text
                  + "))",
              a.value);
        }
        default -> {
          Expression a = expression(wide, less);
          yield new Expression(
              random.nextBoolean()
                  ? "(call $id" + type + " " + a.text + ")"
                  : "(block (result " + type + ") " + a.text + ")",
              a.value);
        }
      };
    }

    private Expression condition(int depth) {
      boolean wide = random.nextBoolean();
      Expression a = expression(wide, depth);
      Expression b = expression(wide, depth);
      boolean less = random.nextBoolean();
      return new Expression(
          "(" + type(wide) + (less ? ".lt " : ".ne ") + a.text + " " + b.text + ")",
          state -> {
            double left = real(wide, a.value.of(state));
            double right = real(wide, b.value.of(state));
            return (less ? left < right : left != right) ? 1 : 0;
          });
    }

    private Statement statement(int depth) {
      boolean wide = random.nextBoolean();
      int choice = random.nextInt(depth > 0 ? 10 : 7);
      Expression a = expression(wide, 1 + random.nextInt(4));
      if (choice < 4) {
        int index = random.nextInt(LOCALS);
        return new Statement(
            "(local.set " + local(wide, index) + " " + a.text + ")",
            state -> locals(wide, state)[index] = a.value.of(state));
      }
      if (choice < 6) {
        int cell = random.nextInt(CELLS);
        return new Statement(
            "(" + type(wide) + ".store (i32.const " + 8 * cell + ") " + a.text + ")",
            state -> {
              long bits = a.value.of(state);
              if (wide) {
                state.memory.putLong(8 * cell, bits);
              } else {
                state.memory.putInt(8 * cell, (int) bits);
              }
            });
      }
      if (choice == 6) {
        Expression value = wide ? a : expression(true, 2);
        return random.nextBoolean()
            ? new Statement(
                "(global.set $g " + value.text + ")", state -> state.global = value.value.of(state))
            : new Statement("(drop " + value.text + ")", value.value::of);
      }
      Statement body = block(depth - 1);
      if (choice == 7) {
        Expression c = condition(2);
        Statement otherwise = block(depth - 1);
        return new Statement(
            "(if " + c.text + " (then " + body.text + ") (else " + otherwise.text + "))",
            state -> (c.value.of(state) != 0 ? body : otherwise).effect.on(state));
      }
      int counter = counters++;
      int rounds = 1 + random.nextInt(3);
      String name = "(global.get $c" + counter + ")";
      return new Statement(
          "(global.set $c"
              + counter
              + " (i32.const "
              + rounds
              + ")) (loop "
              + body.text
              + " (global.set $c"
              + counter
              + " (i32.sub "
              + name
              + " (i32.const 1)))"
              + " (br_if 0 "
              + name
              + "))",
          state -> {
            for (int i = 0; i < rounds; i++) {
              body.effect.on(state);
            }
          });
    }

    Statement block(int depth) {
      List<Statement> statements = new ArrayList<>();
      for (int i = 1 + random.nextInt(4); i > 0; i--) {
        statements.add(statement(depth));
      }
      return new Statement(
          statements.stream().map(Statement::text).collect(Collectors.joining("\n")),
          state -> statements.forEach(s -> s.effect.on(state)));
    }

    String module(Statement body) {
      StringBuilder text =
          new StringBuilder("(module (memory 1) (global $g (mut f64) f64.const 0)");
      for (int i = 0; i < counters; i++) {
        text.append("(global $c").append(i).append(" (mut i32) (i32.const 0))");
      }
      text.append(
          """
          (func $idf32 (param f32) (result f32) (local.get 0))
          (func $idf64 (param f64) (result f64) (local.get 0))
          (func (export "f") (param $d0 f64) (param $d1 f64) (param $s0 f32) (param $s1 f32)
            (result f64 f64 f64 f64 f32 f32 f32 f32 f64)
            (local $d2 f64) (local $d3 f64) (local $s2 f32) (local $s3 f32)
          """);
      text.append(body.text);
      for (int i = 0; i < LOCALS; i++) {
        text.append("(local.get ").append(local(true, i)).append(")");
      }
      for (int i = 0; i < LOCALS; i++) {
        text.append("(local.get ").append(local(false, i)).append(")");
      }
      return text.append("(global.get $g)))").toString();
    }
  }

  @Test
  void randomProgramsComputeWhatTheModelDoes() {
    long seed = System.nanoTime();
    int nans = 0;
    for (int program = 0; program < 150; program++) {
      String where = "seed " + seed + ", program " + program;
      Random random = new Random(seed + program);
      Generator generator = new Generator(random);
      Statement body = generator.block(2);
      String text = generator.module(body);
      long[] arguments = {
        generator.constant(true).value.of(null),
        generator.constant(true).value.of(null),
        generator.constant(false).value.of(null),
        generator.constant(false).value.of(null)
      };
      State state = new State();
      System.arraycopy(arguments, 0, state.wide, 0, 2);
      System.arraycopy(arguments, 2, state.narrow, 0, 2);
      body.effect.on(state);
      try (EngineInstance instance = instance(engine, text)) {
        long[] results = call(instance, "f", arguments);
        for (int i = 0; i < LOCALS; i++) {
          assertEquals(Long.toHexString(state.wide[i]), Long.toHexString(results[i]), where + text);
          assertEquals(
              Integer.toHexString((int) state.narrow[i]),
              Integer.toHexString((int) results[LOCALS + i]),
              where + text);
          nans += Double.isNaN(Double.longBitsToDouble(results[i])) ? 1 : 0;
        }
        assertEquals(state.global, results[2 * LOCALS], where + text);
        assertArrayEquals(state.memory.array(), instance.readMemory(0, 8 * CELLS), where + text);
      }
    }
    assertTrue(nans > 50, "only " + nans + " NaN: the programs compare too little");
  }

  @Test
  void accumulatorsAreCanonicalWhereTheyAreStored() {
    String text =
        """
        (module (memory 1)
          (func (export "f") (param $n i32) (param $x f64) (result f64)
            (local $sum f64) (local $copy f64)
            (loop
              (local.set $sum (f64.add (local.get $sum) (f64.mul (local.get $x) (f64.const 0))))
              (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.set $copy (local.get $sum))
            (f64.store (i32.const 0) (local.get $copy))
            (f64.neg (local.get $sum))))
        """;
    try (EngineInstance instance = instance(engine, text)) {
      long infinity = Double.doubleToRawLongBits(Double.POSITIVE_INFINITY);
      assertArrayEquals(new long[] {NAN64 | 1L << 63}, call(instance, "f", 10, infinity));
      assertArrayEquals(
          new byte[] {0, 0, 0, 0, 0, 0, (byte) 0xf8, 0x7f}, instance.readMemory(0, 8));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "add", "sub", "mul", "div", "min", "max", "sqrt", "ceil", "floor", "trunc", "nearest"
      })
  void vectorsAreCanonicalLaneByLane(String operation) {
    boolean binary = operation.length() == 3;
    String operands = "(v128.load (i32.const 0))" + (binary ? "(v128.load (i32.const 16))" : "");
    String text =
        """
        (module (memory 1)
          (func (export "narrow") (v128.store (i32.const 32) (f32x4.OP OPERANDS)))
          (func (export "wide") (v128.store (i32.const 32) (f64x2.OP OPERANDS)))
          (func (export "mixed")
            (v128.store (i32.const 32)
              (v128.or (v128.const i64x2 0 0) (f64x2.OP (f32x4.abs OPERANDS1) OPERANDS2)))))
        """
            .replace("OPERANDS1", "(v128.load (i32.const 0))")
            .replace("OPERANDS2", binary ? "(v128.load (i32.const 16))" : "")
            .replace("OPERANDS", operands)
            .replace("OP", operation);
    try (EngineInstance instance = instance(engine, text)) {
      ByteBuffer input = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
      input.putInt(0, 0xffc0_0001).putInt(4, 0x7fa0_0000).putFloat(8, 4f).putInt(12, 0xffff_ffff);
      input.putFloat(16, 1f).putInt(20, 0x7f80_0000).putFloat(24, 1f).putFloat(28, 2f);
      instance.writeMemory(0, input.array());
      call(instance, "narrow");
      ByteBuffer output =
          ByteBuffer.wrap(instance.readMemory(32, 16)).order(ByteOrder.LITTLE_ENDIAN);
      for (int lane : new int[] {0, 1, 3}) {
        assertEquals(NAN32, output.getInt(4 * lane), operation);
      }
      assertTrue(output.getFloat(8) > 0, operation);
      input.putLong(0, 0xfff8_0000_0000_0001L).putDouble(8, 4).putDouble(16, 1).putDouble(24, 2);
      instance.writeMemory(0, input.array());
      for (String function : List.of("wide", "mixed")) {
        call(instance, function);
        output = ByteBuffer.wrap(instance.readMemory(32, 16)).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(NAN64, output.getLong(0), operation);
        assertTrue(output.getDouble(8) > 0, operation);
      }
    }
  }

  @Test
  void aLocalKeepsTheBitsThatItWasGiven() {
    String text =
        """
        (module
          (func (export "f") (param $n i32) (result f64)
            (local $x f64)
            (local.set $x (f64.const nan:0x4000000000001))
            (block $out
              (loop
                (br_if $out (i32.eqz (local.get $n)))
                (local.set $x (f64.sub (f64.mul (local.get $x) (f64.const 0)) (f64.const inf)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br 0)))
            (local.get $x)))
        """;
    try (EngineInstance instance = instance(engine, text)) {
      assertArrayEquals(new long[] {0x7ff4_0000_0000_0001L}, call(instance, "f", 0));
      assertArrayEquals(new long[] {NAN64}, call(instance, "f", 3));
    }
  }

  @Test
  void vectorsOfAnotherShapeSeeCanonicalBits() {
    String text =
        """
        (module (memory 1)
          (func (export "f") (param i64) (result i64)
            (i64x2.extract_lane 0
              (f64x2.sqrt (f32x4.add (i64x2.splat (local.get 0)) (i64x2.splat (local.get 0))))))
          (func (export "g") (param f32 f64) (result i64 i64)
            (i64x2.extract_lane 0
              (f64x2.promote_low_f32x4 (f32x4.sqrt (f32x4.splat (local.get 0)))))
            (i64x2.extract_lane 1
              (f32x4.demote_f64x2_zero (f64x2.replace_lane 0 (v128.const i64x2 0 0)
                (local.get 1))))))
        """;
    try (EngineInstance instance = instance(engine, text)) {
      // The high one of two f32 is a NaN; both together are an f64 that is none.
      long pair = 0xffc0_0001L << 32 | Float.floatToRawIntBits(1f);
      double sum =
          Double.longBitsToDouble(NAN32 << 32 | (Float.floatToRawIntBits(2f) & 0xffff_ffffL));
      assertArrayEquals(
          new long[] {Double.doubleToRawLongBits(Math.sqrt(sum))}, call(instance, "f", pair));
      long negative = Float.floatToRawIntBits(-1f) & 0xffff_ffffL;
      long[] results = call(instance, "g", negative, 0xfff8_0000_0000_0001L);
      assertArrayEquals(new long[] {NAN64, 0}, results);
    }
  }
}
