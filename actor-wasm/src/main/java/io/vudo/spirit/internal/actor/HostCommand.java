package io.vudo.spirit.internal.actor;

import io.vudo.protocol.wire.v1.Give;
import io.vudo.protocol.wire.v1.LastOfIt;
import io.vudo.protocol.wire.v1.Offer;
import io.vudo.protocol.wire.v1.Pages;
import java.util.List;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * What the host of a node's Spirits understands. All of it crosses the wire as Protobuf, but for
 * what is {@link Local}.
 */
sealed interface HostCommand {

  // Routing

  /**
   * From another node's host, which believes the Spirit to be here.
   *
   * @param spirit TYPE/ID
   * @param command for it
   * @param from is told when it is elsewhere
   */
  record Forwarded(String spirit, SpiritCommand command, ActorRef<HostCommand> from)
      implements HostCommand {}

  /**
   * From the Spirit's address.
   *
   * @param spirit TYPE/ID
   * @param command for it
   * @param from is told when it is elsewhere
   * @param start whether the Spirit is to be brought to memory here
   */
  record Addressed(
      String spirit, SpiritCommand command, ActorRef<SpiritCommand> from, boolean start)
      implements HostCommand {}

  /**
   * Where a Spirit is, to the host of a node that sends to it.
   *
   * @param host its host; null when the knowledge of the receiver is out of date
   */
  record At(String spirit, ActorRef<HostCommand> host) implements HostCommand {}

  /** The messages before a marker have arrived. */
  record Marked(String spirit, long token, ActorRef<HostCommand> host) implements HostCommand {}

  /** Whether the Spirit is here. */
  record Find(String spirit, long token, ActorRef<Found> replyTo) implements HostCommand {}

  /**
   * An answer to {@link Find}.
   *
   * @param host who answers
   * @param at where the Spirit is; null when that host does not know
   */
  record Found(String spirit, long token, ActorRef<HostCommand> host, ActorRef<HostCommand> at) {}

  // Operators

  /** A node takes no Spirits, or takes them again. */
  record Draining(String node, boolean on) implements HostCommand {}

  /** A host ends soon; answered when no message of the receiver is on its way to it. */
  record Farewell(ActorRef<HostCommand> host, ActorRef<Released> replyTo) implements HostCommand {}

  /**
   * An answer to {@link Farewell}.
   *
   * @param host who answers
   */
  record Released(ActorRef<HostCommand> host) {}

  /** Move all Spirits away and take no others; or take them again. */
  record Drain(boolean on, ActorRef<DrainReply> replyTo) implements HostCommand {}

  /**
   * The last moves from here.
   *
   * @param most how many
   */
  record Recent(int most, ActorRef<RecentReply> replyTo) implements HostCommand {}

  /** How the host is. */
  record Report(ActorRef<ReportReply> replyTo) implements HostCommand {}

  // Moving: to the new home

  /** A Spirit is about to come. */
  record Offered(Offer offer, ActorRef<SpiritCommand> from) implements HostCommand {}

  /** Pages of its memory. */
  record Copied(Pages pages) implements HostCommand {}

  /** It is about to stop; what needs no state can be made ready. */
  record StandUp(String spirit, String move) implements HostCommand {}

  /** The rest of it. */
  record Rest(LastOfIt rest) implements HostCommand {}

  /**
   * It is the new home's.
   *
   * @param give what names the move
   * @param waiting messages that waited for it
   */
  record Given(Give give, List<SpiritCommand> waiting) implements HostCommand {}

  /** The move is off. */
  record Dropped(String spirit, String move) implements HostCommand {}

  // Within a node

  /** Never leaves its node. */
  sealed interface Local extends HostCommand {}

  /** A command for a Spirit, wherever that is. */
  record Send(String spirit, SpiritCommand command) implements Local {}

  /** A gate is idle and wants to go; it is told so when no message can come any more. */
  record LetGo(String spirit) implements Local {}

  /** A gate wants to stop its Spirit to move it; it is told when few enough others are stopped. */
  record WantsPause(String spirit) implements Local {}

  /** A gate gives its Spirit away and wants to hear when no message can come any more. */
  record Parting(String spirit) implements Local {}

  /** What waited at the gate that gives its Spirit away; from here on the host forwards. */
  record HandOver(
      String spirit,
      String move,
      ActorRef<HostCommand> to,
      boolean pinned,
      List<SpiritCommand> waiting)
      implements Local {}

  /** A Spirit that stands by could be activated. */
  record StoodUp(String spirit, ActorRef<SpiritCommand> gate) implements Local {}

  /** A Spirit that stands by could not be brought up. */
  record Fell(String spirit, ActorRef<SpiritCommand> gate, io.vudo.protocol.VudoError error)
      implements Local {}

  /** The module of a Spirit that is about to come is ready, or why not. */
  record Warmed(String spirit, String move, io.vudo.protocol.VudoError error) implements Local {}

  /** A gate has ended. */
  record Ended(String spirit, ActorRef<SpiritCommand> gate) implements Local {}

  /** A move from here is over. */
  record MoveOver(String spirit, MoveReply reply) implements Local {}

  /** The hosts of the cluster. */
  record Listed(Receptionist.Listing listing) implements Local {}

  /** Time to look after what is old, and who should be elsewhere. */
  enum Tick implements Local {
    INSTANCE
  }

  /** Whether a route that is being changed hangs. */
  record RouteLate(String spirit, long token) implements Local {}

  /** End all Spirits; the node stops. */
  record Close(ActorRef<Closed> replyTo) implements Local {}

  /** All have ended. */
  enum Closed {
    INSTANCE
  }
}
