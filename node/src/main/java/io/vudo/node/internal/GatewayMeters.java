package io.vudo.node.internal;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vudo.protocol.ErrorCode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * Counts the requests of the gateway by route and status. A route is an address with its variable
 * parts left out, so that there are few; every address that is none of them is {@code other}.
 * Thread-safe.
 */
final class GatewayMeters {
  private static final String OTHER = "other";

  private static final Duration[] LATENCIES = {
    Duration.ofMillis(1),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(10)
  };

  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS");

  private record Key(String route, String method, int status) {}

  private final MeterRegistry registry;
  private final Map<Key, Timer> timers = new ConcurrentHashMap<>();
  private final Map<String, Timer> calls = new ConcurrentHashMap<>();
  private final LongAdder underWay = new LongAdder();

  GatewayMeters(MeterRegistry registry) {
    this.registry = registry;
    Gauge.builder("vudo.http.requests.active", underWay, LongAdder::sum)
        .description("Requests that are not answered yet")
        .register(registry);
  }

  /** Counts a request, from now until it is answered; the body of a stream comes after that. */
  CompletionStage<HttpResponse> counted(
      Exchange exchange, Supplier<CompletionStage<HttpResponse>> answer) {
    long startNanos = System.nanoTime();
    underWay.increment();
    return answer
        .get()
        .whenComplete(
            (response, failure) -> {
              underWay.decrement();
              timer(exchange, response)
                  .record(System.nanoTime() - startNanos, TimeUnit.NANOSECONDS);
            });
  }

  private Timer timer(Exchange exchange, HttpResponse response) {
    if (exchange.door() == Exchange.Door.GRPC) {
      return call(
          String.join("/", exchange.path()),
          Optional.ofNullable(response).flatMap(Gateway::code).map(ErrorCode::name).orElse("OK"));
    }
    int status = response == null ? 500 : response.status().intValue();
    String method = exchange.request().method().name();
    return timer(
        new Key(routeOf(exchange.path()), METHODS.contains(method) ? method : OTHER, status));
  }

  /** Of one operation; an ask of a stream of asks counts as one. */
  private Timer call(String operation, String code) {
    return calls.computeIfAbsent(
        operation + " " + code,
        now ->
            Timer.builder("vudo.grpc.call")
                .description("Calls by gRPC, until the answer begins")
                .tag("operation", operation)
                .tag("code", code)
                .serviceLevelObjectives(LATENCIES)
                .register(registry));
  }

  private Timer timer(Key key) {
    Timer known = timers.get(key);
    return known != null
        ? known
        : timers.computeIfAbsent(
            key,
            now ->
                Timer.builder("vudo.http.request")
                    .description("Requests of the gateway, until the answer begins")
                    .tag("route", now.route())
                    .tag("method", now.method())
                    .tag("status", Integer.toString(now.status()))
                    .serviceLevelObjectives(LATENCIES)
                    .register(registry));
  }

  /** The route of a path; {@code other} for one that is none. */
  static String routeOf(List<String> path) {
    List<Route> routes = Route.at(path);
    return routes.isEmpty() ? OTHER : routes.get(0).path();
  }
}
