package io.vudo.client.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Sends requests to one of several nodes. Safe to use from many threads. */
public final class Requests {
  /** How much longer than the node itself the client waits for the node's answer. */
  private static final Duration GRACE = Duration.ofSeconds(15);

  private static final int NO_CONTENT = 204;

  /** A node that says so has done nothing, or is about to stop; another one may do it. */
  private static final Set<ErrorCode> ELSEWHERE =
      Set.of(ErrorCode.SPIRIT_UNAVAILABLE, ErrorCode.SPACE_UNAVAILABLE);

  private static final JsonMapper MAPPER = new JsonMapper();

  private final HttpClient http;
  private final List<URI> nodes;
  private final Duration timeout;

  /** The node that answered last; asked first. */
  private final AtomicInteger preferred = new AtomicInteger();

  /**
   * Requests to {@code nodes}.
   *
   * @param timeout how long a node may take, beside the time that a caller waits for a tuple
   */
  public Requests(HttpClient http, List<URI> nodes, Duration timeout) {
    this.http = http;
    this.nodes = List.copyOf(nodes);
    this.timeout = timeout;
  }

  /**
   * One request.
   *
   * @param path where
   * @param body JSON
   * @param key an idempotency key; empty for none
   * @param patience how long the node may wait for a tuple; zero for not at all
   * @param repeatable whether it does no harm when it is done twice
   */
  public record Request(
      String path, String body, String key, Duration patience, boolean repeatable) {}

  /**
   * Sends it.
   *
   * @param answer makes the result of the JSON that was answered, or of nothing
   * @return fails with {@link VudoException}, which is not wrapped
   */
  public <T> CompletableFuture<T> send(Request request, Function<Optional<JsonNode>, T> answer) {
    CompletableFuture<T> result = new CompletableFuture<>();
    new Attempts<>(request, answer, result).next();
    return result;
  }

  /** One request, and the nodes that were asked. */
  private final class Attempts<T> {
    private final Request request;
    private final Function<Optional<JsonNode>, T> answer;
    private final CompletableFuture<T> result;
    private final long startNanos = System.nanoTime();
    private final int first = preferred.get();
    private int tried;

    Attempts(Request request, Function<Optional<JsonNode>, T> answer, CompletableFuture<T> result) {
      this.request = request;
      this.answer = answer;
      this.result = result;
    }

    void next() {
      int node = (first + tried) % nodes.size();
      tried++;
      CompletableFuture<HttpResponse<byte[]>> sent;
      try {
        sent = http.sendAsync(http(nodes.get(node)), BodyHandlers.ofByteArray());
      } catch (IllegalArgumentException e) {
        // A key that no header can carry.
        result.completeExceptionally(
            new VudoException(ErrorCode.REQUEST_INVALID, e.getMessage(), e));
        return;
      }
      var unused =
          sent.whenComplete(
              (response, failure) -> {
                if (failure == null) {
                  preferred.set(node);
                  answered(nodes.get(node), response);
                } else {
                  failed(nodes.get(node), unwrap(failure));
                }
              });
    }

    private HttpRequest http(URI node) {
      HttpRequest.Builder builder =
          HttpRequest.newBuilder(at(node, request.path()))
              .header("Content-Type", "application/json")
              .POST(BodyPublishers.ofString(request.body()));
      if (!request.key().isEmpty()) {
        builder.header("Idempotency-Key", request.key());
      }
      Duration left = request.patience();
      if (!left.isZero()) {
        long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
        left = Duration.ofMillis(Math.max(1, left.toMillis() - (tried == 1 ? 0 : waited)));
        builder.header("X-Vudo-Timeout", left.toMillis() + "ms");
      }
      return builder.timeout(left.plus(timeout).plus(GRACE)).build();
    }

    private void answered(URI node, HttpResponse<byte[]> response) {
      try {
        result.complete(
            answer.apply(
                read(node, response.statusCode(), contentType(response), response.body())));
      } catch (NoSuchElementException | IndexOutOfBoundsException e) {
        result.completeExceptionally(
            new VudoException(
                ErrorCode.NODE_UNREACHABLE, node + " answered what is no answer to this.", e));
      } catch (VudoException e) {
        if (ELSEWHERE.contains(e.code()) && request.repeatable() && tried < nodes.size()) {
          next();
        } else {
          result.completeExceptionally(e);
        }
      }
    }

    private void failed(URI node, Throwable failure) {
      boolean sentNothing =
          failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException;
      // One that can be repeated gets a second chance where it is: the connection may have been
      // an old one that the node had closed.
      int most = request.repeatable() && !sentNothing ? nodes.size() + 1 : nodes.size();
      if (tried < most && (sentNothing || request.repeatable())) {
        next();
      } else {
        result.completeExceptionally(
            unreachable(
                node,
                failure,
                sentNothing || request.repeatable()
                    ? ""
                    : " It may have been done; it cannot be repeated by itself."));
      }
    }
  }

  /** How many nodes there are. */
  int size() {
    return nodes.size();
  }

  /** Which node is asked first now. */
  URI preferred() {
    return nodes.get(preferred.get() % nodes.size());
  }

  /** That the preferred node does not answer: another one is. */
  void avoid(URI node) {
    int index = nodes.indexOf(node);
    if (index >= 0) {
      preferred.compareAndSet(index, (index + 1) % nodes.size());
    }
  }

  /**
   * Opens a stream at the preferred node.
   *
   * @param handler of the body
   */
  CompletableFuture<HttpResponse<byte[]>> open(
      URI node, String path, String body, BodyHandler<byte[]> handler) {
    return http.sendAsync(
        HttpRequest.newBuilder(at(node, path))
            .header("Content-Type", "application/json")
            .header("Accept", "text/event-stream")
            // Until the answer begins.
            .timeout(timeout.plus(GRACE))
            .POST(BodyPublishers.ofString(body))
            .build(),
        handler);
  }

  private static URI at(URI node, String path) {
    // Not resolve(): it would take the name ".." for the way up.
    return URI.create(node.toString().replaceAll("/+$", "") + path);
  }

  static String contentType(HttpResponse<?> response) {
    return response.headers().firstValue("Content-Type").orElse("");
  }

  /** The JSON of an answer, or nothing; throws the failure that it tells. */
  static Optional<JsonNode> read(URI node, int status, String contentType, byte[] body) {
    if (status == NO_CONTENT) {
      return Optional.empty();
    }
    boolean problem = contentType.startsWith("application/problem+json");
    if (!problem && (status >= 300 || !contentType.startsWith("application/json"))) {
      throw new VudoException(
          ErrorCode.NODE_UNREACHABLE,
          "What answers at " + node + " is no VUDO node: HTTP " + status + ".");
    }
    JsonNode json;
    try {
      json = parse(new String(body, StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new VudoException(
          ErrorCode.NODE_UNREACHABLE, "What " + node + " answers is no JSON.", e);
    }
    if (problem) {
      throw problem(json);
    }
    return Optional.of(json);
  }

  static JsonNode parse(String json) throws JsonProcessingException {
    return MAPPER.readTree(json);
  }

  /** What a problem tells; a code that this version does not know stays in the detail. */
  static VudoException problem(JsonNode json) {
    String code = json.path("code").asText();
    ErrorCode known = ErrorCode.of(code);
    String detail = json.path("detail").asText();
    return new VudoException(known, known.name().equals(code) ? detail : code + ": " + detail);
  }

  static VudoException unreachable(URI node, Throwable failure, String more) {
    String reason =
        failure instanceof HttpTimeoutException
            ? "no answer in time"
            : failure.getMessage() != null ? failure.getMessage() : failure.toString();
    return new VudoException(
        ErrorCode.NODE_UNREACHABLE, node + ": " + reason + "." + more, failure);
  }

  static Throwable unwrap(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() instanceof IOException cause
        ? cause
        : failure;
  }

  /** JSON of a string. */
  public static String quoted(String text) {
    return MAPPER.getNodeFactory().textNode(text).toString();
  }
}
