package io.vudo.spirit;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.actor.ServiceSystem;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * A Spirit as a service sees it. It stays good when the Spirit moves, leaves memory or its node
 * dies.
 *
 * <p><b>What holds.</b> An answer comes after the turn is durable, so what was answered is never
 * lost and never undone. Messages of one service to one Spirit that were sent one after the other
 * are handled in this order, also while the Spirit moves and when nodes leave. Each is handled at
 * most once. When a node dies, or the connection to it, messages on their way are lost, each by
 * itself: one that was sent later may be handled. Their senders see {@code ASK_TIMEOUT}, which says
 * that nobody knows whether the message was handled.
 *
 * <p>A message with an idempotency key is sent again until it is answered or its time is over, and
 * is handled once, as long as the Spirit remembers the key ({@code
 * vudo.spirit.max-idempotency-keys}). A repetition may come after what was sent later; who needs
 * the order as well sends the next one when the last is answered.
 *
 * <p>Stages fail with a {@link VudoException}: {@code SPIRIT_TYPE_UNKNOWN}, {@code
 * PAYLOAD_TOO_LARGE}, {@code MAILBOX_FULL}, {@code ASK_TIMEOUT}, {@code SPIRIT_UNAVAILABLE}, or
 * whatever ended the turn. Thread-safe, never blocks.
 */
public final class SpiritRef {
  private final ServiceSystem system;
  private final SpiritId id;

  SpiritRef(ServiceSystem system, SpiritId id) {
    this.system = system;
    this.id = id;
  }

  /** The Spirit's id. */
  public SpiritId id() {
    return id;
  }

  /**
   * Sends a message and answers what the Spirit replied, once the turn is durable.
   *
   * @param type what the guest reads as {@code message_type}
   * @param payload the bytes
   * @param idempotencyKey messages to this Spirit with the same key are handled once, and answered
   *     alike; empty for none
   * @param timeout how long to wait; the message may still be handled afterwards
   * @return the reply; empty when the Spirit gave none
   */
  public CompletionStage<Optional<byte[]>> ask(
      String type, byte[] payload, String idempotencyKey, Duration timeout) {
    return system.ask(id, type, payload, idempotencyKey, timeout);
  }

  /**
   * Sends a message. The stage completes when the turn that handled it is durable, and fails when
   * that turn failed; who does not look at it has a message that is handled at most once.
   */
  public CompletionStage<Void> tell(
      String type, byte[] payload, String idempotencyKey, Duration timeout) {
    return ask(type, payload, idempotencyKey, timeout).thenAccept(reply -> {});
  }

  /**
   * Sends a message as to an actor. Its {@code replyTo} is told exactly once, at the latest when
   * the message's time is over.
   */
  public void tell(SpiritMessage message) {
    var unused =
        ask(message.type(), message.payload(), message.idempotencyKey(), message.timeout())
            .whenComplete(
                (reply, failure) ->
                    message
                        .replyTo()
                        .ifPresent(
                            asker ->
                                asker.tell(
                                    failure == null
                                        ? new SpiritReply.Done(reply)
                                        : new SpiritReply.Failed(error(failure)))));
  }

  /**
   * Asks as one asks an {@code EntityRef}.
   *
   * @param message gets who is to be told
   * @param timeout how long to wait, instead of the message's own
   * @return the reply; it does not fail
   */
  public CompletionStage<SpiritReply> ask(
      Function<ActorRef<SpiritReply>, SpiritMessage> message, Duration timeout) {
    SpiritMessage ask = message.apply(system.ignored());
    return ask(ask.type(), ask.payload(), ask.idempotencyKey(), timeout)
        .<SpiritReply>handle(
            (reply, failure) ->
                failure == null
                    ? new SpiritReply.Done(reply)
                    : new SpiritReply.Failed(error(failure)));
  }

  /**
   * An actor that passes on what it gets to the Spirit: for actors that want an {@code ActorRef},
   * as {@code context.ask} does. It lives as long as whoever spawns it says.
   *
   * <pre>{@code
   * ActorRef<SpiritMessage> alice = context.spawn(service.spirit("counter/alice").behavior(), "alice");
   * context.ask(SpiritReply.class, alice, timeout,
   *     replyTo -> SpiritMessage.of("add", bytes).replyTo(replyTo), Answer::new);
   * }</pre>
   */
  public Behavior<SpiritMessage> behavior() {
    return Behaviors.receiveMessage(
        message -> {
          tell(message);
          return Behaviors.same();
        });
  }

  private static VudoError error(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof VudoException known
        ? known.toError()
        : new VudoError(ErrorCode.INTERNAL_ERROR, cause.toString());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SpiritRef ref && ref.system == system && ref.id.equals(id);
  }

  @Override
  public int hashCode() {
    return id.hashCode();
  }

  @Override
  public String toString() {
    return "SpiritRef(" + id + ")";
  }
}
