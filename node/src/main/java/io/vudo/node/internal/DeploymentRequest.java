package io.vudo.node.internal;

import io.vudo.protocol.Capability;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.Supervision;
import java.util.Set;

/**
 * What somebody asks to be deployed, beside the module itself.
 *
 * @param type the Spirit type's name
 * @param engine the engine's name
 * @param limits per Spirit
 * @param capabilities what its Spirits may do
 * @param durable whether turns are journaled
 * @param supervision what is done when a turn fails
 * @param remembered whether its Spirits stay in memory
 */
public record DeploymentRequest(
    String type,
    String engine,
    SpiritLimits limits,
    Set<Capability> capabilities,
    boolean durable,
    Supervision supervision,
    boolean remembered) {
  public DeploymentRequest {
    SpiritId.checkDeployable(type);
    capabilities = Set.copyOf(capabilities);
  }
}
