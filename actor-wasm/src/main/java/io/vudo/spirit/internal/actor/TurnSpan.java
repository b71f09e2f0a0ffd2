package io.vudo.spirit.internal.actor;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Trace;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.protocol.journal.v1.Wait;
import java.util.Locale;

/**
 * The span of a turn, from its first attempt on until it is durable. One that never ends is never
 * told of: then the turn did not happen, or happens again. Used by one actor only.
 */
final class TurnSpan {
  private static final int MAX_EFFECTS = 32;
  private static final int MAX_TEXT = 128;

  private static final AttributeKey<Long> FUEL = AttributeKey.longKey("vudo.fuel");
  private static final AttributeKey<Long> EFFECTS = AttributeKey.longKey("vudo.effects");
  private static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("vudo.outcome");
  private static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");
  private static final AttributeKey<Long> ATTEMPT = AttributeKey.longKey("vudo.attempt");
  static final AttributeKey<String> TYPE = AttributeKey.stringKey("vudo.message.type");
  private static final AttributeKey<String> TO = AttributeKey.stringKey("vudo.to");
  private static final AttributeKey<String> SPACE = AttributeKey.stringKey("vudo.space");
  private static final AttributeKey<Long> DELAY = AttributeKey.longKey("vudo.delay_ms");
  private static final AttributeKey<Long> TIMEOUT = AttributeKey.longKey("vudo.timeout_ms");

  private final Span span;
  private final Trace trace;
  private final String messageId;
  private final long beganMillis;

  TurnSpan(Span span, String messageId, long beganMillis) {
    this.span = span;
    this.trace = TraceContexts.of(span.getSpanContext());
    this.messageId = messageId;
    this.beganMillis = beganMillis;
  }

  /** What the turn's record keeps of it. */
  Trace trace() {
    return trace;
  }

  long beganMillis() {
    return beganMillis;
  }

  boolean isOf(Message message) {
    return messageId.equals(message.getId());
  }

  /** The guest is done; what follows is the commit. */
  void computed() {
    if (span.isRecording()) {
      span.addEvent("vudo.computed");
    }
  }

  /** The turn waits, and that is durable. */
  void waits(Wait wait) {
    if (!span.isRecording()) {
      return;
    }
    Attributes timeout = Attributes.of(TIMEOUT, wait.getTimeoutMillis());
    switch (wait.getWantedCase()) {
      case QUESTION ->
          span.addEvent(
              "vudo.ask",
              timeout.toBuilder()
                  .put(TO, wait.getQuestion().getTo())
                  .put(TYPE, bounded(wait.getQuestion().getMessage().getType()))
                  .build());
      case TUPLE ->
          span.addEvent(
              wait.getTuple().getTake() ? "vudo.tuple.await_take" : "vudo.tuple.await_read",
              timeout.toBuilder().put(SPACE, wait.getTuple().getSpace()).build());
      case BARRIER ->
          span.addEvent(
              "vudo.barrier", timeout.toBuilder().put(SPACE, wait.getBarrier().getSpace()).build());
      case PROCESS ->
          span.addEvent(
              "vudo.process",
              timeout.toBuilder().put(TO, bounded(wait.getProcess().getName())).build());
      case SLEEP, WANTED_NOT_SET -> span.addEvent("vudo.sleep", timeout);
    }
  }

  /** What the turn waited for is there. */
  void goesOn() {
    if (span.isRecording()) {
      span.addEvent("vudo.answered");
    }
  }

  /** The turn is durable. */
  void end(Turn turn) {
    if (span.isRecording()) {
      describe(turn);
    }
    span.end();
  }

  private void describe(Turn turn) {
    span.setAttribute(FUEL, turn.getFuelUsed());
    span.setAttribute(EFFECTS, turn.getEffectsCount());
    turn.getEffectsList().stream().limit(MAX_EFFECTS).forEach(this::tell);
    if (turn.getSupervised().getAttempt() > 0) {
      span.setAttribute(ATTEMPT, turn.getSupervised().getAttempt());
    }
    if (turn.hasFailed()) {
      // Not the detail: that may be the guest's own text.
      span.setAttribute(ERROR, turn.getFailed().getCode());
      span.setStatus(StatusCode.ERROR, turn.getFailed().getCode());
      span.setAttribute(
          OUTCOME,
          turn.getSupervised().getHalted()
              ? "halted"
              : turn.getSupervised().getRetryAtMillis() > 0 ? "retried" : "failed");
    } else {
      span.setAttribute(OUTCOME, "completed");
    }
  }

  private void tell(Effect effect) {
    switch (effect.getEffectCase()) {
      case SEND -> {
        Message message = effect.getSend().getMessage();
        span.addEvent(
            message.getKind() == Message.Kind.MESSAGE
                ? "vudo.send"
                : "vudo.send." + message.getKind().name().toLowerCase(Locale.ROOT),
            Attributes.of(TO, effect.getSend().getTo(), TYPE, bounded(message.getType())));
      }
      case TUPLE_WRITE -> inSpace("vudo.tuple.write", effect.getTupleWrite().getSpace());
      case CONFIRM_TAKE -> inSpace("vudo.tuple.take", effect.getConfirmTake().getSpace());
      case LEASE_RENEWAL -> inSpace("vudo.lease.renew", effect.getLeaseRenewal().getSpace());
      case LEASE_END -> inSpace("vudo.lease.cancel", effect.getLeaseEnd().getSpace());
      case TUPLE_WATCH -> inSpace("vudo.tuple.watch", effect.getTupleWatch().getSpace());
      case TUPLE_UNWATCH -> inSpace("vudo.tuple.unwatch", effect.getTupleUnwatch().getSpace());
      case START_TIMER ->
          span.addEvent(
              "vudo.timer.start",
              Attributes.of(
                  TO,
                  effect.getStartTimer().getSend().getTo(),
                  DELAY,
                  effect.getStartTimer().getDelayMillis()));
      case CANCEL_TIMER -> span.addEvent("vudo.timer.cancel");
      case DEAD_LETTER -> span.addEvent("vudo.dead_letter");
      // The store is the Spirit's own.
      case STORAGE_PUT, STORAGE_DELETE, EFFECT_NOT_SET -> {}
    }
  }

  private void inSpace(String event, String space) {
    span.addEvent(event, Attributes.of(SPACE, space));
  }

  static String bounded(String text) {
    return text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT);
  }
}
