package io.vudo.spirit;

import java.util.List;
import java.util.function.Function;

/** A module that an engine has compiled; it is shared by all instances. Thread-safe. */
public interface CompiledModule extends AutoCloseable {

  /** What was compiled. */
  AdmittedModule module();

  /**
   * Makes an instance. Neither the start function nor any other guest code runs.
   *
   * @param host gives the host's function for each import; called once an import
   * @throws io.vudo.protocol.VudoException {@code RESIDENCY_LIMIT} when the engine cannot hold
   *     another instance
   */
  EngineInstance instantiate(Function<AdmittedModule.Import, HostFunction> host);

  /**
   * The functions, by their index in the original module, that are interpreted because they are too
   * large to be compiled; ascending. They run up to a hundred times slower than others.
   */
  default List<Integer> interpretedFunctions() {
    return List.of();
  }

  /** Frees the code once its instances are closed. */
  @Override
  void close();
}
