package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Batch;
import io.vudo.protocol.journal.v1.SpiritEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Messages that arrive while the Spirit is at work share one commit, and are turns all the same.
 */
class GroupCommitTest {
  private static final int SNAPSHOT_EVERY = 40;

  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture("vudo.spirit.snapshot-every-events = " + SNAPSHOT_EVERY);

  private static final Duration TIMEOUT = Duration.ofMinutes(1);
  private static final int ATTEMPTS = 50;
  private static final String COUNT = "";
  private static final String TRAP = "x";
  private static final String WORK = "work";

  /** Counts in a global and answers the count; "x" traps after it has counted; longer ones work. */
  private static byte[] counter() {
    return TestModules.spirit(
        "(global $n (mut i64) (i64.const 0)) (global $i (mut i32) (i32.const 0))",
        """
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (i64.store (i32.const 16) (global.get $n))
        (if (i32.eq (local.get $l) (i32.const 1)) (then (unreachable)))
        (if (i32.gt_u (local.get $l) (i32.const 1)) (then
          (global.set $i (i32.const 20000000))
          (loop $on
            (global.set $i (i32.sub (global.get $i) (i32.const 1)))
            (br_if $on (global.get $i)))))
        (i64.const 0x0000001000000008)
        """);
  }

  private static CompletableFuture<Long> send(SpiritId to, String payload) {
    return NODE.node()
        .spirits()
        .ask(to, "count", payload.getBytes(StandardCharsets.UTF_8), "", TIMEOUT)
        .toCompletableFuture()
        .thenApply(
            reply ->
                java.nio.ByteBuffer.wrap(reply.orElseThrow())
                    .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                    .getLong());
  }

  private static Connection database(String name) throws SQLException {
    return DriverManager.getConnection("jdbc:sqlite:" + NODE.data().resolve("journal/" + name));
  }

  private static List<SpiritEvent> journal(SpiritId id) throws Exception {
    try (Connection turns = database("turns.db");
        PreparedStatement select =
            turns.prepareStatement(
                "SELECT event_payload FROM event_journal WHERE persistence_id = ?"
                    + " ORDER BY sequence_number")) {
      select.setString(1, "spirit|" + id);
      List<SpiritEvent> events = new ArrayList<>();
      try (ResultSet rows = select.executeQuery()) {
        while (rows.next()) {
          events.add(SpiritEvent.parseFrom(rows.getBytes(1)));
        }
      }
      return events;
    }
  }

  private static Optional<Batch> batchWithFailureInside(SpiritId id) throws Exception {
    return journal(id).stream()
        .map(SpiritEvent::getBatch)
        .filter(
            batch ->
                batch.getEventsCount() > 2
                    && batch.getEventsList().subList(1, batch.getEventsCount() - 1).stream()
                        .anyMatch(event -> event.getTurn().hasFailed()))
        .findFirst();
  }

  private static List<JsonNode> history(SpiritId id, String query) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : NODE.get("/v1/spirits/" + id + "/history" + query).text().lines().toList()) {
      lines.add(new ObjectMapper().readTree(line));
    }
    return lines;
  }

  private static String hash(SpiritId id, long turn) {
    NodeFixture.Answer answer = NODE.get("/v1/spirits/" + id + "/replay?to=" + turn);
    assertEquals(200, answer.status(), answer.text());
    return answer.json().path("stateHash").asText();
  }

  /** The turn that trapped leaves nothing behind; those before and after it in the batch stay. */
  @Test
  void aTrapInTheMiddleRollsBackExactlyThatTurn() throws Exception {
    NODE.deploy("middle", counter());
    SpiritId id = null;
    Optional<Batch> batch = Optional.empty();
    for (int i = 0; batch.isEmpty(); i++) {
      assertTrue(i < ATTEMPTS, "no trap was ever inside of a batch");
      id = new SpiritId("middle", "s" + i);
      assertEquals(1, send(id, COUNT).join());
      // What is sent while this one works waits together.
      CompletableFuture<Long> working = send(id, WORK);
      List<CompletableFuture<Long>> before = List.of(send(id, COUNT), send(id, COUNT));
      CompletableFuture<Long> trapping = send(id, TRAP);
      List<CompletableFuture<Long>> after = List.of(send(id, COUNT), send(id, COUNT));
      assertEquals(2, working.join());
      assertEquals(List.of(3L, 4L), before.stream().map(CompletableFuture::join).toList());
      CompletionException failure = assertThrows(CompletionException.class, trapping::join);
      assertEquals(
          ErrorCode.TRAP_UNREACHABLE,
          assertInstanceOf(VudoException.class, failure.getCause()).code());
      assertEquals(List.of(5L, 6L), after.stream().map(CompletableFuture::join).toList());
      batch = batchWithFailureInside(id);
    }

    // Birth, 1 and 2, 3 and 4, the trap, 5 and 6: each is a line of the history.
    assertEquals(
        LongStream.rangeClosed(1, 8).boxed().toList(),
        history(id, "").stream().map(line -> line.path("turn").asLong()).toList());
    assertEquals(
        List.of(7L, 8L),
        history(id, "?limit=2").stream().map(line -> line.path("turn").asLong()).toList());
    // A replay ends inside of a batch where it is told to.
    assertEquals(hash(id, 5), hash(id, 6), "the turn that trapped changed something");
    assertTrue(!hash(id, 6).equals(hash(id, 7)));

    // And what is on disk says the same when it is all there is.
    NODE.node().close();
    try (Connection snapshots = database("snapshots.db");
        PreparedStatement delete =
            snapshots.prepareStatement("DELETE FROM snapshot WHERE persistence_id = ?")) {
      delete.setString(1, "spirit|" + id);
      delete.executeUpdate();
    }
    NODE.restart();
    assertEquals(7, send(id, COUNT).join());
  }

  /** Snapshots are counted in turns, which recovery runs again, and not in commits. */
  @Test
  void snapshotsKeepPaceWithBatches() throws Exception {
    NODE.deploy("snapped", counter());
    SpiritId id = new SpiritId("snapped", "one");
    assertEquals(1, send(id, COUNT).join());
    int turns = 3 * SNAPSHOT_EVERY;
    List<CompletableFuture<Long>> sent = new ArrayList<>();
    sent.add(send(id, WORK));
    for (int i = 1; i < turns; i++) {
      sent.add(send(id, COUNT));
    }
    for (int i = 0; i < turns; i++) {
      assertEquals(i + 2, sent.get(i).join());
    }
    int entries = journal(id).size();
    assertTrue(entries < SNAPSHOT_EVERY, entries + " entries: nothing shared a commit");
    // It is written after the replies.
    await()
        .atMost(TIMEOUT)
        .untilAsserted(
            () -> assertTrue(snapshots(id) > 0, "no snapshot after " + turns + " turns"));
  }

  /** Spirits that began together, with as many messages, write their snapshots apart. */
  @Test
  void snapshotsOfSpiritsAlikeAreSpread() throws Exception {
    NODE.deploy("spread", counter());
    List<SpiritId> spirits =
        IntStream.range(0, 16).mapToObj(i -> new SpiritId("spread", "s" + i)).toList();
    // Their configuration is an event as well.
    for (int turn = 1; turn < SNAPSHOT_EVERY * 3 / 4; turn++) {
      for (SpiritId id : spirits) {
        send(id, COUNT).join();
      }
    }
    await()
        .atMost(TIMEOUT)
        .untilAsserted(
            () -> {
              long written = written(spirits);
              assertTrue(written > 0 && written < 16, written + " of 16 are written");
            });
    for (SpiritId id : spirits) {
      for (int turn = 0; turn < SNAPSHOT_EVERY / 4; turn++) {
        send(id, COUNT).join();
      }
    }
    await().atMost(TIMEOUT).untilAsserted(() -> assertEquals(16, written(spirits)));
  }

  private static long written(List<SpiritId> spirits) throws SQLException {
    long written = 0;
    for (SpiritId id : spirits) {
      written += snapshots(id) > 0 ? 1 : 0;
    }
    return written;
  }

  private static int snapshots(SpiritId id) throws SQLException {
    try (Connection snapshots = database("snapshots.db");
        PreparedStatement count =
            snapshots.prepareStatement("SELECT count(*) FROM snapshot WHERE persistence_id = ?")) {
      count.setString(1, "spirit|" + id);
      try (ResultSet row = count.executeQuery()) {
        row.next();
        return row.getInt(1);
      }
    }
  }
}
