package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Monitors, links and parents over HTTP, on a real node. */
class GatewayRelationsTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  @RegisterExtension
  static final NodeFixture NODE = new NodeFixture("vudo.spirit.max-watchers = 3");

  @BeforeAll
  static void deploy() {
    NODE.deploy("kin", RelationModules.kin(), "grant=spawn_sandbox", "on-failure=stop");
  }

  /** Lets one do something about another one, and waits until that one has handled it. */
  private static void tell(String who, String what, String whom) {
    String type = what.equals("forget") ? "demonitor" : what;
    int before = count(whom, type);
    NODE.ask(who, what, whom).assertNothing();
    await().atMost(PATIENCE).until(() -> count(whom, type) == before + 1);
  }

  private static int count(String spirit, String type) {
    return (int)
        history(spirit).lines().filter(line -> line.contains("\"type\":\"" + type + "\"")).count();
  }

  private static String history(String spirit) {
    NodeFixture.Answer answer = NODE.get("/v1/spirits/" + spirit + "/history");
    return answer.status() == 200 ? answer.text() : "";
  }

  private static void live(String... spirits) {
    for (String spirit : spirits) {
      NODE.ask(spirit, "get", "").assertReply("");
    }
  }

  private static void awaitTold(String spirit, String told) {
    await().atMost(PATIENCE).untilAsserted(() -> NODE.ask(spirit, "get", "").assertReply(told));
  }

  private static String awaitHalted(String spirit) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> NODE.ask(spirit, "get", "").assertProblem(ErrorCode.SPIRIT_FAILED));
    return NODE.ask(spirit, "get", "").assertProblem(ErrorCode.SPIRIT_FAILED);
  }

  private static void fail(String spirit) {
    NODE.ask(spirit, "x", "").assertProblem(ErrorCode.TRAP_UNREACHABLE);
  }

  private static void assertReplays(String... spirits) {
    for (String spirit : spirits) {
      NodeFixture.Answer answer = NODE.get("/v1/spirits/" + spirit + "/replay");
      assertEquals(200, answer.status(), answer.text());
    }
  }

  @Test
  void whoWatchesIsToldOnceOfEachEnd() {
    live("kin/a", "kin/w");
    tell("kin/w", "monitor", "kin/a");
    tell("kin/w", "monitor", "kin/a"); // still one watch
    tell("kin/s", "stop", "kin/a");
    awaitTold("kin/w", "kin/a stopped;");

    // Another life, which nobody watches, then one that is watched and fails.
    live("kin/a");
    tell("kin/s", "stop", "kin/a");
    live("kin/a");
    tell("kin/w", "monitor", "kin/a");
    fail("kin/a");
    awaitTold("kin/w", "kin/a stopped;kin/a TRAP_UNREACHABLE;");
    // Who fails already is told of at once, and the end of a watch is one.
    tell("kin/w", "monitor", "kin/a");
    awaitTold("kin/w", "kin/a stopped;kin/a TRAP_UNREACHABLE;kin/a TRAP_UNREACHABLE;");
    // That watch is over, too: the end of the halted one is told to nobody.
    tell("kin/s", "stop", "kin/a");
    tell("kin/w", "monitor", "kin/a");
    awaitTold(
        "kin/w", "kin/a stopped;kin/a TRAP_UNREACHABLE;kin/a TRAP_UNREACHABLE;kin/a not_found;");
    assertReplays("kin/a", "kin/w");
  }

  @Test
  void whoIsNotThereIsNotBornByBeingWatched() {
    tell("kin/w2", "monitor", "kin/nobody");
    awaitTold("kin/w2", "kin/nobody not_found;");
    assertTrue(!history("kin/nobody").contains("spawn"), history("kin/nobody"));
    NODE.ask("kin/w2", "monitor", "nosuchtype/x").assertNothing();
    awaitTold("kin/w2", "kin/nobody not_found;nosuchtype/x not_found;");
    NODE.ask("kin/w2", "link", "nosuchtype/x").assertNothing();
    awaitTold("kin/w2", "kin/nobody not_found;nosuchtype/x not_found;nosuchtype/x not_found;");
    assertReplays("kin/w2");
    // It can live like any other.
    live("kin/nobody");
    tell("kin/w2", "link", "kin/nobody");
    fail("kin/nobody");
    awaitHalted("kin/w2");
  }

  @Test
  void aWatchThatIsOverTellsNothing() {
    live("kin/a3", "kin/w3");
    tell("kin/w3", "monitor", "kin/a3");
    tell("kin/w3", "forget", "kin/a3");
    tell("kin/w3", "monitor", "kin/b3");
    awaitTold("kin/w3", "kin/b3 not_found;");
    fail("kin/a3");
    String failed = history("kin/a3").lines().reduce("", (all, line) -> line);
    assertTrue(failed.contains("\"effects\":{}"), failed);
    NODE.ask("kin/w3", "get", "").assertReply("kin/b3 not_found;");
  }

  @Test
  void watchesAndLinksSurviveARestart() {
    live("kin/a4", "kin/b4", "kin/w4");
    tell("kin/w4", "monitor", "kin/a4");
    tell("kin/b4", "link", "kin/a4");
    NODE.restart();
    fail("kin/a4");
    awaitTold("kin/w4", "kin/a4 TRAP_UNREACHABLE;");
    String detail = awaitHalted("kin/b4");
    assertTrue(detail.contains("LINKED_FAILED") && detail.contains("kin/a4"), detail);
    NODE.restart();
    awaitHalted("kin/b4");
    awaitTold("kin/w4", "kin/a4 TRAP_UNREACHABLE;");
    assertReplays("kin/a4", "kin/b4", "kin/w4");
  }

  @Test
  void aFailureGoesFromLinkToLink() {
    live("kin/a5", "kin/b5", "kin/c5", "kin/w5");
    tell("kin/a5", "link", "kin/b5");
    tell("kin/b5", "link", "kin/c5");
    tell("kin/w5", "monitor", "kin/c5");
    fail("kin/a5");
    awaitTold("kin/w5", "kin/c5 LINKED_FAILED;");
    String detail = awaitHalted("kin/c5");
    assertTrue(detail.contains("kin/a5") && detail.contains("TRAP_UNREACHABLE"), detail);
    awaitHalted("kin/b5");
    // The links went with it.
    for (String spirit : List.of("kin/a5", "kin/b5", "kin/c5")) {
      NODE.post("/v1/spirits/" + spirit + "/restart", "").assertNothing();
    }
    fail("kin/c5");
    NODE.ask("kin/b5", "get", "").assertReply("");
    assertTrue(history("kin/b5").contains("\"then\":\"halt\""), history("kin/b5"));
    assertReplays("kin/a5", "kin/b5", "kin/c5");
  }

  @Test
  void aStopOrAnUnlinkEndsTheLinkOnly() {
    live("kin/a6", "kin/b6", "kin/c6");
    tell("kin/a6", "link", "kin/b6");
    tell("kin/c6", "link", "kin/a6");
    tell("kin/b6", "unlink", "kin/a6");
    NODE.ask("kin/s", "stop", "kin/c6").assertNothing();
    await().atMost(PATIENCE).until(() -> count("kin/a6", "unlink") == 2);
    live("kin/c6");
    fail("kin/c6");
    fail("kin/b6");
    NODE.ask("kin/a6", "get", "").assertReply("");
    assertReplays("kin/a6", "kin/b6", "kin/c6");
  }

  @Test
  void theDeadAreNotWokenByWhatTheyWatched() {
    live("kin/a7", "kin/w7");
    tell("kin/w7", "monitor", "kin/a7");
    tell("kin/s", "stop", "kin/w7");
    await().atMost(PATIENCE).until(() -> count("kin/a7", "demonitor") == 1);
    fail("kin/a7");
    assertEquals(
        1, history("kin/w7").lines().filter(line -> line.contains("\"kind\":\"spawn\"")).count());
  }

  @Test
  void onlySoManyMayWatchOne() {
    live("kin/a8");
    for (int i = 0; i < 4; i++) {
      tell("kin/w8" + i, "monitor", "kin/a8");
    }
    awaitTold("kin/w83", "kin/a8 limit;");
    awaitTold("kin/w80", "");
    for (int i = 0; i < 3; i++) {
      tell("kin/w83", "link", "kin/l8" + i);
      live("kin/l8" + i);
      tell("kin/w83", "link", "kin/l8" + i);
    }
    NODE.ask("kin/w83", "link", "kin/l83").assertProblem(ErrorCode.EFFECT_LIMIT_EXCEEDED);
    awaitHalted("kin/l82");
    assertReplays("kin/a8", "kin/w83");
  }

  @Test
  void aChildKnowsItsParent() {
    NODE.ask("kin/p9", "child", "c9").assertNothing();
    await().atMost(PATIENCE).until(() -> history("kin/c9").contains("\"kind\":\"spawn\""));
    NODE.ask("kin/c9", "parent", "").assertReply("kin/p9");
    NODE.ask("kin/p9", "parent", "").assertReply("");
    NODE.restart();
    NODE.ask("kin/c9", "parent", "").assertReply("kin/p9");
    assertReplays("kin/c9");
    assertEquals(201, NODE.post("/v1/spirits/kin/c9/fork?id=f9", "").status());
    NODE.ask("kin/f9", "parent", "").assertReply("");

    // Turns that are run on another module before a swap see the same parent.
    NODE.deploy("kid", RelationModules.kin(), "grant=spawn_sandbox");
    NODE.deploy("mother", SupervisedModules.parent("kid"), "grant=spawn_sandbox");
    NODE.ask("mother/m", "spawn!", "k").assertNothing();
    await().atMost(PATIENCE).until(() -> history("kid/k").contains("\"kind\":\"spawn\""));
    NODE.ask("kid/k", "parent", "").assertReply("mother/m");
    NODE.ask("kid/k", "parent", "").assertReply("mother/m");
    JsonNode check =
        NODE.post(
                "/v1/deployments/kid/swap?check=1",
                BodyPublishers.ofByteArray(RelationModules.otherKin()))
            .json()
            .path("check");
    assertEquals(1, check.path("turns").asInt(), check.toString());
    assertEquals(0, check.path("differing").asInt(), check.toString());
    NODE.ask("kid/k", "parent", "").assertReply("mother/m");
  }
}
