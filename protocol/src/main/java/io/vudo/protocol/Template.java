package io.vudo.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What a reader or taker asks for: a tuple some of whose fields are left open.
 *
 * <pre>{@code
 * Template anyJob = Template.of("job", FieldType.INT, Template.ANY);
 * anyJob.matches(Tuple.of("job", 7, "payload")); // true
 * anyJob.matches(Tuple.of("job", 7.0, "payload")); // false: a float is no int
 * }</pre>
 *
 * <p>A template matches tuples of its own arity only. Each slot is a value, a type, any value, or a
 * template again for a nested tuple. The limits of a {@link Tuple} hold for templates as well.
 * Templates are immutable and safe to share between threads.
 */
public final class Template {
  /** The slot that any field matches. */
  public static final Slot ANY = AnySlot.ANY;

  /** What one field has to be. */
  public sealed interface Slot permits Exact, AnySlot, Typed, Nested {
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
   * A template of these slots, which are copied. A nested template without an open slot is kept as
   * the tuple that it is, so equal templates have one form.
   *
   * @throws VudoException {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public Template(List<? extends Slot> slots) {
    Tuple.checkArity(slots.size(), "");
    List<Slot> kept = new ArrayList<>(slots.size());
    int deepest = 0;
    long length = Tuple.arrayHeaderBytes(slots.size());
    for (Slot given : slots) {
      Slot slot = given;
      if (given instanceof Nested nested && nested.template().asTuple().isPresent()) {
        slot = new Exact(nested.template().asTuple().get());
      }
      kept.add(slot);
      if (slot instanceof Exact exact) {
        length += exact.value().encodedBytes();
        deepest = Math.max(deepest, exact.value() instanceof Tuple tuple ? tuple.levels() : 0);
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
   * A template of Java values: {@link #ANY} or another {@link Slot} as it is, a {@link FieldType}
   * for a typed slot, a {@link Template} for a nested one, everything else exact as {@link
   * Field#of} takes it.
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
