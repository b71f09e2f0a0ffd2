package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A replay that takes longer than it may. */
class GatewayReplayTimeoutTest {
  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture("vudo.spirit.replay { max-running = 1, max-waiting = 0, timeout = 1 ms }");

  /** Counts down from some millions. */
  private static byte[] slow() {
    return TestModules.spirit(
        "",
        """
        (local $i i32)
        (local.set $i (i32.const 30000000))
        (loop $again
          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (br_if $again (local.get $i)))
        (i64.const 0)
        """);
  }

  @Test
  void itIsEndedAndGivesBackWhatItHad() {
    NODE.deploy("slow", slow());
    for (int i = 0; i < 3; i++) {
      NODE.ask("slow/a", "x", "").assertNothing();
    }
    // The next one finds the place free.
    for (int i = 0; i < 3; i++) {
      String detail = NODE.get("/v1/spirits/slow/a/replay").assertProblem(ErrorCode.ASK_TIMEOUT);
      assertTrue(detail.contains("vudo.spirit.replay.timeout"), detail);
    }
    await()
        .atMost(Duration.ofMinutes(1))
        .until(
            () -> {
              JsonNode engine = NODE.get("/v1/status").json().path("engines").get(0);
              return engine.path("liveInstances").asInt() == 1;
            });
    NODE.ask("slow/a", "x", "").assertNothing();
  }
}
