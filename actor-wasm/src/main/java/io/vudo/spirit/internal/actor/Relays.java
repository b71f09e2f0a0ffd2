package io.vudo.spirit.internal.actor;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * What others sent straight to this host, which does not have the Spirit any more: it goes on by
 * the Spirit's address, and may find the Spirit here again, brought up by it. What the same sender
 * sends after it would overtake it then; so a marker follows it, and the rest waits until that has
 * arrived. Used by the host alone.
 */
final class Relays {
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  /** How often a marker is sent again, once each {@link #PATIENCE}. */
  private static final int MAX_MARKERS = 30;

  /**
   * Each sender has an order of its own, and must not wait for others: what comes here from an
   * address's old host may have to arrive before that address lets anything through.
   */
  private record Stream(String spirit, ActorRef<HostCommand> from) {}

  private static final class Relay {
    private final Stream stream;
    private int markers;
    private final List<HostCommand.Forwarded> held = new ArrayList<>();

    Relay(Stream stream) {
      this.stream = stream;
    }
  }

  private final ActorRef<HostCommand> self;
  private final TimerScheduler<HostCommand> timers;
  private final BiConsumer<String, SpiritCommand> address;
  private final Consumer<List<HostCommand.Forwarded>> again;
  private final Map<Stream, Long> tokens = new HashMap<>();
  private final Map<Long, Relay> relays = new HashMap<>();
  private long last;

  /**
   * @param self the host
   * @param address sends by the Spirit's address
   * @param again handles what waited, of one sender to one Spirit, as if it had come just now
   */
  Relays(
      ActorRef<HostCommand> self,
      TimerScheduler<HostCommand> timers,
      BiConsumer<String, SpiritCommand> address,
      Consumer<List<HostCommand.Forwarded>> again) {
    this.self = self;
    this.timers = timers;
    this.address = address;
    this.again = again;
  }

  /** Whether something of the same sender is on its way yet; then this waits. */
  boolean hold(HostCommand.Forwarded forwarded) {
    Long token = tokens.get(stream(forwarded));
    if (token == null) {
      return false;
    }
    relays.get(token).held.add(forwarded);
    return true;
  }

  /**
   * Sends on by the address.
   *
   * @param all of one sender to one Spirit
   */
  void send(List<HostCommand.Forwarded> all) {
    Stream stream = stream(all.get(0));
    Long before = tokens.get(stream);
    if (before != null) {
      relays.get(before).held.addAll(all);
      return;
    }
    // Those of routes are positive.
    long token = --last;
    Relay relay = new Relay(stream);
    tokens.put(stream, token);
    relays.put(token, relay);
    all.forEach(forwarded -> address.accept(stream.spirit(), forwarded.command()));
    mark(token, relay);
  }

  private static Stream stream(HostCommand.Forwarded forwarded) {
    return new Stream(forwarded.spirit(), forwarded.from());
  }

  private void mark(long token, Relay relay) {
    String spirit = relay.stream.spirit();
    address.accept(spirit, new SpiritCommand.Marker(token, self.narrow()));
    timers.startSingleTimer("relay " + token, new HostCommand.RouteLate(spirit, token), PATIENCE);
  }

  void marked(HostCommand.Marked marked) {
    over(marked.token());
  }

  void late(HostCommand.RouteLate late) {
    Relay relay = relays.get(late.token());
    if (relay == null) {
      return;
    }
    if (++relay.markers < MAX_MARKERS) {
      // Slow, or lost with a node.
      mark(late.token(), relay);
    } else {
      over(late.token());
    }
  }

  private void over(long token) {
    Relay relay = relays.remove(token);
    if (relay != null) {
      tokens.remove(relay.stream);
      timers.cancel("relay " + token);
      if (!relay.held.isEmpty()) {
        again.accept(relay.held);
      }
    }
  }
}
