package io.vudo.spirit.internal.turn;

/** What is to be done with a message that arrives. */
public enum Verdict {
  /** Handle it. */
  NEW,
  /** It was handled before; tell its sender how it ended. */
  DUPLICATE,
  /** An earlier message of the same sender is missing; it will be delivered again, in order. */
  GAP,
  /** It may have been handled before, and nobody remembers; handling it might be a second time. */
  FORGOTTEN
}
