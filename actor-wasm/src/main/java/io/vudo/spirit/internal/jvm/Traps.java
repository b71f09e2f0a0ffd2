package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.runtime.ChicoryInterruptedException;
import com.dylibso.chicory.wasm.ChicoryException;
import io.vudo.protocol.ErrorCode;
import io.vudo.spirit.internal.engine.Trap;
import java.util.LinkedHashMap;
import java.util.Map;

/** What an exception of compiled or interpreted code means. */
final class Traps {
  /** The library tells traps apart by their texts, which are those of the core test suite. */
  private static final Map<String, ErrorCode> CODES = new LinkedHashMap<>();

  static {
    CODES.put("Trapped on unreachable", ErrorCode.TRAP_UNREACHABLE);
    CODES.put("out of bounds memory access", ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS);
    CODES.put("out of bounds table access", ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS);
    CODES.put("undefined element", ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS);
    CODES.put("uninitialized element", ErrorCode.TRAP_INDIRECT_CALL_NULL);
    CODES.put("null function reference", ErrorCode.TRAP_INDIRECT_CALL_NULL);
    CODES.put("indirect call type mismatch", ErrorCode.TRAP_INDIRECT_CALL_TYPE);
    CODES.put("integer divide by zero", ErrorCode.TRAP_DIVISION_BY_ZERO);
    CODES.put("integer overflow", ErrorCode.TRAP_INTEGER_OVERFLOW);
    CODES.put("invalid conversion to integer", ErrorCode.TRAP_BAD_CONVERSION);
  }

  private Traps() {}

  /** Null for what is no trap but a fault of the engine. */
  static Trap trap(Throwable thrown) {
    if (thrown instanceof StackOverflowError || thrown.getCause() instanceof StackOverflowError) {
      return new Trap(ErrorCode.CALL_DEPTH_EXCEEDED, "The Java stack was used up.");
    }
    if (thrown instanceof OutOfMemoryError) {
      return new Trap(ErrorCode.TRAP_OTHER, "The node had no memory left.");
    }
    if (thrown instanceof ChicoryInterruptedException) {
      return new Trap(ErrorCode.TURN_TIMEOUT, "The thread was interrupted.");
    }
    if (thrown instanceof ChicoryException) {
      String text = String.valueOf(thrown.getMessage());
      for (Map.Entry<String, ErrorCode> code : CODES.entrySet()) {
        if (text.startsWith(code.getKey())) {
          return Trap.of(code.getValue());
        }
      }
    }
    return null;
  }
}
