package io.vudo.spirit;

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

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
