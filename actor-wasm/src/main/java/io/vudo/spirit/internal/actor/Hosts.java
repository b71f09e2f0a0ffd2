package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.SpiritRuntime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Scheduler;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.typed.HashCodeMessageExtractor;

/** What this node knows of the hosts of all nodes. Thread-safe; written by the node's own host. */
class Hosts {
  static final ServiceKey<HostCommand> KEY =
      ServiceKey.create(HostCommand.class, "vudo-spirit-host");

  /** Those that send to Spirits and host none: the routers of services. */
  static final ServiceKey<HostCommand> SENDERS =
      ServiceKey.create(HostCommand.class, "vudo-spirit-sender");

  /** The same on every node and for ever: a Spirit's shard follows from it. */
  static final int SHARDS = 128;

  /** Which shard a Spirit's address is in. */
  static final HashCodeMessageExtractor<SpiritCommand> EXTRACTOR =
      new HashCodeMessageExtractor<>(SHARDS);

  /**
   * @param homes of each shard, the node that should have it, if there is one
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record View(
      Map<String, ActorRef<HostCommand>> all,
      Map<String, ActorRef<HostCommand>> reachable,
      Set<String> draining,
      List<Optional<String>> homes) {
    View(
        Map<String, ActorRef<HostCommand>> all,
        Map<String, ActorRef<HostCommand>> reachable,
        Set<String> draining) {
      this(all, reachable, draining, homes(reachable.keySet(), draining));
    }

    private static List<Optional<String>> homes(Set<String> nodes, Set<String> draining) {
      Set<String> taking = new TreeSet<>(nodes);
      taking.removeAll(draining);
      return IntStream.range(0, SHARDS)
          .mapToObj(shard -> Rendezvous.home(Integer.toString(shard), taking))
          .toList();
    }
  }

  private final Cluster cluster;
  private final String self;
  private final Scheduler scheduler;
  private volatile View view = new View(Map.of(), Map.of(), Set.of());
  private volatile ActorRef<HostCommand> here;

  /** The routers of services that can be reached, by the names of their members. */
  private volatile Map<String, ActorRef<HostCommand>> senders = Map.of();

  /** Those that end soon. */
  private final Set<ActorRef<HostCommand>> leaving = ConcurrentHashMap.newKeySet();

  Hosts(ActorSystem<?> system) {
    this(system, node(Cluster.get(Adapter.toClassic(system)).selfAddress()));
  }

  /**
   * @param self how this node is called
   */
  Hosts(ActorSystem<?> system, String self) {
    this.scheduler = system.scheduler();
    this.cluster = Cluster.get(Adapter.toClassic(system));
    this.self = self;
  }

  /** Lets the other nodes know of this node's host, and it of them; called by the host. */
  void announce(ActorContext<HostCommand> host) {
    ActorRef<Receptionist.Command> receptionist = host.getSystem().receptionist();
    receptionist.tell(Receptionist.register(KEY, host.getSelf()));
    ActorRef<Receptionist.Listing> listings = listings(host);
    receptionist.tell(Receptionist.subscribe(KEY, listings));
    receptionist.tell(Receptionist.subscribe(SENDERS, listings));
    receptionist.tell(Receptionist.subscribe(ActorDirectory.KEY, listings));
  }

  /** Lets the hosts of all nodes know of a service, and it of them; called by its router. */
  void announceSender(ActorContext<HostCommand> router) {
    ActorRef<Receptionist.Command> receptionist = router.getSystem().receptionist();
    receptionist.tell(Receptionist.register(SENDERS, router.getSelf()));
    receptionist.tell(Receptionist.subscribe(KEY, listings(router)));
  }

  private static ActorRef<Receptionist.Listing> listings(ActorContext<HostCommand> actor) {
    return actor.messageAdapter(Receptionist.Listing.class, HostCommand.Listed::new);
  }

  /** Nobody need ask this node's host for a Spirit any more. */
  void withdraw(ActorContext<HostCommand> host) {
    host.getSystem().receptionist().tell(Receptionist.deregister(KEY, host.getSelf()));
  }

  /** How people call a node: {@code host:port} of its cluster port. */
  static String node(Address address) {
    return address.getHost().orElse("") + ":" + address.getPort().map(Object::toString).orElse("");
  }

  String self() {
    return self;
  }

  void start(ActorRef<HostCommand> host) {
    here = host;
  }

  /** This node's host; null before its Spirits are started. */
  ActorRef<HostCommand> here() {
    return here;
  }

  void send(SpiritId to, SpiritCommand command) {
    send(to.toString(), command);
  }

  void send(String to, SpiritCommand command) {
    ActorRef<HostCommand> host = here;
    if (host != null) {
      host.tell(new HostCommand.Send(to, command));
    }
  }

  /** Asks a Spirit, wherever it is. */
  <T> CompletionStage<T> ask(
      String to, Function<ActorRef<T>, SpiritCommand> command, Duration timeout) {
    if (here == null) {
      return CompletableFuture.failedFuture(
          new VudoException(
              ErrorCode.SPIRIT_UNAVAILABLE, "The node has not started its Spirits yet."));
    }
    return AskPattern.<HostCommand, T>ask(
        here, replyTo -> new HostCommand.Send(to, command.apply(replyTo)), timeout, scheduler);
  }

  /** Takes over what is known; called by the host alone. */
  void listed(Collection<ActorRef<HostCommand>> all, Collection<ActorRef<HostCommand>> reachable) {
    View now = view;
    Map<String, ActorRef<HostCommand>> known = byNode(all);
    Set<String> draining = new TreeSet<>(now.draining());
    // Who comes back under its name takes Spirits again, until it says otherwise.
    draining.removeIf(node -> !node.equals(self) && !same(known.get(node), now.all().get(node)));
    leaving.retainAll(known.values());
    view = new View(known, byNode(reachable), Set.copyOf(draining));
  }

  /** Takes over which services there are; called by the host alone. */
  void sendersListed(Collection<ActorRef<HostCommand>> reachable) {
    senders = byNode(reachable);
  }

  /** Who sends to Spirits from a member: its host, or the router of a service; may be null. */
  ActorRef<HostCommand> sender(String member) {
    ActorRef<HostCommand> host = view.reachable().get(member);
    return host == null ? senders.get(member) : host;
  }

  /** All that send to Spirits from elsewhere and can be reached. */
  Collection<ActorRef<HostCommand>> otherSenders() {
    List<ActorRef<HostCommand>> all = new ArrayList<>(others());
    all.addAll(senders.values());
    return all;
  }

  private static boolean same(ActorRef<HostCommand> one, ActorRef<HostCommand> other) {
    return one != null && one.equals(other);
  }

  void draining(String node, boolean on) {
    View now = view;
    Set<String> draining = new TreeSet<>(now.draining());
    if (on) {
      draining.add(node);
    } else {
      draining.remove(node);
    }
    view = new View(now.all(), now.reachable(), Set.copyOf(draining));
  }

  private Map<String, ActorRef<HostCommand>> byNode(Collection<ActorRef<HostCommand>> hosts) {
    Map<String, ActorRef<HostCommand>> byNode = new TreeMap<>();
    hosts.forEach(host -> byNode.put(nodeOf(host), host));
    return Map.copyOf(byNode);
  }

  String nodeOf(ActorRef<HostCommand> host) {
    Address address = host.path().address();
    return address.hasLocalScope() ? self : node(address);
  }

  boolean isDraining(String node) {
    return view.draining().contains(node);
  }

  /** Whether a host is a member's, reachable or not; one that was restarted is another one. */
  boolean isKnown(ActorRef<HostCommand> host) {
    return host.equals(here) || host.equals(view.all().get(nodeOf(host)));
  }

  /** A host ends soon; whoever sends to it looks for another way. */
  void leaves(ActorRef<HostCommand> host) {
    leaving.add(host);
  }

  boolean isLeaving(ActorRef<HostCommand> host) {
    return leaving.contains(host);
  }

  Map<String, ActorRef<HostCommand>> reachable() {
    return view.reachable();
  }

  /**
   * Whether the host of each older node is known that can be reached; services have none. A node
   * that has just joined has addresses before it has heard of all hosts; until then it cannot say
   * who has no Spirit.
   */
  boolean knowsElders() {
    Map<String, ActorRef<HostCommand>> known = view.all();
    Member here = cluster.selfMember();
    Set<Member> unreachable = cluster.state().getUnreachable();
    for (Member member : cluster.state().getMembers()) {
      boolean serves =
          member.status().equals(MemberStatus.up())
              || member.status().equals(MemberStatus.leaving());
      if (serves
          && member.hasRole(SpiritRuntime.ROLE)
          && !unreachable.contains(member)
          && member.isOlderThan(here)
          && !known.containsKey(node(member.address()))) {
        return false;
      }
    }
    return true;
  }

  Collection<ActorRef<HostCommand>> others() {
    return view.reachable().values().stream().filter(host -> !host.equals(here)).toList();
  }

  /** The host of a node that takes Spirits. */
  Optional<ActorRef<HostCommand>> taking(String node) {
    View now = view;
    return now.draining().contains(node)
        ? Optional.empty()
        : Optional.ofNullable(now.reachable().get(node));
  }

  /** Whether any node takes Spirits. */
  boolean isAnyTaking() {
    View now = view;
    return !now.draining().containsAll(now.reachable().keySet());
  }

  /** Where a Spirit belongs, among those that take Spirits. */
  Optional<String> home(String spirit) {
    return view.homes().get(Integer.parseInt(EXTRACTOR.shardId(spirit)));
  }

  boolean hasShard(int shard, String node) {
    return view.homes().get(shard).filter(node::equals).isPresent();
  }
}
