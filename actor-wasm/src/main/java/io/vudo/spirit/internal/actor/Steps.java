package io.vudo.spirit.internal.actor;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The steps of a turn that takes tuples, at each of which a test can end the process as {@code kill
 * -9} does: with the system property {@code vudo.test.halt-at = STEP:N} it ends when the step comes
 * for the N-th time. Without the property this does nothing.
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

  private static final String WANTED = System.getProperty("vudo.test.halt-at", "");
  private static final AtomicLong COUNT = new AtomicLong();

  private Steps() {}

  static void at(String step) {
    if (!WANTED.isEmpty() && WANTED.equals(step + ":" + nextOf(step))) {
      Runtime.getRuntime().halt(137);
    }
  }

  private static long nextOf(String step) {
    return WANTED.startsWith(step + ":") ? COUNT.incrementAndGet() : 0;
  }
}
