package io.vudo.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Failures and SIGKILL together: attempts go on where they were. */
class SupervisionTest {
  /** Sends its payload to poison/a, as type "n". */
  private static byte[] sender() {
    return Guests.spirit(
        "(import \"spirit\" \"send_message\""
            + " (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))",
        "(data (i32.const 0x200) \"poison/a\") (data (i32.const 0x220) \"n\")",
        """
        (if (call $send (i32.const 0x200) (i32.const 8) (i32.const 0x220) (i32.const 1)
              (local.get $p) (local.get $l))
          (then (unreachable)))
        (i64.const 0)
        """);
  }

  /** Appends what it gets, traps on "x", replies all of it to an empty message. */
  private static byte[] poison() {
    return Guests.spirit(
        "",
        "(global $n (mut i32) (i32.const 0))",
        """
        (if (i32.eqz (local.get $l))
          (then (return (i64.or (i64.const 0x400000000000) (i64.extend_i32_u (global.get $n))))))
        (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 120)) (then (unreachable)))
        (i32.store8 (i32.add (i32.const 0x4000) (global.get $n)) (i32.load8_u (local.get $p)))
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (i64.const 0)
        """);
  }

  @Test
  void attemptsGoOnThroughKillsAndTheOrderStays(@TempDir Path directory) throws IOException {
    try (TestNode node =
        TestNode.start(
            directory, "vudo.spirit.restart-min = 400ms", "vudo.spirit.restart-max = 1s")) {
      node.deploy("sender", sender(), "grant=cross_sandbox_call");
      node.deploy("poison", poison(), "max-restarts=4");
      node.ask("sender/a", "m", "1");
      node.ask("sender/a", "m", "x");
      node.ask("sender/a", "m", "2");
      for (int attempts = 1; attempts <= 3; attempts += 2) {
        int least = attempts;
        await().atMost(TestNode.PATIENCE).until(() -> failures(node) >= least);
        // Nobody asks the Spirit for anything afterwards: it goes on by itself.
        node.killAndRestart();
      }
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> node.get("/v1/dead-letters").path("deadLetters").size() == 1);
      assertEquals(
          5, node.get("/v1/dead-letters").path("deadLetters").get(0).path("attempts").asInt());
      await().atMost(TestNode.PATIENCE).until(() -> node.ask("poison/a", "get", "").equals("12"));
      assertEquals(5, failures(node));
      node.killAndRestart();
      assertEquals("12", node.askUntilAnswered("poison/a", "get", "", "after"));
      JsonNode letters = node.get("/v1/dead-letters").path("deadLetters");
      assertEquals(1, letters.size(), letters.toString());
    }
  }

  private static long failures(TestNode node) {
    return node.get("/v1/spirits/poison/a/replay").path("failedTurns").asLong();
  }
}
