package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Trap;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasm.Mailbox;
import java.util.Locale;

/** What a trap means. */
final class Traps {
  private Traps() {}

  /**
   * The failure that a trap stands for.
   *
   * @param fuel what was left; below 0 when a charge could not be paid
   * @param depth what was left of the call depth; below 0 when a call did not fit
   */
  static VudoException failure(TrapError error, long fuel, long depth) {
    Trap trap = error.trap();
    if (trap == Trap.UNREACHABLE_CODE_REACHED) {
      if (fuel < 0) {
        return new VudoException(ErrorCode.OUT_OF_FUEL, "", error);
      }
      if (depth == Mailbox.DEPTH_NO_MEMORY) {
        return new VudoException(
            ErrorCode.TRAP_OTHER, "The node had no memory left for memory.grow.", error);
      }
      if (depth < 0) {
        return new VudoException(ErrorCode.CALL_DEPTH_EXCEEDED, "", error);
      }
    }
    ErrorCode code = code(trap);
    return new VudoException(code, detail(code, error), error);
  }

  private static String detail(ErrorCode code, TrapError error) {
    return switch (code) {
      case TRAP_OTHER -> error.getMessage();
      case CALL_DEPTH_EXCEEDED -> "The native stack was used up.";
      default -> "";
    };
  }

  private static ErrorCode code(Trap trap) {
    return switch (trap) {
      case STACK_OVERFLOW -> ErrorCode.CALL_DEPTH_EXCEEDED;
      case MEMORY_OUT_OF_BOUNDS, HEAP_MISALIGNED -> ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS;
      case TABLE_OUT_OF_BOUNDS -> ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS;
      case INDIRECT_CALL_TO_NULL -> ErrorCode.TRAP_INDIRECT_CALL_NULL;
      case BAD_SIGNATURE -> ErrorCode.TRAP_INDIRECT_CALL_TYPE;
      case INTEGER_OVERFLOW -> ErrorCode.TRAP_INTEGER_OVERFLOW;
      case INTEGER_DIVISION_BY_ZERO -> ErrorCode.TRAP_DIVISION_BY_ZERO;
      case BAD_CONVERSION_TO_INTEGER -> ErrorCode.TRAP_BAD_CONVERSION;
      case UNREACHABLE_CODE_REACHED -> ErrorCode.TRAP_UNREACHABLE;
      case UNKNOWN, INTERRUPT, ALWAYS_TRAP_ADAPTER, OUF_OF_FUEL -> ErrorCode.TRAP_OTHER;
    };
  }

  /** Why there is no instance: a segment that does not fit, or a system that has no more memory. */
  static VudoException atInstantiation(RuntimeException error) {
    if (error instanceof TrapError trap) {
      return failure(trap, 0, 0);
    }
    String message = String.valueOf(error.getMessage()).toLowerCase(Locale.ROOT);
    ErrorCode code =
        message.contains("out of bounds table") || message.contains("table out of bounds")
            ? ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS
            : message.contains("mmap") || message.contains("mapping") || message.contains("memory")
                ? ErrorCode.RESIDENCY_LIMIT
                : ErrorCode.MODULE_INVALID;
    return new VudoException(code, String.valueOf(error.getMessage()), error);
  }
}
