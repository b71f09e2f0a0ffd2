package io.vudo.spirit;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasm.AdmissionRules;
import java.util.Optional;

/**
 * The wall in front of the engines: checks every byte of a module and rewrites it, so that it is
 * metered, bounded, and gives up its whole state, whatever engine runs it.
 *
 * <p>A pure function: the same module, limits and known imports give the same bytes on every node.
 * Thread-safe.
 */
public final class Admission {

  /**
   * The version of the rewriting rules. The same module, input and budget give the same results,
   * state and fuel within one version, on every engine; between versions fuel or the bits of a NaN
   * may differ. Since 2 every NaN that arithmetic makes is canonical by these rules, not by an
   * engine's setting.
   */
  public static final int REWRITER_VERSION = 2;

  /** The default of the largest module, in bytes. */
  public static final int DEFAULT_MAX_MODULE_BYTES = 100 << 20;

  private final int maxModuleBytes;

  /** Tells which functions the host offers. */
  @FunctionalInterface
  public interface KnownImports {
    /** The signature of this import, or empty when there is no such function. */
    Optional<FunctionType> find(String module, String name);
  }

  /** Admits modules of at most {@link #DEFAULT_MAX_MODULE_BYTES}. */
  public Admission() {
    this(DEFAULT_MAX_MODULE_BYTES);
  }

  /** Admits modules of at most this many bytes. */
  public Admission(int maxModuleBytes) {
    this.maxModuleBytes = maxModuleBytes;
  }

  /**
   * Checks and rewrites a module.
   *
   * @param module the binary, as the compiler wrote it
   * @param limits memory, table entries and call depth are built into the result
   * @param known the functions that the module may import
   * @throws VudoException {@code MODULE_EMPTY}, {@code MODULE_TOO_LARGE}, {@code MODULE_BAD_MAGIC},
   *     {@code MODULE_MALFORMED}, {@code MODULE_INVALID}, {@code MODULE_UNSUPPORTED}, {@code
   *     MODULE_UNKNOWN_IMPORT}, {@code MODULE_IMPORT_TYPE} or {@code MODULE_LIMIT_EXCEEDED}; the
   *     detail names the place and the reason
   */
  public AdmittedModule admit(byte[] module, SpiritLimits limits, KnownImports known) {
    if (module.length > maxModuleBytes) {
      throw new VudoException(
          ErrorCode.MODULE_TOO_LARGE,
          "It has " + module.length + " bytes; the limit is " + maxModuleBytes + ".");
    }
    return AdmissionRules.admit(module, limits, known);
  }
}
