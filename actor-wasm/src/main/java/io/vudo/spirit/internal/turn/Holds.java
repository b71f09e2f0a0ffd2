package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Answer;
import java.util.function.BiConsumer;

/** What the answers of a turn hold in spaces. */
public final class Holds {
  private Holds() {}

  /**
   * The holds that came with an answer.
   *
   * @param each takes the full name of a hold and its space
   */
  public static void of(Answer answer, BiConsumer<String, String> each) {
    if (!answer.getTuple().getHold().isEmpty()) {
      each.accept(answer.getTuple().getHold(), answer.getTuple().getSpace());
    }
    answer
        .getTuples()
        .getHoldsList()
        .forEach(hold -> each.accept(hold, answer.getTuples().getSpace()));
  }

  /** Whether an answer came with this hold. */
  static boolean has(Answer answer, String hold) {
    return answer.getTuple().getHold().equals(hold)
        || answer.getTuples().getHoldsList().contains(hold);
  }
}
