package io.vudo.client.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/** What clients connect with when they are not told otherwise, and to what. */
public final class Connections {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final long THREADS_IDLE_SECONDS = 10;

  /**
   * The threads of all clients that bring none. Daemons that end when there is nothing to do, so
   * nobody has to end them. As many as there are callbacks at once: one that blocks, because it
   * asks another Spirit, must not keep the answer from being read.
   */
  public static final Executor THREADS = threads();

  private Connections() {}

  private static Executor threads() {
    AtomicInteger number = new AtomicInteger();
    return new ThreadPoolExecutor(
        0,
        Integer.MAX_VALUE,
        THREADS_IDLE_SECONDS,
        TimeUnit.SECONDS,
        new SynchronousQueue<>(),
        task -> {
          Thread thread = new Thread(task, "vudo-client-" + number.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        });
  }

  /** These threads, or our own when they were ended: who waits has to hear something. */
  public static Executor lasting(Executor executor) {
    return task -> {
      try {
        executor.execute(task);
      } catch (RejectedExecutionException e) {
        THREADS.execute(task);
      }
    };
  }

  /**
   * The client that was given, or one as any node can serve it.
   *
   * @param given null for none
   * @param executor of one that was not given
   * @param tls whom to trust and what to show; null for what Java does
   * @param token what to say; null for nothing
   * @throws VudoException {@code REQUEST_INVALID}: both a client and a context
   */
  public static HttpClient http(
      HttpClient given, Executor executor, SSLContext tls, Supplier<String> token) {
    if (given != null && tls != null) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Give the SSL context to the HTTP client.");
    }
    HttpClient http = given;
    if (http == null) {
      HttpClient.Builder builder =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .connectTimeout(CONNECT_TIMEOUT)
              .executor(executor);
      if (tls != null) {
        builder.sslContext(tls);
      }
      http = builder.build();
    }
    return token == null ? http : new AuthorizedHttp(http, token);
  }

  /**
   * Reads the address of a node's gateway.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public static URI address(String url) {
    try {
      URI uri = URI.create(url);
      if (uri.getHost() != null
          && uri.getRawQuery() == null
          && uri.getRawFragment() == null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "No URL of a node: " + e.getMessage(), e);
    }
    throw new VudoException(
        ErrorCode.REQUEST_INVALID,
        "The URL of a node looks like http://127.0.0.1:7070; got \"" + url + "\".");
  }
}
