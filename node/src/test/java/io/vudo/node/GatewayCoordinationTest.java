package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture.Answer;
import io.vudo.protocol.ErrorCode;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Batches, swaps, leases, barriers, transactions and watches over HTTP. */
class GatewayCoordinationTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static final String ANY_JOB = "\"template\":[\"job\",{\"?\":\"int\"}]";
  private static final String OPEN = "\"template\":[{\"?\":\"any\"},{\"?\":\"any\"}]";

  private static Answer post(String path, String body, String... headers) {
    return NODE.post("/v1/spaces/" + path, body, headers);
  }

  private static void assertCount(int count, String space) {
    post(space + "/count", "{" + OPEN + "}").assertReply("{\"count\":" + count + "}");
  }

  private static EventStream watch(String space, String template) {
    return EventStream.open(
        NODE.request("/v1/spaces/" + space + "/watch")
            .POST(BodyPublishers.ofString("{\"template\":" + template + "}")));
  }

  // Batches

  @Test
  void manyAreWrittenReadAndTakenAtOnce() {
    String three = "{\"tuples\":[[\"job\",1],[\"other\",2],[\"job\",3]]}";
    List<String> leases = post("batch/write", three, "Idempotency-Key", "k").assertWritten(3);
    assertEquals(3, leases.stream().distinct().count(), leases.toString());
    assertEquals(leases, post("batch/write", three, "Idempotency-Key", "k").assertWritten(3));
    assertCount(3, "batch");

    post("batch/read-all", "{" + ANY_JOB + "}")
        .assertReply("{\"tuples\":[[\"job\",1],[\"job\",3]]}");
    post("batch/read-all", "{" + ANY_JOB + ",\"limit\":1}")
        .assertReply("{\"tuples\":[[\"job\",1]]}");
    post("batch/take-all", "{" + ANY_JOB + ",\"limit\":1}")
        .assertReply("{\"tuples\":[[\"job\",1]]}");
    assertEquals(2, post("batch/take-all", "{" + OPEN + "}").json().path("tuples").size());
    post("batch/take-all", "{" + OPEN + "}").assertReply("{\"tuples\":[]}");
    assertCount(0, "batch");
  }

  @Test
  void batchesHaveLimits() {
    String many =
        IntStream.rangeClosed(0, 1_000).mapToObj(i -> "[1]").collect(Collectors.joining(","));
    post("batches/write", "{\"tuples\":[" + many + "]}").assertProblem(ErrorCode.BATCH_TOO_LARGE);
    post("batches/write", "{\"tuples\":[]}").assertProblem(ErrorCode.BATCH_TOO_LARGE);
    String half = "[\"" + "x".repeat(600 << 10) + "\"]";
    post("batches/write", "{\"tuples\":[" + half + "," + half + "]}")
        .assertProblem(ErrorCode.BATCH_TOO_LARGE);
    for (String limit : new String[] {"0", "-1", "10001", "99999999999"}) {
      post("batches/read-all", "{" + OPEN + ",\"limit\":" + limit + "}")
          .assertProblem(ErrorCode.BATCH_TOO_LARGE);
      post("batches/take-all", "{" + OPEN + ",\"limit\":" + limit + "}")
          .assertProblem(ErrorCode.BATCH_TOO_LARGE);
    }
    post("batches/count", "{\"template\":[{\"?\":\"any\"}]}").assertReply("{\"count\":0}");
    // What fits, fits.
    post("batches/write", "{\"tuples\":[" + many.substring(4) + "]}").assertWritten(1_000);
  }

  // Swaps and leases

  @Test
  void aSwapReplacesWhatIsThere() {
    String swap = "{\"expected\":[\"n\",1],\"replacement\":[\"n\",2]}";
    post("swap/swap", swap).assertNothing();
    assertCount(0, "swap");
    post("swap/write", "{\"tuple\":[\"n\",1]}").assertWritten(1);
    post("swap/swap", swap, "Idempotency-Key", "s").assertReply("{\"tuple\":[\"n\",1]}");
    post("swap/swap", swap, "Idempotency-Key", "s").assertReply("{\"tuple\":[\"n\",1]}");
    post("swap/swap", swap).assertNothing();
    String elsewhere = "{\"expected\":[\"n\",{\"?\":\"any\"}],\"replacement\":[\"m\",3,4]}";
    post("swap/swap", elsewhere, "Idempotency-Key", "e").assertProblem(ErrorCode.REQUEST_INVALID);
    post("swap/swap", elsewhere).assertReply("{\"tuple\":[\"n\",2]}");
    post("swap/take", "{\"template\":[\"m\",3,4]}").assertReply("{\"tuple\":[\"m\",3,4]}");
  }

  @Test
  void leasesAreRenewedAndCancelled() {
    Answer written = post("leases/write", "{\"tuple\":[\"job\",1],\"ttlMillis\":3600000}");
    String lease = written.assertWritten(1).get(0);
    long end = written.json().path("leases").path(0).path("endsAtMillis").asLong();
    Answer renewed = post("leases/renew", "{\"lease\":\"" + lease + "\",\"ttlMillis\":7200000}");
    assertEquals(lease, renewed.json().path("lease").asText(), renewed.text());
    assertTrue(renewed.json().path("endsAtMillis").asLong() >= end + 3_600_000, renewed.text());
    post("leases/renew", "{\"lease\":\"" + lease + "\"}")
        .assertReply("{\"lease\":\"" + lease + "\",\"endsAtMillis\":null}");
    post("leases/renew", "{\"lease\":\"" + lease + "\",\"ttlMillis\":-1}")
        .assertProblem(ErrorCode.LEASE_INVALID);
    post("leases/cancel-lease", "{\"lease\":\"" + lease + "\"}").assertNothing();
    assertCount(0, "leases");
    post("leases/cancel-lease", "{\"lease\":\"" + lease + "\"}")
        .assertProblem(ErrorCode.LEASE_UNKNOWN);
    post("leases/renew", "{\"lease\":\"" + lease + "\"}").assertProblem(ErrorCode.LEASE_UNKNOWN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "9.1", "1.", "1.99", "\u00e4.1"})
  void whatIsNoLeaseIsUnknown(String lease) {
    post("leases/renew", "{\"lease\":\"" + lease + "\"}").assertProblem(ErrorCode.LEASE_UNKNOWN);
    post("leases/cancel-lease", "{\"lease\":\"" + lease + "\"}")
        .assertProblem(ErrorCode.LEASE_UNKNOWN);
  }

  // Barriers

  @Test
  void aBarrierLetsAllThroughAtOnce() {
    String two = "{\"name\":\"start\",\"parties\":2}";
    post("barriers/barrier", two, "X-Vudo-Timeout", "10ms").assertNothing();
    CompletableFuture<Answer> first =
        CompletableFuture.supplyAsync(
            () ->
                post(
                    "barriers/barrier",
                    "{\"name\":\"start\",\"parties\":2,\"party\":\"a\"}",
                    "X-Vudo-Timeout",
                    "1min"));
    // The first has arrived when one who names another number is refused.
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(
            () ->
                post("barriers/barrier", "{\"name\":\"start\",\"parties\":3}")
                    .assertProblem(ErrorCode.BARRIER_MISMATCH));
    post("barriers/barrier", two, "X-Vudo-Timeout", "1min").assertReply("{\"place\":1}");
    first.join().assertReply("{\"place\":0}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"name\":\"\",\"parties\":2} | BARRIER_INVALID",
        "{\"name\":\"b\",\"parties\":0} | BARRIER_INVALID",
        "{\"name\":\"b\",\"parties\":100001} | BARRIER_INVALID",
        "{\"name\":\"b\",\"parties\":99999999999} | BARRIER_INVALID",
        "{\"name\":1,\"parties\":2} | REQUEST_INVALID",
        "{\"name\":\"b\"} | REQUEST_INVALID",
        "{\"name\":\"b\",\"parties\":\"2\"} | REQUEST_INVALID",
      })
  void barriersAreReadStrictly(String body, ErrorCode code) {
    post("barriers/barrier", body).assertProblem(code);
  }

  // Transactions

  private static String begin(String space) {
    Answer begun = post(space + "/begin", "{\"timeoutMillis\":60000}");
    assertEquals(200, begun.status(), begun.text());
    return begun.json().path("transaction").asText();
  }

  @Test
  void aTransactionHappensAsAWhole() {
    post("tx/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    String member = ",\"transaction\":\"" + begin("tx") + "\"}";
    post("tx/take", "{" + ANY_JOB + member).assertReply("{\"tuple\":[\"job\",1]}");
    post("tx/write", "{\"tuples\":[[\"done\",1],[\"done\",2]]" + member).assertWritten(2);
    post("tx/write", "{\"tuple\":[\"job\",9]" + member).assertWritten(1);
    post("tx/read", "{" + ANY_JOB + member).assertReply("{\"tuple\":[\"job\",9]}");
    post("tx/take-all", "{" + ANY_JOB + member).assertReply("{\"tuples\":[[\"job\",9]]}");
    post("tx/read-all", "{\"template\":[\"done\",{\"?\":\"int\"}]" + member)
        .assertReply("{\"tuples\":[[\"done\",1],[\"done\",2]]}");
    assertCount(0, "tx");
    post("tx/commit", "{" + member.substring(1)).assertNothing();
    post("tx/commit", "{" + member.substring(1)).assertNothing();
    assertCount(2, "tx");
    post("tx/abort", "{" + member.substring(1)).assertProblem(ErrorCode.REQUEST_INVALID);
  }

  @Test
  void anAbortedTransactionHasDoneNothing() {
    post("undo/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    String member = "\"transaction\":\"" + begin("undo") + "\"}";
    post("undo/take", "{" + ANY_JOB + "," + member, "X-Vudo-Timeout", "1s")
        .assertReply("{\"tuple\":[\"job\",1]}");
    post("undo/write", "{\"tuple\":[\"done\",1]," + member).assertWritten(1);
    post("undo/abort", "{" + member).assertNothing();
    post("undo/abort", "{" + member).assertNothing();
    post("undo/take", "{" + OPEN + "}").assertReply("{\"tuple\":[\"job\",1]}");
    assertCount(0, "undo");
    post("undo/commit", "{" + member).assertProblem(ErrorCode.TRANSACTION_ABORTED);
    post("undo/write", "{\"tuple\":[\"done\",1]," + member)
        .assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
  }

  @Test
  void aTransactionWhoseTimeIsOverIsAborted() {
    post("late/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    String id = post("late/begin", "{\"timeoutMillis\":300}").json().path("transaction").asText();
    String member = "\"transaction\":\"" + id + "\"}";
    post("late/take", "{" + ANY_JOB + "," + member).assertReply("{\"tuple\":[\"job\",1]}");
    await().atMost(Duration.ofMinutes(1)).untilAsserted(() -> assertCount(1, "late"));
    post("late/commit", "{" + member).assertProblem(ErrorCode.TRANSACTION_ABORTED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0", "7.00000000-0000-0000-0000-000000000000"})
  void whatWasNeverBegunDoesNotEnd(String id) {
    String member = "{\"transaction\":\"" + id + "\"}";
    post("tx/commit", member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/abort", member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "8.x", "-1.x"})
  void whatIsNoTransactionIsUnknown(String id) {
    String member = "\"transaction\":\"" + id + "\"}";
    post("tx/write", "{\"tuple\":[1]," + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/read", "{" + ANY_JOB + "," + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/take", "{" + ANY_JOB + "," + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/read-all", "{" + ANY_JOB + "," + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/take-all", "{" + ANY_JOB + "," + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/commit", "{" + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
    post("tx/abort", "{" + member).assertProblem(ErrorCode.TRANSACTION_UNKNOWN);
  }

  @Test
  void transactionsAreReadStrictly() {
    for (String timeout : new String[] {"0", "-1", "3600001", "9223372036854775807"}) {
      post("tx/begin", "{\"timeoutMillis\":" + timeout + "}")
          .assertProblem(ErrorCode.REQUEST_INVALID);
    }
    post("tx/begin", "{}").assertProblem(ErrorCode.REQUEST_INVALID);
    post("tx/commit", "{}").assertProblem(ErrorCode.REQUEST_INVALID);
    String member = "\"transaction\":\"" + begin("tx") + "\"}";
    post("tx/write", "{\"tuple\":[1]," + member, "Idempotency-Key", "k")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    post("tx/take", "{" + ANY_JOB + "," + member, "Idempotency-Key", "k")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    post("tx/write", "{\"tuple\":[1],\"tuples\":[[1]]}").assertProblem(ErrorCode.REQUEST_INVALID);
    post("tx/write", "{\"tuples\":7}").assertProblem(ErrorCode.REQUEST_INVALID);
    post("tx/write", "{\"tuples\":[7]}").assertProblem(ErrorCode.TUPLE_INVALID);
  }

  // Watches

  @Test
  void aWatcherIsToldWhatHappens() {
    post("watched/write", "{\"tuple\":[\"job\",0]}").assertWritten(1);
    String byQuery =
        "/v1/spaces/watched/watch?template="
            + URLEncoder.encode("[\"job\",{\"?\":[\">\",1]}]", StandardCharsets.UTF_8);
    try (EventStream all = watch("watched", "[{\"?\":\"any\"},{\"?\":\"int\"}]");
        EventStream some = EventStream.open(NODE.request(byQuery).GET())) {
      post("watched/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
      assertEquals("added [\"job\",1]", all.next());
      post("watched/write", "{\"tuple\":[\"job\",2],\"ttlMillis\":200}").assertWritten(1);
      assertEquals("added [\"job\",2]", all.next());
      assertEquals("expired [\"job\",2]", all.next());
      post("watched/take", "{\"template\":[\"job\",0]}").assertReply("{\"tuple\":[\"job\",0]}");
      assertEquals("removed [\"job\",0]", all.next());
      assertEquals("added [\"job\",2]", some.next());
      assertEquals("expired [\"job\",2]", some.next());
    }
  }

  @Test
  void watchesAreReadStrictly() {
    post("watched/watch", "{}").assertProblem(ErrorCode.REQUEST_INVALID);
    post("watched/watch", "{\"template\":[]}").assertProblem(ErrorCode.TUPLE_ARITY);
    post("watched/watch", "{\"template\":[{\"?\":[\"~\",1]}]}")
        .assertProblem(ErrorCode.PREDICATE_INVALID);
    NODE.get("/v1/spaces/watched/watch").assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.get("/v1/spaces/watched/watch?template=%5B").assertProblem(ErrorCode.TEMPLATE_INVALID);
    NODE.get("/v1/spaces/watched/watch?template=7").assertProblem(ErrorCode.TEMPLATE_INVALID);
  }

  @Test
  void namesOfSpacesAreChecked() {
    Stream.of(
            "write {\"tuples\":[[1]]}",
            "read-all {" + OPEN + "}",
            "take-all {" + OPEN + "}",
            "swap {\"expected\":[1],\"replacement\":[1]}",
            "swap {\"expected\":[1],\"replacement\":[2]}",
            "renew {\"lease\":\"1.1\"}",
            "cancel-lease {\"lease\":\"1.1\"}",
            "barrier {\"name\":\"b\",\"parties\":1}",
            "begin {\"timeoutMillis\":1}",
            "commit {\"transaction\":\"1.1\"}",
            "abort {\"transaction\":\"1.1\"}",
            "write {\"tuple\":[1],\"transaction\":\"1.1\"}",
            "watch {" + OPEN + "}")
        .map(line -> line.split(" ", 2))
        .forEach(
            line -> post("1st/" + line[0], line[1]).assertProblem(ErrorCode.SPACE_NAME_INVALID));
  }
}
