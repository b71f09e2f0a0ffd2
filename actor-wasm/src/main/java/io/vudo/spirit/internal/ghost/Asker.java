package io.vudo.spirit.internal.ghost;

import io.vudo.protocol.SpiritId;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** Asks Spirits. */
@FunctionalInterface
public interface Asker {
  /**
   * As {@link io.vudo.spirit.Spirits#ask} and {@code askAgain}.
   *
   * @param sentBefore how long ago it may have been sent first; empty for not yet
   */
  CompletionStage<Optional<byte[]>> ask(
      SpiritId to,
      String messageType,
      byte[] payload,
      String idempotencyKey,
      Optional<Duration> sentBefore,
      Duration timeout);
}
