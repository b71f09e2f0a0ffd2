package io.vudo.protocol;

import java.util.Arrays;

/**
 * One field of a {@link Tuple}: null, a boolean, a 64-bit integer, a 64-bit float, a string, bytes,
 * or a tuple again.
 *
 * <p>Two fields are equal when type and value are: the integer 1 is not the float 1.0. Floats are
 * compared by their bits, so {@code 0.0} is not {@code -0.0}; every NaN is one and the same NaN and
 * equals itself. Hence two fields are equal exactly when their canonical encodings are.
 *
 * <p>Fields are immutable and safe to share between threads.
 */
public sealed interface Field
    permits Field.Null, Field.Bool, Field.Int64, Field.Float64, Field.Text, Field.Bytes, Tuple {

  /** The type that a template asks for to match this field. */
  FieldType type();

  /** The length of the canonical MessagePack encoding, in bytes. */
  long encodedBytes();

  /**
   * The field for a Java value: null, {@link Boolean}, {@link Byte}, {@link Short}, {@link Integer}
   * or {@link Long}, {@link Float} or {@link Double}, {@link String}, {@code byte[]} (copied), or a
   * field as it is.
   *
   * @throws VudoException {@code TUPLE_INVALID} for a value of any other class, and for a string
   *     that no UTF-8 can hold (an unpaired surrogate)
   */
  static Field of(Object value) {
    if (value == null) {
      return Null.NULL;
    } else if (value instanceof Field field) {
      return field;
    } else if (value instanceof Boolean flag) {
      return Bool.of(flag);
    } else if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return Int64.of(((Number) value).longValue());
    } else if (value instanceof Double || value instanceof Float) {
      return new Float64(((Number) value).doubleValue());
    } else if (value instanceof String text) {
      return new Text(text);
    } else if (value instanceof byte[] bytes) {
      return new Bytes(bytes);
    }
    throw new VudoException(
        ErrorCode.TUPLE_INVALID, "A " + value.getClass().getName() + " cannot be a field.");
  }

  /** The null field. */
  enum Null implements Field {
    NULL;

    @Override
    public FieldType type() {
      return FieldType.NULL;
    }

    @Override
    public long encodedBytes() {
      return 1;
    }

    @Override
    public String toString() {
      return "null";
    }
  }

  /** A boolean. */
  enum Bool implements Field {
    FALSE(false),
    TRUE(true);

    private final boolean value;

    Bool(boolean value) {
      this.value = value;
    }

    public static Bool of(boolean value) {
      return value ? TRUE : FALSE;
    }

    public boolean value() {
      return value;
    }

    @Override
    public FieldType type() {
      return FieldType.BOOL;
    }

    @Override
    public long encodedBytes() {
      return 1;
    }

    @Override
    public String toString() {
      return Boolean.toString(value);
    }
  }

  /** A signed 64-bit integer. */
  record Int64(long value) implements Field {
    // The values that MessagePack keeps in one byte: a tuple full of them must not cost an object
    // each, or a small encoding could fill the heap.
    private static final Int64[] SMALL = new Int64[160];

    static {
      for (int i = 0; i < SMALL.length; i++) {
        SMALL[i] = new Int64(i - 32);
      }
    }

    public static Int64 of(long value) {
      return value >= -32 && value < 128 ? SMALL[(int) value + 32] : new Int64(value);
    }

    @Override
    public FieldType type() {
      return FieldType.INT;
    }

    @Override
    public long encodedBytes() {
      if (value >= -32 && value < 1L << 7) {
        return 1;
      } else if (value >= -(1L << 7) && value < 1L << 8) {
        return 2;
      } else if (value >= -(1L << 15) && value < 1L << 16) {
        return 3;
      } else if (value >= -(1L << 31) && value < 1L << 32) {
        return 5;
      }
      return 9;
    }

    @Override
    public String toString() {
      return Long.toString(value);
    }
  }

  /** A 64-bit float. Every NaN becomes the canonical one; infinities and -0.0 are kept. */
  record Float64(double value) implements Field {
    public Float64 {
      if (Double.isNaN(value)) {
        value = Double.NaN;
      }
    }

    @Override
    public FieldType type() {
      return FieldType.FLOAT;
    }

    @Override
    public long encodedBytes() {
      return 9;
    }

    @Override
    public String toString() {
      return Double.toString(value);
    }
  }

  /** A string of Unicode characters. It is compared character by character, without folding. */
  record Text(String value) implements Field {
    /**
     * Checks that UTF-8 can hold the string.
     *
     * @throws VudoException {@code TUPLE_INVALID} for an unpaired surrogate
     */
    public Text {
      for (int i = 0; i < value.length(); i++) {
        char c = value.charAt(i);
        if (Character.isSurrogate(c)) {
          if (Character.isLowSurrogate(c)
              || i + 1 == value.length()
              || !Character.isLowSurrogate(value.charAt(i + 1))) {
            throw new VudoException(
                ErrorCode.TUPLE_INVALID, "The string has an unpaired surrogate at " + i + ".");
          }
          i++;
        }
      }
    }

    @Override
    public FieldType type() {
      return FieldType.STRING;
    }

    @Override
    public long encodedBytes() {
      long length = 0;
      for (int i = 0; i < value.length(); i++) {
        char c = value.charAt(i);
        // A surrogate is half of a character of four bytes.
        length += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
      }
      return length + (length < 32 ? 1 : length < 1 << 8 ? 2 : length < 1 << 16 ? 3 : 5);
    }

    @Override
    public String toString() {
      return value;
    }
  }

  /** A run of bytes. */
  final class Bytes implements Field {
    private final byte[] value;

    /** Copies {@code value}. */
    public Bytes(byte[] value) {
      this.value = value.clone();
    }

    /** A copy of the bytes. */
    public byte[] value() {
      return value.clone();
    }

    /** How many bytes. */
    public int length() {
      return value.length;
    }

    /** The lexicographic order of the bytes, which count from 0 to 255. */
    int compareUnsigned(Bytes other) {
      return Arrays.compareUnsigned(value, other.value);
    }

    boolean startsWith(Bytes prefix) {
      int length = prefix.value.length;
      return length <= value.length && Arrays.equals(value, 0, length, prefix.value, 0, length);
    }

    @Override
    public FieldType type() {
      return FieldType.BYTES;
    }

    @Override
    public long encodedBytes() {
      long length = value.length;
      return length + (length < 1 << 8 ? 2 : length < 1 << 16 ? 3 : 5);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Bytes bytes && Arrays.equals(value, bytes.value);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(value);
    }

    @Override
    public String toString() {
      return value.length + " bytes";
    }
  }
}
