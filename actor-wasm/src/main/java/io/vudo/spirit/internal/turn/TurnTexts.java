package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.Send;
import io.vudo.protocol.journal.v1.Timer;
import io.vudo.protocol.journal.v1.Turn;
import java.util.List;
import java.util.Optional;

/** Says in words in what two turns differ. */
public final class TurnTexts {
  private static final int MAX_PREVIEW_BYTES = 40;

  private TurnTexts() {}

  /**
   * The first difference between what a turn did and what it did before: outcome, effects, reply.
   * What it burnt does not count.
   */
  public static Optional<String> differenceOfOutcome(Turn recorded, Turn now) {
    if (recorded.hasFailed() || now.hasFailed()) {
      return recorded.hasFailed() && now.hasFailed() && same(recorded.getFailed(), now.getFailed())
          ? Optional.empty()
          : Optional.of("recorded: " + outcome(recorded) + "; now: " + outcome(now));
    }
    return differenceOfEffects(recorded.getEffectsList(), now.getEffectsList())
        .or(() -> differenceOfReply(recorded.getCompleted(), now.getCompleted()));
  }

  private static boolean same(Failed recorded, Failed now) {
    return recorded.getCode().equals(now.getCode())
        && (!now.getCode().equals(ErrorCode.APPLICATION_ERROR.name())
            || recorded.getDetail().equals(now.getDetail()));
  }

  private static String outcome(Turn turn) {
    return turn.hasFailed()
        ? turn.getFailed().getCode() + " " + turn.getFailed().getDetail()
        : "it completed";
  }

  /** The first effect that differs. */
  static Optional<String> differenceOfEffects(List<Effect> recorded, List<Effect> now) {
    for (int i = 0; i < Math.max(recorded.size(), now.size()); i++) {
      if (i >= recorded.size() || i >= now.size() || !recorded.get(i).equals(now.get(i))) {
        return Optional.of(
            "effect "
                + i
                + " differs; recorded: "
                + effect(recorded, i)
                + "; now: "
                + effect(now, i));
      }
    }
    return Optional.empty();
  }

  private static String effect(List<Effect> effects, int index) {
    if (index >= effects.size()) {
      return "none";
    }
    Effect effect = effects.get(index);
    return switch (effect.getEffectCase()) {
      case SEND -> send(effect.getSend());
      case TUPLE_WRITE ->
          "a tuple of "
              + effect.getTupleWrite().getTuple().size()
              + " bytes into the space "
              + effect.getTupleWrite().getSpace()
              + ", for "
              + effect.getTupleWrite().getTtlMillis()
              + " ms, "
              + preview(effect.getTupleWrite().getTuple());
      case CONFIRM_TAKE ->
          "a take from the space "
              + effect.getConfirmTake().getSpace()
              + ", hold "
              + effect.getConfirmTake().getHold();
      case LEASE_RENEWAL ->
          "renewing the lease "
              + effect.getLeaseRenewal().getLease()
              + " in the space "
              + effect.getLeaseRenewal().getSpace()
              + ", for "
              + effect.getLeaseRenewal().getTtlMillis()
              + " ms";
      case LEASE_END ->
          "ending the lease "
              + effect.getLeaseEnd().getLease()
              + " in the space "
              + effect.getLeaseEnd().getSpace();
      case TUPLE_WATCH ->
          "watching the space "
              + effect.getTupleWatch().getSpace()
              + " as "
              + effect.getTupleWatch().getName()
              + ", "
              + preview(effect.getTupleWatch().getTemplate());
      case TUPLE_UNWATCH ->
          "ending the watch "
              + effect.getTupleUnwatch().getName()
              + " of the space "
              + effect.getTupleUnwatch().getSpace();
      case DEAD_LETTER -> "a dead letter";
      case START_TIMER -> timer(effect.getStartTimer());
      case CANCEL_TIMER -> "cancelling timer " + effect.getCancelTimer().getNumber();
      case STORAGE_PUT ->
          "storing key "
              + effect.getStoragePut().getKey()
              + ", "
              + preview(effect.getStoragePut().getValue());
      case STORAGE_DELETE -> "deleting key " + effect.getStorageDelete().getKey();
      case EFFECT_NOT_SET -> "one of a newer version";
    };
  }

  private static String timer(Timer timer) {
    return (timer.getName().isEmpty() ? "a timer" : "the reminder " + timer.getName())
        + " after "
        + timer.getDelayMillis()
        + " ms"
        + (timer.getPeriodMillis() == 0 ? "" : " and every " + timer.getPeriodMillis() + " ms")
        + ": "
        + send(timer.getSend());
  }

  private static String send(Send send) {
    return switch (send.getMessage().getKind()) {
          case SPAWN -> "a spawn of ";
          case STOP -> "a stop of ";
          case MONITOR, DEMONITOR, LINK, UNLINK -> "a \"" + send.getMessage().getType() + "\" of ";
          default -> "a message \"" + send.getMessage().getType() + "\" to ";
        }
        + send.getTo()
        + ", "
        + preview(send.getMessage().getPayload());
  }

  /** How two replies differ. */
  static Optional<String> differenceOfReply(Completed recorded, Completed now) {
    return recorded.equals(now)
        ? Optional.empty()
        : Optional.of("the reply differs; recorded: " + reply(recorded) + "; now: " + reply(now));
  }

  private static String reply(Completed completed) {
    return completed.hasReply() ? preview(completed.getReply()) : "none";
  }

  /** Text as text, anything else in hexadecimal digits; only the beginning of what is long. */
  private static String preview(ByteString bytes) {
    ByteString head = bytes.substring(0, Math.min(bytes.size(), MAX_PREVIEW_BYTES));
    boolean text = true;
    StringBuilder hex = new StringBuilder();
    for (byte b : head) {
      text &= b >= ' ' && b <= '~';
      hex.append(Character.forDigit((b >> 4) & 15, 16)).append(Character.forDigit(b & 15, 16));
    }
    return (text ? '"' + head.toStringUtf8() + '"' : "0x" + hex)
        + (head.size() < bytes.size() ? "… (" + bytes.size() + " bytes)" : "");
  }
}
