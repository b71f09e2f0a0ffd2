package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Supervised;
import io.vudo.protocol.journal.v1.Turn;

/**
 * How a message that nobody waits for is tried again.
 *
 * @param replyTo who is told when it is handled, for whoever asks {@link SpiritMachine#retrying()}
 * @param minMillis the first pause; the next ones double
 * @param maxMillis the longest
 * @param then what a record says of it; empty in a live turn
 */
public record Redelivery(String replyTo, long minMillis, long maxMillis, Supervised then) {
  static final Redelivery NONE = new Redelivery("", 100, 10_000);

  public Redelivery(String replyTo, long minMillis, long maxMillis) {
    this(replyTo, minMillis, maxMillis, Supervised.getDefaultInstance());
  }

  /** What became of the message in a record. */
  static Redelivery ofRehearsal(Turn recorded) {
    return new Redelivery("", 0, 0, recorded.getSupervised());
  }

  long pauseMillis(int attempt) {
    long pause = minMillis;
    for (int i = 1; i < attempt && pause < maxMillis; i++) {
      pause *= 2;
    }
    return Math.min(pause, maxMillis);
  }
}
