package io.vudo.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers as a node's gateway would, or fails as one would, in the order it is told. */
final class FakeGateway implements AutoCloseable {
  /** What is done with one request. */
  interface Behaviour {
    void answer(HttpExchange exchange, Seen seen) throws IOException;
  }

  /**
   * A request that came.
   *
   * @param line its method and whole address
   */
  record Seen(
      String line,
      String path,
      Optional<String> type,
      Optional<String> key,
      Optional<String> sentBefore,
      Optional<String> timeout,
      String body) {
    long timeoutMillis() {
      return Long.parseLong(timeout.orElseThrow().replace("ms", ""));
    }

    long sentBeforeMillis() {
      return Long.parseLong(sentBefore.orElseThrow().replace("ms", ""));
    }
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Queue<Behaviour> script = new ArrayDeque<>();
  private final List<Seen> seen = new CopyOnWriteArrayList<>();
  private final CountDownLatch released = new CountDownLatch(1);
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicInteger mostUnderWay = new AtomicInteger();
  private volatile Behaviour otherwise = reply("ok");

  FakeGateway() {
    this(0);
  }

  FakeGateway(int port) {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext("/", this::handle);
    server.setExecutor(threads);
    server.start();
  }

  /** The next requests are answered so, one after the other. */
  FakeGateway then(Behaviour... behaviours) {
    synchronized (script) {
      script.addAll(List.of(behaviours));
    }
    return this;
  }

  /** All requests for which nothing else was said are answered so. */
  FakeGateway always(Behaviour behaviour) {
    otherwise = behaviour;
    return this;
  }

  int port() {
    return server.getAddress().getPort();
  }

  String url() {
    return "http://127.0.0.1:" + port();
  }

  /** All requests that came, in order. */
  List<Seen> seen() {
    return List.copyOf(seen);
  }

  /** Waits until so many requests have come. */
  void awaitSeen(int number) {
    synchronized (seen) {
      try {
        while (seen.size() < number) {
          seen.wait();
        }
      } catch (InterruptedException e) {
        // By the test's time limit.
        throw new AssertionError("Of " + number + " requests came: " + seen, e);
      }
    }
  }

  Seen last() {
    return seen.get(seen.size() - 1);
  }

  /** How many requests were under way together at most. */
  int mostUnderWay() {
    return mostUnderWay.get();
  }

  /** Lets go all that {@link #hold} has, and holds no more. */
  void release() {
    released.countDown();
  }

  private void handle(HttpExchange exchange) throws IOException {
    mostUnderWay.accumulateAndGet(underWay.incrementAndGet(), Math::max);
    try (exchange) {
      Seen request =
          new Seen(
              exchange.getRequestMethod() + " " + exchange.getRequestURI(),
              exchange.getRequestURI().getPath(),
              header(exchange, "X-Vudo-Type"),
              header(exchange, "Idempotency-Key"),
              header(exchange, "X-Vudo-Sent-Before"),
              header(exchange, "X-Vudo-Timeout"),
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
      synchronized (seen) {
        seen.add(request);
        seen.notifyAll();
      }
      Behaviour behaviour;
      synchronized (script) {
        behaviour = script.isEmpty() ? otherwise : script.remove();
      }
      behaviour.answer(exchange, request);
    } finally {
      underWay.decrementAndGet();
    }
  }

  private static Optional<String> header(HttpExchange exchange, String name) {
    return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name));
  }

  static Behaviour reply(String reply) {
    return reply(reply.getBytes(StandardCharsets.UTF_8));
  }

  static Behaviour reply(byte[] reply) {
    return (exchange, seen) -> send(exchange, 200, "application/octet-stream", reply);
  }

  /** Replies what was sent. */
  static Behaviour echo() {
    return (exchange, seen) ->
        send(
            exchange,
            200,
            "application/octet-stream",
            seen.body().getBytes(StandardCharsets.ISO_8859_1));
  }

  static Behaviour noReply() {
    return (exchange, seen) -> exchange.sendResponseHeaders(204, -1);
  }

  static Behaviour problem(ErrorCode code) {
    return problem(code.httpStatus(), code.name(), "Thus.");
  }

  static Behaviour problem(int status, String code, String detail) {
    return other(
        status,
        "application/problem+json",
        "{\"code\":\"" + code + "\",\"detail\":\"" + detail + "\"}");
  }

  /** As {@link #problem}, to be tried again after so many seconds. */
  static Behaviour problemWithRetryAfter(ErrorCode code, int seconds) {
    return (exchange, seen) -> {
      exchange.getResponseHeaders().set("Retry-After", Integer.toString(seconds));
      problem(code).answer(exchange, seen);
    };
  }

  /** Answers with this JSON. */
  static Behaviour json(String body) {
    return other(200, "application/json", body);
  }

  /** Answers something else. */
  static Behaviour other(int status, String contentType, String body) {
    return (exchange, seen) ->
        send(exchange, status, contentType, body.getBytes(StandardCharsets.UTF_8));
  }

  /** Cuts the connection instead of answering. */
  static Behaviour lose() {
    return (exchange, seen) -> {
      // The exchange is closed without an answer.
    };
  }

  /** Answers when it is released, and not before. */
  Behaviour hold() {
    return (exchange, seen) -> {
      await();
      reply("late").answer(exchange, seen);
    };
  }

  /** Begins to answer, and goes on when it is released. */
  Behaviour stall() {
    return (exchange, seen) -> {
      exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
      exchange.sendResponseHeaders(200, 2);
      try (OutputStream body = exchange.getResponseBody()) {
        body.write('x');
        body.flush();
        await();
        body.write('y');
      }
    };
  }

  private void await() {
    try {
      released.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void send(HttpExchange exchange, int status, String contentType, byte[] body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", contentType);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      try (OutputStream stream = exchange.getResponseBody()) {
        stream.write(body);
      }
    }
  }

  @Override
  public void close() {
    release();
    server.stop(0);
    threads.shutdownNow();
  }
}
