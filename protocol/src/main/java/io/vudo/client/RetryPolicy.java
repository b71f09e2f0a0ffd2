package io.vudo.client;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;

/**
 * How a call that got no answer is tried again. Whatever it says, nothing is tried after the call's
 * deadline.
 *
 * <p>A call goes from node to node. When one cannot be reached, the next is asked at once; after
 * each round over all nodes there is a pause, which doubles from {@code firstPause} to {@code
 * longestPause}, of which between a half and all is waited, by chance. A node that says {@code
 * Retry-After} is obeyed.
 *
 * @param maxAttempts how often a call is sent at most; {@link #UNLIMITED} for as often as its
 *     deadline allows
 * @param attemptTimeout how long one attempt waits before the next node is asked, under the same
 *     key; doubles each time that it was too short. The last attempt waits until the deadline
 * @param firstPause after the first round
 * @param longestPause at last
 */
public record RetryPolicy(
    int maxAttempts, Duration attemptTimeout, Duration firstPause, Duration longestPause) {
  /** No bound but the deadline. */
  public static final int UNLIMITED = Integer.MAX_VALUE;

  /** As often as the deadline allows; 10 s for the first attempt, pauses of 50 ms to 2 s. */
  public static final RetryPolicy DEFAULT =
      new RetryPolicy(
          UNLIMITED, Duration.ofSeconds(10), Duration.ofMillis(50), Duration.ofSeconds(2));

  /** One attempt, which waits until the deadline. */
  public static final RetryPolicy NONE = DEFAULT.withMaxAttempts(1);

  /**
   * Checks the bounds.
   *
   * @throws VudoException {@code REQUEST_INVALID}: fewer attempts than one, a time that is not
   *     positive or longer than a day, or a longest pause below the first
   */
  public RetryPolicy {
    if (maxAttempts < 1) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A call is tried once at least; got " + maxAttempts + ".");
    }
    check("attempt's timeout", attemptTimeout);
    check("first pause", firstPause);
    check("longest pause", longestPause);
    if (longestPause.compareTo(firstPause) < 0) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The longest pause, "
              + longestPause
              + ", is shorter than the first, "
              + firstPause
              + ".");
    }
  }

  private static void check(String what, Duration time) {
    if (time.isNegative() || time.isZero() || time.compareTo(Duration.ofDays(1)) > 0) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "The " + what + " is more than nothing and at most a day; got " + time + ".");
    }
  }

  /** The same with another number of attempts. */
  public RetryPolicy withMaxAttempts(int attempts) {
    return new RetryPolicy(attempts, attemptTimeout, firstPause, longestPause);
  }

  /** The same with another time for the first attempt. */
  public RetryPolicy withAttemptTimeout(Duration timeout) {
    return new RetryPolicy(maxAttempts, timeout, firstPause, longestPause);
  }

  /** The same with other pauses. */
  public RetryPolicy withPauses(Duration first, Duration longest) {
    return new RetryPolicy(maxAttempts, attemptTimeout, first, longest);
  }
}
