package io.vudo.client.internal;

import io.vudo.client.RetryPolicy;
import java.time.Duration;

/** How long a request may take and how often it is sent. */
public sealed interface Pace {
  /**
   * To each node once, without pauses.
   *
   * @param patience how long the node may wait for a tuple; zero for not at all. Beside it each
   *     node has the client's timeout for its answer
   */
  record OneRound(Duration patience) implements Pace {}

  /**
   * Until the time is over, with pauses.
   *
   * @param deadline for all attempts together, from when it was sent
   * @param retry how often, within the deadline
   */
  record Until(Duration deadline, RetryPolicy retry) implements Pace {}
}
