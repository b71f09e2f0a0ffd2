package io.vudo.spirit;

import io.vudo.protocol.Capability;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import java.util.Set;

/**
 * A Spirit type as it is deployed: which module its Spirits run, how much they may use and what
 * they may do.
 *
 * <p>A Spirit keeps the module that it was born with: deploying another module under the same type
 * changes the Spirits born from then on, unless the deployment is a swap ({@link
 * DeploymentSource#swap}). Limits and capabilities of a redeployed module with the same digest
 * reach its living Spirits with their next turn.
 *
 * @param type the Spirit type's name
 * @param digest of the original module
 * @param engine the engine's name, {@code wasmtime}
 * @param limits per Spirit
 * @param capabilities what its Spirits may do
 * @param durable whether turns are journaled; without, the state is lost with the process and after
 *     passivation
 * @param revision counts the deployments of the node, from 1
 * @param deployedAtMillis when, since the epoch
 * @param supervision what is done when a turn fails
 * @param remembered whether its Spirits stay in memory and come back after a restart without a
 *     message
 */
public record Deployment(
    String type,
    ModuleDigest digest,
    String engine,
    SpiritLimits limits,
    Set<Capability> capabilities,
    boolean durable,
    long revision,
    long deployedAtMillis,
    Supervision supervision,
    boolean remembered) {
  public Deployment {
    SpiritId.checkType(type);
    capabilities = Set.copyOf(capabilities);
  }

  /** A deployment with the supervision that is the default, whose Spirits may leave memory. */
  public Deployment(
      String type,
      ModuleDigest digest,
      String engine,
      SpiritLimits limits,
      Set<Capability> capabilities,
      boolean durable,
      long revision,
      long deployedAtMillis) {
    this(
        type,
        digest,
        engine,
        limits,
        capabilities,
        durable,
        revision,
        deployedAtMillis,
        Supervision.DEFAULT,
        false);
  }
}
