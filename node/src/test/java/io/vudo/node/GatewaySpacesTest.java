package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GatewaySpacesTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static final String ANY_JOB = "{\"template\":[\"job\",{\"?\":\"int\"}]}";

  private static NodeFixture.Answer post(String path, String body, String... headers) {
    return NODE.post("/v1/spaces/" + path, body, headers);
  }

  private static void assertCount(int count, String space) {
    post(space + "/count", ANY_JOB).assertReply("{\"count\":" + count + "}");
  }

  @Test
  void whatIsWrittenIsReadCountedAndTakenOldestFirst() {
    post("order/read", ANY_JOB).assertNothing();
    post("order/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    post("order/write", "{\"tuple\":[\"job\",2]}").assertWritten(1);
    post("order/write", "{\"tuple\":[\"other\",3]}").assertWritten(1);
    assertCount(2, "order");

    post("order/read", ANY_JOB).assertReply("{\"tuple\":[\"job\",1]}");
    post("order/read", ANY_JOB).assertReply("{\"tuple\":[\"job\",1]}");
    post("order/take", ANY_JOB).assertReply("{\"tuple\":[\"job\",1]}");
    post("order/take", ANY_JOB).assertReply("{\"tuple\":[\"job\",2]}");
    post("order/take", ANY_JOB).assertNothing();
    post("order/take", "{\"template\":[{\"?\":\"any\"},3]}")
        .assertReply("{\"tuple\":[\"other\",3]}");
  }

  private static CompletableFuture<NodeFixture.Answer> waiting(String path, String... headers) {
    List<String> all = new ArrayList<>(List.of(headers));
    Collections.addAll(all, "X-Vudo-Timeout", "1min");
    return CompletableFuture.supplyAsync(() -> post(path, ANY_JOB, all.toArray(String[]::new)));
  }

  @Test
  void readAndTakeWaitForATuple() {
    post("waits/take", ANY_JOB, "X-Vudo-Timeout", "1ms").assertNothing();
    post("waits/read", ANY_JOB, "X-Vudo-Timeout", "1ms").assertNothing();
    var read = waiting("waits/read");
    var take = waiting("waits/take", "Idempotency-Key", "k");
    // Whether they were there before the tuple or not: each gets one, and the key gets it again.
    post("waits/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    take.join().assertReply("{\"tuple\":[\"job\",1]}");
    post("waits/write", "{\"tuple\":[\"job\",2]}").assertWritten(1);
    assertEquals(200, read.join().status());
    post("waits/take", ANY_JOB, "X-Vudo-Timeout", "1min", "Idempotency-Key", "k")
        .assertReply("{\"tuple\":[\"job\",1]}");
    assertCount(1, "waits");
  }

  @Test
  void aWaitEndsWithNothing() {
    long start = System.nanoTime();
    post("none/take", ANY_JOB, "X-Vudo-Timeout", "300ms").assertNothing();
    assertTrue(System.nanoTime() - start >= Duration.ofMillis(300).toNanos(), "it did wait");
    post("none/write", "{\"tuple\":[\"job\",1]}").assertWritten(1);
    assertCount(1, "none");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0s", "1h", "1", "soon", "-1s"})
  void howLongToWaitIsReadStrictly(String timeout) {
    post("strict/read", ANY_JOB, "X-Vudo-Timeout", timeout)
        .assertProblem(ErrorCode.REQUEST_INVALID);
    post("strict/take", ANY_JOB, "X-Vudo-Timeout", timeout)
        .assertProblem(ErrorCode.REQUEST_INVALID);
  }

  @Test
  void everyKindOfFieldComesBackAsItWent() {
    String tuple =
        "[null,true,-7,9223372036854775807,2.5,\"ä \\\" \\\\\",{\"bytes\":\"3q2+7w==\"},"
            + "[1,[\"in\"]]]";
    post("kinds/write", "{\"tuple\":" + tuple + "}").assertWritten(1);
    NodeFixture.Answer answer = post("kinds/take", "{\"template\":" + tuple + "}");
    assertEquals("{\"tuple\":" + tuple + "}", answer.text());
    assertEquals("application/json", answer.mediaType());
  }

  @Test
  void aLeaseEnds() {
    post("leases/write", "{\"tuple\":[\"job\",1],\"ttlMillis\":1}").assertWritten(1);
    post("leases/write", "{\"tuple\":[\"job\",2],\"ttlMillis\":3600000}").assertWritten(1);
    post("leases/write", "{\"tuple\":[\"job\",3],\"ttlMillis\":0}").assertWritten(1);
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() -> post("leases/read", ANY_JOB).assertReply("{\"tuple\":[\"job\",2]}"));
    assertCount(2, "leases");
  }

  @Test
  void anIdempotencyKeyMakesARepetitionHarmless() {
    post("keys/write", "{\"tuple\":[\"job\",1]}", "Idempotency-Key", "w").assertWritten(1);
    post("keys/write", "{\"tuple\":[\"job\",1]}", "Idempotency-Key", "w").assertWritten(1);
    post("keys/write", "{\"tuple\":[\"job\",2]}").assertWritten(1);
    assertCount(2, "keys");

    post("keys/take", ANY_JOB, "Idempotency-Key", "t").assertReply("{\"tuple\":[\"job\",1]}");
    post("keys/take", ANY_JOB, "Idempotency-Key", "t").assertReply("{\"tuple\":[\"job\",1]}");
    assertCount(1, "keys");

    post("keys/take", ANY_JOB, "Idempotency-Key", "w").assertProblem(ErrorCode.REQUEST_INVALID);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"tuple\":[]} | TUPLE_ARITY",
        "{\"tuple\":{}} | TUPLE_INVALID",
        "{\"tuple\":null} | TUPLE_INVALID",
        "{\"tuple\":[{\"?\":\"any\"}]} | TUPLE_INVALID",
        "{\"tuple\":[{\"bytes\":\"no base64\"}]} | TUPLE_INVALID",
        "{\"tuple\":[1],\"ttlMillis\":-1} | LEASE_INVALID",
        "{\"tuple\":[1],\"ttlMillis\":\"1s\"} | REQUEST_INVALID",
        "{\"tuple\":[1],\"ttlMillis\":1.5} | REQUEST_INVALID",
        "{\"tuple\":[1],\"ttl\":1} | REQUEST_INVALID",
        "{} | REQUEST_INVALID",
        "[1] | REQUEST_INVALID",
        "{\"tuple\":[1]} {} | REQUEST_INVALID",
        "{\"tuple\":[1],\"tuple\":[2]} | REQUEST_INVALID",
        "{\"tuple\":[1] | REQUEST_INVALID",
        "'' | REQUEST_INVALID",
      })
  void tuplesAreReadStrictly(String body, ErrorCode code) {
    post("strict/write", body).assertProblem(code);
    post("strict/count", "{\"template\":[{\"?\":\"any\"}]}").assertReply("{\"count\":0}");
  }

  @Test
  void predicatesAndNestedTemplatesFindTheirTuples() {
    post("compared/write", "{\"tuple\":[\"job\",5,{\"bytes\":\"AQI=\"},[\"eu\",2.5]]}")
        .assertWritten(1);
    post("compared/write", "{\"tuple\":[\"job\",15,{\"bytes\":\"AQM=\"},[\"us\",0.5]]}")
        .assertWritten(1);

    String any = "{\"?\":\"any\"}";
    for (String matching :
        new String[] {
          "{\"?\":[\"=\",\"job\"]},{\"?\":[\">\",10]}," + any + "," + any,
          any + ",{\"?\":[\"in\",[14,15]]}," + any + "," + any,
          any + "," + any + ",{\"?\":[\"startsWith\",{\"bytes\":\"AQM=\"}]}," + any,
          "{\"?\":[\"startsWith\",\"jo\"]},"
              + any
              + ","
              + any
              + ",["
              + any
              + ",{\"?\":[\"<\",1.0]}]",
        }) {
      post("compared/count", "{\"template\":[" + matching + "]}").assertReply("{\"count\":1}");
      post("compared/read", "{\"template\":[" + matching + "]}")
          .assertReply("{\"tuple\":[\"job\",15,{\"bytes\":\"AQM=\"},[\"us\",0.5]]}");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"template\":[]} | TUPLE_ARITY",
        "{\"template\":\"job\"} | TEMPLATE_INVALID",
        "{\"template\":[{\"?\":\"number\"}]} | TEMPLATE_INVALID",
        "{\"template\":[{\"?\":[\"~\",1]}]} | PREDICATE_INVALID",
        "{\"template\":[{\"?\":[\">\",null]}]} | PREDICATE_INVALID",
        "{\"template\":[{\"?\":[\"in\",[]]}]} | PREDICATE_INVALID",
        "{\"tuple\":[1]} | REQUEST_INVALID",
        "nonsense | REQUEST_INVALID",
      })
  void templatesAreReadStrictly(String body, ErrorCode code) {
    for (String operation : new String[] {"read", "take", "count"}) {
      post("strict/" + operation, body).assertProblem(code);
    }
  }

  @Test
  void tuplesHaveLimits() {
    String mebibyte = "x".repeat(1 << 20);
    post("limits/write", "{\"tuple\":[\"" + mebibyte + "\"]}")
        .assertProblem(ErrorCode.TUPLE_TOO_LARGE);
    post("limits/write", "{\"tuple\":[\"" + mebibyte.repeat(9) + "\"]}")
        .assertProblem(ErrorCode.TUPLE_TOO_LARGE);
    post("limits/write", "{\"tuple\":[" + "1,".repeat(1_000) + "1]}")
        .assertProblem(ErrorCode.TUPLE_ARITY);
    post("limits/write", "{\"tuple\":" + "[".repeat(33) + "1" + "]".repeat(33) + "}")
        .assertProblem(ErrorCode.TUPLE_TOO_DEEP);
    // Far deeper than any stack: refused, and the node lives on.
    assertEquals(
        400,
        post("limits/write", "{\"tuple\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}")
            .status());
    assertTrue(NODE.get("/health/ready").text().contains("ready"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1st", "a%20b", "%C3%A4", "a%2Fb"})
  void namesOfSpacesAreChecked(String space) {
    post(space + "/write", "{\"tuple\":[1]}").assertProblem(ErrorCode.SPACE_NAME_INVALID);
    post(space + "/read", ANY_JOB).assertProblem(ErrorCode.SPACE_NAME_INVALID);
    post(space + "/take", ANY_JOB).assertProblem(ErrorCode.SPACE_NAME_INVALID);
    post(space + "/count", ANY_JOB).assertProblem(ErrorCode.SPACE_NAME_INVALID);
  }
}
