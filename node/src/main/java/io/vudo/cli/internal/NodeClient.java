package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;

/** Talks to a node's gateway; every answer that is no success is thrown as a typed failure. */
final class NodeClient {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  /** How much longer than the node itself the command waits for the node's answer. */
  private static final Duration GRACE = Duration.ofSeconds(15);

  private static final String EVENT = "event: ";
  private static final String DATA = "data: ";

  private final URI node;
  private final GatewayAccess access;
  private final HttpClient http;

  /** A client of a node that asks for nothing. */
  NodeClient(URI node) {
    this(node, GatewayAccess.NONE);
  }

  NodeClient(URI node, GatewayAccess access) {
    this.node = node;
    this.access = access;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT);
    access.tls().ifPresent(builder::sslContext);
    this.http = builder.build();
  }

  HttpResponse<byte[]> get(String path) {
    return get(path, Duration.ofSeconds(60));
  }

  /**
   * Gets what takes a while.
   *
   * @param timeout how long the node may take
   */
  HttpResponse<byte[]> get(String path, Duration timeout) {
    return send(request(path).GET(), timeout);
  }

  /** Gets lines as they come, until the node ends them; empty ones are left out. */
  void getLines(String path, Consumer<String> use) {
    HttpResponse<InputStream> response =
        exchange(request(path).GET(), Duration.ofSeconds(60), BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      if (response.statusCode() >= 300) {
        throw failure(response.statusCode(), response.headers(), body.readAllBytes());
      }
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.isEmpty()) {
          use.accept(line);
        }
      }
    } catch (IOException e) {
      throw unreachable(node + " ended before the last line: " + e.getMessage() + ".", e);
    }
  }

  /** Takes a server-sent event; answers whether it wants more. */
  interface EventHandler {
    boolean handle(String event, String data);
  }

  /**
   * Watches a space until {@code use} wants no more.
   *
   * @param use takes the changes; a failure that the node tells is thrown
   */
  void watch(String path, JsonNode body, EventHandler use) {
    HttpResponse<InputStream> response =
        exchange(
            request(path)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(Json.write(body))),
            Duration.ofSeconds(60),
            BodyHandlers.ofInputStream());
    try (InputStream stream = response.body()) {
      if (response.statusCode() >= 300) {
        throw failure(response.statusCode(), response.headers(), stream.readAllBytes());
      }
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
      String event = "";
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(EVENT)) {
          event = line.substring(EVENT.length());
        } else if (line.startsWith(DATA)) {
          String data = line.substring(DATA.length());
          if (event.equals("error")) {
            throw failure(Json.read(data.getBytes(StandardCharsets.UTF_8)));
          } else if (!use.handle(event, data)) {
            return;
          }
        }
      }
    } catch (IOException e) {
      throw unreachable(node + " ended the watch: " + e.getMessage() + ".", e);
    }
    throw unreachable(node + " ended the watch.", null);
  }

  /** A value as it stands in a query. */
  static String encoded(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  /**
   * Posts a body.
   *
   * @param timeout how long the node may take
   */
  HttpResponse<byte[]> post(
      String path, Map<String, String> headers, BodyPublisher body, Duration timeout) {
    HttpRequest.Builder request = request(path).POST(body);
    try {
      headers.forEach(request::header);
    } catch (IllegalArgumentException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "A header: " + e.getMessage() + ".", e);
    }
    return send(request, timeout);
  }

  HttpResponse<byte[]> delete(String path) {
    return send(request(path).DELETE(), Duration.ofSeconds(60));
  }

  HttpResponse<byte[]> postJson(
      String path, Map<String, String> headers, JsonNode body, Duration timeout) {
    Map<String, String> all = new LinkedHashMap<>(headers);
    all.put("Content-Type", "application/json");
    return post(path, all, BodyPublishers.ofByteArray(Json.write(body)), timeout);
  }

  private HttpRequest.Builder request(String path) {
    // Not resolve(): it would take the id ".." for the way up.
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(node.toString().replaceAll("/+$", "") + path));
    access.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    return request;
  }

  private HttpResponse<byte[]> send(HttpRequest.Builder builder, Duration timeout) {
    HttpResponse<byte[]> response = exchange(builder, timeout, BodyHandlers.ofByteArray());
    if (response.statusCode() >= 300) {
      throw failure(response.statusCode(), response.headers(), response.body());
    }
    return response;
  }

  private <T> HttpResponse<T> exchange(
      HttpRequest.Builder builder, Duration timeout, BodyHandler<T> handler) {
    HttpRequest request = builder.timeout(timeout.plus(GRACE)).build();
    try {
      return http.send(request, handler);
    } catch (HttpTimeoutException e) {
      throw unreachable("No answer from " + node + " in time.", e);
    } catch (IOException e) {
      String reason =
          e.getMessage() != null
              ? e.getMessage()
              : e instanceof ConnectException ? "nothing listens there" : e.toString();
      throw unreachable(
          "Cannot reach "
              + node
              + ": "
              + reason
              + "."
              + (e instanceof SSLException
                  ? " --ca-file names what issued its certificate, --client-certificate what it may"
                      + " want to see."
                  : ""),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unreachable("Interrupted while waiting for " + node + ".", e);
    }
  }

  private static VudoException unreachable(String detail, Exception cause) {
    return new VudoException(ErrorCode.NODE_UNREACHABLE, detail, cause);
  }

  private CommandFailure failure(int status, HttpHeaders headers, byte[] body) {
    String type = headers.firstValue("Content-Type").orElse("");
    if (type.startsWith("application/problem+json")) {
      return failure(Json.read(body));
    }
    return CommandFailure.of(
        unreachable("What answers at " + node + " is no VUDO node: HTTP " + status + ".", null));
  }

  private static CommandFailure failure(JsonNode problem) {
    return new CommandFailure(
        problem.path("code").asText(),
        problem.path("title").asText(),
        problem.path("detail").asText(),
        problem.path("fix").asText(),
        problem);
  }
}
