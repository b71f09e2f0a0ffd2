package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Rehearsal;
import io.vudo.spirit.SpiritSwaps;
import io.vudo.spirit.SwapCheck;
import io.vudo.spirit.SwapProgress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts another module under all Spirits of a type: looks what it would make of their last turns,
 * makes the decision durable, and only then tells them.
 */
final class Swapper {
  private static final Logger log = LoggerFactory.getLogger(Swapper.class);

  private final Executor blocking;
  private final CompiledModules compiled;
  private final Deployer deployer;
  private final Deployments deployments;
  private final SpiritSwaps swaps;

  Swapper(
      ActorSystem<?> system,
      CompiledModules compiled,
      Deployer deployer,
      Deployments deployments,
      SpiritSwaps swaps) {
    this.blocking =
        system.dispatchers().lookup(DispatcherSelector.fromConfig("vudo.node.deploy-dispatcher"));
    this.compiled = compiled;
    this.deployer = deployer;
    this.deployments = deployments;
    this.swaps = swaps;
  }

  /**
   * What somebody wants.
   *
   * @param type the Spirit type; it is deployed
   * @param turns the most turns of a Spirit that are run on the module before
   * @param spirits the most Spirits whose turns are
   * @param acceptDifferences whether to swap although turns end otherwise or Spirits stay behind
   * @param dryRun whether to look only
   * @param patience how long looking may take
   */
  record Request(
      String type,
      int turns,
      int spirits,
      boolean acceptDifferences,
      boolean dryRun,
      Duration patience) {}

  /**
   * What came of it.
   *
   * @param digest of the module
   * @param from of the module that was deployed
   * @param check what was found
   * @param refusal why nothing was changed; empty when it was, or when it was not wanted
   * @param deployment the swap; empty when there was none
   * @param progress how far it is
   */
  record Outcome(
      ModuleDigest digest,
      ModuleDigest from,
      SwapCheck check,
      Optional<VudoException> refusal,
      Optional<Deployment> deployment,
      Optional<SwapProgress> progress) {}

  /**
   * The module of before the last swap.
   *
   * @throws VudoException {@code SWAP_NO_PREVIOUS}
   */
  byte[] previous(String type) {
    ModuleDigest digest =
        deployments
            .swapped(type)
            .flatMap(DeploymentState.Swap::from)
            .orElseThrow(
                () ->
                    new VudoException(
                        ErrorCode.SWAP_NO_PREVIOUS,
                        deployments.swapped(type).isPresent()
                            ? "There was no other module before the last swap of " + type + "."
                            : type + " was never swapped."));
    return deployments.moduleBytes(digest);
  }

  /** Swaps, or looks what that would do. */
  CompletionStage<Outcome> swap(Request request, byte[] module) {
    Deployment now =
        deployments
            .find(request.type())
            .orElseThrow(
                () ->
                    new VudoException(
                        ErrorCode.SPIRIT_TYPE_UNKNOWN, "Got \"" + request.type() + "\"."));
    ModuleDigest digest = ModuleDigest.of(module);
    Deployment target =
        new Deployment(
            now.type(),
            digest,
            now.engine(),
            now.limits(),
            now.capabilities(),
            now.durable(),
            now.revision() + 1,
            now.deployedAtMillis(),
            now.supervision(),
            now.remembered());
    return CompletableFuture.runAsync(() -> admit(module, now), blocking)
        .thenCompose(admitted -> check(request, target, module))
        .thenCompose(
            check -> {
              Optional<VudoException> refusal =
                  request.acceptDifferences() ? Optional.empty() : refusal(check);
              return request.dryRun() || refusal.isPresent()
                  ? CompletableFuture.completedFuture(
                      new Outcome(
                          digest,
                          now.digest(),
                          check,
                          request.dryRun() ? Optional.empty() : refusal,
                          Optional.empty(),
                          Optional.empty()))
                  : commit(now, module, check);
            });
  }

  /** What is wrong with the module itself; compiled for this alone, nobody may ever run it. */
  private void admit(byte[] module, Deployment now) {
    try (CompiledModule trial = compiled.compile(module, now.engine(), now.limits())) {
      Deployer.checkAbi(trial.module());
    }
  }

  private CompletionStage<SwapCheck> check(Request request, Deployment target, byte[] module) {
    return swaps
        .check(target, module, request.turns(), request.spirits())
        .toCompletableFuture()
        .orTimeout(request.patience().toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(
            failure -> {
              if (Failures.unwrap(failure) instanceof TimeoutException) {
                throw new VudoException(
                    ErrorCode.ASK_TIMEOUT,
                    "Running the last turns on the new module took longer than "
                        + request.patience().toSeconds()
                        + " s; nothing was changed.",
                    failure);
              }
              throw Failures.rethrown(failure);
            });
  }

  private static Optional<VudoException> refusal(SwapCheck check) {
    List<SwapCheck.CheckedSpirit> refused = check.refused();
    if (!refused.isEmpty()) {
      SwapCheck.CheckedSpirit first = refused.get(0);
      return first
          .error()
          .map(
              why ->
                  new VudoException(
                      why.code(),
                      "So it is with "
                          + refused.size()
                          + " of the "
                          + check.spirits().size()
                          + " Spirits looked at; nothing was changed. "
                          + first.id()
                          + ": "
                          + why.detail()));
    }
    return check.spirits().stream()
        .filter(one -> one.differing() > 0)
        .findFirst()
        .map(
            one -> {
              Rehearsal.Difference first = one.differences().get(0);
              return new VudoException(
                  ErrorCode.SWAP_DIFFERENCES,
                  check.differing()
                      + " of "
                      + check.turns()
                      + " turns; the first is turn "
                      + first.turn()
                      + " of "
                      + one.id()
                      + ": "
                      + first.what()
                      + ".");
            });
  }

  private CompletionStage<Outcome> commit(Deployment now, byte[] module, SwapCheck check) {
    DeploymentRequest request =
        new DeploymentRequest(
            now.type(),
            now.engine(),
            now.limits(),
            now.capabilities(),
            now.durable(),
            now.supervision(),
            now.remembered());
    return deployer
        .swap(request, module)
        .thenCompose(
            target -> {
              log.info(
                  "Swapped {} from {} to {}, revision {}",
                  now.type(),
                  now.digest(),
                  target.digest(),
                  target.revision());
              return swaps
                  .begin(target)
                  .thenApply(
                      progress ->
                          new Outcome(
                              target.digest(),
                              now.digest(),
                              check,
                              Optional.empty(),
                              Optional.of(target),
                              Optional.of(progress)));
            });
  }
}
