package io.vudo.node.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.http.javadsl.model.AttributeKey;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes who changed what: one line for each request, JSON, on a logger of its own. Also for what
 * was refused. Nothing in a line is a secret: no token, no payload.
 */
final class AuditLog {
  /** How the logger is called. */
  static final String NAME = "io.vudo.audit";

  /** On an answer that tells an error: its code. It does not leave the node. */
  static final AttributeKey<ErrorCode> CODE =
      AttributeKey.create("vudo-error-code", ErrorCode.class);

  private static final int MAX_PARAMETERS = 1_000;
  private static final Logger audit = LoggerFactory.getLogger(NAME);

  private final boolean messages;

  /**
   * An audit log.
   *
   * @param messages whether messages and tuples are worth a line
   */
  AuditLog(boolean messages) {
    this.messages = messages;
  }

  private boolean tellsOf(Route route) {
    return switch (route.audited()) {
      case NEVER -> false;
      case AS_MESSAGE -> messages;
      case ALWAYS -> true;
    };
  }

  /** Tells of a request that was answered. */
  void answered(Exchange exchange, HttpResponse response, long startNanos) {
    Optional<Route> route = exchange.route();
    if (route.isEmpty() || !tellsOf(route.get()) || !audit.isInfoEnabled()) {
      return;
    }
    ObjectNode line = Json.object();
    line.put("operation", route.get().operation());
    line.put("target", String.join("/", exchange.arguments().values()));
    exchange
        .request()
        .getUri()
        .rawQueryString()
        .map(query -> query.substring(0, Math.min(query.length(), MAX_PARAMETERS)))
        .ifPresent(query -> line.put("parameters", query));
    line.put("caller", exchange.caller().map(Caller::name).orElse(null));
    line.put("role", route.get().role().map(Role::text).orElse(null));
    line.put("address", Guard.peer(exchange.request()));
    line.put("outcome", response.getAttribute(CODE).map(ErrorCode::name).orElse("OK"));
    line.put("status", response.status().intValue());
    if (exchange.door() == Exchange.Door.GRPC) {
      line.put("door", "grpc");
    }
    line.put("request", exchange.requestId());
    line.put("millis", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos));
    audit.info("{}", new String(Json.write(line), StandardCharsets.UTF_8));
  }
}
