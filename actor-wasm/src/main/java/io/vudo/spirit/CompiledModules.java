package io.vudo.spirit;

import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import java.util.function.Function;

/**
 * Admits, compiles and keeps modules: each is compiled once on a node, whatever number of Spirits
 * run it. Thread-safe.
 */
public interface CompiledModules {
  /**
   * The engine of this name.
   *
   * @throws io.vudo.protocol.VudoException {@code CONFIG_INVALID}, listing those there are
   */
  Engine engine(String name);

  /**
   * The compiled module, from memory where possible.
   *
   * @param digest of the original bytes
   * @param bytes gives the original bytes when they are needed
   * @param engine the engine's name
   * @param limits under which it is admitted
   * @throws io.vudo.protocol.VudoException what admission or the engine refuse, {@code
   *     MODULE_NOT_FOUND}, or {@code CONFIG_INVALID} for an unknown engine
   */
  CompiledModule load(
      ModuleDigest digest,
      Function<ModuleDigest, byte[]> bytes,
      String engine,
      SpiritLimits limits);

  /**
   * Compiles a module for the caller alone, who closes it; nobody else gets it.
   *
   * @throws io.vudo.protocol.VudoException as {@link #load}
   */
  CompiledModule compile(byte[] module, String engine, SpiritLimits limits);
}
