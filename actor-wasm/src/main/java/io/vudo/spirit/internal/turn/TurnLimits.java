package io.vudo.spirit.internal.turn;

import java.util.concurrent.TimeUnit;

/**
 * Bounds on what one turn may pile up before it commits, so that a guest cannot fill the node's
 * memory or write records that no journal takes.
 *
 * @param maxEffects messages, spawns, stops, tuple writes and takes together
 * @param maxEffectBytes payload bytes of all effects
 * @param maxAnswers recorded answers of the host (clock, random, tuples)
 * @param maxAnswerBytes bytes of them
 * @param maxLogLines lines logged
 * @param maxLogLineBytes bytes of one line; the rest is cut
 * @param maxWaitMillis how long a turn may wait for one answer, milliseconds; also the longest
 *     delay and period of a timer
 * @param maxTimers timers and reminders of one Spirit
 * @param maxStorageBytes keys and values of one Spirit's store
 * @param maxWatchers Spirits that watch one, that one watches, and links of one: so many each
 * @param processMillis how long a turn waits for what stands behind a dotted name, milliseconds
 */
public record TurnLimits(
    int maxEffects,
    int maxEffectBytes,
    int maxAnswers,
    int maxAnswerBytes,
    int maxLogLines,
    int maxLogLineBytes,
    long maxWaitMillis,
    int maxTimers,
    int maxStorageBytes,
    int maxWatchers,
    long processMillis) {
  public static final TurnLimits DEFAULTS =
      new TurnLimits(
          10_000,
          16 << 20,
          100_000,
          16 << 20,
          1_000,
          16 << 10,
          TimeUnit.DAYS.toMillis(365),
          1_000,
          1 << 20,
          1_000,
          TimeUnit.SECONDS.toMillis(30));
}
