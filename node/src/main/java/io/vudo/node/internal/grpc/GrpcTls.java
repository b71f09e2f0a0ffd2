package io.vudo.node.internal.grpc;

import io.grpc.netty.shaded.io.netty.buffer.ByteBufAllocator;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2SecurityUtil;
import io.grpc.netty.shaded.io.netty.handler.ssl.ApplicationProtocolConfig;
import io.grpc.netty.shaded.io.netty.handler.ssl.ApplicationProtocolNegotiator;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.netty.shaded.io.netty.handler.ssl.JdkSslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SupportedCipherSuiteFilter;
import io.vudo.node.internal.GatewayTls;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSessionContext;

/**
 * The gateway's TLS as Netty takes it: each new connection gets what the files held last.
 * Thread-safe.
 */
final class GrpcTls extends SslContext {
  private static final ApplicationProtocolConfig HTTP_2 =
      new ApplicationProtocolConfig(
          ApplicationProtocolConfig.Protocol.ALPN,
          ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
          ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
          "h2");

  private final GatewayTls tls;
  private final AtomicReference<Made> made = new AtomicReference<>();

  /** What was made of what the files held. */
  private record Made(SSLContext of, SslContext context) {}

  GrpcTls(GatewayTls tls) {
    this.tls = tls;
  }

  private SslContext now() {
    SSLContext held = tls.context();
    Made last = made.get();
    if (last == null || last.of() != held) {
      last = new Made(held, made(held));
      made.set(last);
    }
    return last.context();
  }

  private SslContext made(SSLContext held) {
    ClientAuth clients =
        switch (tls.clients()) {
          case NONE -> ClientAuth.NONE;
          case OPTIONAL -> ClientAuth.OPTIONAL;
          case REQUIRED -> ClientAuth.REQUIRE;
        };
    return new JdkSslContext(
        held,
        false,
        // HTTP/2 forbids most suites of TLS 1.2.
        Http2SecurityUtil.CIPHERS,
        SupportedCipherSuiteFilter.INSTANCE,
        HTTP_2,
        clients,
        GatewayTls.protocols().toArray(String[]::new),
        false);
  }

  @Override
  public boolean isClient() {
    return false;
  }

  @Override
  public List<String> cipherSuites() {
    return now().cipherSuites();
  }

  @Override
  @SuppressWarnings("deprecation") // It has to be overridden all the same.
  public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
    return now().applicationProtocolNegotiator();
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator allocator) {
    return now().newEngine(allocator);
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator allocator, String host, int port) {
    return now().newEngine(allocator, host, port);
  }

  @Override
  public SSLSessionContext sessionContext() {
    return now().sessionContext();
  }
}
