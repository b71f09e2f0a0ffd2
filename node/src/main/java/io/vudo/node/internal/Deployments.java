package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.SpiritRuntime;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.UniqueAddress;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.SingletonActor;

/**
 * What is deployed in the cluster, as this node knows it: a copy that any thread may read, and the
 * way to the {@link DeploymentRegister}.
 *
 * <p>Thread-safe.
 */
public final class Deployments implements DeploymentSource {
  /** How often an unanswered request is sent again: the register may be moving to another node. */
  private static final int ATTEMPTS = 3;

  private static final Duration PERSIST_TIMEOUT = Duration.ofSeconds(5);

  private final ActorSystem<?> system;
  private final ModuleExchange modules;
  private final ModuleWarmer warmer;
  private final Duration attemptTimeout;
  private final ActorRef<DeploymentRegister.Command> register;
  private final CompletableFuture<Void> recovered = new CompletableFuture<>();

  /** What is durable. */
  private volatile DeploymentState published = DeploymentState.EMPTY;

  private Deployments(
      ActorSystem<?> system, ModuleExchange modules, ModuleWarmer warmer, Clock clock) {
    Config config = system.settings().config();
    Duration acknowledgeTimeout = config.getDuration("vudo.cluster.deploy-acknowledge-timeout");
    this.system = system;
    this.modules = modules;
    this.warmer = warmer;
    this.attemptTimeout = acknowledgeTimeout.plus(PERSIST_TIMEOUT);
    Cluster cluster = Cluster.get(system);
    this.register =
        ClusterSingleton.get(system)
            .init(
                SingletonActor.of(
                    DeploymentRegister.create(
                        clock,
                        acknowledgeTimeout,
                        () -> reachableNodes(cluster.state()),
                        recovered::completeExceptionally),
                    "vudo-deployments"));
    system.systemActorOf(
        DeploymentView.create(
            nameOf(cluster.selfMember().uniqueAddress()), register, this::takeOver),
        "vudo-deployments-view",
        Props.empty());
  }

  /** Joins in: the register may be on this node or on another one. */
  static Deployments start(
      ActorSystem<?> system, ModuleExchange modules, ModuleWarmer warmer, Clock clock) {
    return new Deployments(system, modules, warmer, clock);
  }

  private static String nameOf(UniqueAddress node) {
    return node.address().hostPort() + "#" + node.longUid();
  }

  /** The nodes that serve and can be reached. */
  private static Set<String> reachableNodes(CurrentClusterState state) {
    Set<String> nodes = new HashSet<>();
    for (Member member : state.getMembers()) {
      boolean serves =
          member.status().equals(MemberStatus.up())
              || member.status().equals(MemberStatus.weaklyUp());
      if (serves
          && member.hasRole(SpiritRuntime.ROLE)
          && !state.getUnreachable().contains(member)) {
        nodes.add(nameOf(member.uniqueAddress()));
      }
    }
    return nodes;
  }

  private void takeOver(DeploymentView.Change change) {
    published = change.state();
    for (DeploymentState.Type type : change.changed()) {
      warmer.warm(type.newest());
      type.swap().ifPresent(swap -> warmer.warm(swap.deployment()));
    }
    if (change.complete()) {
      recovered.complete(null);
    }
  }

  /** Completes when everything that was deployed is known here. */
  public CompletionStage<Void> recovered() {
    return recovered.copy();
  }

  @Override
  public Optional<Deployment> find(String type) {
    return type(type).map(DeploymentState.Type::newest);
  }

  @Override
  public Optional<Deployment> swap(String type) {
    return swapped(type).map(DeploymentState.Swap::deployment);
  }

  /** The newest swap of a type. */
  Optional<DeploymentState.Swap> swapped(String type) {
    return type(type).flatMap(DeploymentState.Type::swap);
  }

  private Optional<DeploymentState.Type> type(String name) {
    return Optional.ofNullable(published.byType().get(name));
  }

  @Override
  public byte[] moduleBytes(ModuleDigest digest) {
    return modules.read(digest);
  }

  /** All types, ordered by name. */
  public List<Deployment> all() {
    return published.byType().values().stream().map(DeploymentState.Type::newest).toList();
  }

  /** The digests of all modules that new Spirits or swaps need. */
  Set<ModuleDigest> digests() {
    Set<ModuleDigest> digests = new HashSet<>();
    published.byType().values().stream()
        .flatMap(
            type ->
                Stream.concat(
                    Stream.of(type.newest()),
                    type.swap().map(DeploymentState.Swap::deployment).stream()))
        .forEach(deployment -> digests.add(deployment.digest()));
    return digests;
  }

  /** Completes when all modules that were deployed by now are compiled, or cannot be for now. */
  CompletionStage<Void> warmed() {
    return warmer.idle();
  }

  /**
   * Records a deployment whose module is stored already.
   *
   * <p>Asking for what is deployed already, word for word, changes nothing and answers it: a deploy
   * that a script repeats does not count revisions up.
   *
   * @return what is deployed now, durable, and known to all nodes that can be reached; fails with
   *     {@code JOURNAL_UNAVAILABLE}
   */
  public CompletionStage<Outcome> deploy(DeploymentRequest request, ModuleDigest digest) {
    return record(request, digest, false, UUID.randomUUID().toString(), 1);
  }

  /**
   * Records a deployment whose module is stored already, and to which the Spirits that live go over
   * as well. It always gets a revision of its own: who repeats it wants those to try again that
   * stayed behind.
   *
   * @return as {@link #deploy}
   */
  public CompletionStage<Outcome> swap(DeploymentRequest request, ModuleDigest digest) {
    return record(request, digest, true, UUID.randomUUID().toString(), 1);
  }

  private CompletionStage<Outcome> record(
      DeploymentRequest request, ModuleDigest digest, boolean swap, String requestId, int attempt) {
    CompletionStage<Outcome> answer =
        AskPattern.ask(
            register,
            replyTo -> new DeploymentRegister.Deploy(request, digest, swap, requestId, replyTo),
            attemptTimeout,
            system.scheduler());
    return answer
        .handle(
            (outcome, failure) -> {
              if (failure == null) {
                return CompletableFuture.completedStage(outcome);
              }
              if (!(Failures.unwrap(failure) instanceof TimeoutException)) {
                return CompletableFuture.<Outcome>failedStage(failure);
              }
              if (attempt < ATTEMPTS) {
                return record(request, digest, swap, requestId, attempt + 1);
              }
              return CompletableFuture.<Outcome>failedStage(
                  new VudoException(
                      ErrorCode.JOURNAL_UNAVAILABLE, "The deployment was not recorded.", failure));
            })
        .thenCompose(stage -> stage);
  }

  /**
   * The answer to a request.
   *
   * @param deployment what is deployed now
   * @param changed false when it was deployed already, word for word
   */
  public record Outcome(Deployment deployment, boolean changed) {}
}
