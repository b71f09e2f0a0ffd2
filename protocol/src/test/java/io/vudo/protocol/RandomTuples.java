package io.vudo.protocol;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Tuples and templates from a seed, with a liking for the edges of the encodings. */
final class RandomTuples {
  private static final long[] EDGES = {
    0,
    1,
    -1,
    -32,
    -33,
    127,
    128,
    -128,
    -129,
    255,
    256,
    32_767,
    -32_768,
    -32_769,
    65_535,
    65_536,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    Integer.MIN_VALUE - 1L,
    0xFFFF_FFFFL,
    0x1_0000_0000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };
  private static final double[] FLOATS = {
    0.0,
    -0.0,
    1.0,
    Double.NaN,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    Double.MIN_VALUE,
    Double.MAX_VALUE,
    1e21,
    0.1
  };
  private static final int[] LENGTHS = {0, 1, 15, 31, 32, 33, 255, 256, 257, 511, 512, 513, 65_536};

  private final Random random;

  RandomTuples(long seed) {
    this.random = new Random(seed);
  }

  Tuple tuple() {
    return tuple(1 + random.nextInt(4));
  }

  private Tuple tuple(int levels) {
    List<Field> fields = new ArrayList<>();
    int arity = random.nextInt(20) == 0 ? 15 + random.nextInt(3) : 1 + random.nextInt(6);
    for (int i = 0; i < arity; i++) {
      fields.add(field(levels));
    }
    return new Tuple(fields);
  }

  /** A field, which is not a tuple. */
  Field field() {
    return field(1);
  }

  private Field field(int levels) {
    return switch (random.nextInt(levels > 1 ? 8 : 7)) {
      case 0 -> Field.Null.NULL;
      case 1 -> Field.Bool.of(random.nextBoolean());
      case 2 -> Field.Int64.of(EDGES[random.nextInt(EDGES.length)]);
      case 3 -> Field.Int64.of(random.nextLong() >> random.nextInt(64));
      case 4 ->
          new Field.Float64(
              random.nextBoolean()
                  ? FLOATS[random.nextInt(FLOATS.length)]
                  : Double.longBitsToDouble(random.nextLong()));
      case 5 -> new Field.Text(text());
      case 6 -> new Field.Bytes(bytes());
      default -> tuple(levels - 1);
    };
  }

  Template template() {
    return template(tuple());
  }

  /** A template that matches {@code tuple}: some of its fields are opened. */
  Template template(Tuple tuple) {
    return new Template(
        tuple.fields().stream()
            .map(
                field ->
                    switch (random.nextInt(5)) {
                      case 0 -> Template.ANY;
                      case 1 -> new Template.Typed(field.type());
                      case 2 -> predicate(field);
                      default ->
                          field instanceof Tuple nested
                              ? new Template.Nested(template(nested))
                              : new Template.Exact(field);
                    })
            .toList());
  }

  /** A predicate that {@code field} matches. */
  private Template.Slot predicate(Field field) {
    List<Template.Slot> all = new ArrayList<>();
    all.add(new Template.Predicate(Template.Operator.EQUAL, field));
    all.add(new Template.Predicate(Template.Operator.NOT_EQUAL, Tuple.of("no", field)));
    List<Field> some = new ArrayList<>(tuple().fields());
    some.set(random.nextInt(some.size()), field);
    all.add(new Template.Predicate(Template.Operator.IN, new Tuple(some)));
    boolean ordered = field.type() != FieldType.NULL && field.type() != FieldType.TUPLE;
    if (ordered && !field.equals(new Field.Float64(Double.NaN))) {
      all.add(new Template.Predicate(Template.Operator.LESS_OR_EQUAL, field));
      all.add(new Template.Predicate(Template.Operator.GREATER_OR_EQUAL, field));
    }
    if (field instanceof Field.Text text) {
      int half = text.value().offsetByCodePoints(0, codePoints(text.value()) / 2);
      Field start = new Field.Text(text.value().substring(0, half));
      all.add(new Template.Predicate(Template.Operator.STARTS_WITH, start));
    }
    if (field instanceof Field.Bytes bytes) {
      Field start = new Field.Bytes(Arrays.copyOf(bytes.value(), bytes.length() / 2));
      all.add(new Template.Predicate(Template.Operator.STARTS_WITH, start));
    }
    return all.get(random.nextInt(all.size()));
  }

  private static int codePoints(String text) {
    return text.codePointCount(0, text.length());
  }

  private String text() {
    int length = length();
    StringBuilder text = new StringBuilder();
    int[] alphabet = {'a', '"', '\\', 0, '\n', 'é', 'ß', '中', '\uFFFF', 0x1F600, 0x10FFFF};
    boolean ascii = random.nextBoolean();
    for (int i = 0; i < length; i++) {
      text.appendCodePoint(ascii ? 'x' : alphabet[random.nextInt(alphabet.length)]);
    }
    return text.toString();
  }

  private byte[] bytes() {
    byte[] bytes = new byte[length()];
    random.nextBytes(bytes);
    return bytes;
  }

  private int length() {
    return random.nextInt(4) == 0
        ? LENGTHS[random.nextInt(random.nextInt(20) == 0 ? LENGTHS.length : LENGTHS.length - 1)]
        : random.nextInt(12);
  }
}
