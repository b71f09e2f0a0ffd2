package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Timer;
import io.vudo.protocol.journal.v1.Trace;
import io.vudo.protocol.journal.v1.Turn;

/**
 * To which trace belongs what a turn does. The effects of a record do not say it, so that a replay
 * does the same whether it is traced or not; it is put to them when they leave.
 */
public final class Traces {
  private Traces() {}

  /**
   * What the effects of a turn belong to: its span or, where it was not traced, that of its
   * message; the default instance for nothing.
   */
  public static Trace of(Turn turn) {
    return turn.hasTrace() ? turn.getTrace() : of(turn.getInput());
  }

  /** What caused a message; the default instance when that is not known. */
  static Trace of(Message message) {
    // What has only a link begins traces of its own.
    return message.getTrace().getLinked() ? Trace.getDefaultInstance() : message.getTrace();
  }

  /** The effect as it leaves: its message belongs to this. */
  static Effect leaving(Effect effect, Trace trace) {
    if (!effect.hasSend() || isNone(trace)) {
      return effect;
    }
    Effect.Builder leaving = effect.toBuilder();
    leaving.getSendBuilder().getMessageBuilder().setTrace(trace);
    return leaving.build();
  }

  /**
   * The timer as it is kept. One that fires again and again would make a trace without an end, so
   * each of its messages begins one of its own, with a link.
   */
  static Timer kept(Timer timer, Trace trace) {
    if (isNone(trace)) {
      return timer;
    }
    Timer.Builder kept = timer.toBuilder();
    kept.getSendBuilder()
        .getMessageBuilder()
        .setTrace(timer.getPeriodMillis() > 0 ? trace.toBuilder().setLinked(true).build() : trace);
    return kept.build();
  }

  private static boolean isNone(Trace trace) {
    // No span has this id.
    return trace.getSpan() == 0;
  }
}
