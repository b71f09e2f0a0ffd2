package io.vudo.spirit;

import io.opentelemetry.context.Context;
import io.vudo.protocol.SpiritId;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * A message of a Spirit to an actor of a service. The actor ends each with one of {@link #done},
 * {@link #reply} and {@link #failed}; later calls have no effect. It may do so later, from any
 * thread, and gets the next message of the same Spirit after that.
 *
 * <p>One that is not ended within {@code vudo.service.actor.redelivery} is handed over again: who
 * may need longer drops repetitions by {@link #id}. It does not leave the service, so it needs no
 * serializer.
 */
public final class ActorMessage {
  private static final byte[] NOTHING = {};

  private final String id;
  private final Optional<SpiritId> sender;
  private final long turn;
  private final int index;
  private final String type;
  private final byte[] payload;
  private final boolean question;
  private final Context context;
  private final BiConsumer<byte[], String> door;

  /**
   * A message that belongs to no trace. Public for tests of actors.
   *
   * @param id names it, together with the sender
   * @param sender the Spirit
   * @param turn position in the sender's history
   * @param index the same
   * @param type as the guest said
   * @param payload the bytes; not copied
   * @param question whether the sender waits for the reply
   * @param door is told the reply, and {@code CODE: text} or nothing
   */
  public ActorMessage(
      String id,
      Optional<SpiritId> sender,
      long turn,
      int index,
      String type,
      byte[] payload,
      boolean question,
      BiConsumer<byte[], String> door) {
    this(id, sender, turn, index, type, payload, question, Context.root(), door);
  }

  /**
   * A message. Public for tests of actors.
   *
   * @param context see {@link #context}
   */
  public ActorMessage(
      String id,
      Optional<SpiritId> sender,
      long turn,
      int index,
      String type,
      byte[] payload,
      boolean question,
      Context context,
      BiConsumer<byte[], String> door) {
    this.id = Objects.requireNonNull(id);
    this.sender = Objects.requireNonNull(sender);
    this.turn = turn;
    this.index = index;
    this.type = Objects.requireNonNull(type);
    this.payload = Objects.requireNonNull(payload);
    this.question = question;
    this.context = Objects.requireNonNull(context);
    this.door = Objects.requireNonNull(door);
  }

  /** Names the message for ever, together with its sender; a repetition has the same. */
  public String id() {
    return id;
  }

  /** Who sent it; empty when it is the replay of a dead letter that was sent by nobody. */
  public Optional<SpiritId> sender() {
    return sender;
  }

  /** The sender's turn that sent it. Turns and then indices grow from message to message. */
  public long turn() {
    return turn;
  }

  /** Its place among what that turn did; of a question, among what the turn asked. */
  public int index() {
    return index;
  }

  /** What the guest gave as the message's type. */
  public String type() {
    return type;
  }

  /** The bytes; not a copy. */
  public byte[] payload() {
    return payload;
  }

  /** Whether the Spirit waits for a reply. */
  public boolean isQuestion() {
    return question;
  }

  /**
   * The context of the turn that sent it, as OpenTelemetry has it: who makes it current, or a span
   * with it as the parent, is part of its trace. {@link Context#root()} when it is not traced.
   */
  public Context context() {
    return context;
  }

  /** It is handled, and the Spirit need not send it again. A question gets an empty reply. */
  public void done() {
    door.accept(NOTHING, "");
  }

  /** It is handled. A Spirit that does not wait does not get the reply. */
  public void reply(byte[] reply) {
    door.accept(Objects.requireNonNull(reply), "");
  }

  /**
   * It is refused for good. A Spirit that asked gets the status {@code FAILED} with {@code CODE:
   * text}; what was only sent becomes a dead letter, with the code {@code ACTOR_FAILED}.
   *
   * @param code a word for programs
   * @param text for people
   */
  public void failed(String code, String text) {
    door.accept(NOTHING, Objects.requireNonNull(code) + ": " + Objects.requireNonNull(text));
  }

  @Override
  public String toString() {
    return "ActorMessage("
        + sender.map(SpiritId::toString).orElse("")
        + " "
        + id
        + ", "
        + type
        + ", "
        + payload.length
        + " bytes)";
  }
}
