package io.vudo.spirit.internal.turn;

/**
 * How a message that nobody waits for is tried again.
 *
 * @param replyTo who is told when it is handled, for whoever asks {@link SpiritMachine#retrying()}
 * @param minMillis the first pause; the next ones double
 * @param maxMillis the longest
 */
public record Redelivery(String replyTo, long minMillis, long maxMillis) {
  static final Redelivery NONE = new Redelivery("", 100, 10_000);

  long pauseMillis(int attempt) {
    long pause = minMillis;
    for (int i = 1; i < attempt && pause < maxMillis; i++) {
      pause *= 2;
    }
    return Math.min(pause, maxMillis);
  }
}
