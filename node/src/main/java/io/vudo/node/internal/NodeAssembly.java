package io.vudo.node.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import io.opentelemetry.api.OpenTelemetry;
import io.vudo.journal.DataDirectory;
import io.vudo.journal.Journal;
import io.vudo.journal.JournalMetrics;
import io.vudo.journal.Journals;
import io.vudo.node.NodeSettings;
import io.vudo.node.internal.grpc.GrpcServer;
import io.vudo.node.process.ProcessRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.SpiritRuntime;
import io.vudo.spirit.Spirits;
import io.vudo.tuplespace.Tuplespace;
import java.net.InetSocketAddress;
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
import java.util.stream.Stream;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.management.javadsl.PekkoManagement;
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

  /** How long actors may take to end after Pekko has given them up. */
  private static final Duration LAST_PATIENCE = Duration.ofSeconds(5);

  /** As many of each thread are logged when the node does not end. */
  private static final int FRAMES = 12;

  private final NodeSettings settings;

  /** What is open, the newest first. */
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final AtomicBoolean closing = new AtomicBoolean();

  /** Whether its actors were given up; see {@link #watchEnd}. */
  private volatile boolean stuck;

  private ActorSystem<Void> system;
  private ClusterMembership membership;
  private Spirits spirits;
  private Tuplespace tuplespace;
  private final ProcessRegistry registry;
  private URI httpAddress;
  private Optional<InetSocketAddress> grpcAddress = Optional.empty();

  private NodeAssembly(NodeSettings settings, ProcessRegistry registry) {
    this.settings = settings;
    this.registry = registry;
  }

  /**
   * Starts a node.
   *
   * @param registry what Java code answers under dotted names
   * @throws VudoException whatever kept it from starting
   */
  public static NodeAssembly start(NodeSettings settings, ProcessRegistry registry) {
    NodeAssembly assembly = new NodeAssembly(settings, registry);
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
    ClusterConfig cluster = ClusterConfig.of(settings);
    GatewaySecurity security = GatewaySecurity.open(settings);
    open.push(security);
    NodeMetrics metrics = new NodeMetrics();
    open.push(metrics);
    Tracing tracing = Tracing.of(config);
    open.push(tracing);
    DataDirectory directory = DataDirectory.open(settings.data());
    open.push(directory);
    Journal journal = Journals.open(directory, config);
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

    NodeProcesses.provide(registry);
    // Ends after the Spirits: what is interrupted then is no answer to any of them.
    ProcessMeters calls = new ProcessMeters(metrics.registry());
    ProcessRunner runner = ProcessRunner.create(config.getConfig("vudo.process"), calls);
    open.push(runner);
    system = startSystem(cluster.pekko().withFallback(journal.config()));
    open.push(() -> stopSystem(cluster.drainTimeout()));
    OpenTelemetry telemetry =
        tracing.start(ClusterRoutes.name(Cluster.get(system).selfMember().address()));
    JournalMetrics commits = JournalMetrics.get(system);
    commits.bindTo(metrics.registry());
    Health health = Health.start(system, config, commits, journal);
    open.push(health);
    Serving.get(Adapter.toClassic(system)).decidedBy(health);
    ModuleExchange exchange = ModuleExchange.start(system, modules, journal.modules());
    if (cluster.management()) {
      startManagement();
    }
    // While the node joins, which is mostly waiting.
    CompletableFuture<Integer> warmUp =
        config.getString("vudo.journal.url").isEmpty()
            ? CompletableFuture.completedFuture(0)
            : CompletableFuture.supplyAsync(
                () -> warmUp(engines),
                system
                    .dispatchers()
                    .lookup(DispatcherSelector.fromConfig("vudo.node.deploy-dispatcher")));
    membership = ClusterMembership.join(system, cluster);
    health.decides(Health.Part.CLUSTER, membership::whyNotReady);
    logLap("Actor system", startNanos);

    Deployments deployments =
        Deployments.start(
            system, exchange, new ModuleWarmer(system, engines, exchange), Clock.systemUTC());
    membership.await(config.getDuration("vudo.node.start-timeout"));
    logLap("Cluster", startNanos);
    await(deployments.recovered(), ErrorCode.JOURNAL_UNAVAILABLE, "The journal did not answer");
    health.reached(Health.Part.DEPLOYMENTS);
    logLap("Journal and deployments", startNanos);
    // Who is alone has nobody to leave the Spirits to meanwhile.
    if (membership.hasOthers()) {
      awaitWarm(deployments);
      logLap("Modules", startNanos);
    }
    health.reached(Health.Part.MODULES);
    int unused = warmUp.join();
    logLap("Warm-up", startNanos);
    // Only now: Spirits that a crash left with work to do wake up and look for their deployments.
    NodeProcesses processes = new NodeProcesses(registry, runner, deployments, calls);
    SpiritRuntime runtime =
        SpiritRuntime.create(
            system, deployments, engines, metrics.registry(), processes, telemetry);
    tuplespace =
        Tuplespace.start(
            system, runtime.holdResolver(), runtime.waitListener(), metrics.registry());
    runtime.start(tuplespace);
    spirits = runtime;
    health.watch(system, spirits.relocations());
    metrics.bindTo(engines);
    metrics.bindTo(exchange);
    metrics.bindTo(system);
    metrics.bindTo(deployments);
    metrics.bindTo(health);
    logLap("Spirits and spaces", startNanos);

    Deployer deployer = new Deployer(system, engines, modules, exchange, deployments);
    Swapper swapper = new Swapper(system, engines, deployer, deployments, spirits.swaps());
    ScriptDirectory.start(settings, deployer, swapper, deployments, calls)
        .ifPresent(
            scripts -> {
              open.push(scripts);
              processes.follow(scripts);
            });
    Gateway gateway =
        await(
            Gateway.bind(
                system,
                settings,
                security,
                new Gateway.Services(
                    spirits,
                    tuplespace,
                    deployments,
                    deployer,
                    swapper,
                    new NodeStatus(settings, system, engines, spirits, deployments, exchange),
                    processes,
                    health,
                    metrics,
                    telemetry,
                    this::knownSpirits)),
            ErrorCode.INTERNAL_ERROR,
            "The gateway did not bind");
    httpAddress = gateway.address();
    // Before gRPC, which tells its health from now on and not when it is asked.
    health.decides(
        Health.Part.NODE,
        () -> closing.get() ? Optional.of("The node is stopping.") : Optional.empty());
    grpcAddress =
        GatewaySecurity.grpcHost(settings)
            .map(
                host ->
                    GrpcServer.start(
                            system,
                            config.getConfig("vudo"),
                            host,
                            gateway,
                            security.tls(),
                            () -> health.problems(true).isEmpty())
                        .address());
    logLap("Gateway", startNanos);

    // The cluster may put this node out (a split brain resolved against it); then the rest of the
    // house is closed as well, and whoever waits for the end learns of it.
    system.getWhenTerminated().thenRun(() -> new Thread(this::close, "vudo-close").start());
    CoordinatedShutdown.get(Adapter.toClassic(system))
        .addTask(
            CoordinatedShutdown.PhaseBeforeActorSystemTerminate(),
            "vudo-watch-end",
            () -> {
              Thread watch = new Thread(this::watchEnd, "vudo-watch-end");
              watch.setDaemon(true);
              watch.start();
              return CompletableFuture.completedFuture(Done.getInstance());
            });
  }

  /**
   * Ends the node when its actors do not: a node that was put out, and serves nobody, would never
   * be started again. An actor that blocks does that, and so does a peer that is cut off in the
   * wrong moment.
   */
  private void watchEnd() {
    Duration timeout = settings.config().getDuration("vudo.node.stop-timeout");
    try {
      system
          .getWhenTerminated()
          .toCompletableFuture()
          .get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      log.error(
          "The actors did not end within vudo.node.stop-timeout, {} s; what the threads do:{}",
          timeout.toSeconds(),
          threads());
      stuck = true;
      close();
    } catch (ExecutionException e) {
      // It has ended, however.
      log.debug("The actor system failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String threads() {
    StringBuilder text = new StringBuilder();
    Thread.getAllStackTraces()
        .forEach(
            (thread, frames) -> {
              text.append("\n").append(thread.getName()).append(' ').append(thread.getState());
              Stream.of(frames).limit(FRAMES).forEach(at -> text.append("\n    ").append(at));
            });
    return text.toString();
  }

  /** The ids of all Spirits that the journal knows, resident or not, ordered. */
  private CompletionStage<List<SpiritId>> knownSpirits() {
    return PersistenceQuery.get(system)
        .getReadJournalFor(CurrentPersistenceIdsQuery.class, Journal.QUERY)
        .currentPersistenceIds()
        .filter(id -> id.startsWith(SPIRIT_PREFIX))
        .map(id -> SpiritId.parse(id.substring(SPIRIT_PREFIX.length())))
        .runWith(Sink.seq(), system)
        .thenApply(ids -> ids.stream().sorted().toList());
  }

  private static void logLap(String what, long startNanos) {
    log.debug("{} after {} ms", what, (System.nanoTime() - startNanos) / 1_000_000);
  }

  private ActorSystem<Void> startSystem(Config above) {
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "pekko.remote.artery.canonical.hostname", settings.host(),
                    "pekko.remote.artery.canonical.port", settings.port()))
            .withFallback(above)
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
  public static Optional<RuntimeException> addressInUse(
      Throwable failure, String address, String option) {
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

  private void startManagement() {
    Config http = system.settings().config().getConfig("pekko.management.http");
    String address = http.getString("hostname") + ":" + http.getInt("port");
    try {
      await(
          PekkoManagement.get(system).start(),
          ErrorCode.INTERNAL_ERROR,
          "Pekko Management did not start");
    } catch (VudoException failure) {
      throw addressInUse(failure, address, "vudo.cluster.management.port").orElse(failure);
    }
  }

  private int warmUp(Engines engines) {
    Config config = settings.config();
    return SpiritRuntime.warmUp(
        system,
        engines,
        config.getString("vudo.node.engine"),
        config.getInt("vudo.cluster.warm-up-rounds"));
  }

  private void awaitWarm(Deployments deployments) {
    Duration timeout = settings.config().getDuration("vudo.cluster.warm-timeout");
    try {
      deployments.warmed().toCompletableFuture().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      log.warn(
          "Not all modules were compiled within vudo.cluster.warm-timeout, {} s; the node takes"
              + " Spirits nevertheless",
          timeout.toSeconds());
    } catch (ExecutionException e) {
      throw Failures.rethrown(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "Interrupted.", e);
    }
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
  private void stopSystem(Duration drainTimeout)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (Adapter.toClassic(system).whenTerminated().isCompleted()) {
      // Nothing is left that could run it, so it would never be over.
      return;
    }
    if (stuck) {
      throw new TimeoutException("The actors do not end.");
    }
    Duration timeout = settings.config().getDuration("vudo.node.stop-timeout").plus(drainTimeout);
    CoordinatedShutdown.get(Adapter.toClassic(system))
        .runAll(NodeClosed.INSTANCE)
        .toCompletableFuture()
        .get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    // The last phase has waited for this already. Pekko's remoting may not end its streams to a
    // peer
    // that accepted a connection and says nothing.
    system
        .getWhenTerminated()
        .toCompletableFuture()
        .get(LAST_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
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

  /** See {@link io.vudo.node.VudoNode#grpcAddress}. */
  public Optional<InetSocketAddress> grpcAddress() {
    return grpcAddress;
  }

  public Spirits spirits() {
    return spirits;
  }

  /** See {@link io.vudo.node.VudoNode#processes}. */
  public ProcessRegistry processes() {
    return registry;
  }

  /** See {@link io.vudo.node.VudoNode#tuplespace}. */
  public Tuplespace tuplespace() {
    return tuplespace;
  }

  public ActorSystem<?> system() {
    return system;
  }

  /** Whether it ended, or is ending, because it was told to leave its cluster. */
  public boolean hasLeft() {
    return CoordinatedShutdown.get(Adapter.toClassic(system))
        .getShutdownReason()
        .filter(CoordinatedShutdown.clusterLeavingReason()::equals)
        .isPresent();
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
