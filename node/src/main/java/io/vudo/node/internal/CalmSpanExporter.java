package io.vudo.node.internal;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says once that spans do not reach the collector, and once that they do again. OpenTelemetry's own
 * exporter says it again and again, and to a log that is not the node's. Thread-safe.
 */
final class CalmSpanExporter implements SpanExporter {
  private static final Logger log = LoggerFactory.getLogger(Tracing.class);

  /** Held, as they would be forgotten with their level otherwise. */
  private static final List<java.util.logging.Logger> SILENT =
      List.of(
          java.util.logging.Logger.getLogger("io.opentelemetry.exporter"),
          java.util.logging.Logger.getLogger("io.opentelemetry.sdk.trace.export"));

  private final SpanExporter exporter;
  private final String endpoint;
  private final AtomicBoolean failing = new AtomicBoolean();
  private final AtomicLong lost = new AtomicLong();

  CalmSpanExporter(SpanExporter exporter, String endpoint) {
    this.exporter = exporter;
    this.endpoint = endpoint;
    SILENT.forEach(logger -> logger.setLevel(Level.OFF));
  }

  @Override
  public CompletableResultCode export(Collection<SpanData> spans) {
    int count = spans.size();
    CompletableResultCode result = exporter.export(spans);
    return result.whenComplete(() -> exported(result, count));
  }

  private void exported(CompletableResultCode result, int count) {
    if (!result.isSuccess()) {
      lost.addAndGet(count);
      if (failing.compareAndSet(false, true)) {
        Throwable why = result.getFailureThrowable();
        log.warn(
            "Traces do not reach {}: {}. It is tried on; spans are lost meanwhile",
            endpoint,
            why == null ? "it refused them" : why.toString());
      }
    } else if (failing.compareAndSet(true, false)) {
      log.info("Traces reach {} again; {} spans were lost", endpoint, lost.getAndSet(0));
    }
  }

  @Override
  public CompletableResultCode flush() {
    return exporter.flush();
  }

  @Override
  public CompletableResultCode shutdown() {
    return exporter.shutdown();
  }
}
