package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture.Answer;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Runs of Ghosts on several nodes. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class GhostClusterTest {
  private static final int RUNS = 12;

  private static String body(int run) {
    return ("{\"ghost\":{\"name\":\"g\",\"timeout-ms\":600000,\"steps\":["
            + "{\"name\":\"sleep\",\"member\":\"m\",\"function\":\"sleep\",\"args\":[2000]},"
            + "{\"name\":\"add\",\"member\":\"m\",\"function\":\"add\",\"args\":[\"$sleep\",%d]}]},"
            + "\"members\":{\"m\":\"calc/%d\"}}")
        .formatted(run, run);
  }

  @Test
  void theyAreBegunAndSeenByAnyNodeAndGoOnWhenTheirNodeLeaves() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(2, "")) {
      VudoNode stays = cluster.start(0);
      VudoNode leaves = cluster.start(1);
      ClusterFixture.awaitMembers(2, stays, leaves);
      NodeFixture one = NodeFixture.of(stays);
      NodeFixture other = NodeFixture.of(leaves);
      one.deploy("calc", GatewayGhostsTest.wat("price-spirit"));
      // Some are on the other node than the one that is asked.
      await()
          .atMost(ClusterFixture.PATIENCE)
          .until(() -> other.get("/v1/deployments/calc").status() == 200);
      for (int i = 0; i < RUNS; i++) {
        Answer begun =
            (i % 2 == 0 ? one : other)
                .post(
                    "/v1/ghosts/run",
                    body(i),
                    "Idempotency-Key",
                    "run-" + i,
                    "X-Vudo-Timeout",
                    "1ms");
        assertEquals(2, begun.status() / 100, begun.text());
        Answer seen = (i % 2 == 0 ? other : one).get("/v1/ghosts/runs/run-" + i);
        assertTrue(seen.json().path("steps").size() == 2, seen.text());
      }
      leaves.close();
      for (int i = 0; i < RUNS; i++) {
        int run = i;
        // Nobody has asked for the run before its last step was handled.
        await()
            .atMost(ClusterFixture.PATIENCE)
            .ignoreExceptions()
            .until(() -> one.ask("calc/" + run, "count", "").text().equals("2"));
        Answer end =
            one.send(
                one.request("/v1/ghosts/runs/run-" + i).header("X-Vudo-Timeout", "1min").GET());
        assertEquals(2000 + i, end.json().path("value").asInt(), end.text());
        assertEquals("2", one.ask("calc/" + i, "count", "").text());
      }
    }
  }
}
