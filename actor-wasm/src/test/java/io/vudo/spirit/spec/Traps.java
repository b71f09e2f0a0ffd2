package io.vudo.spirit.spec;

import io.vudo.protocol.ErrorCode;
import java.util.Map;
import java.util.Set;

/** What the suite's words for a trap mean here. */
final class Traps {
  private static final Map<String, ErrorCode> BY_TEXT =
      Map.ofEntries(
          Map.entry("integer divide by zero", ErrorCode.TRAP_DIVISION_BY_ZERO),
          Map.entry("integer overflow", ErrorCode.TRAP_INTEGER_OVERFLOW),
          Map.entry("invalid conversion to integer", ErrorCode.TRAP_BAD_CONVERSION),
          Map.entry("out of bounds memory access", ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS),
          Map.entry("out of bounds data segment", ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS),
          Map.entry("data segment does not fit", ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS),
          Map.entry("out of bounds table access", ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS),
          Map.entry("elements segment does not fit", ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS),
          Map.entry("undefined element", ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS),
          Map.entry("uninitialized element", ErrorCode.TRAP_INDIRECT_CALL_NULL),
          Map.entry("uninitialized", ErrorCode.TRAP_INDIRECT_CALL_NULL),
          Map.entry("indirect call type mismatch", ErrorCode.TRAP_INDIRECT_CALL_TYPE),
          Map.entry("indirect call", ErrorCode.TRAP_INDIRECT_CALL_TYPE),
          Map.entry("unreachable", ErrorCode.TRAP_UNREACHABLE),
          Map.entry("call stack exhausted", ErrorCode.CALL_DEPTH_EXCEEDED));

  private static final Set<ErrorCode> ALL =
      Set.of(
          ErrorCode.TRAP_DIVISION_BY_ZERO,
          ErrorCode.TRAP_INTEGER_OVERFLOW,
          ErrorCode.TRAP_BAD_CONVERSION,
          ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS,
          ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS,
          ErrorCode.TRAP_INDIRECT_CALL_NULL,
          ErrorCode.TRAP_INDIRECT_CALL_TYPE,
          ErrorCode.TRAP_UNREACHABLE);

  private Traps() {}

  /**
   * The codes that this text allows. Without a text, any typed trap is right; texts may go on
   * behind the known words ("uninitialized element 2").
   *
   * @throws Skip for words that are not known
   */
  static Set<ErrorCode> of(String text) {
    if (text.isEmpty()) {
      return ALL;
    }
    if (text.equals("out of bounds")) {
      return Set.of(ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS, ErrorCode.TRAP_TABLE_OUT_OF_BOUNDS);
    }
    String words = text;
    while (!BY_TEXT.containsKey(words)) {
      int space = words.lastIndexOf(' ');
      if (space < 0) {
        throw new Skip("an unknown kind of trap: " + text);
      }
      words = words.substring(0, space);
    }
    return Set.of(BY_TEXT.get(words));
  }
}
