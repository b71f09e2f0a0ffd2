package io.vudo.spirit.internal.actor;

import java.time.Duration;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;

/**
 * The way of all commands of a service to Spirits. To the hosts it is one more sender: they tell it
 * where Spirits are, and it follows them; but it has none, and nobody asks it for one.
 */
final class ServiceRouter extends AbstractBehavior<HostCommand> {
  private static final Duration TICK = Duration.ofSeconds(1);

  private final Hosts hosts;
  private final Routes routes;
  private final Runnable ready;

  private ServiceRouter(
      ActorContext<HostCommand> context,
      TimerScheduler<HostCommand> timers,
      Hosts hosts,
      ClusterSharding sharding,
      Runnable ready) {
    super(context);
    context.setLoggerName(ServiceRouter.class);
    this.hosts = hosts;
    this.ready = ready;
    this.routes =
        new Routes(
            context.getSelf(),
            timers,
            hosts,
            spirit -> false,
            (spirit, command) -> sharding.entityRefFor(SpiritAddress.KEY, spirit).tell(command),
            this::send);
    hosts.announceSender(context);
    timers.startTimerWithFixedDelay(HostCommand.Tick.INSTANCE, TICK);
  }

  /**
   * @param ready called whenever there is a host that can be reached
   */
  static Behavior<HostCommand> create(Hosts hosts, ClusterSharding sharding, Runnable ready) {
    return Behaviors.supervise(
            Behaviors.<HostCommand>setup(
                context ->
                    Behaviors.withTimers(
                        timers -> new ServiceRouter(context, timers, hosts, sharding, ready))))
        .onFailure(SupervisorStrategy.resume());
  }

  @Override
  public Receive<HostCommand> createReceive() {
    return newReceiveBuilder()
        .onMessage(HostCommand.Send.class, this::onSend)
        .onMessage(HostCommand.At.class, this::onAt)
        .onMessage(HostCommand.Marked.class, this::onMarked)
        .onMessage(HostCommand.RouteLate.class, this::onRouteLate)
        .onMessage(HostCommand.Farewell.class, this::onFarewell)
        .onMessage(HostCommand.Listed.class, this::onListed)
        .onMessage(HostCommand.Tick.class, this::onTick)
        .build();
  }

  private Behavior<HostCommand> onSend(HostCommand.Send send) {
    send(send.spirit(), send.command());
    return this;
  }

  private void send(String spirit, SpiritCommand command) {
    if (ActorDirectory.isActor(spirit)) {
      ActorDirectory.refuse(command);
      return;
    }
    if (!routes.hold(spirit, command)) {
      routes.send(spirit, command);
    }
  }

  private Behavior<HostCommand> onAt(HostCommand.At at) {
    if (at.host() == null) {
      routes.lost(at.spirit());
    } else {
      routes.found(at.spirit(), at.host());
    }
    return this;
  }

  private Behavior<HostCommand> onMarked(HostCommand.Marked marked) {
    routes.marked(marked);
    return this;
  }

  private Behavior<HostCommand> onRouteLate(HostCommand.RouteLate late) {
    routes.late(late);
    return this;
  }

  private Behavior<HostCommand> onFarewell(HostCommand.Farewell farewell) {
    routes.farewell(farewell);
    return this;
  }

  private Behavior<HostCommand> onListed(HostCommand.Listed listed) {
    hosts.listed(
        listed.listing().getAllServiceInstances(Hosts.KEY),
        listed.listing().getServiceInstances(Hosts.KEY));
    if (!hosts.reachable().isEmpty()) {
      ready.run();
    }
    return this;
  }

  private Behavior<HostCommand> onTick(HostCommand.Tick tick) {
    routes.trim();
    return this;
  }
}
