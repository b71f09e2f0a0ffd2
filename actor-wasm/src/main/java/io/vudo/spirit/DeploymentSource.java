package io.vudo.spirit;

import io.vudo.protocol.ModuleDigest;
import java.util.Optional;

/** Where Spirits look up what they run. Thread-safe; answers from memory or local disk. */
public interface DeploymentSource {

  /** The newest deployment of a type. */
  Optional<Deployment> find(String type);

  /**
   * The newest deployment of a type that is a swap: living Spirits whose configuration is older go
   * over to its module.
   */
  default Optional<Deployment> swap(String type) {
    return Optional.empty();
  }

  /**
   * The original bytes of a module.
   *
   * @throws io.vudo.protocol.VudoException {@code MODULE_NOT_FOUND}
   */
  byte[] moduleBytes(ModuleDigest digest);
}
