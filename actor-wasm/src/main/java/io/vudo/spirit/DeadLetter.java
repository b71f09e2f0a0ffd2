package io.vudo.spirit;

/**
 * What could not be handled: a message whose turns failed without anybody to be told, or an effect
 * of a Spirit that its receiver refused for good.
 *
 * @param id in the register
 * @param spirit TYPE/ID of the Spirit at which it ended: the receiver, when its turns failed; the
 *     sender, when the receiver refused it
 * @param kind {@code message}, {@code spawn} or {@code stop} as Spirits send them, {@code tuple}
 *     for a write
 * @param sender TYPE/ID of the Spirit that sent it
 * @param receiver TYPE/ID of the Spirit that was to get it; of a write, the space
 * @param messageId unique per sender; empty for a write
 * @param messageType what the guest reads as {@code message_type}; empty for a write
 * @param payload its bytes, of a write those of the tuple in MessagePack; empty in a list
 * @param payloadBytes how many they are
 * @param code how the last attempt ended
 * @param detail more about that
 * @param attempts how often it was tried before it became a dead letter
 * @param replays how many replays failed since
 * @param firstMillis when it was tried first, in ms since 1970
 * @param lastMillis when it was tried last
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record DeadLetter(
    String id,
    String spirit,
    String kind,
    String sender,
    String receiver,
    String messageId,
    String messageType,
    byte[] payload,
    int payloadBytes,
    String code,
    String detail,
    int attempts,
    int replays,
    long firstMillis,
    long lastMillis) {}
