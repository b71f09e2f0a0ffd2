package io.vudo.node.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import io.vudo.journal.DataDirectory;
import io.vudo.journal.EmbeddedJournal;
import io.vudo.node.NodeSettings;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.SpiritRuntime;
import io.vudo.spirit.Spirits;
import io.vudo.tuplespace.Tuplespace;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.persistence.query.javadsl.CurrentPersistenceIdsQuery;
import org.apache.pekko.stream.javadsl.Sink;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a node together, and takes it apart in the opposite order; also when putting it together
 * failed halfway.
 */
public final class NodeAssembly implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeAssembly.class);

  /** Under which names the journal keeps Spirits. */
  private static final String SPIRIT_PREFIX = "spirit|";

  private final NodeSettings settings;

  /** What is open, the newest first. */
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final AtomicBoolean closing = new AtomicBoolean();

  private ActorSystem<Void> system;
  private Spirits spirits;
  private Tuplespace tuplespace;
  private URI httpAddress;

  private NodeAssembly(NodeSettings settings) {
    this.settings = settings;
  }

  /**
   * Starts a node.
   *
   * @throws VudoException whatever kept it from starting
   */
  public static NodeAssembly start(NodeSettings settings) {
    NodeAssembly assembly = new NodeAssembly(settings);
    try {
      assembly.moveIn();
      return assembly;
    } catch (RuntimeException failure) {
      log.error("The node did not start", failure);
      try {
        assembly.close();
      } catch (RuntimeException second) {
        failure.addSuppressed(second);
      }
      throw invalidSetting(failure).orElseGet(() -> Failures.typed(failure));
    }
  }

  /** A setting that cannot be read, whichever part of the node was the first to want it. */
  private static Optional<VudoException> invalidSetting(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConfigException wrong) {
        return Optional.of(
            new VudoException(ErrorCode.CONFIG_INVALID, wrong.getMessage() + ".", failure));
      }
    }
    return Optional.empty();
  }

  private void moveIn() {
    long startNanos = System.nanoTime();
    Config config = settings.config();
    DataDirectory directory = DataDirectory.open(settings.data());
    open.push(directory);
    EmbeddedJournal journal = EmbeddedJournal.open(directory, config);
    open.push(journal);
    ModuleStore modules = new ModuleStore(directory.subdirectory("modules"));
    Engines engines = Engines.create(config, directory.subdirectory("cache"));
    open.push(engines);
    // Before anything else starts: a name that no engine has is a mistake in the settings.
    engines.engine(config.getString("vudo.node.engine"));
    for (String name : Engines.names()) {
      Engine engine = engines.engine(name);
      log.info(
          "Up to {} Spirits can be resident on engine {} ({})",
          engine.maxInstances(),
          name,
          engine.maxInstancesReason());
    }
    logLap("Data directory, journal and engines", startNanos);

    system = startSystem(journal.config());
    open.push(this::stopSystem);
    CompletionStage<Void> member = joinCluster();
    logLap("Actor system", startNanos);

    Deployments deployments = Deployments.start(system, modules, Clock.systemUTC());
    await(deployments.recovered(), ErrorCode.JOURNAL_UNAVAILABLE, "The journal did not answer");
    logLap("Journal and deployments", startNanos);
    await(member, ErrorCode.INTERNAL_ERROR, "The node did not become a member of its cluster");
    logLap("Cluster", startNanos);
    // Only now: Spirits that a crash left with work to do wake up and look for their deployments.
    SpiritRuntime runtime = SpiritRuntime.create(system, deployments, engines);
    tuplespace = Tuplespace.start(system, runtime.holdResolver(), runtime.waitListener());
    runtime.start(tuplespace);
    spirits = runtime;
    logLap("Spirits and spaces", startNanos);

    Deployer deployer = new Deployer(system, engines, modules, deployments);
    Gateway gateway =
        await(
            Gateway.bind(
                system,
                settings,
                new Gateway.Services(
                    spirits,
                    tuplespace,
                    deployments,
                    deployer,
                    new Swapper(system, engines, deployer, deployments, spirits.swaps()),
                    new NodeStatus(settings, system, engines, spirits, deployments),
                    this::whyNotReady,
                    this::knownSpirits)),
            ErrorCode.INTERNAL_ERROR,
            "The gateway did not bind");
    httpAddress = gateway.address();
    logLap("Gateway", startNanos);

    // The cluster may put this node out (a split brain resolved against it); then the rest of the
    // house is closed as well, and whoever waits for the end learns of it.
    system.getWhenTerminated().thenRun(() -> new Thread(this::close, "vudo-close").start());
  }

  /** The ids of all Spirits that the journal knows, resident or not, ordered. */
  private CompletionStage<List<SpiritId>> knownSpirits() {
    return PersistenceQuery.get(system)
        .getReadJournalFor(CurrentPersistenceIdsQuery.class, EmbeddedJournal.QUERY)
        .currentPersistenceIds()
        .filter(id -> id.startsWith(SPIRIT_PREFIX))
        .map(id -> SpiritId.parse(id.substring(SPIRIT_PREFIX.length())))
        .runWith(Sink.seq(), system)
        .thenApply(ids -> ids.stream().sorted().toList());
  }

  private static void logLap(String what, long startNanos) {
    log.debug("{} after {} ms", what, (System.nanoTime() - startNanos) / 1_000_000);
  }

  private ActorSystem<Void> startSystem(Config persistence) {
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "pekko.remote.artery.canonical.hostname", settings.host(),
                    "pekko.remote.artery.canonical.port", settings.port()))
            .withFallback(persistence)
            .withFallback(settings.config())
            .resolve();
    try {
      return ActorSystem.create(Behaviors.empty(), "vudo", config);
    } catch (RuntimeException failure) {
      throw addressInUse(failure, settings.host() + ":" + settings.port(), "--port")
          .orElse(failure);
    }
  }

  /** A failed bind, recognised however deep it is wrapped. */
  static Optional<RuntimeException> addressInUse(Throwable failure, String address, String option) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      String message = String.valueOf(cause.getMessage());
      if (cause instanceof java.net.BindException
          || message.contains("Address already in use")
          || message.contains("BindException")) {
        return Optional.of(
            new VudoException(
                ErrorCode.ADDRESS_IN_USE,
                "Cannot bind " + address + "; the option is " + option + ".",
                failure));
      }
    }
    return Optional.empty();
  }

  /** A node without seeds is a cluster of its own. */
  private CompletionStage<Void> joinCluster() {
    Cluster cluster = Cluster.get(Adapter.toClassic(system));
    CompletableFuture<Void> up = new CompletableFuture<>();
    cluster.registerOnMemberUp(() -> up.complete(null));
    if (settings.config().getStringList("pekko.cluster.seed-nodes").isEmpty()) {
      cluster.join(cluster.selfAddress());
    }
    return up;
  }

  /** Why the node should be sent no requests now; empty when it serves. */
  private Optional<String> whyNotReady() {
    if (closing.get()) {
      return Optional.of("The node is stopping.");
    }
    MemberStatus status = Cluster.get(Adapter.toClassic(system)).selfMember().status();
    return status.equals(MemberStatus.up())
        ? Optional.empty()
        : Optional.of("The node's status in the cluster is " + status + ".");
  }

  private <T> T await(CompletionStage<T> stage, ErrorCode code, String otherwise) {
    Duration timeout = settings.config().getDuration("vudo.node.start-timeout");
    try {
      return stage.toCompletableFuture().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new VudoException(
          code, otherwise + " within vudo.node.start-timeout, " + timeout.toSeconds() + " s.", e);
    } catch (ExecutionException e) {
      Throwable failure = Failures.unwrap(e);
      throw failure instanceof VudoException typed
          ? typed
          : new VudoException(code, otherwise + ": " + failure.getMessage(), failure);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(code, otherwise + ": interrupted.", e);
    }
  }

  /** Runs Pekko's coordinated shutdown: the gateway drains, Spirits end, the cluster is left. */
  private void stopSystem() throws InterruptedException, ExecutionException, TimeoutException {
    Duration timeout = settings.config().getDuration("vudo.node.stop-timeout");
    CoordinatedShutdown.get(Adapter.toClassic(system))
        .runAll(NodeClosed.INSTANCE)
        .toCompletableFuture()
        .get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    system.getWhenTerminated().toCompletableFuture().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** The reason that Pekko logs. */
  private enum NodeClosed implements CoordinatedShutdown.Reason {
    INSTANCE;

    @Override
    public String toString() {
      return "the node was closed";
    }
  }

  public URI httpAddress() {
    return httpAddress;
  }

  public Spirits spirits() {
    return spirits;
  }

  /** See {@link io.vudo.node.VudoNode#tuplespace}. */
  public Tuplespace tuplespace() {
    return tuplespace;
  }

  public ActorSystem<?> system() {
    return system;
  }

  /** Completes when all is closed; fails when something did not close cleanly. */
  public CompletionStage<Void> whenEnded() {
    return ended.copy();
  }

  @Override
  public void close() {
    if (closing.compareAndSet(false, true)) {
      Throwable failure = null;
      while (!open.isEmpty()) {
        try {
          open.pop().close();
        } catch (Exception e) {
          if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
          }
          log.error("A part of the node did not close cleanly", e);
          failure = e;
        }
      }
      if (failure == null) {
        log.info("The node has ended");
        ended.complete(null);
      } else {
        ended.completeExceptionally(failure);
      }
    }
    ended.exceptionally(failure -> null).join();
  }
}
