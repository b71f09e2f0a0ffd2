package io.vudo.spirit;

/**
 * A program ended itself, as {@code exit} of C and {@code std::process::exit} of Rust do. Thrown by
 * {@link EngineInstance#call} of an instance that a {@link ProgramHost} serves. No stack trace:
 * this is control flow.
 */
public final class ProgramExit extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int code;

  /** An end with this code. */
  public ProgramExit(int code) {
    super("exit code " + Integer.toUnsignedString(code), null, false, false);
    this.code = code;
  }

  /** The code, an unsigned 32-bit number; 0 is success. */
  public int code() {
    return code;
  }
}
