package io.vudo.spirit;

/** Something that compiles and runs admitted modules. Thread-safe. One per node and kind. */
public interface Engine extends AutoCloseable {

  /** The name that users choose it by: {@code wasmtime} or {@code jvm}. */
  String name();

  /**
   * Compiles a module.
   *
   * @throws io.vudo.protocol.VudoException {@code MODULE_INVALID} when it does not validate, {@code
   *     MODULE_UNSUPPORTED} when it needs what this engine has not, {@code MODULE_LIMIT_EXCEEDED}
   *     when it is too large for it, {@code MODULE_COMPILE_TIMEOUT} when it took too long
   */
  CompiledModule compile(AdmittedModule module);

  /** How many instances may live at once; further ones are refused with RESIDENCY_LIMIT. */
  int maxInstances();

  /** Why it is so many, for people to read: {@code vm.max_map_count is 65530}. */
  default String maxInstancesReason() {
    return "vudo.spirit.max-instances";
  }

  /** How many instances live now. */
  int liveInstances();

  /** Stops the engine's own threads and frees it. Instances must be closed before. */
  @Override
  void close();
}
