package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.SpiritRuntime;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The node's place in its cluster: how it gets there, and what to say when it does not. */
final class ClusterMembership {
  private static final Logger log = LoggerFactory.getLogger(ClusterMembership.class);

  private final ActorSystem<?> system;
  private final ClusterConfig config;
  private final Cluster cluster;
  private final CompletableFuture<Void> up = new CompletableFuture<>();

  private ClusterMembership(ActorSystem<?> system, ClusterConfig config) {
    this.system = system;
    this.config = config;
    this.cluster = Cluster.get(Adapter.toClassic(system));
  }

  /** Begins to join. */
  static ClusterMembership join(ActorSystem<?> system, ClusterConfig config) {
    ClusterMembership membership = new ClusterMembership(system, config);
    membership.join();
    return membership;
  }

  private void join() {
    cluster.registerOnMemberUp(() -> up.complete(null));
    system
        .getWhenTerminated()
        .thenRun(
            () ->
                up.completeExceptionally(
                    new VudoException(
                        ErrorCode.CLUSTER_UNREACHABLE,
                        "The node ended while it joined; the log says why. Nodes whose settings"
                            + " differ where they must not are refused by the cluster.")));
    if (config.alone()) {
      if (!system.settings().config().getString("vudo.journal.url").isEmpty()) {
        log.warn(
            "This node shares its journal but has no seeds, so it founds a cluster. If another one"
                + " runs on the same journal, the two will stop each other's Spirits.");
      }
      cluster.join(cluster.selfAddress());
    } else if (!config.seeds().isEmpty()) {
      cluster.joinSeedNodes(config.seeds().addresses(cluster.selfAddress()));
    }
  }

  /**
   * Waits until the node is a member.
   *
   * @throws VudoException {@code CLUSTER_UNREACHABLE}
   */
  void await(Duration timeout) {
    try {
      up.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new VudoException(
          ErrorCode.CLUSTER_UNREACHABLE,
          "Not a member within vudo.node.start-timeout, " + timeout.toSeconds() + " s: " + why(),
          e);
    } catch (ExecutionException | CompletionException e) {
      throw Failures.rethrown(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.CLUSTER_UNREACHABLE, "Interrupted.", e);
    }
  }

  private String why() {
    if (cluster.selfMember().status().equals(MemberStatus.joining())) {
      return "it waits for members that cannot be reached. " + cluster.state();
    }
    return config.seeds().describe(cluster.selfAddress()) + ".";
  }

  /** Whether there is any other node that serves. */
  boolean hasOthers() {
    for (Member member : cluster.state().getMembers()) {
      if (!member.uniqueAddress().equals(cluster.selfUniqueAddress())
          && member.hasRole(SpiritRuntime.ROLE)
          && member.status().equals(MemberStatus.up())) {
        return true;
      }
    }
    return false;
  }

  /** Why the node should be sent no requests now; empty when it is a member. */
  Optional<String> whyNotReady() {
    MemberStatus status = cluster.selfMember().status();
    return status.equals(MemberStatus.up())
        ? Optional.empty()
        : Optional.of("The node's status in the cluster is " + status + ".");
  }
}
