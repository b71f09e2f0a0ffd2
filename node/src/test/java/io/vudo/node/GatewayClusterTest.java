package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The cluster over HTTP: three nodes, and Spirits that move between them. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class GatewayClusterTest {
  private static ClusterFixture cluster;
  private static VudoNode first;
  private static VudoNode second;

  @BeforeAll
  static void start() throws IOException {
    cluster = new ClusterFixture(4, "");
    first = cluster.start(0);
    second = cluster.start(1);
    ClusterFixture.awaitMembers(2, first, second);
    http(first).deploy("counter", TestModules.example("counter"));
  }

  @AfterAll
  static void end() {
    cluster.close();
  }

  private static NodeFixture http(VudoNode node) {
    return NodeFixture.of(node);
  }

  private static String name(VudoNode node) {
    return ClusterFixture.addressOf(node).hostPort().replaceAll(".*@", "");
  }

  private static JsonNode nodes(VudoNode asked) {
    return http(asked).get("/v1/cluster").json().path("nodes");
  }

  private static JsonNode node(VudoNode asked, VudoNode wanted) {
    for (JsonNode node : nodes(asked)) {
      if (node.path("name").asText().equals(name(wanted))) {
        return node;
      }
    }
    throw new AssertionError(name(wanted) + " is not in " + nodes(asked));
  }

  /** A node that has just come can take Spirits, and knows who could take them from it. */
  private static void awaitAcquaintance(VudoNode newcomer) {
    await()
        .atMost(ClusterFixture.PATIENCE)
        .until(
            () ->
                Stream.of(first, second)
                    .allMatch(
                        node ->
                            node(node, newcomer).has("spirits")
                                && node(newcomer, node).has("spirits")));
  }

  private static boolean isOn(VudoNode node, String spirit) {
    return http(node).get("/v1/spirits").json().path("spirits").findValuesAsText("id").stream()
        .anyMatch(spirit::equals);
  }

  private static NodeFixture.Answer migrate(VudoNode asked, String spirit, String node) {
    return http(asked).post("/v1/spirits/" + spirit + "/migrate", "{\"node\":\"" + node + "\"}");
  }

  private static NodeFixture.Answer operate(VudoNode asked, String node, String operation) {
    return http(asked).post("/v1/cluster/nodes/" + node + "/" + operation, "");
  }

  /** Whoever else a test started is gone. */
  @BeforeEach
  void twoNodes() {
    ClusterFixture.awaitMembers(2, first, second);
  }

  @Test
  void everyNodeTellsOfAllNodesAndWhereTheyAnswer() {
    for (VudoNode asked : List.of(first, second)) {
      // Addresses of gateways spread by gossip.
      await()
          .atMost(ClusterFixture.PATIENCE)
          .until(() -> nodes(asked).findValues("http").stream().allMatch(JsonNode::isTextual));
      JsonNode answer = http(asked).get("/v1/cluster").json();
      assertEquals(name(asked), answer.path("node").asText());
      assertEquals(name(first), answer.path("oldest").asText());
      assertEquals(2, answer.path("nodes").size(), answer.toString());
      for (VudoNode node : List.of(first, second)) {
        JsonNode one = node(asked, node);
        assertEquals("Up", one.path("status").asText());
        assertTrue(one.path("reachable").asBoolean());
        assertTrue(one.path("answers").asBoolean());
        assertEquals(node == asked, one.path("self").asBoolean());
        assertEquals(node.httpAddress().toString(), one.path("http").asText());
        assertTrue(one.path("incarnation").asText().matches("[0-9a-f]+"), one.toString());
        assertTrue(one.path("shards").isIntegralNumber(), one.toString());
      }
      assertEquals(
          128,
          node(asked, first).path("shards").asInt() + node(asked, second).path("shards").asInt());
    }
  }

  @Test
  void aSpiritMovesAndAllCanSeeItAndWhoWatchesIsTold() {
    http(first).ask("counter/mover", "add", "5").assertReply("5");
    VudoNode from = isOn(first, "counter/mover") ? first : second;
    VudoNode to = from == first ? second : first;
    try (EventStream moves =
        EventStream.open(http(from).request("/v1/cluster/migrations/watch").GET())) {
      long movedOut = hostStatus(from).path("movedOut").asLong();
      JsonNode moved = migrate(first, "counter/mover", name(to)).json();
      assertEquals("counter/mover", moved.path("id").asText(), moved.toString());
      assertEquals(name(from), moved.path("from").asText());
      assertEquals(name(to), moved.path("to").asText());
      assertTrue(moved.path("moved").asBoolean());
      assertEquals(2, moved.path("turn").asLong());
      assertTrue(moved.path("pauseMicros").asLong() > 0);
      assertTrue(moved.path("bytes").asLong() > 0);
      assertEquals("migrated " + moved, moves.next());
      assertEquals(movedOut + 1, hostStatus(from).path("movedOut").asLong());
      assertTrue(hostStatus(from).path("bytesOut").asLong() >= moved.path("bytes").asLong());
      MetricsText left = new MetricsText(http(from).get("/metrics").text());
      assertEquals(
          movedOut + 1,
          (long) left.sum("vudo_migrations_total", "direction", "out", "outcome", "moved"));
      assertEquals(movedOut + 1, (long) left.sum("vudo_migration_pause_seconds_count"));
      assertTrue(left.sum("vudo_migration_pause_seconds_sum") > 0);
      assertTrue(
          (long) left.sum("vudo_migration_sent_bytes_total") >= moved.path("bytes").asLong());
      assertEquals(2, left.sum("vudo_cluster_members", "status", "up"));
      assertEquals(
          hostStatus(to).path("movedIn").asLong(),
          (long)
              new MetricsText(http(to).get("/metrics").text())
                  .sum("vudo_migrations_total", "direction", "in"));
      // The module came to it from the node that deployed it.
      assertTrue(
          new MetricsText(http(first).get("/metrics").text())
                  .sum("vudo_module_moved_bytes_total", "direction", "out")
              > 0);
    }
    assertTrue(isOn(to, "counter/mover"));
    assertFalse(isOn(from, "counter/mover"));
    http(from).ask("counter/mover", "add", "1").assertReply("6");

    for (VudoNode asked : List.of(first, second)) {
      JsonNode all = http(asked).get("/v1/cluster/migrations?limit=1000").json();
      assertTrue(
          all.path("migrations").findValuesAsText("id").contains("counter/mover"), all.toString());
      assertEquals(
          1, http(asked).get("/v1/cluster/migrations?limit=1").json().path("migrations").size());
    }
    JsonNode again = migrate(first, "counter/mover", name(to)).json();
    assertFalse(again.path("moved").asBoolean(true), again.toString());
  }

  private static JsonNode hostStatus(VudoNode node) {
    return http(node).get("/v1/status").json().path("host");
  }

  @Test
  void aDrainedNodeHasNoSpiritsUntilItIsResumed() {
    List<String> spirits = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      spirits.add("counter/drained-" + i);
      http(first).ask(spirits.get(i), "add", "1").assertReply("1");
    }
    long there = node(first, second).path("spirits").asLong();
    assertTrue(there > 0);
    // Through the other one.
    JsonNode drained = operate(first, name(second), "drain").json();
    assertEquals(name(second), drained.path("node").asText());
    assertEquals(0, drained.path("left").asLong(), drained.toString());
    assertTrue(drained.path("moved").asLong() > 0, drained.toString());
    assertTrue(node(second, second).path("draining").asBoolean());
    await()
        .untilAsserted(
            () -> {
              NodeFixture.Answer ready = http(second).get("/health/ready");
              assertTrue(ready.assertProblem(ErrorCode.SPIRIT_UNAVAILABLE).contains("drained"));
              JsonNode parts = ready.json().path("parts");
              assertEquals("ok", parts.path("journal").asText());
              assertTrue(parts.path("spirits").asText().contains("drained"), parts.toString());
            });
    assertEquals(200, http(second).get("/health/alive").status());
    assertEquals(0, node(first, second).path("spirits").asLong());
    for (String spirit : spirits) {
      http(second).ask(spirit, "add", "1").assertReply("2");
    }
    assertEquals(0, node(first, second).path("spirits").asLong());
    migrate(first, spirits.get(0), name(second)).assertProblem(ErrorCode.NODE_UNKNOWN);

    assertEquals(204, operate(second, name(second), "resume").status());
    await().untilAsserted(() -> http(second).assertReady());
    assertFalse(node(first, second).path("draining").asBoolean(true));
    await()
        .atMost(ClusterFixture.PATIENCE)
        .until(() -> node(first, second).path("spirits").asLong() > 0);
  }

  @Test
  void aNodeThatIsToldToLeaveMovesItsSpiritsAndEndsWhileAWatcherSeesThem() throws Exception {
    VudoNode third = cluster.start(2);
    ClusterFixture.awaitMembers(3, first, second, third);
    http(third).ask("counter/leaver", "add", "7").assertReply("7");
    awaitAcquaintance(third);
    assertEquals(200, migrate(first, "counter/leaver", name(third)).status());
    assertTrue(isOn(third, "counter/leaver"));
    try (EventStream moves =
        EventStream.open(http(third).request("/v1/cluster/migrations/watch").GET())) {
      JsonNode left = operate(first, name(third), "leave").json();
      assertEquals(0, left.path("left").asLong(), left.toString());
      assertTrue(left.path("moved").asLong() > 0, left.toString());
      List<String> seen = new ArrayList<>();
      for (String move = untilEnd(moves); !move.equals("end"); move = untilEnd(moves)) {
        seen.add(move);
      }
      assertTrue(seen.stream().anyMatch(move -> move.contains("counter/leaver")), seen.toString());
    }
    third.whenEnded().toCompletableFuture().get(1, TimeUnit.MINUTES);
    assertEquals(
        CoordinatedShutdown.clusterLeavingReason(),
        CoordinatedShutdown.get(Adapter.toClassic(third.system())).getShutdownReason().get());
    ClusterFixture.awaitMembers(2, first, second);
    http(second).ask("counter/leaver", "add", "1").assertReply("8");
  }

  @Test
  void whoWatchesSeesWhatMovesAwayWhenANodeIsStopped() {
    VudoNode fourth = cluster.start(3);
    awaitAcquaintance(fourth);
    http(first).ask("counter/stopped", "add", "7").assertReply("7");
    assertEquals(200, migrate(first, "counter/stopped", name(fourth)).status());
    try (EventStream moves =
        EventStream.open(http(fourth).request("/v1/cluster/migrations/watch").GET())) {
      fourth.close();
      List<String> seen = new ArrayList<>();
      for (String move = untilEnd(moves); !move.equals("end"); move = untilEnd(moves)) {
        seen.add(move);
      }
      assertTrue(seen.stream().anyMatch(move -> move.contains("counter/stopped")), seen.toString());
    }
    http(first).ask("counter/stopped", "add", "1").assertReply("8");
  }

  /** A node that stops may close the connection before the end of the stream is written. */
  private static String untilEnd(EventStream moves) {
    try {
      return moves.next();
    } catch (CompletionException cut) {
      return "end";
    }
  }

  @Test
  void whatCannotBeIsTyped() {
    http(first).ask("counter/refused", "add", "1").assertReply("1");
    migrate(first, "counter/refused", "127.0.0.1:1").assertProblem(ErrorCode.NODE_UNKNOWN);
    migrate(first, "counter/nobody", name(second)).assertProblem(ErrorCode.SPIRIT_NOT_FOUND);
    migrate(first, "nobody/a", name(second)).assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
    for (String body : List.of("", "{}", "{\"node\":7}", "{\"to\":\"x\"}", "x", "[]")) {
      http(first)
          .post("/v1/spirits/counter/refused/migrate", body)
          .assertProblem(ErrorCode.REQUEST_INVALID);
    }
    for (String operation : List.of("drain", "resume", "leave")) {
      operate(first, "127.0.0.1:1", operation).assertProblem(ErrorCode.NODE_UNKNOWN);
      for (String body :
          List.of("{\"timeoutMillis\":\"1\"}", "{\"timeoutMillis\":0}", "{\"t\":1}")) {
        http(first)
            .post("/v1/cluster/nodes/" + name(second) + "/" + operation, body)
            .assertProblem(ErrorCode.REQUEST_INVALID);
      }
    }
    operate(first, name(second), "explode").assertProblem(ErrorCode.NOT_FOUND);
    assertEquals(405, http(first).get("/v1/cluster/nodes/" + name(second) + "/drain").status());
    http(first).get("/v1/cluster/migrations?limit=0").assertProblem(ErrorCode.REQUEST_INVALID);
    http(first).get("/v1/cluster?all=true").assertProblem(ErrorCode.REQUEST_INVALID);
    http(first).get("/v1/cluster/spirits").assertProblem(ErrorCode.NOT_FOUND);
    http(first).ask("counter/refused", "add", "1").assertReply("2");
  }
}
