package io.vudo.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.client.internal.AuthorizedHttp;
import io.vudo.client.internal.Connections;
import io.vudo.client.internal.Requests;
import io.vudo.client.internal.WatchConnection;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Field;
import io.vudo.protocol.Lease;
import io.vudo.protocol.SpaceName;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/**
 * The tuplespaces of a cluster, from outside of it, through the gateways of its nodes.
 *
 * <p>Every method answers by a stage and blocks nobody. A stage that fails fails with {@link
 * VudoException}, also where an argument is wrong (within {@link
 * java.util.concurrent.CompletionException} when it is joined, as with any stage). Beside the codes
 * that a method names:
 *
 * <ul>
 *   <li>{@code SPACE_NAME_INVALID};
 *   <li>{@code SPACE_UNAVAILABLE}: nothing was done, send it again;
 *   <li>{@code JOURNAL_UNAVAILABLE}, {@code ASK_TIMEOUT}: the operation may be done or not;
 *   <li>{@code NODE_UNREACHABLE}: no node could be reached; or the connection was lost under an
 *       operation that cannot be repeated, which may then be done or not.
 * </ul>
 *
 * <p>Operations with an idempotency key are repeated by the client when a connection is lost, and
 * count once. Where a caller gives a key, it can repeat the operation itself, also after a restart:
 * 1 to 256 visible ASCII characters, used for one operation only.
 *
 * <p>A wait of more than {@value #MAX_WAIT_MINUTES} minutes is several of so many one after the
 * other; between two of them others that wait may come first.
 *
 * <p>Safe to use from many threads; make one and keep it. It needs no closing. A program that talks
 * to Spirits, too, takes the one of its {@link VudoClient}.
 */
public final class TuplespaceClient {
  /** As long as a node lets one request wait by default. */
  private static final int MAX_WAIT_MINUTES = 10;

  private static final Duration MAX_WAIT = Duration.ofMinutes(MAX_WAIT_MINUTES);

  private final Requests requests;

  TuplespaceClient(Requests requests) {
    this.requests = requests;
  }

  /** A client of one node. */
  public static TuplespaceClient of(String node) {
    return builder().node(node).build();
  }

  /** A client to be described. */
  public static Builder builder() {
    return new Builder();
  }

  /** Which nodes a client talks to, and how. */
  public static final class Builder {
    private final List<URI> nodes = new ArrayList<>();
    private Duration timeout = Duration.ofSeconds(30);
    private HttpClient http;
    private SSLContext tls;
    private Supplier<String> token;

    private Builder() {}

    /**
     * Adds a node: the URL of its gateway, as {@code http://127.0.0.1:7070}. The first that is
     * added is asked first; the next when it cannot be reached, and from then on.
     *
     * @throws VudoException {@code REQUEST_INVALID}
     */
    public Builder node(String url) {
      nodes.add(Connections.address(url));
      return this;
    }

    /**
     * How long a node may take for its answer, beside the time that a caller waits for a tuple; 30
     * seconds by default.
     */
    public Builder timeout(Duration timeout) {
      this.timeout = Objects.requireNonNull(timeout);
      return this;
    }

    /** Uses this HTTP client: with a proxy, TLS or threads of one's own. */
    public Builder httpClient(HttpClient http) {
      this.http = Objects.requireNonNull(http);
      return this;
    }

    /**
     * Says this token to the nodes ({@code vudo token create}). It goes to all nodes that are
     * added: let them be {@code https}, or of this machine.
     *
     * @throws VudoException {@code REQUEST_INVALID} when no header can carry it
     */
    public Builder token(String token) {
      String checked = AuthorizedHttp.checked(token);
      return token(() -> checked);
    }

    /**
     * The same with a token that may change.
     *
     * @param token asked for each request, from any thread; must not block
     */
    public Builder token(Supplier<String> token) {
      this.token = Objects.requireNonNull(token);
      return this;
    }

    /**
     * Trusts, and shows itself to, nodes by this context; by default those authorities are trusted
     * that Java trusts, and no certificate is shown.
     */
    public Builder sslContext(SSLContext context) {
      this.tls = Objects.requireNonNull(context);
      return this;
    }

    /**
     * The client; it connects when it is used.
     *
     * @throws VudoException {@code REQUEST_INVALID} when no node was named, or an HTTP client
     *     beside an SSL context, which it would have to have itself
     */
    public TuplespaceClient build() {
      if (nodes.isEmpty()) {
        throw new VudoException(ErrorCode.REQUEST_INVALID, "Name a node.");
      }
      HttpClient used = Connections.http(http, Connections.THREADS, tls, token);
      return new TuplespaceClient(
          new Requests(
              used,
              used.executor().map(Connections::lasting).orElse(Connections.THREADS),
              nodes,
              timeout,
              // None of its requests has a deadline.
              Integer.MAX_VALUE));
    }
  }

  // Writing

  /**
   * Writes a tuple.
   *
   * @param ttlMillis the lease: so many milliseconds from now on the tuple is not there any more; 0
   *     for a tuple without end
   * @return the lease, when the tuple is durable. Fails with {@code LEASE_INVALID}, {@code
   *     SPACE_FULL}
   */
  public CompletionStage<Lease> write(String space, Tuple tuple, long ttlMillis) {
    return write(space, tuple, ttlMillis, newKey());
  }

  /**
   * As the other, under a key of the caller's.
   *
   * @return fails with {@code REQUEST_INVALID}, too: for a key that was used for a take
   */
  public CompletionStage<Lease> write(String space, Tuple tuple, long ttlMillis, String key) {
    return post(
        space,
        "write",
        "{\"tuple\":" + TupleJson.write(tuple) + ",\"ttlMillis\":" + ttlMillis + "}",
        key,
        Duration.ZERO,
        true,
        answer -> leases(answer).get(0));
  }

  /**
   * Writes several tuples. Those that share arity and first field are written all or none, and
   * nobody sees some of them; for all together use a {@linkplain #begin transaction}.
   *
   * @param tuples 1 to 1,000, together at most 1 MiB encoded
   * @param ttlMillis the lease of each, as in {@link #write}
   * @return the leases, in the order of the tuples. Fails as {@link #write}, and with {@code
   *     BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Lease>> writeAll(String space, List<Tuple> tuples, long ttlMillis) {
    return writeAll(space, tuples, ttlMillis, newKey());
  }

  /** As the other, under a key of the caller's. */
  public CompletionStage<List<Lease>> writeAll(
      String space, List<Tuple> tuples, long ttlMillis, String key) {
    return write(space, tuples, ttlMillis, key, "");
  }

  CompletableFuture<Lease> writeIn(String space, Tuple tuple, long ttlMillis, String transaction) {
    return post(
        space,
        "write",
        "{\"tuple\":"
            + TupleJson.write(tuple)
            + ",\"ttlMillis\":"
            + ttlMillis
            + in(transaction)
            + "}",
        "",
        Duration.ZERO,
        false,
        answer -> leases(answer).get(0));
  }

  CompletableFuture<List<Lease>> write(
      String space, List<Tuple> tuples, long ttlMillis, String key, String transaction) {
    StringBuilder body = new StringBuilder("{\"tuples\":[");
    for (Tuple tuple : tuples) {
      body.append(body.charAt(body.length() - 1) == '[' ? "" : ",").append(TupleJson.write(tuple));
    }
    body.append("],\"ttlMillis\":").append(ttlMillis).append(in(transaction)).append('}');
    return post(
        space,
        "write",
        body.toString(),
        key,
        Duration.ZERO,
        !key.isEmpty(),
        TuplespaceClient::leases);
  }

  /**
   * Lets a tuple live longer, or shorter.
   *
   * @param lease the name of a {@link Lease}
   * @param ttlMillis from now on; 0 for ever
   * @return the new lease. Fails with {@code LEASE_UNKNOWN} when the tuple is not there any more,
   *     {@code LEASE_INVALID}
   */
  public CompletionStage<Lease> renew(String space, String lease, long ttlMillis) {
    return post(
        space,
        "renew",
        "{\"lease\":" + Requests.quoted(lease) + ",\"ttlMillis\":" + ttlMillis + "}",
        "",
        Duration.ZERO,
        true,
        answer -> lease(answer.orElseThrow()));
  }

  /**
   * Ends a lease before its time: the tuple is gone. Not repeated by itself.
   *
   * @param lease the name of a {@link Lease}
   * @return done when that is durable. Fails with {@code LEASE_UNKNOWN} when the tuple is not there
   *     any more, {@code SPACE_UNAVAILABLE} while a turn or transaction that takes it is not over
   */
  public CompletionStage<Void> cancelLease(String space, String lease) {
    return post(
        space,
        "cancel-lease",
        "{\"lease\":" + Requests.quoted(lease) + "}",
        "",
        Duration.ZERO,
        false,
        done -> null);
  }

  // Reading and taking

  /** The oldest tuple that matches, which stays; empty when there is none. */
  public CompletionStage<Optional<Tuple>> read(String space, Template template) {
    return read(space, template, Duration.ZERO);
  }

  /**
   * The oldest tuple that matches, which stays; waits for one when there is none, and then answers
   * the first that comes. No thread waits.
   *
   * @param wait how long to wait at most, to the millisecond; zero for not at all
   * @return the tuple, or empty when none was there until {@code wait} was over. Fails with {@code
   *     WAITERS_FULL}, {@code REQUEST_INVALID} for a negative {@code wait}
   */
  public CompletionStage<Optional<Tuple>> read(String space, Template template, Duration wait) {
    return find("read", space, template, "", "", wait, true);
  }

  /** Removes the oldest tuple that matches; empty when there is none. */
  public CompletionStage<Optional<Tuple>> take(String space, Template template) {
    return take(space, template, Duration.ZERO);
  }

  /**
   * Removes the oldest tuple that matches; waits for one when there is none, and then takes the
   * first that comes. Those that wait to take are served in the order in which they came.
   *
   * <p>A template that gives the first field is asked for under a key of the client's, and repeated
   * when a connection is lost: the tuple is taken once and arrives. With one that leaves it open
   * there is no key: when the connection is lost after the tuple was taken, it is lost, too. Where
   * that matters, take in a {@linkplain #begin transaction}.
   *
   * @param wait how long to wait at most, to the millisecond; zero for not at all
   * @return the tuple, or empty when none was there until {@code wait} was over. Fails with {@code
   *     WAITERS_FULL}, {@code REQUEST_INVALID} for a negative {@code wait}
   */
  public CompletionStage<Optional<Tuple>> take(String space, Template template, Duration wait) {
    return take(space, template, wait, template.exactFirstField().isPresent() ? newKey() : "");
  }

  /**
   * As the other, under a key of the caller's: repeated, it answers the same tuple.
   *
   * @return fails with {@code REQUEST_INVALID}, too: for a key that was used for a write, and for a
   *     template that leaves the first field open
   */
  public CompletionStage<Optional<Tuple>> take(
      String space, Template template, Duration wait, String key) {
    return find("take", space, template, key, "", wait, !key.isEmpty());
  }

  CompletableFuture<Optional<Tuple>> find(
      String operation,
      String space,
      Template template,
      String key,
      String transaction,
      Duration wait,
      boolean repeatable) {
    String body = "{\"template\":" + TupleJson.write(template) + in(transaction) + "}";
    return waiting(
        wait, part -> post(space, operation, body, key, part, repeatable, TuplespaceClient::tuple));
  }

  /** Waits in parts that a node allows, until something comes. */
  private static <T> CompletableFuture<Optional<T>> waiting(
      Duration wait, Function<Duration, CompletableFuture<Optional<T>>> request) {
    if (wait.isNegative()) {
      return CompletableFuture.failedFuture(
          new VudoException(ErrorCode.REQUEST_INVALID, "Nobody waits " + wait + "."));
    }
    if (wait.compareTo(MAX_WAIT) <= 0) {
      return request.apply(wait);
    }
    CompletableFuture<Optional<T>> result = new CompletableFuture<>();
    waitOn(wait, request, result);
    return result;
  }

  private static <T> void waitOn(
      Duration wait,
      Function<Duration, CompletableFuture<Optional<T>>> request,
      CompletableFuture<Optional<T>> result) {
    boolean last = wait.compareTo(MAX_WAIT) <= 0;
    var unused =
        request
            .apply(last ? wait : MAX_WAIT)
            .whenComplete(
                (found, failure) -> {
                  if (failure != null) {
                    result.completeExceptionally(failure);
                  } else if (last || found.isPresent()) {
                    result.complete(found);
                  } else {
                    waitOn(wait.minus(MAX_WAIT), request, result);
                  }
                });
  }

  /**
   * Up to {@code limit} tuples that match, oldest first, which stay. They need not have been there
   * all at one moment. Fewer are answered when they would take more than some 16 MiB.
   *
   * @param limit 1 to 10,000
   * @return fails with {@code BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Tuple>> readAll(String space, Template template, int limit) {
    return findAll("read-all", space, template, limit, "", true);
  }

  /**
   * Removes up to {@code limit} tuples that match, the oldest of each place first. Fewer are
   * answered when they would take more than some 16 MiB; so take again until nothing comes.
   *
   * <p>When the answer is lost, so are the tuples; where that matters, take in a {@linkplain #begin
   * transaction}.
   *
   * @param limit 1 to 10,000
   * @return fails with {@code BATCH_TOO_LARGE}
   */
  public CompletionStage<List<Tuple>> takeAll(String space, Template template, int limit) {
    return findAll("take-all", space, template, limit, "", false);
  }

  CompletableFuture<List<Tuple>> findAll(
      String operation,
      String space,
      Template template,
      int limit,
      String transaction,
      boolean repeatable) {
    String body =
        "{\"template\":"
            + TupleJson.write(template)
            + ",\"limit\":"
            + limit
            + in(transaction)
            + "}";
    return post(
        space,
        operation,
        body,
        "",
        Duration.ZERO,
        repeatable,
        answer -> {
          List<Tuple> tuples = new ArrayList<>();
          answer.orElseThrow().path("tuples").forEach(one -> tuples.add(TupleJson.readTuple(one)));
          return List.copyOf(tuples);
        });
  }

  /** How many tuples match; held ones do not count. */
  public CompletionStage<Long> count(String space, Template template) {
    return post(
        space,
        "count",
        "{\"template\":" + TupleJson.write(template) + "}",
        "",
        Duration.ZERO,
        true,
        answer -> answer.orElseThrow().path("count").asLong());
  }

  /**
   * Replaces the oldest tuple that matches by another one, in one step: nobody sees neither or
   * both. Repeated by itself when {@code expected} gives the first field and this, and the arity,
   * are those of {@code replacement}.
   *
   * @param expected what has to be there; usually the whole tuple that was read before
   * @param replacement what is there afterwards, as the newest of its kind
   * @param ttlMillis the lease of {@code replacement}, as in {@link #write}
   * @return the tuple that was replaced, or empty when none matched and nothing was done
   */
  public CompletionStage<Optional<Tuple>> compareAndSwap(
      String space, Template expected, Tuple replacement, long ttlMillis) {
    Optional<Field> first = expected.exactFirstField();
    boolean samePlace =
        first.equals(Optional.of(replacement.field(0))) && expected.arity() == replacement.arity();
    return compareAndSwap(space, expected, replacement, ttlMillis, samePlace ? newKey() : "");
  }

  /**
   * As the other, under a key of the caller's.
   *
   * @return fails with {@code REQUEST_INVALID}, too: for an {@code expected} of another first field
   *     or arity than {@code replacement}
   */
  public CompletionStage<Optional<Tuple>> compareAndSwap(
      String space, Template expected, Tuple replacement, long ttlMillis, String key) {
    return post(
        space,
        "swap",
        "{\"expected\":"
            + TupleJson.write(expected)
            + ",\"replacement\":"
            + TupleJson.write(replacement)
            + ",\"ttlMillis\":"
            + ttlMillis
            + "}",
        key,
        Duration.ZERO,
        !key.isEmpty(),
        TuplespaceClient::tuple);
  }

  // Coordination

  /**
   * Waits at a barrier until as many have arrived as it waits for; then all go on, and the barrier
   * is as new. It is there as long as somebody waits at it.
   *
   * @param name 1 to 256 characters
   * @param parties how many have to arrive, 1 to 100,000; all name the same number
   * @param wait how long to wait at most
   * @return in which place this party arrived, counting from 0; empty when the time was over first,
   *     and then it did not arrive. Fails with {@code BARRIER_INVALID}, {@code BARRIER_MISMATCH},
   *     {@code WAITERS_FULL}
   */
  public CompletionStage<Optional<Integer>> barrier(
      String space, String name, int parties, Duration wait) {
    return barrier(space, name, parties, newKey(), wait);
  }

  /**
   * As the other, with a name for the arrival: repeated, while it waits or soon after, it is the
   * same one.
   *
   * @param partyId 1 to 500 characters that no other arrival uses
   */
  public CompletionStage<Optional<Integer>> barrier(
      String space, String name, int parties, String partyId, Duration wait) {
    String body =
        "{\"name\":"
            + Requests.quoted(name)
            + ",\"parties\":"
            + parties
            + ",\"party\":"
            + Requests.quoted(partyId)
            + "}";
    return waiting(
        wait,
        part ->
            post(
                space,
                "barrier",
                body,
                "",
                part,
                true,
                answer -> answer.map(json -> json.path("place").asInt())));
  }

  /**
   * Begins a transaction over one space: what is written and taken in it happens with its commit,
   * or not at all.
   *
   * @param timeout after which it is aborted by itself
   * @return fails with {@code REQUEST_INVALID} for another timeout than 1 ms to {@code
   *     vudo.tuplespace.max-transaction-time}, {@code TRANSACTIONS_FULL}
   */
  public CompletionStage<Transaction> begin(String space, Duration timeout) {
    return post(
        space,
        "begin",
        "{\"timeoutMillis\":" + timeout.toMillis() + "}",
        "",
        Duration.ZERO,
        // One whose answer was lost ends by its time.
        true,
        answer -> transaction(space, answer.orElseThrow().path("transaction").asText()));
  }

  /**
   * A transaction that was begun before, by its id; also through another node. Whether it is still
   * open comes out with its first operation.
   */
  public Transaction transaction(String space, String id) {
    return new Transaction(this, Objects.requireNonNull(space), Objects.requireNonNull(id));
  }

  CompletableFuture<Void> end(String how, String space, String transaction) {
    return post(
        space,
        how,
        "{\"transaction\":" + Requests.quoted(transaction) + "}",
        "",
        Duration.ZERO,
        true,
        done -> null);
  }

  /**
   * Watches the tuples that match, from now on.
   *
   * <p>The handler is called by one thread at a time. One that is slower than the changes is told
   * so and dropped ({@code WATCH_TOO_SLOW}); a writer never waits for it. When the connection is
   * lost, the client connects again, to another node when there is one, and tells the handler that
   * it may have {@linkplain io.vudo.protocol.TupleChange.Kind#MISSED missed} changes; it goes on
   * trying until the watch is closed.
   *
   * @return the watch, when every part of the space knows it: later changes are told. Fails with
   *     {@code WATCHERS_FULL}
   */
  public CompletionStage<Watch> watch(String space, Template template, WatchHandler handler) {
    Objects.requireNonNull(handler);
    return at(
        space,
        "watch",
        path ->
            WatchConnection.start(
                requests, path, "{\"template\":" + TupleJson.write(template) + "}", handler));
  }

  // Requests and answers

  private <T> CompletableFuture<T> post(
      String space,
      String operation,
      String body,
      String key,
      Duration wait,
      boolean repeatable,
      Function<Optional<JsonNode>, T> answer) {
    return at(
        space,
        operation,
        path -> requests.send(Requests.Request.json(path, body, key, wait, repeatable), answer));
  }

  private static <T> CompletableFuture<T> at(
      String space, String operation, Function<String, CompletableFuture<T>> request) {
    try {
      SpaceName.check(space);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
    return request.apply("/v1/spaces/" + space + "/" + operation);
  }

  private static String newKey() {
    return UUID.randomUUID().toString();
  }

  private static String in(String transaction) {
    return transaction.isEmpty() ? "" : ",\"transaction\":" + Requests.quoted(transaction);
  }

  private static Optional<Tuple> tuple(Optional<JsonNode> answer) {
    return answer.map(json -> TupleJson.readTuple(json.path("tuple")));
  }

  private static List<Lease> leases(Optional<JsonNode> answer) {
    List<Lease> leases = new ArrayList<>();
    answer.orElseThrow().path("leases").forEach(one -> leases.add(lease(one)));
    return List.copyOf(leases);
  }

  private static Lease lease(JsonNode json) {
    JsonNode end = json.path("endsAtMillis");
    return new Lease(
        json.path("lease").asText(), end.isIntegralNumber() ? end.longValue() : Lease.FOR_EVER);
  }
}
