package io.vudo.spirit.internal.actor;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceId;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.TraceStateBuilder;
import io.opentelemetry.context.Context;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Trace;

/** Brings contexts of traces into messages, and out of them. */
final class TraceContexts {
  /** Of tracestate; W3C lets nobody drop less. */
  private static final int MAX_STATE = 512;

  private TraceContexts() {}

  /** Puts the span of the calling thread into a message; with none it stays as it is. */
  static Message.Builder withCurrent(Message.Builder message) {
    SpanContext current = Span.current().getSpanContext();
    return current.isValid() ? message.setTrace(of(current)) : message;
  }

  static Trace of(SpanContext span) {
    String traceId = span.getTraceId();
    Trace.Builder trace =
        Trace.newBuilder()
            .setTraceHigh(Long.parseUnsignedLong(traceId, 0, 16, 16))
            .setTraceLow(Long.parseUnsignedLong(traceId, 16, 32, 16))
            .setSpan(Long.parseUnsignedLong(span.getSpanId(), 16))
            .setFlags(span.getTraceFlags().asByte() & 0xff);
    if (!span.getTraceState().isEmpty()) {
      trace.setState(text(span.getTraceState()));
    }
    return trace.build();
  }

  private static String text(TraceState state) {
    StringBuilder text = new StringBuilder();
    state.forEach(
        (key, value) -> {
          int length = key.length() + 1 + value.length() + (text.isEmpty() ? 0 : 1);
          if (text.length() + length <= MAX_STATE) {
            text.append(text.isEmpty() ? "" : ",").append(key).append('=').append(value);
          }
        });
    return text.toString();
  }

  /** The span that a trace names; not valid when it names none. */
  static SpanContext span(Trace trace) {
    return SpanContext.createFromRemoteParent(
        traceId(trace),
        spanId(trace),
        TraceFlags.fromByte((byte) trace.getFlags()),
        trace.getState().isEmpty() ? TraceState.getDefault() : state(trace.getState()));
  }

  static String traceId(Trace trace) {
    return TraceId.fromLongs(trace.getTraceHigh(), trace.getTraceLow());
  }

  static String spanId(Trace trace) {
    return SpanId.fromLong(trace.getSpan());
  }

  private static TraceState state(String text) {
    String[] members = text.split(",", -1);
    TraceStateBuilder state = TraceState.builder();
    // The builder puts each before those that it has.
    for (int i = members.length - 1; i >= 0; i--) {
      int equals = members[i].indexOf('=');
      if (equals > 0) {
        state.put(members[i].substring(0, equals), members[i].substring(equals + 1));
      }
    }
    return state.build();
  }

  /** In which what a message causes is done. */
  static Context context(Message message) {
    SpanContext cause = message.hasTrace() ? span(message.getTrace()) : SpanContext.getInvalid();
    return cause.isValid() && !message.getTrace().getLinked()
        ? Context.root().with(Span.wrap(cause))
        : Context.root();
  }
}
