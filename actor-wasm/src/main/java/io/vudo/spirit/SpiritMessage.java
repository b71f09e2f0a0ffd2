package io.vudo.spirit;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What an actor of a service tells a Spirit. Immutable, but for the array that it was given. It
 * does not leave the service as it is, so it needs no serializer.
 *
 * @param type what the guest reads as {@code message_type}
 * @param payload the bytes; not copied
 * @param idempotencyKey see {@link SpiritRef}; empty for none
 * @param timeout how long to wait for the answer
 * @param replyTo is told exactly once; empty when nobody wants to know
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared; large, so not copied.
public record SpiritMessage(
    String type,
    byte[] payload,
    String idempotencyKey,
    Duration timeout,
    Optional<ActorRef<SpiritReply>> replyTo) {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  public SpiritMessage {
    Objects.requireNonNull(type);
    Objects.requireNonNull(payload);
    Objects.requireNonNull(idempotencyKey);
    Objects.requireNonNull(timeout);
    Objects.requireNonNull(replyTo);
  }

  /** A message without a key that nobody waits for, with 30 s to be answered. */
  public static SpiritMessage of(String type, byte[] payload) {
    return new SpiritMessage(type, payload, "", TIMEOUT, Optional.empty());
  }

  /** The same with an idempotency key. */
  public SpiritMessage key(String key) {
    return new SpiritMessage(type, payload, key, timeout, replyTo);
  }

  /** The same with another time to wait. */
  public SpiritMessage timeout(Duration time) {
    return new SpiritMessage(type, payload, idempotencyKey, time, replyTo);
  }

  /** The same with somebody to be told. */
  public SpiritMessage replyTo(ActorRef<SpiritReply> asker) {
    return new SpiritMessage(type, payload, idempotencyKey, timeout, Optional.of(asker));
  }
}
