package io.vudo.tuplespace.internal;

import io.vudo.protocol.Field;
import io.vudo.protocol.Tuple;
import java.util.Arrays;

/**
 * A total order of fields that agrees with their equality. It means nothing to people: it is what
 * keeps a hash table fast when somebody chose values of one and the same hash.
 */
final class KeyOrder {
  private KeyOrder() {}

  static int compare(Field a, Field b) {
    if (a.type() != b.type()) {
      return a.type().compareTo(b.type());
    } else if (a instanceof Field.Int64 one && b instanceof Field.Int64 other) {
      return Long.compare(one.value(), other.value());
    } else if (a instanceof Field.Text one && b instanceof Field.Text other) {
      return one.value().compareTo(other.value());
    } else if (a instanceof Field.Float64 one && b instanceof Field.Float64 other) {
      return Double.compare(one.value(), other.value());
    } else if (a instanceof Field.Bool one && b instanceof Field.Bool other) {
      return one.compareTo(other);
    } else if (a instanceof Field.Bytes one && b instanceof Field.Bytes other) {
      return one.length() != other.length()
          ? Integer.compare(one.length(), other.length())
          : Arrays.compare(one.value(), other.value());
    } else if (a instanceof Tuple one && b instanceof Tuple other) {
      if (one.arity() != other.arity()) {
        return Integer.compare(one.arity(), other.arity());
      }
      for (int i = 0; i < one.arity(); i++) {
        int order = compare(one.field(i), other.field(i));
        if (order != 0) {
          return order;
        }
      }
    }
    return 0;
  }
}
