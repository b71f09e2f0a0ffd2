package io.vudo.spirit.internal.turn;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Pending;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Turn;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * The effects of committed turns that their receivers have not confirmed yet, in the order in which
 * the turns asked for them.
 */
final class Outbox {
  private final NavigableMap<Position, Effect> pending = new TreeMap<>(Positions.ORDER);
  private final List<Position> acknowledged = new ArrayList<>();

  /**
   * Takes up the effects of a turn that somebody else has to confirm.
   *
   * @param leaving what becomes of an effect when it leaves; empty for nothing
   */
  void add(SpiritId self, Turn turn, Function<Effect, Optional<Effect>> leaving) {
    for (int i = 0; i < turn.getEffectsCount(); i++) {
      Effect effect =
          leaving.apply(Letters.complete(self, turn, i)).orElseGet(Effect::getDefaultInstance);
      if (leaves(effect)) {
        add(
            Position.newBuilder().setTurn(turn.getNumber()).setIndex(i).build(),
            Traces.leaving(effect, Traces.of(turn)));
      }
    }
  }

  private static boolean leaves(Effect effect) {
    return switch (effect.getEffectCase()) {
      case SEND,
          TUPLE_WRITE,
          CONFIRM_TAKE,
          LEASE_RENEWAL,
          LEASE_END,
          TUPLE_WATCH,
          TUPLE_UNWATCH,
          DEAD_LETTER ->
          true;
      case START_TIMER, CANCEL_TIMER, STORAGE_PUT, STORAGE_DELETE, EFFECT_NOT_SET -> false;
    };
  }

  void add(Position position, Effect effect) {
    pending.put(position, effect);
  }

  /** The effect at a position; null when there is none, or it was confirmed. */
  Effect get(Position position) {
    return pending.get(position);
  }

  /** Puts an effect in the place of another one. */
  void replace(Position position, Effect effect) {
    pending.replace(position, effect);
  }

  /** A receiver confirmed; answers whether that was news. */
  boolean acknowledge(Position position) {
    if (pending.remove(position) == null) {
      return false;
    }
    acknowledged.add(position);
    return true;
  }

  /** The confirmations that are not in the journal yet; the caller journals them. */
  List<Position> takeAcknowledged() {
    List<Position> taken = List.copyOf(acknowledged);
    acknowledged.clear();
    return taken;
  }

  int unjournaledAcknowledgements() {
    return acknowledged.size();
  }

  /** Replays a journaled confirmation. */
  void forget(Position position) {
    pending.remove(position);
  }

  /** Forgets everything. */
  void clear() {
    pending.clear();
    acknowledged.clear();
  }

  boolean isEmpty() {
    return pending.isEmpty();
  }

  int size() {
    return pending.size();
  }

  boolean contains(String hold) {
    return pending.values().stream()
        .anyMatch(e -> e.hasConfirmTake() && e.getConfirmTake().getHold().equals(hold));
  }

  /**
   * What is to be delivered, oldest first. A message to a Spirit names the one before it to the
   * same Spirit that is pending too, so that the receiver can tell a gap.
   */
  List<Pending> deliveries() {
    Map<String, Position> previous = new HashMap<>();
    List<Pending> deliveries = new ArrayList<>(pending.size());
    pending.forEach(
        (position, effect) -> {
          Effect toSend = effect;
          if (effect.hasSend()) {
            Position before = previous.put(effect.getSend().getTo(), position);
            if (before != null) {
              Effect.Builder builder = effect.toBuilder();
              builder.getSendBuilder().getMessageBuilder().setPrevious(before);
              toSend = builder.build();
            }
          }
          deliveries.add(Pending.newBuilder().setPosition(position).setEffect(toSend).build());
        });
    return deliveries;
  }

  void writeTo(SpiritHeader.Builder header) {
    pending.forEach(
        (position, effect) ->
            header.addOutbox(Pending.newBuilder().setPosition(position).setEffect(effect)));
  }

  void readFrom(SpiritHeader header) {
    pending.clear();
    acknowledged.clear();
    header.getOutboxList().forEach(p -> pending.put(p.getPosition(), p.getEffect()));
  }
}
