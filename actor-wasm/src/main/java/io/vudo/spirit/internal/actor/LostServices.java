package io.vudo.spirit.internal.actor;

import io.vudo.spirit.SpiritRuntime;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.ClusterEvent.ReachabilityEvent;
import org.apache.pekko.cluster.ClusterEvent.UnreachableMember;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * Takes members without Spirits out of the cluster as soon as they cannot be reached, before the
 * split-brain resolver counts them.
 *
 * <p>The resolver waits until nothing changes, and ends all nodes when it does not become quiet: a
 * few services that die one after the other would look like that to it. They hold nothing that must
 * not be written twice, so there is nothing to wait for. A node that does not reach most nodes
 * leaves them alone: it may be the one that is cut off.
 */
final class LostServices {
  private LostServices() {}

  static Behavior<ReachabilityEvent> create() {
    return Behaviors.setup(
        context -> {
          Cluster cluster = Cluster.get(context.getSystem());
          cluster
              .subscriptions()
              .tell(Subscribe.create(context.getSelf(), ReachabilityEvent.class));
          return Behaviors.receive(ReachabilityEvent.class)
              .onMessage(
                  UnreachableMember.class,
                  lost -> {
                    onLost(context, cluster, lost.member());
                    return Behaviors.same();
                  })
              .onMessage(ReachabilityEvent.class, other -> Behaviors.same())
              .build();
        });
  }

  private static void onLost(
      ActorContext<ReachabilityEvent> context, Cluster cluster, Member member) {
    if (!member.hasRole(SpiritRuntime.ROLE) && reachesMostNodes(cluster.state())) {
      context
          .getLog()
          .warn("{} cannot be reached and leaves the cluster", Hosts.node(member.address()));
      cluster.manager().tell(new Down(member.address()));
    }
  }

  private static boolean reachesMostNodes(CurrentClusterState state) {
    int all = 0;
    int reached = 0;
    for (Member member : state.getMembers()) {
      if (member.hasRole(SpiritRuntime.ROLE)) {
        all++;
        reached += state.getUnreachable().contains(member) ? 0 : 1;
      }
    }
    return reached * 2 > all;
  }
}
