package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Configured;
import io.vudo.spirit.CompiledModule;

/** Gives the compiled module of a configuration, from a cache where possible. */
@FunctionalInterface
public interface ModuleSource {
  /**
   * The module, compiled under the limits of the configuration.
   *
   * @throws io.vudo.protocol.VudoException when it cannot be found, admitted or compiled
   */
  CompiledModule load(Configured configured);
}
