package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporterBuilder;
import io.opentelemetry.sdk.common.export.RetryPolicy;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.IdGenerator;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanLimits;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.TraceIds;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The spans of a node, and their way to a collector. Each node of a process has its own, and
 * nothing is in OpenTelemetry's global one. With no endpoint there is nothing of all that.
 */
final class Tracing implements AutoCloseable {
  private static final Duration EXPORT_INTERVAL = Duration.ofSeconds(1);
  private static final Duration EXPORT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LAST_PATIENCE = Duration.ofSeconds(3);
  private static final int ATTEMPTS = 3;
  private static final Duration FIRST_PAUSE = Duration.ofMillis(300);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);
  private static final int MAX_ATTRIBUTE_LENGTH = 512;
  private static final String TRACES_PATH = "/v1/traces";

  private final String endpoint;
  private final Map<String, String> headers;
  private final double samplingRatio;
  private final String serviceName;

  /** Null when it is off, or has not begun. */
  private SdkTracerProvider provider;

  private Tracing(
      String endpoint, Map<String, String> headers, double samplingRatio, String serviceName) {
    this.endpoint = endpoint;
    this.headers = headers;
    this.samplingRatio = samplingRatio;
    this.serviceName = serviceName;
  }

  /**
   * What the settings say; nothing is begun.
   *
   * @throws VudoException {@code CONFIG_INVALID}
   */
  static Tracing of(Config config) {
    Config tracing = config.getConfig("vudo.tracing");
    double ratio = tracing.getDouble("sampling-ratio");
    if (!(ratio >= 0 && ratio <= 1)) {
      throw invalid("sampling-ratio is " + ratio + "; it lies between 0 and 1");
    }
    if (tracing.getString("service-name").isBlank()) {
      throw invalid("service-name is empty");
    }
    Map<String, String> headers = new LinkedHashMap<>();
    for (String header : tracing.getStringList("headers")) {
      int equals = header.indexOf('=');
      if (equals < 1) {
        // It may be a secret.
        throw invalid("headers has one that is not NAME=VALUE");
      }
      headers.put(header.substring(0, equals).trim(), header.substring(equals + 1).trim());
    }
    return new Tracing(
        endpoint(tracing.getString("endpoint")), headers, ratio, tracing.getString("service-name"));
  }

  private static String endpoint(String text) {
    if (text.isEmpty()) {
      return "";
    }
    try {
      URI uri = new URI(text);
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        String path = uri.getPath();
        return path == null || path.isEmpty() || path.equals("/")
            ? text.replaceAll("/$", "") + TRACES_PATH
            : text;
      }
    } catch (URISyntaxException e) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "vudo.tracing.endpoint is no URL: " + e.getMessage() + ".", e);
    }
    throw invalid("endpoint is \"" + text + "\"; it takes http://HOST:PORT or https://HOST:PORT");
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.CONFIG_INVALID, "vudo.tracing." + detail + ".");
  }

  /**
   * Begins; called once.
   *
   * @param node how the node is called in the cluster, {@code host:port}
   * @return makes the spans; {@link OpenTelemetry#noop} when it is off
   */
  OpenTelemetry start(String node) {
    if (endpoint.isEmpty()) {
      return OpenTelemetry.noop();
    }
    OtlpHttpSpanExporterBuilder exporter =
        OtlpHttpSpanExporter.builder()
            .setEndpoint(endpoint)
            .setTimeout(EXPORT_TIMEOUT)
            .setRetryPolicy(
                RetryPolicy.builder()
                    .setMaxAttempts(ATTEMPTS)
                    .setInitialBackoff(FIRST_PAUSE)
                    .setMaxBackoff(LONGEST_PAUSE)
                    .build());
    headers.forEach(exporter::addHeader);
    provider =
        SdkTracerProvider.builder()
            .setResource(
                Resource.getDefault()
                    .merge(
                        Resource.create(
                            Attributes.of(
                                AttributeKey.stringKey("service.name"),
                                serviceName,
                                AttributeKey.stringKey("service.version"),
                                Version.text(),
                                AttributeKey.stringKey("service.instance.id"),
                                node))))
            .setSampler(Sampler.parentBased(Sampler.traceIdRatioBased(samplingRatio)))
            .setIdGenerator(new Ids())
            .setSpanLimits(
                SpanLimits.builder().setMaxAttributeValueLength(MAX_ATTRIBUTE_LENGTH).build())
            .addSpanProcessor(
                BatchSpanProcessor.builder(new CalmSpanExporter(exporter.build(), endpoint))
                    .setScheduleDelay(EXPORT_INTERVAL)
                    .setExporterTimeout(EXPORT_TIMEOUT)
                    .build())
            .build();
    SdkTracerProvider begun = provider;
    return new OpenTelemetry() {
      @Override
      public TracerProvider getTracerProvider() {
        return begun;
      }

      @Override
      public ContextPropagators getPropagators() {
        return ContextPropagators.noop();
      }
    };
  }

  /** Sends what is left, as far as the collector takes it soon. */
  @Override
  public void close() {
    if (provider != null) {
      provider.shutdown().join(LAST_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  /** The span of a turn that waited has the id that the journal knows. */
  private static final class Ids implements IdGenerator {
    @Override
    public String generateSpanId() {
      return TraceIds.nextSpanId();
    }

    @Override
    public String generateTraceId() {
      return TraceIds.nextTraceId();
    }
  }
}
