package io.vudo.spirit;

import io.vudo.protocol.SpiritId;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;

/**
 * The past of Spirits: what they did, what their state was, what another module would have made of
 * it. Everything is read from the journal of this node; a living Spirit notices nothing, and no
 * effect is performed.
 *
 * <p>Earlier states are rebuilt by running the turns again, from the first, each compared with its
 * record. That takes time and a thread of the guests', so only some replays run at once ({@code
 * vudo.spirit.replay}) and the others wait.
 *
 * <p>Thread-safe, never blocks. Stages fail with a {@link io.vudo.protocol.VudoException}: {@code
 * SPIRIT_NOT_FOUND} when the journal knows no such Spirit; and those that replay with {@code
 * TURN_NOT_FOUND}, {@code HISTORY_INCOMPLETE}, {@code REPLAY_DIVERGED}, {@code SPIRIT_UNAVAILABLE}
 * when too many wait, {@code ASK_TIMEOUT} when it takes too long, {@code RESIDENCY_LIMIT}.
 */
public interface SpiritHistory {

  /**
   * What happened, oldest first.
   *
   * @return what to run; it may be run once
   */
  CompletionStage<Source<TurnSummary, NotUsed>> turns(SpiritId id, HistoryQuery query);

  /**
   * The state after a turn.
   *
   * @param turn its number; empty for what is now
   */
  CompletionStage<StateSummary> stateAfter(SpiritId id, OptionalLong turn);

  /**
   * The state after a turn as a {@code vudo.journal.v1.SpiritImage} in Protobuf.
   *
   * @param turn its number; empty for what is now
   */
  CompletionStage<byte[]> export(SpiritId id, OptionalLong turn);

  /**
   * What changed between two turns.
   *
   * @param from the number of one
   * @param to the number of the other, earlier or later
   */
  CompletionStage<StateDifference> compare(SpiritId id, long from, long to);

  /**
   * Runs another module over the messages of the history, with the answers that the host gave then,
   * and compares outcomes, effects and replies. Fails also with what admission or the engine refuse
   * of the module, and with {@code REQUEST_INVALID} for a fork, whose history does not begin with a
   * birth.
   *
   * @param module its bytes
   * @param turn the last turn to run; empty for all
   */
  CompletionStage<Rehearsal> rehearse(SpiritId id, byte[] module, OptionalLong turn);

  /**
   * Makes a new Spirit of the same type that goes on from the state after a turn. It has nothing
   * undelivered and remembers no messages, and its next turn has the number after that one. Either
   * it exists whole and durably, or not at all. Fails also with {@code SPIRIT_EXISTS}.
   *
   * @param newId an id that was never used
   * @param turn its number; empty for what is now
   * @param timeout how long the new Spirit may take; it may still come into being afterwards
   * @return the state with which it begins
   */
  CompletionStage<StateSummary> fork(
      SpiritId id, SpiritId newId, OptionalLong turn, Duration timeout);
}
