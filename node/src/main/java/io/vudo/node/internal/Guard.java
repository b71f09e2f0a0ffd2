package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.apache.pekko.http.javadsl.model.AttributeKeys;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/** Decides who a request comes from, what he may do, and whether it is too much. Thread-safe. */
final class Guard {
  private static final String BEARER = "bearer ";

  /** Of an IPv6 address: as much as one customer of a network gets. */
  private static final int PREFIX_BYTES = 8;

  /** Null when nobody has to say who he is. */
  private final AtomicReference<Callers> callers;

  private final Caller.Limits limits;
  private final Throttle throttle = new Throttle(System::nanoTime);
  private final Clock clock;

  /**
   * A guard.
   *
   * @param callers who may come; null for everybody
   * @param limits of an address whose callers have no names
   */
  Guard(Callers callers, Caller.Limits limits, Clock clock) {
    this.callers = new AtomicReference<>(callers);
    this.limits = limits;
    this.clock = clock;
  }

  /** From now on these may come. */
  void replace(Callers now) {
    callers.set(now);
  }

  /**
   * Who it comes from.
   *
   * @throws Refused {@code UNAUTHENTICATED}, {@code RATE_LIMITED}
   */
  Caller identify(Exchange exchange) {
    String address = address(exchange.request());
    Callers known = callers.get();
    if (known == null) {
      return Caller.anonymous(address, limits);
    }
    Optional<String> authorization = exchange.header("Authorization");
    try {
      if (authorization.isPresent()) {
        return known.withToken(token(authorization.get()), clock.instant());
      }
      X509Certificate certificate =
          certificate(exchange.request())
              .orElseThrow(
                  () ->
                      new VudoException(
                          ErrorCode.UNAUTHENTICATED, "Neither a token nor a certificate came."));
      return known.withCertificate(certificate, clock.instant());
    } catch (VudoException e) {
      // Counted by address, so that trying costs who tries.
      enter(Caller.anonymous(address, limits)).end();
      throw refused(e, authorization.isPresent());
    }
  }

  private static String token(String authorization) {
    if (!authorization.toLowerCase(Locale.ROOT).startsWith(BEARER)) {
      throw new VudoException(
          ErrorCode.UNAUTHENTICATED, "The header reads Authorization: Bearer TOKEN.");
    }
    return authorization.substring(BEARER.length()).strip();
  }

  private static Refused refused(VudoException why, boolean shown) {
    return new Refused(
        why,
        Gateway.problem(why)
            .addHeader(
                RawHeader.create(
                    "WWW-Authenticate",
                    "Bearer realm=\"vudo\"" + (shown ? ", error=\"invalid_token\"" : ""))));
  }

  private static Optional<X509Certificate> certificate(HttpRequest request) {
    return request
        .getAttribute(AttributeKeys.sslSession)
        .flatMap(
            info -> {
              try {
                Certificate[] chain = info.getSession().getPeerCertificates();
                return chain[0] instanceof X509Certificate first
                    ? Optional.of(first)
                    : Optional.empty();
              } catch (SSLPeerUnverifiedException e) {
                return Optional.empty();
              }
            });
  }

  /** The address that it came from, as the audit log has it. */
  static String peer(HttpRequest request) {
    return inet(request).map(InetAddress::getHostAddress).orElse("unknown");
  }

  private static Optional<InetAddress> inet(HttpRequest request) {
    return request.getAttribute(AttributeKeys.remoteAddress).flatMap(remote -> remote.getAddress());
  }

  /** What is counted as one address. */
  private static String address(HttpRequest request) {
    return inet(request).map(Guard::network).orElse("unknown");
  }

  private static String network(InetAddress address) {
    return address instanceof Inet6Address
        ? HexFormat.ofDelimiter(":").formatHex(Arrays.copyOf(address.getAddress(), PREFIX_BYTES))
        : address.getHostAddress();
  }

  /**
   * Counts a request.
   *
   * @return to be ended with it
   * @throws Refused {@code RATE_LIMITED}
   */
  Throttle.Visit enter(Caller caller) {
    Throttle.Entry entry = throttle.enter(caller.meter(), caller.limits());
    return entry
        .visit()
        .orElseThrow(
            () -> {
              VudoException why =
                  new VudoException(
                      ErrorCode.RATE_LIMITED,
                      (caller.name().equals(Caller.ANONYMOUS) ? "This address" : caller.name())
                          + " may make "
                          + entry.limit()
                          + ".");
              HttpResponse response =
                  Gateway.problem(why)
                      .addHeader(
                          RawHeader.create(
                              "Retry-After", Long.toString(entry.retryAfterSeconds())));
              return new Refused(why, response);
            });
  }

  /** Counts an answer that goes on after its beginning. */
  Throttle.Visit goOn(Caller caller) {
    return throttle.goOn(caller.meter());
  }

  /**
   * Whether he may do that.
   *
   * @throws VudoException {@code FORBIDDEN}
   */
  static void authorize(Caller caller, Route route) {
    Optional<Role> missing = route.role().filter(role -> !caller.roles().contains(role));
    if (missing.isPresent()) {
      throw new VudoException(
          ErrorCode.FORBIDDEN,
          "This needs the role \""
              + missing.get().text()
              + "\"; "
              + caller.name()
              + " has "
              + caller.roles().stream()
                  .sorted()
                  .map(role -> "\"" + role.text() + "\"")
                  .collect(Collectors.joining(", "))
              + ".");
    }
  }
}
