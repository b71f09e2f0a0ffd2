package io.vudo.node.internal;

import io.vudo.node.internal.wire.Deployed;
import io.vudo.node.internal.wire.DeployedLimits;
import io.vudo.node.internal.wire.DeployedSupervision;
import io.vudo.node.internal.wire.DeploymentEvent;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Supervision;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.RecoveryFailed;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;

/**
 * What is deployed on this node: an event-sourced register, and a copy of it that any thread may
 * read.
 *
 * <p>An event takes a few hundred bytes and there is one a deployment, so the whole history is
 * replayed at a start and no snapshots are taken.
 */
public final class Deployments implements DeploymentSource {
  static final String PERSISTENCE_ID = "deployments|all";

  private static final Duration PERSIST_TIMEOUT = Duration.ofSeconds(15);

  private final ModuleStore modules;
  private final ActorSystem<?> system;
  private final ActorRef<Deploy> register;
  private final CompletableFuture<Void> recovered = new CompletableFuture<>();

  /** What is durable. The register's own state runs ahead of it while an event is being written. */
  private volatile State published = State.EMPTY;

  private Deployments(ActorSystem<?> system, ModuleStore modules, Clock clock) {
    this.modules = modules;
    this.system = system;
    this.register =
        system.systemActorOf(new Register(this, clock), "vudo-deployments", Props.empty());
  }

  /** Starts the register and replays what was deployed. */
  public static Deployments start(ActorSystem<?> system, ModuleStore modules, Clock clock) {
    return new Deployments(system, modules, clock);
  }

  /** Completes when everything that was deployed is known again. */
  public CompletionStage<Void> recovered() {
    return recovered.copy();
  }

  @Override
  public Optional<Deployment> find(String type) {
    return Optional.ofNullable(published.byType().get(type));
  }

  @Override
  public Optional<Deployment> swap(String type) {
    return swapped(type).map(Swap::deployment);
  }

  /** The newest swap of a type. */
  Optional<Swap> swapped(String type) {
    return Optional.ofNullable(published.swaps().get(type));
  }

  @Override
  public byte[] moduleBytes(ModuleDigest digest) {
    return modules.read(digest);
  }

  /** All types, ordered by name. */
  public List<Deployment> all() {
    return List.copyOf(published.byType().values());
  }

  /**
   * Records a deployment whose module is stored already.
   *
   * <p>Asking for what is deployed already, word for word, changes nothing and answers it: a deploy
   * that a script repeats does not count revisions up.
   *
   * @return what is deployed now, durable; fails with {@code JOURNAL_UNAVAILABLE}
   */
  public CompletionStage<Outcome> deploy(DeploymentRequest request, ModuleDigest digest) {
    return record(request, digest, false);
  }

  /**
   * Records a deployment whose module is stored already, and to which the Spirits that live go over
   * as well. It always gets a revision of its own: who repeats it wants those to try again that
   * stayed behind.
   *
   * @return what is deployed now, durable; fails with {@code JOURNAL_UNAVAILABLE}
   */
  public CompletionStage<Outcome> swap(DeploymentRequest request, ModuleDigest digest) {
    return record(request, digest, true);
  }

  private CompletionStage<Outcome> record(
      DeploymentRequest request, ModuleDigest digest, boolean swap) {
    CompletionStage<Outcome> answer =
        AskPattern.ask(
            register,
            replyTo -> new Deploy(request, digest, swap, replyTo),
            PERSIST_TIMEOUT,
            system.scheduler());
    return answer.exceptionally(
        failure -> {
          if (Failures.unwrap(failure) instanceof TimeoutException) {
            throw new VudoException(
                ErrorCode.JOURNAL_UNAVAILABLE, "The deployment was not recorded.", failure);
          }
          throw Failures.rethrown(failure);
        });
  }

  /**
   * The answer to a request.
   *
   * @param deployment what is deployed now
   * @param changed false when it was deployed already, word for word
   */
  public record Outcome(Deployment deployment, boolean changed) {}

  record Deploy(
      DeploymentRequest request, ModuleDigest digest, boolean swap, ActorRef<Outcome> replyTo) {}

  /**
   * A deployment to which living Spirits go over.
   *
   * @param deployment what they go over to
   * @param from the last other module that was deployed before; empty when there was none
   */
  record Swap(Deployment deployment, Optional<ModuleDigest> from) {}

  /**
   * @param byType the newest deployment of each type, ordered by name
   * @param swaps the newest swap of each type that had one
   * @param before the last other module of each type that had one
   * @param revision that of the newest deployment
   */
  record State(
      Map<String, Deployment> byType,
      Map<String, Swap> swaps,
      Map<String, ModuleDigest> before,
      long revision) {
    static final State EMPTY = new State(Map.of(), Map.of(), Map.of(), 0);

    State with(Deployment deployment, boolean swap) {
      String type = deployment.type();
      Deployment now = byType.get(type);
      Map<String, ModuleDigest> earlier =
          now == null || now.digest().equals(deployment.digest())
              ? before
              : with(before, type, now.digest());
      return new State(
          with(byType, type, deployment),
          swap
              ? with(swaps, type, new Swap(deployment, Optional.ofNullable(earlier.get(type))))
              : swaps,
          earlier,
          deployment.revision());
    }

    private static <T> Map<String, T> with(Map<String, T> map, String type, T value) {
      Map<String, T> changed = new TreeMap<>(map);
      changed.put(type, value);
      return changed;
    }
  }

  private static final class Register extends EventSourcedBehavior<Deploy, DeploymentEvent, State> {
    private final Deployments owner;
    private final Clock clock;

    Register(Deployments owner, Clock clock) {
      super(
          PersistenceId.ofUniqueId(PERSISTENCE_ID),
          SupervisorStrategy.restartWithBackoff(
              Duration.ofMillis(200), Duration.ofSeconds(10), 0.2));
      this.owner = owner;
      this.clock = clock;
    }

    @Override
    public State emptyState() {
      return State.EMPTY;
    }

    @Override
    public CommandHandler<Deploy, DeploymentEvent, State> commandHandler() {
      return newCommandHandlerBuilder().forAnyState().onCommand(Deploy.class, this::deploy).build();
    }

    private Effect<DeploymentEvent, State> deploy(State state, Deploy command) {
      DeploymentRequest request = command.request();
      Deployment now = state.byType().get(request.type());
      if (!command.swap()
          && now != null
          && now.digest().equals(command.digest())
          && now.engine().equals(request.engine())
          && now.limits().equals(request.limits())
          && now.capabilities().equals(request.capabilities())
          && now.supervision().equals(request.supervision())
          && now.remembered() == request.remembered()
          && now.durable() == request.durable()) {
        return Effect().reply(command.replyTo(), new Outcome(now, false));
      }
      Deployment next =
          new Deployment(
              request.type(),
              command.digest(),
              request.engine(),
              request.limits(),
              request.capabilities(),
              request.durable(),
              state.revision() + 1,
              clock.millis(),
              request.supervision(),
              request.remembered());
      return Effect()
          .persist(toEvent(next, command.swap()))
          .thenRun(
              durable -> {
                owner.published = durable;
                command.replyTo().tell(new Outcome(next, true));
              });
    }

    @Override
    public EventHandler<State, DeploymentEvent> eventHandler() {
      // An event of a kind that only a newer version knows changes nothing for this one.
      return (state, event) ->
          event.hasDeployed()
              ? state.with(toDeployment(event.getDeployed()), event.getDeployed().getSwap())
              : state;
    }

    @Override
    public SignalHandler<State> signalHandler() {
      return newSignalHandlerBuilder()
          .onSignal(
              RecoveryCompleted.instance(),
              state -> {
                owner.published = state;
                owner.recovered.complete(null);
              })
          .onSignal(
              RecoveryFailed.class,
              (state, signal) -> owner.recovered.completeExceptionally(signal.getFailure()))
          .build();
    }
  }

  static DeploymentEvent toEvent(Deployment deployment, boolean swap) {
    SpiritLimits limits = deployment.limits();
    return DeploymentEvent.newBuilder()
        .setDeployed(
            Deployed.newBuilder()
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
                .setSwap(swap)
                .setRevision(deployment.revision())
                .setDeployedAtMillis(deployment.deployedAtMillis())
                .setSupervision(
                    DeployedSupervision.newBuilder()
                        .setOnFailure(deployment.supervision().onFailure().text())
                        .setMaxRestarts(deployment.supervision().maxRestarts())
                        .setWindowMillis(deployment.supervision().windowMillis())))
        .build();
  }

  static Deployment toDeployment(Deployed event) {
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
}
