package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Map;

/** Talks to a node's gateway; every answer that is no success is thrown as a typed failure. */
final class NodeClient {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  /** How much longer than the node itself the command waits for the node's answer. */
  private static final Duration GRACE = Duration.ofSeconds(15);

  private final URI node;
  private final HttpClient http;

  NodeClient(URI node) {
    this.node = node;
    this.http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            .build();
  }

  HttpResponse<byte[]> get(String path) {
    return send(request(path).GET(), Duration.ofSeconds(60));
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

  HttpResponse<byte[]> postJson(String path, JsonNode body, Duration timeout) {
    return post(
        path,
        Map.of("Content-Type", "application/json"),
        BodyPublishers.ofByteArray(Json.write(body)),
        timeout);
  }

  private HttpRequest.Builder request(String path) {
    // Not resolve(): it would take the id ".." for the way up.
    return HttpRequest.newBuilder(URI.create(node.toString().replaceAll("/+$", "") + path));
  }

  private HttpResponse<byte[]> send(HttpRequest.Builder builder, Duration timeout) {
    HttpRequest request = builder.timeout(timeout.plus(GRACE)).build();
    HttpResponse<byte[]> response;
    try {
      response = http.send(request, BodyHandlers.ofByteArray());
    } catch (HttpTimeoutException e) {
      throw unreachable("No answer from " + node + " in time.", e);
    } catch (IOException e) {
      String reason =
          e.getMessage() != null
              ? e.getMessage()
              : e instanceof ConnectException ? "nothing listens there" : e.toString();
      throw unreachable("Cannot reach " + node + ": " + reason + ".", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unreachable("Interrupted while waiting for " + node + ".", e);
    }
    if (response.statusCode() >= 300) {
      throw failure(response);
    }
    return response;
  }

  private static VudoException unreachable(String detail, Exception cause) {
    return new VudoException(ErrorCode.NODE_UNREACHABLE, detail, cause);
  }

  private CommandFailure failure(HttpResponse<byte[]> response) {
    String type = response.headers().firstValue("Content-Type").orElse("");
    if (type.startsWith("application/problem+json")) {
      JsonNode problem = Json.read(response.body());
      return new CommandFailure(
          problem.path("code").asText(),
          problem.path("title").asText(),
          problem.path("detail").asText(),
          problem.path("fix").asText());
    }
    return CommandFailure.of(
        unreachable(
            "What answers at " + node + " is no VUDO node: HTTP " + response.statusCode() + ".",
            null));
  }
}
