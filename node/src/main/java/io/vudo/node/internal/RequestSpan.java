package io.vudo.node.internal;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.vudo.protocol.ErrorCode;
import java.util.function.Supplier;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** The span of one request. Thread-safe. */
final class RequestSpan {
  /** Of a request that is not traced. */
  static final RequestSpan NONE = new RequestSpan(null);

  private static final AttributeKey<Long> STATUS =
      AttributeKey.longKey("http.response.status_code");
  private static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");
  private static final int FIRST_SERVER_ERROR = 500;

  private final Span span;

  RequestSpan(Span span) {
    this.span = span;
  }

  /** Does something as a part of the request: what it sends to Spirits belongs to the trace. */
  <T> T within(Supplier<T> work) {
    // Whatever the thread was left with by others is not this request's.
    return (span == null ? work : Context.root().with(span).wrapSupplier(work)).get();
  }

  /** It is answered. */
  void end(HttpResponse response) {
    if (span == null) {
      return;
    }
    if (span.isRecording()) {
      int status = response.status().intValue();
      span.setAttribute(STATUS, status);
      String code = response.getAttribute(AuditLog.CODE).map(ErrorCode::name).orElse("");
      if (!code.isEmpty()) {
        span.setAttribute(ERROR, code);
      }
      if (status >= FIRST_SERVER_ERROR) {
        span.setStatus(StatusCode.ERROR, code);
      }
    }
    span.end();
  }
}
