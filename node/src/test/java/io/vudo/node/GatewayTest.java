package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the gateway says of the node, and what it refuses whatever the address. */
class GatewayTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  @Test
  void health() {
    NODE.get("/health/alive")
        .assertReply("{\"status\":\"alive\",\"parts\":{\"actors\":\"ok\",\"commits\":\"ok\"}}");
    NODE.assertReady();
    assertEquals(
        "{\"actors\":\"ok\",\"commits\":\"ok\",\"node\":\"ok\",\"cluster\":\"ok\",\"deployments\":\"ok\","
            + "\"modules\":\"ok\",\"journal\":\"ok\",\"spirits\":\"ok\"}",
        NODE.get("/health/ready/").json().path("parts").toString());
    assertEquals(
        "200 ",
        NODE.send(NODE.request("/health/ready").method("HEAD", BodyPublishers.noBody())).status()
            + " ");
  }

  @Test
  void statusTellsOfTheNode() {
    JsonNode status = NODE.get("/v1/status").json();

    assertFalse(status.path("version").asText().isEmpty());
    assertFalse(status.path("version").asText().contains("$"));
    assertEquals(ProcessHandle.current().pid(), status.path("pid").asLong());
    assertEquals(NODE.data().toAbsolutePath().normalize().toString(), status.path("data").asText());
    assertEquals("wasmtime", status.path("engine").path("name").asText());
    assertTrue(status.path("engine").path("maxInstances").asInt() > 0);
    assertTrue(status.path("heap").path("usedBytes").asLong() > 0);
    assertEquals(1, status.path("members").size());
    assertEquals("Up", status.path("members").path(0).path("status").asText());
    assertTrue(status.path("members").path(0).path("self").asBoolean());
  }

  @Test
  void listsSpiritsThatAreInMemory() {
    byte[] grower = TestModules.example("grower");
    NODE.deploy("listed", grower);
    NODE.ask("listed/b", "grow", "").assertReply("2");
    NODE.ask("listed/a", "pages", "").assertReply("1");
    NODE.ask("listed/a", "pages", "").assertReply("1");

    List<JsonNode> spirits =
        StreamSupport.stream(NODE.get("/v1/spirits").json().path("spirits").spliterator(), false)
            .filter(spirit -> spirit.path("id").asText().startsWith("listed/"))
            .toList();

    assertEquals(2, spirits.size(), spirits.toString());
    assertEquals("listed/a", spirits.get(0).path("id").asText());
    // Its start is a turn too.
    assertEquals(3, spirits.get(0).path("turns").asInt());
    assertEquals(65_536, spirits.get(0).path("memoryBytes").asInt());
    assertEquals("listed/b", spirits.get(1).path("id").asText());
    assertEquals(131_072, spirits.get(1).path("memoryBytes").asInt());
    assertEquals(ModuleDigest.of(grower).hex(), spirits.get(1).path("digest").asText());
    assertTrue(spirits.get(1).path("resident").asBoolean());
    assertTrue(NODE.get("/v1/status").json().path("spirits").path("resident").asInt() >= 2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/nothing",
        "/v1",
        "/v2/status",
        "/v1/status/x",
        "/v1/deployments/a/b",
        "/health",
        "/health/well",
        "/v1/spirits/a",
        "/v1/spirits/a/b",
        "/v1/spirits/a/b/c/d",
        "/v1/spaces",
        "/v1/spaces/a",
        "/v1/spaces/a/burn",
        "//"
      })
  void addressesThatDoNotExist(String path) {
    NODE.get(path).assertProblem(ErrorCode.NOT_FOUND);
  }

  @ParameterizedTest
  @CsvSource({
    "POST, /health/ready, GET",
    "DELETE, /v1/status, GET",
    "PUT, /v1/deployments/a, 'GET, POST'",
    "POST, /v1/deployments, GET",
    "GET, /v1/spirits/a/b/ask, POST",
    "GET, /v1/spirits/a/b/tell, POST",
    "GET, /v1/spaces/a/read, POST",
    "PATCH, /v1/spaces/a/write, POST",
  })
  void methodsThatAnAddressDoesNotTake(String method, String path, String allowed) {
    Answer answer = NODE.send(NODE.request(path).method(method, BodyPublishers.ofString("x")));
    assertEquals(405, answer.status());
    assertEquals("application/problem+json", answer.mediaType());
    assertEquals("REQUEST_INVALID", answer.json().path("code").asText());
    assertEquals(405, answer.json().path("status").asInt());
    assertEquals(
        List.of(allowed.split(", ")),
        List.of(answer.header("Allow").split(", ")).stream().sorted().toList());
  }

  @Test
  void pagesOfAnotherOriginAreRefused() {
    for (String origin : List.of("https://evil.example", "null", "http://127.0.0.1:1")) {
      NODE.send(NODE.request("/v1/status").header("Origin", origin))
          .assertProblem(ErrorCode.REQUEST_INVALID);
    }
    assertEquals(
        200,
        NODE.send(NODE.request("/v1/status").header("Origin", NODE.uri().toString())).status());
  }

  @Test
  void aNameThatWasReboundToThisMachineIsRefused() throws IOException {
    String answer =
        NODE.raw("GET /v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
    assertTrue(answer.contains("\"code\":\"REQUEST_INVALID\""), answer);

    String local =
        NODE.raw("GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assertTrue(local.startsWith("HTTP/1.1 200 "), local);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "BREW /coffee HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /health/ready?a=%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      })
  void whatIsNotHttpIsAnsweredLikeEveryOtherRefusal(String request) throws IOException {
    String answer = NODE.raw(request);
    assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
    assertTrue(answer.contains("application/problem+json"), answer);
    assertTrue(answer.contains("\"code\":\"REQUEST_INVALID\""), answer);
  }
}
