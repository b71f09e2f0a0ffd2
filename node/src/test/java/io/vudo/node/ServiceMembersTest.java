package io.vudo.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.spirit.SpiritService;
import java.time.Duration;
import java.util.List;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.Test;

/** Members that are no nodes: nobody waits for them or gives them anything. */
class ServiceMembersTest {
  private static final Duration PATIENCE = ClusterFixture.PATIENCE;

  private static ActorSystem<Void> service(VudoNode seed) {
    Config config =
        ConfigFactory.parseString(
                "pekko.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }\n"
                    + "pekko.coordinated-shutdown.exit-jvm = off\n"
                    + "pekko.cluster.seed-nodes = [\""
                    + ClusterFixture.addressOf(seed)
                    + "\"]")
            .withFallback(SpiritService.config())
            .withFallback(ConfigFactory.load());
    return ActorSystem.create(Behaviors.empty(), "vudo", config);
  }

  @Test
  void aServiceIsNoNode() throws Exception {
    // A deployment that waited for the service would take as long as all of this may.
    try (ClusterFixture cluster =
        new ClusterFixture(2, "vudo.cluster.deploy-acknowledge-timeout = 10 minutes")) {
      VudoNode one = cluster.start(0);
      ActorSystem<Void> system = service(one);
      try {
        SpiritService service = SpiritService.join(system);
        await().atMost(PATIENCE).until(() -> service.ready().toCompletableFuture().isDone());
        VudoNode two = cluster.start(1);
        NodeFixture first = NodeFixture.of(one);
        NodeFixture second = NodeFixture.of(two);
        ClusterFixture.awaitMembers(3, one, two);
        first.deploy("echo", TestModules.echo());

        JsonNode view = first.get("/v1/cluster").json();
        assertEquals(2, view.path("nodes").size(), view.toString());
        assertEquals(1, view.path("services").size(), view.toString());
        String name = view.path("services").path(0).path("name").asText();
        assertEquals(404, first.post("/v1/cluster/nodes/" + name + "/leave", "").status());
        assertArrayEquals(
            "x".getBytes(UTF_8),
            service
                .spirit("echo/a")
                .ask("", "x".getBytes(UTF_8), "", PATIENCE)
                .toCompletableFuture()
                .join()
                .orElseThrow());

        // The service is the oldest member now; register and shards are the node's all the same.
        one.close();
        ClusterFixture.awaitMembers(2, two);
        second.deploy("other", TestModules.echo());
        assertEquals(
            second.get("/v1/cluster").json().path("oldest").asText(),
            second.get("/v1/cluster").json().path("node").asText());
        assertArrayEquals(
            "y".getBytes(UTF_8),
            service
                .spirit("other/b")
                .ask("", "y".getBytes(UTF_8), "", PATIENCE)
                .toCompletableFuture()
                .join()
                .orElseThrow());
        assertFalse(system.getWhenTerminated().toCompletableFuture().isDone());
      } finally {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
      }
    }
  }

  /** Members that decide by different rules decide differently. */
  @Test
  void servicesAndNodesDecideAboutASplitByTheSameRules() {
    Config node =
        ConfigFactory.parseResources(VudoNode.class, "pekko.conf")
            .withFallback(ConfigFactory.defaultReference())
            .resolve();
    Config service =
        SpiritService.config().withFallback(ConfigFactory.defaultReference()).resolve();
    for (String path :
        List.of(
            "downing-provider-class",
            "split-brain-resolver",
            "down-removal-margin",
            "failure-detector",
            "sharding.state-store-mode")) {
      assertEquals(
          node.getValue("pekko.cluster." + path), service.getValue("pekko.cluster." + path), path);
    }
    assertEquals(
        node.getValue("pekko.remote.artery.transport"),
        service.getValue("pekko.remote.artery.transport"));
    assertEquals(
        node.getBytes("pekko.remote.artery.advanced.maximum-frame-size"),
        service.getBytes("pekko.remote.artery.advanced.maximum-frame-size"));
  }
}
