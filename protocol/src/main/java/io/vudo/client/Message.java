package io.vudo.client;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * What is sent to a Spirit: a type, a payload, and how it is to be sent. Immutable; safe to use
 * from many threads and for several calls.
 *
 * <p>Each call that sends it has an idempotency key of its own, which all attempts of the call
 * share, so that the Spirit handles it once; unless the message has a {@linkplain #withKey key}, or
 * is {@linkplain #idempotent idempotent}.
 */
public final class Message {
  private static final int MAX_HEADER_TEXT = 256;
  private static final Duration LONGEST_DEADLINE = Duration.ofDays(365);

  private final String type;
  private final byte[] payload;
  private final Optional<Duration> deadline;
  private final Optional<String> key;
  private final Optional<Instant> firstSent;
  private final boolean idempotent;

  private Message(
      String type,
      byte[] payload,
      Optional<Duration> deadline,
      Optional<String> key,
      Optional<Instant> firstSent,
      boolean idempotent) {
    this.type = type;
    this.payload = payload;
    this.deadline = deadline;
    this.key = key;
    this.firstSent = firstSent;
    this.idempotent = idempotent;
  }

  /**
   * A message of bytes.
   *
   * @param type 1 to 256 visible ASCII characters
   * @param payload copied
   * @throws VudoException {@code REQUEST_INVALID} for another type
   */
  public static Message of(String type, byte[] payload) {
    return new Message(
        checkHeader("message type", type),
        payload.clone(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        false);
  }

  /** A message of text, encoded as UTF-8. */
  public static Message of(String type, String payload) {
    return of(type, payload.getBytes(StandardCharsets.UTF_8));
  }

  /** A message without payload. */
  public static Message of(String type) {
    return of(type, new byte[0]);
  }

  /**
   * The same with another deadline than the client's: after that time a call fails with {@code
   * ASK_TIMEOUT}, however often it was tried.
   *
   * @param deadline at least 1 ms and at most 365 days
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public Message within(Duration deadline) {
    return new Message(
        type, payload, Optional.of(checkDeadline(deadline)), key, firstSent, idempotent);
  }

  /**
   * The same with an idempotency key of the caller's: all calls to one Spirit with this key are
   * handled once, and each gets the first one's outcome, also those of a caller that has started
   * again. A Spirit remembers its last keys ({@code vudo.spirit.max-idempotency-keys}); a call that
   * comes later than that, and does not say {@linkplain #withKey(String, Instant) since when} it
   * repeats, is handled again.
   *
   * @param key 1 to 256 visible ASCII characters
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public Message withKey(String key) {
    return new Message(
        type,
        payload,
        deadline,
        Optional.of(checkHeader("idempotency key", key)),
        Optional.empty(),
        false);
  }

  /**
   * The same with a key that another call may have used before. When the Spirit does not know the
   * key, and has forgotten others of that time, the call fails with {@code OUTCOME_FORGOTTEN} and
   * is not handled, so that nothing is done twice however late it comes. The attempts of one call
   * need no such time, the client knows it.
   *
   * @param key as for the other
   * @param firstSent when the first call was made, or earlier, by this machine's clock
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public Message withKey(String key, Instant firstSent) {
    return new Message(
        type,
        payload,
        deadline,
        Optional.of(checkHeader("idempotency key", key)),
        Optional.of(firstSent),
        false);
  }

  /**
   * The same as one that does no harm when it is handled twice: it is sent without a key, and tried
   * again all the same.
   */
  public Message idempotent() {
    return new Message(type, payload, deadline, Optional.empty(), Optional.empty(), true);
  }

  /** The message type. */
  public String type() {
    return type;
  }

  /** A copy of the payload. */
  public byte[] payload() {
    return payload.clone();
  }

  /** How long a call may take; empty for as long as the client says. */
  public Optional<Duration> deadline() {
    return deadline;
  }

  /** The caller's own idempotency key; empty for one that the client makes for each call. */
  public Optional<String> key() {
    return key;
  }

  /** When a call with its key may have been made before; empty for never, or not known. */
  public Optional<Instant> firstSent() {
    return firstSent;
  }

  /** Whether it is sent without a key. */
  public boolean isIdempotent() {
    return idempotent;
  }

  /** The payload itself, which nobody changes. */
  byte[] bytes() {
    return payload;
  }

  static Duration checkDeadline(Duration deadline) {
    if (deadline.compareTo(Duration.ofMillis(1)) < 0 || deadline.compareTo(LONGEST_DEADLINE) > 0) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "A deadline is 1 ms to " + LONGEST_DEADLINE.toDays() + " days; got " + deadline + ".");
    }
    return deadline;
  }

  private static String checkHeader(String what, String text) {
    Objects.requireNonNull(text);
    // A space at an end would not arrive.
    if (text.isEmpty()
        || text.length() > MAX_HEADER_TEXT
        || !text.strip().equals(text)
        || !text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          "A " + what + " has 1 to " + MAX_HEADER_TEXT + " visible ASCII characters.");
    }
    return text;
  }

  /** For logs: without the payload. */
  @Override
  public String toString() {
    return type + " (" + payload.length + " bytes)";
  }
}
