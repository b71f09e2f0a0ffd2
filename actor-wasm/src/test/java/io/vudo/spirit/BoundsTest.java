package io.vudo.spirit;

import static io.vudo.spirit.Modules.admit;
import static io.vudo.spirit.Modules.fails;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** docs/limits.md: what is exactly as large as its bound is admitted, what is one larger is not. */
class BoundsTest {
  private static final int TYPE = 1;
  private static final int IMPORT = 2;
  private static final int FUNCTION = 3;
  private static final int TABLE = 4;
  private static final int MEMORY = 5;
  private static final int GLOBAL = 6;
  private static final int EXPORT = 7;
  private static final int ELEMENT = 9;
  private static final int CODE = 10;
  private static final int DATA = 11;

  private static final byte[] NO_PARAMETERS = {0x60, 0, 0};
  private static final byte[] EMPTY_BODY = {2, 0, 0x0b};
  private static final byte[] ONE_PAGE = {0, 1};
  private static final byte[] EMPTY_TABLE = {0x70, 0, 0};

  /** Bytes to add to. */
  private static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Bytes add(int... values) {
      for (int value : values) {
        out.write(value);
      }
      return this;
    }

    Bytes add(byte[] bytes) {
      out.writeBytes(bytes);
      return this;
    }

    Bytes number(int value) {
      int rest = value;
      while (rest >>> 7 != 0) {
        out.write((rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      out.write(rest);
      return this;
    }

    Bytes name(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      return number(utf8.length).add(utf8);
    }

    Bytes section(int id, byte[] content) {
      return add(id).number(content.length).add(content);
    }

    byte[] toArray() {
      return out.toByteArray();
    }
  }

  private static Bytes module() {
    return new Bytes().add(0, 'a', 's', 'm', 1, 0, 0, 0);
  }

  /** The content of a section: so many of something. */
  private static byte[] vector(int count, IntFunction<byte[]> element) {
    Bytes bytes = new Bytes().number(count);
    for (int i = 0; i < count; i++) {
      bytes.add(element.apply(i));
    }
    return bytes.toArray();
  }

  private static byte[] vector(int count, byte[] element) {
    return vector(count, i -> element);
  }

  /** One function of no parameters, with this body. */
  private static byte[] oneFunction(byte[] instructions) {
    byte[] body = new Bytes().add(0).add(instructions).add(0x0b).toArray();
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(FUNCTION, vector(1, new byte[] {0}))
        .section(CODE, vector(1, new Bytes().number(body.length).add(body).toArray()))
        .toArray();
  }

  private static byte[] repeated(int count, int... bytes) {
    Bytes all = new Bytes();
    for (int i = 0; i < count; i++) {
      all.add(bytes);
    }
    return all.toArray();
  }

  private static byte[] types(int count) {
    return module().section(TYPE, vector(count, NO_PARAMETERS)).toArray();
  }

  private static byte[] parameters(int count) {
    return module()
        .section(
            TYPE,
            vector(1, new Bytes().add(0x60).add(vector(count, new byte[] {0x7f})).add(0).toArray()))
        .toArray();
  }

  private static byte[] results(int count) {
    return module()
        .section(
            TYPE,
            vector(1, new Bytes().add(0x60, 0).add(vector(count, new byte[] {0x7f})).toArray()))
        .toArray();
  }

  private static byte[] imports(int count) {
    byte[] one = new Bytes().name("test").name("nothing").add(0, 0).toArray();
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(IMPORT, vector(count, one))
        .toArray();
  }

  private static byte[] functions(int count) {
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(FUNCTION, vector(count, new byte[] {0}))
        .section(CODE, vector(count, EMPTY_BODY))
        .toArray();
  }

  private static byte[] tables(int count) {
    return module().section(TABLE, vector(count, EMPTY_TABLE)).toArray();
  }

  private static byte[] globals(int count) {
    return module().section(GLOBAL, vector(count, new byte[] {0x7f, 0, 0x41, 0, 0x0b})).toArray();
  }

  private static byte[] exports(int count) {
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(FUNCTION, vector(1, new byte[] {0}))
        .section(EXPORT, vector(count, i -> new Bytes().name("f" + i).add(0, 0).toArray()))
        .section(CODE, vector(1, EMPTY_BODY))
        .toArray();
  }

  private static byte[] nameOf(int bytes) {
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(FUNCTION, vector(1, new byte[] {0}))
        .section(EXPORT, vector(1, new Bytes().name("n".repeat(bytes)).add(0, 0).toArray()))
        .section(CODE, vector(1, EMPTY_BODY))
        .toArray();
  }

  private static byte[] elementSegments(int count) {
    return module()
        .section(TABLE, vector(1, EMPTY_TABLE))
        .section(ELEMENT, vector(count, new byte[] {0, 0x41, 0, 0x0b, 0}))
        .toArray();
  }

  private static byte[] dataSegments(int count) {
    return module()
        .section(MEMORY, vector(1, ONE_PAGE))
        .section(DATA, vector(count, new byte[] {0, 0x41, 0, 0x0b, 0}))
        .toArray();
  }

  /** Its size is that of the body: the locals' count, the instructions and the end. */
  private static byte[] bodyOf(int bytes) {
    return oneFunction(repeated(bytes - 2, 1));
  }

  private static byte[] locals(int count) {
    byte[] body = new Bytes().add(1).number(count).add(0x7f, 0x0b).toArray();
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(FUNCTION, vector(1, new byte[] {0}))
        .section(CODE, vector(1, new Bytes().number(body.length).add(body).toArray()))
        .toArray();
  }

  private static byte[] branchTargets(int count) {
    return oneFunction(
        new Bytes().add(0x41, 0, 0x0e).add(vector(count, new byte[] {0})).add(0).toArray());
  }

  private static byte[] functionGlobals(int count) {
    return module()
        .section(TYPE, vector(1, NO_PARAMETERS))
        .section(FUNCTION, vector(1, new byte[] {0}))
        .section(TABLE, vector(1, new byte[] {0x70, 0, 1}))
        .section(GLOBAL, vector(count, new byte[] {0x70, 1, (byte) 0xd0, 0x70, 0x0b}))
        .section(CODE, vector(1, new byte[] {8, 0, 0x41, 0, (byte) 0xd0, 0x70, 0x26, 0, 0x0b}))
        .toArray();
  }

  /** The function itself is one of them, and what follows each empty loop is not. */
  private static byte[] basicBlocks(int count) {
    return oneFunction(repeated(count - 1, 0x03, 0x40, 0x0b));
  }

  private static byte[] nestedLoops(int count) {
    return oneFunction(
        new Bytes().add(repeated(count, 0x03, 0x40)).add(repeated(count, 0x0b)).toArray());
  }

  /** The function itself is one of them. */
  private static byte[] nestedBlocks(int count) {
    return oneFunction(
        new Bytes().add(repeated(count - 1, 0x02, 0x40)).add(repeated(count - 1, 0x0b)).toArray());
  }

  private static byte[] memoryPages(int count) {
    return module()
        .section(MEMORY, vector(1, new Bytes().add(0).number(count).toArray()))
        .toArray();
  }

  private static byte[] tableEntries(int count) {
    return module()
        .section(TABLE, vector(1, new Bytes().add(0x70, 0).number(count).toArray()))
        .toArray();
  }

  static Stream<Arguments> bounds() {
    return Stream.of(
        bound("types", 50_000, BoundsTest::types),
        bound("parameters", 200, BoundsTest::parameters),
        bound("results", 100, BoundsTest::results),
        bound("imports", 1_000, BoundsTest::imports),
        bound("functions", 100_000, BoundsTest::functions),
        bound("tables", 32, BoundsTest::tables),
        bound("globals", 10_000, BoundsTest::globals),
        bound("mutable funcref globals", 8_000, BoundsTest::functionGlobals),
        bound("exports", 10_000, BoundsTest::exports),
        bound("bytes of a name", 10_000, BoundsTest::nameOf),
        bound("element segments", 10_000, BoundsTest::elementSegments),
        bound("data segments", 100_000, BoundsTest::dataSegments),
        bound("bytes of function", 1 << 20, BoundsTest::bodyOf),
        bound("basic blocks of function", 20_000, BoundsTest::basicBlocks),
        bound("nested loops", 200, BoundsTest::nestedLoops),
        bound("locals", 49_000, BoundsTest::locals),
        bound("targets of br_table", 50_000, BoundsTest::branchTargets),
        bound("initial pages of memory", 1_024, BoundsTest::memoryPages),
        bound("initial entries of the tables", 100_000, BoundsTest::tableEntries));
  }

  private static Arguments bound(String what, int most, IntFunction<byte[]> module) {
    return Arguments.of(what, most, module);
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("bounds")
  void oneMoreThanTheBoundIsRefused(String what, int most, IntFunction<byte[]> module) {
    byte[] largest = module.apply(most);
    assertDoesNotThrow(() -> admit(largest, SpiritLimits.DEFAULTS));
    byte[] larger = module.apply(most + 1);
    VudoException refusal =
        fails(ErrorCode.MODULE_LIMIT_EXCEEDED, () -> admit(larger, SpiritLimits.DEFAULTS));
    assertTrue(refusal.detail().contains(what), refusal.detail());
    assertTrue(refusal.detail().contains((most + 1) + "; the limit is " + most), refusal.detail());
  }

  @Test
  void nestingIsBounded() {
    assertDoesNotThrow(() -> admit(nestedBlocks(10_000), SpiritLimits.DEFAULTS));
    VudoException refusal =
        fails(
            ErrorCode.MODULE_LIMIT_EXCEEDED,
            () -> admit(nestedBlocks(10_001), SpiritLimits.DEFAULTS));
    assertTrue(refusal.detail().contains("nested blocks"), refusal.detail());
  }

  @Test
  void whatAModuleCostsToCompileIsBounded() {
    byte[] body = new Bytes().add(0).add(repeated(19_999, 0x03, 0x40, 0x0b)).add(0x0b).toArray();
    IntFunction<byte[]> module =
        count ->
            module()
                .section(TYPE, vector(1, NO_PARAMETERS))
                .section(FUNCTION, vector(count, new byte[] {0}))
                .section(CODE, vector(count, new Bytes().number(body.length).add(body).toArray()))
                .toArray();
    assertDoesNotThrow(() -> admit(module.apply(5), SpiritLimits.DEFAULTS));
    VudoException refusal =
        fails(ErrorCode.MODULE_LIMIT_EXCEEDED, () -> admit(module.apply(6), SpiritLimits.DEFAULTS));
    assertTrue(refusal.detail().contains("of all functions, squared"), refusal.detail());
  }
}
