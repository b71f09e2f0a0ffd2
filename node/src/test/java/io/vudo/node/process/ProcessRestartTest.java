package io.vudo.node.process;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.node.VudoNode;
import io.vudo.protocol.ErrorCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls by name across a restart, and at their deadline. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ProcessRestartTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private static final Path DATA = NodeFixture.newDataDirectory();
  private static ProcessRegistry registry;
  private static NodeFixture node;

  @AfterEach
  void stop() {
    ProcessTest.NEVER.countDown();
    node.node().close();
  }

  private static void boot(String config, ProcessRegistry processes) {
    registry = processes;
    node = NodeFixture.of(VudoNode.start(NodeFixture.settings(DATA, config), processes));
  }

  @Test
  void anAnswerIsRecordedAndWhatWasUnderWayIsCalledAgainUnderItsId() {
    boot(ProcessTest.CONFIG, ProcessTest.registry());
    node.deploy("caller", ProcessTest.caller(), "grant=process");
    CountDownLatch go = new CountDownLatch(1);
    registry.handle(
        "calls.slow",
        call -> {
          Object count = ProcessTest.count(call);
          go.await();
          return count;
        });
    // Sleeps after the call, so that the turn runs again from its start.
    node.deploy(
        "sleeper", ProcessTest.caller("(drop (call $sleep (i64.const 3000)))"), "grant=process");
    List<CompletableFuture<Answer>> asked = List.of(askSleeper(), askSlow());
    await()
        .atMost(PATIENCE)
        .until(() -> waits("sleeper/a", "the time") && ProcessTest.CALLS.containsKey("slow"));

    node.node().close();
    boot(
        ProcessTest.CONFIG + "vudo.process.deadline = 5 s",
        ProcessTest.registry().handle("calls.slow", ProcessTest::count));
    asked.forEach(one -> one.handle((answer, failure) -> failure != null).join());

    assertEquals("a1", askSleeper().join().text());
    List<ProcessCall> recorded = ProcessTest.CALLS.get("sleeper");
    assertEquals("sleeper/a", recorded.get(0).caller().orElseThrow());
    assertTrue(recorded.get(0).id().startsWith("sleeper/a#"), recorded.get(0).id());
    assertEquals(1, recorded.size());
    assertEquals("a2", askSlow().join().text());
    List<ProcessCall> underWay = ProcessTest.CALLS.get("slow");
    assertEquals(2, underWay.size());
    assertEquals(underWay.get(0).id(), underWay.get(1).id());
    // A replay of the history does not call, either.
    assertEquals(200, node.get("/v1/spirits/sleeper/a/replay").status());
    assertEquals(200, node.get("/v1/spirits/caller/slow/replay").status());
    assertEquals(1, recorded.size());
    assertEquals(2, underWay.size());
    go.countDown();
    aFunctionThatNeverReturnsTakesItsOwnPartOfTheThreadsOnly();
  }

  private static void aFunctionThatNeverReturnsTakesItsOwnPartOfTheThreadsOnly() {
    // Two run, which is half of the threads, and three wait.
    List<CompletableFuture<Answer>> stuck = askStuck("a", "b");
    await().atMost(PATIENCE).until(() -> ProcessTest.STUCK.get() == 2);
    List<CompletableFuture<Answer>> waiting = askStuck("c", "d");
    CompletableFuture<Answer> keyed =
        CompletableFuture.supplyAsync(ProcessRestartTest::callStuckUnderItsKey);
    assertEquals("a7", node.ask("caller/free", "calls.later", "[7]").text());
    for (CompletableFuture<Answer> one : stuck) {
      String text = one.join().text();
      assertTrue(text.startsWith("kException|504:ASK_TIMEOUT"), text);
    }
    for (CompletableFuture<Answer> one : waiting) {
      String text = one.join().text();
      // Their Spirits' own clocks may be first.
      assertTrue(text.contains("PROCESS_BUSY") || text.contains("ASK_TIMEOUT"), text);
    }
    assertTrue(keyed.join().status() != 200, keyed.join().text());
    // They were interrupted and did not care, so nothing else of their Loa runs.
    List<Integer> statuses = new ArrayList<>();
    for (int i = 0; i < 100 && !statuses.contains(ErrorCode.PROCESS_BUSY.httpStatus()); i++) {
      statuses.add(node.post("/v1/process/stuck.never", "[]", "X-Vudo-Timeout", "1ms").status());
    }
    assertTrue(statuses.contains(ErrorCode.PROCESS_BUSY.httpStatus()), statuses.toString());
    assertEquals("a8", node.ask("caller/free", "calls.later", "[8]").text());
    // What has not begun in its time runs when it is repeated.
    ProcessTest.NEVER.countDown();
    await().atMost(PATIENCE).until(() -> callStuckUnderItsKey().status() == 200);
  }

  private static List<CompletableFuture<Answer>> askStuck(String... ids) {
    return Stream.of(ids)
        .map(id -> node.sendAsk("caller/stuck-" + id, "stuck.never", "[]"))
        .toList();
  }

  private static Answer callStuckUnderItsKey() {
    return node.post(
        "/v1/process/stuck.never", "[]", "Idempotency-Key", "late", "X-Vudo-Timeout", "5s");
  }

  private static CompletableFuture<Answer> askSleeper() {
    return node.sendAsk("sleeper/a", "calls.count", "[\"sleeper\"]", "Idempotency-Key", "night");
  }

  private static CompletableFuture<Answer> askSlow() {
    return node.sendAsk("caller/slow", "calls.slow", "[\"slow\"]", "Idempotency-Key", "once");
  }

  private static boolean waits(String spirit, String what) {
    return node.node().spirits().resident().stream()
        .filter(status -> status.waitsFor().startsWith(what))
        .anyMatch(status -> status.id().toString().equals(spirit));
  }
}
