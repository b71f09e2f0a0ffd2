package io.vudo.spirit.internal.actor;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;

/**
 * The sharded address of a Spirit: knows which node's host has it. It is a few bytes and has no
 * state that must survive; one that knows nothing asks all hosts, and when none has the Spirit, its
 * own brings it up.
 *
 * <p>Senders that talk to a Spirit often learn where it is and go around its address, so they do
 * not notice when a shard of addresses moves.
 */
final class SpiritAddress extends AbstractBehavior<SpiritCommand> {
  static final EntityTypeKey<SpiritCommand> KEY =
      EntityTypeKey.create(SpiritCommand.class, "spirit");

  private static final Duration ANSWER_PATIENCE = Duration.ofSeconds(2);
  private static final Duration MARKER_PATIENCE = Duration.ofSeconds(1);

  /** How often a marker is sent again, once each {@link #MARKER_PATIENCE}. */
  private static final int MAX_MARKERS = 30;

  /** The same while the shard waits for this to end. */
  private static final int MAX_LAST_MARKERS = 5;

  private static final Duration LOOK_AGAIN = Duration.ofMillis(20);
  private static final int MAX_LOOKS = 25;

  /** How often to look again while this node has not heard of all hosts. */
  private static final Duration HEAR_OF_HOSTS = Duration.ofMillis(100);

  private static final int MAX_HEARS = 50;

  private enum State {
    UNKNOWN,
    /** Hosts are asked. */
    LOCATING,
    KNOWN,
    /** It is elsewhere now; what was sent to its old host is on its way there. */
    CHANGING,
    /** Its host does not have it, and sends back what it got. */
    RETURNING
  }

  private final TimerScheduler<SpiritCommand> timers;
  private final Hosts hosts;
  private final String spirit;
  private final ActorRef<ClusterSharding.ShardCommand> shard;
  private final ActorRef<HostCommand.Found> found;
  private final ActorRef<HostCommand.Marked> marked;

  private State state = State.UNKNOWN;
  private ActorRef<HostCommand> home;
  private long token;
  private int looks;
  private int hears;
  private int markers;
  private final Deque<SpiritCommand> returned = new ArrayDeque<>();
  private final Deque<SpiritCommand> held = new ArrayDeque<>();
  private final Set<ActorRef<HostCommand>> asked = new HashSet<>();
  private ActorRef<HostCommand> hint;
  private boolean hearing;

  /**
   * Whether this has brought up the Spirit on its node, after all hosts were asked, and it has not
   * moved since: only then may it be brought up there again without asking.
   */
  private boolean mine;

  private boolean leaving;

  /** The last home that ends soon, of which was asked already where the Spirit went. */
  private ActorRef<HostCommand> left;

  private SpiritAddress(
      ActorContext<SpiritCommand> context,
      TimerScheduler<SpiritCommand> timers,
      SpiritContext spirits,
      String spirit,
      ActorRef<ClusterSharding.ShardCommand> shard) {
    super(context);
    this.timers = timers;
    this.hosts = spirits.hosts();
    this.spirit = spirit;
    this.shard = shard;
    this.found = context.messageAdapter(HostCommand.Found.class, SpiritCommand.Located::new);
    this.marked = context.messageAdapter(HostCommand.Marked.class, SpiritCommand.Arrived::new);
    context.setReceiveTimeout(spirits.settings().idleTimeout(), SpiritCommand.Idle.INSTANCE);
  }

  static Behavior<SpiritCommand> create(
      SpiritContext spirits, String spirit, ActorRef<ClusterSharding.ShardCommand> shard) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> new SpiritAddress(context, timers, spirits, spirit, shard)));
  }

  @Override
  public Receive<SpiritCommand> createReceive() {
    return newReceiveBuilder()
        .onMessage(SpiritCommand.At.class, this::onAt)
        .onMessage(SpiritCommand.Bounced.class, this::onBounced)
        .onMessage(SpiritCommand.Located.class, this::onLocated)
        .onMessage(SpiritCommand.Arrived.class, this::onArrived)
        .onMessage(SpiritCommand.AddressLate.class, this::onLate)
        .onMessage(SpiritCommand.Idle.class, this::onIdle)
        .onMessage(SpiritCommand.Passivate.class, this::onPassivate)
        .onMessage(SpiritCommand.class, this::onCommand)
        .build();
  }

  private Behavior<SpiritCommand> onCommand(SpiritCommand command) {
    if (state == State.KNOWN && hosts.isLeaving(home) && !home.equals(left)) {
      left = home;
      held.add(command);
      change();
    } else if (state == State.KNOWN && hosts.isKnown(home)) {
      send(command);
    } else {
      held.add(command);
      if (state == State.UNKNOWN || state == State.KNOWN) {
        locate();
      }
    }
    return this;
  }

  private void send(SpiritCommand command) {
    home.tell(
        new HostCommand.Addressed(
            spirit, command, getContext().getSelf(), mine && home.equals(hosts.here())));
  }

  private void locate() {
    looks = 0;
    hears = 0;
    look();
  }

  private void look() {
    state = State.LOCATING;
    mine = false;
    token++;
    hint = null;
    hearing = false;
    asked.clear();
    asked.add(hosts.here());
    asked.addAll(hosts.others());
    HostCommand.Find find = new HostCommand.Find(spirit, token, found);
    asked.forEach(host -> host.tell(find));
    await(ANSWER_PATIENCE);
  }

  private void await(Duration patience) {
    timers.startSingleTimer("late", new SpiritCommand.AddressLate(token), patience);
  }

  private Behavior<SpiritCommand> onLocated(SpiritCommand.Located located) {
    HostCommand.Found answer = located.found();
    if (state != State.LOCATING || answer.token() != token) {
      return this;
    }
    asked.remove(answer.host());
    if (answer.at() != null && answer.at().equals(answer.host())) {
      return known(answer.host());
    }
    if (answer.at() != null && hosts.isKnown(answer.at())) {
      hint = answer.at();
    }
    return asked.isEmpty() ? nobodyHasIt() : this;
  }

  private Behavior<SpiritCommand> nobodyHasIt() {
    if (hint != null && ++looks < MAX_LOOKS) {
      // On its way from one to the other, or it has left memory there since.
      await(LOOK_AGAIN);
      return this;
    }
    return bringUp();
  }

  /** Nobody is known to have it, so it comes up here; unless there are hosts to hear of first. */
  private Behavior<SpiritCommand> bringUp() {
    if (hosts.knowsElders() || ++hears > MAX_HEARS) {
      mine = true;
      return known(hosts.here());
    }
    hearing = true;
    await(HEAR_OF_HOSTS);
    return this;
  }

  private Behavior<SpiritCommand> known(ActorRef<HostCommand> host) {
    timers.cancel("late");
    token++;
    state = State.KNOWN;
    home = host;
    while (!returned.isEmpty()) {
      send(returned.poll());
    }
    while (!held.isEmpty()) {
      send(held.poll());
    }
    return leaving ? Behaviors.stopped() : this;
  }

  private Behavior<SpiritCommand> onAt(SpiritCommand.At at) {
    if (state == State.KNOWN && !at.host().equals(home)) {
      change();
    } else if (state == State.UNKNOWN) {
      home = at.host();
      state = State.KNOWN;
    }
    return this;
  }

  /** A marker goes after all that was sent to the old home, and arrives at the new one. */
  private void change() {
    state = State.CHANGING;
    mine = false;
    token++;
    markers = 0;
    mark();
  }

  private void mark() {
    send(new SpiritCommand.Marker(token, marked));
    await(MARKER_PATIENCE);
  }

  private Behavior<SpiritCommand> onArrived(SpiritCommand.Arrived arrived) {
    return (state == State.CHANGING || state == State.RETURNING)
            && arrived.marked().token() == token
        ? known(arrived.marked().host())
        : this;
  }

  private Behavior<SpiritCommand> onBounced(SpiritCommand.Bounced bounced) {
    if (bounced.command() instanceof SpiritCommand.Marker marker
        && marker.replyTo().equals(marked)) {
      if ((state == State.RETURNING || state == State.CHANGING) && marker.token() == token) {
        if (leaving && held.isEmpty() && returned.isEmpty()) {
          return Behaviors.stopped();
        }
        locate();
      }
      return this;
    }
    if (state == State.KNOWN || state == State.CHANGING) {
      state = State.RETURNING;
      token++;
      markers = 0;
      // All that was sent there before this comes back before it.
      mark();
    }
    returned.add(bounced.command());
    if (state == State.UNKNOWN) {
      locate();
    }
    return this;
  }

  private Behavior<SpiritCommand> onLate(SpiritCommand.AddressLate late) {
    if (late.token() != token) {
      return this;
    }
    switch (state) {
      case LOCATING -> {
        if (hearing || (hint != null && asked.isEmpty())) {
          look();
          return this;
        }
        // Who does not answer is as good as gone; should it have the Spirit after all, the journal
        // lets only one of them go on.
        return bringUp();
      }
      case CHANGING, RETURNING -> {
        if (hosts.isKnown(home) && ++markers < (leaving ? MAX_LAST_MARKERS : MAX_MARKERS)) {
          mark();
        } else {
          locate();
        }
      }
      case UNKNOWN, KNOWN -> {}
    }
    return this;
  }

  private Behavior<SpiritCommand> onIdle(SpiritCommand.Idle idle) {
    if (state == State.UNKNOWN || state == State.KNOWN) {
      shard.tell(new ClusterSharding.Passivate<>(getContext().getSelf()));
    }
    return this;
  }

  private Behavior<SpiritCommand> onPassivate(SpiritCommand.Passivate passivate) {
    // What waits here is sent first; the shard keeps what comes later.
    leaving = true;
    if (state == State.KNOWN && hosts.isKnown(home) && !home.equals(hosts.here())) {
      // What the next address sends comes by another connection; it must not overtake what is on
      // this one.
      change();
      return this;
    }
    return state == State.UNKNOWN || state == State.KNOWN ? Behaviors.stopped() : this;
  }
}
