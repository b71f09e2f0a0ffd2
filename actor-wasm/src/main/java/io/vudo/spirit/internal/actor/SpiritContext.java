package io.vudo.spirit.internal.actor;

import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Processes;
import io.vudo.spirit.internal.turn.ModuleSource;
import io.vudo.tuplespace.Tuplespace;
import java.time.Clock;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;

/**
 * What all Spirits of a node share.
 *
 * @param sharding to reach addresses of Spirits
 * @param hosts the way to Spirits
 * @param deployments what types there are
 * @param modules compiled modules
 * @param processes what dotted names stand for
 * @param tuplespace all spaces
 * @param wakeIndex the Spirits that must be woken after a crash
 * @param letters what could not be handled
 * @param residents those in this node's memory
 * @param mailboxes what all mailboxes of this node hold
 * @param meters what they do is counted there
 * @param spans of what they do
 * @param swaps brings them over to other modules
 * @param settings of the node
 * @param clock wall-clock time
 */
record SpiritContext(
    ClusterSharding sharding,
    Hosts hosts,
    DeploymentSource deployments,
    ModuleSource modules,
    Processes processes,
    Tuplespace tuplespace,
    WakeIndex wakeIndex,
    LetterRegister letters,
    Residents residents,
    MailboxBudget mailboxes,
    SpiritMeters meters,
    TurnSpans spans,
    Swaps swaps,
    SpiritSettings settings,
    Clock clock) {

  /** Sends to a Spirit, wherever it is. */
  void send(String spirit, SpiritCommand command) {
    hosts.send(spirit, command);
  }
}
