package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.Deployment;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fetches and compiles what is deployed before a Spirit needs it, in the background. Thread-safe.
 */
final class ModuleWarmer {
  private static final Logger log = LoggerFactory.getLogger(ModuleWarmer.class);

  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

  /** What a later try may mend. */
  private static final Set<ErrorCode> RETRIED =
      Set.of(
          ErrorCode.MODULE_NOT_FOUND,
          ErrorCode.JOURNAL_CORRUPT,
          ErrorCode.JOURNAL_UNAVAILABLE,
          ErrorCode.INTERNAL_ERROR);

  /** What compiled code depends on. */
  private record Key(ModuleDigest digest, String engine, long maxMemoryBytes) {}

  private final ActorSystem<?> system;
  private final Executor blocking;
  private final CompiledModules compiled;
  private final ModuleExchange modules;
  private final ConcurrentHashMap<Key, CompletableFuture<Void>> firstTries =
      new ConcurrentHashMap<>();

  ModuleWarmer(ActorSystem<?> system, CompiledModules compiled, ModuleExchange modules) {
    this.system = system;
    this.blocking =
        system.dispatchers().lookup(DispatcherSelector.fromConfig("vudo.node.deploy-dispatcher"));
    this.compiled = compiled;
    this.modules = modules;
  }

  /** Makes a deployment's module ready; at once when it is. */
  void warm(Deployment deployment) {
    Key key =
        new Key(deployment.digest(), deployment.engine(), deployment.limits().maxMemoryBytes());
    CompletableFuture<Void> mine = new CompletableFuture<>();
    if (firstTries.putIfAbsent(key, mine) == null) {
      tryTo(deployment, key, mine, FIRST_PAUSE);
    }
  }

  /** Completes when everything that was asked for by now has been tried once. */
  CompletionStage<Void> idle() {
    return CompletableFuture.allOf(firstTries.values().toArray(CompletableFuture[]::new));
  }

  private void tryTo(
      Deployment deployment, Key key, CompletableFuture<Void> firstTry, Duration pause) {
    blocking.execute(
        () -> {
          try {
            var unused =
                compiled.load(
                    deployment.digest(), modules::read, deployment.engine(), deployment.limits());
          } catch (RuntimeException failure) {
            failed(deployment, key, firstTry, pause, Failures.typed(failure));
          } finally {
            firstTry.complete(null);
          }
        });
  }

  private void failed(
      Deployment deployment,
      Key key,
      CompletableFuture<Void> firstTry,
      Duration pause,
      VudoException failure) {
    boolean again =
        RETRIED.contains(failure.code())
            && !system.getWhenTerminated().toCompletableFuture().isDone();
    log.warn(
        "Module {} of {} is not ready{}: {}",
        deployment.digest(),
        deployment.type(),
        again ? ", tried again in " + pause.toSeconds() + " s" : "",
        failure.getMessage());
    if (!again) {
      // A deployment of the same module may bring what is missing, such as an engine.
      firstTries.remove(key, firstTry);
      return;
    }
    Duration next = pause.multipliedBy(2);
    system
        .scheduler()
        .scheduleOnce(
            pause,
            () ->
                tryTo(
                    deployment,
                    key,
                    firstTry,
                    next.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : next),
            system.executionContext());
  }
}
