package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Remembered;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.protocol.journal.v1.Watermark;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a Spirit remembers of the messages it has handled, so that none is handled twice.
 *
 * <p>Of another Spirit it keeps the position of the last message, which is enough because senders
 * deliver in order. Of a caller with an idempotency key it keeps the outcome. All is bounded; the
 * least recently used are forgotten first.
 */
final class Inbox {
  private final int maxSenders;
  private final int maxKeys;
  private final int maxKeyBytes;
  private final Map<String, Position> watermarks = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<String, Remembered> remembered = new LinkedHashMap<>(16, 0.75f, true);
  private long rememberedBytes;

  Inbox(int maxSenders, int maxKeys, int maxKeyBytes) {
    this.maxSenders = maxSenders;
    this.maxKeys = maxKeys;
    this.maxKeyBytes = maxKeyBytes;
  }

  Verdict judge(Message message) {
    if (message.hasPosition()) {
      Position last = watermarks.get(message.getSender());
      if (last != null && Positions.notAfter(message.getPosition(), last)) {
        return Verdict.DUPLICATE;
      }
      if (message.hasPrevious()
          && (last == null || !Positions.notAfter(message.getPrevious(), last))) {
        return Verdict.GAP;
      }
      return Verdict.NEW;
    }
    return remembered.containsKey(message.getId()) ? Verdict.DUPLICATE : Verdict.NEW;
  }

  /** How the message with this id ended, if a caller chose the id. */
  Optional<Remembered> outcome(String messageId) {
    return Optional.ofNullable(remembered.get(messageId));
  }

  /** Notes that this message needs no handling any more, and how its turn ended. */
  void handled(Message message, Turn turn) {
    if (message.hasPosition()) {
      watermarks.put(message.getSender(), message.getPosition());
      trim(watermarks, maxSenders);
    } else if (message.getId().startsWith(SpiritMachine.KEY_PREFIX)) {
      Remembered.Builder outcome =
          Remembered.newBuilder().setMessageId(message.getId()).setTurn(turn.getNumber());
      if (turn.hasFailed()) {
        outcome.setFailed(turn.getFailed());
      } else {
        outcome.setCompleted(turn.getCompleted());
      }
      remember(outcome.build());
    }
  }

  /** Notes a message that was handled without a turn of its own. */
  void handled(Message message) {
    handled(message, Turn.getDefaultInstance());
  }

  void writeTo(SpiritHeader.Builder header) {
    watermarks.forEach(
        (sender, position) ->
            header.addWatermarks(Watermark.newBuilder().setSender(sender).setPosition(position)));
    header.addAllRemembered(remembered.values());
  }

  void readFrom(SpiritHeader header) {
    watermarks.clear();
    remembered.clear();
    header.getWatermarksList().forEach(w -> watermarks.put(w.getSender(), w.getPosition()));
    rememberedBytes = 0;
    header.getRememberedList().forEach(this::remember);
  }

  private void remember(Remembered outcome) {
    Remembered before = remembered.put(outcome.getMessageId(), outcome);
    rememberedBytes += outcome.getSerializedSize();
    rememberedBytes -= before == null ? 0 : before.getSerializedSize();
    var eldest = remembered.values().iterator();
    while (remembered.size() > maxKeys
        || (rememberedBytes > maxKeyBytes && remembered.size() > 1)) {
      rememberedBytes -= eldest.next().getSerializedSize();
      eldest.remove();
    }
  }

  private static void trim(Map<String, ?> map, int most) {
    var eldest = map.keySet().iterator();
    while (map.size() > most) {
      eldest.next();
      eldest.remove();
    }
  }
}
