package io.vudo.spirit.internal.engine;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasm.Mailbox;

/**
 * What ended a guest's call, in the terms of the specification, not of an engine.
 *
 * @param code the failure; {@code TRAP_UNREACHABLE} also for what the rewriter makes a guest trap
 *     for
 * @param detail what there is to add, or empty
 */
public record Trap(ErrorCode code, String detail) {

  /** A trap that says everything by its code. */
  public static Trap of(ErrorCode code) {
    return new Trap(code, "");
  }

  /**
   * The failure that it stands for.
   *
   * @param fuel what was left; below 0 when a charge could not be paid
   * @param depth what was left of the call depth; below 0 when a call did not fit
   */
  VudoException failure(long fuel, long depth, Throwable cause) {
    if (code == ErrorCode.TRAP_UNREACHABLE) {
      if (fuel < 0) {
        return new VudoException(ErrorCode.OUT_OF_FUEL, "", cause);
      }
      if (depth == Mailbox.DEPTH_NO_MEMORY) {
        return new VudoException(
            ErrorCode.RESIDENCY_LIMIT, "The node had no memory left for memory.grow.", cause);
      }
      if (depth < 0) {
        return new VudoException(ErrorCode.CALL_DEPTH_EXCEEDED, "", cause);
      }
    }
    return new VudoException(code, detail, cause);
  }
}
