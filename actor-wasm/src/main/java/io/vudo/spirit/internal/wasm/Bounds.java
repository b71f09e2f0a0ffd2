package io.vudo.spirit.internal.wasm;

/**
 * How large the parts of a module may be. Generous for what compilers emit; tight enough that
 * compiling stays affordable and that no counter inside of a code generator can overflow.
 */
final class Bounds {
  static final int TYPES = 50_000;
  static final int PARAMETERS = 200;
  static final int RESULTS = 100;
  static final int IMPORTS = 1_000;
  static final int FUNCTIONS = 100_000;
  static final int TABLES = 32;
  static final int GLOBALS = 10_000;
  static final int EXPORTS = 10_000;
  static final int ELEMENT_SEGMENTS = 10_000;
  static final int DATA_SEGMENTS = 100_000;
  static final int NAME_BYTES = 10_000;
  static final int FUNCTION_BODY_BYTES = 1 << 20;
  static final int REWRITTEN_BODY_BYTES = 7_600_000;
  static final int LOCALS = 49_000;
  static final int BRANCH_TABLE_TARGETS = 50_000;
  static final int CONTROL_DEPTH = 10_000;

  /** A code generator may need time with the square of it: five seconds for so many. */
  static final int BASIC_BLOCKS = 20_000;

  /** The sum of those squares over all functions, which is what one module may cost. */
  static final long SQUARED_BASIC_BLOCKS = 2_000_000_000L;

  /** A code generator may need time with the cube of it: seconds for a thousand. */
  static final int LOOP_DEPTH = 200;

  /**
   * Locals times blocks of one function: what a code generator may have to join. Its value numbers
   * have 24 bits; this keeps a function at half of them.
   */
  static final long LOCALS_TIMES_BLOCKS = 1 << 23;

  private Bounds() {}
}
