package io.vudo.client.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import java.io.IOException;
import java.lang.System.Logger;
import java.net.URI;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One watch, on one connection after the other. No thread waits with it.
 *
 * <p>A node says something at least every ten seconds; one that is silent for longer is given up.
 */
public final class WatchConnection implements Watch, Consumer<VudoError> {
  private static final Logger LOG = System.getLogger(WatchConnection.class.getName());

  private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long CHECK_MILLIS = 5_000;
  private static final long LEAST_PAUSE_MILLIS = 100;
  private static final long LONGEST_PAUSE_MILLIS = 5_000;

  /** A reconnect that is refused for these is tried again. */
  private static final Set<ErrorCode> PASSING =
      Set.of(
          ErrorCode.NODE_UNREACHABLE,
          ErrorCode.SPIRIT_UNAVAILABLE,
          ErrorCode.SPACE_UNAVAILABLE,
          ErrorCode.JOURNAL_UNAVAILABLE,
          ErrorCode.ASK_TIMEOUT);

  private final Requests requests;
  private final String path;
  private final String body;
  private final WatchHandler handler;
  private final CompletableFuture<Watch> started = new CompletableFuture<>();

  // Guarded by this.
  private Connection current;
  private boolean over;
  private int failures;

  private WatchConnection(Requests requests, String path, String body, WatchHandler handler) {
    this.requests = requests;
    this.path = path;
    this.body = body;
    this.handler = handler;
  }

  /** Begins a watch; done when the node has it. The first attempt is refused as any request. */
  public static CompletableFuture<Watch> start(
      Requests requests, String path, String body, WatchHandler handler) {
    WatchConnection watch = new WatchConnection(requests, path, body, handler);
    requests.opened(watch);
    watch.connect();
    return watch.started;
  }

  @Override
  public void close() {
    Connection open;
    synchronized (this) {
      over = true;
      open = current;
    }
    requests.ended(this);
    if (open != null) {
      open.cut();
    }
  }

  /** That the client is closed. */
  @Override
  public void accept(VudoError error) {
    end(error);
    close();
  }

  private void connect() {
    Connection connection = new Connection(requests.preferred());
    synchronized (this) {
      if (over) {
        return;
      }
      current = connection;
    }
    connection.open();
  }

  private synchronized boolean isCurrent(Connection connection) {
    return !over && current == connection;
  }

  /** A connection is lost, or could not be made. */
  private void lost(Connection connection, VudoException why) {
    long pauseMillis;
    synchronized (this) {
      if (over || current != connection) {
        return;
      }
      current = null;
      pauseMillis = Math.min(LONGEST_PAUSE_MILLIS, LEAST_PAUSE_MILLIS << Math.min(failures++, 10));
    }
    requests.avoid(connection.node);
    if (!PASSING.contains(why.code())) {
      end(why.toError());
    } else if (!started.isDone() && connection.attempt >= requests.size()) {
      end(why.toError());
    } else {
      LOG.log(Logger.Level.DEBUG, "The watch of {0} is interrupted: {1}", path, why.getMessage());
      CompletableFuture.delayedExecutor(pauseMillis, TimeUnit.MILLISECONDS).execute(this::connect);
    }
  }

  /** Over for good. */
  private void end(VudoError error) {
    synchronized (this) {
      if (over) {
        return;
      }
      over = true;
    }
    requests.ended(this);
    if (!started.completeExceptionally(error.toException())) {
      try {
        handler.ended(error);
      } catch (RuntimeException e) {
        LOG.log(Logger.Level.WARNING, "The handler of a watch failed.", e);
      }
    }
  }

  /** One connection. Its lines come one after the other; the next is asked for after each. */
  private final class Connection implements Flow.Subscriber<String> {
    private final URI node;
    private final int attempt;
    private volatile long lastLineNanos = System.nanoTime();
    private volatile boolean handling;
    private volatile Flow.Subscription subscription;
    private volatile CompletableFuture<HttpResponse<byte[]>> exchange;
    private String event = "";

    Connection(URI node) {
      this.node = node;
      synchronized (WatchConnection.this) {
        this.attempt = failures + 1;
      }
    }

    void open() {
      CompletableFuture<HttpResponse<byte[]>> sent =
          requests.open(
              node,
              path,
              body,
              info ->
                  info.statusCode() == 200
                      ? BodySubscribers.fromLineSubscriber(
                          this, subscriber -> new byte[0], StandardCharsets.UTF_8, null)
                      : BodySubscribers.ofByteArray());
      exchange = sent;
      var unused =
          sent.whenComplete(
              (response, failure) -> {
                if (failure != null) {
                  lost(this, Requests.unreachable(node, Requests.unwrap(failure), ""));
                } else if (response.statusCode() != 200) {
                  lost(this, refusal(response));
                } else {
                  lost(this, ended());
                }
              });
      checkLater();
    }

    private VudoException refusal(HttpResponse<byte[]> response) {
      try {
        var unused =
            Requests.read(
                node, response.statusCode(), Requests.contentType(response), response.body());
        return ended();
      } catch (VudoException e) {
        return e;
      }
    }

    private VudoException ended() {
      return Requests.unreachable(node, new IOException("the stream ended"), "");
    }

    void cut() {
      Flow.Subscription open = subscription;
      if (open != null) {
        open.cancel();
      }
      CompletableFuture<HttpResponse<byte[]>> sent = exchange;
      if (sent != null) {
        sent.cancel(true);
      }
    }

    private void checkLater() {
      CompletableFuture.delayedExecutor(CHECK_MILLIS, TimeUnit.MILLISECONDS).execute(this::check);
    }

    private void check() {
      if (!isCurrent(this)) {
        return;
      }
      if (subscription != null && !handling && System.nanoTime() - lastLineNanos > SILENCE_NANOS) {
        cut();
        lost(this, Requests.unreachable(node, new IOException("it fell silent"), ""));
      } else {
        checkLater();
      }
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = subscription;
      if (!isCurrent(this)) {
        subscription.cancel();
        return;
      }
      synchronized (WatchConnection.this) {
        failures = 0;
      }
      if (!started.complete(WatchConnection.this)) {
        // Changes may have happened between the two connections.
        tell(TupleChange.missed());
      }
      subscription.request(1);
    }

    @Override
    public void onNext(String line) {
      if (line.startsWith("event: ")) {
        event = line.substring("event: ".length());
      } else if (line.startsWith("data: ")) {
        take(line.substring("data: ".length()));
      }
      lastLineNanos = System.nanoTime();
      if (isCurrent(this)) {
        subscription.request(1);
      } else {
        subscription.cancel();
      }
    }

    private void take(String data) {
      try {
        JsonNode json = Requests.parse(data);
        if (event.equals("error")) {
          end(Requests.problem(json).toError());
          return;
        }
        for (TupleChange.Kind kind : TupleChange.Kind.values()) {
          if (kind.text().equals(event)) {
            tell(
                kind == TupleChange.Kind.MISSED
                    ? TupleChange.missed()
                    : TupleChange.of(kind, TupleJson.readTuple(json)));
          }
        }
        // An event of another name is one of a newer node.
      } catch (JsonProcessingException | VudoException e) {
        end(new VudoError(ErrorCode.INTERNAL_ERROR, "The node sent an event that is none: " + e));
      }
    }

    private void tell(TupleChange change) {
      if (!isCurrent(this)) {
        return;
      }
      handling = true;
      try {
        handler.changed(change);
      } catch (RuntimeException e) {
        LOG.log(Logger.Level.WARNING, "The handler of a watch failed.", e);
        end(new VudoError(ErrorCode.INTERNAL_ERROR, "The handler failed: " + e));
      } finally {
        handling = false;
        lastLineNanos = System.nanoTime();
      }
    }

    @Override
    public void onError(Throwable failure) {
      // The exchange tells it, too.
    }

    @Override
    public void onComplete() {
      // The exchange tells it, too.
    }
  }
}
