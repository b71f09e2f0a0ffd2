package io.vudo.spirit;

import java.util.Map;

/**
 * One line of a Spirit's history.
 *
 * @param kind what happened
 * @param turn its number; for {@code STOP}, {@code FORK} and {@code SWAP} that of the last turn
 *     before
 * @param timeMillis when it began, in ms since 1970
 * @param sender TYPE/ID of the Spirit that sent the message; for {@code FORK} that of the origin;
 *     empty when a JVM or HTTP caller sent it
 * @param messageId unique per sender; for {@code SWAP} SHA-256 of the module that runs from then
 *     on, or would have, 64 hexadecimal digits
 * @param messageType what the guest reads as {@code message_type}
 * @param payloadBytes the bytes of the message; for {@code SWAP} what {@code spirit_save} answered,
 *     0 when the memory was kept
 * @param fuelUsed units of fuel
 * @param effects how many of each kind left the Spirit: {@code send}, {@code spawn}, {@code stop},
 *     {@code write}, {@code take}, {@code letter} for a message given up, {@code down} for one who
 *     is told of its end, …
 * @param replyBytes the bytes of the reply; -1 when there was none
 * @param failureCode why the turn failed and was undone, or the swap refused; empty when it
 *     completed
 * @param failureDetail more about that
 * @param attempt how often the message was tried, this one included; 1 for all that is tried once
 * @param consequence what followed from a failure
 */
public record TurnSummary(
    Kind kind,
    long turn,
    long timeMillis,
    String sender,
    String messageId,
    String messageType,
    int payloadBytes,
    long fuelUsed,
    Map<String, Integer> effects,
    int replyBytes,
    String failureCode,
    String failureDetail,
    int attempt,
    Consequence consequence) {

  /** What a line of the history tells. */
  public enum Kind {
    /** A message was handled, or tried. */
    MESSAGE,
    /** A life began. */
    SPAWN,
    /** A life ended; the next message begins a new one. */
    STOP,
    /** The Spirit took messages again after it had been halted. */
    RESTART,
    /** Another Spirit watches this one from now on, or was told why it cannot. */
    MONITOR,
    /** Another Spirit watches it no more. */
    DEMONITOR,
    /** Another Spirit is linked to it from now on, or was told why it cannot be. */
    LINK,
    /** A link to another Spirit is over. */
    UNLINK,
    /** A Spirit to which it was linked has failed, and it fails with that. */
    EXIT,
    /** The Spirit began with the state of another one. */
    FORK,
    /** The Spirit went on with another module, or could not. */
    SWAP
  }

  /** What follows from a failure. */
  public enum Consequence {
    /** Nothing; whoever waited was told. */
    NONE,
    /** The message is tried again. */
    RETRY,
    /** The message is a dead letter. */
    DEAD_LETTER,
    /** The Spirit takes no messages any more; the message is a dead letter if nobody waited. */
    HALT
  }

  /** Whether the turn failed and was undone. */
  public boolean failed() {
    return !failureCode.isEmpty();
  }
}
