package io.vudo.node.internal;

import io.vudo.node.internal.wire.Deployed;
import io.vudo.node.internal.wire.DeployedLimits;
import io.vudo.node.internal.wire.DeployedSupervision;
import io.vudo.node.internal.wire.DeployedType;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Supervision;
import java.util.Optional;
import java.util.stream.Collectors;

/** Deployments as Protobuf, on disk and on the wire. */
final class DeploymentFormat {
  private DeploymentFormat() {}

  static Deployed.Builder write(Deployment deployment) {
    SpiritLimits limits = deployment.limits();
    return Deployed.newBuilder()
        .setType(deployment.type())
        .setModuleDigest(deployment.digest().hex())
        .setEngine(deployment.engine())
        .setLimits(
            DeployedLimits.newBuilder()
                .setFuelPerTurn(limits.fuelPerTurn())
                .setMaxMemoryBytes(limits.maxMemoryBytes())
                .setMaxTableEntries(limits.maxTableEntries())
                .setMaxCallDepth(limits.maxCallDepth())
                .setTurnTimeoutMillis(limits.turnTimeoutMillis())
                .setMaxMailbox(limits.maxMailbox())
                .setMaxPayloadBytes(limits.maxPayloadBytes()))
        .addAllCapabilities(
            deployment.capabilities().stream().map(Capability::toString).sorted().toList())
        .setDurable(deployment.durable())
        .setRemembered(deployment.remembered())
        .setRevision(deployment.revision())
        .setDeployedAtMillis(deployment.deployedAtMillis())
        .setSupervision(
            DeployedSupervision.newBuilder()
                .setOnFailure(deployment.supervision().onFailure().text())
                .setMaxRestarts(deployment.supervision().maxRestarts())
                .setWindowMillis(deployment.supervision().windowMillis()));
  }

  static Deployment read(Deployed event) {
    DeployedLimits limits = event.getLimits();
    return new Deployment(
        event.getType(),
        new ModuleDigest(event.getModuleDigest()),
        event.getEngine(),
        new SpiritLimits(
            limits.getFuelPerTurn(),
            limits.getMaxMemoryBytes(),
            limits.getMaxTableEntries(),
            limits.getMaxCallDepth(),
            limits.getTurnTimeoutMillis(),
            limits.getMaxMailbox(),
            limits.getMaxPayloadBytes()),
        event.getCapabilitiesList().stream()
            .map(Capability::parse)
            .collect(Collectors.toUnmodifiableSet()),
        event.getDurable(),
        event.getRevision(),
        event.getDeployedAtMillis(),
        event.hasSupervision() ? supervision(event.getSupervision()) : Supervision.DEFAULT,
        event.getRemembered());
  }

  private static Supervision supervision(DeployedSupervision event) {
    return new Supervision(
        Supervision.OnFailure.parse(event.getOnFailure()),
        event.getMaxRestarts(),
        event.getWindowMillis());
  }

  static DeployedType write(DeploymentState.Type type) {
    DeployedType.Builder written = DeployedType.newBuilder().setNewest(write(type.newest()));
    type.swap()
        .ifPresent(
            swap -> {
              written.setSwap(write(swap.deployment()));
              swap.from().ifPresent(from -> written.setSwapFrom(from.hex()));
            });
    type.before().ifPresent(before -> written.setBefore(before.hex()));
    return written.build();
  }

  static DeploymentState.Type read(DeployedType type) {
    return new DeploymentState.Type(
        read(type.getNewest()),
        type.hasSwap()
            ? Optional.of(
                new DeploymentState.Swap(read(type.getSwap()), digest(type.getSwapFrom())))
            : Optional.empty(),
        digest(type.getBefore()),
        "");
  }

  private static Optional<ModuleDigest> digest(String hex) {
    return hex.isEmpty() ? Optional.empty() : Optional.of(new ModuleDigest(hex));
  }
}
