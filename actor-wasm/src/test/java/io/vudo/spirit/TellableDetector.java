package io.vudo.spirit;

import com.typesafe.config.Config;
import org.apache.pekko.actor.Address;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.event.EventStream;
import org.apache.pekko.remote.FailureDetector;
import org.apache.pekko.remote.PhiAccrualFailureDetector;

/**
 * What a member thinks of another one; it can be told that this one is dead. A test need not wait
 * until heartbeats have been missing for long enough, and an overloaded machine, on which they come
 * late, does not look like a death.
 */
final class TellableDetector implements FailureDetector {
  private static final ThreadLocal<Boolean> TELLING = ThreadLocal.withInitial(() -> false);

  private final FailureDetector detector;
  private volatile boolean dead;

  /** Called by Pekko. */
  TellableDetector(Config config, EventStream events) {
    this.detector = new PhiAccrualFailureDetector(config, events);
  }

  static void tell(Cluster member, Address dead) {
    TELLING.set(true);
    try {
      // The one door to the detector for an address.
      member.failureDetector().heartbeat(dead);
    } finally {
      TELLING.remove();
    }
  }

  @Override
  public boolean isAvailable() {
    return !dead && detector.isAvailable();
  }

  @Override
  public boolean isMonitoring() {
    return detector.isMonitoring();
  }

  @Override
  public void heartbeat() {
    if (TELLING.get()) {
      dead = true;
    } else {
      detector.heartbeat();
    }
  }
}
