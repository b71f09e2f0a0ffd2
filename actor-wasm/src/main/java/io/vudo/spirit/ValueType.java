package io.vudo.spirit;

import java.util.List;
import java.util.Locale;

/** A type of a WebAssembly value, as far as functions that the host calls or offers use it. */
public enum ValueType {
  I32,
  I64,
  F32,
  F64,
  V128,
  FUNCREF,
  EXTERNREF;

  /** How many 64-bit values carry one of this type across: 2 for v128, low half first; else 1. */
  public int slots() {
    return this == V128 ? 2 : 1;
  }

  /** How many 64-bit values carry values of these types together. */
  public static int slots(List<ValueType> types) {
    int slots = 0;
    for (ValueType type : types) {
      slots += type.slots();
    }
    return slots;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
