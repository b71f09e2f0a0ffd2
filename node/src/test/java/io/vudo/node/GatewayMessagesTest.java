package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture.Answer;
import io.vudo.protocol.ErrorCode;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GatewayMessagesTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  @BeforeAll
  static void deploy() {
    NODE.deploy("hello", TestModules.example("hello"));
    NODE.deploy("counter", TestModules.example("counter"));
    NODE.deploy("echo", TestModules.echo());
    NODE.deploy("silent", TestModules.silent());
  }

  @Test
  void aReplyIsTheBody() {
    Answer answer = NODE.ask("counter/reply", "add", "42");
    answer.assertReply("42");
    assertEquals("application/octet-stream", answer.mediaType());
  }

  @Test
  void anySpiritsStateIsItsOwn() {
    NODE.ask("counter/a", "add", "2").assertReply("2");
    NODE.ask("counter/b", "add", "3").assertReply("3");
    NODE.ask("counter/a", "add", "").assertReply("3");
  }

  @Test
  void bytesOfEveryValueGoThroughUnchanged() {
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    Answer answer =
        NODE.post(
            "/v1/spirits/echo/bytes/ask", BodyPublishers.ofByteArray(all), "X-Vudo-Type", "x");
    assertEquals(
        new String(all, StandardCharsets.ISO_8859_1),
        new String(answer.body(), StandardCharsets.ISO_8859_1));
  }

  @Test
  void noReplyIsNoContentAndAnEmptyReplyIsEmptyContent() {
    NODE.ask("silent/a", "any", "text").assertNothing();
    NODE.deploy("brief", TestModules.spirit("", "(i64.const 0x0000001000000000)"));
    NODE.ask("brief/a", "any", "").assertReply("");
  }

  @Test
  void theTypeOfAMessageIsMessageUnlessItSaysOtherwise() {
    NODE.deploy(
        "typed",
        TestModules.spirit(
            "(import \"spirit\" \"message_type\" (func $type (param i32 i32) (result i32)))",
            "(i64.extend_i32_u (call $type (i32.const 0) (i32.const 64)))"));
    // The reply is at address 0, so a pointer and length of (0, n) is the type itself.
    NODE.post("/v1/spirits/typed/a/ask", "").assertReply("message");
    NODE.ask("typed/a", "other", "").assertReply("other");
  }

  @Test
  void whatASpiritFailsWithIsAnsweredAndUndone() {
    NODE.ask("counter/failing", "add", "5").assertReply("5");
    String detail =
        NODE.ask("counter/failing", "add", "five").assertProblem(ErrorCode.APPLICATION_ERROR);
    assertTrue(detail.contains("400") && detail.contains("not a decimal number"), detail);
    NODE.ask("counter/failing", "get", "").assertReply("5");
  }

  @Test
  void aTrapIsAnsweredAndUndone() {
    NODE.deploy(
        "trapping",
        TestModules.spirit(
            "(global $n (mut i64) (i64.const 0))",
            """
            (global.set $n (i64.add (global.get $n) (i64.const 1)))
            (if (local.get $l) (then (unreachable)))
            (i64.store8 (i32.const 8) (i64.add (global.get $n) (i64.const 48)))
            (i64.const 0x0000000800000001)
            """));
    NODE.ask("trapping/a", "any", "").assertReply("1");
    NODE.ask("trapping/a", "any", "x").assertProblem(ErrorCode.TRAP_UNREACHABLE);
    NODE.ask("trapping/a", "any", "").assertReply("2");
  }

  @Test
  void fuelAndTimeOfATurnAreBounded() {
    NODE.deploy("thirsty", TestModules.spinner(), "fuel=100000");
    NODE.ask("thirsty/a", "any", "").assertProblem(ErrorCode.OUT_OF_FUEL);

    NODE.deploy("slow", TestModules.spinner(), "fuel=1000000000000", "turn-timeout=100ms");
    NODE.ask("slow/a", "any", "").assertProblem(ErrorCode.TURN_TIMEOUT);
  }

  @Test
  void tellIsDoneWhenItWasHandled() {
    NODE.post("/v1/spirits/counter/told/tell", "4", "X-Vudo-Type", "add").assertNothing();
    NODE.ask("counter/told", "get", "").assertReply("4");
    NODE.post("/v1/spirits/counter/told/tell", "4", "X-Vudo-Type", "nonsense")
        .assertProblem(ErrorCode.APPLICATION_ERROR);
  }

  @Test
  void anIdempotencyKeyMakesARepetitionHarmless() {
    NODE.ask("hello/once", "any", "", "Idempotency-Key", "k-1").assertReply("1");
    NODE.ask("hello/once", "any", "", "Idempotency-Key", "k-1").assertReply("1");
    NODE.ask("hello/once", "any", "", "Idempotency-Key", "k-2").assertReply("2");
    NODE.ask("hello/once", "any", "").assertReply("3");
    NODE.ask("hello/other", "any", "", "Idempotency-Key", "k-1").assertReply("1");

    // A failure is an outcome too.
    NODE.ask("counter/once", "add", "x", "Idempotency-Key", "k")
        .assertProblem(ErrorCode.APPLICATION_ERROR);
    NODE.ask("counter/once", "add", "1", "Idempotency-Key", "k")
        .assertProblem(ErrorCode.APPLICATION_ERROR);
    NODE.ask("counter/once", "get", "").assertReply("0");
  }

  @Test
  void aRepetitionThatMayBeForgottenIsRefused() {
    NODE.ask("hello/hot", "any", "", "Idempotency-Key", "k-0").assertReply("1");
    // As new as it can be: nothing is forgotten here.
    NODE.ask("hello/hot", "any", "", "Idempotency-Key", "k-1", "X-Vudo-Sent-Before", "1h")
        .assertReply("2");
    for (int i = 2; i <= 1_000; i += 37) {
      List<CompletableFuture<Answer>> asked =
          IntStream.range(i, i + 37)
              .mapToObj(key -> NODE.sendAsk("hello/hot", "any", "", "Idempotency-Key", "k-" + key))
              .toList();
      asked.forEach(one -> assertEquals(200, one.join().status()));
    }
    for (String operation : List.of("ask", "tell")) {
      NODE.post(
              "/v1/spirits/hello/hot/" + operation,
              "",
              "Idempotency-Key",
              "k-0",
              "X-Vudo-Sent-Before",
              "1h")
          .assertProblem(ErrorCode.OUTCOME_FORGOTTEN);
    }
    NODE.ask("hello/hot", "any", "", "Idempotency-Key", "k-1000", "X-Vudo-Sent-Before", "1h");
    NODE.ask("hello/hot", "any", "").assertReply("1002");
    // Who does not say that it is a repetition is handled again.
    NODE.ask("hello/hot", "any", "", "Idempotency-Key", "k-0").assertReply("1003");
    NODE.ask("hello/hot", "any", "", "X-Vudo-Sent-Before", "1s")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.ask("hello/hot", "any", "", "Idempotency-Key", "k", "X-Vudo-Sent-Before", "1")
        .assertProblem(ErrorCode.REQUEST_INVALID);
  }

  @Test
  void messagesOfManyAtOnceAreAllHandledOneAtATime() {
    int messages = 200;
    List<CompletableFuture<Answer>> asked =
        IntStream.range(0, messages).mapToObj(i -> NODE.sendAsk("hello/crowd", "any", "")).toList();
    assertEquals(
        IntStream.rangeClosed(1, messages).boxed().collect(Collectors.toSet()),
        asked.stream()
            .map(answer -> Integer.valueOf(answer.join().text()))
            .collect(Collectors.toSet()));
  }

  @Test
  void whoeverDoesNotWantToWaitLongerIsToldSo() {
    NODE.deploy("busy", TestModules.spinner(), "fuel=1000000000000", "turn-timeout=3s");
    NODE.ask("busy/a", "any", "", "X-Vudo-Timeout", "50ms").assertProblem(ErrorCode.ASK_TIMEOUT);
  }

  @Test
  void aFullMailboxRefusesFurtherMessages() {
    NODE.deploy(
        "crowded", TestModules.spinner(), "fuel=1000000000000", "turn-timeout=3s", "mailbox=1");
    // Whatever is let in is not answered in time; and while it spins, the next one finds it full.
    Answer refused =
        await()
            .atMost(Duration.ofMinutes(1))
            .until(
                () -> NODE.ask("crowded/a", "any", "", "X-Vudo-Timeout", "50ms"),
                answer -> answer.status() != ErrorCode.ASK_TIMEOUT.httpStatus());
    refused.assertProblem(ErrorCode.MAILBOX_FULL);
    assertEquals("1", refused.header("Retry-After"));
  }

  @Test
  void payloadsHaveALimitThatTheTypeMayNarrow() {
    String mebibyte = "x".repeat(1 << 20);
    NODE.deploy("roomy", TestModules.echo(), "memory=16MiB");
    NODE.ask("silent/large", "any", mebibyte + "x").assertProblem(ErrorCode.PAYLOAD_TOO_LARGE);
    NODE.post("/v1/spirits/silent/large/tell", mebibyte + "x")
        .assertProblem(ErrorCode.PAYLOAD_TOO_LARGE);

    NODE.deploy("narrow", TestModules.echo(), "payload=4");
    NODE.ask("narrow/a", "any", "1234").assertReply("1234");
    NODE.ask("narrow/a", "any", "12345").assertProblem(ErrorCode.PAYLOAD_TOO_LARGE);
  }

  @Test
  void anUnknownTypeIsNamed() {
    String detail = NODE.ask("nobody/a", "any", "").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
    assertTrue(detail.contains("nobody"), detail);
  }

  @ParameterizedTest
  @CsvSource({
    "1st/a, SPIRIT_TYPE_INVALID",
    "a%2Fb/c, SPIRIT_TYPE_INVALID",
    "hello/%20, SPIRIT_ID_INVALID",
    "hello/a%2Fb, SPIRIT_ID_INVALID",
    "hello/%F0%9F%91%BB, SPIRIT_ID_INVALID",
    "hello/a%7Cb, SPIRIT_ID_INVALID",
  })
  void idsAreChecked(String spirit, ErrorCode code) {
    NODE.ask(spirit, "any", "").assertProblem(code);
  }

  @Test
  void anIdMayHave128Characters() {
    NODE.ask("hello/" + "x".repeat(128), "any", "").assertReply("1");
    NODE.ask("hello/" + "x".repeat(129), "any", "").assertProblem(ErrorCode.SPIRIT_ID_INVALID);
    NODE.ask("hello/_-.:@~+=", "any", "").assertReply("1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"30", "soon", "0s", "11min", "-1s", "1e9s"})
  void timeoutsAreChecked(String timeout) {
    NODE.ask("hello/timeouts", "any", "", "X-Vudo-Timeout", timeout)
        .assertProblem(ErrorCode.REQUEST_INVALID);
  }

  @Test
  void headersThatAreTooLongOrTwiceAreRefused() {
    NODE.ask("hello/headers", "x".repeat(257), "").assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.ask("hello/headers", "a", "", "X-Vudo-Type", "b").assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.ask("hello/headers", "a", "", "Idempotency-Key", "x".repeat(257))
        .assertProblem(ErrorCode.REQUEST_INVALID);
  }

  @Test
  void parametersThatDoNotExistAreRefused() {
    NODE.post("/v1/spirits/hello/a/ask?timeout=3s", "").assertProblem(ErrorCode.REQUEST_INVALID);
  }
}
