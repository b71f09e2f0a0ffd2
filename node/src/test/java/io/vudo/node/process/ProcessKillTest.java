package io.vudo.node.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.vudo.cli.internal.NodeProcess;
import io.vudo.client.Message;
import io.vudo.client.VudoClient;
import io.vudo.node.NodeFixture;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An answer that a turn has got outlives {@code kill -9}, and nobody is called for it again. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class ProcessKillTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  @Test
  void anAnswerOutlivesAKilledNodeAndIsNotAskedForAgain() throws Exception {
    Path data = NodeFixture.newDataDirectory();
    Path calls = data.resolveSibling(data.getFileName() + "-calls").toAbsolutePath();
    byte[] payload = ("[\"" + calls + "\"]").getBytes(UTF_8);
    // Calls, then sleeps, and runs again from its start when that is over.
    byte[] module = ProcessTest.caller("(drop (call $sleep (i64.const 4000)))");
    Message message = Message.of("provided.count", payload).withKey("night").within(PATIENCE);
    try (NodeProcess node = NodeProcess.start(data)) {
      HttpRequest deploy =
          HttpRequest.newBuilder(
                  node.http().resolve("/v1/deployments/sleeper?grant=process:provided.count"))
              .POST(BodyPublishers.ofByteArray(module))
              .build();
      assertEquals(201, HTTP.send(deploy, BodyHandlers.ofString()).statusCode());
      try (VudoClient client = VudoClient.of(node.http().toString())) {
        var unused = client.spirit("sleeper", "a").ask(message);
        await().atMost(PATIENCE).until(() -> waitsFor(node.http()).startsWith("the time"));
        node.kill();
      }
    }
    List<String> called = Files.readAllLines(calls);
    assertEquals(1, called.size());

    try (NodeProcess node = NodeProcess.start(data);
        VudoClient client = VudoClient.of(node.http().toString())) {
      byte[] reply = client.spirit("sleeper", "a").askAndWait(message).orElseThrow();
      assertArrayEquals("a1".getBytes(UTF_8), reply);
      assertEquals(called, Files.readAllLines(calls));
      assertEquals(0, node.terminate());
    }
  }

  private static String waitsFor(URI node) throws Exception {
    HttpRequest list = HttpRequest.newBuilder(node.resolve("/v1/spirits")).build();
    JsonNode spirits =
        new JsonMapper().readTree(HTTP.send(list, BodyHandlers.ofByteArray()).body());
    return spirits.path("spirits").path(0).path("waitsFor").asText();
  }
}
