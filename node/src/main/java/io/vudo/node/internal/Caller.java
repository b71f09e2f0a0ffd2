package io.vudo.node.internal;

import java.util.Set;

/**
 * Who a request comes from.
 *
 * @param name how the callers file calls it; {@link #ANONYMOUS} when nobody has to say who he is
 * @param roles what it may do
 * @param limits how much it may ask for
 * @param meter under which name its requests are counted
 */
record Caller(String name, Set<Role> roles, Limits limits, String meter) {
  static final String ANONYMOUS = "anonymous";

  /**
   * How much a caller may ask for.
   *
   * @param requestsPerSecond on average over a second; 0 = any number
   * @param concurrentRequests at once; 0 = any number
   */
  record Limits(double requestsPerSecond, int concurrentRequests) {}

  /** Everybody at an address, where nobody has to say who he is. */
  static Caller anonymous(String address, Limits limits) {
    return new Caller(ANONYMOUS, Set.of(Role.values()), limits, "address " + address);
  }
}
