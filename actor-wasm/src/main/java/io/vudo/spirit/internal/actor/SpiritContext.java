package io.vudo.spirit.internal.actor;

import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.internal.turn.ModuleSource;
import io.vudo.tuplespace.Tuplespace;
import java.time.Clock;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;

/**
 * What all Spirits of a node share.
 *
 * @param sharding to reach other Spirits
 * @param deployments what types there are
 * @param modules compiled modules
 * @param tuplespace all spaces
 * @param wakeIndex the Spirits that must be woken after a crash
 * @param letters what could not be handled
 * @param residents those in this node's memory
 * @param mailboxes what all mailboxes of this node hold
 * @param swaps brings them over to other modules
 * @param settings of the node
 * @param clock wall-clock time
 */
record SpiritContext(
    ClusterSharding sharding,
    DeploymentSource deployments,
    ModuleSource modules,
    Tuplespace tuplespace,
    WakeIndex wakeIndex,
    LetterRegister letters,
    Residents residents,
    MailboxBudget mailboxes,
    Swaps swaps,
    SpiritSettings settings,
    Clock clock) {

  /** The cluster's address of a Spirit. */
  void send(String spirit, SpiritCommand command) {
    sharding.entityRefFor(SpiritGate.KEY, spirit).tell(command);
  }
}
