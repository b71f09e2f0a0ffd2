package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How nodes start, refuse to start, end, and what the next one finds. */
class NodeLifeTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  @Test
  void theNextNodeKnowsWhatTheLastOneKnew() {
    NODE.deploy("counter", TestModules.example("counter"), "fuel=123456");
    NODE.deploy("dispatch", TestModules.example("dispatch"));
    NODE.deploy("forgetful", TestModules.example("hello"), "durability=off");
    NODE.ask("counter/kept", "add", "40").assertReply("40");
    NODE.ask("counter/kept", "add", "2", "Idempotency-Key", "k").assertReply("42");
    NODE.ask("dispatch/kept", "mode:mul", "").assertReply("mul");
    NODE.ask("forgetful/a", "any", "").assertReply("1");
    NODE.ask("forgetful/a", "any", "").assertReply("2");
    NODE.post("/v1/spaces/kept/write", "{\"tuple\":[\"a\",1]}").assertWritten(1);
    NODE.post("/v1/spaces/kept/write", "{\"tuple\":[\"b\",2]}").assertWritten(1);
    NODE.post("/v1/spaces/kept/take", "{\"template\":[\"a\",1]}")
        .assertReply("{\"tuple\":[\"a\",1]}");
    JsonNode deployments = NODE.get("/v1/deployments").json();
    assertFalse(NODE.get("/v1/deployments/forgetful").json().path("durable").asBoolean());

    NODE.restart();

    assertEquals(deployments, NODE.get("/v1/deployments").json());
    assertEquals("{\"spirits\":[]}", NODE.get("/v1/spirits").text());
    JsonNode known = NODE.get("/v1/spirits?all=true").json().path("spirits");
    assertEquals("counter/kept", known.path(0).path("id").asText(), known.toString());
    assertFalse(known.path(0).path("resident").asBoolean(true));
    NODE.ask("counter/kept", "get", "").assertReply("42");
    NODE.ask("counter/kept", "add", "2", "Idempotency-Key", "k").assertReply("42");
    NODE.ask("counter/kept", "add", "1").assertReply("43");
    NODE.ask("dispatch/kept", "apply", "7").assertReply("0");
    NODE.ask("forgetful/a", "any", "").assertReply("1");
    NODE.post("/v1/spaces/kept/count", "{\"template\":[{\"?\":\"any\"},{\"?\":\"any\"}]}")
        .assertReply("{\"count\":1}");
    NODE.post("/v1/spaces/kept/take", "{\"template\":[\"b\",{\"?\":\"int\"}]}")
        .assertReply("{\"tuple\":[\"b\",2]}");
  }

  @Test
  void codeOfTheSameJvmReachesTheSameSpirits() {
    NODE.deploy("shared", TestModules.example("hello"));
    NODE.ask("shared/a", "any", "").assertReply("1");
    Optional<byte[]> reply =
        NODE.node()
            .spirits()
            .ask(new SpiritId("shared", "a"), "any", new byte[0], "", Duration.ofSeconds(30))
            .toCompletableFuture()
            .join();
    assertEquals("2", new String(reply.orElseThrow(), java.nio.charset.StandardCharsets.UTF_8));
  }

  @Test
  void aDataDirectoryIsForOneNode() {
    assertRefused(ErrorCode.DATA_DIR_IN_USE, NodeFixture.settings(NODE.data(), ""));
    NODE.assertReady();
  }

  @Test
  void aDataDirectoryThatIsAFileIsRefused(@TempDir Path parent) throws IOException {
    Path file = Files.createFile(parent.resolve("file"));
    assertRefused(ErrorCode.DATA_DIR_UNUSABLE, NodeFixture.settings(file, ""));
  }

  @Test
  void aPortThatIsTakenIsNamedAndNothingStaysBehind() throws IOException {
    Path data = NodeFixture.newDataDirectory();
    NodeSettings settings = NodeFixture.settings(data, "");
    InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    try (ServerSocket taken = new ServerSocket(0, 1, loopback)) {
      int port = taken.getLocalPort();
      VudoException http = assertRefused(ErrorCode.ADDRESS_IN_USE, settings.withHttpPort(port));
      assertTrue(http.detail().contains("127.0.0.1:" + port), http.detail());
      VudoException cluster = assertRefused(ErrorCode.ADDRESS_IN_USE, settings.withPort(port));
      assertTrue(cluster.detail().contains("127.0.0.1:" + port), cluster.detail());
    }
    // The directory is free again: the lock, the journal and the engine were given back.
    VudoNode.start(settings).close();
  }

  @Test
  void closingTwiceIsAllowedAndTheEndIsTold() {
    VudoNode node = VudoNode.start(NodeFixture.settings(NodeFixture.newDataDirectory(), ""));
    assertFalse(node.whenEnded().toCompletableFuture().isDone());
    node.close();
    assertTrue(node.whenEnded().toCompletableFuture().isDone());
    node.close();
  }

  @Test
  void aNodeThatWasPutOutEndsAlthoughAnActorDoesNot() throws Exception {
    Path data = NodeFixture.newDataDirectory();
    VudoNode node =
        VudoNode.start(
            NodeFixture.settings(
                data,
                "vudo.node.stop-timeout = 2 s\n"
                    + "pekko.coordinated-shutdown.phases.actor-system-terminate.timeout = 1 s"));
    CountDownLatch blocked = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    var unused =
        node.system()
            .systemActorOf(
                Behaviors.receive(Object.class)
                    .onSignal(
                        PostStop.class,
                        stopped -> {
                          blocked.countDown();
                          release.await();
                          return Behaviors.same();
                        })
                    .build(),
                "blocks",
                Props.empty());
    try {
      Cluster cluster = Cluster.get(node.system());
      cluster.manager().tell(new Down(cluster.selfMember().address()));
      assertTrue(blocked.await(1, TimeUnit.MINUTES));
      assertThrows(
          ExecutionException.class,
          () -> node.whenEnded().toCompletableFuture().get(1, TimeUnit.MINUTES));
      // Whoever starts it again finds a directory that is free.
      VudoNode.start(NodeFixture.settings(data, "")).close();
    } finally {
      release.countDown();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "vudo.nod.port = 1",
        "vudo.http.prot = 1",
        "vudo.http.port = high",
        "vudo.http.port = 65536",
        "vudo.http.ask-timeout = 3 parsecs",
      })
  void settingsAreReadStrictly(String config) {
    VudoException refused =
        assertThrows(
            VudoException.class,
            () -> {
              NodeSettings settings = NodeSettings.of(ConfigFactory.parseString(config));
              VudoNode.start(settings.withData(NodeFixture.newDataDirectory()).withPort(0)).close();
            });
    assertEquals(ErrorCode.CONFIG_INVALID, refused.code());
  }

  @Test
  void aFileThatDoesNotExistIsRefused() {
    VudoException refused =
        assertThrows(
            VudoException.class, () -> NodeSettings.fromFile(Path.of("target", "no-such.conf")));
    assertEquals(ErrorCode.CONFIG_INVALID, refused.code());
  }

  private static VudoException assertRefused(ErrorCode code, NodeSettings settings) {
    VudoException refused =
        assertThrows(VudoException.class, () -> VudoNode.start(settings).close());
    assertEquals(code, refused.code(), refused.toString());
    return refused;
  }
}
