package io.vudo.client.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.vudo.client.RetryPolicy;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Sends requests to one of several nodes, again and elsewhere where that does no harm. Safe to use
 * from many threads.
 */
public final class Requests implements AutoCloseable {
  /** How much longer than the node itself the client waits for the node's answer. */
  private static final Duration GRACE = Duration.ofSeconds(15);

  /** The same where the node is told when to answer, and another attempt follows. */
  private static final Duration SHORT_GRACE = Duration.ofSeconds(2);

  /** As long as a node lets one request wait by default. */
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

  private static final int OK = 200;
  private static final int NO_CONTENT = 204;

  /** A node that says so has done nothing, or is about to stop; another one may do it. */
  private static final Set<ErrorCode> ELSEWHERE =
      Set.of(ErrorCode.SPIRIT_UNAVAILABLE, ErrorCode.SPIRIT_FENCED, ErrorCode.SPACE_UNAVAILABLE);

  /** What is asked again, here or elsewhere, by who has the time and can repeat it. */
  private static final Set<ErrorCode> UNCERTAIN =
      Set.of(ErrorCode.JOURNAL_UNAVAILABLE, ErrorCode.ASK_TIMEOUT, ErrorCode.NODE_UNREACHABLE);

  /** What was not taken since there is too much already; later it may be. */
  private static final Set<ErrorCode> LATER =
      Set.of(
          ErrorCode.MAILBOX_FULL,
          ErrorCode.RESIDENCY_LIMIT,
          ErrorCode.RATE_LIMITED,
          ErrorCode.PROCESS_BUSY,
          ErrorCode.GHOSTS_FULL);

  private static final JsonMapper MAPPER = new JsonMapper();

  private final HttpClient http;
  private final Executor executor;
  private final List<URI> nodes;
  private final Duration timeout;
  private final int mostAtOnce;
  private final Permits permits;
  private final Supplier<Map<String, String>> headers;

  /** What is to be ended when the client is closed. */
  private final Set<Consumer<VudoError>> open = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  /** The node that answered last; asked first. */
  private final AtomicInteger preferred = new AtomicInteger();

  /**
   * Requests to {@code nodes}.
   *
   * @param executor where answers are handled and the callers' callbacks run
   * @param timeout how long a node may take, beside the time that a caller waits for a tuple
   * @param mostAtOnce how many requests with a deadline are sent at once; others wait
   */
  public Requests(
      HttpClient http, Executor executor, List<URI> nodes, Duration timeout, int mostAtOnce) {
    this(http, executor, nodes, timeout, mostAtOnce, Map::of);
  }

  /**
   * The same with more headers.
   *
   * @param headers asked for each call, on the caller's thread; its attempts have them all
   */
  public Requests(
      HttpClient http,
      Executor executor,
      List<URI> nodes,
      Duration timeout,
      int mostAtOnce,
      Supplier<Map<String, String>> headers) {
    this.headers = headers;
    this.http = http;
    this.executor = executor;
    this.nodes = List.copyOf(nodes);
    this.timeout = timeout;
    this.mostAtOnce = mostAtOnce;
    this.permits = new Permits(mostAtOnce);
  }

  /**
   * One request.
   *
   * @param method of HTTP
   * @param path where
   * @param contentType of the body; empty for none
   * @param body what is sent
   * @param headers more of them
   * @param key an idempotency key; empty for none
   * @param firstSent when it may have been sent under that key before this call; empty for never
   * @param repeatable whether it does no harm when it is done twice
   * @param pace how long and how often
   * @param sticky whether a node that had no answer in time is the one to be asked again: it goes
   *     on there, and another node would do it a second time
   */
  public record Request(
      String method,
      String path,
      String contentType,
      BodyPublisher body,
      Map<String, String> headers,
      String key,
      Optional<Instant> firstSent,
      boolean repeatable,
      Pace pace,
      boolean sticky) {
    /** One that posts. */
    public Request(
        String path,
        String contentType,
        BodyPublisher body,
        Map<String, String> headers,
        String key,
        Optional<Instant> firstSent,
        boolean repeatable,
        Pace pace) {
      this("POST", path, contentType, body, headers, key, firstSent, repeatable, pace, false);
    }

    /** The same that stays at the node where it may be under way. */
    public Request staying() {
      return new Request(
          method, path, contentType, body, headers, key, firstSent, repeatable, pace, true);
    }

    /** One that gets from each node once. */
    public static Request get(String path) {
      return new Request(
          "GET",
          path,
          "",
          BodyPublishers.noBody(),
          Map.of(),
          "",
          Optional.empty(),
          true,
          new Pace.OneRound(Duration.ZERO),
          false);
    }

    /** One that posts JSON to each node once, and may wait there for a tuple. */
    public static Request json(
        String path, String body, String key, Duration patience, boolean repeatable) {
      return new Request(
          path,
          "application/json",
          BodyPublishers.ofString(body),
          Map.of(),
          key,
          Optional.empty(),
          repeatable,
          new Pace.OneRound(patience));
    }
  }

  /** Makes the result of what a node answered. */
  private interface Reader<T> {
    /**
     * Reads it.
     *
     * @throws VudoException what it tells
     */
    T read(URI node, HttpResponse<byte[]> response);
  }

  /**
   * Sends it.
   *
   * @param answer makes the result of the JSON that was answered, or of nothing
   * @return fails with {@link VudoException}, which is not wrapped
   */
  public <T> CompletableFuture<T> send(Request request, Function<Optional<JsonNode>, T> answer) {
    return send(
        request,
        (node, response) ->
            answer.apply(
                read(node, response.statusCode(), contentType(response), response.body())));
  }

  /**
   * Sends it.
   *
   * @param answer makes the result of the bytes that were answered, or of nothing
   * @return fails with {@link VudoException}, which is not wrapped; when it is cancelled nothing is
   *     sent any more
   */
  public <T> CompletableFuture<T> sendForBytes(
      Request request, Function<Optional<byte[]>, T> answer) {
    return send(request, (node, response) -> answer.apply(bytes(node, response)));
  }

  private <T> CompletableFuture<T> send(Request request, Reader<T> reader) {
    CompletableFuture<T> result = new CompletableFuture<>();
    new Attempts<>(request, reader, result).begin();
    return result;
  }

  /** Ends all that is under way with {@code CALL_CANCELLED}; nothing is sent any more. */
  @Override
  public void close() {
    closed = true;
    open.forEach(one -> one.accept(closedError()));
  }

  private static VudoError closedError() {
    return new VudoError(ErrorCode.CALL_CANCELLED, "The client is closed.");
  }

  /** Remembers what to end when the client is closed, which may be at once. */
  void opened(Consumer<VudoError> end) {
    open.add(end);
    if (closed) {
      end.accept(closedError());
    }
  }

  /** That it has ended by itself. */
  void ended(Consumer<VudoError> end) {
    open.remove(end);
  }

  /** Runs it after that time on the client's threads. */
  private Timer after(long nanos, Runnable task) {
    CompletableFuture<Boolean> due =
        new CompletableFuture<Boolean>().completeOnTimeout(true, nanos, TimeUnit.NANOSECONDS);
    var unused =
        due.thenAccept(
            late -> {
              if (late) {
                executor.execute(task);
              }
            });
    return new Timer(due);
  }

  /** Something that happens later, unless it is stopped. */
  private record Timer(CompletableFuture<Boolean> due) {
    void stop() {
      // Not by cancelling it: before JDK 21 its task would stay in the queue until its time.
      due.complete(false);
    }
  }

  /**
   * One request, and the nodes that were asked. One attempt follows the other; only the end of all
   * may come from another thread meanwhile.
   */
  private final class Attempts<T> implements Consumer<VudoError> {
    private final Request request;
    private final Reader<T> reader;
    private final CompletableFuture<T> result;
    private final Map<String, String> headersOfCall = headers.get();
    private final long startNanos = System.nanoTime();

    private final AtomicInteger tried = new AtomicInteger();
    private volatile VudoException last;

    /** Stops what the next step waits for. */
    private volatile Runnable stop = () -> {};

    // Of whichever attempt it is.
    private int at = preferred.get() % nodes.size();
    private int changes;
    private int rounds;
    private long attemptNanos;

    private long attemptStartNanos;

    /** Whether a node may have done it, as far as the attempts before this one tell. */
    private boolean maybeDone;

    /** When the first attempt of these began. */
    private long maybeDoneSinceNanos;

    Attempts(Request request, Reader<T> reader, CompletableFuture<T> result) {
      this.request = request;
      this.reader = reader;
      this.result = result;
      this.attemptNanos =
          request.pace() instanceof Pace.Until until ? until.retry().attemptTimeout().toNanos() : 0;
    }

    void begin() {
      opened(this);
      Runnable noDeadline =
          request.pace() instanceof Pace.Until until
              ? after(until.deadline().toNanos(), this::deadlineOver)::stop
              : () -> {};
      // Also when the caller cancels it.
      var unused =
          result.whenComplete(
              (done, failure) -> {
                ended(this);
                noDeadline.run();
                stop.run();
              });
      next();
    }

    @Override
    public void accept(VudoError error) {
      result.completeExceptionally(error.toException());
    }

    private void next() {
      if (request.pace() instanceof Pace.Until) {
        permits.run(() -> attempt(permits::release));
      } else {
        attempt(() -> {});
      }
    }

    /**
     * Asks one node.
     *
     * @param over called when the attempt is over
     * @return whether there is an attempt
     */
    private boolean attempt(Runnable over) {
      if (result.isDone()) {
        return false;
      }
      tried.incrementAndGet();
      URI node = nodes.get(at);
      CompletableFuture<HttpResponse<byte[]>> sent;
      Duration wait = wait(request.pace());
      attemptStartNanos = System.nanoTime();
      try {
        sent = http.sendAsync(http(node, wait), BodyHandlers.ofByteArray());
      } catch (IllegalArgumentException e) {
        // A key that no header can carry.
        result.completeExceptionally(
            new VudoException(ErrorCode.REQUEST_INVALID, e.getMessage(), e));
        return false;
      } catch (RuntimeException e) {
        result.completeExceptionally(
            new VudoException(ErrorCode.INTERNAL_ERROR, "The client cannot send: " + e, e));
        return false;
      }
      // The HTTP client's own timeout ends with the headers of an answer.
      AtomicBoolean late = new AtomicBoolean();
      Timer timer =
          after(
              limit(request.pace(), wait),
              () -> {
                late.set(true);
                sent.cancel(true);
              });
      stop = () -> sent.cancel(true);
      var unused =
          sent.whenCompleteAsync(
              (response, failure) -> {
                timer.stop();
                over.run();
                if (failure == null) {
                  answered(node, response);
                } else if (!result.isDone()) {
                  failed(
                      node,
                      late.get() ? new HttpTimeoutException("no answer in time") : unwrap(failure));
                }
              },
              executor);
      stopIfOver();
      return true;
    }

    private HttpRequest http(URI node, Duration wait) {
      HttpRequest.Builder builder =
          HttpRequest.newBuilder(at(node, request.path())).method(request.method(), request.body());
      if (!request.contentType().isEmpty()) {
        builder.header("Content-Type", request.contentType());
      }
      request.headers().forEach(builder::header);
      headersOfCall.forEach(builder::header);
      if (!request.key().isEmpty()) {
        builder.header("Idempotency-Key", request.key());
        // So that a Spirit that has forgotten the key meanwhile does not take it for a new one.
        sentBefore().ifPresent(ago -> builder.header("X-Vudo-Sent-Before", ago.toMillis() + "ms"));
      }
      if (!wait.isZero()) {
        builder.header("X-Vudo-Timeout", Math.max(1, wait.toMillis()) + "ms");
      }
      return builder.build();
    }

    /** How long ago it was sent first, rounded up, if a node may have done it then. */
    private Optional<Duration> sentBefore() {
      Optional<Duration> ago =
          request
              .firstSent()
              .map(first -> Duration.between(first, Instant.now()))
              .map(between -> between.isNegative() ? Duration.ZERO : between);
      return ago.or(
              () ->
                  maybeDone
                      ? Optional.of(Duration.ofNanos(System.nanoTime() - maybeDoneSinceNanos))
                      : Optional.empty())
          .map(exactly -> exactly.plusMillis(1));
    }

    private void noteMaybeDone(boolean now) {
      if (now && !maybeDone) {
        maybeDone = true;
        maybeDoneSinceNanos = attemptStartNanos;
      }
    }

    /** How long the node is told to wait; zero for not to be told. */
    private Duration wait(Pace pace) {
      if (pace instanceof Pace.Until until) {
        boolean lastOne = tried.get() >= until.retry().maxAttempts();
        long left = until.deadline().toNanos() - elapsedNanos();
        long most =
            lastOne ? LONGEST_WAIT.toNanos() : Math.min(attemptNanos, LONGEST_WAIT.toNanos());
        return Duration.ofNanos(Math.max(TimeUnit.MILLISECONDS.toNanos(1), Math.min(left, most)));
      }
      Duration patience = ((Pace.OneRound) pace).patience();
      return patience.isZero() || tried.get() == 1
          ? patience
          : Duration.ofMillis(
              Math.max(1, patience.toMillis() - TimeUnit.NANOSECONDS.toMillis(elapsedNanos())));
    }

    /** After how long nothing is expected of the node any more. */
    private long limit(Pace pace, Duration wait) {
      return wait.plus(pace instanceof Pace.Until ? SHORT_GRACE : timeout.plus(GRACE)).toNanos();
    }

    private long elapsedNanos() {
      return System.nanoTime() - startNanos;
    }

    private void answered(URI node, HttpResponse<byte[]> response) {
      try {
        T read = reader.read(node, response);
        prefer(node);
        result.complete(read);
      } catch (NoSuchElementException | IndexOutOfBoundsException e) {
        result.completeExceptionally(
            new VudoException(
                ErrorCode.NODE_UNREACHABLE, node + " answered what is no answer to this.", e));
      } catch (VudoException e) {
        if (ELSEWHERE.contains(e.code())) {
          avoid(node);
        } else {
          prefer(node);
        }
        refused(e, response);
      } catch (Throwable e) {
        // Whatever it is: somebody waits.
        result.completeExceptionally(
            new VudoException(ErrorCode.INTERNAL_ERROR, "The client cannot read: " + e, e));
      }
    }

    private void refused(VudoException why, HttpResponse<byte[]> response) {
      boolean elsewhere = ELSEWHERE.contains(why.code());
      if (request.pace() instanceof Pace.Until until) {
        boolean later = LATER.contains(why.code());
        noteMaybeDone(isPassing(why.code()));
        if (later || (request.repeatable() && isPassing(why.code()))) {
          if (why.code() == ErrorCode.ASK_TIMEOUT) {
            waitLonger();
          }
          boolean goesOnHere = request.sticky() && why.code() == ErrorCode.ASK_TIMEOUT;
          again(until, why, !later && !goesOnHere, retryAfterNanos(response));
        } else {
          result.completeExceptionally(why);
        }
      } else if (elsewhere && request.repeatable() && tried.get() < nodes.size()) {
        elsewhere();
        next();
      } else {
        result.completeExceptionally(why);
      }
    }

    private void failed(URI node, Throwable failure) {
      avoid(node);
      boolean sentNothing =
          failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException;
      boolean mayRepeat = sentNothing || request.repeatable();
      if (request.pace() instanceof Pace.Until until) {
        noteMaybeDone(!sentNothing);
        if (failure instanceof HttpTimeoutException && !sentNothing) {
          waitLonger();
        }
        VudoException why = unreachable(node, failure, "");
        if (mayRepeat) {
          again(until, why, true, 0);
        } else {
          giveUp(why);
        }
        return;
      }
      // One that can be repeated gets a second chance where it is: the connection may have been
      // an old one that the node had closed.
      int most = request.repeatable() && !sentNothing ? nodes.size() + 1 : nodes.size();
      if (tried.get() < most && mayRepeat) {
        elsewhere();
        next();
      } else {
        result.completeExceptionally(
            unreachable(
                node,
                failure,
                mayRepeat ? "" : " It may have been done; it cannot be repeated by itself."));
      }
    }

    private void waitLonger() {
      attemptNanos = Math.min(2 * attemptNanos, LONGEST_WAIT.toNanos());
    }

    private void elsewhere() {
      at = (at + 1) % nodes.size();
      changes++;
    }

    /** Tries again, if that is in time; the caller is told at once when it is not. */
    private void again(
        Pace.Until until, VudoException why, boolean elsewhere, long leastPauseNanos) {
      last = why;
      boolean roundIsOver = true;
      if (elsewhere) {
        elsewhere();
        roundIsOver = changes % nodes.size() == 0;
      }
      long pause = Math.max(leastPauseNanos, roundIsOver ? pauseNanos(until.retry()) : 0);
      if (tried.get() >= until.retry().maxAttempts()
          || pause >= until.deadline().toNanos() - elapsedNanos()) {
        giveUp(why);
      } else if (pause == 0) {
        next();
      } else {
        stop = after(pause, this::next)::stop;
        stopIfOver();
      }
    }

    /** Whoever ended it may have stopped the step before this one. */
    private void stopIfOver() {
      if (result.isDone()) {
        stop.run();
      }
    }

    private long pauseNanos(RetryPolicy retry) {
      long longest = retry.longestPause().toNanos();
      long first = retry.firstPause().toNanos();
      int doublings = Math.min(rounds++, 30);
      long pause = first > longest >> doublings ? longest : first << doublings;
      // So that callers who failed together do not come back together.
      return pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2 + 1);
    }

    private void giveUp(VudoException why) {
      result.completeExceptionally(
          new VudoException(
              why.code(),
              (why.detail()
                      + (tried.get() == 1 ? " Tried once; it " : " Tried " + tried + " times; it ")
                      + (maybeDone ? "may have been handled." : "was not handled."))
                  .strip(),
              why));
    }

    private void deadlineOver() {
      long millis = TimeUnit.NANOSECONDS.toMillis(elapsedNanos());
      VudoException before = last;
      String detail =
          tried.get() == 0
              ? "It was not sent within "
                  + millis
                  + " ms: "
                  + mostAtOnce
                  + " calls of this client were under way all the time."
              : "After "
                  + millis
                  + " ms"
                  + (tried.get() == 1 ? "" : " and " + tried + " attempts")
                  + "."
                  + (before == null ? "" : " Before: " + before.toError());
      result.completeExceptionally(new VudoException(ErrorCode.ASK_TIMEOUT, detail, before));
    }
  }

  private static boolean isPassing(ErrorCode code) {
    return ELSEWHERE.contains(code) || UNCERTAIN.contains(code);
  }

  private static long retryAfterNanos(HttpResponse<?> response) {
    try {
      return response
          .headers()
          .firstValue("Retry-After")
          .map(seconds -> TimeUnit.SECONDS.toNanos(Math.max(0, Long.parseLong(seconds.strip()))))
          .orElse(0L);
    } catch (NumberFormatException e) {
      // A date; nodes send none.
      return 0;
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

  private void prefer(URI node) {
    preferred.set(nodes.indexOf(node));
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

  /** The bytes of an answer, or nothing; throws the failure that it tells. */
  private static Optional<byte[]> bytes(URI node, HttpResponse<byte[]> response) {
    if (response.statusCode() == OK
        && contentType(response).startsWith("application/octet-stream")) {
      return Optional.of(response.body());
    }
    Optional<JsonNode> json =
        read(node, response.statusCode(), contentType(response), response.body());
    if (json.isPresent()) {
      throw noNode(node, response.statusCode());
    }
    return Optional.empty();
  }

  private static VudoException noNode(URI node, int status) {
    return new VudoException(
        ErrorCode.NODE_UNREACHABLE,
        "What answers at " + node + " is no VUDO node: HTTP " + status + ".");
  }

  /** The JSON of an answer, or nothing; throws the failure that it tells. */
  static Optional<JsonNode> read(URI node, int status, String contentType, byte[] body) {
    if (status == NO_CONTENT) {
      return Optional.empty();
    }
    boolean problem = contentType.startsWith("application/problem+json");
    if (!problem && (status >= 300 || !contentType.startsWith("application/json"))) {
      throw noNode(node, status);
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
