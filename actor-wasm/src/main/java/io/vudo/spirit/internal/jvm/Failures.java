package io.vudo.spirit.internal.jvm;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.engine.Thrown;
import io.vudo.spirit.internal.engine.Trap;

/** Why there is no instance. */
final class Failures {
  private Failures() {}

  static RuntimeException atInstantiation(Throwable thrown) {
    if (thrown instanceof VudoException) {
      return Thrown.again(thrown);
    }
    if (thrown instanceof OutOfMemoryError) {
      return new VudoException(ErrorCode.RESIDENCY_LIMIT, "No memory is left.", thrown);
    }
    Trap trap = Traps.trap(thrown);
    if (trap != null) {
      return new VudoException(trap.code(), trap.detail(), thrown);
    }
    // An error would end the process; what is at fault is one module.
    return new VudoException(ErrorCode.INTERNAL_ERROR, String.valueOf(thrown), thrown);
  }
}
