package io.vudo.spirit.internal.actor;

import io.vudo.journal.HandedStates;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.wire.v1.Step;
import io.vudo.spirit.Drained;
import io.vudo.spirit.HostStatus;
import io.vudo.spirit.internal.history.JournalHistory;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Has the Spirits that are in this node's memory, one gate each, and is the way of all commands to
 * Spirits, wherever these are: here, on a node that is known, or by the address in the shard.
 *
 * <p>A gate gets commands from nobody else, so what it was told before the host lets it go is all
 * that it will ever be told. That is what makes leaving memory and moving lose nothing.
 */
final class SpiritHost extends AbstractBehavior<HostCommand> {
  private static final Duration TICK = Duration.ofSeconds(1);
  private static final long TOMBSTONE_NANOS = Duration.ofMinutes(1).toNanos();
  private static final long ARRIVAL_NANOS = Duration.ofMinutes(2).toNanos();
  private static final long RETRY_NANOS = Duration.ofSeconds(5).toNanos();

  /** How much of what waits is handed over with a Spirit; the rest follows message by message. */
  private static final long GIVEN_BYTES = 1 << 20;

  /** What a command takes beside its payload, about. */
  private static final long COMMAND_BYTES = 1024;

  /** How long a node that is emptied waits for one that takes Spirits: that it does may be news. */
  private static final long TAKER_NANOS = Duration.ofSeconds(3).toNanos();

  private static final int MAX_ATTEMPTS = 3;

  private enum Phase {
    RESIDENT,
    /** Told to leave memory; what comes now waits until it has. */
    LEAVING,
    /** Given away as soon as the gate has said what waits for it. */
    PARTING,
    /** On another node; what comes is sent after it. */
    GONE
  }

  /** A Spirit that is here, or has just left. */
  private static final class Entry {
    private Phase phase = Phase.RESIDENT;
    private ActorRef<SpiritCommand> gate;
    private ActorRef<SpiritCommand> address;
    private final List<SpiritCommand> held = new ArrayList<>();
    private final Set<String> taught = new HashSet<>();
    private boolean pinned;
    private boolean moving;
    private int failedMoves;
    private long notBeforeNanos = System.nanoTime();
    private ActorRef<HostCommand> to;
    private long goneNanos;

    /** Of one that is gone, whether something of this node's own was sent after it. */
    private boolean followed;

    private final List<ActorRef<MoveReply>> movers = new ArrayList<>();

    boolean isLive() {
      return phase != Phase.GONE;
    }
  }

  private final SpiritContext spirits;
  private final Hosts hosts;
  private final MoveLog log;
  private final HandedStates handed;
  private final Executor guests;
  private final Map<String, Entry> entries = new HashMap<>();
  private final Map<String, Arrival> arrivals = new HashMap<>();
  private final Routes routes;
  private final Relays relays;
  private final ActorDirectory actors = new ActorDirectory();
  private final List<ActorRef<DrainReply>> drainers = new ArrayList<>();
  private final List<ActorRef<HostCommand.Closed>> closers = new ArrayList<>();

  /** Who should be elsewhere, as of the last look. */
  private final ArrayDeque<String> candidates = new ArrayDeque<>();

  /** Who has stopped to move, and who waits for that. */
  private final Set<String> paused = new HashSet<>();

  private final ArrayDeque<String> wantPause = new ArrayDeque<>();
  private long names;
  private int moving;
  private long drained;
  private long drainSinceNanos;
  private boolean closing;

  private SpiritHost(
      ActorContext<HostCommand> context,
      TimerScheduler<HostCommand> timers,
      SpiritContext spirits,
      MoveLog log) {
    super(context);
    context.setLoggerName(SpiritHost.class);
    this.spirits = spirits;
    this.hosts = spirits.hosts();
    this.log = log;
    this.handed = HandedStates.get(context.getSystem());
    this.guests =
        context
            .getSystem()
            .dispatchers()
            .lookup(DispatcherSelector.fromConfig(spirits.settings().dispatcher()));
    this.routes =
        new Routes(
            context.getSelf(),
            timers,
            hosts,
            entries::containsKey,
            this::sendToAddress,
            this::send);
    this.relays = new Relays(context.getSelf(), timers, this::sendToAddress, this::again);
    hosts.announce(context);
    timers.startTimerWithFixedDelay(HostCommand.Tick.INSTANCE, TICK);
  }

  static Behavior<HostCommand> create(SpiritContext spirits, MoveLog log) {
    // A mistake in one command must not end all Spirits of the node.
    return Behaviors.supervise(
            Behaviors.<HostCommand>setup(
                context ->
                    Behaviors.withTimers(timers -> new SpiritHost(context, timers, spirits, log))))
        .onFailure(SupervisorStrategy.resume());
  }

  @Override
  public Receive<HostCommand> createReceive() {
    return newReceiveBuilder()
        .onMessage(HostCommand.Send.class, this::onSend)
        .onMessage(HostCommand.Forwarded.class, this::onForwarded)
        .onMessage(HostCommand.Addressed.class, this::onAddressed)
        .onMessage(HostCommand.At.class, this::onAt)
        .onMessage(HostCommand.Marked.class, this::onMarked)
        .onMessage(HostCommand.RouteLate.class, this::onRouteLate)
        .onMessage(HostCommand.Find.class, this::onFind)
        .onMessage(HostCommand.LetGo.class, this::onLetGo)
        .onMessage(HostCommand.Ended.class, this::onEnded)
        .onMessage(HostCommand.WantsPause.class, this::onWantsPause)
        .onMessage(HostCommand.Parting.class, this::onParting)
        .onMessage(HostCommand.HandOver.class, this::onHandOver)
        .onMessage(HostCommand.MoveOver.class, this::onMoveOver)
        .onMessage(HostCommand.Offered.class, this::onOffered)
        .onMessage(HostCommand.Warmed.class, this::onWarmed)
        .onMessage(HostCommand.Copied.class, this::onCopied)
        .onMessage(HostCommand.StandUp.class, this::onStandUp)
        .onMessage(HostCommand.Rest.class, this::onRest)
        .onMessage(HostCommand.StoodUp.class, this::onStoodUp)
        .onMessage(HostCommand.Fell.class, this::onFell)
        .onMessage(HostCommand.Given.class, this::onGiven)
        .onMessage(HostCommand.Dropped.class, this::onDropped)
        .onMessage(HostCommand.Draining.class, this::onDraining)
        .onMessage(HostCommand.Drain.class, this::onDrain)
        .onMessage(HostCommand.Farewell.class, this::onFarewell)
        .onMessage(HostCommand.Report.class, this::onReport)
        .onMessage(HostCommand.Recent.class, this::onRecent)
        .onMessage(HostCommand.Listed.class, this::onListed)
        .onMessage(HostCommand.Tick.class, this::onTick)
        .onMessage(HostCommand.Close.class, this::onClose)
        .build();
  }

  // The way of commands

  private Behavior<HostCommand> onSend(HostCommand.Send send) {
    if (ActorDirectory.isActor(send.spirit())) {
      actors.send(send.spirit(), send.command());
      return this;
    }
    send(send.spirit(), send.command());
    return this;
  }

  private void send(String spirit, SpiritCommand command) {
    Entry entry = entries.get(spirit);
    if (routes.hold(spirit, command)) {
      return;
    }
    if (entry != null) {
      pass(spirit, entry, command, getContext().getSelf());
    } else {
      routes.send(spirit, command);
    }
  }

  private void sendToAddress(String spirit, SpiritCommand command) {
    spirits.sharding().entityRefFor(SpiritAddress.KEY, spirit).tell(command);
  }

  private Behavior<HostCommand> onForwarded(HostCommand.Forwarded forwarded) {
    forwarded(forwarded);
    return this;
  }

  private void forwarded(HostCommand.Forwarded forwarded) {
    Entry entry = entries.get(forwarded.spirit());
    if (relays.hold(forwarded)) {
      if (entry == null && forwarded.command() instanceof SpiritCommand.Marker) {
        // Who sends it asks where the Spirit is, and may not have heard before.
        forwarded.from().tell(new HostCommand.At(forwarded.spirit(), null));
      }
      return;
    }
    if (entry != null) {
      pass(forwarded.spirit(), entry, forwarded.command(), forwarded.from());
    } else {
      forwarded.from().tell(new HostCommand.At(forwarded.spirit(), null));
      relays.send(List.of(forwarded));
    }
  }

  private void again(List<HostCommand.Forwarded> waited) {
    for (int i = 0; i < waited.size(); i++) {
      if (!entries.containsKey(waited.get(i).spirit())) {
        // It is elsewhere. Behind one marker, not each behind its own.
        relays.send(waited.subList(i, waited.size()));
        return;
      }
      forwarded(waited.get(i));
    }
  }

  private Behavior<HostCommand> onAddressed(HostCommand.Addressed addressed) {
    String spirit = addressed.spirit();
    Entry entry = entries.get(spirit);
    if (entry == null && addressed.start()) {
      entry = start(spirit, addressed.command());
    }
    if (entry == null) {
      if (!addressed.start()) {
        addressed.from().tell(new SpiritCommand.Bounced(addressed.command()));
      }
      return this;
    }
    if (entry.phase == Phase.GONE) {
      addressed.from().tell(new SpiritCommand.At(entry.to));
    } else {
      entry.address = addressed.from();
      teach(spirit, entry, addressed.command());
    }
    pass(spirit, entry, addressed.command(), getContext().getSelf());
    return this;
  }

  private void pass(String spirit, Entry entry, SpiritCommand command, ActorRef<HostCommand> from) {
    switch (entry.phase) {
      case RESIDENT -> {
        if (!from.equals(getContext().getSelf())) {
          // It knows the way, so it has to hear when that changes.
          entry.taught.add(hosts.nodeOf(from));
        }
        deliver(spirit, entry, command);
      }
      case LEAVING, PARTING -> entry.held.add(command);
      case GONE -> {
        boolean own = from.equals(getContext().getSelf());
        if (hosts.isKnown(entry.to)) {
          entry.followed |= own;
          entry.to.tell(new HostCommand.Forwarded(spirit, command, from));
          if (!own) {
            from.tell(new HostCommand.At(spirit, entry.to));
          }
        } else {
          forget(spirit, entry);
          if (own) {
            routes.sendByAddress(spirit, command);
          } else {
            relays.send(List.of(new HostCommand.Forwarded(spirit, command, from)));
          }
        }
      }
    }
  }

  /** Of one that is gone; but its move has to be over first, as it counts until then. */
  private void forget(String spirit, Entry entry) {
    if (!entry.moving) {
      entries.remove(spirit);
    }
  }

  private void deliver(String spirit, Entry entry, SpiritCommand command) {
    if (command instanceof SpiritCommand.Marker marker) {
      marker.replyTo().tell(new HostCommand.Marked(spirit, marker.token(), getContext().getSelf()));
    } else if (command instanceof SpiritCommand.Relocate relocate) {
      move(spirit, entry, relocate.node(), true, relocate.replyTo());
    } else {
      entry.gate.tell(command);
    }
  }

  /** Tells the node of a caller where the Spirit is, so that it need not ask the address again. */
  private void teach(String spirit, Entry entry, SpiritCommand command) {
    if (command instanceof SpiritCommand.Deliver deliver
        && !deliver.replyTo().path().address().hasLocalScope()) {
      String node = Hosts.node(deliver.replyTo().path().address());
      ActorRef<HostCommand> host = hosts.sender(node);
      if (host != null && !node.equals(hosts.self()) && entry.taught.add(node)) {
        host.tell(new HostCommand.At(spirit, getContext().getSelf()));
      }
    }
  }

  private Entry start(String spirit, SpiritCommand first) {
    SpiritId id;
    try {
      id = SpiritId.parse(spirit);
    } catch (VudoException e) {
      refuse(first, e.toError());
      return null;
    }
    if (closing) {
      refuse(first, new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "The node is stopping."));
      return null;
    }
    abandonArrival(spirit);
    Entry entry = new Entry();
    entry.gate = spawn(id, null);
    entries.put(spirit, entry);
    return entry;
  }

  private static void refuse(SpiritCommand command, VudoError error) {
    if (command instanceof SpiritCommand.Queued queued) {
      queued.refuse(error);
    }
  }

  private ActorRef<SpiritCommand> spawn(SpiritId id, SpiritGate.StandBy standBy) {
    // A name of its own each time: the last one of this Spirit may be about to end.
    ActorRef<SpiritCommand> gate =
        getContext()
            .spawn(
                SpiritGate.create(spirits, id, getContext().getSelf(), standBy),
                "spirit-" + ++names);
    getContext().watchWith(gate, new HostCommand.Ended(id.toString(), gate));
    return gate;
  }

  // Routes

  private Behavior<HostCommand> onAt(HostCommand.At at) {
    String spirit = at.spirit();
    Entry entry = entries.get(spirit);
    if (routes.isChanging(spirit)) {
      // The marker under way will say where it is.
      return this;
    }
    if (at.host() == null) {
      if (entry != null && entry.phase == Phase.GONE && !entry.moving) {
        entries.remove(spirit);
        if (entry.followed) {
          routes.begin(spirit, entry.to);
        }
      }
      if (!entries.containsKey(spirit)) {
        routes.lost(spirit);
      }
    } else if (entry == null) {
      routes.found(spirit, at.host());
    }
    return this;
  }

  private Behavior<HostCommand> onMarked(HostCommand.Marked marked) {
    routes.marked(marked);
    relays.marked(marked);
    return this;
  }

  private Behavior<HostCommand> onFarewell(HostCommand.Farewell farewell) {
    for (Map.Entry<String, Entry> each : List.copyOf(entries.entrySet())) {
      Entry entry = each.getValue();
      if (entry.phase == Phase.GONE && !entry.moving && farewell.host().equals(entry.to)) {
        entries.remove(each.getKey());
        routes.begin(each.getKey(), entry.to);
      }
    }
    routes.farewell(farewell);
    return this;
  }

  private Behavior<HostCommand> onRouteLate(HostCommand.RouteLate late) {
    routes.late(late);
    relays.late(late);
    return this;
  }

  private Behavior<HostCommand> onFind(HostCommand.Find find) {
    Entry entry = entries.get(find.spirit());
    ActorRef<HostCommand> at =
        entry == null ? null : entry.isLive() ? getContext().getSelf() : entry.to;
    find.replyTo()
        .tell(new HostCommand.Found(find.spirit(), find.token(), getContext().getSelf(), at));
    return this;
  }

  // Leaving memory

  private Behavior<HostCommand> onLetGo(HostCommand.LetGo let) {
    Entry entry = entries.get(let.spirit());
    if (entry != null && entry.phase == Phase.RESIDENT && !entry.moving) {
      entry.phase = Phase.LEAVING;
      entry.gate.tell(SpiritCommand.Go.INSTANCE);
    }
    return this;
  }

  private Behavior<HostCommand> onEnded(HostCommand.Ended ended) {
    Arrival arrival = arrivals.get(ended.spirit());
    if (arrival != null && ended.gate().equals(arrival.gate())) {
      arrivals.remove(ended.spirit());
      handed.discard(JournalHistory.persistenceId(SpiritId.parse(ended.spirit())));
      arrival.say(Step.Kind.FAILED, new VudoError(ErrorCode.RELOCATION_FAILED, "It ended there."));
    }
    Entry entry = entries.get(ended.spirit());
    if (entry != null && ended.gate().equals(entry.gate) && entry.isLive()) {
      entries.remove(ended.spirit());
      boolean left = entry.phase == Phase.LEAVING;
      // What it held is sent below, not to it.
      entry.phase = Phase.LEAVING;
      if (entry.moving) {
        over(
            ended.spirit(),
            entry,
            new MoveReply.NotMoved(
                ended.spirit(), new VudoError(ErrorCode.RELOCATION_FAILED, "The Spirit stopped.")));
      }
      if (left && !closing) {
        comeBack(ended.spirit(), entry);
      } else {
        entry.held.forEach(command -> routes.sendByAddress(ended.spirit(), command));
      }
    }
    answerClosers();
    return this;
  }

  /**
   * What came while it left brings it back, at once and here: what its address sends meanwhile
   * comes after that. It was here all the time, for whoever asked.
   */
  private void comeBack(String spirit, Entry left) {
    if (left.held.isEmpty()) {
      return;
    }
    Entry entry = start(spirit, left.held.get(0));
    entry.address = left.address;
    entry.taught.addAll(left.taught);
    left.held.forEach(command -> deliver(spirit, entry, command));
  }

  // Moving away

  private void move(
      String spirit, Entry entry, String node, boolean pinned, ActorRef<MoveReply> replyTo) {
    boolean stays = node.equals(hosts.self());
    Optional<ActorRef<HostCommand>> to =
        stays ? Optional.of(getContext().getSelf()) : hosts.taking(node);
    VudoError refusal =
        to.isEmpty()
            ? new VudoError(ErrorCode.NODE_UNKNOWN, "Got \"" + node + "\".")
            : entry.moving
                ? new VudoError(ErrorCode.RELOCATION_FAILED, spirit + " is moving already.")
                : null;
    if (refusal != null) {
      if (replyTo != null) {
        replyTo.tell(new MoveReply.NotMoved(spirit, refusal));
      }
      return;
    }
    // Also when it is where it should be: only the gate knows whether a Spirit lives there.
    entry.moving = true;
    moving++;
    if (replyTo != null) {
      entry.movers.add(replyTo);
    }
    entry.gate.tell(new SpiritCommand.Depart(to.get(), node, pinned));
  }

  private Behavior<HostCommand> onWantsPause(HostCommand.WantsPause wants) {
    wantPause.add(wants.spirit());
    grantPauses();
    return this;
  }

  /** The fewer are stopped at once, the shorter each is. */
  private void grantPauses() {
    while (paused.size() < spirits.settings().maxPaused() && !wantPause.isEmpty()) {
      String spirit = wantPause.poll();
      Entry entry = entries.get(spirit);
      if (entry != null && entry.moving && entry.phase == Phase.RESIDENT) {
        paused.add(spirit);
        entry.gate.tell(SpiritCommand.MayPause.INSTANCE);
      }
    }
  }

  private Behavior<HostCommand> onParting(HostCommand.Parting parting) {
    Entry entry = entries.get(parting.spirit());
    if (entry != null && entry.phase == Phase.RESIDENT) {
      entry.phase = Phase.PARTING;
      entry.gate.tell(SpiritCommand.Parted.INSTANCE);
    }
    return this;
  }

  private Behavior<HostCommand> onHandOver(HostCommand.HandOver over) {
    Entry entry = entries.get(over.spirit());
    if (entry == null || entry.phase != Phase.PARTING) {
      return this;
    }
    int first = fitting(over.waiting());
    // All to one host, so in this order.
    over.to()
        .tell(
            new HostCommand.Given(
                io.vudo.protocol.wire.v1.Give.newBuilder()
                    .setSpirit(over.spirit())
                    .setMove(over.move())
                    .setPinned(over.pinned())
                    .build(),
                over.waiting().subList(0, first)));
    entry.phase = Phase.GONE;
    entry.to = over.to();
    entry.goneNanos = System.nanoTime();
    List<SpiritCommand> held = List.copyOf(entry.held);
    entry.held.clear();
    over.waiting()
        .subList(first, over.waiting().size())
        .forEach(command -> pass(over.spirit(), entry, command, getContext().getSelf()));
    held.forEach(command -> pass(over.spirit(), entry, command, getContext().getSelf()));
    Steps.at(Steps.GIVEN, over.spirit());
    if (entry.address != null) {
      entry.address.tell(new SpiritCommand.At(over.to()));
    }
    entry.taught.stream()
        .map(hosts::sender)
        .filter(host -> host != null && !host.equals(over.to()))
        .forEach(host -> host.tell(new HostCommand.At(over.spirit(), over.to())));
    return this;
  }

  /** How many of them go into one message between nodes, about. */
  private static int fitting(List<SpiritCommand> waiting) {
    int fit = 0;
    long bytes = 0;
    for (SpiritCommand command : waiting) {
      bytes += COMMAND_BYTES;
      bytes += command instanceof SpiritCommand.Queued queued ? queued.payloadBytes() : 0;
      if (bytes > GIVEN_BYTES) {
        break;
      }
      fit++;
    }
    return fit;
  }

  private Behavior<HostCommand> onMoveOver(HostCommand.MoveOver done) {
    Entry entry = entries.get(done.spirit());
    if (entry != null && entry.moving) {
      over(done.spirit(), entry, done.reply());
    }
    return this;
  }

  private void over(String spirit, Entry entry, MoveReply reply) {
    entry.moving = false;
    moving--;
    paused.remove(spirit);
    grantPauses();
    if (reply instanceof MoveReply.Moved moved
        && moved.relocation().to().equals(moved.relocation().from())) {
      entry.pinned = true;
    } else if (reply instanceof MoveReply.Moved moved) {
      drained++;
      log.moved(moved.relocation());
    } else if (reply instanceof MoveReply.NotMoved not) {
      if (entry.phase == Phase.PARTING) {
        entry.phase = Phase.RESIDENT;
        List<SpiritCommand> held = List.copyOf(entry.held);
        entry.held.clear();
        held.forEach(command -> deliver(spirit, entry, command));
        if (closing) {
          entry.gate.tell(SpiritCommand.Passivate.INSTANCE);
        }
      }
      entry.failedMoves++;
      // Each try stops it for a while. Whoever empties the node cannot wait that long.
      int doublings = hosts.isDraining(hosts.self()) ? 0 : Math.min(entry.failedMoves, 6);
      entry.notBeforeNanos = System.nanoTime() + (RETRY_NANOS << doublings);
      log.failed(spirit, not.error());
    }
    entry.movers.forEach(mover -> mover.tell(reply));
    entry.movers.clear();
    moveOn();
  }

  /** Looks who should be elsewhere, and starts as many moves as may be under way. */
  private void lookWhoMoves() {
    candidates.clear();
    boolean away = hosts.isDraining(hosts.self());
    entries.forEach(
        (spirit, entry) -> {
          if (shouldMove(spirit, entry, away).isPresent()) {
            candidates.add(spirit);
          }
        });
    moveOn();
  }

  private Optional<String> shouldMove(String spirit, Entry entry, boolean away) {
    return entry.phase == Phase.RESIDENT
            && !entry.moving
            && (away ? entry.failedMoves < MAX_ATTEMPTS : !entry.pinned)
        ? hosts.home(spirit).filter(home -> !home.equals(hosts.self()))
        : Optional.empty();
  }

  private void moveOn() {
    boolean away = hosts.isDraining(hosts.self());
    long now = System.nanoTime();
    while (moving < spirits.settings().maxMoves() && !candidates.isEmpty()) {
      String spirit = candidates.poll();
      Entry entry = entries.get(spirit);
      if (entry != null && now - entry.notBeforeNanos >= 0) {
        shouldMove(spirit, entry, away).ifPresent(home -> move(spirit, entry, home, false, null));
      }
    }
    if (away && moving == 0 && !drainers.isEmpty() && nobodyShouldMove() && !mayFindTaker(now)) {
      answerDrainers();
    }
  }

  private boolean nobodyShouldMove() {
    return entries.entrySet().stream()
        .allMatch(
            each ->
                each.getValue().phase != Phase.LEAVING
                    && shouldMove(each.getKey(), each.getValue(), true).isEmpty());
  }

  /** Another node may have ended its own draining, and this one not have heard of it yet. */
  private boolean mayFindTaker(long now) {
    return live() > 0
        && !hosts.others().isEmpty()
        && !hosts.isAnyTaking()
        && now - drainSinceNanos < TAKER_NANOS;
  }

  private void answerDrainers() {
    Drained how = new Drained(hosts.self(), drained, live());
    drainers.forEach(drainer -> drainer.tell(new DrainReply(how)));
    drainers.clear();
  }

  private long live() {
    return entries.values().stream().filter(Entry::isLive).count();
  }

  // Moving in

  private Behavior<HostCommand> onOffered(HostCommand.Offered offered) {
    String spirit = offered.offer().getSpirit();
    Arrival arrival = new Arrival(spirit, offered.offer().getMove(), offered.from());
    Entry entry = entries.get(spirit);
    if (closing || hosts.isDraining(hosts.self())) {
      arrival.say(
          Step.Kind.FAILED,
          new VudoError(ErrorCode.NODE_UNKNOWN, hosts.self() + " takes no Spirits."));
    } else if (entry != null && entry.isLive()) {
      arrival.say(
          Step.Kind.FAILED,
          new VudoError(ErrorCode.RELOCATION_FAILED, spirit + " is on " + hosts.self() + "."));
    } else {
      abandonArrival(spirit);
      arrivals.put(spirit, arrival);
      getContext().watchWith(offered.from(), new HostCommand.Dropped(spirit, arrival.move()));
      getContext()
          .pipeToSelf(
              CompletableFuture.runAsync(() -> warm(offered), guests),
              (done, failure) ->
                  new HostCommand.Warmed(
                      spirit, arrival.move(), failure == null ? null : Courier.error(failure)));
    }
    return this;
  }

  private void warm(HostCommand.Offered offered) {
    if (offered.offer().hasConfigured()) {
      spirits.modules().load(offered.offer().getConfigured());
    }
  }

  private Optional<Arrival> arrival(String spirit, String move) {
    return Optional.ofNullable(arrivals.get(spirit)).filter(known -> known.move().equals(move));
  }

  private Behavior<HostCommand> onWarmed(HostCommand.Warmed warmed) {
    arrival(warmed.spirit(), warmed.move())
        .ifPresent(
            arrival -> {
              if (warmed.error() == null) {
                arrival.say(Step.Kind.ACCEPTED, null);
              } else {
                fail(warmed.spirit(), arrival, warmed.error());
              }
            });
    return this;
  }

  private Behavior<HostCommand> onCopied(HostCommand.Copied copied) {
    arrival(copied.pages().getSpirit(), copied.pages().getMove())
        .ifPresent(
            arrival -> {
              arrival.take(copied.pages());
              arrival.say(Step.Kind.COPIED, null);
            });
    return this;
  }

  private Behavior<HostCommand> onStandUp(HostCommand.StandUp up) {
    arrival(up.spirit(), up.move())
        .filter(arrival -> arrival.gate() == null)
        .ifPresent(arrival -> standUp(SpiritId.parse(up.spirit()), arrival));
    return this;
  }

  /** All that a Spirit needs but its state; its recovery waits for that. */
  private void standUp(SpiritId id, Arrival arrival) {
    handed.expect(JournalHistory.persistenceId(id));
    SpiritGate.StandBy standBy = new SpiritGate.StandBy();
    arrival.standsBy(spawn(id, standBy), standBy);
  }

  private Behavior<HostCommand> onRest(HostCommand.Rest rest) {
    String spirit = rest.rest().getSpirit();
    arrival(spirit, rest.rest().getMove())
        .ifPresent(
            arrival -> {
              try {
                SpiritId id = SpiritId.parse(spirit);
                if (arrival.gate() == null) {
                  standUp(id, arrival);
                }
                arrival
                    .standBy()
                    .comes(rest.rest().getDurable(), rest.rest().getEventsSinceSnapshot());
                handed.put(
                    JournalHistory.persistenceId(id),
                    arrival.state(rest.rest()),
                    rest.rest().getSequenceNumber());
              } catch (VudoException e) {
                fail(spirit, arrival, e.toError());
              }
            });
    return this;
  }

  private Behavior<HostCommand> onStoodUp(HostCommand.StoodUp up) {
    standing(up.spirit(), up.gate())
        .ifPresent(
            arrival -> {
              Steps.at(Steps.STANDING_BY, up.spirit());
              arrival.say(Step.Kind.READY, null);
            });
    return this;
  }

  private Behavior<HostCommand> onFell(HostCommand.Fell fell) {
    standing(fell.spirit(), fell.gate())
        .ifPresent(arrival -> fail(fell.spirit(), arrival, fell.error()));
    return this;
  }

  /** Not that of an earlier try to come here, which may still speak. */
  private Optional<Arrival> standing(String spirit, ActorRef<SpiritCommand> gate) {
    return Optional.ofNullable(arrivals.get(spirit)).filter(known -> gate.equals(known.gate()));
  }

  private void fail(String spirit, Arrival arrival, VudoError error) {
    arrival.say(Step.Kind.FAILED, error);
    abandon(spirit, arrival);
  }

  private Behavior<HostCommand> onGiven(HostCommand.Given given) {
    String spirit = given.give().getSpirit();
    Optional<Arrival> arrival =
        arrival(spirit, given.give().getMove()).filter(known -> known.gate() != null);
    if (arrival.isEmpty()) {
      // Given up here meanwhile; the old home has given it up, too, so the journal decides.
      given.waiting().forEach(command -> sendToAddress(spirit, command));
      return this;
    }
    arrivals.remove(spirit);
    getContext().unwatch(arrival.get().from());
    Entry before = entries.get(spirit);
    if (before != null && before.moving) {
      // It is back before its old gate has heard that it had arrived there.
      VudoError back = new VudoError(ErrorCode.RELOCATION_FAILED, spirit + " has come back.");
      over(spirit, before, new MoveReply.NotMoved(spirit, back));
    }
    Entry entry = new Entry();
    entry.gate = arrival.get().gate();
    entry.pinned = given.give().getPinned();
    entries.put(spirit, entry);
    entry.gate.tell(new SpiritCommand.Activate(given.waiting()));
    if (before != null && before.followed) {
      // Which may come here once more, by the node that it was sent to.
      routes.begin(spirit, before.to);
    }
    log.arrived();
    arrival.get().say(Step.Kind.TAKEN, null);
    Steps.at(Steps.TAKEN, spirit);
    return this;
  }

  private Behavior<HostCommand> onDropped(HostCommand.Dropped dropped) {
    arrival(dropped.spirit(), dropped.move())
        .ifPresent(arrival -> abandon(dropped.spirit(), arrival));
    return this;
  }

  private void abandonArrival(String spirit) {
    Arrival arrival = arrivals.get(spirit);
    if (arrival != null) {
      abandon(spirit, arrival);
    }
  }

  private void abandon(String spirit, Arrival arrival) {
    arrivals.remove(spirit);
    getContext().unwatch(arrival.from());
    handed.discard(JournalHistory.persistenceId(SpiritId.parse(spirit)));
    if (arrival.gate() != null) {
      arrival.gate().tell(SpiritCommand.Discard.INSTANCE);
    }
  }

  // Operators

  private Behavior<HostCommand> onDraining(HostCommand.Draining draining) {
    if (!draining.node().equals(hosts.self())) {
      hosts.draining(draining.node(), draining.on());
      if (!drainers.isEmpty()) {
        lookWhoMoves();
      }
    }
    return this;
  }

  private Behavior<HostCommand> onDrain(HostCommand.Drain drain) {
    hosts.draining(hosts.self(), drain.on());
    sayDraining(drain.on());
    if (drain.on()) {
      drained = 0;
      drainSinceNanos = System.nanoTime();
      entries
          .values()
          .forEach(
              entry -> {
                entry.failedMoves = 0;
                entry.notBeforeNanos = drainSinceNanos;
              });
      drainers.add(drain.replyTo());
      lookWhoMoves();
    } else {
      drain.replyTo().tell(new DrainReply(new Drained(hosts.self(), 0, live())));
    }
    return this;
  }

  private void sayDraining(boolean on) {
    HostCommand.Draining draining = new HostCommand.Draining(hosts.self(), on);
    hosts.others().forEach(host -> host.tell(draining));
  }

  private Behavior<HostCommand> onReport(HostCommand.Report report) {
    report
        .replyTo()
        .tell(
            new ReportReply(
                new HostStatus(
                    hosts.self(),
                    hosts.isDraining(hosts.self()),
                    (int)
                        IntStream.range(0, Hosts.SHARDS)
                            .filter(shard -> hosts.hasShard(shard, hosts.self()))
                            .count(),
                    live(),
                    moving,
                    log.arrivals(),
                    log.count(),
                    log.failures(),
                    log.bytes())));
    return this;
  }

  private Behavior<HostCommand> onRecent(HostCommand.Recent recent) {
    recent
        .replyTo()
        .tell(new RecentReply(log.recent().stream().limit(Math.max(0, recent.most())).toList()));
    return this;
  }

  private Behavior<HostCommand> onListed(HostCommand.Listed listed) {
    if (listed.listing().isForKey(Hosts.SENDERS)) {
      hosts.sendersListed(listed.listing().getServiceInstances(Hosts.SENDERS));
      return this;
    }
    if (listed.listing().isForKey(ActorDirectory.KEY)) {
      actors.listed(listed.listing().getServiceInstances(ActorDirectory.KEY));
      return this;
    }
    var before = Set.copyOf(hosts.others());
    hosts.listed(
        listed.listing().getAllServiceInstances(Hosts.KEY),
        listed.listing().getServiceInstances(Hosts.KEY));
    if (hosts.isDraining(hosts.self()) && !before.containsAll(hosts.others())) {
      sayDraining(true);
    }
    return this;
  }

  private Behavior<HostCommand> onTick(HostCommand.Tick tick) {
    long now = System.nanoTime();
    entries
        .entrySet()
        .removeIf(
            each -> {
              Entry entry = each.getValue();
              boolean old =
                  entry.phase == Phase.GONE
                      && !entry.moving
                      && now - entry.goneNanos > TOMBSTONE_NANOS;
              if (old && hosts.isKnown(entry.to)) {
                routes.begin(each.getKey(), entry.to);
              }
              return old;
            });
    routes.trim();
    for (Map.Entry<String, Arrival> each : List.copyOf(arrivals.entrySet())) {
      if (now - each.getValue().sinceNanos() > ARRIVAL_NANOS) {
        abandon(each.getKey(), each.getValue());
      }
    }
    if (!closing) {
      lookWhoMoves();
    }
    return this;
  }

  private Behavior<HostCommand> onClose(HostCommand.Close close) {
    closing = true;
    hosts.draining(hosts.self(), true);
    closers.add(close.replyTo());
    List.copyOf(arrivals.keySet()).forEach(this::abandonArrival);
    entries.values().stream()
        .filter(entry -> entry.phase == Phase.RESIDENT)
        .forEach(entry -> entry.gate.tell(SpiritCommand.Passivate.INSTANCE));
    answerClosers();
    return this;
  }

  private void answerClosers() {
    if (closing && entries.values().stream().noneMatch(Entry::isLive)) {
      if (!closers.isEmpty()) {
        hosts.withdraw(getContext());
      }
      closers.forEach(closer -> closer.tell(HostCommand.Closed.INSTANCE));
      closers.clear();
    }
  }
}
