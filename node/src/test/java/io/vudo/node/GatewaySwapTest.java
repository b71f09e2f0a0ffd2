package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.spirit.Engines;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Other modules under living Spirits, over HTTP, on a real node. */
class GatewaySwapTest {
  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          "vudo.spirit.snapshot-every-events = 5\nvudo.spirit.state-hash-every-turns = 1");

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  static List<String> engines() {
    return Engines.names();
  }

  private static NodeFixture.Answer trySwap(String type, byte[] module, String... parameters) {
    String query = parameters.length == 0 ? "" : "?" + String.join("&", parameters);
    return NODE.post(
        "/v1/deployments/" + type + "/swap" + query, BodyPublishers.ofByteArray(module));
  }

  private static JsonNode swap(String type, byte[] module, String... parameters) {
    NodeFixture.Answer answer = trySwap(type, module, parameters);
    assertEquals(201, answer.status(), answer.text());
    return answer.json();
  }

  private static JsonNode progress(String type) {
    return NODE.get("/v1/deployments/" + type + "/swap").json();
  }

  /** Waits until all Spirits in memory have come to it. */
  private static JsonNode settled(String type) {
    return await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(5))
        .until(() -> progress(type), progress -> progress.path("waiting").asLong() == 0);
  }

  private static void assertProgress(JsonNode progress, long moved, long refused, long later) {
    assertEquals(
        moved + " moved, " + refused + " refused, 0 waiting, " + later + " later",
        progress.path("moved").asText()
            + " moved, "
            + progress.path("refused").asText()
            + " refused, "
            + progress.path("waiting").asText()
            + " waiting, "
            + progress.path("later").asText()
            + " later",
        progress.toString());
  }

  private static JsonNode resident(String spirit) {
    for (JsonNode one : NODE.get("/v1/spirits").json().path("spirits")) {
      if (one.path("id").asText().equals(spirit)) {
        return one;
      }
    }
    throw new AssertionError(spirit + " is not resident");
  }

  private static void assertRuns(String spirit, byte[] module) {
    assertEquals(ModuleDigest.of(module).hex(), resident(spirit).path("digest").asText());
  }

  private static List<JsonNode> history(String spirit) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : NODE.get("/v1/spirits/" + spirit + "/history").text().lines().toList()) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  private static List<JsonNode> swapsOf(String spirit) throws IOException {
    return history(spirit).stream()
        .filter(line -> line.path("kind").asText().equals("swap"))
        .toList();
  }

  private static long revision(String type) {
    return NODE.get("/v1/deployments/" + type).json().path("revision").asLong();
  }

  /** Asks one by one until told to stop; each answer must be the one before and one. */
  private static int askUntil(String spirit, AtomicBoolean stop) {
    int count = 0;
    while (!stop.get()) {
      count++;
      NODE.ask(spirit, "add", "1").assertReply(Integer.toString(count));
    }
    return count;
  }

  @ParameterizedTest
  @MethodSource("engines")
  void stateIsKeptUnderLoad(String engine) throws IOException {
    String type = "loaded-" + engine;
    NODE.deploy(type, SwapModules.first(), "engine=" + engine);
    List<byte[]> versions = List.of(SwapModules.same(), SwapModules.first(), SwapModules.saving());
    List<String> spirits = IntStream.range(0, 6).mapToObj(i -> type + "/" + i).toList();
    AtomicBoolean stop = new AtomicBoolean();
    List<CompletableFuture<Integer>> callers =
        spirits.stream()
            .map(spirit -> CompletableFuture.supplyAsync(() -> askUntil(spirit, stop)))
            .toList();
    try {
      for (String spirit : spirits) {
        await().atMost(PATIENCE).until(() -> history(spirit).size() > 3);
      }
      for (byte[] version : versions) {
        JsonNode answer = swap(type, version, "sample=2");
        assertEquals(ModuleDigest.of(version).hex(), answer.path("digest").asText());
        assertEquals(0, answer.path("check").path("differing").asLong(), answer.toString());
        assertTrue(answer.path("check").path("turns").asLong() > 0, answer.toString());
        assertProgress(settled(type), spirits.size(), 0, 0);
        spirits.forEach(spirit -> assertRuns(spirit, version));
      }
    } finally {
      stop.set(true);
    }
    for (int i = 0; i < spirits.size(); i++) {
      String count = callers.get(i).join().toString();
      NODE.ask(spirits.get(i), "get", "").assertReply(count);
      assertEquals(versions.size(), swapsOf(spirits.get(i)).size());
    }
    NODE.restart();
    for (int i = 0; i < spirits.size(); i++) {
      NODE.ask(spirits.get(i), "get", "").assertReply(callers.get(i).join().toString());
      assertRuns(spirits.get(i), SwapModules.saving());
      // All of it can be run again, over the swaps.
      JsonNode state = NODE.get("/v1/spirits/" + spirits.get(i) + "/replay").json();
      assertEquals(ModuleDigest.of(SwapModules.saving()).hex(), state.path("digest").asText());
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void anotherLayoutIsLoaded(String engine) throws IOException {
    String type = "loading-" + engine;
    NODE.deploy(type, SwapModules.saving(), "engine=" + engine);
    NODE.ask(type + "/a", "add", "41").assertReply("41");
    byte[] next = SwapModules.otherLayoutThatLoads();
    JsonNode answer = swap(type, next);
    assertEquals("load", answer.path("check").path("spirits").get(0).path("transfer").asText());
    assertProgress(settled(type), 1, 0, 0);
    NODE.ask(type + "/a", "add", "1").assertReply("42");
    assertRuns(type + "/a", next);
    JsonNode line = swapsOf(type + "/a").get(0);
    assertEquals(ModuleDigest.of(next).hex(), line.path("digest").asText());
    assertEquals(8, line.path("payloadBytes").asInt());
    assertEquals("completed", line.path("outcome").asText());
    NODE.restart();
    NODE.ask(type + "/a", "get", "").assertReply("42");
  }

  @Test
  void whoIsNotInMemoryMovesBeforeTheNextTurn() throws IOException {
    NODE.deploy("lazy", SwapModules.first());
    for (int i = 0; i < 3; i++) {
      NODE.ask("lazy/" + i, "add", "5").assertReply("5");
    }
    NODE.restart();
    NODE.ask("lazy/0", "get", "").assertReply("5");
    JsonNode answer = swap("lazy", SwapModules.doubling(), "accept-differences=true");
    assertEquals(3, answer.path("check").path("spirits").size(), answer.toString());
    assertProgress(settled("lazy"), 1, 0, 2);
    // A plain deployment after it changes nothing for those that live.
    NODE.deploy("lazy", SwapModules.same());
    NODE.ask("lazy/1", "add", "1").assertReply("7");
    assertProgress(progress("lazy"), 2, 0, 1);
    assertRuns("lazy/1", SwapModules.doubling());
    NODE.ask("lazy/new", "add", "1").assertReply("1");
    assertRuns("lazy/new", SwapModules.same());

    NODE.restart();
    NODE.ask("lazy/2", "add", "1").assertReply("7");
    assertRuns("lazy/2", SwapModules.doubling());
    assertEquals(1, swapsOf("lazy/2").size());
    NODE.ask("lazy/new", "add", "1").assertReply("2");
    assertRuns("lazy/new", SwapModules.same());
  }

  @Test
  void aPlainDeploymentLeavesTheLivingAlone() throws IOException {
    NODE.deploy("plain", SwapModules.first());
    NODE.ask("plain/a", "add", "5").assertReply("5");
    NODE.deploy("plain", SwapModules.doubling());
    NODE.ask("plain/a", "add", "5").assertReply("10");
    NODE.restart();
    NODE.ask("plain/a", "add", "5").assertReply("15");
    assertEquals(List.of(), swapsOf("plain/a"));
    NODE.get("/v1/deployments/plain/swap").assertProblem(ErrorCode.NOT_FOUND);
    // It was deployed already; now it is for those that live as well.
    swap("plain", SwapModules.doubling(), "check=0");
    assertProgress(settled("plain"), 1, 0, 0);
    NODE.ask("plain/a", "add", "5").assertReply("25");
  }

  @Test
  void differencesAreShownAndNothingIsChanged() throws IOException {
    NODE.deploy("differing", SwapModules.first());
    long revision = revision("differing");
    NODE.ask("differing/a", "add", "5").assertReply("5");
    NODE.ask("differing/a", "burn", "").assertProblem(ErrorCode.APPLICATION_ERROR);
    NODE.ask("differing/a", "add", "2").assertReply("7");
    NODE.ask("differing/a", "get", "").assertReply("7");

    NodeFixture.Answer refusal = trySwap("differing", SwapModules.doubling(), "check=3");
    String detail = refusal.assertProblem(ErrorCode.SWAP_DIFFERENCES);
    assertTrue(detail.startsWith("2 of 3 turns; the first is turn 4 of differing/a"), detail);
    JsonNode spirit = refusal.json().path("check").path("spirits").get(0);
    assertEquals(3, spirit.path("firstTurn").asInt(), spirit.toString());
    assertEquals("keep", spirit.path("transfer").asText());
    JsonNode add = spirit.path("differences").get(0);
    assertEquals("4 add", add.path("turn").asText() + " " + add.path("type").asText());
    // From the state before these turns: 5, not 10.
    assertTrue(add.path("what").asText().endsWith("recorded: \"7\"; now: \"9\""), add.toString());

    assertEquals(revision, revision("differing"));
    NODE.ask("differing/a", "add", "1").assertReply("8");
    assertEquals(List.of(), swapsOf("differing/a"));

    NodeFixture.Answer dry =
        trySwap("differing", SwapModules.doubling(), "check=1", "dry-run=true");
    assertEquals(200, dry.status(), dry.text());
    assertFalse(dry.json().path("swapped").asBoolean(true));
    assertEquals(1, dry.json().path("check").path("differing").asLong(), dry.text());
    assertEquals(revision, revision("differing"));

    swap("differing", SwapModules.doubling(), "accept-differences=true");
    settled("differing");
    NODE.ask("differing/a", "add", "1").assertReply("10");
    // What ran before the swap ran on another module: there is nothing to compare it with.
    NODE.ask("differing/a", "get", "").assertReply("10");
    JsonNode next = trySwap("differing", SwapModules.same(), "dry-run=true").json().path("check");
    assertEquals(2, next.path("turns").asInt(), next.toString());
  }

  @Test
  void whoCannotMoveStaysAndSaysSo() throws IOException {
    NODE.deploy("staying", SwapModules.first());
    long revision = revision("staying");
    NODE.ask("staying/a", "add", "5").assertReply("5");
    byte[] other = SwapModules.otherLayout();
    NodeFixture.Answer refusal = trySwap("staying", other);
    String detail = refusal.assertProblem(ErrorCode.SWAP_INCOMPATIBLE);
    assertTrue(detail.contains("data segments have other bytes or places: 0"), detail);
    assertEquals(1, refusal.json().path("check").path("refused").asInt());
    assertEquals(revision, revision("staying"));
    NODE.ask("staying/a", "add", "1").assertReply("6");

    swap("staying", other, "accept-differences=true");
    JsonNode progress = settled("staying");
    assertProgress(progress, 0, 1, 0);
    assertEquals("staying/a", progress.path("refusals").get(0).path("id").asText());
    assertEquals("SWAP_INCOMPATIBLE", progress.path("refusals").get(0).path("code").asText());
    NODE.ask("staying/a", "add", "1").assertReply("7");
    assertRuns("staying/a", SwapModules.first());
    NODE.ask("staying/new", "add", "1").assertReply("1");
    assertRuns("staying/new", other);

    // It is not tried again, but is known after a restart.
    for (int i = 0; i < 2; i++) {
      NODE.restart();
      NODE.ask("staying/a", "add", "1").assertReply(Integer.toString(8 + i));
      assertRuns("staying/a", SwapModules.first());
      assertEquals(
          "SWAP_INCOMPATIBLE", resident("staying/a").path("swapRefused").path("code").asText());
      assertFalse(resident("staying/a").path("swapRefused").path("detail").asText().isEmpty());
    }
    List<JsonNode> swaps = swapsOf("staying/a");
    assertEquals(1, swaps.size());
    assertEquals("failed", swaps.get(0).path("outcome").asText());

    // The next swap is for it, too.
    swap("staying", SwapModules.same(), "accept-differences=true");
    JsonNode then = settled("staying");
    assertEquals(1, then.path("moved").asInt(), then.toString());
    NODE.ask("staying/a", "get", "").assertReply("9");
    assertRuns("staying/a", SwapModules.same());
    assertTrue(resident("staying/a").path("swapRefused").isMissingNode());
  }

  @Test
  void eachSpiritDecidesForItself() {
    NODE.deploy("mixed", SwapModules.saving());
    NODE.ask("mixed/much", "add", "101").assertReply("101");
    NODE.ask("mixed/little", "add", "1").assertReply("1");
    byte[] next = SwapModules.otherLayoutThatLoadsLittle();
    String detail = trySwap("mixed", next).assertProblem(ErrorCode.SWAP_FAILED);
    assertTrue(detail.contains("mixed/much: spirit_load answered 9"), detail);
    swap("mixed", next, "check=0");
    assertProgress(settled("mixed"), 1, 1, 0);
    NODE.ask("mixed/much", "add", "1").assertReply("102");
    NODE.ask("mixed/little", "add", "1").assertReply("2");
    assertRuns("mixed/much", SwapModules.saving());
    assertRuns("mixed/little", next);
  }

  @Test
  void aRollbackIsASwapToTheModuleBefore() {
    NODE.deploy("back", SwapModules.first());
    NODE.ask("back/a", "add", "5").assertReply("5");
    String path = "/v1/deployments/back/swap?rollback=true&accept-differences=true";
    NODE.post(path, "").assertProblem(ErrorCode.SWAP_NO_PREVIOUS);
    swap("back", SwapModules.doubling(), "accept-differences=true");
    settled("back");
    NODE.ask("back/a", "add", "1").assertReply("7");
    NODE.post("/v1/deployments/back/swap?rollback=true", "")
        .assertProblem(ErrorCode.SWAP_DIFFERENCES);
    NODE.restart();
    NODE.ask("back/a", "get", "").assertReply("7");
    NodeFixture.Answer rolledBack = NODE.post(path, "");
    assertEquals(201, rolledBack.status(), rolledBack.text());
    assertProgress(settled("back"), 1, 0, 0);
    NODE.ask("back/a", "add", "1").assertReply("8");
    assertRuns("back/a", SwapModules.first());
    assertEquals(201, NODE.post(path, "").status());
    settled("back");
    NODE.ask("back/a", "add", "1").assertReply("10");
  }

  @Test
  void thePastGoesOverASwap() throws IOException {
    NODE.deploy("past", SwapModules.first());
    NODE.ask("past/a", "add", "5").assertReply("5");
    NODE.ask("past/a", "add", "5").assertReply("10");
    swap("past", SwapModules.doubling(), "check=0");
    settled("past");
    NODE.ask("past/a", "add", "5").assertReply("20");
    List<JsonNode> lines = history("past/a");
    assertEquals(
        "spawn 1, message 2, message 3, swap 3, message 4",
        String.join(
            ", ",
            lines.stream()
                .map(line -> line.path("kind").asText() + " " + line.path("turn").asText())
                .toList()));
    JsonNode before = NODE.get("/v1/spirits/past/a/replay?to=3").json();
    assertEquals(ModuleDigest.of(SwapModules.first()).hex(), before.path("digest").asText());
    JsonNode after = NODE.get("/v1/spirits/past/a/replay?to=4").json();
    assertEquals(ModuleDigest.of(SwapModules.doubling()).hex(), after.path("digest").asText());
    assertNotEquals(before.path("stateHash"), after.path("stateHash"));
    // Another module over all of it: the swap is no matter of its own.
    JsonNode rehearsal =
        NODE.post("/v1/spirits/past/a/replay", BodyPublishers.ofByteArray(SwapModules.doubling()))
            .json();
    assertEquals(3, rehearsal.path("differing").asInt(), rehearsal.toString());

    assertEquals(201, NODE.post("/v1/spirits/past/a/fork?id=b&to=4", "").status());
    NODE.ask("past/b", "add", "1").assertReply("22");
    // One of before the swap goes over before its first turn, as every Spirit of the type.
    assertEquals(201, NODE.post("/v1/spirits/past/a/fork?id=c&to=3", "").status());
    NODE.ask("past/c", "add", "1").assertReply("12");
    assertRuns("past/c", SwapModules.doubling());
    assertEquals(
        List.of("fork", "swap", "message"),
        history("past/c").stream().map(line -> line.path("kind").asText()).toList());
  }

  /** What was sent before the swap was asked for runs on the module before. */
  @Test
  void aSwapTakesItsPlaceInTheMailbox() {
    NODE.deploy("queued", SwapModules.first());
    NODE.ask("queued/a", "add", "0").assertReply("0");
    for (int round = 0; round < 5; round++) {
      List<CompletableFuture<NodeFixture.Answer>> answers = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        answers.add(NODE.sendAsk("queued/a", "get", ""));
      }
      swap("queued", round % 2 == 0 ? SwapModules.same() : SwapModules.first(), "check=0");
      answers.forEach(answer -> answer.join().assertReply("0"));
      settled("queued");
    }
  }

  /** There is no record of its turns that could be run before; it moves all the same. */
  @Test
  void aSpiritWithoutAJournalMoves() {
    NODE.deploy("passing", SwapModules.first(), "durability=off");
    NODE.ask("passing/a", "add", "5").assertReply("5");
    JsonNode answer = swap("passing", SwapModules.doubling());
    assertEquals(
        "SPIRIT_NOT_FOUND",
        answer.path("check").path("spirits").get(0).path("code").asText(),
        answer.toString());
    assertProgress(settled("passing"), 1, 0, 0);
    NODE.ask("passing/a", "add", "1").assertReply("7");
    assertRuns("passing/a", SwapModules.doubling());
  }

  @Test
  void whatIsWrongIsTyped() {
    NODE.deploy("wrong", SwapModules.first());
    long revision = revision("wrong");
    trySwap("wrong", new byte[] {1, 2}).assertProblem(ErrorCode.MODULE_BAD_MAGIC);
    trySwap("wrong", TestModules.module("")).assertProblem(ErrorCode.MODULE_ABI_MISSING);
    trySwap("nobody", SwapModules.same()).assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
    trySwap("wrong", SwapModules.same(), "check=-1").assertProblem(ErrorCode.REQUEST_INVALID);
    trySwap("wrong", SwapModules.same(), "turns=1").assertProblem(ErrorCode.REQUEST_INVALID);
    trySwap("wrong", SwapModules.same(), "rollback=true").assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.get("/v1/deployments/nobody/swap").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
    assertEquals(revision, revision("wrong"));
  }
}
