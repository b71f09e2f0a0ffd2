package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What becomes of messages that nobody can handle, over HTTP, on a real node. */
class GatewayDeadLettersTest {
  @RegisterExtension
  static final NodeFixture NODE = new NodeFixture("vudo.spirit.max-dead-letters = 4");

  @BeforeAll
  static void deploy() {
    NODE.deploy("teller", SupervisedModules.teller(), "grant=cross_sandbox_call");
    NODE.deploy("picky", SupervisedModules.picky());
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

  private static NodeFixture.Answer replay(JsonNode letter) {
    return NODE.post("/v1/dead-letters/" + letter.path("id").asText() + "/replay", "");
  }

  private static NodeFixture.Answer show(JsonNode letter) {
    return NODE.get("/v1/dead-letters/" + letter.path("id").asText());
  }

  @Test
  void aMessageOnWhichItsReceiverFailsIsKeptUntilItCanBeHandled() {
    Instant before = Instant.now();
    tell("a", "picky/a", "1");
    tell("a", "picky/a", "xyz");
    tell("a", "picky/a", "2");

    JsonNode letter = awaitLetters("picky/a", 1).get(0);
    assertEquals("picky/a", letter.path("spirit").asText());
    assertEquals("picky/a", letter.path("receiver").asText());
    assertEquals("teller/a", letter.path("sender").asText());
    assertEquals("message", letter.path("kind").asText());
    assertEquals("m", letter.path("type").asText());
    assertEquals(3, letter.path("payloadBytes").asInt());
    assertTrue(letter.path("payload").isMissingNode());
    assertEquals("TRAP_UNREACHABLE", letter.path("code").asText());
    assertTrue(Instant.parse(letter.path("firstTime").asText()).plusMillis(1).isAfter(before));
    assertEquals(1, letters("teller/a").size());
    assertEquals(0, letters("picky/b").size());

    // Those after it were not held up for ever.
    await().untilAsserted(() -> NODE.ask("picky/a", "get", "").assertReply("12"));

    // In vain, and then once.
    replay(letter).assertProblem(ErrorCode.TRAP_UNREACHABLE);
    assertEquals(1, show(letter).json().path("replays").asInt());
    replay(letter).assertProblem(ErrorCode.TRAP_UNREACHABLE);
    assertEquals(2, show(letter).json().path("replays").asInt());
    assertEquals(
        "xyz",
        new String(
            java.util.Base64.getDecoder().decode(show(letter).json().path("payload").asText()),
            StandardCharsets.UTF_8));
    NODE.ask("picky/a", "mend", "").assertNothing();
    replay(letter).assertNothing();
    NODE.ask("picky/a", "get", "").assertReply("12x");
    assertEquals(0, letters("picky/a").size());
    replay(letter).assertProblem(ErrorCode.DEAD_LETTER_NOT_FOUND);
    show(letter).assertProblem(ErrorCode.DEAD_LETTER_NOT_FOUND);
  }

  @Test
  void aMessageThatItsReceiverRefusesForGoodIsKeptAtItsSender() {
    tell("refused", "later/a", "1");
    JsonNode letter = awaitLetters("later/a", 1).get(0);
    assertEquals("teller/refused", letter.path("spirit").asText());
    assertEquals("SPIRIT_TYPE_UNKNOWN", letter.path("code").asText());
    replay(letter).assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);

    NODE.deploy("later", SupervisedModules.picky());
    replay(letter).assertNothing();
    NODE.ask("later/a", "get", "").assertReply("1");
    // What follows is not held up.
    tell("refused", "later/a", "2");
    await().untilAsserted(() -> NODE.ask("later/a", "get", "").assertReply("12"));
    assertEquals(0, letters("later/a").size());
  }

  @Test
  void aLetterSurvivesTheNodeAndCanBeDropped() {
    tell("b", "picky/dropped", "x");
    JsonNode letter = awaitLetters("picky/dropped", 1).get(0);
    NODE.restart();
    assertEquals(letter, awaitLetters("picky/dropped", 1).get(0));
    String path = "/v1/dead-letters/" + letter.path("id").asText();
    NODE.send(NODE.request(path).DELETE()).assertNothing();
    NODE.send(NODE.request(path).DELETE()).assertProblem(ErrorCode.DEAD_LETTER_NOT_FOUND);
    assertEquals(0, letters("picky/dropped").size());
    NODE.ask("picky/dropped", "get", "").assertReply("");
  }

  @Test
  void theOldestMakeRoom() {
    long before = NODE.get("/v1/dead-letters").json().path("crowdedOut").asLong();
    for (int i = 0; i < 6; i++) {
      tell("many", "picky/many", "x" + i);
    }
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> NODE.get("/v1/dead-letters").json().path("crowdedOut").asLong() >= before + 2);
    List<JsonNode> left = awaitLetters("picky/many", 4);
    assertEquals(
        List.of("x2", "x3", "x4", "x5"),
        left.stream()
            .map(
                letter ->
                    new String(
                        java.util.Base64.getDecoder()
                            .decode(show(letter).json().path("payload").asText()),
                        StandardCharsets.UTF_8))
            .toList());
  }

  @Test
  void whatIsNoLetterIsRefused() {
    NODE.get("/v1/dead-letters/9-1").assertProblem(ErrorCode.DEAD_LETTER_NOT_FOUND);
    NODE.get("/v1/dead-letters/7-99").assertProblem(ErrorCode.DEAD_LETTER_NOT_FOUND);
    NODE.get("/v1/dead-letters?spirit=x").assertProblem(ErrorCode.SPIRIT_ID_INVALID);
    NODE.get("/v1/dead-letters?from=x").assertProblem(ErrorCode.REQUEST_INVALID);
  }
}
