package io.vudo.protocol;

/**
 * The order of two fields of one type, and prefixes: what the predicates of a template compare by.
 *
 * <p>There is no order across types, none of nulls and tuples, and none with NaN.
 */
final class FieldOrder {
  private FieldOrder() {}

  /** Whether {@link #holds} can be true of fields of this type. */
  static boolean isOrdered(FieldType type) {
    return switch (type) {
      case BOOL, INT, FLOAT, STRING, BYTES -> true;
      case NULL, TUPLE -> false;
    };
  }

  /** Whether {@code left operator right}, where the operator is one of the four of an order. */
  static boolean holds(Field left, Template.Operator operator, Field right) {
    if (left instanceof Field.Float64 a && right instanceof Field.Float64 b) {
      // Not Double.compare: it orders NaN and puts -0.0 below 0.0.
      return holds(a.value(), operator, b.value());
    }
    int sign;
    if (left instanceof Field.Int64 a && right instanceof Field.Int64 b) {
      sign = Long.compare(a.value(), b.value());
    } else if (left instanceof Field.Text a && right instanceof Field.Text b) {
      sign = compareByCodePoint(a.value(), b.value());
    } else if (left instanceof Field.Bytes a && right instanceof Field.Bytes b) {
      sign = a.compareUnsigned(b);
    } else if (left instanceof Field.Bool a && right instanceof Field.Bool b) {
      sign = Boolean.compare(a.value(), b.value());
    } else {
      return false;
    }
    return holds(sign, operator, 0);
  }

  // An int is exact as a double, so one comparison serves for both.
  private static boolean holds(double left, Template.Operator operator, double right) {
    return switch (operator) {
      case LESS -> left < right;
      case LESS_OR_EQUAL -> left <= right;
      case GREATER -> left > right;
      case GREATER_OR_EQUAL -> left >= right;
      case EQUAL, NOT_EQUAL, IN, STARTS_WITH ->
          throw new IllegalArgumentException("not of an order: " + operator);
    };
  }

  static boolean startsWith(Field field, Field prefix) {
    if (field instanceof Field.Bytes bytes && prefix instanceof Field.Bytes start) {
      return bytes.startsWith(start);
    }
    // Strings are whole characters, so a prefix in UTF-16 is one in code points and in UTF-8.
    return field instanceof Field.Text text
        && prefix instanceof Field.Text start
        && text.value().startsWith(start.value());
  }

  /**
   * The order of the code points, which is that of the bytes of UTF-8. {@link String#compareTo}
   * orders UTF-16: it puts the characters beyond U+FFFF, whose surrogates start at U+D800, before
   * U+E000.
   */
  private static int compareByCodePoint(String left, String right) {
    int length = Math.min(left.length(), right.length());
    for (int i = 0; i < length; i++) {
      char a = left.charAt(i);
      char b = right.charAt(i);
      if (a != b) {
        boolean beyond = Character.isSurrogate(a);
        return beyond == Character.isSurrogate(b) ? Character.compare(a, b) : beyond ? 1 : -1;
      }
    }
    return Integer.compare(left.length(), right.length());
  }
}
