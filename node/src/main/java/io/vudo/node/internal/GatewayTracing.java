package io.vudo.node.internal;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;

/**
 * Begins the spans of requests, as parts of the traces that their callers name by W3C Trace
 * Context. A header that cannot be read is ignored, as the standard wants it. Thread-safe.
 */
final class GatewayTracing {
  /** Asked again and again by machines; nobody wants to see them. */
  private static final Set<Route> UNTRACED =
      EnumSet.of(Route.ALIVE, Route.READY, Route.SCRAPE_METRICS);

  private static final String TRACEPARENT = "traceparent";
  private static final String TRACESTATE = "tracestate";

  /** What W3C wants to be passed on at least; longer ones are left out. */
  private static final int MAX_STATE = 512;

  private static final AttributeKey<String> METHOD = AttributeKey.stringKey("http.request.method");
  private static final AttributeKey<String> ROUTE = AttributeKey.stringKey("http.route");
  private static final AttributeKey<String> REQUEST = AttributeKey.stringKey("vudo.request.id");

  private final boolean on;
  private final Tracer tracer;

  GatewayTracing(OpenTelemetry telemetry) {
    this.on = telemetry != OpenTelemetry.noop();
    this.tracer = telemetry.getTracer("io.vudo.gateway");
  }

  /** Begins the span of a request that may be answered. */
  RequestSpan begin(Exchange exchange, Route route) {
    if (!on || UNTRACED.contains(route)) {
      return RequestSpan.NONE;
    }
    Context caller =
        W3CTraceContextPropagator.getInstance()
            .extract(Context.root(), exchange.request(), new Headers());
    Span span =
        tracer
            .spanBuilder(route.method() + " " + route.path())
            .setSpanKind(SpanKind.SERVER)
            .setParent(caller)
            .startSpan();
    if (span.isRecording()) {
      span.setAttribute(METHOD, route.method());
      span.setAttribute(ROUTE, route.path());
      span.setAttribute(REQUEST, exchange.requestId());
      exchange.arguments().forEach((name, value) -> span.setAttribute("vudo.path." + name, value));
    }
    return new RequestSpan(span);
  }

  private static final class Headers implements TextMapGetter<HttpRequest> {
    @Override
    public Iterable<String> keys(HttpRequest request) {
      return List.of(TRACEPARENT, TRACESTATE);
    }

    @Override
    public String get(HttpRequest request, String name) {
      if (request == null) {
        return null;
      }
      StringBuilder found = null;
      for (HttpHeader header : request.getHeaders()) {
        if (header.is(name)) {
          if (found == null) {
            found = new StringBuilder(header.value());
          } else if (name.equals(TRACESTATE)) {
            found.append(',').append(header.value());
          } else {
            // Two parents are none.
            return null;
          }
        }
      }
      return found == null || found.length() > MAX_STATE ? null : found.toString();
    }
  }
}
