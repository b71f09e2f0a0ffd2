package io.vudo.client.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/** An HTTP client that says a token with every request. Safe to use from many threads. */
public final class AuthorizedHttp extends HttpClient {
  private static final Pattern TOKEN = Pattern.compile("[!-~]+");

  private final HttpClient http;
  private final Supplier<String> token;

  /**
   * The same client, with a token.
   *
   * @param token asked for every request, so it may change
   */
  public AuthorizedHttp(HttpClient http, Supplier<String> token) {
    this.http = http;
    this.token = token;
  }

  /**
   * A token that a header can carry.
   *
   * @throws VudoException {@code REQUEST_INVALID}; what it is instead is not told
   */
  public static String checked(String token) {
    if (!TOKEN.matcher(token).matches()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A token has visible ASCII characters only, and no spaces.");
    }
    return token;
  }

  private HttpRequest authorized(HttpRequest request) {
    return HttpRequest.newBuilder(request, (name, value) -> !name.equalsIgnoreCase("Authorization"))
        .header("Authorization", "Bearer " + checked(token.get()))
        .build();
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler)
      throws IOException, InterruptedException {
    return http.send(authorized(request), handler);
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler) {
    return sendAsync(request, handler, null);
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> pushes) {
    HttpRequest authorized;
    try {
      authorized = authorized(request);
    } catch (RuntimeException e) {
      // Whoever supplies the token has none now.
      return CompletableFuture.failedFuture(e);
    }
    return http.sendAsync(authorized, handler, pushes);
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return http.cookieHandler();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return http.connectTimeout();
  }

  @Override
  public Redirect followRedirects() {
    return http.followRedirects();
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return http.proxy();
  }

  @Override
  public SSLContext sslContext() {
    return http.sslContext();
  }

  @Override
  public SSLParameters sslParameters() {
    return http.sslParameters();
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return http.authenticator();
  }

  @Override
  public Version version() {
    return http.version();
  }

  @Override
  public Optional<Executor> executor() {
    return http.executor();
  }
}
