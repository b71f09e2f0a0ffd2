package io.vudo.spirit.internal.actor;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * How commands get from one actor system to Spirits that are elsewhere: straight to the host that
 * is known to have the Spirit, or to the Spirit's address. Messages keep their order when the way
 * changes. Used by one actor only, the host of a node or the router of a service.
 */
final class Routes {
  private static final Duration ROUTE_PATIENCE = Duration.ofSeconds(1);
  private static final int MAX_ROUTES = 100_000;

  /** How often a marker is sent again, once each {@link #ROUTE_PATIENCE}. */
  private static final int MAX_MARKERS = 30;

  /**
   * The way to one Spirit. One whose Spirit is here meanwhile is the way of what was sent before
   * that, and may still be on it.
   */
  private static final class Route {
    /** Null: by the shard. */
    private ActorRef<HostCommand> to;

    private int markers;

    /** Not 0 while the way is being changed; what comes meanwhile waits. */
    private long token;

    private final List<SpiritCommand> held = new ArrayList<>();
  }

  /**
   * A host that ends soon.
   *
   * @param changing the Spirits to which the way went there, until there is another one
   */
  private record Goodbye(ActorRef<HostCommand.Released> replyTo, Set<String> changing) {}

  private final ActorRef<HostCommand> self;
  private final TimerScheduler<HostCommand> timers;
  private final Hosts hosts;
  private final Predicate<String> here;
  private final BiConsumer<String, SpiritCommand> address;
  private final BiConsumer<String, SpiritCommand> again;
  private final LinkedHashMap<String, Route> routes = new LinkedHashMap<>(16, 0.75f, true);
  private final List<Goodbye> goodbyes = new ArrayList<>();
  private long tokens;

  /**
   * @param self the actor whose ways these are
   * @param here whether a Spirit is with that actor, or was until now
   * @param address sends by the Spirit's address
   * @param again sends what waited for a way
   */
  Routes(
      ActorRef<HostCommand> self,
      TimerScheduler<HostCommand> timers,
      Hosts hosts,
      Predicate<String> here,
      BiConsumer<String, SpiritCommand> address,
      BiConsumer<String, SpiritCommand> again) {
    this.self = self;
    this.timers = timers;
    this.hosts = hosts;
    this.here = here;
    this.address = address;
    this.again = again;
  }

  /** Whether the way to a Spirit is not sure now; then the command waits until it is. */
  boolean hold(String spirit, SpiritCommand command) {
    Route route = routes.get(spirit);
    if (route == null || (route.token == 0 && !here.test(spirit))) {
      return false;
    }
    route.held.add(command);
    if (route.token == 0) {
      change(spirit, route);
    }
    return true;
  }

  /** Sends what need not wait, to a Spirit that is not here. */
  void send(String spirit, SpiritCommand command) {
    Route route = routes.get(spirit);
    if (route != null && route.to != null && hosts.isKnown(route.to)) {
      route.to.tell(new HostCommand.Forwarded(spirit, command, self));
    } else {
      sendByAddress(spirit, command);
    }
  }

  /** What is sent later, when it is known where the Spirit is, must not overtake this. */
  void sendByAddress(String spirit, SpiritCommand command) {
    routes.computeIfAbsent(spirit, unknown -> new Route()).to = null;
    trim();
    address.accept(spirit, command);
  }

  /** Whether a marker is under way, which will say where the Spirit is. */
  boolean isChanging(String spirit) {
    Route route = routes.get(spirit);
    return route != null && route.token != 0;
  }

  /** A Spirit that is not here is at a host. */
  void found(String spirit, ActorRef<HostCommand> host) {
    Route route = routes.get(spirit);
    if (!isChanging(spirit) && !host.equals(self) && (route == null || !host.equals(route.to))) {
      change(spirit, route);
    }
  }

  /** A Spirit that is not here is not where the way goes. */
  void lost(String spirit) {
    Route route = routes.get(spirit);
    if (route != null && route.token == 0) {
      change(spirit, route);
    }
  }

  /** What was sent to this Spirit went to a host by another way than these. */
  void begin(String spirit, ActorRef<HostCommand> to) {
    Route route = new Route();
    route.to = to;
    routes.putIfAbsent(spirit, route);
  }

  /**
   * Those on the old way must arrive before those on the new one: a marker follows them, and what
   * comes meanwhile waits until it has arrived.
   */
  private void change(String spirit, Route old) {
    Route route = old == null ? new Route() : old;
    route.token = ++tokens;
    route.markers = 0;
    routes.put(spirit, route);
    trim();
    mark(spirit, route);
  }

  private void mark(String spirit, Route route) {
    SpiritCommand.Marker marker = new SpiritCommand.Marker(route.token, self.narrow());
    if (route.to != null && hosts.isKnown(route.to)) {
      route.to.tell(new HostCommand.Forwarded(spirit, marker, self));
    } else {
      address.accept(spirit, marker);
    }
    timers.startSingleTimer(
        "route " + spirit, new HostCommand.RouteLate(spirit, route.token), ROUTE_PATIENCE);
  }

  /** Forgets what nobody uses. */
  void trim() {
    if (routes.size() > MAX_ROUTES) {
      // The least recently used are first.
      var oldest = routes.entrySet().iterator();
      while (routes.size() > MAX_ROUTES && oldest.hasNext()) {
        if (oldest.next().getValue().token == 0) {
          oldest.remove();
        }
      }
    }
  }

  void marked(HostCommand.Marked marked) {
    Route route = routes.get(marked.spirit());
    if (route != null && route.token == marked.token()) {
      route.token = 0;
      timers.cancel("route " + marked.spirit());
      route.to = marked.host();
      if (marked.host().equals(self) || here.test(marked.spirit())) {
        routes.remove(marked.spirit());
      }
      sendHeld(marked.spirit(), route);
      settled(marked.spirit());
    }
  }

  void late(HostCommand.RouteLate late) {
    Route route = routes.get(late.spirit());
    if (route == null || route.token != late.token()) {
      return;
    }
    if (++route.markers < MAX_MARKERS) {
      // Slow, or lost with a node. On the same way again, another one still comes after all else.
      mark(late.spirit(), route);
    } else {
      routes.remove(late.spirit());
      sendHeld(late.spirit(), route);
      settled(late.spirit());
    }
  }

  private void sendHeld(String spirit, Route route) {
    List<SpiritCommand> held = List.copyOf(route.held);
    route.held.clear();
    held.forEach(command -> again.accept(spirit, command));
  }

  /** All that was sent to a host that ends soon has arrived when the markers behind it have. */
  void farewell(HostCommand.Farewell farewell) {
    hosts.leaves(farewell.host());
    Set<String> changing = new HashSet<>();
    for (Map.Entry<String, Route> each : List.copyOf(routes.entrySet())) {
      Route route = each.getValue();
      if (farewell.host().equals(route.to)) {
        changing.add(each.getKey());
        if (route.token == 0) {
          change(each.getKey(), route);
        }
      }
    }
    goodbyes.add(new Goodbye(farewell.replyTo(), changing));
    answerGoodbyes();
  }

  /** A way is sure, or given up. */
  private void settled(String spirit) {
    if (!goodbyes.isEmpty()) {
      goodbyes.forEach(goodbye -> goodbye.changing.remove(spirit));
      answerGoodbyes();
    }
  }

  private void answerGoodbyes() {
    goodbyes.removeIf(
        goodbye -> {
          if (!goodbye.changing.isEmpty()) {
            return false;
          }
          goodbye.replyTo.tell(new HostCommand.Released(self));
          return true;
        });
  }
}
