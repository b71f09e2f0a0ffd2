package io.vudo.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.dylibso.chicory.wabt.Wat2Wasm;
import com.google.protobuf.ByteString;
import com.typesafe.config.ConfigFactory;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import io.vudo.client.VudoClient;
import io.vudo.node.OtlpReceiver.Received;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.AskRequest;
import io.vudo.protocol.gateway.v1.SpiritsGrpc;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What a collector hears of messages on their way through Spirits and nodes. */
class TracingTest {
  private static final Duration PATIENCE = ClusterFixture.PATIENCE;
  private static final String PARENT = "00f067aa0ba902b7";

  /**
   * With type "send" sends "note" to the Spirit that the payload names, with "ask" asks it with a
   * payload of one byte and replies its reply, with "later" and "often" by timers; otherwise
   * replies its payload.
   */
  private static final String RELAY =
      """
      (module
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "log" (func $log (param i32 i32 i32)))
        (import "spirit" "fail" (func $fail (param i32 i32 i32)))
        (import "spirit" "send_message"
          (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "spirit" "send_after"
          (func $later (param i64 i32 i32 i32 i32 i32 i32) (result i64)))
        (import "spirit" "remind"
          (func $often (param i32 i32 i64 i64 i32 i32 i32 i32) (result i64)))
        (import "spirit" "ask"
          (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "note!relayed")
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
          (local $first i32)
          (drop (call $type (i32.const 0) (i32.const 16)))
          (local.set $first (i32.load8_u (i32.const 0)))
          (call $log (i32.const 2) (i32.const 69) (i32.const 7))
          (if (i32.eq (local.get $first) (i32.const 0x73))
            (then
              (drop (call $send (local.get $p) (local.get $l)
                (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0)))
              (return (i64.const 0))))
          (if (i32.eq (local.get $first) (i32.const 0x6c))
            (then
              (drop (call $later (i64.const 50) (local.get $p) (local.get $l)
                (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0)))
              (return (i64.const 0))))
          (if (i32.eq (local.get $first) (i32.const 0x6f))
            (then
              (drop (call $often (i32.const 64) (i32.const 4) (i64.const 50) (i64.const 1000)
                (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 0)))
              (return (i64.const 0))))
          (if (i32.eq (local.get $first) (i32.const 0x66))
            (then (call $fail (i32.const 1) (i32.const 64) (i32.const 5)) (unreachable)))
          (if (i32.eq (local.get $first) (i32.const 0x61))
            (then
              (if (call $ask (local.get $p) (local.get $l) (i32.const 64) (i32.const 4)
                    (i32.const 68) (i32.const 1) (i64.const 600000) (i32.const 32) (i32.const 36))
                (then (unreachable)))
              (return (i64.or
                (i64.shl (i64.extend_i32_u (i32.load (i32.const 32))) (i64.const 32))
                (i64.extend_i32_u (i32.load (i32.const 36)))))))
          (i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32))
                  (i64.extend_i32_u (local.get $l)))))
      """;

  /** With a payload waits for a tuple; replies "ok". */
  private static final String HOLDER =
      """
      (module
        (import "spirit" "tuplespace_take"
          (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "ok")
        (data (i32.const 16) "s")
        (data (i32.const 24) "\\91\\c7\\00\\00")
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param i32 i32) (result i64)
          (if (local.get 1)
            (then
              (if (call $take (i32.const 16) (i32.const 1) (i32.const 24) (i32.const 4)
                    (i64.const 600000) (i32.const 32) (i32.const 36))
                (then (unreachable)))))
          (i64.const 2)))
      """;

  private static OtlpReceiver collector;
  private static ClusterFixture cluster;
  private static VudoNode first;
  private static VudoNode second;

  @BeforeAll
  static void start() throws IOException {
    collector = new OtlpReceiver();
    cluster = new ClusterFixture(2, traced());
    first = cluster.start(0);
    second = cluster.start(1);
    ClusterFixture.awaitMembers(2, first, second);
    deployRelay(http(first));
  }

  @AfterAll
  static void stop() {
    cluster.close();
    collector.close();
  }

  private static String traced() {
    return "vudo.grpc { enabled = on, port = 0 }\n"
        + "vudo.tracing { endpoint = \""
        + collector.endpoint()
        + "\", headers = [\"X-Test=a=b\"], service-name = shop }\n";
  }

  private static NodeFixture http(VudoNode node) {
    return NodeFixture.of(node);
  }

  private static void deployRelay(NodeFixture node) {
    node.deploy(
        "relay",
        Wat2Wasm.parse(RELAY),
        "engine=jvm",
        "grant=cross_sandbox_call",
        "grant=actuator_log");
  }

  private static String name(VudoNode node) {
    return ClusterFixture.addressOf(node).getHost().orElseThrow()
        + ":"
        + ClusterFixture.addressOf(node).getPort().orElseThrow();
  }

  /** Brings a Spirit to life, and to this node. */
  private static void place(String spirit, VudoNode node) {
    http(node).ask(spirit, "hello", "x").assertReply("x");
    NodeFixture.Answer moved =
        http(node).post("/v1/spirits/" + spirit + "/migrate", "{\"node\":\"" + name(node) + "\"}");
    assertEquals(200, moved.status(), moved.text());
  }

  private static String parent(String traceId) {
    return "00-" + traceId + "-" + PARENT + "-01";
  }

  /** The one span of a trace that is like this. */
  private static Received only(String traceId, Predicate<Received> wanted) {
    Predicate<Received> all = span -> span.traceId().equals(traceId) && wanted.test(span);
    await().atMost(PATIENCE).until(() -> !collector.spans(all).isEmpty());
    List<Received> found = collector.spans(all);
    assertEquals(1, found.size(), found.toString());
    return found.get(0);
  }

  private static Received turn(String traceId, String spirit, String messageType) {
    SpiritId id = SpiritId.parse(spirit);
    return only(
        traceId,
        span ->
            span.name().equals(id.type() + " turn")
                && span.at("vudo.spirit.id").equals(id.id())
                && span.at("vudo.message.type").equals(messageType));
  }

  @Test
  void aRequestIsOneTraceThroughSpiritsOnBothNodes() {
    place("relay/here", first);
    place("relay/there", second);
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    http(second)
        .ask(
            "relay/here",
            "send",
            "relay/there",
            "traceparent",
            parent(traceId),
            "tracestate",
            "vendor=1,other=2")
        .assertNothing();
    Received request = only(traceId, span -> span.kind() == 2);
    assertEquals("POST /v1/spirits/{type}/{id}/ask", request.name());
    assertEquals(PARENT, request.parent());
    assertEquals("204", request.at("http.response.status_code"));
    assertEquals("shop", request.at("service.name"));
    assertEquals(name(second), request.at("service.instance.id"));
    Received here = turn(traceId, "relay/here", "send");
    assertEquals(request.spanId(), here.parent());
    assertEquals(5, here.kind());
    assertEquals(name(first), here.at("vudo.node"));
    assertEquals("completed", here.at("vudo.outcome"));
    assertTrue(Long.parseLong(here.at("vudo.fuel")) > 0);
    assertTrue(here.events().contains("vudo.send"), here.toString());
    Received there = turn(traceId, "relay/there", "note");
    assertEquals(here.spanId(), there.parent());
    assertEquals(name(second), there.at("vudo.node"));
    assertEquals("vendor=1,other=2", there.state());
    assertEquals("relay/here", there.at("vudo.message.sender"));
    assertEquals("a=b", collector.header());
  }

  @Test
  void aCallByGrpcBelongsToTheTraceOfWhoCalls() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4746";
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), parent(traceId));
    int port = first.grpcAddress().orElseThrow().getPort();
    ManagedChannel channel =
        Grpc.newChannelBuilder("127.0.0.1:" + port, InsecureChannelCredentials.create()).build();
    try {
      SpiritsGrpc.newBlockingStub(channel)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
          .ask(
              AskRequest.newBuilder()
                  .setType("relay")
                  .setId("called")
                  .setMessageType("hello")
                  .setPayload(ByteString.copyFromUtf8("x"))
                  .build());
    } finally {
      channel.shutdownNow();
    }
    Received request = only(traceId, span -> span.kind() == 2);
    assertEquals("POST /v1/spirits/{type}/{id}/ask", request.name());
    assertEquals(PARENT, request.parent());
    assertEquals(request.spanId(), turn(traceId, "relay/called", "hello").parent());
  }

  @Test
  void aTurnThatAsksIsOneSpanAndCausesThatOfWhomItAsks() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4737";
    List<ILoggingEvent> lines;
    try (Lines guest = new Lines("io.vudo.guest")) {
      lines = guest.said();
      http(first)
          .ask("relay/asking", "ask", "relay/asked", "traceparent", parent(traceId))
          .assertReply("!");
    }
    Received asking = turn(traceId, "relay/asking", "ask");
    assertTrue(
        asking.events().containsAll(List.of("vudo.ask", "vudo.answered")), asking.toString());
    assertEquals(asking.spanId(), turn(traceId, "relay/asked", "note").parent());
    // The birth of each belongs to what made it necessary.
    assertEquals(
        asking.parent(),
        only(
                traceId,
                span ->
                    span.name().equals("relay birth") && span.at("vudo.spirit.id").equals("asking"))
            .parent());
    Map<String, String> said =
        lines.stream()
            .map(ILoggingEvent::getMDCPropertyMap)
            .filter(keys -> "relay/asking".equals(keys.get("spirit")))
            .findFirst()
            .orElseThrow();
    assertEquals(traceId, said.get("trace_id"));
    assertEquals(asking.spanId(), said.get("span_id"));
    assertEquals(asking.at("vudo.turn"), said.get("turn"));
  }

  @Test
  void aTurnThatFailsSaysWhyAndNothingOfTheGuestsWords() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4738";
    http(first)
        .ask("relay/failing", "fail", "", "traceparent", parent(traceId))
        .assertProblem(ErrorCode.APPLICATION_ERROR);
    Received failed = turn(traceId, "relay/failing", "fail");
    assertTrue(failed.failed());
    assertEquals("failed", failed.at("vudo.outcome"));
    assertEquals("APPLICATION_ERROR", failed.at("error.type"));
    assertFalse(failed.toString().contains("note!"), failed.toString());
    assertEquals("APPLICATION_ERROR", only(traceId, span -> span.kind() == 2).at("error.type"));
  }

  @Test
  void whatIsSentLaterBelongsToTheTraceAndWhatComesAgainAndAgainIsLinkedToIt() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4739";
    http(first)
        .ask("relay/timing", "later", "relay/timed", "traceparent", parent(traceId))
        .assertNothing();
    Received later = turn(traceId, "relay/timing", "later");
    assertEquals(later.spanId(), turn(traceId, "relay/timed", "note").parent());

    String often = "4bf92f3577b34da6a3ce929d0e0e473a";
    http(first).ask("relay/rhythm", "often", "", "traceparent", parent(often)).assertNothing();
    Received source = turn(often, "relay/rhythm", "often");
    Predicate<Received> beat =
        span ->
            span.at("vudo.spirit.id").equals("rhythm")
                && span.at("vudo.message.type").equals("note");
    await().atMost(PATIENCE).until(() -> collector.spans(beat).size() >= 2);
    List<Received> beats = collector.spans(beat);
    assertEquals(List.of(source.spanId()), beats.get(0).links());
    assertEquals(List.of(source.spanId()), beats.get(1).links());
    assertEquals("", beats.get(0).parent());
    assertNotEquals(often, beats.get(0).traceId());
    assertNotEquals(beats.get(0).traceId(), beats.get(1).traceId());
  }

  @Test
  void aParentThatCannotBeReadIsIgnoredAndAnotherTraceBegins() {
    for (String bad :
        List.of(
            "00-4bf92f3577b34da6a3ce929d0e0e4740-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4740-00f067aa0ba902b7-01",
            "nonsense",
            "x".repeat(5000))) {
      http(first)
          .ask("relay/bad", "hello", "y", "traceparent", bad, "X-Request-Id", "bad")
          .assertReply("y");
    }
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                collector
                        .spans(
                            span ->
                                span.kind() == 2
                                    && span.parent().isEmpty()
                                    && span.at("vudo.request.id").equals("bad"))
                        .size()
                    == 5);
    assertEquals(
        List.of(),
        collector.spans(span -> span.traceId().startsWith("4bf92f3577b34da6a3ce929d0e0e4740")));
  }

  /** What the caller does not want to be recorded is not, in whatever Spirit it ends. */
  @Test
  void aTraceThatIsNotSampledIsPassedOnAndNotRecorded() {
    String unsampled = "4bf92f3577b34da6a3ce929d0e0e4741";
    http(first)
        .ask(
            "relay/quiet",
            "ask",
            "relay/quieter",
            "traceparent",
            "00-" + unsampled + "-" + PARENT + "-00")
        .assertReply("!");
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4742";
    http(first).ask("relay/quieter", "hello", "z", "traceparent", parent(traceId)).assertReply("z");
    Received sampled = turn(traceId, "relay/quieter", "hello");
    assertEquals("3", sampled.at("vudo.turn"));
    assertEquals(
        List.of(),
        collector.spans(
            span ->
                span.traceId().equals(unsampled)
                    || (span.at("vudo.spirit.id").equals("quieter")
                        && !span.traceId().equals(traceId))));
  }

  @Test
  void codeInTheProcessIsPartOfTheTraceThatItIsIn() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4743";
    Span caller =
        Span.wrap(
            SpanContext.create(traceId, PARENT, TraceFlags.getSampled(), TraceState.getDefault()));
    Context.root()
        .with(caller)
        .wrapSupplier(
            () ->
                first
                    .spirits()
                    .tell(
                        SpiritId.parse("relay/inside"), "hello", "x".getBytes(UTF_8), "", PATIENCE))
        .get()
        .toCompletableFuture()
        .join();
    assertEquals(PARENT, turn(traceId, "relay/inside", "hello").parent());
  }

  @Test
  void aClientSaysInWhichTraceItsCallIs() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4744";
    try (VudoClient client =
        VudoClient.builder()
            .node(first.httpAddress().toString())
            .headers(() -> Map.of("traceparent", parent(traceId)))
            .build()) {
      client.spirit("relay", "called").tellAndWait("hello", "x".getBytes(UTF_8));
    }
    assertEquals(PARENT, only(traceId, span -> span.kind() == 2).parent());
  }

  @Test
  void aTraceGoesOnAfterTheDeathOfItsNodeAndNothingIsTracedTwice() {
    Path data = NodeFixture.newDataDirectory();
    String config = traced() + "pekko.coordinated-shutdown.run-by-actor-system-terminate = off\n";
    VudoNode node = VudoNode.start(NodeFixture.settings(data, config));
    String asked = "5bf92f3577b34da6a3ce929d0e0e4701";
    String sent = "5bf92f3577b34da6a3ce929d0e0e4702";
    String done = "5bf92f3577b34da6a3ce929d0e0e4703";
    try {
      NodeFixture http = http(node);
      deployRelay(http);
      http.deploy("holder", Wat2Wasm.parse(HOLDER), "engine=jvm", "grant=tuplespace_take:s");
      http.ask("relay/x", "ask", "relay/y", "traceparent", parent(done)).assertReply("!");
      var unused = http.sendAsk("relay/d", "ask", "holder/h", "traceparent", parent(asked));
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  http.get("/v1/spirits").json().path("spirits").findValuesAsText("phase").stream()
                          .filter("SUSPENDED"::equalsIgnoreCase)
                          .count()
                      == 2);
      // It waits for the turn before it, in the outbox of its sender.
      http.ask("relay/c", "send", "holder/h", "traceparent", parent(sent)).assertNothing();
      assertEquals(List.of(), collector.spans(span -> span.name().equals("holder turn")));
    } finally {
      node.system().terminate();
      node.whenEnded().toCompletableFuture().join();
    }
    try (VudoNode again = VudoNode.start(NodeFixture.settings(data, config))) {
      http(again)
          .post("/v1/spaces/s/write", "{\"tuple\": [1]}", "Content-Type", "application/json")
          .assertWritten(1);
      Received sender = turn(sent, "relay/c", "send");
      Received note =
          only(sent, span -> span.name().equals("holder turn") && span.at("vudo.turn").equals("3"));
      assertEquals(sender.spanId(), note.parent());
      assertEquals(name(again), note.at("service.instance.id"));
      // Its turn goes on after the crash, under the id that the question has had since before it.
      Received asking = turn(asked, "relay/d", "ask");
      Received answering =
          only(
              asked, span -> span.name().equals("holder turn") && span.at("vudo.turn").equals("2"));
      assertEquals(asking.spanId(), answering.parent());
      assertEquals(name(again), asking.at("service.instance.id"));
      assertNotEquals(asking.at("service.instance.id"), sender.at("service.instance.id"));
    }
    // Replayed turns are not told again.
    turn(done, "relay/x", "ask");
    turn(done, "relay/y", "note");
  }

  @Test
  void aCollectorThatIsAwayHarmsNothingAndIsToldOfOnce() throws IOException {
    List<ILoggingEvent> lines;
    try (OtlpReceiver late = new OtlpReceiver();
        Lines tracing = new Lines("io.vudo.node.internal.Tracing");
        VudoNode node =
            VudoNode.start(
                NodeFixture.settings(
                    NodeFixture.newDataDirectory(),
                    "vudo.tracing.endpoint = \"" + late.endpoint() + "\""))) {
      lines = tracing.said();
      late.refuse(true);
      deployRelay(http(node));
      http(node).ask("relay/a", "hello", "1").assertReply("1");
      await().atMost(PATIENCE).until(() -> lines.size() == 1);
      http(node).ask("relay/a", "hello", "2").assertReply("2");
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                http(node).ask("relay/a", "hello", "4").assertReply("4");
                late.refuse(lines.isEmpty());
                return !late.spans(span -> span.name().equals("relay turn")).isEmpty();
              });
      await().atMost(PATIENCE).until(() -> lines.size() == 2);
      assertTrue(lines.get(0).getFormattedMessage().startsWith("Traces do not reach"));
      assertTrue(lines.get(1).getFormattedMessage().startsWith("Traces reach"));
    }
    assertEquals(2, lines.size());
  }

  @Test
  void whereItIsOffNothingIsSent() {
    try (VudoNode node = VudoNode.start(NodeFixture.settings(NodeFixture.newDataDirectory(), ""))) {
      deployRelay(http(node));
      http(node)
          .ask(
              "relay/off",
              "ask",
              "relay/off2",
              "traceparent",
              parent("6bf92f3577b34da6a3ce929d0e0e4701"))
          .assertReply("!");
      http(node).ask("relay/off", "hello", "x", "traceparent", "nonsense").assertReply("x");
    }
    assertEquals(List.of(), collector.spans(span -> span.at("vudo.spirit.id").startsWith("off")));
  }

  @Test
  void settingsThatMakeNoSenseAreRefusedAtTheStart() {
    for (String wrong :
        List.of("endpoint = \"localhost:4318\"", "sampling-ratio = 2", "headers = [x]")) {
      VudoException refused =
          assertThrows(
              VudoException.class,
              () ->
                  VudoNode.start(
                      NodeFixture.settings(
                          NodeFixture.newDataDirectory(), "vudo.tracing { " + wrong + " }")));
      assertEquals(ErrorCode.CONFIG_INVALID, refused.code(), refused.getMessage());
    }
    assertTrue(ConfigFactory.defaultReference().getString("vudo.tracing.endpoint").isEmpty());
  }

  /** Keeps what a logger says. */
  private static final class Lines extends AppenderBase<ILoggingEvent> implements AutoCloseable {
    private final Logger logger;
    private final List<ILoggingEvent> kept = new CopyOnWriteArrayList<>();

    Lines(String name) {
      this.logger = (Logger) LoggerFactory.getLogger(name);
      start();
      logger.addAppender(this);
    }

    List<ILoggingEvent> said() {
      return kept;
    }

    @Override
    protected void append(ILoggingEvent event) {
      event.prepareForDeferredProcessing();
      kept.add(event);
    }

    @Override
    public void close() {
      logger.detachAppender(this);
      stop();
    }
  }
}
