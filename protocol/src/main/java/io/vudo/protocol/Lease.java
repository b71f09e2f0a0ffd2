package io.vudo.protocol;

import java.util.Objects;

/**
 * A tuple's place in a space, for as long as it is there.
 *
 * @param name what {@code renew} and {@code cancelLease} find the tuple by; it says nothing else
 * @param endsAtMillis when the tuple goes by itself, in milliseconds since 1970 by the clock of the
 *     space; {@link #FOR_EVER} for never
 */
public record Lease(String name, long endsAtMillis) {
  /** The end of a lease that has none. */
  public static final long FOR_EVER = Long.MAX_VALUE;

  public Lease {
    Objects.requireNonNull(name);
  }
}
