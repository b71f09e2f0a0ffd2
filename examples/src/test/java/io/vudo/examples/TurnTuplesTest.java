package io.vudo.examples;

import static io.vudo.examples.TupleGuest.call;
import static io.vudo.examples.TupleGuest.template;
import static io.vudo.examples.TupleGuest.text;
import static io.vudo.examples.TupleGuest.tuple;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.TupleGuest.Reply;
import io.vudo.examples.TupleGuest.Told;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Engines;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Everything that a turn can do with spaces, and that it all belongs to the turn. */
class TurnTuplesTest {
  private static final byte[] NONE = {};
  private static final byte[] JOBS = template("[\"job\", {\"?\": \"int\"}]");
  private static final byte[] ANYTHING = template("[{\"?\": \"any\"}, {\"?\": \"any\"}]");
  private static final byte[] PROBES = template("[{\"?\": \"any\"}, {\"?\": [\"<\", 0]}]");
  private static final long LONG = 600_000;

  static List<String> engines() {
    return Engines.names();
  }

  private static TestNode node(Path directory, String... settings) throws IOException {
    TestNode node = TestNode.start(directory, settings);
    deploy(node, "tuples", "jvm");
    return node;
  }

  private static void deploy(TestNode node, String type, String engine) {
    node.deploy(
        type,
        TupleGuest.module(),
        "engine=" + engine,
        "grant=tuplespace_read:s",
        "grant=tuplespace_write:s",
        "grant=tuplespace_take:s",
        "grant=tuplespace_write:w");
  }

  private static Reply ask(TestNode node, String spirit, byte[] call) {
    return TupleGuest.reply(node.askBytes(spirit, "go", call));
  }

  private static CompletableFuture<Reply> askLater(TestNode node, String spirit, byte[] call) {
    return node.askLater(spirit, "go", call, "").thenApply(TupleGuest::reply);
  }

  private static List<Told> allTold(TestNode node, String spirit) {
    return TupleGuest.told(ask(node, spirit, call('L', "s", NONE, 0)));
  }

  private static List<Told> told(TestNode node, String spirit) {
    return allTold(node, spirit).stream().filter(one -> !isProbe(one)).toList();
  }

  private static void fails(TestNode node, String spirit, byte[] call) {
    VudoException failure =
        assertThrows(VudoException.class, () -> node.askBytes(spirit, "fail", call));
    assertEquals(ErrorCode.TRAP_UNREACHABLE, failure.code());
  }

  /** The turns so far, run again, lead to the same state without asking anybody. */
  private static void assertReplays(TestNode node, String spirit) {
    String path = "/v1/spirits/" + spirit + "/replay";
    String once = node.get(path).path("stateHash").asText();
    assertEquals(64, once.length(), () -> node.get(path).toString());
    assertEquals(once, node.get(path).path("stateHash").asText());
  }

  @ParameterizedTest
  @MethodSource("engines")
  void everyFunctionAnswers(String engine, @TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      deploy(node, "tuples", engine);
      String a = "tuples/a";
      assertEquals(0, ask(node, a, call('c', "s", JOBS, 0)).status());
      Reply none = ask(node, a, call('R', "s", JOBS, 10));
      assertEquals(0, none.status());
      assertEquals(1, none.bytes().length, "an empty array");
      assertEquals(-9, ask(node, a, call('s', "s", JOBS, tuple("[\"job\", 9]"), 0, 0)).status());

      for (int i = 0; i < 5; i++) {
        assertEquals(0, ask(node, a, call('w', "s", tuple("[\"job\"," + i + "]"), 0)).status());
      }
      node.writeTuple("s", "[\"other\", 1.5]");
      await().until(() -> node.count("s", "[{\"?\": \"any\"}, {\"?\": \"any\"}]") == 6);
      assertEquals(5, ask(node, a, call('c', "s", JOBS, 0)).status());
      assertEquals(
          "[[\"job\",0],[\"job\",1],[\"job\",2]]", ask(node, a, call('R', "s", JOBS, 3)).tuple());
      assertEquals(6, ask(node, a, call('c', "s", ANYTHING, 0)).status(), "of all parts");
      assertEquals(
          "[\"job\",3]",
          ask(node, a, call('t', "s", template("[\"job\", {\"?\": [\">\", 2]}]"), 0)).tuple(),
          "a predicate");

      assertEquals(
          "[\"job\",1]",
          ask(node, a, call('s', "s", template("[\"job\", 1]"), tuple("[\"job\", 100]"), 0, 0))
              .tuple());
      await().until(() -> node.count("s", "[\"job\", 100]") == 1);
      assertEquals(0, node.count("s", "[\"job\", 1]"));

      assertEquals("[[\"job\",0],[\"job\",2]]", ask(node, a, call('T', "s", JOBS, 2)).tuple());
      assertEquals("[[\"job\",4],[\"job\",100]]", ask(node, a, call('T', "s", JOBS, 10)).tuple());
      assertEquals(0, node.count("s", "[\"job\", {\"?\": \"int\"}]"), "gone for everybody");
      assertEquals(
          "[[\"other\",1.5]]", ask(node, a, call('T', "s", ANYTHING, 10)).tuple(), "of all parts");
      assertReplays(node, a);
    }
  }

  @ParameterizedTest
  @MethodSource("engines")
  void whatIsWrongIsAStatus(String engine, @TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      deploy(node, "tuples", engine);
      String a = "tuples/a";
      byte[] job = tuple("[\"job\", 1]");
      node.writeTuple("s", "[\"job\", 1]");
      // A space without a grant; one with a grant for writing alone.
      byte[] lease = text("0.tuples/a#1#0");
      List<byte[]> calls =
          List.of(
              call('R', "x", JOBS, 1),
              call('T', "x", JOBS, 1),
              call('c', "x", JOBS, 0),
              call('s', "x", JOBS, job, 0, 0),
              call('l', "x", job, 1000),
              call('e', "x", lease, 1000),
              call('x', "x", lease, 0),
              call('b', "x", text("b"), NONE, 1, 1000),
              call('h', "x", JOBS, text("w"), 0, 0),
              call('u', "x", text("w"), 0),
              call('T', "w", JOBS, 1),
              call('s', "w", JOBS, job, 0, 0),
              call('e', "w", text("0.123"), 1000),
              call('x', "w", text("0.tuples/b#1#0"), 0),
              call('h', "w", JOBS, text("w"), 0, 0));
      for (byte[] call : calls) {
        assertEquals(-1, ask(node, a, call).status(), () -> "" + (char) call[0]);
      }
      byte[] bad = {(byte) 0x91, (byte) 0xc1};
      List<byte[]> invalid =
          List.of(
              call('R', "s", bad, 1),
              call('R', "s", JOBS, 0),
              call('T', "s", template("[1]"), 0),
              call('c', "s", bad, 0),
              call('c', "not a space", JOBS, 0),
              call('s', "s", bad, job, 0, 0),
              call('s', "s", JOBS, bad, 0, 0),
              call('s', "s", JOBS, job, -1, 0),
              call('l', "s", bad, 1000),
              call('l', "s", job, 0),
              call('e', "s", text("lease"), 1000),
              call('e', "s", lease, -1),
              call('x', "s", NONE, 0),
              call('b', "s", NONE, NONE, 1, 1000),
              call('b', "s", text("b"), NONE, 0, 1000),
              call('b', "s", text("b"), NONE, 100_001, 1000),
              call('b', "s", text("b"), NONE, 1, 0),
              call('b', "s", text("b".repeat(257)), NONE, 1, 1000),
              call('h', "s", bad, text("w"), 0, 0),
              call('h', "s", JOBS, NONE, 0, 0),
              call('u', "s", NONE, 0));
      for (byte[] call : invalid) {
        assertEquals(-3, ask(node, a, call).status(), () -> "" + (char) call[0]);
      }
      assertEquals(-11, ask(node, a, call('R', "s", JOBS, 10_001)).status());
      assertEquals(-7, ask(node, a, call('1', "s", job, 1000)).status());
      assertEquals(-2, ask(node, a, call('z', "s", JOBS, 0)).status());
      assertEquals(-2, ask(node, a, call('y', "s", NONE, job, 0, 0)).status());
      assertEquals(1, node.count("s", "[\"job\", {\"?\": \"int\"}]"), "nothing was done");
      assertReplays(node, a);
    }
  }

  @Test
  void aTurnThatFailsGivesBackWhatItTook(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      for (int i = 0; i < 4; i++) {
        node.writeTuple("s", "[\"job\", " + i + "]");
      }
      node.writeTuple("s", "[\"other\", 0]");
      byte[] job = tuple("[\"job\", 9]");
      String all = "[[\"job\",0],[\"job\",1],[\"job\",2],[\"job\",3]]";
      fails(node, "tuples/a", call('T', "s", JOBS, 3));
      fails(node, "tuples/a", call('T', "s", ANYTHING, 10));
      fails(node, "tuples/a", call('s', "s", JOBS, job, 0, 0));
      fails(node, "tuples/a", call('l', "s", job, LONG));
      fails(node, "tuples/a", call('h', "s", JOBS, text("w"), 0, 0));
      await()
          .untilAsserted(
              () -> assertEquals(all, ask(node, "tuples/b", call('R', "s", JOBS, 9)).tuple()));
      assertEquals(5, node.count("s", "[{\"?\": \"any\"}, {\"?\": \"any\"}]"));
      assertEquals(0, count(node, "tuples/a"));
      assertTrue(told(node, "tuples/a").isEmpty());
      // And the same tuples can be taken at once.
      assertEquals(all, ask(node, "tuples/b", call('T', "s", JOBS, 9)).tuple());
    }
  }

  @Test
  void leasesEndAreRenewedAndCancelled(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      String a = "tuples/a";
      Reply first = ask(node, a, call('l', "s", tuple("[\"here\", 1]"), 1_500));
      assertEquals(first.text().length(), first.status());
      String lease = first.text();
      assertTrue(lease.contains(a + "#"), lease);
      await().until(() -> node.count("s", "[\"here\", 1]") == 1);
      assertEquals(0, ask(node, a, call('e', "s", text(lease), LONG)).status());
      Reply second = ask(node, a, call('l', "s", tuple("[\"here\", 2]"), 1_500));
      await().until(() -> node.count("s", "[\"here\", 2]") == 1);
      await().atMost(TestNode.PATIENCE).until(() -> node.count("s", "[\"here\", 2]") == 0);
      assertEquals(1, node.count("s", "[\"here\", 1]"), "renewed");
      node.killAndRestart();
      assertEquals(1, node.count("s", "[\"here\", 1]"), "renewed, and durable");

      // Of one that is over, and of one that never was: nothing happens.
      assertEquals(0, ask(node, a, call('e', "s", text(second.text()), LONG)).status());
      assertEquals(0, ask(node, a, call('x', "s", text("0.tuples/a#999#0"), 0)).status());
      fails(node, a, call('x', "s", text(lease), 0));
      assertEquals(1, node.count("s", "[\"here\", 1]"), "the turn failed");
      // By another, which may take from the space as well.
      assertEquals(0, ask(node, "tuples/b", call('x', "s", text(lease), 0)).status());
      await().until(() -> node.count("s", "[\"here\", 1]") == 0);
      assertReplays(node, a);
    }
  }

  @Test
  void allMeetAtABarrierAlsoAfterAKill(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory, "vudo.spirit.wait-redelivery-max = 2s")) {
      assertEquals(0, ask(node, "tuples/a", barrier(1, LONG)).status(), "alone");
      assertEquals(-10, ask(node, "tuples/a", barrier(2, 300)).status());
      CompletableFuture<Reply> first = askLater(node, "tuples/a", barrier(3, LONG));
      awaitSuspended(node, "tuples/a");
      String waitsFor = node.resident("tuples/a").path("waitsFor").asText();
      assertTrue(waitsFor.startsWith("barrier door of s, until "), waitsFor);
      assertEquals(-3, ask(node, "tuples/c", barrier(2, LONG)).status(), "another number");
      CompletableFuture<Reply> second = askLater(node, "tuples/b", barrier(3, LONG));
      awaitSuspended(node, "tuples/b");
      node.killAndRestart();
      assertThrows(VudoException.class, () -> TestNode.join(first), "its connection is gone");
      assertThrows(VudoException.class, () -> TestNode.join(second));
      awaitSuspended(node, "tuples/a");
      awaitSuspended(node, "tuples/b");
      assertEquals(2, ask(node, "tuples/c", barrier(3, LONG)).status());
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> count(node, "tuples/a") == 2 && count(node, "tuples/b") == 1);
      // It is as new.
      assertEquals(-10, ask(node, "tuples/c", barrier(3, 300)).status());
      assertReplays(node, "tuples/a");
    }
  }

  private static byte[] barrier(int parties, long timeout) {
    return call('b', "s", text("door"), NONE, parties, timeout);
  }

  private static long count(TestNode node, String spirit) {
    return Long.parseLong(new String(node.askBytes(spirit, "go", call('n', "s", NONE, 0)), UTF_8));
  }

  private static void awaitSuspended(TestNode node, String spirit) {
    await()
        .atMost(TestNode.PATIENCE)
        .until(() -> node.resident(spirit).path("phase").asText().equals("SUSPENDED"));
  }

  @Test
  void watchesTellWhatHappens(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      String a = "tuples/a";
      assertEquals(0, ask(node, a, call('h', "s", JOBS, text("jobs"), 0, 0)).status());
      assertEquals(0, ask(node, a, call('h', "s", ANYTHING, text("all"), 0, 0)).status());
      assertEquals(0, ask(node, a, call('u', "s", text("unknown"), 0)).status());
      awaitWatching(node, a, "jobs", "\"job\"");
      awaitWatching(node, a, "all", "\"job\"");
      node.writeTuple("s", "[\"job\", 1]");
      ask(node, "tuples/b", call('t', "s", JOBS, 0));
      ask(node, "tuples/b", call('l', "s", tuple("[\"job\", 2]"), 300));
      List<Told> jobs =
          List.of(
              new Told("tuple.added", "[\"jobs\",\"s\",[\"job\",1]]"),
              new Told("tuple.removed", "[\"jobs\",\"s\",[\"job\",1]]"),
              new Told("tuple.added", "[\"jobs\",\"s\",[\"job\",2]]"),
              new Told("tuple.expired", "[\"jobs\",\"s\",[\"job\",2]]"));
      awaitTold(node, a, "jobs", jobs);
      assertEquals(
          4, told(node, a).stream().filter(one -> one.payload().contains("\"all\"")).count());

      // Another one by the same name takes its place; one that is over tells no more.
      ask(node, a, call('h', "s", template("[\"other\", {\"?\": \"any\"}]"), text("jobs"), 0, 0));
      ask(node, a, call('u', "s", text("all"), 0));
      awaitWatching(node, a, "jobs", "\"other\"");
      int before = told(node, a).size();
      node.writeTuple("s", "[\"job\", 3]");
      node.writeTuple("s", "[\"other\", 3]");
      await().atMost(TestNode.PATIENCE).until(() -> told(node, a).size() > before);
      assertEquals(
          List.of(new Told("tuple.added", "[\"jobs\",\"s\",[\"other\",3]]")),
          told(node, a).subList(before, told(node, a).size()));
      assertReplays(node, a);

      // The watch outlives the node, and says that something may have been missed.
      node.killAndRestart();
      node.writeTuple("s", "[\"other\", 4]");
      await()
          .atMost(TestNode.PATIENCE)
          .until(
              () ->
                  told(node, a).stream()
                      .anyMatch(
                          one -> one.equals(new Told("tuple.missed", "[\"jobs\",\"s\",null]"))));
      int missed = told(node, a).size();
      node.writeTuple("s", "[\"other\", 5]");
      await().atMost(TestNode.PATIENCE).until(() -> told(node, a).size() > missed);
      assertReplays(node, a);
    }
  }

  @Test
  void aChangeThatIsNotTakenIsMissed(@TempDir Path directory) throws IOException {
    try (TestNode node = TestNode.start(directory)) {
      node.deploy(
          "tuples",
          TupleGuest.module(),
          "payload=500",
          "mailbox=2",
          "grant=tuplespace_read:s",
          "grant=tuplespace_take:s",
          "grant=tuplespace_write:s");
      String a = "tuples/a";
      assertEquals(0, ask(node, a, call('h', "s", ANYTHING, text("w"), 0, 0)).status());
      awaitWatching(node, a, "w", "1");
      // Too large for it.
      node.writeTuple("s", "[1, \"" + "x".repeat(600) + "\"]");
      Told missed = new Told("tuple.missed", "[\"w\",\"s\",null]");
      await().atMost(TestNode.PATIENCE).until(() -> told(node, a).equals(List.of(missed)));
      // It waits, and its mailbox is soon full.
      CompletableFuture<Reply> waiting =
          askLater(node, a, call('b', "s", text("b"), NONE, 2, LONG));
      awaitSuspended(node, a);
      for (int i = 0; i < 10; i++) {
        node.writeTuple("s", "[2, " + i + "]");
      }
      assertEquals(1, ask(node, "tuples/b", call('b', "s", text("b"), NONE, 2, LONG)).status());
      TestNode.join(waiting);
      await()
          .atMost(TestNode.PATIENCE)
          .until(
              () -> {
                List<Told> all = told(node, a);
                return all.size() > 1 && all.get(all.size() - 1).equals(missed);
              });
      assertTrue(told(node, a).size() < 11, "not all of them");
      node.writeTuple("s", "[3, 3]");
      await()
          .atMost(TestNode.PATIENCE)
          .until(() -> told(node, a).contains(new Told("tuple.added", "[\"w\",\"s\",[3,3]]")));
    }
  }

  @Test
  void aLifeThatEndsWatchesNoMore(@TempDir Path directory) throws IOException {
    try (TestNode node = node(directory)) {
      node.deploy(
          "ender",
          Guests.spirit(
              "(import \"spirit\" \"stop\" (func $stop (param i32 i32) (result i32)))",
              "",
              "(drop (call $stop (local.get $p) (local.get $l))) (i64.const 0)"),
          "grant=spawn_sandbox");
      assertEquals(0, ask(node, "tuples/a", call('h', "s", ANYTHING, text("w"), 0, 0)).status());
      awaitWatching(node, "tuples/a", "w", "1");
      node.writeTuple("s", "[1, 1]");
      await().atMost(TestNode.PATIENCE).until(() -> told(node, "tuples/a").size() == 1);
      node.askBytes("ender/a", "go", text("tuples/a"));
      await()
          .atMost(TestNode.PATIENCE)
          .until(
              () ->
                  history(node, "tuples/a").contains("\"tuple.added\"")
                      && history(node, "tuples/a").contains("\"stop\""));
      int before = history(node, "tuples/a").length();
      for (int i = 0; i < 5; i++) {
        node.writeTuple("s", "[2, " + i + "]");
      }
      assertFalse(history(node, "tuples/a").length() > before, "no turn, and no new life");
      assertTrue(told(node, "tuples/a").isEmpty(), "a new life knows nothing");
      node.writeTuple("s", "[3, 3]");
      assertTrue(told(node, "tuples/a").isEmpty());
    }
  }

  private static String history(TestNode node, String spirit) {
    return new String(node.getBytes("/v1/spirits/" + spirit + "/history"), UTF_8);
  }

  private static void awaitTold(TestNode node, String spirit, String watch, List<Told> expected) {
    await()
        .atMost(TestNode.PATIENCE)
        .untilAsserted(
            () ->
                assertEquals(
                    expected,
                    told(node, spirit).stream()
                        .filter(one -> one.payload().startsWith("[\"" + watch + "\""))
                        .toList()));
  }

  /** Returns when a watch is known to the space: by tuples with a number below 0. */
  private static void awaitWatching(TestNode node, String spirit, String watch, String first) {
    AtomicInteger number = new AtomicInteger();
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () -> {
              node.writeTuple("s", "[" + first + ", " + number.decrementAndGet() + "]");
              return allTold(node, spirit).stream()
                  .anyMatch(
                      one ->
                          one.payload().startsWith("[\"" + watch + "\"")
                              && isProbe(one)
                              && one.payload().contains("[" + first + ",-"));
            });
    String last = "[" + first + "," + number.get() + "]";
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () ->
                allTold(node, spirit).stream()
                    .anyMatch(
                        one ->
                            one.payload().startsWith("[\"" + watch + "\"")
                                && one.payload().contains(last)));
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () -> {
              ask(node, "tuples/sweeper", call('T', "s", PROBES, 1_000));
              return node.count("s", TupleJson.write(TupleCodec.decodeTemplate(PROBES))) == 0;
            });
  }

  private static boolean isProbe(Told told) {
    return told.payload().contains(",-");
  }
}
