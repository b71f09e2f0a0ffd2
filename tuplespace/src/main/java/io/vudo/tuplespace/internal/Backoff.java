package io.vudo.tuplespace.internal;

import java.time.Duration;

/** Pauses that double. */
final class Backoff {
  private Backoff() {}

  /** The pause after {@code failures} earlier ones. */
  static Duration pause(Duration least, Duration most, int failures) {
    Duration pause = least.multipliedBy(1L << Math.min(failures, 20));
    return pause.compareTo(most) < 0 ? pause : most;
  }
}
