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
 * deliver in order. Of a caller with an idempotency key it keeps the outcome, and so it does of the
 * last question of a Spirit, which asks one after the other. All is bounded; the least recently
 * used are forgotten first, outcomes of questions sooner than that they were handled.
 *
 * <p>Of the keys that it has forgotten it keeps the time of the latest. So a repetition that says
 * when it was first sent is not handled twice: it is new when no key of that time is forgotten.
 */
final class Inbox {
  /** No Spirit id begins with it. */
  private static final String QUESTIONS = "?";

  /**
   * How far the clock of the node that took the repetition may be ahead of the Spirit's. No more
   * than clocks need that are kept: a Spirit that forgets its keys faster than this refuses all
   * repetitions that it does not know.
   */
  private static final long CLOCK_SKEW_MILLIS = 200;

  private final int maxSenders;
  private final int maxKeys;
  private final int maxKeyBytes;
  private final Map<String, Position> watermarks = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<String, Remembered> remembered = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<String, Remembered> answered = new LinkedHashMap<>(16, 0.75f, true);
  private long rememberedBytes;
  private long answeredBytes;
  private long forgottenMillis;

  Inbox(int maxSenders, int maxKeys, int maxKeyBytes) {
    this.maxSenders = maxSenders;
    this.maxKeys = maxKeys;
    this.maxKeyBytes = maxKeyBytes;
  }

  Verdict judge(Message message) {
    if (message.hasPosition()) {
      Position last = watermarks.get(sequence(message));
      if (last != null && Positions.notAfter(message.getPosition(), last)) {
        return Verdict.DUPLICATE;
      }
      if (message.hasPrevious()
          && (last == null || !Positions.notAfter(message.getPrevious(), last))) {
        return Verdict.GAP;
      }
      return Verdict.NEW;
    }
    if (remembered.containsKey(message.getId())) {
      return Verdict.DUPLICATE;
    }
    boolean mayBeForgotten =
        message.getFirstSentMillis() > 0
            && forgottenMillis > 0
            && message.getFirstSentMillis() - CLOCK_SKEW_MILLIS <= forgottenMillis;
    return mayBeForgotten ? Verdict.FORGOTTEN : Verdict.NEW;
  }

  /** How the message ended, if it is a question or its caller chose the id. */
  Optional<Remembered> outcome(Message message) {
    Remembered outcome =
        isQuestion(message) ? answered.get(message.getSender()) : remembered.get(message.getId());
    return Optional.ofNullable(outcome)
        .filter(known -> known.getMessageId().equals(message.getId()));
  }

  /** What numbers the message: a question overtakes the messages that its turn sends. */
  private static String sequence(Message message) {
    return isQuestion(message) ? QUESTIONS + message.getSender() : message.getSender();
  }

  private static boolean isQuestion(Message message) {
    return message.getKind() == Message.Kind.QUESTION;
  }

  /** Notes that this message needs no handling any more, and how its turn ended. */
  void handled(Message message, Turn turn) {
    if (message.hasPosition()) {
      watermarks.put(sequence(message), message.getPosition());
      trim(watermarks, maxSenders);
    }
    if (isQuestion(message)) {
      remember(outcome(message, turn).setAsker(message.getSender()).build());
    } else if (message.getId().startsWith(SpiritMachine.KEY_PREFIX)
        || message.getId().startsWith(SpiritMachine.LETTER_PREFIX)) {
      remember(outcome(message, turn).build());
    }
  }

  private static Remembered.Builder outcome(Message message, Turn turn) {
    Remembered.Builder outcome =
        Remembered.newBuilder()
            .setMessageId(message.getId())
            .setTurn(turn.getNumber())
            .setTimeMillis(turn.getTimeMillis());
    return turn.hasFailed()
        ? outcome.setFailed(turn.getFailed())
        : outcome.setCompleted(turn.getCompleted());
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
    header.addAllRemembered(answered.values());
    header.setForgottenMillis(forgottenMillis);
  }

  void readFrom(SpiritHeader header) {
    watermarks.clear();
    remembered.clear();
    answered.clear();
    header.getWatermarksList().forEach(w -> watermarks.put(w.getSender(), w.getPosition()));
    rememberedBytes = 0;
    answeredBytes = 0;
    forgottenMillis = header.getForgottenMillis();
    header.getRememberedList().forEach(this::remember);
  }

  private void remember(Remembered outcome) {
    if (outcome.getAsker().isEmpty()) {
      rememberedBytes += put(remembered, outcome.getMessageId(), outcome, maxKeys, rememberedBytes);
    } else {
      answeredBytes += put(answered, outcome.getAsker(), outcome, maxSenders, answeredBytes);
    }
  }

  /** Answers by how many bytes the map has grown. */
  private long put(
      Map<String, Remembered> map, String key, Remembered outcome, int most, long bytes) {
    Remembered before = map.put(key, outcome);
    long grown = outcome.getSerializedSize() - (before == null ? 0L : before.getSerializedSize());
    var eldest = map.values().iterator();
    while (map.size() > most || (bytes + grown > maxKeyBytes && map.size() > 1)) {
      Remembered forgotten = eldest.next();
      grown -= forgotten.getSerializedSize();
      if (map == remembered) {
        forgottenMillis = Math.max(forgottenMillis, forgotten.getTimeMillis());
      }
      eldest.remove();
    }
    return grown;
  }

  private static void trim(Map<String, ?> map, int most) {
    var eldest = map.keySet().iterator();
    while (map.size() > most) {
      eldest.next();
      eldest.remove();
    }
  }
}
