package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.engine.Trap;
import java.util.Locale;

/** What a trap means. */
final class Traps {
  private Traps() {}

  static Trap trap(TrapError error) {
    ErrorCode code = code(error.trap());
    return new Trap(
        code,
        switch (code) {
          case TRAP_OTHER -> error.getMessage();
          case CALL_DEPTH_EXCEEDED -> "The native stack was used up.";
          default -> "";
        });
  }

  private static ErrorCode code(io.github.kawamuray.wasmtime.Trap trap) {
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
      Trap known = trap(trap);
      return new VudoException(known.code(), known.detail(), trap);
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
