package io.vudo.node.internal.grpc;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLSession;
import org.apache.pekko.http.javadsl.model.AttributeKeys;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.RemoteAddress;
import org.apache.pekko.http.javadsl.model.SslSessionInfo;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/** Who makes a call, from where, and what was said beside the messages. */
final class CallContext {
  /** How answers are called in logs, as in HTTP. */
  static final Metadata.Key<String> REQUEST_ID = ascii("x-request-id");

  /** What means the same over HTTP. */
  private static final List<Metadata.Key<String>> HEADERS =
      List.of(ascii("authorization"), REQUEST_ID, ascii("traceparent"), ascii("tracestate"));

  private static final Context.Key<CallContext> KEY = Context.key("vudo-call");

  private final HttpRequest request;
  private final String authority;
  private final String operation;
  private final HeadersOnce<?, ?> call;

  private CallContext(
      HttpRequest request, String authority, String operation, HeadersOnce<?, ?> call) {
    this.request = request;
    this.authority = authority;
    this.operation = operation;
    this.call = call;
  }

  static Metadata.Key<String> ascii(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Of the call that is being begun. */
  static CallContext current() {
    return KEY.get();
  }

  /** What a request of the gateway needs to know of the caller. */
  HttpRequest request() {
    return request;
  }

  /** Under which name the node was called. */
  String authority() {
    return authority;
  }

  /** The same, for one who is to be let in. */
  HttpRequest admissible() {
    try {
      return request.withUri("http://" + authority + "/" + operation);
    } catch (IllegalArgumentException e) {
      // No name at all is not one of this machine, for whoever looks at that.
      return request.withUri("http://name.invalid/" + operation);
    }
  }

  /** Lets the headers of the answer go now, and not with its first message. */
  void sendHeaders(HttpResponse response) {
    Metadata headers = new Metadata();
    addRequestId(headers, response);
    call.sendHeaders(headers);
  }

  /** How the request is called, for the caller. */
  static void addRequestId(Metadata metadata, HttpResponse response) {
    response
        .getHeader("X-Request-Id")
        .ifPresent(header -> metadata.put(REQUEST_ID, header.value()));
  }

  /** Makes it known to what handles a call. */
  static ServerInterceptor interceptor() {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        HeadersOnce<Q, A> once = new HeadersOnce<>(call);
        String authority = Optional.ofNullable(call.getAuthority()).orElse("");
        CallContext context =
            new CallContext(
                request(call.getAttributes(), headers),
                authority,
                call.getMethodDescriptor().getFullMethodName(),
                once);
        return Contexts.interceptCall(
            Context.current().withValue(KEY, context), once, headers, next);
      }
    };
  }

  private static HttpRequest request(Attributes attributes, Metadata headers) {
    HttpRequest request = HttpRequest.create().withMethod(HttpMethods.POST);
    if (attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR) instanceof InetSocketAddress address) {
      request = request.addAttribute(AttributeKeys.remoteAddress, RemoteAddress.create(address));
    }
    SSLSession session = attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    if (session != null) {
      request = request.addAttribute(AttributeKeys.sslSession, SslSessionInfo.create(session));
    }
    for (Metadata.Key<String> key : HEADERS) {
      request = copied(request, headers, key);
    }
    return request;
  }

  private static HttpRequest copied(
      HttpRequest request, Metadata headers, Metadata.Key<String> key) {
    Iterable<String> values = headers.getAll(key);
    HttpRequest with = request;
    if (values != null) {
      // All: the gateway refuses what is given twice.
      for (String value : values) {
        with = with.addHeader(RawHeader.create(key.originalName(), value));
      }
    }
    return with;
  }

  /** A call whose headers may be sent before whoever answers it does so. */
  private static final class HeadersOnce<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final AtomicBoolean sent = new AtomicBoolean();

    HeadersOnce(ServerCall<Q, A> call) {
      super(call);
    }

    @Override
    public void sendHeaders(Metadata headers) {
      if (sent.compareAndSet(false, true)) {
        super.sendHeaders(headers);
      }
    }
  }
}
