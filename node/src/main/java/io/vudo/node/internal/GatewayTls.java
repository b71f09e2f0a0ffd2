package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/** TLS of the gateway. New connections use what the files held last. Thread-safe. */
public final class GatewayTls implements AutoCloseable {
  /** The versions that it speaks. */
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};

  /** Whether clients show certificates. */
  public enum ClientAuthentication {
    NONE,
    OPTIONAL,
    REQUIRED
  }

  private final ClientAuthentication clients;
  private final AtomicReference<SSLContext> context = new AtomicReference<>();
  private final WatchedFiles files;

  private GatewayTls(ClientAuthentication clients, List<Path> paths, Duration interval) {
    this.clients = clients;
    this.files =
        new WatchedFiles(
            ErrorCode.TLS_INVALID,
            paths,
            interval,
            contents -> context.set(context(paths, contents)));
  }

  /**
   * What the settings say; empty when there is no TLS.
   *
   * @param tls {@code vudo.gateway.tls}
   * @param interval how often to look whether the files have changed
   * @throws VudoException {@code TLS_INVALID}, {@code CONFIG_INVALID}
   */
  static Optional<GatewayTls> open(Config tls, Duration interval) {
    String certificate = tls.getString("certificate");
    String key = tls.getString("key");
    String clientCa = tls.getString("client-ca");
    ClientAuthentication clients = clients(tls.getString("client-authentication"));
    if (Stream.of(certificate, key, clientCa).allMatch(String::isEmpty)
        && clients == ClientAuthentication.NONE) {
      return Optional.empty();
    }
    if (certificate.isEmpty() || key.isEmpty()) {
      throw PemText.invalid("certificate and key of vudo.gateway.tls go together.", null);
    }
    if (clientCa.isEmpty() != (clients == ClientAuthentication.NONE)) {
      throw PemText.invalid(
          "client-ca of vudo.gateway.tls goes together with client-authentication = optional or"
              + " required.",
          null);
    }
    List<Path> paths = new ArrayList<>(List.of(Path.of(certificate), Path.of(key)));
    if (!clientCa.isEmpty()) {
      paths.add(Path.of(clientCa));
    }
    return Optional.of(new GatewayTls(clients, paths, interval));
  }

  private static ClientAuthentication clients(String text) {
    for (ClientAuthentication each : ClientAuthentication.values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(text)) {
        return each;
      }
    }
    throw new VudoException(
        ErrorCode.CONFIG_INVALID,
        "vudo.gateway.tls.client-authentication is none, optional or required; got \""
            + text
            + "\".");
  }

  private static SSLContext context(List<Path> paths, List<byte[]> contents) {
    PemText certificate = PemText.of(paths.get(0), contents.get(0));
    PemText key = PemText.of(paths.get(1), contents.get(1));
    List<X509Certificate> authorities =
        paths.size() > 2 ? PemText.of(paths.get(2), contents.get(2)).certificates() : List.of();
    return TlsContexts.of(Optional.of(TlsContexts.Identity.of(certificate, key)), authorities);
  }

  /** Whether clients may show certificates. */
  boolean takesClientCertificates() {
    return clients != ClientAuthentication.NONE;
  }

  /** Whether clients show certificates. */
  public ClientAuthentication clients() {
    return clients;
  }

  /** The versions of TLS that it speaks. */
  public static List<String> protocols() {
    return List.of(PROTOCOLS);
  }

  /** What the files hold now: another object after each change. */
  public SSLContext context() {
    return context.get();
  }

  /** For a connection that is new. */
  SSLEngine newEngine() {
    SSLEngine engine = context.get().createSSLEngine();
    engine.setUseClientMode(false);
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setProtocols(PROTOCOLS);
    parameters.setUseCipherSuitesOrder(true);
    switch (clients) {
      case NONE -> parameters.setNeedClientAuth(false);
      case OPTIONAL -> parameters.setWantClientAuth(true);
      case REQUIRED -> parameters.setNeedClientAuth(true);
    }
    engine.setSSLParameters(parameters);
    return engine;
  }

  @Override
  public void close() {
    files.close();
  }
}
