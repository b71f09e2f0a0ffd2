package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.Message;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/**
 * The actors of JVM services that Spirits know by name, {@code actor/NAME}. Used by one actor only,
 * the host of a node.
 *
 * <p>Of several that are registered by one name each Spirit talks to the one that rendezvous
 * hashing gives it, so its messages stay in order and the load is spread.
 */
final class ActorDirectory {
  /** How an {@link ActorInbox} is registered; its name tells that of the actor. */
  static final ServiceKey<SpiritCommand> KEY = ServiceKey.create(SpiritCommand.class, "vudo-actor");

  private static final String PATH_PREFIX = "vudo-actor-";

  private Map<String, TreeMap<String, ActorRef<SpiritCommand>>> inboxes = new HashMap<>();

  /** The name of an inbox's actor. */
  static String pathName(String name, long number) {
    return PATH_PREFIX + name + "-" + number;
  }

  private static String name(ActorRef<SpiritCommand> inbox) {
    String path = inbox.path().name();
    return path.substring(PATH_PREFIX.length(), path.lastIndexOf('-'));
  }

  static boolean isActor(String address) {
    return address.startsWith(SpiritId.ACTOR + "/");
  }

  /** Takes over which there are that can be reached. */
  void listed(Collection<ActorRef<SpiritCommand>> reachable) {
    Map<String, TreeMap<String, ActorRef<SpiritCommand>>> byName = new HashMap<>();
    for (ActorRef<SpiritCommand> inbox : reachable) {
      byName
          .computeIfAbsent(name(inbox), name -> new TreeMap<>())
          .put(inbox.path().toSerializationFormat(), inbox);
    }
    inboxes = byName;
  }

  /** Sends what is for an actor to the one that is its sender's. */
  void send(String address, SpiritCommand command) {
    if (!(command instanceof SpiritCommand.Deliver deliver) || !isForActors(deliver.message())) {
      refuse(command);
      return;
    }
    TreeMap<String, ActorRef<SpiritCommand>> known =
        inboxes.getOrDefault(address.substring(address.indexOf('/') + 1), new TreeMap<>());
    Optional<String> home = Rendezvous.home(deliver.message().getSender(), known.keySet());
    if (home.isPresent()) {
      known.get(home.get()).tell(deliver);
    } else {
      deliver.refuse(new VudoError(ErrorCode.ACTOR_UNKNOWN, "Got \"" + address + "\"."));
    }
  }

  private static boolean isForActors(Message message) {
    return message.getKind() == Message.Kind.MESSAGE || message.getKind() == Message.Kind.QUESTION;
  }

  /** An actor has no life that somebody could begin, watch, fork, move or end. */
  static void refuse(SpiritCommand command) {
    if (command instanceof SpiritCommand.Queued queued) {
      queued.refuse(
          new VudoError(
              ErrorCode.SPIRIT_TYPE_UNKNOWN,
              SpiritId.ACTOR
                  + " is the type of actors of JVM services; Spirits send to them and ask them, and"
                  + " nothing else."));
    }
  }
}
