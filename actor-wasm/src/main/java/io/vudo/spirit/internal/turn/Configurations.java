package io.vudo.spirit.internal.turn;

import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.Limits;
import io.vudo.spirit.Admission;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Supervision;

/** Between a deployment and what a Spirit's journal pins of it. */
public final class Configurations {
  private Configurations() {}

  /** What a Spirit that is born now runs under. */
  public static Configured of(Deployment deployment) {
    SpiritLimits limits = deployment.limits();
    return Configured.newBuilder()
        .setModuleDigest(deployment.digest().hex())
        .setDeploymentRevision(deployment.revision())
        .setRewriterVersion(Admission.REWRITER_VERSION)
        .setEngine(deployment.engine())
        .setLimits(
            Limits.newBuilder()
                .setFuelPerTurn(limits.fuelPerTurn())
                .setMaxMemoryBytes(limits.maxMemoryBytes())
                .setMaxTableEntries(limits.maxTableEntries())
                .setMaxCallDepth(limits.maxCallDepth())
                .setTurnTimeoutMillis(limits.turnTimeoutMillis())
                .setMaxMailbox(limits.maxMailbox())
                .setMaxPayloadBytes(limits.maxPayloadBytes()))
        .setSupervision(supervision(deployment.supervision()))
        .setRemembered(deployment.remembered())
        .addAllCapabilities(
            deployment.capabilities().stream().map(Object::toString).sorted().toList())
        .build();
  }

  /**
   * The configuration of a living Spirit after its module was deployed again with other limits or
   * capabilities. Memory that it has already is not taken away.
   */
  static Configured renewed(Configured old, Deployment deployment, long memoryBytes) {
    Configured.Builder renewed = of(deployment).toBuilder();
    renewed.setRewriterVersion(old.getRewriterVersion()).setEngine(old.getEngine());
    if (renewed.getLimits().getMaxMemoryBytes() < memoryBytes) {
      renewed.getLimitsBuilder().setMaxMemoryBytes(memoryBytes);
    }
    return renewed.build();
  }

  private static io.vudo.protocol.journal.v1.Supervision supervision(Supervision supervision) {
    return io.vudo.protocol.journal.v1.Supervision.newBuilder()
        .setOnFailure(
            io.vudo.protocol.journal.v1.Supervision.OnFailure.valueOf(
                supervision.onFailure().name()))
        .setMaxRestarts(supervision.maxRestarts())
        .setWindowMillis(supervision.windowMillis())
        .build();
  }

  /** What is done when a turn fails; what earlier versions did not say is the default. */
  static Supervision supervision(Configured configured) {
    if (!configured.hasSupervision()) {
      return Supervision.DEFAULT;
    }
    io.vudo.protocol.journal.v1.Supervision pinned = configured.getSupervision();
    return new Supervision(
        pinned.getOnFailure() == io.vudo.protocol.journal.v1.Supervision.OnFailure.UNRECOGNIZED
            ? Supervision.OnFailure.STOP
            : Supervision.OnFailure.valueOf(pinned.getOnFailure().name()),
        pinned.getMaxRestarts(),
        pinned.getWindowMillis());
  }

  /**
   * The configuration of a living Spirit that goes over to the module of another deployment. It
   * stays on its engine, and memory that it has already is not taken away.
   */
  public static Configured swapped(Configured old, Deployment deployment, long memoryBytes) {
    return renewed(old, deployment, memoryBytes).toBuilder()
        .setRewriterVersion(Admission.REWRITER_VERSION)
        .build();
  }

  /** The limits as the rest of the code uses them. */
  public static SpiritLimits limits(Configured configured) {
    Limits limits = configured.getLimits();
    return new SpiritLimits(
        limits.getFuelPerTurn(),
        limits.getMaxMemoryBytes(),
        limits.getMaxTableEntries(),
        limits.getMaxCallDepth(),
        limits.getTurnTimeoutMillis(),
        limits.getMaxMailbox(),
        limits.getMaxPayloadBytes());
  }
}
