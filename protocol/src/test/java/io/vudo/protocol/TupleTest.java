package io.vudo.protocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.ThrowingSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TupleTest {
  @Test
  void takesJavaValuesAndKeepsTheirOrder() {
    Tuple tuple = Tuple.of("job", 7, 2.5, true, null, new byte[] {1, 2}, Tuple.of("x"));

    assertEquals(
        List.of(
            FieldType.STRING,
            FieldType.INT,
            FieldType.FLOAT,
            FieldType.BOOL,
            FieldType.NULL,
            FieldType.BYTES,
            FieldType.TUPLE),
        tuple.fields().stream().map(Field::type).toList());
    assertEquals(new Field.Text("job"), tuple.field(0));
    assertEquals(2, tuple.levels());
    assertEquals(Tuple.of((byte) 1, (short) 2, 3, 1.5f), Tuple.of(1L, 2L, 3L, 1.5));
  }

  @Test
  void anIntIsNoFloat() {
    assertNotEquals(Tuple.of(1), Tuple.of(1.0));
    assertEquals(Tuple.of(1), Tuple.of(1L));
  }

  @Test
  void floatsAreComparedByTheirBitsAndEveryNaNIsOne() {
    double otherNan = Double.longBitsToDouble(0xFFF8_0000_0000_0001L);
    assertEquals(Tuple.of(Double.NaN), Tuple.of(otherNan));
    assertArrayEquals(
        TupleCodec.encode(Tuple.of(Double.NaN)), TupleCodec.encode(Tuple.of(otherNan)));
    assertNotEquals(Tuple.of(0.0), Tuple.of(-0.0));
  }

  @Test
  void bytesCannotBeChangedFromOutside() {
    byte[] given = {1, 2, 3};
    Tuple tuple = Tuple.of((Object) given);
    given[0] = 9;
    ((Field.Bytes) tuple.field(0)).value()[1] = 9;

    assertEquals(Tuple.of((Object) new byte[] {1, 2, 3}), tuple);
  }

  @Test
  void aValueOfAnotherClassIsNamedWithItsPosition() {
    VudoException e = refused(ErrorCode.TUPLE_INVALID, () -> Tuple.of(1, new Object()));
    assertTrue(e.detail().startsWith("Field 1: "), e.detail());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\uD800", "a\uDC00", "\uD800a", "\uDC00\uD800"})
  void anUnpairedSurrogateIsNoText(String text) {
    refused(ErrorCode.TUPLE_INVALID, () -> Tuple.of(text));
    refused(ErrorCode.TEMPLATE_INVALID, () -> Template.of(text));
  }

  @Test
  void arityIsOneToAThousand() {
    refused(ErrorCode.TUPLE_ARITY, Tuple::of);
    refused(ErrorCode.TUPLE_ARITY, Template::of);
    assertEquals(1_000, new Tuple(Collections.nCopies(1_000, Field.Null.NULL)).arity());
    refused(ErrorCode.TUPLE_ARITY, () -> new Tuple(Collections.nCopies(1_001, Field.Null.NULL)));
    refused(ErrorCode.TUPLE_ARITY, () -> new Template(Collections.nCopies(1_001, Template.ANY)));
  }

  @Test
  void aMebibyteIsTheMost() {
    // One byte for the array, five for the header of the bytes.
    byte[] most = new byte[Tuple.MAX_BYTES - 6];
    assertEquals(Tuple.MAX_BYTES, TupleCodec.encode(Tuple.of((Object) most)).length);
    byte[] more = new byte[most.length + 1];
    refused(ErrorCode.TUPLE_TOO_LARGE, () -> Tuple.of((Object) more));
    refused(ErrorCode.TUPLE_TOO_LARGE, () -> Template.of((Object) more));
  }

  @Test
  void thirtyTwoLevelsAreTheMost() {
    Tuple tuple = Tuple.of(1);
    Template template = Template.of(Template.ANY);
    for (int i = 1; i < Tuple.MAX_LEVELS; i++) {
      tuple = Tuple.of(tuple);
      template = Template.of(template);
    }
    Tuple deepest = tuple;
    Template deepestTemplate = template;
    assertEquals(32, deepest.levels());
    assertTrue(deepestTemplate.matches(deepest));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> Tuple.of(deepest));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> Template.of(deepest));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> Template.of(deepestTemplate));
  }

  @Test
  void aTemplateMatchesByValueByTypeOrAnything() {
    Tuple job = Tuple.of("job", 7, 2.5, null);

    assertTrue(Template.exactly(job).matches(job));
    assertTrue(Template.of("job", 7, 2.5, null).matches(job));
    assertTrue(
        Template.of(FieldType.STRING, FieldType.INT, FieldType.FLOAT, FieldType.NULL).matches(job));
    assertTrue(Template.of(Template.ANY, Template.ANY, Template.ANY, Template.ANY).matches(job));

    assertFalse(Template.of("job", 8, 2.5, null).matches(job));
    assertFalse(Template.of("job", 7.0, 2.5, null).matches(job), "a float is no int");
    assertFalse(Template.of("job", FieldType.FLOAT, 2.5, null).matches(job));
    assertFalse(Template.of("job", 7, 2.5).matches(job), "fewer fields");
    assertFalse(Template.of("job", 7, 2.5, null, Template.ANY).matches(job), "more fields");
  }

  @Test
  void aTypedSlotMatchesItsTypeOnly() {
    Object[] values = {null, true, 1, 1.0, "s", new byte[0], Tuple.of(1)};
    for (int wanted = 0; wanted < values.length; wanted++) {
      FieldType type = FieldType.ofCode(wanted);
      for (int given = 0; given < values.length; given++) {
        assertEquals(
            wanted == given,
            Template.of(type).matches(Tuple.of(values[given])),
            type + " against " + values[given]);
      }
    }
  }

  @Test
  void templatesNest() {
    Template template = Template.of("move", Template.of(FieldType.INT, Template.of(Template.ANY)));

    assertTrue(template.matches(Tuple.of("move", Tuple.of(1, Tuple.of("x")))));
    assertFalse(template.matches(Tuple.of("move", Tuple.of(1.0, Tuple.of("x")))));
    assertFalse(template.matches(Tuple.of("move", Tuple.of(1, Tuple.of("x", "y")))));
    assertFalse(template.matches(Tuple.of("move", 1)));
    assertEquals(
        Template.of("a", Tuple.of(1, 2)),
        Template.of("a", Template.of(1, 2)),
        "a nested template without an open slot is a value");
  }

  @Test
  void everyTemplateMadeFromATupleMatchesIt() {
    long seed = System.nanoTime();
    RandomTuples random = new RandomTuples(seed);
    for (int i = 0; i < 2_000; i++) {
      Tuple tuple = random.tuple();
      Template template = random.template(tuple);
      assertTrue(template.matches(tuple), () -> "seed " + seed + ": " + template + " " + tuple);
    }
  }

  @Test
  void onlyAnExactFirstSlotIsAnExactFirstField() {
    assertEquals(new Field.Text("a"), Template.of("a", Template.ANY).exactFirstField().get());
    assertTrue(Template.of(Template.ANY, "a").exactFirstField().isEmpty());
    assertTrue(Template.of(FieldType.STRING).exactFirstField().isEmpty());
  }

  @Test
  void theExactPositionsAreThoseOfTheValues() {
    Template template = Template.of(Template.ANY, "a", FieldType.INT, Tuple.of(1), Template.of(2));
    assertArrayEquals(new int[] {1, 3, 4}, template.exactPositions());
    template.exactPositions()[0] = 9;
    assertArrayEquals(new int[] {1, 3, 4}, template.exactPositions(), "a copy is given out");
    assertEquals(0, Template.of(Template.ANY, Template.of(FieldType.INT)).exactPositions().length);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jobs",
        "J",
        "a1_-.",
        "x234567890123456789012345678901234567890123456789012345678901234"
      })
  void namesOfSpaces(String name) {
    assertEquals(name, SpaceName.check(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "1jobs",
        "_",
        "a b",
        "a/b",
        "a|b",
        "é",
        "a\n",
        "x2345678901234567890123456789012345678901234567890123456789012345"
      })
  void whatIsNoNameOfASpace(String name) {
    refused(ErrorCode.SPACE_NAME_INVALID, () -> SpaceName.check(name));
  }

  static VudoException refused(ErrorCode code, ThrowingSupplier<?> action) {
    VudoException e = assertThrows(VudoException.class, action::get);
    assertEquals(code, e.code(), e.getMessage());
    return e;
  }
}
