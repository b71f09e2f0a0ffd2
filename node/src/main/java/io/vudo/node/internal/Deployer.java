package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes a module from bytes to a deployment: whatever is wrong with it surfaces here, before a
 * single Spirit runs it.
 */
final class Deployer {
  private static final Logger log = LoggerFactory.getLogger(Deployer.class);

  private static final FunctionType MARKER = new FunctionType(List.of(), List.of());
  private static final FunctionType ALLOCATE =
      new FunctionType(List.of(ValueType.I32), List.of(ValueType.I32));
  private static final FunctionType HANDLE =
      new FunctionType(List.of(ValueType.I32, ValueType.I32), List.of(ValueType.I64));

  private static final String OF_COMMAND =
      " It exports _start: a program that runs once, which vudo run does. A Spirit stays and is"
          + " called: build a WASI reactor (C: clang -mexec-model=reactor, Rust: crate type cdylib)"
          + " with these exports.";

  private final Executor blocking;
  private final CompiledModules compiled;
  private final ModuleStore modules;
  private final ModuleExchange exchange;
  private final Deployments deployments;

  Deployer(
      ActorSystem<?> system,
      CompiledModules compiled,
      ModuleStore modules,
      ModuleExchange exchange,
      Deployments deployments) {
    this.blocking =
        system.dispatchers().lookup(DispatcherSelector.fromConfig("vudo.node.deploy-dispatcher"));
    this.compiled = compiled;
    this.modules = modules;
    this.exchange = exchange;
    this.deployments = deployments;
  }

  /**
   * Checks that there is an engine of this name.
   *
   * @throws VudoException {@code CONFIG_INVALID}
   */
  void checkEngine(String name) {
    compiled.engine(name);
  }

  /** Checks, compiles, stores and records a module; the stage completes when it is durable. */
  CompletionStage<Deployments.Outcome> deploy(DeploymentRequest request, byte[] module) {
    return CompletableFuture.supplyAsync(() -> prepare(request, module), blocking)
        .thenCompose(digest -> deployments.deploy(request, digest))
        .whenComplete(
            (outcome, failure) -> {
              if (failure == null && outcome.changed()) {
                log.info(
                    "Deployed {} as {}, revision {}",
                    outcome.deployment().digest(),
                    request.type(),
                    outcome.deployment().revision());
              }
            });
  }

  /** As {@link #deploy}, for Spirits that live as well. */
  CompletionStage<Deployment> swap(DeploymentRequest request, byte[] module) {
    return CompletableFuture.supplyAsync(() -> prepare(request, module), blocking)
        .thenCompose(digest -> deployments.swap(request, digest))
        .thenApply(Deployments.Outcome::deployment);
  }

  private ModuleDigest prepare(DeploymentRequest request, byte[] module) {
    // The same cache that Spirits run from: what is compiled for the verdict is ready for the
    // first.
    CompiledModule admitted =
        compiled.load(
            ModuleDigest.of(module), digest -> module, request.engine(), request.limits());
    checkAbi(admitted.module());
    ModuleDigest digest = modules.store(module);
    exchange.share(digest, module);
    return digest;
  }

  /**
   * Checks that a module has the exports of a Spirit.
   *
   * @throws VudoException {@code MODULE_ABI_MISSING}, naming every one that is missing
   */
  static void checkAbi(AdmittedModule module) {
    List<String> missing = missingForAbi(module.exportedFunctions(), module.exportsMemory());
    if (!missing.isEmpty()) {
      throw new VudoException(
          ErrorCode.MODULE_ABI_MISSING,
          "Missing: " + String.join(", ", missing) + "." + (isCommand(module) ? OF_COMMAND : ""));
    }
  }

  private static boolean isCommand(AdmittedModule module) {
    return module.exportedFunctions().containsKey("_start");
  }

  private static List<String> missingForAbi(
      Map<String, FunctionType> functions, boolean exportsMemory) {
    List<String> missing = new ArrayList<>();
    if (!exportsMemory) {
      missing.add("memory");
    }
    checkExport(functions, "spirit_abi_1", MARKER, missing);
    checkExport(functions, "spirit_alloc", ALLOCATE, missing);
    checkExport(functions, "spirit_handle", HANDLE, missing);
    return missing;
  }

  private static void checkExport(
      Map<String, FunctionType> functions, String name, FunctionType type, List<String> missing) {
    FunctionType found = functions.get(name);
    if (found == null) {
      missing.add(name);
    } else if (!found.equals(type)) {
      missing.add(name + " as " + type + " (it is exported as " + found + ")");
    }
  }
}
