package io.vudo.client;

import io.vudo.client.internal.Pace;
import io.vudo.client.internal.Requests;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;

/**
 * One Spirit, from outside of its cluster. It need not exist: a Spirit comes into being with its
 * first message.
 *
 * <p>A call is tried until it is answered or its deadline is over, at one node after the other and
 * under one idempotency key, so the Spirit handles it once however often it was sent. When a reply
 * has arrived, what the Spirit did is durable.
 *
 * <p>{@code ask} and {@code tell} answer by a stage and block nobody; {@code askAndWait} and {@code
 * tellAndWait} are the same for a thread that has nothing else to do. A stage fails with {@link
 * VudoException}, also where an argument is wrong (within {@link
 * java.util.concurrent.CompletionException} when it is joined, as with any stage); the methods that
 * wait throw it. The codes:
 *
 * <ul>
 *   <li>what the node answered: {@code SPIRIT_TYPE_UNKNOWN}, {@code PAYLOAD_TOO_LARGE}, {@code
 *       APPLICATION_ERROR} when the Spirit itself refused, {@code OUT_OF_FUEL} and others when its
 *       turn failed and was undone;
 *   <li>{@code ASK_TIMEOUT}: the deadline is over; the message may be handled or not;
 *   <li>{@code MAILBOX_FULL}, {@code RESIDENCY_LIMIT}, {@code SPIRIT_UNAVAILABLE}, {@code
 *       SPIRIT_FENCED}, {@code JOURNAL_UNAVAILABLE}, {@code NODE_UNREACHABLE}: the last attempt
 *       failed so and there was no time for another; the detail says whether the message may have
 *       been handled;
 *   <li>{@code OUTCOME_FORGOTTEN}: an attempt before this one may have been handled, and the Spirit
 *       has forgotten keys of that time, so it did not handle it (again);
 *   <li>{@code CALL_CANCELLED}: the client was closed, or the waiting thread interrupted;
 *   <li>{@code REQUEST_INVALID}: an argument is wrong.
 * </ul>
 *
 * <p>To give up a call cancel the {@linkplain CompletionStage#toCompletableFuture future} of its
 * stage; the message may be handled all the same.
 *
 * <p>Immutable, and safe to use from many threads. Messages of calls that are under way together
 * may arrive in any order.
 */
public final class SpiritClient {
  private final Requests requests;
  private final RetryPolicy retry;
  private final SpiritId id;
  private final Duration deadline;

  SpiritClient(Requests requests, RetryPolicy retry, SpiritId id, Duration deadline) {
    this.requests = requests;
    this.retry = retry;
    this.id = id;
    this.deadline = deadline;
  }

  /** Which Spirit it is. */
  public SpiritId id() {
    return id;
  }

  /**
   * The same Spirit with another deadline for calls whose message names none.
   *
   * @param deadline at least 1 ms and at most 365 days
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public SpiritClient within(Duration deadline) {
    return new SpiritClient(requests, retry, id, Message.checkDeadline(deadline));
  }

  /**
   * The same Spirit with calls that are tried again in another way.
   *
   * @see VudoClient.Builder#retry
   */
  public SpiritClient retrying(RetryPolicy retry) {
    return new SpiritClient(requests, Objects.requireNonNull(retry), id, deadline);
  }

  /**
   * Sends a message and answers the reply.
   *
   * @return the reply's bytes, which may be none; empty when the Spirit handled the message and
   *     gave no reply
   */
  public CompletionStage<Optional<byte[]>> ask(Message message) {
    return send("ask", message, Function.identity());
  }

  /** Sends a message of that type and payload, and answers the reply. */
  public CompletionStage<Optional<byte[]>> ask(String type, byte[] payload) {
    try {
      return ask(Message.of(type, payload));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * Sends a message.
   *
   * @return done when the Spirit has handled it
   */
  public CompletionStage<Void> tell(Message message) {
    return send("tell", message, done -> null);
  }

  /** Sends a message of that type and payload. */
  public CompletionStage<Void> tell(String type, byte[] payload) {
    try {
      return tell(Message.of(type, payload));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * Sends a message and waits for the reply.
   *
   * @return as {@link #ask(Message)}
   * @throws VudoException as the stage fails
   */
  public Optional<byte[]> askAndWait(Message message) {
    return await(send("ask", message, Function.identity()));
  }

  /** Sends a message of that type and payload, and waits for the reply. */
  public Optional<byte[]> askAndWait(String type, byte[] payload) {
    return askAndWait(Message.of(type, payload));
  }

  /**
   * Sends a message and waits until the Spirit has handled it.
   *
   * @throws VudoException as the stage fails
   */
  public void tellAndWait(Message message) {
    var unused = await(send("tell", message, done -> null));
  }

  /** Sends a message of that type and payload, and waits until the Spirit has handled it. */
  public void tellAndWait(String type, byte[] payload) {
    tellAndWait(Message.of(type, payload));
  }

  /**
   * The Spirit as a Java object that sends JSON; {@link #as(Class, Codec)} has the rules.
   *
   * @throws VudoException {@code INTERFACE_INVALID}
   */
  public <T> T as(Class<T> type) {
    return as(type, Codec.JSON);
  }

  /**
   * The Spirit as a Java object: a call of a method is a message, and what the method returns is
   * the reply.
   *
   * <ul>
   *   <li>The <b>message type</b> is the method's name, or its {@link MessageType}. Methods of one
   *       name need the annotation each.
   *   <li>The <b>payload</b> is the encoded parameter; of several parameters an array; of none no
   *       bytes at all. A single {@code byte[]} or {@code String} is sent as it is, the string as
   *       UTF-8. A parameter that is the {@link IdempotencyKey} does not count.
   *   <li>The <b>result</b> is the decoded reply; {@code byte[]} and {@code String} are the reply
   *       as it is. {@code Optional<T>} is empty when there is no reply; any other result then
   *       fails with {@code REPLY_INVALID}. {@code void} waits until the message was handled and
   *       drops the reply.
   *   <li>{@code CompletionStage<T>} and {@code CompletableFuture<T>} return at once; any other
   *       method waits, and throws {@link VudoException}.
   *   <li>{@link Tell} does not wait at all; {@link Idempotent} sends no key.
   *   <li>{@code default} methods run as they are, and may call the others. {@code equals}, {@code
   *       hashCode} and {@code toString} are those of the object.
   * </ul>
   *
   * <p>Beside the codes of {@code ask} a call fails with {@code ARGUMENT_INVALID} when a parameter
   * cannot be encoded, and nothing was sent; and with {@code REPLY_INVALID} when the reply cannot
   * be decoded, and the message was handled.
   *
   * @param type an interface
   * @return safe to use from many threads; make one and keep it
   * @throws VudoException {@code INTERFACE_INVALID}, with the method that breaks a rule
   */
  public <T> T as(Class<T> type, Codec codec) {
    return SpiritProxy.of(type, this, codec);
  }

  /** Sends it, and makes the result of the reply on a thread of the client. */
  <T> CompletableFuture<T> send(
      String operation, Message message, Function<Optional<byte[]>, T> answer) {
    boolean keyed = !message.isIdempotent();
    return requests.sendForBytes(
        new Requests.Request(
            "/v1/spirits/" + id + "/" + operation,
            "application/octet-stream",
            BodyPublishers.ofByteArray(message.bytes()),
            Map.of("X-Vudo-Type", message.type()),
            keyed ? message.key().orElseGet(() -> UUID.randomUUID().toString()) : "",
            message.firstSent(),
            true,
            new Pace.Until(message.deadline().orElse(deadline), retry)),
        answer);
  }

  /** Waits for it; what it fails with is thrown from here, so that the caller's lines are in it. */
  static <T> T await(CompletableFuture<T> result) {
    try {
      return result.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof VudoException typed
          ? new VudoException(typed.code(), typed.detail(), typed)
          : new VudoException(ErrorCode.INTERNAL_ERROR, "The client failed.", e.getCause());
    } catch (InterruptedException e) {
      result.cancel(true);
      Thread.currentThread().interrupt();
      throw new VudoException(ErrorCode.CALL_CANCELLED, "The waiting thread was interrupted.", e);
    }
  }

  @Override
  public String toString() {
    return id.toString();
  }
}
