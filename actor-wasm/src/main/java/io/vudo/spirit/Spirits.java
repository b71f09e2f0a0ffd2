package io.vudo.spirit;

import io.vudo.protocol.SpiritId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * The door to all Spirits of the cluster for JVM code. Thread-safe, never blocks.
 *
 * <p>Every stage that fails does so with a {@link io.vudo.protocol.VudoException}: {@code
 * SPIRIT_TYPE_UNKNOWN}, {@code PAYLOAD_TOO_LARGE}, {@code MAILBOX_FULL}, {@code ASK_TIMEOUT}, or
 * whatever ended the turn.
 */
public interface Spirits {

  /**
   * Sends a message and answers what the Spirit replied, once the turn is durable.
   *
   * @param to the Spirit; it is created if it does not exist yet
   * @param messageType what the guest reads as {@code message_type}
   * @param payload the bytes
   * @param idempotencyKey two messages with the same key (and receiver) are handled once, and the
   *     second answers the first one's reply as long as it is remembered; empty for none
   * @param timeout how long to wait; the message may still be handled afterwards
   * @return the reply; empty when the Spirit gave none
   */
  CompletionStage<Optional<byte[]>> ask(
      SpiritId to, String messageType, byte[] payload, String idempotencyKey, Duration timeout);

  /**
   * As {@code ask}, of a message that may have been sent, and handled, before. When the Spirit does
   * not know the key, and has forgotten others of that time, it does not handle the message, and
   * the stage fails with {@code OUTCOME_FORGOTTEN}; so it is not handled twice however much came in
   * between. Clocks of nodes may differ by 200 ms.
   *
   * @param idempotencyKey of all of them
   * @param sentBefore how long ago it was sent for the first time
   */
  CompletionStage<Optional<byte[]>> askAgain(
      SpiritId to,
      String messageType,
      byte[] payload,
      String idempotencyKey,
      Duration sentBefore,
      Duration timeout);

  /**
   * Sends a message. The stage completes when the turn that handled it is durable, and fails when
   * that turn failed; no reply is kept.
   */
  CompletionStage<Void> tell(
      SpiritId to, String messageType, byte[] payload, String idempotencyKey, Duration timeout);

  /**
   * Moves a living Spirit to another engine. What was sent to it before runs on the old engine,
   * what is sent afterwards on the new one; nothing of its state changes. When it runs there
   * already, nothing happens and the answer says so.
   *
   * <p>Fails, and leaves the Spirit where it is, with {@code CONFIG_INVALID} when there is no such
   * engine, {@code SPIRIT_TYPE_UNKNOWN} or {@code SPIRIT_NOT_FOUND} when there is no such Spirit,
   * and with whatever the engine says of the module or of one more instance: {@code
   * MODULE_UNSUPPORTED}, {@code MODULE_COMPILE_TIMEOUT}, {@code RESIDENCY_LIMIT}.
   *
   * @param id the Spirit; it must live
   * @param engine the engine's name
   * @param timeout how long to wait; the Spirit may still move afterwards
   * @return where it runs now, once that is durable
   */
  CompletionStage<Migration> migrate(SpiritId id, String engine, Duration timeout);

  /**
   * Lets a Spirit take messages again that was halted because it had failed; its state is as before
   * the turn that failed. Nothing happens when it was not halted.
   *
   * <p>Fails with {@code SPIRIT_TYPE_UNKNOWN} or {@code SPIRIT_NOT_FOUND} when there is no such
   * Spirit.
   */
  CompletionStage<Void> restart(SpiritId id, Duration timeout);

  /** Where Spirits are, and how they get to other nodes. */
  Relocations relocations();

  /** Puts other modules under living Spirits. */
  SpiritSwaps swaps();

  /** What Spirits did, and what their states were. */
  SpiritHistory history();

  /** What could not be handled. */
  DeadLetters deadLetters();

  /** Durable runs of compositions of Spirits. */
  Ghosts ghosts();

  /** The Spirits that are in this node's memory now, ordered by id. */
  List<SpiritStatus> resident();
}
