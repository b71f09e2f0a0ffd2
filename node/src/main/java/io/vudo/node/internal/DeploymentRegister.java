package io.vudo.node.internal;

import io.vudo.node.internal.wire.DeploymentEvent;
import io.vudo.node.internal.wire.DeploymentsUpdate;
import io.vudo.protocol.ModuleDigest;
import io.vudo.spirit.Deployment;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryFailed;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is deployed in the cluster: one event-sourced actor, on the oldest node. It tells the {@link
 * DeploymentView} of every node, and answers a deployment when all that can be reached have it.
 *
 * <p>An event takes a few hundred bytes and there is one a deployment, so the whole history is
 * replayed at a start and no snapshots are taken. Which nodes there are it does not keep: each view
 * tells it once a second what it has, and whatever got lost is sent again then.
 */
final class DeploymentRegister
    extends EventSourcedBehavior<DeploymentRegister.Command, DeploymentEvent, DeploymentState> {
  static final String PERSISTENCE_ID = "deployments|all";

  private static final Logger log = LoggerFactory.getLogger(DeploymentRegister.class);

  private static final SupervisorStrategy RESTART =
      SupervisorStrategy.restartWithBackoff(Duration.ofMillis(200), Duration.ofSeconds(10), 0.2);

  /** Types in one message: it stays far below the largest frame. */
  private static final int TYPES_AT_ONCE = 500;

  private static final Duration LOOK_AGAIN = Duration.ofMillis(200);

  sealed interface Command {}

  /**
   * Record a deployment whose module is stored.
   *
   * @param request what is wanted
   * @param digest of its module
   * @param swap whether living Spirits go over
   * @param requestId a repetition has the same one
   * @param replyTo is told when it is durable and the nodes have it
   */
  record Deploy(
      DeploymentRequest request,
      ModuleDigest digest,
      boolean swap,
      String requestId,
      ActorRef<Deployments.Outcome> replyTo)
      implements Command {}

  /**
   * A view has all up to a revision, and wants what is newer.
   *
   * @param revision the newest that it has
   * @param node which node it is on
   * @param view where it is
   */
  record Seen(long revision, String node, ActorRef<DeploymentsUpdate> view) implements Command {}

  /** Looks whether a node that was waited for has gone, or was waited for long enough. */
  enum LookAgain implements Command {
    INSTANCE
  }

  private record Subscriber(ActorRef<DeploymentsUpdate> view, long revision) {}

  private record Waiting(
      Deployments.Outcome outcome, ActorRef<Deployments.Outcome> replyTo, long deadlineNanos) {}

  private final Clock clock;
  private final Duration acknowledgeTimeout;
  private final Supplier<Set<String>> reachableNodes;
  private final Consumer<Throwable> onRecoveryFailed;
  private final TimerScheduler<Command> timers;
  private final Map<String, Subscriber> subscribers = new HashMap<>();
  private final List<Waiting> waiting = new ArrayList<>();

  private DeploymentRegister(
      Clock clock,
      Duration acknowledgeTimeout,
      Supplier<Set<String>> reachableNodes,
      Consumer<Throwable> onRecoveryFailed,
      TimerScheduler<Command> timers) {
    super(
        PersistenceId.ofUniqueId(PERSISTENCE_ID),
        (org.apache.pekko.actor.typed.BackoffSupervisorStrategy) RESTART);
    this.clock = clock;
    this.acknowledgeTimeout = acknowledgeTimeout;
    this.reachableNodes = reachableNodes;
    this.onRecoveryFailed = onRecoveryFailed;
    this.timers = timers;
  }

  /**
   * The register.
   *
   * @param clock gives the time of deployments
   * @param acknowledgeTimeout how long a deployment waits for the nodes
   * @param reachableNodes the nodes that are waited for
   * @param onRecoveryFailed is told why the journal does not give the register back
   */
  static Behavior<Command> create(
      Clock clock,
      Duration acknowledgeTimeout,
      Supplier<Set<String>> reachableNodes,
      Consumer<Throwable> onRecoveryFailed) {
    return Behaviors.supervise(
            Behaviors.<Command>withTimers(
                timers ->
                    new DeploymentRegister(
                        clock, acknowledgeTimeout, reachableNodes, onRecoveryFailed, timers)))
        .onFailure(RESTART);
  }

  @Override
  public DeploymentState emptyState() {
    return DeploymentState.EMPTY;
  }

  @Override
  public CommandHandler<Command, DeploymentEvent, DeploymentState> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(Deploy.class, this::deploy)
        .onCommand(Seen.class, this::seen)
        .onCommand(LookAgain.class, this::lookAgain)
        .build();
  }

  private Effect<DeploymentEvent, DeploymentState> deploy(DeploymentState state, Deploy command) {
    DeploymentState.Type now = state.byType().get(command.request().type());
    if (now != null && now.requestId().equals(command.requestId())) {
      return Effect().none().thenRun(same -> answer(command, now.newest(), true));
    }
    if (now != null && !command.swap() && isSame(now.newest(), command)) {
      return Effect().none().thenRun(same -> answer(command, now.newest(), false));
    }
    DeploymentRequest request = command.request();
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
    DeploymentEvent event =
        DeploymentEvent.newBuilder()
            .setDeployed(
                DeploymentFormat.write(next)
                    .setSwap(command.swap())
                    .setRequestId(command.requestId()))
            .build();
    return Effect()
        .persist(event)
        .thenRun(
            durable -> {
              subscribers.values().forEach(subscriber -> sendTo(subscriber, durable));
              answer(command, next, true);
            });
  }

  private static boolean isSame(Deployment now, Deploy command) {
    DeploymentRequest request = command.request();
    return now.digest().equals(command.digest())
        && now.engine().equals(request.engine())
        && now.limits().equals(request.limits())
        && now.capabilities().equals(request.capabilities())
        && now.supervision().equals(request.supervision())
        && now.remembered() == request.remembered()
        && now.durable() == request.durable();
  }

  private void answer(Deploy command, Deployment deployment, boolean changed) {
    waiting.add(
        new Waiting(
            new Deployments.Outcome(deployment, changed),
            command.replyTo(),
            System.nanoTime() + acknowledgeTimeout.toNanos()));
    answerWaiting();
  }

  private Effect<DeploymentEvent, DeploymentState> seen(DeploymentState state, Seen seen) {
    if (seen.revision() > state.revision()) {
      // Another register has written since this one was recovered; the journal knows.
      throw new IllegalStateException(
          seen.node()
              + " has revision "
              + seen.revision()
              + " of the deployments, the register "
              + state.revision());
    }
    return Effect()
        .none()
        .thenRun(
            same -> {
              Subscriber subscriber = new Subscriber(seen.view(), seen.revision());
              subscribers.put(seen.node(), subscriber);
              sendTo(subscriber, state);
              answerWaiting();
            });
  }

  /** Also when there is nothing new: the view learns that it has everything. */
  private static void sendTo(Subscriber subscriber, DeploymentState state) {
    List<DeploymentState.Type> types = state.since(subscriber.revision(), TYPES_AT_ONCE);
    long upTo =
        types.size() < TYPES_AT_ONCE
            ? state.revision()
            : types.get(types.size() - 1).newest().revision();
    subscriber
        .view()
        .tell(
            DeploymentsUpdate.newBuilder()
                .setAfter(subscriber.revision())
                .setUpTo(upTo)
                .setNewest(state.revision())
                .addAllTypes(types.stream().map(DeploymentFormat::write).toList())
                .build());
  }

  private Effect<DeploymentEvent, DeploymentState> lookAgain(
      DeploymentState state, LookAgain tick) {
    return Effect().none().thenRun(same -> answerWaiting());
  }

  private void answerWaiting() {
    Set<String> nodes = reachableNodes.get();
    subscribers.keySet().retainAll(nodes);
    long now = System.nanoTime();
    waiting.removeIf(
        one -> {
          Set<String> missing = missing(nodes, one.outcome().deployment().revision());
          if (!missing.isEmpty() && now - one.deadlineNanos() < 0) {
            return false;
          }
          if (!missing.isEmpty()) {
            log.warn(
                "Not heard of the deployment of {}, revision {}, within {} ms: {}",
                one.outcome().deployment().type(),
                one.outcome().deployment().revision(),
                acknowledgeTimeout.toMillis(),
                String.join(", ", missing));
          }
          one.replyTo().tell(one.outcome());
          return true;
        });
    if (!waiting.isEmpty()) {
      timers.startSingleTimer(LookAgain.INSTANCE, LOOK_AGAIN);
    }
  }

  private Set<String> missing(Set<String> nodes, long revision) {
    Set<String> missing = new TreeSet<>(nodes);
    missing.removeIf(
        node -> {
          Subscriber subscriber = subscribers.get(node);
          return subscriber != null && subscriber.revision() >= revision;
        });
    return missing;
  }

  @Override
  public EventHandler<DeploymentState, DeploymentEvent> eventHandler() {
    // An event of a kind that only a newer version knows changes nothing for this one.
    return (state, event) ->
        event.hasDeployed()
            ? state.with(
                DeploymentFormat.read(event.getDeployed()),
                event.getDeployed().getSwap(),
                event.getDeployed().getRequestId())
            : state;
  }

  @Override
  public SignalHandler<DeploymentState> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(
            RecoveryFailed.class, (state, signal) -> onRecoveryFailed.accept(signal.getFailure()))
        .build();
  }
}
