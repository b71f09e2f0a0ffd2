package io.vudo.journal;

import io.vudo.journal.internal.HandedStateTable;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import org.apache.pekko.actor.ClassicActorSystemProvider;

/**
 * States that another node of the cluster handed over, for recoveries in this process that are to
 * begin with them instead of asking the database.
 *
 * <pre>{@code
 * HandedStates.get(system).put("spirit|counter/alice", state, 4711);
 * context.spawn(behaviorOf("counter/alice"), "alice");   // recovers without the database
 * }</pre>
 *
 * <p>A recovery can also begin before its state is there, so that only the last step is left to do
 * when it comes:
 *
 * <pre>{@code
 * handed.expect("spirit|counter/alice");
 * context.spawn(behaviorOf("counter/alice"), "alice");   // waits
 * handed.put("spirit|counter/alice", state, 4711);        // goes on
 * }</pre>
 *
 * <p>Each state serves one recovery, the next one of its persistence id. That recovery gets the
 * state as a snapshot at its sequence number, replays nothing, and goes on at the number after it.
 * The recovery after that is an ordinary one.
 *
 * <p>Nothing here is durable, and nothing is checked: it is the caller who knows that the state is
 * that of the journal at this number. If it is not, because somebody else has written meanwhile,
 * the first write fails with {@code SPIRIT_FENCED}, as the journal's position is taken.
 *
 * <p>Works for the plugins {@link Journal#TURNS} and {@link Journal#SNAPSHOTS}. Thread-safe.
 */
public final class HandedStates {
  private final HandedStateTable table;

  private HandedStates(HandedStateTable table) {
    this.table = table;
  }

  /**
   * Those of an actor system; each has its own.
   *
   * @param system typed or classic
   */
  public static HandedStates get(ClassicActorSystemProvider system) {
    return new HandedStates(HandedStateTable.get(system));
  }

  /**
   * Lets the next recovery wait until a state is put or discarded; that must happen soon, as a
   * recovery that waits keeps others from beginning.
   */
  public void expect(String persistenceId) {
    table.expect(persistenceId);
  }

  /**
   * Keeps a state for the next recovery, in place of one that may be there already; or gives it to
   * the one that waits.
   *
   * @param persistenceId whose
   * @param full the whole state; what it was loaded from does not matter, so the first snapshot
   *     after the recovery is a full one
   * @param sequenceNumber of the last event that is in the state; 0 for none
   * @throws VudoException {@code ARGUMENT_INVALID} for a delta or a negative number
   */
  public void put(String persistenceId, StateSnapshot full, long sequenceNumber) {
    if (!full.isFull() || sequenceNumber < 0) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          "Cannot recover from " + full + " at the sequence number " + sequenceNumber + ".");
    }
    table.put(persistenceId, full.withLineage(StateSnapshot.Lineage.NONE), sequenceNumber);
  }

  /**
   * Forgets a state that no recovery has taken yet. A recovery that waits asks the database.
   *
   * @return whether there was one, or one was expected
   */
  public boolean discard(String persistenceId) {
    return table.discard(persistenceId);
  }
}
