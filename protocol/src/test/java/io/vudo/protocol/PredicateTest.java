package io.vudo.protocol;

import static io.vudo.protocol.TupleTest.refused;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.Template.Operator;
import io.vudo.protocol.Template.Predicate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PredicateTest {
  /** Values that are near each other, or easily taken for each other. */
  private static final List<Field> POOL =
      Stream.of(
              null,
              false,
              true,
              Long.MIN_VALUE,
              -1,
              0,
              1,
              (1L << 53) + 1,
              1L << 53,
              Long.MAX_VALUE - 1,
              Long.MAX_VALUE,
              Double.NEGATIVE_INFINITY,
              -1.0,
              -0.0,
              0.0,
              Double.MIN_VALUE,
              1.0,
              Double.POSITIVE_INFINITY,
              Double.NaN,
              "",
              "a",
              "A",
              "ab",
              "Aa",
              "BB", // has the hash of "Aa"
              "é",
              "e\u0301",
              "\uD7FF",
              "\uE000",
              "\uFFFF",
              "\uD800\uDC00",
              "\uD83D\uDE00",
              "\uD83D\uDE00a",
              "\uDBFF\uDFFF",
              new byte[0],
              new byte[] {0},
              new byte[] {1},
              new byte[] {1, 0},
              new byte[] {127},
              new byte[] {-128},
              new byte[] {-1},
              "a".getBytes(UTF_8),
              Tuple.of(1),
              Tuple.of(1.0),
              Tuple.of(1, 2),
              Tuple.of(Tuple.of(1)))
          .map(Field::of)
          .toList();

  /** What the documentation says, in the most literal way. */
  private static boolean oracle(Field field, Operator operator, Field operand) {
    return switch (operator) {
      case EQUAL -> encoded(field).equals(encoded(operand));
      case NOT_EQUAL -> !encoded(field).equals(encoded(operand));
      case IN ->
          ((Tuple) operand).fields().stream().anyMatch(o -> encoded(o).equals(encoded(field)));
      case STARTS_WITH ->
          field.type() == operand.type() && content(field).startsWith(content(operand));
      case LESS -> isLess(field, operand);
      case GREATER -> isLess(operand, field);
      case LESS_OR_EQUAL -> isLess(field, operand) || isSame(field, operand);
      case GREATER_OR_EQUAL -> isLess(operand, field) || isSame(field, operand);
    };
  }

  private static boolean isLess(Field left, Field right) {
    if (left.type() != right.type()) {
      return false;
    }
    return switch (left.type()) {
      case BOOL -> left == Field.Bool.FALSE && right == Field.Bool.TRUE;
      case INT -> ((Field.Int64) left).value() < ((Field.Int64) right).value();
      case FLOAT -> ((Field.Float64) left).value() < ((Field.Float64) right).value();
      case STRING, BYTES -> content(left).compareTo(content(right)) < 0;
      case NULL, TUPLE -> throw new AssertionError("has no order");
    };
  }

  private static boolean isSame(Field left, Field right) {
    return (left instanceof Field.Float64 a && right instanceof Field.Float64 b)
        ? a.value() == b.value()
        : encoded(left).equals(encoded(right));
  }

  private static String encoded(Field field) {
    return HexFormat.of().formatHex(TupleCodec.encode(Tuple.of(field)));
  }

  /** Hexadecimal digits: they are in the order of the unsigned bytes. */
  private static String content(Field field) {
    return HexFormat.of()
        .formatHex(
            field instanceof Field.Text text
                ? text.value().getBytes(UTF_8)
                : ((Field.Bytes) field).value());
  }

  private static boolean takes(Operator operator, FieldType type) {
    return switch (operator) {
      case EQUAL, NOT_EQUAL -> true;
      case IN -> type == FieldType.TUPLE;
      case STARTS_WITH -> type == FieldType.STRING || type == FieldType.BYTES;
      case LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL ->
          type != FieldType.NULL && type != FieldType.TUPLE;
    };
  }

  @ParameterizedTest
  @EnumSource(Operator.class)
  void everyOperatorOnEveryPairOfValues(Operator operator) {
    for (Field operand : POOL) {
      if (!takes(operator, operand.type())) {
        VudoException e =
            refused(ErrorCode.PREDICATE_INVALID, () -> new Predicate(operator, operand));
        assertTrue(e.detail().startsWith("\"" + operator.text() + "\" takes a"), e.detail());
        assertTrue(e.detail().endsWith("got " + operand.type().text() + "."), e.detail());
        continue;
      }
      Predicate predicate = new Predicate(operator, operand);
      Template template = Template.of(predicate);
      for (Field field : POOL) {
        boolean wanted = oracle(field, operator, operand);
        String what = encoded(field) + " " + operator.text() + " " + encoded(operand);
        assertEquals(wanted, predicate.matches(field), what);
        assertEquals(wanted, template.matches(Tuple.of(field)), what);
        assertEquals(wanted, Template.of(template).matches(Tuple.of(Tuple.of(field))), what);
      }
    }
  }

  @Test
  void randomPredicatesAgreeWithTheOracle() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    RandomTuples tuples = new RandomTuples(seed);
    List<Operator> operators = List.of(Operator.values());
    int matched = 0;
    for (int i = 0; i < 30_000; i++) {
      List<Field> fields = new ArrayList<>();
      for (int j = 1 + random.nextInt(40); j > 0; j--) {
        fields.add(random.nextBoolean() ? POOL.get(random.nextInt(POOL.size())) : tuples.field());
      }
      Operator operator = operators.get(random.nextInt(operators.size()));
      Field field =
          random.nextInt(4) == 0 ? tuples.field() : fields.get(random.nextInt(fields.size()));
      Field operand =
          operator == Operator.IN ? new Tuple(fields) : fields.get(random.nextInt(fields.size()));
      if (!takes(operator, operand.type())) {
        continue;
      }
      Template template = Template.of(new Predicate(operator, operand), Template.ANY);
      Template read = TupleCodec.decodeTemplate(TupleCodec.encode(template));
      boolean wanted = oracle(field, operator, operand);
      matched += wanted ? 1 : 0;
      String what = "seed " + seed + ": " + encoded(field) + " " + operator + " " + operand;
      assertEquals(wanted, template.matches(Tuple.of(field, 0)), what);
      assertEquals(wanted, read.matches(Tuple.of(field, 0)), what);
      assertEquals(template, read, what);
      assertEquals(template.hashCode(), read.hashCode(), what);
    }
    assertTrue(matched > 3_000, "the test compares matches, too: " + matched);
  }

  @Test
  void whatIsOfAnotherTypeIsNotEqualAndHasNoOrder() {
    Template notFive = Template.of(Template.where("!=", 5));
    assertTrue(notFive.matches(Tuple.of("x")));
    assertTrue(notFive.matches(Tuple.of((Object) null)));
    assertTrue(notFive.matches(Tuple.of(5.0)));
    assertFalse(notFive.matches(Tuple.of(5)));
    for (String operator : List.of("<", "<=", ">", ">=")) {
      assertFalse(Template.of(Template.where(operator, 5)).matches(Tuple.of(5.0)), operator);
      assertFalse(Template.of(Template.where(operator, 5)).matches(Tuple.of("5")), operator);
    }
  }

  @Test
  void notANumberEqualsItselfAndComparesWithNothing() {
    Tuple nan = Tuple.of(Double.NaN);
    assertTrue(Template.of(Template.where("=", Double.NaN)).matches(nan));
    assertFalse(Template.of(Template.where("!=", Double.NaN)).matches(nan));
    assertTrue(Template.of(Template.where("in", Tuple.of(1, Double.NaN))).matches(nan));
    for (String operator : List.of("<", "<=", ">", ">=")) {
      assertFalse(Template.of(Template.where(operator, Double.NaN)).matches(nan), operator);
      assertFalse(Template.of(Template.where(operator, 0.0)).matches(nan), operator);
      assertFalse(Template.of(Template.where(operator, Double.NaN)).matches(Tuple.of(0.0)));
    }
  }

  @Test
  void stringsAreInTheOrderOfTheirCodePoints() {
    Template beyond = Template.of(Template.where(">", "\uFFFF"));
    assertTrue(beyond.matches(Tuple.of("\uD83D\uDE00")), "U+1F600 is after U+FFFF");
    assertFalse(beyond.matches(Tuple.of("\uE000")));
  }

  @Test
  void largeIntsAreComparedExactly() {
    Tuple most = Tuple.of(Long.MAX_VALUE);
    assertTrue(Template.of(Template.where(">", Long.MAX_VALUE - 1)).matches(most));
    assertFalse(Template.of(Template.where("<=", Long.MAX_VALUE - 1)).matches(most));
  }

  @Test
  void whatOnlyOneValueMatchesIsKeptAsThatValue() {
    assertEquals(Template.of("a", 7), Template.of(Template.where("=", "a"), 7));
    assertEquals(Template.of("a", 7), Template.of(Template.where("in", Tuple.of("a")), 7));
    assertEquals(
        Template.of("a", Tuple.of(1)), Template.of("a", Template.of(Template.where("=", 1))));
    assertEquals(
        Field.of("a"), Template.of(Template.where("=", "a"), 7).exactFirstField().orElseThrow());
    assertEquals(
        Field.of("a"),
        Template.of(Template.where("in", Tuple.of("a"))).exactFirstField().orElseThrow());
    assertTrue(Template.of(Template.where("!=", "a")).exactFirstField().isEmpty());
    assertTrue(Template.of(Template.where("in", Tuple.of("a", "b"))).exactFirstField().isEmpty());
    assertArrayEquals(
        new int[] {0, 2},
        Template.of(Template.where("=", 1), Template.where(">", 1), Template.where("=", 2))
            .exactPositions());
    assertEquals(
        Template.of("a").encodedBytes(), Template.of(Template.where("=", "a")).encodedBytes());
  }

  @Test
  void inTakesAThousandValues() {
    Object[] values = new Object[1_000];
    Arrays.setAll(values, i -> "v" + i);
    Template template = Template.of(Template.where("in", Tuple.of(values)));
    for (Object value : values) {
      assertTrue(template.matches(Tuple.of(value)), () -> "" + value);
    }
    assertFalse(template.matches(Tuple.of("v1000")));
    assertEquals(template, TupleCodec.decodeTemplate(TupleCodec.encode(template)));
    assertEquals(template, TupleJson.readTemplate(TupleJson.write(template)));
    String more = TupleJson.write(template).replace("\"v0\"", "\"v0\",0");
    VudoException e = refused(ErrorCode.PREDICATE_INVALID, () -> TupleJson.readTemplate(more));
    assertEquals("Field 0.1: A tuple as operand has 1 to 1,000 values, got 1001.", e.detail());
  }

  @Test
  void inFindsEveryValueOfOneHash() {
    List<String> same = List.of("AaAa", "BBBB", "AaBB", "BBAa");
    for (int i = 0; i < same.size(); i++) {
      List<String> others = new ArrayList<>(same);
      String left = others.remove(i);
      Template template = Template.of(Template.where("in", Tuple.of(others.toArray())));
      others.forEach(value -> assertTrue(template.matches(Tuple.of(value)), value));
      assertFalse(template.matches(Tuple.of(left)), left);
    }
  }

  @ParameterizedTest
  @CsvSource({"~, 1", "==, 1", "'', 1", "Startswith, 1", "'in ', 1"})
  void anUnknownOperatorIsNamedAndTheOthersAreListed(String operator, int operand) {
    VudoException e = refused(ErrorCode.PREDICATE_INVALID, () -> Template.where(operator, operand));
    assertEquals(
        "There is no operator \"" + operator + "\"; there are =, !=, <, <=, >, >=, in, startsWith.",
        e.detail());
  }

  @Test
  void anOperandThatIsNoFieldIsRefused() {
    refused(ErrorCode.PREDICATE_INVALID, () -> Template.where("=", new Object()));
    refused(ErrorCode.PREDICATE_INVALID, () -> Template.where("=", "\uD800"));
    refused(ErrorCode.PREDICATE_INVALID, () -> Template.where("=", Template.of(Template.ANY)));
  }
}
