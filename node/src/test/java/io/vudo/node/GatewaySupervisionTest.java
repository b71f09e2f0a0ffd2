package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What follows when turns fail, over HTTP, on a real node. */
class GatewaySupervisionTest {
  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture("vudo.spirit.restart-min = 10ms\nvudo.spirit.restart-max = 40ms");

  private static final ObjectMapper JSON = new ObjectMapper();

  @BeforeAll
  static void deploy() {
    NODE.deploy("teller", SupervisedModules.teller(), "grant=cross_sandbox_call");
  }

  private static void tell(String sender, String receiver, String payload) {
    NODE.ask("teller/" + sender, receiver, payload).assertNothing();
  }

  private static List<JsonNode> letters(String spirit) {
    List<JsonNode> letters = new ArrayList<>();
    NODE.get("/v1/dead-letters?spirit=" + spirit).json().path("deadLetters").forEach(letters::add);
    return letters;
  }

  private static List<JsonNode> awaitLetters(String spirit, int count) {
    return await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> letters(spirit), found -> found.size() == count);
  }

  private static List<JsonNode> history(String spirit) {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : NODE.get("/v1/spirits/" + spirit + "/history").text().lines().toList()) {
      try {
        lines.add(JSON.readTree(line));
      } catch (IOException e) {
        throw new AssertionError(line, e);
      }
    }
    return lines;
  }

  /** Each line as SENDER'S TURN, outcome, attempt and what followed. */
  private static List<String> messagesOfTellers(String spirit) {
    return history(spirit).stream()
        .filter(line -> line.path("sender").asText().startsWith("teller/"))
        .map(
            line ->
                line.path("messageId").asText().split("#", -1)[1]
                    + " "
                    + line.path("outcome").asText()
                    + line.path("attempt").asText()
                    + line.path("then").asText())
        .toList();
  }

  private static void awaitReply(String spirit, String reply) {
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() -> NODE.ask(spirit, "get", "").assertReply(reply));
  }

  private static void awaitHalted(String spirit) {
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() -> NODE.ask(spirit, "get", "").assertProblem(ErrorCode.SPIRIT_FAILED));
  }

  @Test
  void aMessageIsTriedAgainBeforeAnyOtherAndThenGivenUp() {
    NODE.deploy("again", SupervisedModules.picky(), "max-restarts=2");
    tell("order", "again/a", "1");
    tell("order", "again/a", "x");
    tell("order", "again/a", "2");
    awaitReply("again/a", "12");
    assertEquals(
        List.of(
            "2 completed", // the teller's first turn is its birth
            "3 failed1retry",
            "3 failed2retry",
            "3 failed3dead-letter",
            "4 completed"),
        messagesOfTellers("again/a"));
    JsonNode letter = awaitLetters("again/a", 1).get(0);
    assertEquals(3, letter.path("attempts").asInt());
    assertTrue(
        letter.path("firstTime").asText().compareTo(letter.path("lastTime").asText()) < 0,
        letter.toString());
    // The past can be run again, failures and all.
    assertEquals(200, NODE.get("/v1/spirits/again/a/replay").status());
  }

  @Test
  void whatFailsByChanceIsHandledOnce() {
    NODE.deploy("flaky", SupervisedModules.flaky(), "grant=sensor_random", "max-restarts=100");
    for (int i = 0; i < 5; i++) {
      tell("chance", "flaky/a", "");
    }
    awaitReply("flaky/a", "5");
    assertEquals(0, letters("flaky/a").size());
    assertEquals(
        5,
        messagesOfTellers("flaky/a").stream().filter(line -> line.contains("completed")).count());
  }

  @Test
  void whoWaitsIsToldAtOnce() {
    NODE.deploy("asked", SupervisedModules.picky());
    NODE.ask("asked/a", "m", "x").assertProblem(ErrorCode.TRAP_UNREACHABLE);
    List<JsonNode> lines = history("asked/a");
    assertEquals(2, lines.size());
    assertEquals("none", lines.get(1).path("then").asText());
    assertEquals(0, letters("asked/a").size());
  }

  @Test
  void resumeGivesUpAtOnce() {
    NODE.deploy("resumed", SupervisedModules.picky(), "on-failure=resume");
    tell("resume", "resumed/a", "x");
    tell("resume", "resumed/a", "2");
    awaitReply("resumed/a", "2");
    assertEquals(List.of("2 failed1dead-letter", "3 completed"), messagesOfTellers("resumed/a"));
    awaitLetters("resumed/a", 1);
  }

  @Test
  void aSpiritThatStopsOnFailureTakesNothingUntilItIsRestarted() {
    NODE.deploy("stopping", SupervisedModules.picky(), "on-failure=stop");
    tell("stop", "stopping/a", "1");
    tell("stop", "stopping/a", "x");
    awaitHalted("stopping/a");
    assertEquals("FAILED", phase("stopping/a"));
    awaitLetters("stopping/a", 1);

    NODE.restart();
    String detail = NODE.ask("stopping/a", "get", "").assertProblem(ErrorCode.SPIRIT_FAILED);
    assertTrue(detail.contains("TRAP_UNREACHABLE"), detail);
    // What Spirits send meanwhile is kept with them.
    tell("stop", "stopping/a", "2");
    assertEquals("SPIRIT_FAILED", awaitLetters("stopping/a", 2).get(1).path("code").asText());

    NODE.post("/v1/spirits/stopping/a/restart", "").assertNothing();
    NODE.ask("stopping/a", "get", "").assertReply("1");
    NODE.ask("stopping/a", "mend", "").assertNothing();
    for (JsonNode letter : awaitLetters("stopping/a", 2)) {
      NODE.post("/v1/dead-letters/" + letter.path("id").asText() + "/replay", "").assertNothing();
    }
    NODE.ask("stopping/a", "get", "").assertReply("1x2");
    assertEquals(
        List.of("halt", "restart"),
        history("stopping/a").stream()
            .map(
                line ->
                    line.path("kind").asText().equals("restart")
                        ? "restart"
                        : line.path("then").asText())
            .filter(what -> !what.isEmpty())
            .toList());
    assertEquals(200, NODE.get("/v1/spirits/stopping/a/replay").status());

    // Who waits halts it too, and is told why.
    NODE.deploy("strict", SupervisedModules.picky(), "on-failure=stop");
    NODE.ask("strict/a", "m", "x").assertProblem(ErrorCode.TRAP_UNREACHABLE);
    NODE.ask("strict/a", "get", "").assertProblem(ErrorCode.SPIRIT_FAILED);
    NODE.post("/v1/spirits/strict/nobody/restart", "").assertProblem(ErrorCode.SPIRIT_NOT_FOUND);
  }

  private static String phase(String spirit) {
    for (JsonNode each : NODE.get("/v1/spirits").json().path("spirits")) {
      if (each.path("id").asText().equals(spirit)) {
        return each.path("phase").asText();
      }
    }
    return "";
  }

  @Test
  void theParentIsToldAndMayStartItsChildAgain() {
    NODE.deploy("parent", SupervisedModules.parent(), "grant=spawn_sandbox");
    NODE.deploy("child", SupervisedModules.picky(), "on-failure=escalate");
    NODE.ask("parent/p", "spawn!", "c").assertNothing();
    // It must be the parent who starts it.
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> NODE.get("/v1/spirits/child/c/history").status() == 200);
    tell("escalate", "child/c", "x");
    await()
        .atMost(Duration.ofMinutes(1))
        .until(
            () -> NODE.ask("parent/p", "get", "").text().startsWith("child/c TRAP_UNREACHABLE:"));
    NODE.ask("child/c", "get", "").assertProblem(ErrorCode.SPIRIT_FAILED);
    NODE.ask("parent/p", "spawn!", "c").assertNothing();
    awaitReply("child/c", "");
  }

  @Test
  void aSpiritThatGivesUpTooMuchIsHalted() {
    NODE.deploy("hopeless", SupervisedModules.picky(), "max-restarts=0");
    for (int i = 0; i < 10; i++) {
      tell("hopeless", "hopeless/a", "x");
    }
    awaitLetters("hopeless/a", 10);
    NODE.ask("hopeless/a", "get", "").assertReply("");
    tell("hopeless", "hopeless/a", "x");
    awaitHalted("hopeless/a");
  }

  @Test
  void supervisionIsPartOfADeployment() {
    JsonNode deployed =
        NODE.deploy(
                "shown",
                SupervisedModules.picky(),
                "on-failure=escalate",
                "max-restarts=7",
                "restart-window=2min")
            .json();
    assertEquals(
        "{\"onFailure\":\"escalate\",\"maxRestarts\":7,\"windowMillis\":120000}",
        deployed.path("supervision").toString());
    NODE.restart();
    assertEquals(
        deployed.path("supervision"), NODE.get("/v1/deployments/shown").json().path("supervision"));
    NODE.tryToDeploy("bad", SupervisedModules.picky(), "on-failure=never")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.tryToDeploy("bad", SupervisedModules.picky(), "max-restarts=-1")
        .assertProblem(ErrorCode.LIMIT_INVALID);
  }
}
