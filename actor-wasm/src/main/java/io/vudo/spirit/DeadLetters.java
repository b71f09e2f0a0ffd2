package io.vudo.spirit;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * The register of what could not be handled. It is durable and bounded: the oldest letters are
 * dropped when there is no room, which the log and {@link Listing#crowdedOut} tell. Thread-safe.
 *
 * <p>Stages fail with a {@link io.vudo.protocol.VudoException}: {@code DEAD_LETTER_NOT_FOUND},
 * {@code JOURNAL_UNAVAILABLE} when the register did not answer.
 */
public interface DeadLetters {
  /**
   * Some letters.
   *
   * @param letters those that were asked for, the oldest first, without payloads
   * @param crowdedOut how many letters of the whole register had to be dropped, ever
   */
  record Listing(List<DeadLetter> letters, long crowdedOut) {
    public Listing {
      letters = List.copyOf(letters);
    }
  }

  /**
   * The letters that have to do with a Spirit, as that which has it, sender or receiver.
   *
   * @param spirit its TYPE/ID; empty for all
   * @param type a Spirit type; empty for all
   */
  CompletionStage<Listing> list(String spirit, String type);

  /** One letter with its payload. */
  CompletionStage<DeadLetter> show(String id);

  /**
   * Delivers a letter again, with its sender, and removes it when it was handled. A repetition
   * counts once, whatever happened to the answer. When it fails again the stage fails with the
   * reason, and the letter stays with it.
   *
   * @param timeout how long to wait for the receiver; it may still handle it afterwards, and then
   *     the next replay learns so
   */
  CompletionStage<Void> replay(String id, Duration timeout);

  /** Removes a letter. */
  CompletionStage<Void> drop(String id);
}
