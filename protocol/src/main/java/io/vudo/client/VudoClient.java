package io.vudo.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.client.internal.AuthorizedHttp;
import io.vudo.client.internal.Connections;
import io.vudo.client.internal.Requests;
import io.vudo.ghost.Ghost;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/**
 * The Spirits, tuplespaces, deployments and nodes of a cluster, from a JVM program outside of it,
 * through the gateways of its nodes.
 *
 * <p>It connects when it is used, and again when a connection is lost. The node that answered last
 * is asked first; when it cannot be reached, or sends callers elsewhere, the next one is, and from
 * then on. Any node answers for any Spirit.
 *
 * <p>Safe to use from many threads; make one and keep it. Callbacks of its stages run on the
 * threads of its executor and may block; with an {@linkplain Builder#executor executor} of few
 * threads they should not.
 */
public final class VudoClient implements AutoCloseable {
  private final Requests requests;
  private final TuplespaceClient spaces;
  private final RetryPolicy retry;
  private final Duration deadline;

  private VudoClient(Requests requests, RetryPolicy retry, Duration deadline) {
    this.requests = requests;
    this.spaces = new TuplespaceClient(requests);
    this.retry = retry;
    this.deadline = deadline;
  }

  /**
   * A client of one node.
   *
   * @throws VudoException {@code REQUEST_INVALID} when that is no URL of one
   */
  public static VudoClient of(String node) {
    return builder().node(node).build();
  }

  /** A client to be described. */
  public static Builder builder() {
    return new Builder();
  }

  /** Which nodes a client talks to, and how. */
  public static final class Builder {
    private final List<URI> nodes = new ArrayList<>();
    private Duration deadline = Duration.ofSeconds(30);
    private RetryPolicy retry = RetryPolicy.DEFAULT;
    private int maxCalls = 256;
    private Executor executor;
    private HttpClient http;
    private SSLContext tls;
    private Supplier<String> token;
    private Supplier<Map<String, String>> headers = Map::of;

    private Builder() {}

    /**
     * Adds a node: the URL of its gateway, as {@code http://127.0.0.1:7070}. The first that is
     * added is asked first.
     *
     * @throws VudoException {@code REQUEST_INVALID}
     */
    public Builder node(String url) {
      nodes.add(Connections.address(url));
      return this;
    }

    /**
     * How long a call to a Spirit may take with all its attempts, where the call does not say
     * otherwise; 30 seconds by default. Operations on tuplespaces give each node so long, beside
     * the time that they wait for a tuple.
     *
     * @param deadline at least 1 ms and at most 365 days
     * @throws VudoException {@code REQUEST_INVALID}
     */
    public Builder deadline(Duration deadline) {
      this.deadline = Message.checkDeadline(deadline);
      return this;
    }

    /** How calls to Spirits are tried again; {@link RetryPolicy#DEFAULT} by default. */
    public Builder retry(RetryPolicy retry) {
      this.retry = Objects.requireNonNull(retry);
      return this;
    }

    /**
     * How many calls to Spirits are at nodes at once; 256 by default. Each has a connection of its
     * own, of which a node takes {@code vudo.http.max-connections}. Further calls wait, in their
     * order, within their deadlines; so who sends without waiting for answers should bound that
     * himself.
     *
     * @throws VudoException {@code REQUEST_INVALID} for less than 1
     */
    public Builder maxCallsAtOnce(int calls) {
      if (calls < 1) {
        throw new VudoException(
            ErrorCode.REQUEST_INVALID, "One call at least has to be possible; got " + calls + ".");
      }
      this.maxCalls = calls;
      return this;
    }

    /**
     * Runs callbacks, and whatever else the client does, on these threads. Who gives one ends it,
     * after the client. By default there are daemon threads that all clients share and that end
     * when there is nothing to do.
     */
    public Builder executor(Executor executor) {
      this.executor = Objects.requireNonNull(executor);
      return this;
    }

    /** Uses this HTTP client: with a proxy or TLS of one's own. It is not closed with this one. */
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
     * Adds headers to all requests of a call, as {@code traceparent} of the trace that the caller
     * is in (docs/tracing.md). One that no header can be, or that the client sets itself, fails the
     * call with {@code REQUEST_INVALID}.
     *
     * @param headers asked for each call, on the thread of the caller; must neither block nor throw
     */
    public Builder headers(Supplier<Map<String, String>> headers) {
      this.headers = Objects.requireNonNull(headers);
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
    public VudoClient build() {
      if (nodes.isEmpty()) {
        throw new VudoException(ErrorCode.REQUEST_INVALID, "Name a node.");
      }
      Executor given =
          executor != null ? executor : http != null ? http.executor().orElse(null) : null;
      Executor threads = given == null ? Connections.THREADS : Connections.lasting(given);
      return new VudoClient(
          new Requests(
              Connections.http(http, threads, tls, token),
              threads,
              nodes,
              deadline,
              maxCalls,
              headers),
          retry,
          deadline);
    }
  }

  /**
   * A Spirit, which need not exist yet.
   *
   * @throws VudoException {@code SPIRIT_TYPE_INVALID} or {@code SPIRIT_ID_INVALID}
   */
  public SpiritClient spirit(String type, String id) {
    return spirit(new SpiritId(type, id));
  }

  /** A Spirit, which need not exist yet. */
  public SpiritClient spirit(SpiritId id) {
    return new SpiritClient(requests, retry, Objects.requireNonNull(id), deadline);
  }

  /**
   * Calls what stands behind a dotted name, and waits for the result: a function of a Loa, a
   * script, a Spirit. The same as {@link ProcessClient#callAndWait} of {@link #processes()}, with
   * JSON.
   *
   * @param name such as {@code scripts.validate.Check} or {@code counter/alice.add}
   * @param args of the function; they become a JSON array
   * @return the result; a null node for nothing
   * @throws VudoException as {@link ProcessClient} says
   */
  public JsonNode process(String name, Object... args) {
    return processes().callAndWait(name, JsonNode.class, args);
  }

  /** As {@link #process}, without waiting; the stage fails with what that throws. */
  public CompletionStage<JsonNode> processAsync(String name, Object... args) {
    return processes().call(name, JsonNode.class, args);
  }

  /** All that can be called by a dotted name, with Java types, keys and deadlines. */
  public ProcessClient processes() {
    return new ProcessClient(requests, retry, deadline);
  }

  /**
   * A Ghost over Spirits of the cluster.
   *
   * @param ghost what to run
   * @param members the Spirit of each member
   * @throws VudoException {@code REQUEST_INVALID} when these are not the Ghost's members
   */
  public GhostClient ghost(Ghost ghost, Map<String, SpiritId> members) {
    return new GhostClient(requests, retry, ghost, members, deadline);
  }

  /** The Spirit types that are deployed: lists, deploys and swaps them. */
  public DeploymentClient deployments() {
    return new DeploymentClient(requests);
  }

  /** The nodes of the cluster, and where Spirits are: for who operates it. */
  public ClusterClient cluster() {
    return new ClusterClient(requests, deadline);
  }

  /**
   * A tuplespace; it is there when something is written.
   *
   * @throws VudoException {@code SPACE_NAME_INVALID}
   */
  public SpaceClient tuplespace(String name) {
    return new SpaceClient(spaces, name);
  }

  /** All tuplespaces, over the connections of this client. */
  public TuplespaceClient tuplespaces() {
    return spaces;
  }

  /**
   * Ends all calls and watches that are under way with {@code CALL_CANCELLED}; what they sent may
   * be handled all the same. Later calls fail in the same way. Idle connections end by themselves.
   */
  @Override
  public void close() {
    requests.close();
  }
}
