package io.vudo.spirit.internal.actor;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Address;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardCoordinator;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.Future;

/**
 * Gives each shard of addresses to the node that {@link Rendezvous} says, among those that stay. An
 * address is a few bytes, so all that belong elsewhere move at once.
 */
final class RendezvousAllocation extends ShardCoordinator.AbstractShardAllocationStrategy {
  private final Cluster cluster;
  private final Predicate<String> draining;

  /**
   * @param draining whether a node takes no Spirits
   */
  RendezvousAllocation(ActorSystem system, Predicate<String> draining) {
    this.cluster = Cluster.get(system);
    this.draining = draining;
  }

  @Override
  public Future<ActorRef> allocateShard(
      ActorRef requester, String shard, Map<ActorRef, IndexedSeq<String>> allocations) {
    Map<String, ActorRef> regions = staying(allocations);
    return Future.successful(
        Rendezvous.home(shard, regions.keySet()).map(regions::get).orElse(requester));
  }

  @Override
  public Future<Set<String>> rebalance(
      Map<ActorRef, IndexedSeq<String>> allocations, Set<String> underWay) {
    Set<String> moving = new TreeSet<>();
    Map<String, ActorRef> regions = staying(allocations);
    if (underWay.isEmpty() && !regions.isEmpty() && isCalm()) {
      allocations.forEach(
          (region, shards) ->
              scala.jdk.javaapi.CollectionConverters.asJava(shards).stream()
                  .filter(shard -> !node(region).equals(home(shard, regions)))
                  .forEach(moving::add));
    }
    return Future.successful(moving);
  }

  private static String home(String shard, Map<String, ActorRef> regions) {
    return Rendezvous.home(shard, regions.keySet()).orElseThrow();
  }

  /**
   * A shard is handed over only when all members say that they know. An absent one would not, and
   * one that was put out by hand is not among the unreachable at first.
   */
  private boolean isCalm() {
    return cluster.state().getUnreachable().isEmpty()
        && StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
            .noneMatch(member -> member.status().equals(MemberStatus.down()));
  }

  private Map<String, ActorRef> staying(Map<ActorRef, IndexedSeq<String>> allocations) {
    Map<String, ActorRef> staying = new HashMap<>();
    allocations.keySet().forEach(region -> staying.put(node(region), region));
    Map<String, ActorRef> kept = new HashMap<>(staying);
    for (Member member : cluster.state().getMembers()) {
      if (!isStaying(member)) {
        kept.remove(Hosts.node(member.address()));
      }
    }
    kept.keySet().removeIf(draining);
    // When all are about to go, somebody has to have it until then.
    return kept.isEmpty() ? staying : kept;
  }

  private static boolean isStaying(Member member) {
    return member.status().equals(MemberStatus.up())
        || member.status().equals(MemberStatus.weaklyUp());
  }

  private String node(ActorRef region) {
    Address address = region.path().address();
    return Hosts.node(address.hasLocalScope() ? cluster.selfAddress() : address);
  }
}
