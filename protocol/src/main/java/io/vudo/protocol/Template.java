package io.vudo.protocol;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a reader or taker asks for: a tuple some of whose fields are left open.
 *
 * <pre>{@code
 * Template anyJob = Template.of("job", FieldType.INT, Template.ANY);
 * anyJob.matches(Tuple.of("job", 7, "payload")); // true
 * anyJob.matches(Tuple.of("job", 7.0, "payload")); // false: a float is no int
 *
 * Template bigJob = Template.of("job", Template.where(">", 10), Template.ANY);
 * }</pre>
 *
 * <p>A template matches tuples of its own arity only. Each slot is a value, a type, any value, a
 * {@link Predicate}, or a template again for a nested tuple. The limits of a {@link Tuple} hold for
 * templates as well. Templates are immutable and safe to share between threads.
 */
public final class Template {
  /** The slot that any field matches. */
  public static final Slot ANY = AnySlot.ANY;

  /** What one field has to be. */
  public sealed interface Slot permits Exact, AnySlot, Typed, Predicate, Nested {
    /** Whether {@code field} is what this slot asks for. */
    boolean matches(Field field);
  }

  /** Matches the fields that equal {@code value}. */
  public record Exact(Field value) implements Slot {
    public Exact {
      Objects.requireNonNull(value);
    }

    @Override
    public boolean matches(Field field) {
      return value.equals(field);
    }
  }

  /** Matches every field; use {@link Template#ANY}. */
  public enum AnySlot implements Slot {
    ANY;

    @Override
    public boolean matches(Field field) {
      return true;
    }
  }

  /** Matches the fields of one type. */
  public record Typed(FieldType type) implements Slot {
    public Typed {
      Objects.requireNonNull(type);
    }

    @Override
    public boolean matches(Field field) {
      return field.type() == type;
    }
  }

  /** How a {@link Predicate} compares a field with its operand. */
  public enum Operator {
    /** The field equals the operand ({@link Field}); the same as the operand as a value. */
    EQUAL("="),
    /** The field does not equal the operand. A field of another type does not, so it matches. */
    NOT_EQUAL("!="),
    LESS("<"),
    LESS_OR_EQUAL("<="),
    GREATER(">"),
    GREATER_OR_EQUAL(">="),
    /** The field equals one of the fields of the operand, which is a tuple. */
    IN("in"),
    /** The operand, a string or bytes, is how the field begins. */
    STARTS_WITH("startsWith");

    private static final Operator[] OPERATORS = values();

    private final String text;

    Operator(String text) {
      this.text = text;
    }

    /** The operator as people and guests write it. */
    public String text() {
      return text;
    }

    /**
     * The operator of this text.
     *
     * @throws VudoException {@code PREDICATE_INVALID}, listing those there are
     */
    public static Operator ofText(String text) {
      for (Operator operator : OPERATORS) {
        if (operator.text.equals(text)) {
          return operator;
        }
      }
      throw new VudoException(
          ErrorCode.PREDICATE_INVALID,
          "There is no operator \""
              + (text.length() > 40 ? text.substring(0, 40) + "…" : text)
              + "\"; there are "
              + Arrays.stream(OPERATORS).map(Operator::text).collect(Collectors.joining(", "))
              + ".");
    }
  }

  /**
   * Matches the fields that an operator holds for, compared with an operand.
   *
   * <p>{@code =}, {@code !=} and {@code in} go by the equality of a {@link Field} and take operands
   * of every type; {@code in} takes a tuple of 1 to 1,000 values. So the int 1 is not the float
   * 1.0, 0.0 is not -0.0, and NaN equals NaN.
   *
   * <p>{@code <}, {@code <=}, {@code >} and {@code >=} compare within the type of the operand; a
   * field of another type does not match. Operands are:
   *
   * <pre>
   * bool     false is less than true
   * int      signed
   * float    as IEEE 754: nothing compares with NaN, and 0.0 and -0.0 are neither less nor greater
   * string   by code points, which is the order of the bytes of UTF-8; no folding, no locale
   * bytes    lexicographic, each from 0 to 255
   * </pre>
   *
   * <p>{@code startsWith} takes a string, for strings, or bytes, for bytes; the empty ones are how
   * every string and all bytes begin.
   */
  public static final class Predicate implements Slot {
    private static final Field[] NO_VALUES = {};
    private static final int[] NO_HASHES = {};

    private final Operator operator;
    private final Field operand;
    // For "in": its values and their hashes in the order of the hashes, so that a tuple costs a
    // binary search. A hash table would cost a waiting template much more than its encoding has.
    private final Field[] values;
    private final int[] hashes;

    /**
     * The predicate of this operator and operand.
     *
     * @throws VudoException {@code PREDICATE_INVALID} when the operator does not take the operand
     */
    public Predicate(Operator operator, Field operand) {
      this.operator = Objects.requireNonNull(operator);
      this.operand = Objects.requireNonNull(operand);
      checkOperand(operator, operand.type());
      if (operator == Operator.IN) {
        values = ((Tuple) operand).fields().toArray(Field[]::new);
        Arrays.sort(values, Comparator.comparingInt(Field::hashCode));
        hashes = Arrays.stream(values).mapToInt(Field::hashCode).toArray();
      } else {
        values = NO_VALUES;
        hashes = NO_HASHES;
      }
    }

    private static void checkOperand(Operator operator, FieldType type) {
      String wanted =
          switch (operator) {
            case EQUAL, NOT_EQUAL -> "";
            case LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL ->
                FieldOrder.isOrdered(type) ? "" : "a bool, int, float, string or bytes";
            case IN -> type == FieldType.TUPLE ? "" : "a tuple of the values";
            case STARTS_WITH ->
                type == FieldType.STRING || type == FieldType.BYTES ? "" : "a string or bytes";
          };
      if (!wanted.isEmpty()) {
        throw new VudoException(
            ErrorCode.PREDICATE_INVALID,
            "\"" + operator.text() + "\" takes " + wanted + ", got " + type.text() + ".");
      }
    }

    public Operator operator() {
      return operator;
    }

    public Field operand() {
      return operand;
    }

    @Override
    public boolean matches(Field field) {
      return switch (operator) {
        case EQUAL -> operand.equals(field);
        case NOT_EQUAL -> !operand.equals(field);
        case LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL ->
            FieldOrder.holds(field, operator, operand);
        case IN -> isOneOfValues(field);
        case STARTS_WITH -> FieldOrder.startsWith(field, operand);
      };
    }

    private boolean isOneOfValues(Field field) {
      int hash = field.hashCode();
      int found = Arrays.binarySearch(hashes, hash);
      // The search ends anywhere among equal hashes.
      for (int i = found; i >= 0 && hashes[i] == hash; i--) {
        if (values[i].equals(field)) {
          return true;
        }
      }
      for (int i = found + 1; found >= 0 && i < hashes.length && hashes[i] == hash; i++) {
        if (values[i].equals(field)) {
          return true;
        }
      }
      return false;
    }

    /** The length of the payload: an array of the operator and the operand. */
    long payloadBytes() {
      return Tuple.arrayHeaderBytes(2) + 1L + operator.text().length() + operand.encodedBytes();
    }

    /** The payload is a level, and so is each level of the operand. */
    int levels() {
      return 1 + levelsOf(operand);
    }

    /** The value that a field must have to match; empty when more than one value matches. */
    private Optional<Field> onlyValue() {
      if (operator == Operator.IN && values.length == 1) {
        return Optional.of(values[0]);
      }
      return operator == Operator.EQUAL ? Optional.of(operand) : Optional.empty();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Predicate predicate
          && operator == predicate.operator
          && operand.equals(predicate.operand);
    }

    @Override
    public int hashCode() {
      return 31 * operator.hashCode() + operand.hashCode();
    }

    @Override
    public String toString() {
      return operator.text() + " " + operand;
    }
  }

  /** Matches the nested tuples that {@code template} matches. */
  public record Nested(Template template) implements Slot {
    public Nested {
      Objects.requireNonNull(template);
    }

    @Override
    public boolean matches(Field field) {
      return field instanceof Tuple tuple && template.matches(tuple);
    }
  }

  private final List<Slot> slots;
  private final int encodedBytes;
  private final int levels;
  private final int[] exactPositions;

  /**
   * A template of these slots, which are copied. What only one value matches is kept as that {@link
   * Exact} value, so equal templates have one form and an index sees the value: a nested template
   * without an open slot, {@code =}, and {@code in} with one value.
   *
   * @throws VudoException {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public Template(List<? extends Slot> slots) {
    Tuple.checkArity(slots.size(), "");
    List<Slot> kept = new ArrayList<>(slots.size());
    int deepest = 0;
    long length = Tuple.arrayHeaderBytes(slots.size());
    for (Slot given : slots) {
      Slot slot = onlyValue(given).<Slot>map(Exact::new).orElse(given);
      kept.add(slot);
      if (slot instanceof Exact exact) {
        length += exact.value().encodedBytes();
        deepest = Math.max(deepest, levelsOf(exact.value()));
      } else if (slot instanceof Predicate predicate) {
        length += TupleCodec.extensionBytes(predicate.payloadBytes());
        deepest = Math.max(deepest, predicate.levels());
      } else if (slot instanceof Nested nested) {
        length += nested.template().encodedBytes;
        deepest = Math.max(deepest, nested.template().levels);
      } else {
        length += TupleCodec.WILDCARD_BYTES;
      }
    }
    this.slots = List.copyOf(kept);
    this.exactPositions =
        IntStream.range(0, kept.size()).filter(i -> kept.get(i) instanceof Exact).toArray();
    this.levels = Tuple.checkLevels(deepest + 1, "");
    this.encodedBytes = Tuple.checkBytes(length);
  }

  /**
   * A template of Java values: {@link #ANY}, {@link #where} or another {@link Slot} as it is, a
   * {@link FieldType} for a typed slot, a {@link Template} for a nested one, everything else exact
   * as {@link Field#of} takes it.
   *
   * @throws VudoException {@code TEMPLATE_INVALID} with the position of the value, {@code
   *     TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public static Template of(Object... values) {
    List<Slot> slots = new ArrayList<>(values.length);
    for (int i = 0; i < values.length; i++) {
      Object value = values[i];
      if (value instanceof Slot slot) {
        slots.add(slot);
      } else if (value instanceof FieldType type) {
        slots.add(new Typed(type));
      } else if (value instanceof Template template) {
        slots.add(new Nested(template));
      } else {
        try {
          slots.add(new Exact(Field.of(value)));
        } catch (VudoException e) {
          throw new VudoException(ErrorCode.TEMPLATE_INVALID, "Field " + i + ": " + e.detail(), e);
        }
      }
    }
    return new Template(slots);
  }

  /**
   * A slot that compares: {@code Template.of("job", Template.where(">", 10))}.
   *
   * @param operator the text of an {@link Operator}
   * @param operand as {@link Field#of} takes it; for {@code in} a {@link Tuple}
   * @throws VudoException {@code PREDICATE_INVALID}
   */
  public static Slot where(String operator, Object operand) {
    Operator known = Operator.ofText(operator);
    try {
      return new Predicate(known, Field.of(operand));
    } catch (VudoException e) {
      throw new VudoException(ErrorCode.PREDICATE_INVALID, e.detail(), e);
    }
  }

  private static Optional<Field> onlyValue(Slot slot) {
    if (slot instanceof Predicate predicate) {
      return predicate.onlyValue();
    }
    return slot instanceof Nested nested
        ? nested.template().asTuple().map(Field.class::cast)
        : Optional.empty();
  }

  private static int levelsOf(Field field) {
    return field instanceof Tuple tuple ? tuple.levels() : 0;
  }

  /** The template that matches the tuples equal to {@code tuple}. */
  public static Template exactly(Tuple tuple) {
    return new Template(tuple.fields().stream().map(Exact::new).toList());
  }

  /** The slots, in order; unmodifiable. */
  public List<Slot> slots() {
    return slots;
  }

  /** How many fields a tuple must have to match. */
  public int arity() {
    return slots.size();
  }

  /** The length of the canonical MessagePack encoding, in bytes. */
  public long encodedBytes() {
    return encodedBytes;
  }

  /** The value that a first field must have; empty when the first slot is open. */
  public Optional<Field> exactFirstField() {
    return slots.get(0) instanceof Exact exact ? Optional.of(exact.value()) : Optional.empty();
  }

  /**
   * The positions, ascending and from 0, of the {@link Exact} slots: where an index can look a
   * matching tuple up by value. A copy; it was computed when the template was made.
   */
  public int[] exactPositions() {
    return exactPositions.clone();
  }

  /** Whether {@code tuple} has this arity and each of its fields matches its slot. */
  public boolean matches(Tuple tuple) {
    if (tuple.arity() != slots.size()) {
      return false;
    }
    for (int i = 0; i < slots.size(); i++) {
      if (!slots.get(i).matches(tuple.field(i))) {
        return false;
      }
    }
    return true;
  }

  private Optional<Tuple> asTuple() {
    List<Field> fields = new ArrayList<>(slots.size());
    for (Slot slot : slots) {
      if (!(slot instanceof Exact exact)) {
        return Optional.empty();
      }
      fields.add(exact.value());
    }
    return Optional.of(new Tuple(fields));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Template template && slots.equals(template.slots);
  }

  @Override
  public int hashCode() {
    return slots.hashCode();
  }

  /** The JSON form, cut when it is long. */
  @Override
  public String toString() {
    return Tuple.cut(TupleJson.write(this));
  }
}
