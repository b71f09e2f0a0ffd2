package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritImage;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Engines;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What Spirits did and what their states were, over HTTP, on a real node. */
class GatewayHistoryTest {
  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          "vudo.spirit.snapshot-every-events = 3\nvudo.spirit.state-hash-every-turns = 1");

  private static final ObjectMapper JSON = new ObjectMapper();

  static List<String> engines() {
    return Engines.names();
  }

  private static NodeFixture.Answer get(String spirit, String rest) {
    return NODE.get("/v1/spirits/" + spirit + "/" + rest);
  }

  private static List<JsonNode> history(String spirit, String query) throws IOException {
    NodeFixture.Answer answer = get(spirit, "history" + query);
    assertEquals("200 application/x-ndjson", answer.status() + " " + answer.mediaType());
    List<JsonNode> lines = new ArrayList<>();
    for (String line : answer.text().lines().toList()) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  private static List<Integer> turns(String spirit, String query) throws IOException {
    return history(spirit, query).stream().map(line -> line.path("turn").asInt()).toList();
  }

  private static JsonNode state(String spirit, Object turn) {
    NodeFixture.Answer answer = get(spirit, "replay?to=" + turn);
    assertEquals(200, answer.status(), answer.text());
    return answer.json();
  }

  /** What the living Spirit itself says of its state now. */
  private static String liveHash(String spirit, String engine) {
    return NODE.post("/v1/spirits/" + spirit + "/migrate?engine=" + engine, "")
        .json()
        .path("stateHash")
        .asText();
  }

  private static NodeFixture.Answer fork(String spirit, String query) {
    return NODE.post("/v1/spirits/" + spirit + "/fork?" + query, "");
  }

  private static byte[] counterThatDoubles() throws IOException {
    String text = Files.readString(TestModules.exampleSource("counter"));
    String parse = "(call $parse (local.get $ptr) (local.get $len))";
    assertTrue(text.contains(parse));
    return Wat2Wasm.parse(text.replace(parse, "(i64.mul (i64.const 2) " + parse + ")"));
  }

  /** Turn 1 is the birth, 2 adds 5, 3 fails, 4 adds 7, 5 gets 12. */
  private static void live(String spirit) {
    NODE.ask(spirit, "add", "5").assertReply("5");
    NODE.ask(spirit, "burn", "x").assertProblem(ErrorCode.APPLICATION_ERROR);
    NODE.ask(spirit, "add", "7").assertReply("12");
    NODE.ask(spirit, "get", "").assertReply("12");
  }

  @Test
  void theHistoryTellsEachTurn() throws IOException {
    NODE.deploy("told", TestModules.example("counter"));
    Instant before = Instant.now().minusMillis(1);
    live("told/a");
    List<JsonNode> lines = history("told/a", "");
    assertEquals(5, lines.size(), lines::toString);
    JsonNode birth = lines.get(0);
    assertEquals("spawn", birth.path("kind").asText());
    JsonNode add = lines.get(1);
    assertEquals("message", add.path("kind").asText());
    assertEquals("add", add.path("type").asText());
    assertEquals("", add.path("sender").asText());
    assertEquals(1, add.path("payloadBytes").asInt());
    assertEquals(1, add.path("replyBytes").asInt());
    assertEquals("completed", add.path("outcome").asText());
    assertEquals("{}", add.path("effects").toString());
    assertTrue(add.path("fuel").asLong() > 0);
    Instant time = Instant.parse(add.path("time").asText());
    assertTrue(time.isAfter(before) && time.isBefore(Instant.now().plusMillis(1)), time::toString);
    JsonNode failed = lines.get(2);
    assertEquals("failed", failed.path("outcome").asText());
    assertEquals("APPLICATION_ERROR", failed.path("code").asText());
    assertEquals("Code 400: unknown message type", failed.path("detail").asText());

    assertEquals(List.of(3), turns("told/a", "?failed=true"));
    assertEquals(List.of(2, 4), turns("told/a", "?type=add"));
    assertEquals(List.of(4), turns("told/a", "?type=add&limit=1"));
    assertEquals(List.of(3, 4), turns("told/a", "?from=3&to=4"));
    assertEquals(List.of(1, 2, 3, 4, 5), turns("told/a", "?sender=-"));
    assertEquals(List.of(), turns("told/a", "?sender=told/b"));
    assertEquals(List.of(4, 5), turns("told/a", "?limit=2"));
    assertEquals(List.of(), turns("told/a", "?from=2100-01-01T00:00:00Z"));
    assertEquals(5, turns("told/a", "?from=" + before + "&to=2100-01-01T00:00:00Z").size());
    NODE.restart();
    assertEquals(lines, history("told/a", ""));
  }

  @Test
  void effectsAndSendersAreTold() throws IOException {
    byte[] sender =
        TestModules.spirit(
            """
            (import "spirit" "send_message"
              (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
            (data (i32.const 16) "received/badd")
            """,
            """
            (drop (call $send (i32.const 16) (i32.const 10) (i32.const 26) (i32.const 3)
              (i32.const 0) (i32.const 0)))
            (drop (call $send (i32.const 16) (i32.const 10) (i32.const 26) (i32.const 3)
              (i32.const 0) (i32.const 0)))
            (i64.const 0)
            """);
    NODE.deploy("received", TestModules.example("counter"));
    NODE.deploy("sending", sender, "grant=cross_sandbox_call");
    NODE.ask("sending/a", "go", "").assertNothing();
    assertEquals(
        "{\"send\":2}", history("sending/a", "?type=go").get(0).path("effects").toString());
    // Delivered some time later; asking takes its turn in the same mailbox, so it is followed.
    Follower follower = new Follower("received/b", "?sender=sending/a&to=3");
    assertEquals(2, follower.next().path("turn").asInt());
    assertEquals(3, follower.next().path("turn").asInt());
  }

  /** Reads what the node streams, line by line. */
  private static final class Follower {
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final CompletableFuture<HttpResponse<Void>> end;

    Follower(String spirit, String query) {
      // Not known before its first message is durable.
      org.awaitility.Awaitility.await().until(() -> get(spirit, "history?limit=1").status() == 200);
      end =
          HttpClient.newHttpClient()
              .sendAsync(
                  NODE.request("/v1/spirits/" + spirit + "/history" + query + "&follow=true")
                      .build(),
                  BodyHandlers.fromLineSubscriber(new LineQueue(lines)));
    }

    JsonNode next() throws IOException {
      try {
        String line = lines.poll(1, TimeUnit.MINUTES);
        assertNotNull(line, "a line");
        return line.isEmpty() ? next() : JSON.readTree(line);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Puts lines into a queue. */
  private record LineQueue(BlockingQueue<String> lines)
      implements java.util.concurrent.Flow.Subscriber<String> {
    @Override
    public void onSubscribe(java.util.concurrent.Flow.Subscription subscription) {
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(String line) {
      lines.add(line);
    }

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onComplete() {}
  }

  @Test
  void followGoesOnWithNewTurnsAndEndsWithTheNode() throws Exception {
    NODE.deploy("followed", TestModules.example("counter"));
    live("followed/a");
    Follower all = new Follower("followed/a", "?type=add");
    Follower newest = new Follower("followed/a", "?limit=1&sender=-");
    assertEquals(2, all.next().path("turn").asInt());
    assertEquals(4, all.next().path("turn").asInt());
    assertEquals(5, newest.next().path("turn").asInt());
    NODE.ask("followed/a", "add", "1").assertReply("13");
    assertEquals(6, all.next().path("turn").asInt());
    assertEquals(6, newest.next().path("turn").asInt());
    NODE.restart();
    assertEquals(200, all.end.get(1, TimeUnit.MINUTES).statusCode());
    assertEquals(200, newest.end.get(1, TimeUnit.MINUTES).statusCode());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void everyStateCanBeRebuilt(String engine) throws Exception {
    String spirit = "rebuilt-" + engine + "/a";
    NODE.deploy("rebuilt-" + engine, TestModules.example("counter"), "engine=" + engine);
    List<String> hashes = new ArrayList<>();
    for (int i = 1; i <= 10; i++) {
      NODE.ask(spirit, "add", "3").assertReply(Integer.toString(3 * i));
      hashes.add(liveHash(spirit, engine));
      if (i == 5) {
        NODE.restart();
      }
    }
    for (int i = 0; i < hashes.size(); i++) {
      JsonNode state = state(spirit, i + 2);
      assertEquals(hashes.get(i), state.path("stateHash").asText(), state::toString);
      assertEquals(i + 2, state.path("turn").asInt());
      assertEquals(engine, state.path("engine").asText());
      assertEquals(65_536, state.path("memoryBytes").asInt());
      assertEquals(1, state.path("nonZeroPages").asInt());
      assertTrue(state.path("globals").asInt() >= 1);
      assertTrue(state.path("fuel").asLong() > 0);
    }
    assertEquals(hashes.get(9), get(spirit, "replay").json().path("stateHash").asText());

    SpiritImage image = SpiritImage.parseFrom(get(spirit, "state?turn=11").body());
    assertEquals(spirit, image.getSpirit());
    assertEquals(30, image.getHeader().getGlobals(0));
    assertEquals(1, image.getPagesCount());
    assertEquals(4096, image.getPages(0).getContent().size());
    NODE.ask(spirit, "get", "").assertReply("30");
  }

  @Test
  void theStateGoesAlongBetweenEngines() {
    NODE.deploy("wandering", TestModules.example("counter"));
    String spirit = "wandering/a";
    NODE.ask(spirit, "add", "1").assertReply("1");
    String hash = "";
    for (String engine : engines()) {
      hash = liveHash(spirit, engine);
      NODE.ask(spirit, "get", "").assertReply("1");
      hash = liveHash(spirit, engine);
    }
    JsonNode state = get(spirit, "replay").json();
    assertEquals(hash, state.path("stateHash").asText());
    assertEquals(engines().get(engines().size() - 1), state.path("engine").asText());
  }

  @Test
  void whatChangedBetweenTurnsIsShown() {
    NODE.deploy("compared", TestModules.example("counter"));
    live("compared/a");
    JsonNode changed = get("compared/a", "diff?from=2&to=4").json();
    assertFalse(changed.path("equal").asBoolean(true));
    assertEquals("[{\"global\":0,\"from\":5,\"to\":12}]", changed.path("globals").toString());
    assertEquals(1, changed.path("pages").size());
    // The digits of the reply: 5 before, 12 now.
    JsonNode page = changed.path("pages").get(0);
    assertEquals(0, page.path("page").asInt());
    assertEquals(0x3e, page.path("firstOffset").asInt(), page::toString);
    assertEquals("[]", changed.path("tables").toString());
    assertEquals(12, get("compared/a", "diff?from=4&to=2").json().at("/globals/0/from").asInt());

    // A failed turn leaves no trace.
    assertTrue(get("compared/a", "diff?from=2&to=3").json().path("equal").asBoolean());
    assertTrue(get("compared/a", "diff?from=4&to=4").json().path("equal").asBoolean());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void anotherModuleRunsOverTheSameHistory(String engine) throws IOException {
    String spirit = "tried-" + engine + "/a";
    NODE.deploy("tried-" + engine, TestModules.example("counter"), "engine=" + engine);
    live(spirit);
    String path = "/v1/spirits/" + spirit + "/replay";
    JsonNode same =
        NODE.post(path, BodyPublishers.ofByteArray(TestModules.example("counter"))).json();
    assertEquals(0, same.path("differing").asInt(), same::toString);
    assertEquals(5, same.path("turns").asInt());
    assertEquals(same.path("fuelRecorded"), same.path("fuelNow"));
    assertEquals(
        state(spirit, 5).path("stateHash").asText(), same.path("state").path("stateHash").asText());

    JsonNode other = NODE.post(path, BodyPublishers.ofByteArray(counterThatDoubles())).json();
    assertEquals(3, other.path("differing").asInt(), other::toString);
    JsonNode first = other.path("differences").get(0);
    assertEquals(2, first.path("turn").asInt());
    assertEquals("add", first.path("type").asText());
    assertEquals("the reply differs; recorded: \"5\"; now: \"10\"", first.path("what").asText());
    assertNotEquals(
        state(spirit, 5).path("digest").asText(), other.path("state").path("digest").asText());
    JsonNode early =
        NODE.post(path + "?to=2", BodyPublishers.ofByteArray(counterThatDoubles())).json();
    assertEquals(1, early.path("differing").asInt(), early::toString);

    NODE.post(path, "no module").assertProblem(ErrorCode.MODULE_BAD_MAGIC);
    NODE.post(path, BodyPublishers.ofByteArray(TestModules.module("")))
        .assertProblem(ErrorCode.MODULE_ABI_MISSING);
    NODE.post(path + "?to=6", BodyPublishers.ofByteArray(counterThatDoubles()))
        .assertProblem(ErrorCode.TURN_NOT_FOUND);
    // The living one has noticed nothing.
    NODE.ask(spirit, "get", "").assertReply("12");
  }

  /** A failed turn is tried as well, and what it then does to the state stays. */
  @Test
  void aModuleThatMendsAFailureIsSeen() throws IOException {
    String text = Files.readString(TestModules.exampleSource("counter"));
    String refusal =
        "(call $fail (i32.const 400) (i32.const 0x100) (i32.const 20))\n    (unreachable))";
    assertTrue(text.contains(refusal));
    byte[] lenient =
        Wat2Wasm.parse(
            text.replace(refusal, "(global.set $count (i64.const 1000)) (i64.const 0))"));
    NODE.deploy("mended", TestModules.example("counter"));
    live("mended/a");
    JsonNode answer =
        NODE.post("/v1/spirits/mended/a/replay", BodyPublishers.ofByteArray(lenient)).json();
    assertEquals(3, answer.path("differing").asInt(), answer::toString);
    assertEquals(
        "recorded: APPLICATION_ERROR Code 400: unknown message type; now: it completed",
        answer.at("/differences/0/what").asText());
    assertEquals(
        "the reply differs; recorded: \"12\"; now: \"1007\"",
        answer.at("/differences/1/what").asText());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void aForkGoesOnFromAnEarlierTurn(String engine) throws IOException {
    String type = "forked-" + engine;
    NODE.deploy(type, TestModules.example("counter"), "engine=" + engine);
    live(type + "/a");
    NodeFixture.Answer forked = fork(type + "/a", "id=b&to=2");
    assertEquals(201, forked.status(), forked.text());
    assertEquals("/v1/spirits/" + type + "/b/history", forked.header("Location"));
    assertEquals(type + "/b", forked.json().path("id").asText());
    assertEquals(
        state(type + "/a", 2).path("stateHash").asText(), forked.json().path("stateHash").asText());
    NODE.ask(type + "/b", "add", "1").assertReply("6");
    NODE.ask(type + "/a", "get", "").assertReply("12");

    NODE.restart();
    NODE.ask(type + "/b", "get", "").assertReply("6");
    List<JsonNode> lines = history(type + "/b", "");
    assertEquals("fork", lines.get(0).path("kind").asText());
    assertEquals(type + "/a", lines.get(0).path("sender").asText());
    assertEquals(List.of(2, 3, 4), turns(type + "/b", ""));
    assertEquals(
        forked.json().path("stateHash").asText(), state(type + "/b", 2).path("stateHash").asText());
    assertEquals(liveHash(type + "/b", engine), state(type + "/b", 4).path("stateHash").asText());
    String before = get(type + "/b", "replay?to=1").assertProblem(ErrorCode.TURN_NOT_FOUND);
    assertTrue(before.contains("turns 2 to 4; before that it was " + type + "/a"), before);
    NODE.post("/v1/spirits/" + type + "/b/replay", BodyPublishers.ofByteArray(TestModules.echo()))
        .assertProblem(ErrorCode.REQUEST_INVALID);

    // A fork of the fork, from what is now.
    assertEquals(201, fork(type + "/b", "id=c").status());
    NODE.ask(type + "/c", "add", "1").assertReply("7");
    NODE.ask(type + "/b", "get", "").assertReply("6");
  }

  @Test
  void aForkNeverTakesAnIdThatWasUsed() {
    NODE.deploy("unforked", TestModules.example("counter"));
    live("unforked/a");
    NODE.ask("unforked/b", "add", "1").assertReply("1");
    fork("unforked/a", "id=b").assertProblem(ErrorCode.SPIRIT_EXISTS);
    fork("unforked/a", "id=a").assertProblem(ErrorCode.SPIRIT_EXISTS);
    NODE.ask("unforked/b", "get", "").assertReply("1");
    fork("unforked/nobody", "id=c").assertProblem(ErrorCode.SPIRIT_NOT_FOUND);
    fork("unforked/a", "id=c&to=99").assertProblem(ErrorCode.TURN_NOT_FOUND);
    fork("unforked/a", "id=../x").assertProblem(ErrorCode.SPIRIT_ID_INVALID);
    fork("unforked/a", "to=2").assertProblem(ErrorCode.REQUEST_INVALID);
    assertTrue(
        get("unforked/c", "history")
            .assertProblem(ErrorCode.SPIRIT_NOT_FOUND)
            .contains("unforked/a, unforked/b"));

    // Many at once: one of them comes into being.
    List<CompletableFuture<NodeFixture.Answer>> answers =
        Stream.generate(
                () -> CompletableFuture.supplyAsync(() -> fork("unforked/a", "id=raced&to=2")))
            .limit(6)
            .toList();
    List<Integer> statuses =
        answers.stream().map(answer -> answer.join().status()).sorted().toList();
    assertEquals(List.of(201, 409, 409, 409, 409, 409), statuses);
    NODE.ask("unforked/raced", "get", "").assertReply("5");
  }

  @Test
  void whatIsAskedWronglyIsTyped() {
    NODE.deploy("asked", TestModules.example("counter"));
    live("asked/a");
    String beyond = get("asked/a", "replay?to=6").assertProblem(ErrorCode.TURN_NOT_FOUND);
    assertTrue(beyond.contains("asked/a has turns 1 to 5."), beyond);
    get("asked/a", "state?turn=6").assertProblem(ErrorCode.TURN_NOT_FOUND);
    get("asked/a", "diff?from=1&to=6").assertProblem(ErrorCode.TURN_NOT_FOUND);
    get("asked/a", "replay?to=0").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "replay?to=x").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "replay?until=2").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "diff?from=1").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "history?from=yesterday").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "history?limit=0").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "history?failed=yes").assertProblem(ErrorCode.REQUEST_INVALID);
    get("asked/a", "history?sender=x").assertProblem(ErrorCode.SPIRIT_ID_INVALID);
    for (String what : List.of("history", "replay", "state", "diff?from=1&to=1")) {
      String detail = get("asked/nobody", what).assertProblem(ErrorCode.SPIRIT_NOT_FOUND);
      assertTrue(detail.contains("asked/a"), detail);
      assertTrue(
          get("no-such-type/x", what)
              .assertProblem(ErrorCode.SPIRIT_NOT_FOUND)
              .contains("no Spirit of this type"));
    }
    assertEquals(405, NODE.post("/v1/spirits/asked/a/history", "").status());
  }

  private static Connection journal() throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + NODE.data().resolve("journal/turns.db"));
  }

  @Test
  void aHistoryWithoutItsBeginningSaysFromWhereItIs() throws Exception {
    NODE.deploy("cut", TestModules.example("counter"));
    live("cut/a");
    try (Connection journal = journal();
        PreparedStatement delete =
            journal.prepareStatement(
                "DELETE FROM event_journal WHERE persistence_id = 'spirit|cut/a' AND"
                    + " sequence_number < 2")) {
      assertEquals(1, delete.executeUpdate());
    }
    String detail = get("cut/a", "replay").assertProblem(ErrorCode.HISTORY_INCOMPLETE);
    assertTrue(detail.contains("begins with turn 3"), detail);
    assertEquals(List.of(3, 4, 5), turns("cut/a", ""));
  }

  /** Whatever the journal says of a turn is held against what the turn does. */
  @Test
  void aRecordThatIsNotTrueStopsReplayAndSpirit() throws Exception {
    NODE.deploy("false", TestModules.example("counter"));
    NODE.ask("false/a", "add", "5").assertReply("5");
    try (Connection journal = journal();
        PreparedStatement select =
            journal.prepareStatement(
                "SELECT event_payload FROM event_journal WHERE persistence_id = 'spirit|false/a'"
                    + " AND sequence_number = 1");
        PreparedStatement update =
            journal.prepareStatement(
                "UPDATE event_journal SET event_payload = ? WHERE persistence_id ="
                    + " 'spirit|false/a' AND sequence_number = 1")) {
      // Configuration, birth and the first message were one commit.
      SpiritEvent.Builder event;
      try (ResultSet found = select.executeQuery()) {
        assertTrue(found.next());
        event = SpiritEvent.parseFrom(found.getBytes(1)).toBuilder();
      }
      Turn.Builder turn = event.getBatchBuilder().getEventsBuilder(2).getTurnBuilder();
      assertEquals(2, turn.getNumber());
      turn.setStateHash(com.google.protobuf.ByteString.copyFrom(new byte[32]));
      update.setBytes(1, event.build().toByteArray());
      assertEquals(1, update.executeUpdate());
    }
    String detail = get("false/a", "replay").assertProblem(ErrorCode.REPLAY_DIVERGED);
    assertTrue(detail.contains("Turn 2 of false/a: the state after it differs"), detail);
    try (Connection snapshots =
            DriverManager.getConnection(
                "jdbc:sqlite:" + NODE.data().resolve("journal/snapshots.db"));
        PreparedStatement delete =
            snapshots.prepareStatement(
                "DELETE FROM snapshot WHERE persistence_id = 'spirit|false/a'")) {
      NODE.ask("false/a", "get", "").assertReply("5");
      NODE.node().close();
      delete.executeUpdate();
    }
    NODE.restart();
    String stopped = NODE.ask("false/a", "get", "").assertProblem(ErrorCode.REPLAY_DIVERGED);
    assertTrue(stopped.contains("Turn 2 of false/a"), stopped);
  }
}
