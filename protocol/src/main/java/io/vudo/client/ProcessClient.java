package io.vudo.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import io.vudo.client.internal.Pace;
import io.vudo.client.internal.Requests;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.VudoException;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * Calls by dotted names: {@code payments.charge} of a Loa, {@code scripts.validate.Check} of a
 * script, {@code counter/alice.add} of a Spirit. The caller need not know which of these it is, nor
 * in what language it is written.
 *
 * <p>Arguments become an array, in JSON or as the {@link #encoded codec} says; a Spirit gets it as
 * the payload of a message whose type is the function. A call is tried until it is answered or its
 * deadline is over, under one idempotency key. A Spirit handles it once. A function of a Loa is
 * called once as long as its node answers: the call stays at a node that had no answer in time.
 * When that node dies, or the connection to it is lost or hangs, another node may call the function
 * again, which sees the key as the call's id. So it may when a key is used again that the node has
 * forgotten (it remembers the outcomes of 10,000 calls, or 16 MiB), or at another node.
 *
 * <p>A stage fails with a {@link VudoException}, and the methods that wait throw it. Beside those
 * of {@link SpiritClient}:
 *
 * <ul>
 *   <li>{@code PROCESS_FAILED}: what was called says so; {@link io.vudo.protocol.ProcessException
 *       #from} gives its status and text;
 *   <li>{@code PROCESS_UNKNOWN}, {@code PROCESS_NAME_INVALID}, {@code SCRIPT_UNAVAILABLE}: nothing
 *       answers to the name;
 *   <li>{@code PROCESS_BUSY}: too many calls wait for it, and there was no time to try again;
 *   <li>{@code ARGUMENT_INVALID}: an argument cannot be encoded, nothing was sent;
 *   <li>{@code REPLY_INVALID}: the result is none of the type; what was called is done.
 * </ul>
 *
 * <p>Immutable, and safe to use from many threads.
 */
public final class ProcessClient {
  private final Requests requests;
  private final RetryPolicy retry;
  private final Codec codec;

  /** Deadline and key, of any type. */
  private final Message options;

  private final Duration deadline;

  ProcessClient(Requests requests, RetryPolicy retry, Duration deadline) {
    this(requests, retry, Codec.JSON, Message.of("process"), deadline);
  }

  private ProcessClient(
      Requests requests, RetryPolicy retry, Codec codec, Message options, Duration deadline) {
    this.requests = requests;
    this.retry = retry;
    this.codec = codec;
    this.options = options;
    this.deadline = deadline;
  }

  private ProcessClient with(Message changed) {
    return new ProcessClient(requests, retry, codec, changed, deadline);
  }

  /**
   * The same with another deadline.
   *
   * @param deadline at least 1 ms and at most 365 days
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public ProcessClient within(Duration deadline) {
    return with(options.within(deadline));
  }

  /** The same with calls that are tried again in another way. */
  public ProcessClient retrying(RetryPolicy retry) {
    return new ProcessClient(requests, Objects.requireNonNull(retry), codec, options, deadline);
  }

  /** The same with arguments and results in another encoding; a Loa answers in that of its call. */
  public ProcessClient encoded(Codec codec) {
    return new ProcessClient(requests, retry, Objects.requireNonNull(codec), options, deadline);
  }

  /**
   * The same for one call under a key of the caller's; see {@link Message#withKey(String)}.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public ProcessClient withKey(String key) {
    return with(options.withKey(key));
  }

  /**
   * The same for one call under a key that was used before; see {@link Message#withKey(String,
   * Instant)}.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public ProcessClient withKey(String key, Instant firstSent) {
    return with(options.withKey(key, firstSent));
  }

  /** The same for calls that do no harm when they are done twice: without a key. */
  public ProcessClient idempotent() {
    return with(options.idempotent());
  }

  /**
   * Calls.
   *
   * @param name what
   * @param type of the result
   * @param args its arguments
   * @return the result; null when there is none
   */
  public <T> CompletionStage<T> call(String name, Class<T> type, Object... args) {
    try {
      return send(name, codec.encode(Arrays.asList(args)), reply -> decoded(reply, type));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * Calls, and waits for the result.
   *
   * @return the result; null when there is none
   * @throws VudoException as the stage of {@link #call} fails
   */
  public <T> T callAndWait(String name, Class<T> type, Object... args) {
    return SpiritClient.await(
        send(name, codec.encode(Arrays.asList(args)), reply -> decoded(reply, type)));
  }

  /**
   * Calls with arguments that are encoded already, and answers the bytes as they came.
   *
   * @param args an array in JSON or MessagePack; no bytes for none
   * @return empty when a Spirit gave no reply
   */
  public CompletionStage<Optional<byte[]>> callWithBytes(String name, byte[] args) {
    try {
      return send(name, args, Function.identity());
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private <T> T decoded(Optional<byte[]> reply, Class<T> type) {
    if (reply.isPresent() && reply.get().length > 0) {
      return codec.decode(reply.get(), type);
    }
    return type == JsonNode.class ? type.cast(NullNode.instance) : null;
  }

  private <T> CompletableFuture<T> send(
      String name, byte[] args, Function<Optional<byte[]>, T> answer) {
    ProcessName checked = ProcessName.parse(name);
    return requests.sendForBytes(
        new Requests.Request(
                "/v1/process/" + checked,
                "application/octet-stream",
                BodyPublishers.ofByteArray(args),
                Map.of(),
                options.isIdempotent()
                    ? ""
                    : options.key().orElseGet(() -> UUID.randomUUID().toString()),
                options.firstSent(),
                true,
                new Pace.Until(options.deadline().orElse(deadline), retry))
            .staying(),
        answer);
  }
}
