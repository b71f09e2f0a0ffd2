package io.vudo.spirit.internal.actor;

import io.vudo.protocol.SpiritId;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The steps of a turn that takes tuples, and of a move to another node, at each of which a test can
 * end the process as {@code kill -9} does: with the system property {@code vudo.test.halt-at =
 * TYPE/ID:STEP:N} it ends when the step comes for the N-th time in that Spirit. Without the
 * property this does nothing.
 */
final class Steps {
  /** A space is about to be asked. */
  static final String ASKING = "asking";

  /** A space has answered; what it holds is durable. */
  static final String HELD = "held";

  /** The turn ran to its end. */
  static final String COMPUTED = "computed";

  /** The record of the turn is durable. */
  static final String COMMITTED = "committed";

  /** Who asked has been answered. */
  static final String REPLIED = "replied";

  /** A space was told that the turn committed. */
  static final String CONFIRMING = "confirming";

  /** A space has said that the tuple is gone for good. */
  static final String CONFIRMED = "confirmed";

  /** The pages of a Spirit that moves are copied while it runs. */
  static final String COPYING = "copying";

  /** A Spirit that moves has stopped on its old node. */
  static final String FROZEN = "frozen";

  /** Its new node has all of it. */
  static final String STANDING_BY = "standing-by";

  /** Its old node has given it away. */
  static final String GIVEN = "given";

  /** Its new node runs it. */
  static final String TAKEN = "taken";

  private static final String WANTED = System.getProperty("vudo.test.halt-at", "");

  /** What the exit code is after {@code kill -9}. */
  private static final int KILLED = 137;

  private static final AtomicLong COUNT = new AtomicLong();

  private Steps() {}

  /** It is so far with a turn of this Spirit. */
  static void at(String step, SpiritId id) {
    if (!WANTED.isEmpty()) {
      at(step, id.toString());
    }
  }

  /** It is so far with this Spirit. */
  static void at(String step, String spirit) {
    if (!WANTED.isEmpty()
        && WANTED.startsWith(spirit + ":" + step + ":")
        && WANTED.endsWith(":" + COUNT.incrementAndGet())) {
      Runtime.getRuntime().halt(KILLED);
    }
  }
}
