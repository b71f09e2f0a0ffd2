package io.vudo.protocol;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An ordered list of fields: what a tuplespace stores.
 *
 * <pre>{@code
 * Tuple job = Tuple.of("job", 7, 2.5, true, null, Tuple.of("retries", 0));
 * }</pre>
 *
 * <p>A tuple has {@value #MIN_ARITY} to {@value #MAX_ARITY} fields, at most {@value #MAX_BYTES}
 * bytes in its canonical MessagePack encoding, and at most {@value #MAX_LEVELS} levels of tuples
 * within tuples, a flat tuple being one level. A {@code Tuple} that exists keeps all of these.
 * Nested tuples have a field at least, too.
 *
 * <p>Equality is that of the fields ({@link Field}). Tuples are immutable and safe to share between
 * threads.
 */
public final class Tuple implements Field {
  public static final int MIN_ARITY = 1;
  public static final int MAX_ARITY = 1_000;
  public static final int MAX_BYTES = 1 << 20;
  public static final int MAX_LEVELS = 32;

  private final List<Field> fields;
  private final int encodedBytes;
  private final int levels;
  private final int hash;

  /**
   * A tuple of these fields, which are copied.
   *
   * @throws VudoException {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public Tuple(List<? extends Field> fields) {
    checkArity(fields.size(), "");
    this.fields = List.copyOf(fields);
    int deepest = 0;
    long length = arrayHeaderBytes(fields.size());
    for (Field field : this.fields) {
      length += field.encodedBytes();
      if (field instanceof Tuple nested) {
        deepest = Math.max(deepest, nested.levels);
      }
    }
    this.levels = checkLevels(deepest + 1, "");
    this.encodedBytes = checkBytes(length);
    this.hash = this.fields.hashCode();
  }

  /**
   * A tuple of Java values, each turned into a field by {@link Field#of}.
   *
   * @throws VudoException {@code TUPLE_INVALID} with the position of the value, {@code
   *     TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public static Tuple of(Object... values) {
    List<Field> fields = new ArrayList<>(values.length);
    for (int i = 0; i < values.length; i++) {
      try {
        fields.add(Field.of(values[i]));
      } catch (VudoException e) {
        throw new VudoException(e.code(), "Field " + i + ": " + e.detail(), e);
      }
    }
    return new Tuple(fields);
  }

  /** The fields, in order; unmodifiable. */
  public List<Field> fields() {
    return fields;
  }

  /** The field at {@code index}, which counts from 0. */
  public Field field(int index) {
    return fields.get(index);
  }

  /** How many fields. */
  public int arity() {
    return fields.size();
  }

  /** How many levels of tuples within tuples; a flat tuple has 1. */
  public int levels() {
    return levels;
  }

  @Override
  public FieldType type() {
    return FieldType.TUPLE;
  }

  @Override
  public long encodedBytes() {
    return encodedBytes;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Tuple tuple
        && hash == tuple.hash
        && encodedBytes == tuple.encodedBytes
        && fields.equals(tuple.fields);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  /** The JSON form, cut when it is long. */
  @Override
  public String toString() {
    return cut(TupleJson.write(this));
  }

  static String cut(String text) {
    return text.length() > 200 ? text.substring(0, 200) + "…" : text;
  }

  static int arrayHeaderBytes(int size) {
    return size < 16 ? 1 : size < 1 << 16 ? 3 : 5;
  }

  static int checkArity(int arity, String position) {
    if (arity < MIN_ARITY || arity > MAX_ARITY) {
      throw new VudoException(
          ErrorCode.TUPLE_ARITY, position + "Got " + Integer.toUnsignedString(arity) + " fields.");
    }
    return arity;
  }

  static int checkLevels(int levels, String position) {
    if (levels > MAX_LEVELS) {
      throw new VudoException(
          ErrorCode.TUPLE_TOO_DEEP, position + "Got more than " + MAX_LEVELS + " levels.");
    }
    return levels;
  }

  static int checkBytes(long length) {
    if (length > MAX_BYTES) {
      throw new VudoException(ErrorCode.TUPLE_TOO_LARGE, "Got " + length + " bytes.");
    }
    return (int) length;
  }

  /** For the decoders, which know where in the input they are. */
  static String position(int[] path, int depth) {
    StringBuilder text = new StringBuilder("Field ");
    Arrays.stream(path, 0, depth).forEach(i -> text.append(i).append('.'));
    text.setLength(text.length() - 1);
    return text.append(": ").toString();
  }
}
