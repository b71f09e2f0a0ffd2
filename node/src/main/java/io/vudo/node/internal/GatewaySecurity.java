package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.vudo.node.NodeSettings;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What {@code vudo.gateway} says about who may come in, checked before anything is opened. It looks
 * after its files until it is closed.
 */
final class GatewaySecurity implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GatewaySecurity.class);

  private final Optional<GatewayTls> tls;
  private final Guard guard;

  /** Null when everybody may come. */
  private final WatchedFiles callers;

  private final AuditLog audit;
  private final boolean loopback;

  private GatewaySecurity(
      Optional<GatewayTls> tls,
      Guard guard,
      WatchedFiles callers,
      AuditLog audit,
      boolean loopback) {
    this.tls = tls;
    this.guard = guard;
    this.callers = callers;
    this.audit = audit;
    this.loopback = loopback;
  }

  /**
   * Reads the settings and the files that they name.
   *
   * @throws VudoException {@code TLS_INVALID}, {@code CALLERS_INVALID}, {@code CONFIG_INVALID};
   *     {@code GATEWAY_UNPROTECTED} when it would listen to others than this machine without TLS or
   *     without asking who they are
   */
  static GatewaySecurity open(NodeSettings settings) {
    Config gateway = settings.config().getConfig("vudo.gateway");
    Duration interval = gateway.getDuration("reload-interval");
    if (interval.toMillis() < 1) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "vudo.gateway.reload-interval is 1 ms or more.");
    }
    Caller.Limits limits =
        Callers.limits(
            gateway.getDouble("limits.requests-per-second"),
            gateway.getInt("limits.concurrent-requests"),
            "vudo.gateway.limits: ",
            ErrorCode.CONFIG_INVALID);
    String callersFile = gateway.getString("callers-file");
    boolean loopback = isLoopback(settings.httpHost());
    AuditLog audit = new AuditLog(gateway.getBoolean("audit.messages"));
    Optional<GatewayTls> tls = GatewayTls.open(gateway.getConfig("tls"), interval);
    try {
      refuseUnprotected(settings, gateway, tls.isPresent(), !callersFile.isEmpty());
      if (callersFile.isEmpty()) {
        if (tls.filter(GatewayTls::takesClientCertificates).isPresent()) {
          throw new VudoException(
              ErrorCode.CONFIG_INVALID,
              "vudo.gateway.tls.client-authentication needs vudo.gateway.callers-file, which says"
                  + " what whose certificate may do.");
        }
        return new GatewaySecurity(
            tls, new Guard(null, limits, Clock.systemUTC()), null, audit, loopback);
      }
      Path file = Path.of(callersFile);
      Guard guard = new Guard(null, limits, Clock.systemUTC());
      WatchedFiles watched =
          new WatchedFiles(
              ErrorCode.CALLERS_INVALID,
              List.of(file),
              interval,
              contents -> guard.replace(Callers.read(file, contents.get(0), limits)));
      return new GatewaySecurity(tls, guard, watched, audit, loopback);
    } catch (RuntimeException e) {
      tls.ifPresent(GatewayTls::close);
      throw e;
    }
  }

  /** Where calls by gRPC come in; empty when none do. */
  static Optional<String> grpcHost(NodeSettings settings) {
    Config grpc = settings.config().getConfig("vudo.grpc");
    String host = grpc.getString("host");
    return grpc.getBoolean("enabled")
        ? Optional.of(host.isEmpty() ? settings.httpHost() : host)
        : Optional.empty();
  }

  /** The doors that only this machine can reach. Each may be at an address of its own. */
  static Set<Exchange.Door> loopbackOnly(NodeSettings settings) {
    Set<Exchange.Door> doors = EnumSet.noneOf(Exchange.Door.class);
    if (isLoopback(settings.httpHost())) {
      doors.add(Exchange.Door.HTTP);
    }
    if (grpcHost(settings).filter(GatewaySecurity::isLoopback).isPresent()) {
      doors.add(Exchange.Door.GRPC);
    }
    return doors;
  }

  private static void refuseUnprotected(
      NodeSettings settings, Config gateway, boolean tls, boolean callers) {
    refuseUnprotected(settings.httpHost(), gateway, tls, callers);
    grpcHost(settings).ifPresent(host -> refuseUnprotected(host, gateway, tls, callers));
  }

  private static void refuseUnprotected(String host, Config gateway, boolean tls, boolean callers) {
    if (isLoopback(host)) {
      return;
    }
    String place = "It would listen on " + host + " ";
    if (!callers && !gateway.getBoolean("allow-unauthenticated")) {
      throw new VudoException(
          ErrorCode.GATEWAY_UNPROTECTED,
          place
              + "and let everybody in: vudo.gateway.callers-file is not set. Where something else"
              + " decides who gets there: vudo.gateway.allow-unauthenticated = on.");
    }
    if (callers && !tls && !gateway.getBoolean("allow-plaintext")) {
      throw new VudoException(
          ErrorCode.GATEWAY_UNPROTECTED,
          place
              + "and take tokens that everybody on the way can read: vudo.gateway.tls is not set."
              + " Where something else encrypts: vudo.gateway.allow-plaintext = on.");
    }
  }

  /** Whether only this machine can reach what listens there. */
  static boolean isLoopback(String host) {
    if (host.equals("localhost")) {
      return true;
    }
    // Only literals: a name would be looked up, and a name is what an attacker controls.
    boolean literal = host.indexOf(':') >= 0 || host.matches("[0-9.]+");
    try {
      return literal && InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** TLS, if there is to be any. */
  Optional<GatewayTls> tls() {
    return tls;
  }

  Guard guard() {
    return guard;
  }

  AuditLog audit() {
    return audit;
  }

  /** Says in the log who can reach the gateway, and who may. */
  void logHow(URI address) {
    String whom = loopback ? "for this machine only" : "for whoever can reach it";
    if (callers != null) {
      log.info("The gateway listens on {}, {}, and asks callers who they are", address, whom);
    } else if (loopback) {
      log.info("The gateway listens on {}, {}, without authentication", address, whom);
    } else {
      log.warn("The gateway listens on {}, {}, WITHOUT AUTHENTICATION", address, whom);
    }
  }

  @Override
  public void close() {
    tls.ifPresent(GatewayTls::close);
    if (callers != null) {
      callers.close();
    }
  }
}
