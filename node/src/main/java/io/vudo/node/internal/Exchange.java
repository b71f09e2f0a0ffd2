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
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.Query;
import org.apache.pekko.http.javadsl.model.headers.TimeoutAccess;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.util.ByteString;

/** One request on its way: what it carries, read strictly, and its body, read once and bounded. */
final class Exchange {
  /**
   * How much of a refused body is still read and thrown away. A server that answers and closes
   * while the client is writing resets the connection, and the client loses the answer; so a body
   * that is too large is heard out, within reason.
   */
  private static final long PATIENCE_BYTES = 256L << 20;

  private static final int MAX_HEADER_TEXT = 256;

  private final HttpRequest request;
  private final ActorSystem<?> system;
  private boolean bodyRead;

  Exchange(HttpRequest request, ActorSystem<?> system) {
    this.request = request;
    this.system = system;
  }

  HttpRequest request() {
    return request;
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
    request
        .getHeader(TimeoutAccess.class)
        .ifPresent(access -> access.timeoutAccess().updateTimeout(timeout.plusSeconds(10)));
  }

  /** What the client declared to send, as far as it did. */
  private long declaredBytes() {
    return request.entity().getContentLengthOption().orElse(-1);
  }

  /** Whether the client holds its body back until it is told to go on. */
  private boolean holdsBodyBack() {
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
    bodyRead = true;
    return request
        .entity()
        .withoutSizeLimit()
        .getDataBytes()
        .runFold(new Body(limitBytes, declaredBytes()), Body::plus, system)
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
    return body(limitBytes, tooLarge)
        .thenApply(
            bytes -> {
              JsonNode node = Json.read(bytes);
              if (!node.isObject()) {
                throw invalid("Expected a JSON object with " + list(members) + ".");
              }
              node.fieldNames()
                  .forEachRemaining(
                      name -> {
                        if (!members.contains(name)) {
                          throw invalid(
                              "There is no member \""
                                  + name
                                  + "\" here; there are "
                                  + list(members)
                                  + ".");
                        }
                      });
              return node;
            });
  }

  /** Hears out a body that nobody wants, so that the client lives to read why. */
  CompletionStage<Void> discardBody() {
    if (bodyRead || holdsBodyBack() || request.entity().isStrict()) {
      return CompletableFuture.completedFuture(null);
    }
    return body(0, ErrorCode.PAYLOAD_TOO_LARGE).handle((body, failure) -> null);
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
    private final ByteArrayOutputStream bytes;
    private long total;

    Body(long limitBytes, long declaredBytes) {
      this.limitBytes = limitBytes;
      this.bytes =
          new ByteArrayOutputStream(
              (int) Math.max(64, Math.min(Math.min(declaredBytes, limitBytes), 128 << 20)));
    }

    Body plus(ByteString part) {
      total += part.size();
      if (total <= limitBytes) {
        bytes.writeBytes(part.toArrayUnsafe());
      } else if (total > limitBytes + PATIENCE_BYTES) {
        throw new VudoException(
            ErrorCode.REQUEST_INVALID, "The body has more than " + total + " bytes.");
      }
      return this;
    }
  }
}
