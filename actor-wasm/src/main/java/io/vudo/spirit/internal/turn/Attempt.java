package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Turn;
import java.util.List;

/** How an attempt at a turn ended. */
public sealed interface Attempt {

  /**
   * The turn is over. When it completed, its changes are in the machine; when it failed, none is.
   *
   * @param turn what goes into the journal
   * @param logs what the guest logged, also in a turn that failed
   */
  record Finished(Turn turn, List<TurnLog> logs) implements Attempt {}

  /**
   * The guest needs an answer. The machine is as it was before the attempt; try again with {@code
   * answers} and the one that was missing after them.
   *
   * @param request what the guest waits for
   * @param answers those given so far
   */
  record Suspended(WaitRequest request, List<Answer> answers) implements Attempt {}
}
