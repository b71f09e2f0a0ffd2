package io.vudo.node.internal;

import io.vudo.node.process.ProcessProvider;
import io.vudo.node.process.ProcessRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Processes;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * What dotted names stand for on this node: what Java code registered, and Spirits of all types
 * that are deployed.
 */
final class NodeProcesses implements Processes {
  /** The Spirit that is meant by a type alone. */
  static final String MAIN = "main";

  private final ProcessRegistry registry;
  private final ProcessRunner runner;
  private final Deployments deployments;
  private final ProcessMeters meters;

  /** Null without a directory of them. */
  private volatile ScriptDirectory scripts;

  NodeProcesses(
      ProcessRegistry registry,
      ProcessRunner runner,
      Deployments deployments,
      ProcessMeters meters) {
    this.registry = registry;
    this.deployments = deployments;
    this.runner = runner;
    this.meters = meters;
  }

  /**
   * Adds what providers of the class path have.
   *
   * @throws VudoException {@code CONFIG_INVALID} when one of them fails
   */
  static void provide(ProcessRegistry registry) {
    try {
      for (ProcessProvider provider : ServiceLoader.load(ProcessProvider.class)) {
        provider.register(registry);
      }
    } catch (ServiceConfigurationError | RuntimeException e) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "A provider of Loa on the class path failed: " + e + ".", e);
    }
  }

  ProcessRegistry registry() {
    return registry;
  }

  /** Lets a directory of scripts say which of them can be called. */
  void follow(ScriptDirectory directory) {
    scripts = directory;
  }

  /** The scripts of this node's directory, by type. */
  List<ScriptDirectory.Script> scripts() {
    ScriptDirectory directory = scripts;
    return directory == null ? List.of() : directory.list();
  }

  @Override
  public Route route(String called) {
    long startNanos = System.nanoTime();
    try {
      return routeOf(called);
    } catch (VudoException refusal) {
      meters.ended(
          refusal.code() == ErrorCode.SCRIPT_UNAVAILABLE
              ? ProcessMeters.SCRIPT
              : ProcessMeters.UNKNOWN,
          refusal,
          System.nanoTime() - startNanos);
      throw refusal;
    }
  }

  /** Counts a call from outside that goes to a Spirit; those of guests are messages like others. */
  <T> CompletionStage<T> counted(Route.ToSpirit to, Supplier<CompletionStage<T>> call) {
    boolean script =
        scripts != null && ProcessName.key(to.to().type()).startsWith(ScriptDirectory.PREFIX);
    return meters.counted(script ? ProcessMeters.SCRIPT : ProcessMeters.SPIRIT, call);
  }

  private Route routeOf(String called) {
    if (registry.find(called).isPresent()) {
      return Route.ToHost.INSTANCE;
    }
    ProcessName name = ProcessName.parse(registry.resolve(called));
    String owner = name.owner();
    int slash = owner.indexOf('/');
    String type = slash < 0 ? owner : owner.substring(0, slash);
    String id = slash < 0 ? MAIN : owner.substring(slash + 1);
    ScriptDirectory directory = scripts;
    if (directory != null) {
      Optional<VudoException> refusal = directory.refusal(ProcessName.key(type));
      if (refusal.isPresent()) {
        throw refusal.get();
      }
    }
    String deployed =
        type.equals(SpiritId.ACTOR) ? type : deployed(type).orElseThrow(() -> unknown(called));
    return new Route.ToSpirit(new SpiritId(deployed, id), name.function());
  }

  private Optional<String> deployed(String type) {
    return deployments
        .find(type)
        .map(Deployment::type)
        .or(
            () -> {
              List<String> alike =
                  deployments.all().stream()
                      .map(Deployment::type)
                      .filter(type::equalsIgnoreCase)
                      .toList();
              return alike.size() == 1 ? Optional.of(alike.get(0)) : Optional.empty();
            });
  }

  private static VudoException unknown(String name) {
    return new VudoException(ErrorCode.PROCESS_UNKNOWN, "Got \"" + name + "\".");
  }

  @Override
  public CompletionStage<byte[]> call(Call call) {
    try {
      return registry
          .find(call.name())
          .map(match -> runner.run(match, call))
          .orElseGet(() -> CompletableFuture.failedFuture(unknown(call.name())));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public void forget(String callId) {
    runner.forget(callId);
  }
}
