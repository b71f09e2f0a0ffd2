package io.vudo.spirit;

import io.vudo.spirit.internal.turn.HostFunctions;
import java.util.Map;
import java.util.Optional;

/**
 * What the host offers to guests: the functions of import module {@code spirit}, the flat binding
 * of the contract in {@code wit/}, and those of WASI preview 1, import module {@code
 * wasi_snapshot_preview1}.
 */
public final class SpiritAbi {
  private static final String SPIRIT = "spirit";

  /** The import module of WASI preview 1. */
  public static final String WASI = "wasi_snapshot_preview1";

  private SpiritAbi() {}

  /** The signature of a host function, or empty when there is none of this name. */
  public static Optional<FunctionType> find(String module, String name) {
    return HostFunctions.typeOf(module, name);
  }

  /** All functions of import module {@code spirit} by name, in the order of the contract. */
  public static Map<String, FunctionType> functions() {
    return HostFunctions.functions(SPIRIT);
  }

  /** All functions of WASI preview 1 by name, in the order of its specification. */
  public static Map<String, FunctionType> wasiFunctions() {
    return HostFunctions.functions(WASI);
  }
}
