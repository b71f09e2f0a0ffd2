package io.vudo.node;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/** A collector: takes spans by OTLP over HTTP, and keeps them. */
public final class OtlpReceiver implements AutoCloseable {
  /**
   * What is of interest of a span.
   *
   * @param kind 2 = SERVER, 5 = CONSUMER
   * @param parent empty when it has none
   * @param attributes those of the span, and of its resource
   */
  public record Received(
      String traceId,
      String spanId,
      String parent,
      String state,
      String name,
      long kind,
      List<String> events,
      List<String> links,
      boolean failed,
      Map<String, String> attributes) {
    String at(String attribute) {
      return attributes.getOrDefault(attribute, "");
    }
  }

  private static final int UNAVAILABLE = 503;

  private final List<Received> spans = new CopyOnWriteArrayList<>();
  private final HttpServer server;
  private volatile boolean refusing;
  private volatile String header = "";

  public OtlpReceiver() throws IOException {
    server =
        HttpServer.create(
            new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0), 0);
    server.createContext("/v1/traces", this::take);
    server.start();
  }

  public String endpoint() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Whether it takes nothing. */
  public void refuse(boolean on) {
    refusing = on;
  }

  /** The last value of the header {@code X-Test}. */
  public String header() {
    return header;
  }

  public List<Received> spans(Predicate<Received> wanted) {
    return spans.stream().filter(wanted).toList();
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      if (refusing) {
        exchange.sendResponseHeaders(UNAVAILABLE, -1);
        return;
      }
      String given = exchange.getRequestHeaders().getFirst("X-Test");
      header = given == null ? "" : given;
      for (UnknownFieldSet resource : messages(UnknownFieldSet.parseFrom(body), 1)) {
        Map<String, String> common = new HashMap<>();
        messages(resource, 1).forEach(of -> attributes(of, 1, common));
        for (UnknownFieldSet scope : messages(resource, 2)) {
          for (UnknownFieldSet span : messages(scope, 2)) {
            spans.add(span(span, common));
          }
        }
      }
      exchange.getResponseHeaders().add("Content-Type", "application/x-protobuf");
      exchange.sendResponseHeaders(200, -1);
    }
  }

  private static Received span(UnknownFieldSet span, Map<String, String> common) {
    Map<String, String> attributes = new HashMap<>(common);
    attributes(span, 9, attributes);
    List<String> events = new ArrayList<>();
    messages(span, 11).forEach(event -> events.add(text(event, 2)));
    List<String> links = new ArrayList<>();
    messages(span, 13).forEach(link -> links.add(hex(link, 2)));
    return new Received(
        hex(span, 1),
        hex(span, 2),
        hex(span, 4),
        text(span, 3),
        text(span, 5),
        span.getField(6).getVarintList().get(0),
        events,
        links,
        messages(span, 15).stream()
            .anyMatch(status -> status.getField(3).getVarintList().equals(List.of(2L))),
        attributes);
  }

  /** The members of a field of type KeyValue. */
  private static void attributes(UnknownFieldSet of, int field, Map<String, String> into) {
    for (UnknownFieldSet pair : messages(of, field)) {
      for (UnknownFieldSet value : messages(pair, 2)) {
        into.put(
            text(pair, 1),
            value.hasField(1)
                ? text(value, 1)
                : String.valueOf(
                    value.getField(3).getVarintList().stream().findFirst().orElse(0L)));
      }
    }
  }

  private static List<UnknownFieldSet> messages(UnknownFieldSet of, int field) {
    List<UnknownFieldSet> parsed = new ArrayList<>();
    for (ByteString bytes : of.getField(field).getLengthDelimitedList()) {
      try {
        parsed.add(UnknownFieldSet.parseFrom(bytes));
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalStateException(e);
      }
    }
    return parsed;
  }

  private static ByteString bytes(UnknownFieldSet of, int field) {
    List<ByteString> all = of.getField(field).getLengthDelimitedList();
    return all.isEmpty() ? ByteString.EMPTY : all.get(0);
  }

  private static String text(UnknownFieldSet of, int field) {
    return bytes(of, field).toStringUtf8();
  }

  private static String hex(UnknownFieldSet of, int field) {
    return HexFormat.of().formatHex(bytes(of, field).toByteArray());
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
