package io.vudo.spirit.internal.actor;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Suspended;
import io.vudo.protocol.journal.v1.Trace;
import io.vudo.spirit.Migration;
import io.vudo.spirit.Relocation;
import io.vudo.spirit.TraceIds;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/** Begins the spans of what Spirits do. Thread-safe. */
final class TurnSpans {
  /** No spans: what is traced elsewhere is passed on, and nothing is made. */
  static final TurnSpans OFF = new TurnSpans(null, "");

  private static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("messaging.system");
  private static final AttributeKey<String> OPERATION =
      AttributeKey.stringKey("messaging.operation.type");
  private static final AttributeKey<String> NODE = AttributeKey.stringKey("vudo.node");
  private static final AttributeKey<String> SPIRIT_TYPE =
      AttributeKey.stringKey("vudo.spirit.type");
  private static final AttributeKey<String> SPIRIT_ID = AttributeKey.stringKey("vudo.spirit.id");
  private static final AttributeKey<Long> TURN = AttributeKey.longKey("vudo.turn");
  private static final AttributeKey<String> SENDER = AttributeKey.stringKey("vudo.message.sender");
  private static final AttributeKey<String> FROM = AttributeKey.stringKey("vudo.from");
  private static final AttributeKey<String> TO = AttributeKey.stringKey("vudo.to");
  private static final AttributeKey<Long> BYTES = AttributeKey.longKey("vudo.bytes");
  private static final AttributeKey<Long> PAUSE_BYTES = AttributeKey.longKey("vudo.pause_bytes");

  /** Null when there are none. */
  private final Tracer tracer;

  private final String node;

  private TurnSpans(Tracer tracer, String node) {
    this.tracer = tracer;
    this.node = node;
  }

  /**
   * @param node {@code host:port} of the node
   */
  static TurnSpans of(OpenTelemetry telemetry, String node) {
    return telemetry == OpenTelemetry.noop()
        ? OFF
        : new TurnSpans(telemetry.getTracer("io.vudo.spirit"), node);
  }

  /**
   * Begins the span of a turn, or goes on with that of a turn that has waited.
   *
   * @param earlier the turn that waits, if that is this one; else null
   * @return null when nothing is traced
   */
  TurnSpan begin(SpiritId id, long turn, Message message, Suspended earlier) {
    if (tracer == null) {
      return null;
    }
    boolean birth = message.getKind() == Message.Kind.SPAWN;
    SpanBuilder builder =
        tracer.spanBuilder(id.type() + (birth ? " birth" : " turn")).setSpanKind(SpanKind.CONSUMER);
    SpanContext cause =
        message.hasTrace() ? TraceContexts.span(message.getTrace()) : SpanContext.getInvalid();
    if (cause.isValid() && !message.getTrace().getLinked()) {
      builder.setParent(Context.root().with(Span.wrap(cause)));
    } else {
      builder.setNoParent();
      if (cause.isValid()) {
        builder.addLink(cause);
      }
    }
    Span span;
    long beganMillis;
    if (earlier != null && earlier.hasTrace()) {
      beganMillis = earlier.getBeganMillis();
      builder.setStartTimestamp(beganMillis, TimeUnit.MILLISECONDS);
      Trace known = earlier.getTrace();
      span =
          TraceIds.with(
              TraceContexts.traceId(known), TraceContexts.spanId(known), builder::startSpan);
    } else {
      beganMillis = System.currentTimeMillis();
      span = builder.startSpan();
    }
    if (span.isRecording()) {
      span.setAttribute(SYSTEM, "vudo");
      span.setAttribute(OPERATION, "process");
      span.setAttribute(NODE, node);
      describe(span, id);
      span.setAttribute(TURN, turn);
      span.setAttribute(TurnSpan.TYPE, TurnSpan.bounded(message.getType()));
      if (!message.getSender().isEmpty()) {
        span.setAttribute(SENDER, message.getSender());
      }
    }
    return new TurnSpan(span, message.getId(), beganMillis);
  }

  private static void describe(Span span, SpiritId id) {
    span.setAttribute(SPIRIT_TYPE, id.type());
    span.setAttribute(SPIRIT_ID, id.id());
  }

  /** A Spirit went to another node; the span is the pause. */
  void moved(Relocation move) {
    if (tracer != null) {
      Instant end = Instant.ofEpochMilli(move.movedAtMillis());
      Span span =
          tracer
              .spanBuilder(move.id().type() + " move")
              .setNoParent()
              .setStartTimestamp(end.minusNanos(TimeUnit.MICROSECONDS.toNanos(move.pauseMicros())))
              .startSpan();
      if (span.isRecording()) {
        describe(span, move.id());
        span.setAttribute(TURN, move.turn());
        span.setAttribute(FROM, move.from());
        span.setAttribute(TO, move.to());
        span.setAttribute(BYTES, move.bytes());
        span.setAttribute(PAUSE_BYTES, move.pauseBytes());
      }
      span.end(end);
    }
  }

  /** A Spirit went to another engine. */
  void migrated(Migration move) {
    if (tracer != null) {
      Instant end = Instant.now();
      Span span =
          tracer
              .spanBuilder(move.id().type() + " migrate")
              .setNoParent()
              .setStartTimestamp(end.minusMillis(move.pauseMillis()))
              .startSpan();
      if (span.isRecording()) {
        span.setAttribute(NODE, node);
        describe(span, move.id());
        span.setAttribute(TURN, move.turn());
        span.setAttribute(FROM, move.fromEngine());
        span.setAttribute(TO, move.engine());
      }
      span.end(end);
    }
  }
}
