package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A real node on free ports with a data directory of its own under {@code target}, for all tests of
 * a class, and a client for its gateway.
 *
 * <p>Tests of a class share the node; each uses Spirit types and spaces of its own.
 */
public final class NodeFixture implements BeforeAllCallback, AfterAllCallback {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Generous: it only bounds how long a test that fails takes. */
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final String config;
  private Path data;
  private VudoNode node;

  /** A node with all defaults. */
  public NodeFixture() {
    this("");
  }

  /** A node with this HOCON above the defaults. */
  public NodeFixture(String config) {
    this.config = config;
  }

  /** A client of a node that somebody else starts and ends. */
  public static NodeFixture of(VudoNode node) {
    NodeFixture fixture = new NodeFixture();
    fixture.node = node;
    return fixture;
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    data = newDataDirectory();
    start();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    node.close();
  }

  /** A directory that no other test uses. */
  public static Path newDataDirectory() {
    try {
      Path parent = Files.createDirectories(Path.of("target", "nodes"));
      return Files.createTempDirectory(parent, "data-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Settings for a node on free ports. */
  public static NodeSettings settings(Path data, String config) {
    return NodeSettings.of(ConfigFactory.parseString(config))
        .withData(data)
        .withPort(0)
        .withHttpPort(0);
  }

  private void start() {
    node = VudoNode.start(settings(data, config));
  }

  /** Ends the node and starts another one on the same data. */
  public void restart() {
    node.close();
    start();
  }

  public VudoNode node() {
    return node;
  }

  public Path data() {
    return data;
  }

  public URI uri() {
    return node.httpAddress();
  }

  /** A request to change before it is sent. */
  public HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(uri() + path)).timeout(PATIENCE);
  }

  public Answer get(String path) {
    return send(request(path).GET());
  }

  /** Asserts that the node says that it is ready. */
  public void assertReady() {
    Answer ready = get("/health/ready");
    assertEquals("200 ready", ready.status() + " " + ready.json().path("status").asText());
  }

  public Answer post(String path, String body, String... headers) {
    return post(path, BodyPublishers.ofString(body), headers);
  }

  public Answer post(String path, BodyPublisher body, String... headers) {
    return send(withHeaders(request(path).POST(body), headers));
  }

  public Answer ask(String spirit, String type, String payload, String... headers) {
    return sendAsk(spirit, type, payload, headers).join();
  }

  /** Asks without waiting for the answer. */
  public CompletableFuture<Answer> sendAsk(
      String spirit, String type, String payload, String... headers) {
    HttpRequest.Builder request =
        withHeaders(
            request("/v1/spirits/" + spirit + "/ask").POST(BodyPublishers.ofString(payload)),
            headers);
    return HTTP.sendAsync(request.header("X-Vudo-Type", type).build(), BodyHandlers.ofByteArray())
        .thenApply(Answer::of);
  }

  /** Deploys a module that is expected to be taken. */
  public Answer deploy(String type, byte[] module, String... parameters) {
    Answer answer = tryToDeploy(type, module, parameters);
    assertEquals(2, answer.status() / 100, answer.text());
    return answer;
  }

  public Answer tryToDeploy(String type, byte[] module, String... parameters) {
    String query = parameters.length == 0 ? "" : "?" + String.join("&", parameters);
    return post("/v1/deployments/" + type + query, BodyPublishers.ofByteArray(module));
  }

  private static HttpRequest.Builder withHeaders(HttpRequest.Builder request, String... headers) {
    for (int i = 0; i < headers.length; i += 2) {
      request.header(headers[i], headers[i + 1]);
    }
    return request;
  }

  /** Sends a request and waits for its answer. */
  public Answer send(HttpRequest.Builder request) {
    try {
      return Answer.of(HTTP.send(request.build(), BodyHandlers.ofByteArray()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Sends bytes as they are and reads until the node closes. */
  public String raw(String request) throws IOException {
    try (Socket socket = new Socket(uri().getHost(), uri().getPort())) {
      socket.setSoTimeout(Math.toIntExact(PATIENCE.toMillis()));
      socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** What the gateway answered. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Answer(int status, HttpHeaders headers, byte[] body) {
    private static Answer of(HttpResponse<byte[]> response) {
      return new Answer(response.statusCode(), response.headers(), response.body());
    }

    public String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    public JsonNode json() {
      try {
        return JSON.readTree(body);
      } catch (IOException e) {
        throw new UncheckedIOException(text(), e);
      }
    }

    public String header(String name) {
      return headers.firstValue(name).orElse("");
    }

    /** Asserts a success with this body. */
    public void assertReply(String reply) {
      assertEquals("200 " + reply, status + " " + text());
    }

    /** Asserts a success without a body. */
    public void assertNothing() {
      assertEquals("204 ", status + " " + text());
    }

    /** Asserts that so many tuples were written, and answers the names of their leases. */
    public List<String> assertWritten(int tuples) {
      assertEquals(200, status, text());
      List<String> leases = json().path("leases").findValuesAsText("lease");
      assertEquals(tuples, leases.size(), text());
      return leases;
    }

    /** Asserts a refusal in the one form that all have, and answers its detail. */
    public String assertProblem(ErrorCode code) {
      assertEquals(code.httpStatus() + " application/problem+json", status + " " + mediaType());
      JsonNode problem = json();
      assertEquals(code.name(), problem.path("code").asText(), text());
      assertEquals("urn:vudo:error:" + code, problem.path("type").asText());
      assertEquals(code.httpStatus(), problem.path("status").asInt());
      assertEquals(code.summary(), problem.path("title").asText());
      assertEquals(code.fix(), problem.path("fix").asText());
      return problem.path("detail").asText();
    }

    public String mediaType() {
      return header("Content-Type").replaceAll(";.*", "");
    }
  }
}
