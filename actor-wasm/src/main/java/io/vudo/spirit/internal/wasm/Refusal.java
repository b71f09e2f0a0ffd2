package io.vudo.spirit.internal.wasm;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;

/** The ways in which admission says no. */
final class Refusal {
  private Refusal() {}

  static VudoException malformed(int offset, String what) {
    return new VudoException(ErrorCode.MODULE_MALFORMED, at(offset, what));
  }

  static VudoException invalid(int offset, String what) {
    return new VudoException(ErrorCode.MODULE_INVALID, at(offset, what));
  }

  static VudoException unsupported(int offset, String feature) {
    return new VudoException(ErrorCode.MODULE_UNSUPPORTED, at(offset, feature));
  }

  static VudoException tooMuch(String what, long value, long limit) {
    return new VudoException(
        ErrorCode.MODULE_LIMIT_EXCEEDED, what + ": " + value + "; the limit is " + limit + ".");
  }

  private static String at(int offset, String what) {
    return String.format("At byte %d (0x%x): %s.", offset, offset, what);
  }
}
