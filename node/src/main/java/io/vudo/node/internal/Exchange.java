package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.Query;
import org.apache.pekko.http.javadsl.model.headers.TimeoutAccess;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.util.ByteString;

/** One request on its way: what it carries, read strictly, and its body, read once and bounded. */
final class Exchange {
  static final String REQUEST_ID_HEADER = "X-Request-Id";

  /**
   * How much of a refused body is still read and thrown away. A server that answers and closes
   * while the client is writing resets the connection, and the client loses the answer; so a body
   * that is too large is heard out, within reason.
   */
  private static final long PATIENCE_BYTES = 256L << 20;

  private static final int MAX_HEADER_TEXT = 256;

  /** How much of it where the caller has nothing to expect, because he may not do that. */
  private static final long LITTLE_PATIENCE_BYTES = 1L << 20;

  private static final Pattern REQUEST_ID = Pattern.compile("[A-Za-z0-9._:@/+=-]{1,128}");

  private final HttpRequest request;
  private final ActorSystem<?> system;
  private final String requestId;
  private final Door door;

  /** Told how long the request may take. */
  private final Consumer<Duration> timeLimit;

  private boolean bodyRead;

  // What the gateway finds out before anything is done.
  private Route route;
  private Map<String, String> arguments = Map.of();
  private Caller caller;
  private Throttle.Visit visit;
  private RequestSpan span = RequestSpan.NONE;

  /** How a request came. */
  enum Door {
    HTTP,
    /** By a call, of which the request is a translation. */
    GRPC
  }

  /** A request over HTTP. */
  Exchange(HttpRequest request, ActorSystem<?> system) {
    this(
        request,
        system,
        Door.HTTP,
        timeout ->
            request
                .getHeader(TimeoutAccess.class)
                .ifPresent(access -> access.timeoutAccess().updateTimeout(timeout)));
  }

  Exchange(HttpRequest request, ActorSystem<?> system, Door door, Consumer<Duration> timeLimit) {
    this.request = request;
    this.system = system;
    this.door = door;
    this.timeLimit = timeLimit;
    this.requestId =
        request
            .getHeader(REQUEST_ID_HEADER)
            .map(HttpHeader::value)
            .filter(given -> REQUEST_ID.matcher(given).matches())
            .orElseGet(() -> Long.toHexString(ThreadLocalRandom.current().nextLong()));
  }

  HttpRequest request() {
    return request;
  }

  /** How the request is called in answers and logs: as its sender says, or by a name of ours. */
  String requestId() {
    return requestId;
  }

  Door door() {
    return door;
  }

  /** That it is for this. */
  void matched(Route found, Map<String, String> values) {
    route = found;
    arguments = values;
  }

  /** What it is for, if there is such a thing. */
  Optional<Route> route() {
    return Optional.ofNullable(route);
  }

  /** What stands for the parts in braces of the route's path, in their order. */
  Map<String, String> arguments() {
    return arguments;
  }

  /** What stands for the part in braces of this name. */
  String argument(String name) {
    return arguments.get(name);
  }

  /** That it is from him. */
  void isFrom(Caller who) {
    caller = who;
  }

  /** That it counts from now on. */
  void entered(Throttle.Visit counted) {
    visit = counted;
  }

  /** That it is the whole of a call whose beginning was let in: it is counted as that one. */
  void continues(Exchange beginning) {
    caller = beginning.caller;
    visit = beginning.visit;
  }

  /** Whether it counts, and was let in before. */
  boolean isEntered() {
    return visit != null;
  }

  /** That it is answered, and does not count any more. */
  void leave() {
    if (visit != null) {
      visit.end();
    }
  }

  /** That this span is its own. */
  void isTraced(RequestSpan begun) {
    span = begun;
  }

  RequestSpan span() {
    return span;
  }

  /** Who it is from, as far as that is known. */
  Optional<Caller> caller() {
    return Optional.ofNullable(caller);
  }

  /** The decoded segments of the path; a slash at the end counts for nothing. */
  List<String> path() {
    List<String> segments = new ArrayList<>();
    request.getUri().pathSegments().forEach(segments::add);
    if (!segments.isEmpty() && segments.get(segments.size() - 1).isEmpty()) {
      segments.remove(segments.size() - 1);
    }
    return segments;
  }

  /** A header that may be given once; visible ASCII, up to 256 characters. */
  Optional<String> header(String name) {
    String wanted = name.toLowerCase(Locale.ROOT);
    String found = null;
    for (HttpHeader header : request.getHeaders()) {
      if (header.is(wanted)) {
        if (found != null) {
          throw invalid("The header " + name + " was given twice.");
        }
        found = header.value();
      }
    }
    if (found != null
        && (found.isEmpty()
            || found.length() > MAX_HEADER_TEXT
            || !found.chars().allMatch(c -> c >= ' ' && c <= '~'))) {
      throw invalid(
          "The header " + name + " takes 1 to " + MAX_HEADER_TEXT + " visible ASCII characters.");
    }
    return Optional.ofNullable(found);
  }

  /**
   * The query's parameters; one that is not {@code known} is refused, because a misspelt limit that
   * is silently ignored is worse than an error.
   */
  Map<String, List<String>> query(Set<String> known) {
    Query query;
    try {
      query = request.getUri().query();
    } catch (RuntimeException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "The query: " + e.getMessage(), e);
    }
    Map<String, List<String>> values = new HashMap<>();
    for (Pair<String, String> parameter : query.toList()) {
      if (!known.contains(parameter.first())) {
        throw invalid(
            "There is no parameter \""
                + parameter.first()
                + "\" here; there "
                + (known.isEmpty() ? "is none." : "are " + list(known) + "."));
      }
      values.computeIfAbsent(parameter.first(), name -> new ArrayList<>()).add(parameter.second());
    }
    return values;
  }

  /** Gives the request this long before the gateway answers for it, a little more than it takes. */
  void allow(Duration timeout) {
    timeLimit.accept(timeout.plusSeconds(10));
  }

  /** What the client declared to send, as far as it did. */
  private long declaredBytes() {
    return request.entity().getContentLengthOption().orElse(-1);
  }

  /** Whether the client holds its body back until it is told to go on. */
  private boolean holdsBodyBack() {
    return door == Door.GRPC || isTold100Continue();
  }

  private boolean isTold100Continue() {
    return request
        .getHeader("Expect")
        .map(expect -> expect.value().equalsIgnoreCase("100-continue"))
        .orElse(false);
  }

  /**
   * Reads the body.
   *
   * @param tooLarge the code of the error when it is larger than the limit
   */
  CompletionStage<byte[]> body(long limitBytes, ErrorCode tooLarge) {
    if (declaredBytes() > limitBytes && holdsBodyBack()) {
      throw tooLarge(tooLarge, declaredBytes(), limitBytes);
    }
    if (request.entity() instanceof HttpEntity.Strict strict
        && strict.getData().size() <= limitBytes) {
      // At once, and so in the order in which requests come.
      bodyRead = true;
      return CompletableFuture.completedFuture(strict.getData().toArrayUnsafe());
    }
    return read(limitBytes, holdsBodyBack() ? 0 : PATIENCE_BYTES, tooLarge);
  }

  private CompletionStage<byte[]> read(long limitBytes, long patienceBytes, ErrorCode tooLarge) {
    bodyRead = true;
    return request
        .entity()
        .withoutSizeLimit()
        .getDataBytes()
        .runFold(new Body(limitBytes, patienceBytes, declaredBytes(), tooLarge), Body::plus, system)
        // Without an executor Pekko's stages run callbacks on the common pool, which on one or two
        // cores is a new thread for each.
        .thenApplyAsync(
            body -> {
              if (body.total > limitBytes) {
                throw tooLarge(tooLarge, body.total, limitBytes);
              }
              return body.bytes.toByteArray();
            },
            system.executionContext());
  }

  /** Reads the body as a JSON object with only these members. */
  CompletionStage<JsonNode> json(long limitBytes, ErrorCode tooLarge, Set<String> members) {
    return body(limitBytes, tooLarge).thenApply(bytes -> object(bytes, members));
  }

  /** Reads the body as a JSON object with only these members; no body is an empty one. */
  CompletionStage<JsonNode> optionalJson(long limitBytes, ErrorCode tooLarge, Set<String> members) {
    return body(limitBytes, tooLarge)
        .thenApply(bytes -> bytes.length == 0 ? Json.object() : object(bytes, members));
  }

  private static JsonNode object(byte[] bytes, Set<String> members) {
    JsonNode node = Json.read(bytes);
    if (!node.isObject()) {
      throw invalid("Expected a JSON object with " + list(members) + ".");
    }
    node.fieldNames()
        .forEachRemaining(
            name -> {
              if (!members.contains(name)) {
                throw invalid(
                    "There is no member \"" + name + "\" here; there are " + list(members) + ".");
              }
            });
    return node;
  }

  /**
   * Hears out a body that nobody wants, so that the client lives to read why.
   *
   * @param allowed whether the caller may do what he wanted; of others less is heard
   */
  CompletionStage<Void> discardBody(boolean allowed) {
    if (bodyRead || holdsBodyBack() || request.entity().isStrict()) {
      return CompletableFuture.completedFuture(null);
    }
    return read(0, allowed ? PATIENCE_BYTES : LITTLE_PATIENCE_BYTES, ErrorCode.PAYLOAD_TOO_LARGE)
        .handle((body, failure) -> null);
  }

  private static VudoException tooLarge(ErrorCode code, long bytes, long limitBytes) {
    return new VudoException(code, "It has " + bytes + " bytes; the limit is " + limitBytes + ".");
  }

  private static VudoException invalid(String detail) {
    return new VudoException(ErrorCode.REQUEST_INVALID, detail);
  }

  private static String list(Set<String> names) {
    return String.join(", ", new TreeSet<>(names));
  }

  /** Collects what fits into the limit and counts the rest. Confined to one stream. */
  private static final class Body {
    private final long limitBytes;
    private final long patienceBytes;
    private final ByteArrayOutputStream bytes;
    private final ErrorCode tooLarge;
    private long total;

    Body(long limitBytes, long patienceBytes, long declaredBytes, ErrorCode tooLarge) {
      this.limitBytes = limitBytes;
      this.patienceBytes = patienceBytes;
      this.tooLarge = tooLarge;
      this.bytes =
          new ByteArrayOutputStream(
              (int) Math.max(64, Math.min(Math.min(declaredBytes, limitBytes), 128 << 20)));
    }

    Body plus(ByteString part) {
      total += part.size();
      if (total <= limitBytes) {
        bytes.writeBytes(part.toArrayUnsafe());
      } else if (total > limitBytes + patienceBytes) {
        throw new VudoException(
            tooLarge, "It has more than " + total + " bytes; the limit is " + limitBytes + ".");
      }
      return this;
    }
  }
}
