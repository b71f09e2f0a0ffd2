package io.vudo.node;

import static io.vudo.node.ClusterFixture.awaitMembers;
import static io.vudo.node.ClusterFixture.status;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nodes form a cluster, and what is deployed on one is deployed on all. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class ClusterTest {
  @Test
  void whatIsDeployedOnOneNodeIsDeployedOnAllAndOutlivesWhoHasTheRegister() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(4, "")) {
      VudoNode first = cluster.start(0);
      VudoNode second = cluster.start(1);
      VudoNode third = cluster.start(2);
      awaitMembers(3, first, second, third);

      // An ask through any node, right after.
      byte[] counter = TestModules.example("counter");
      NodeFixture.of(second).deploy("counter", counter);
      for (VudoNode node : List.of(first, second, third)) {
        for (int spirit = 0; spirit < 10; spirit++) {
          NodeFixture.of(node)
              .ask("counter/" + node.hashCode() + "-" + spirit, "add", "1")
              .assertReply("1");
        }
      }
      JsonNode deployments = NodeFixture.of(second).get("/v1/deployments").json();
      assertEquals(deployments, NodeFixture.of(first).get("/v1/deployments").json());
      assertEquals(deployments, NodeFixture.of(third).get("/v1/deployments").json());

      // The oldest has the register.
      cluster.kill(first);
      NodeFixture.of(third).deploy("echo", TestModules.echo());
      awaitMembers(2, second, third);
      NodeFixture.of(second).ask("echo/a", "any", "hello").assertReply("hello");
      NodeFixture.Answer again = NodeFixture.of(second).deploy("echo", TestModules.echo());
      assertEquals(2, again.json().path("revision").asInt(), "nothing was recorded twice");

      // A node with an empty disk, without the one that deployed.
      second.close();
      VudoNode fresh = cluster.start(3);
      awaitMembers(2, third, fresh);
      third.close();
      awaitMembers(1, fresh);
      NodeFixture.of(fresh).ask("counter/" + first.hashCode() + "-0", "add", "1").assertReply("2");
      NodeFixture.of(fresh).ask("echo/b", "any", "alone").assertReply("alone");
      assertEquals(
          counter.length + TestModules.echo().length,
          status(fresh).path("modules").path("bytesFetched").asLong());
      assertEquals(2, status(fresh).path("modules").path("fetched").asInt());
    }
  }

  @Test
  void aLargeModuleComesInPartsFromWhoeverHasIt() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(3, "")) {
      VudoNode first = cluster.start(0);
      VudoNode second = cluster.start(1);
      awaitMembers(2, first, second);
      byte[] module = TestModules.large(700_000);
      NodeFixture.of(first).deploy("large", module);
      NodeFixture.of(second).ask("large/a", "any", "x").assertReply("x");
      Path data = NodeFixture.newDataDirectory();
      VudoNode third = cluster.start(cluster.settings(2, data, ""));
      // It was warmed before it served.
      Path stored = data.resolve("modules").resolve(ModuleDigest.of(module).hex() + ".wasm");
      assertEquals(module.length, Files.size(stored));
      assertEquals(module.length, status(third).path("modules").path("bytesFetched").asLong());
      assertEquals(
          2L * module.length,
          status(first).path("modules").path("bytesServed").asLong()
              + status(second).path("modules").path("bytesServed").asLong());
    }
  }

  @Test
  void seedsThatDoNotAnswerAreNamed() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(2, "vudo.node.start-timeout = 3 s");
        ServerSocket silent =
            new ServerSocket(0, 50, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
      String listens = "127.0.0.1:" + silent.getLocalPort();
      VudoException refused =
          assertThrows(
              VudoException.class,
              () ->
                  cluster.start(
                      cluster.settings(0, "").withSeeds(List.of("127.0.0.1:1", listens))));
      assertEquals(ErrorCode.CLUSTER_UNREACHABLE, refused.code());
      assertTrue(refused.detail().contains("127.0.0.1:1 does not answer"), refused.detail());
      assertTrue(refused.detail().contains(listens + " listens but"), refused.detail());
    }
  }

  @Test
  void aNodeThatIsItsOwnSeedFoundsTheCluster() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(1, "")) {
      VudoNode node = cluster.start(cluster.settings(0, "").withSeeds(List.of("self")));
      awaitMembers(1, node);
    }
  }

  @Test
  void aClusterNeedsASharedJournal() {
    NodeSettings settings =
        NodeFixture.settings(NodeFixture.newDataDirectory(), "").withSeeds(List.of("self"));
    VudoException refused = assertThrows(VudoException.class, () -> VudoNode.start(settings));
    assertEquals(ErrorCode.CONFIG_INVALID, refused.code());
    assertTrue(refused.detail().contains("--journal"), refused.detail());
  }

  @Test
  void aSeedIsHostAndPort() {
    for (String wrong :
        List.of("", "host", "host:", "host:0", ":7355", "a b:1", "u@host:1", "h:99999")) {
      NodeSettings settings =
          NodeFixture.settings(NodeFixture.newDataDirectory(), "").withSeeds(List.of(wrong));
      VudoException refused = assertThrows(VudoException.class, () -> VudoNode.start(settings));
      assertEquals(ErrorCode.CONFIG_INVALID, refused.code(), wrong);
    }
  }
}
