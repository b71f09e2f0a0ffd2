package io.vudo.spirit;

import io.vudo.spirit.internal.turn.FlatAbi;
import java.util.Map;
import java.util.Optional;

/**
 * What the host offers to guests: the functions of import module {@code spirit}, the flat binding
 * of the contract in {@code wit/}.
 */
public final class SpiritAbi {
  private SpiritAbi() {}

  /** The signature of a host function, or empty when there is none of this name. */
  public static Optional<FunctionType> find(String module, String name) {
    return FlatAbi.typeOf(module, name);
  }

  /** All functions of import module {@code spirit} by name, in the order of the contract. */
  public static Map<String, FunctionType> functions() {
    return FlatAbi.functions();
  }
}
