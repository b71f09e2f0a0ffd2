package io.vudo.spirit.internal.actor;

import io.vudo.protocol.VudoError;
import io.vudo.spirit.Relocation;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The moves from this node, and how many came to it. Thread-safe. */
final class MoveLog {
  private static final Logger logger = LoggerFactory.getLogger(SpiritHost.class);
  private static final int MOST = 1000;

  private final boolean said;

  private final Deque<Relocation> recent = new ArrayDeque<>();
  private final List<Consumer<Relocation>> listeners = new CopyOnWriteArrayList<>();
  private long count;
  private long failures;
  private long bytes;
  private long arrivals;

  MoveLog() {
    this(true);
  }

  /**
   * @param said whether each is worth a line of the node's log
   */
  MoveLog(boolean said) {
    this.said = said;
  }

  void moved(Relocation relocation) {
    if (said) {
      logger.info(
          "{} moved from {} to {} after turn {}: paused for {} us, {} bytes, {} of them in the pause",
          relocation.id(),
          relocation.from(),
          relocation.to(),
          relocation.turn(),
          relocation.pauseMicros(),
          relocation.bytes(),
          relocation.pauseBytes());
    }
    synchronized (this) {
      recent.addFirst(relocation);
      if (recent.size() > MOST) {
        recent.removeLast();
      }
      count++;
      bytes += relocation.bytes();
    }
    listeners.forEach(listener -> listener.accept(relocation));
  }

  void failed(String spirit, VudoError why) {
    if (said) {
      logger.info("{} was not moved: {}", spirit, why);
    }
    synchronized (this) {
      failures++;
    }
  }

  /** One has come from another node. */
  synchronized void arrived() {
    arrivals++;
  }

  /** Those that came from other nodes. */
  synchronized long arrivals() {
    return arrivals;
  }

  synchronized List<Relocation> recent() {
    return new ArrayList<>(recent);
  }

  synchronized long count() {
    return count;
  }

  synchronized long failures() {
    return failures;
  }

  synchronized long bytes() {
    return bytes;
  }

  AutoCloseable watch(Consumer<Relocation> listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }
}
