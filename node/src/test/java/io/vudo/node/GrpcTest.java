package io.vudo.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.gateway.v1.AskManyReply;
import io.vudo.protocol.gateway.v1.AskManyRequest;
import io.vudo.protocol.gateway.v1.AskReply;
import io.vudo.protocol.gateway.v1.AskRequest;
import io.vudo.protocol.gateway.v1.BeginTransactionRequest;
import io.vudo.protocol.gateway.v1.CallProcessRequest;
import io.vudo.protocol.gateway.v1.CallSpiritRequest;
import io.vudo.protocol.gateway.v1.CancelLeaseRequest;
import io.vudo.protocol.gateway.v1.ClusterGrpc;
import io.vudo.protocol.gateway.v1.CompareStatesRequest;
import io.vudo.protocol.gateway.v1.CountRequest;
import io.vudo.protocol.gateway.v1.DeployHead;
import io.vudo.protocol.gateway.v1.DeployRequest;
import io.vudo.protocol.gateway.v1.Deployment;
import io.vudo.protocol.gateway.v1.DeploymentsGrpc;
import io.vudo.protocol.gateway.v1.EndTransactionRequest;
import io.vudo.protocol.gateway.v1.ExportStateRequest;
import io.vudo.protocol.gateway.v1.Field;
import io.vudo.protocol.gateway.v1.ForkRequest;
import io.vudo.protocol.gateway.v1.Found;
import io.vudo.protocol.gateway.v1.GhostRun;
import io.vudo.protocol.gateway.v1.GhostsGrpc;
import io.vudo.protocol.gateway.v1.HistoryGrpc;
import io.vudo.protocol.gateway.v1.Lease;
import io.vudo.protocol.gateway.v1.ListDeadLettersRequest;
import io.vudo.protocol.gateway.v1.ListDeploymentsRequest;
import io.vudo.protocol.gateway.v1.ListMigrationsRequest;
import io.vudo.protocol.gateway.v1.ListProcessesRequest;
import io.vudo.protocol.gateway.v1.ListSpiritsRequest;
import io.vudo.protocol.gateway.v1.MigrateRequest;
import io.vudo.protocol.gateway.v1.NamedProcess;
import io.vudo.protocol.gateway.v1.OperateNodeRequest;
import io.vudo.protocol.gateway.v1.ProcessesGrpc;
import io.vudo.protocol.gateway.v1.ReadAllRequest;
import io.vudo.protocol.gateway.v1.ReadRequest;
import io.vudo.protocol.gateway.v1.Rehearsal;
import io.vudo.protocol.gateway.v1.RehearseHead;
import io.vudo.protocol.gateway.v1.RehearseRequest;
import io.vudo.protocol.gateway.v1.RenewLeaseRequest;
import io.vudo.protocol.gateway.v1.ReplayRequest;
import io.vudo.protocol.gateway.v1.RunGhostRequest;
import io.vudo.protocol.gateway.v1.ShowClusterRequest;
import io.vudo.protocol.gateway.v1.ShowDeploymentRequest;
import io.vudo.protocol.gateway.v1.ShowGhostRunRequest;
import io.vudo.protocol.gateway.v1.ShowHistoryRequest;
import io.vudo.protocol.gateway.v1.ShowStatusRequest;
import io.vudo.protocol.gateway.v1.Slot;
import io.vudo.protocol.gateway.v1.SpiritsGrpc;
import io.vudo.protocol.gateway.v1.StateBytes;
import io.vudo.protocol.gateway.v1.StateSummary;
import io.vudo.protocol.gateway.v1.SwapHead;
import io.vudo.protocol.gateway.v1.SwapRequest;
import io.vudo.protocol.gateway.v1.SwapTupleRequest;
import io.vudo.protocol.gateway.v1.Swapped;
import io.vudo.protocol.gateway.v1.TakeRequest;
import io.vudo.protocol.gateway.v1.Template;
import io.vudo.protocol.gateway.v1.Tuple;
import io.vudo.protocol.gateway.v1.TupleChange;
import io.vudo.protocol.gateway.v1.TuplespacesGrpc;
import io.vudo.protocol.gateway.v1.Turn;
import io.vudo.protocol.gateway.v1.WaitAtBarrierRequest;
import io.vudo.protocol.gateway.v1.WatchRequest;
import io.vudo.protocol.gateway.v1.WriteRequest;
import io.vudo.protocol.journal.v1.SpiritImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The node by gRPC, with the stubs that everybody has. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class GrpcTest {
  private static final int MOST_ASKS = 8;
  private static final int MOST_WATCHERS = 3;
  private static final int MODULE_LIMIT = 4 << 20;
  private static final int MOST_CONNECTIONS = 3;

  @RegisterExtension
  static final NodeFixture NODE =
      new NodeFixture(
          """
          vudo.grpc.enabled = on
          vudo.grpc.port = 0
          vudo.grpc.max-asks-per-stream = %d
          vudo.grpc.max-connections = %d
          vudo.tuplespace.max-watchers = %d
          vudo.limits.max-module-bytes = %d
          vudo.http.max-watch-behind = 64 KiB
          vudo.http.ask-timeout = 5 minutes
          """
              .formatted(MOST_ASKS, MOST_CONNECTIONS, MOST_WATCHERS, MODULE_LIMIT));

  /** With a payload it waits for a tuple of the space "s" with one field; replies "ok". */
  private static final String HOLDER =
      """
      (module
        (import "spirit" "tuplespace_take"
          (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 2)
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

  private static ManagedChannel channel;

  @BeforeAll
  static void open() throws IOException {
    var address = NODE.node().grpcAddress().orElseThrow();
    channel =
        Grpc.newChannelBuilder(
                "127.0.0.1:" + address.getPort(), InsecureChannelCredentials.create())
            .build();
    NODE.deploy("echo", TestModules.echo());
    NODE.deploy("silent", TestModules.silent());
    NODE.deploy("counter", TestModules.example("counter"));
    NODE.deploy("holder", Wat2Wasm.parse(HOLDER), "grant=tuplespace_take:s");
    NODE.deploy("calc", GatewayGhostsTest.wat("price-spirit"));
  }

  @AfterAll
  static void close() throws InterruptedException {
    channel.shutdownNow();
    assertTrue(channel.awaitTermination(1, TimeUnit.MINUTES));
  }

  private static SpiritsGrpc.SpiritsBlockingStub spirits() {
    return SpiritsGrpc.newBlockingStub(channel);
  }

  private static TuplespacesGrpc.TuplespacesBlockingStub spaces() {
    return TuplespacesGrpc.newBlockingStub(channel);
  }

  private static HistoryGrpc.HistoryBlockingStub history() {
    return HistoryGrpc.newBlockingStub(channel);
  }

  private static AskRequest message(String spirit, String type, String payload) {
    String[] parts = spirit.split("/", -1);
    return AskRequest.newBuilder()
        .setType(parts[0])
        .setId(parts[1])
        .setMessageType(type)
        .setPayload(ByteString.copyFromUtf8(payload))
        .build();
  }

  private static String ask(String spirit, String type, String payload) {
    return spirits().ask(message(spirit, type, payload)).getReply().toStringUtf8();
  }

  /** Asserts that a call is refused with this code and status; answers the detail. */
  private static String refused(ErrorCode code, Status.Code status, Supplier<?> call) {
    return refused(code, status, assertThrows(StatusRuntimeException.class, call::get));
  }

  private static String refused(ErrorCode code, Status.Code status, Throwable failure) {
    StatusRuntimeException thrown = (StatusRuntimeException) failure;
    assertEquals(status, thrown.getStatus().getCode(), thrown.toString());
    assertEquals(
        code.name(),
        thrown.getTrailers().get(Metadata.Key.of("vudo-code", Metadata.ASCII_STRING_MARSHALLER)));
    try {
      ErrorInfo info = StatusProto.fromThrowable(thrown).getDetails(0).unpack(ErrorInfo.class);
      assertEquals(code.name(), info.getReason());
      assertEquals("vudo.io", info.getDomain());
      assertEquals(code.fix(), info.getMetadataOrThrow("fix"));
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
    return thrown.getStatus().getDescription();
  }

  // Messages

  @Test
  void aSpiritIsAskedAndTold() {
    assertEquals("hi", ask("echo/a", "any", "hi"));
    assertEquals(
        "4 and then 2",
        ask("counter/told", "add", "4") + " and then " + ask("counter/other", "add", "2"));
    var unused = spirits().tell(message("counter/told", "add", "3"));
    assertEquals("8", ask("counter/told", "add", "1"));
  }

  @Test
  void noReplyIsNotAnEmptyOne() {
    assertFalse(spirits().ask(message("silent/a", "any", "x")).hasReply());
    NODE.deploy("brief", TestModules.spirit("", "(i64.const 0x0000001000000000)"));
    AskReply empty = spirits().ask(message("brief/a", "any", ""));
    assertTrue(empty.hasReply());
    assertTrue(empty.getReply().isEmpty());
  }

  @Test
  void aKeyIsHandledOnceByBothDoors() {
    AskRequest keyed =
        message("counter/keyed", "add", "5").toBuilder().setIdempotencyKey("k").build();
    assertEquals("5", spirits().ask(keyed).getReply().toStringUtf8());
    assertEquals("5", spirits().ask(keyed).getReply().toStringUtf8());
    NODE.ask("counter/keyed", "add", "5", "Idempotency-Key", "k").assertReply("5");
    AskRequest again = keyed.toBuilder().clearIdempotencyKey().setSentBeforeMillis(10).build();
    refused(ErrorCode.REQUEST_INVALID, Status.Code.INVALID_ARGUMENT, () -> spirits().ask(again));
  }

  @Test
  void refusalsSayTheSameAsOverHttp() {
    assertEquals(
        NODE.ask("nobody/a", "x", "").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN),
        refused(
            ErrorCode.SPIRIT_TYPE_UNKNOWN, Status.Code.NOT_FOUND, () -> ask("nobody/a", "x", "")));
    refused(
        ErrorCode.SPIRIT_ID_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> spirits().ask(AskRequest.newBuilder().setType("echo").build()));
    refused(
        ErrorCode.PAYLOAD_TOO_LARGE,
        Status.Code.INVALID_ARGUMENT,
        () -> ask("echo/a", "x", "x".repeat((1 << 20) + 1)));
    NODE.deploy("broken", TestModules.spirit("", "(unreachable)"));
    refused(ErrorCode.TRAP_UNREACHABLE, Status.Code.ABORTED, () -> ask("broken/a", "x", ""));
  }

  @Test
  void aDeadlineIsWhatTheNodeWaits() {
    StatusRuntimeException late =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                spirits()
                    .withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                    .ask(message("holder/late", "x", "wait")));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, late.getStatus().getCode());

    Asking asking = new Asking(SpiritsGrpc.newStub(channel));
    asking.send(
        AskManyRequest.newBuilder()
            .setRequest(1)
            .setAsk(message("holder/late", "x", "wait"))
            .setTimeoutMillis(200)
            .build());
    assertEquals("1 ASK_TIMEOUT", asking.next());
    asking.end();
    write("s", tuple("for the first"), 0);
    write("s", tuple("for the second"), 0);
    assertEquals("ok", ask("holder/late", "x", ""));
  }

  /** A stream of asks, and its answers as {@code NUMBER REPLY} or {@code NUMBER CODE}. */
  private static final class Asking
      implements ClientResponseObserver<AskManyRequest, AskManyReply> {
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private ClientCallStreamObserver<AskManyRequest> requests;

    Asking(SpiritsGrpc.SpiritsStub stub) {
      var unused = stub.askMany(this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<AskManyRequest> stream) {
      requests = stream;
    }

    @Override
    public void onNext(AskManyReply reply) {
      answers.add(
          reply.getRequest()
              + " "
              + (reply.hasError()
                  ? reply.getError().getCode()
                  : reply.getReply().getReply().toStringUtf8()));
    }

    @Override
    public void onError(Throwable failure) {
      answers.add(failure.toString());
    }

    @Override
    public void onCompleted() {
      answers.add("end");
    }

    void send(AskManyRequest request) {
      requests.onNext(request);
    }

    void send(int number, AskRequest ask) {
      send(AskManyRequest.newBuilder().setRequest(number).setAsk(ask).build());
    }

    /** The next answer. */
    String next() {
      try {
        String answer = answers.poll(1, TimeUnit.MINUTES);
        return answer == null ? "nothing" : answer;
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    /** Asserts that the node ends the stream when it is told that all was sent. */
    void end() {
      requests.onCompleted();
      assertEquals("end", next());
    }
  }

  @Test
  void answersOfOneSpiritComeInOrderAndOthersDoNotWait() {
    Asking asking = new Asking(SpiritsGrpc.newStub(channel));
    asking.send(1, message("holder/first", "x", "wait"));
    asking.send(2, message("nobody/a", "x", ""));
    assertEquals("2 SPIRIT_TYPE_UNKNOWN", asking.next());
    // An answer that is there at once waits for the one before it.
    asking.send(3, message("holder/first", "x", ""));
    int asks = 100;
    for (int i = 1; i <= asks; i++) {
      asking.send(10 + i, message("counter/stream", "add", "1"));
    }
    for (int i = 1; i <= asks; i++) {
      assertEquals((10 + i) + " " + i, asking.next());
    }
    write("s", tuple("go on"), 0);
    assertEquals("1 ok", asking.next());
    assertEquals("3 ok", asking.next());
    asking.end();
  }

  @Test
  void aSlowSpiritStopsItsSenderAndNobodyElse() {
    Asking slow = new Asking(SpiritsGrpc.newStub(channel));
    String large = "x".repeat(60_000);
    int much = 200;
    int sent = 0;
    // As a well-behaved client: it sends when the connection takes more. After each of some asks by
    // others it could, if the node had read on meanwhile.
    for (int i = 0; i < 30; i++) {
      while (slow.requests.isReady() && sent < much) {
        slow.send(sent++, message("holder/slow", "x", large));
      }
      assertEquals("me", ask("echo/beside", "x", "me"));
    }
    // Those that the node has read, and what HTTP/2 lets be on its way: 1 MiB and a little.
    assertTrue(sent > MOST_ASKS && sent < MOST_ASKS + 40, "sent " + sent);
    assertFalse(slow.requests.isReady());
    for (int i = 0; i < sent; i++) {
      write("s", tuple("go on"), 0);
    }
    for (int i = 0; i < sent; i++) {
      assertEquals(i + " ok", slow.next());
    }
    slow.end();
  }

  @Test
  void aStreamOfAsksThatIsCancelledIsForgotten() {
    Asking asking = new Asking(SpiritsGrpc.newStub(channel));
    asking.send(1, message("holder/cancelled", "x", "wait"));
    await()
        .until(
            () ->
                NODE.node().spirits().resident().stream()
                    .anyMatch(
                        status ->
                            status.id().toString().equals("holder/cancelled")
                                && !status.waitsFor().isEmpty()));
    asking.requests.cancel("no more", null);
    assertTrue(asking.next().contains("CANCELLED"));
    write("s", tuple("go on"), 0);
    assertEquals("ok", ask("holder/cancelled", "x", ""));
  }

  // Calls by name

  private static ProcessesGrpc.ProcessesBlockingStub processes() {
    return ProcessesGrpc.newBlockingStub(channel);
  }

  private static CallProcessRequest call(String name, String args) {
    return CallProcessRequest.newBuilder()
        .setName(name)
        .setArgs(ByteString.copyFromUtf8(args))
        .build();
  }

  private static String result(CallProcessRequest call) {
    return processes().callProcess(call).getResult().toStringUtf8();
  }

  @Test
  void whatStandsBehindANameIsCalled() throws IOException {
    assertEquals("\"from Provided\"", result(call("provided.here", "")));
    assertEquals("\"from Provided\"", result(call("Provided.Here", "[]")));
    // A Spirit's, as it is: not a byte of it is read.
    assertEquals("[1,  2.50]", result(call("echo/named.Say", "[1,  2.50]")));
    CallSpiritRequest spirit =
        CallSpiritRequest.newBuilder()
            .setType("echo")
            .setName("named.Say")
            .setArgs(ByteString.copyFromUtf8("[3]"))
            .build();
    assertEquals("[3]", processes().callSpirit(spirit).getResult().toStringUtf8());
    assertFalse(processes().callProcess(call("silent/named.x", "[]")).hasResult());
    // An empty array in MessagePack, and a text of 13 characters.
    CallProcessRequest packed =
        CallProcessRequest.newBuilder()
            .setName("provided.here")
            .setArgs(ByteString.copyFrom(new byte[] {(byte) 0x90}))
            .build();
    assertEquals(
        ByteString.copyFrom(new byte[] {(byte) 0xad})
            .concat(ByteString.copyFromUtf8("from Provided")),
        processes().callProcess(packed).getResult());

    List<NamedProcess> names =
        processes().listProcesses(ListProcessesRequest.getDefaultInstance()).getNamesList();
    assertTrue(
        names.contains(
            NamedProcess.newBuilder().setName("provided.here").setKind("handler").build()),
        names::toString);
  }

  @Test
  void aCallThatFailsSaysWhatItSaysOverHttp() throws IOException {
    NODE.deploy(
        "refuser",
        TestModules.spirit(
            "(import \"spirit\" \"fail\" (func $fail (param i32 i32 i32)))",
            "(call $fail (i32.const 404) (local.get $p) (local.get $l)) (i64.const 0)"));
    for (CallProcessRequest call :
        List.of(call("provided.refuse", "[\"price\"]"), call("refuser/x.Do", "no price"))) {
      String detail =
          refused(
              ErrorCode.PROCESS_FAILED, Status.Code.ABORTED, () -> processes().callProcess(call));
      assertEquals("Exception|404:no price", detail);
      assertEquals(
          detail,
          NODE.post("/v1/process/" + call.getName(), call.getArgs().toStringUtf8())
              .assertProblem(ErrorCode.PROCESS_FAILED));
    }
    refused(
        ErrorCode.PROCESS_UNKNOWN, Status.Code.NOT_FOUND, () -> result(call("nobody.knows", "")));
    refused(
        ErrorCode.PROCESS_NAME_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> result(call("nodot", "")));
    refused(
        ErrorCode.PAYLOAD_TOO_LARGE,
        Status.Code.INVALID_ARGUMENT,
        () -> result(call("provided.here", "[" + " ".repeat(1 << 20) + "]")));
  }

  @Test
  void aCallWithAKeyIsOneByBothDoors() throws IOException {
    String args = "[\"" + NODE.data().resolve("calls") + "\"]";
    CallProcessRequest keyed =
        call("provided.count", args).toBuilder().setIdempotencyKey("k").build();
    assertEquals("1", result(keyed));
    assertEquals("1", result(keyed));
    assertEquals("1", NODE.post("/v1/process/provided.count", args, "Idempotency-Key", "k").text());
    assertEquals("2", result(keyed.toBuilder().setIdempotencyKey("other").build()));
    CallProcessRequest again =
        keyed.toBuilder().clearIdempotencyKey().setSentBeforeMillis(10).build();
    refused(ErrorCode.REQUEST_INVALID, Status.Code.INVALID_ARGUMENT, () -> result(again));
  }

  @Test
  void aCallWaitsNoLongerThanItsDeadline() {
    StatusRuntimeException late =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                processes()
                    .withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                    .callProcess(call("holder/named.x", "[1]")));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, late.getStatus().getCode());
    // The node has given it up, too, long before its own time for such calls.
    await()
        .atMost(Duration.ofMinutes(1))
        .until(
            () ->
                NODE.get("/metrics")
                    .text()
                    .lines()
                    .anyMatch(
                        line ->
                            line.startsWith("vudo_grpc_call_seconds_count")
                                && line.contains("Processes/CallProcess")
                                && line.contains("ASK_TIMEOUT")));
    write("s", tuple("go on"), 0);
    assertEquals("ok", ask("holder/named", "x", ""));
  }

  // Ghosts

  private static GhostsGrpc.GhostsBlockingStub ghosts() {
    return GhostsGrpc.newBlockingStub(channel);
  }

  private static RunGhostRequest ghost(String spirit, String declaration, String inputs) {
    return RunGhostRequest.newBuilder()
        .setGhost(declaration)
        .putMembers("calc", spirit)
        .setInputs(inputs)
        .build();
  }

  /** One step, with one input. */
  private static String oneStep(String type, String function, String result) {
    return """
        {"name": "one", "inputs": [{"name": "n", "type": "%s"}],
          "steps": [{"name": "only", "member": "calc", "function": "%s", "args": ["$n"]%s}]}
        """
        .formatted(type, function, result.isEmpty() ? "" : ", \"result\": \"" + result + "\"");
  }

  @Test
  void aGhostRunsAndIsOneRunUnderItsKey() throws IOException {
    RunGhostRequest price =
        ghost(
                "calc/grpc",
                Files.readString(GatewayGhostsTest.EXAMPLE.resolve("price.toml")),
                "{\"quantity\": 3}")
            .toBuilder()
            .putMembers("tax", "calc/grpc-tax")
            .setIdempotencyKey("grpc/1")
            .build();
    GhostRun run = ghosts().runGhost(price);
    assertEquals(
        List.of("grpc/1", "price", "DONE", "89"),
        List.of(run.getRun(), run.getGhost(), run.getState(), run.getValue()));
    assertEquals(
        List.of("net 75", "tax 14", "total 89"),
        run.getStepsList().stream().map(step -> step.getStep() + " " + step.getValue()).toList());
    assertTrue(run.hasBegun() && run.hasEnded() && !run.hasFailure(), run::toString);
    assertEquals(run, ghosts().runGhost(price));
    assertEquals(
        run, ghosts().showGhostRun(ShowGhostRunRequest.newBuilder().setRun("grpc/1").build()));
    assertEquals("2", ask("calc/grpc", "count", ""));
    refused(
        ErrorCode.GHOST_RUN_MISMATCH,
        Status.Code.FAILED_PRECONDITION,
        () -> ghosts().runGhost(price.toBuilder().setInputs("{\"quantity\": 4}").build()));
    refused(
        ErrorCode.GHOST_RUN_NOT_FOUND,
        Status.Code.NOT_FOUND,
        () -> ghosts().showGhostRun(ShowGhostRunRequest.newBuilder().setRun("nobody").build()));
  }

  @Test
  void valuesOfGhostsAreWhatTheyAreOverHttp() {
    // A double has no such number.
    String exact = "9007199254740993";
    GhostRun run =
        ghosts()
            .runGhost(ghost("calc/v", oneStep("long", "echo", "long"), "{\"n\":" + exact + "}"));
    assertEquals(exact, run.getValue());
    GhostRun bytes =
        ghosts().runGhost(ghost("calc/v", oneStep("bytes", "echo", "bytes"), "{\"n\": \"AQL/\"}"));
    assertEquals(ByteString.copyFrom(new byte[] {1, 2, -1}), bytes.getSteps(0).getBinary());
    assertFalse(bytes.getSteps(0).hasValue());
    assertEquals("\"AQL/\"", bytes.getValue());
    GhostRun nothing = ghosts().runGhost(ghost("calc/v", oneStep("int", "none", ""), "{\"n\": 1}"));
    assertEquals("null true", nothing.getValue() + " " + nothing.hasValue());
  }

  @Test
  void aGhostThatFailsIsNoFailureOfTheCall() {
    GhostRun run = ghosts().runGhost(ghost("calc/f", oneStep("int", "unknown", ""), "{\"n\": 1}"));
    assertEquals("FAILED", run.getState());
    assertEquals(ErrorCode.APPLICATION_ERROR.name(), run.getFailure().getCode());
    assertEquals(run.getFailure().getCode(), run.getSteps(0).getFailure().getCode());
    assertFalse(run.hasValue());
    String detail =
        refused(
            ErrorCode.REQUEST_INVALID,
            Status.Code.INVALID_ARGUMENT,
            () -> ghosts().runGhost(ghost("calc/f", oneStep("int", "echo", ""), "{")));
    assertTrue(detail.startsWith("\"inputs\": "), detail);
    refused(
        ErrorCode.ARGUMENT_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> ghosts().runGhost(ghost("calc/f", oneStep("int", "echo", ""), "{}")));
    refused(
        ErrorCode.GHOST_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> ghosts().runGhost(ghost("calc/f", "name = 1", "{}")));
    assertEquals("0", ask("calc/f", "count", ""));
  }

  @Test
  void whoDoesNotWaitForAGhostHearsThatItGoesOn() {
    RunGhostRequest patient =
        ghost("calc/p", oneStep("long", "sleep", ""), "{\"n\": 2000}").toBuilder()
            .setIdempotencyKey("patient")
            .setWaitMillis(10)
            .build();
    GhostRun begun = ghosts().withDeadlineAfter(1, TimeUnit.MINUTES).runGhost(patient);
    assertEquals("RUNNING", begun.getState());
    assertFalse(begun.hasEnded());
    GhostRun over =
        ghosts()
            .showGhostRun(
                ShowGhostRunRequest.newBuilder().setRun("patient").setWaitMillis(60_000).build());
    assertEquals("DONE 2000", over.getState() + " " + over.getValue());
  }

  // Connections

  /** One that says nothing, once the node has begun to speak on it. */
  private static CompletableFuture<Integer> accepted(Socket socket) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return socket.getInputStream().read();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Test
  void connectionsBeyondTheLimitWaitForOthersToEnd() throws IOException {
    var address = NODE.node().grpcAddress().orElseThrow();
    assertEquals("open", ask("echo/connected", "x", "open"));
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 1; i <= MOST_CONNECTIONS; i++) {
        sockets.add(new Socket(address.getAddress(), address.getPort()));
      }
      Socket last = sockets.get(MOST_CONNECTIONS - 1);
      for (Socket socket : sockets.subList(0, MOST_CONNECTIONS - 1)) {
        assertEquals(0, accepted(socket).orTimeout(1, TimeUnit.MINUTES).join());
      }
      CompletableFuture<Integer> waiting = accepted(last);
      for (int i = 0; i < 50; i++) {
        assertEquals("beside", ask("echo/connected", "x", "beside"));
      }
      assertFalse(waiting.isDone());
      sockets.get(0).close();
      assertEquals(0, waiting.orTimeout(1, TimeUnit.MINUTES).join());
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  // Deployments

  private static DeployRequest chunk(byte[] module, int from, int to) {
    return DeployRequest.newBuilder()
        .setChunk(ByteString.copyFrom(module, from, to - from))
        .build();
  }

  /** Sends a stream of requests, as far as it is taken, and answers the one answer. */
  private static <Q, A> A upload(
      java.util.function.Function<StreamObserver<A>, StreamObserver<Q>> call, List<Q> requests) {
    CompletableFuture<A> answer = new CompletableFuture<>();
    StreamObserver<Q> sending =
        call.apply(
            new StreamObserver<A>() {
              @Override
              public void onNext(A value) {
                answer.complete(value);
              }

              @Override
              public void onError(Throwable failure) {
                answer.completeExceptionally(failure);
              }

              @Override
              public void onCompleted() {}
            });
    for (Q request : requests) {
      if (!answer.isDone()) {
        sending.onNext(request);
      }
    }
    if (!answer.isDone()) {
      sending.onCompleted();
    }
    return answer.orTimeout(1, TimeUnit.MINUTES).join();
  }

  private static Deployment deploy(DeployHead head, byte[] module) {
    List<DeployRequest> parts = new ArrayList<>();
    parts.add(DeployRequest.newBuilder().setHead(head).build());
    for (int at = 0; at < module.length; at += 100_000) {
      parts.add(chunk(module, at, Math.min(module.length, at + 100_000)));
    }
    return upload(DeploymentsGrpc.newStub(channel)::deploy, parts);
  }

  private static void refusedUpload(ErrorCode code, Status.Code status, Supplier<?> upload) {
    refused(
        code,
        status,
        assertThrows(java.util.concurrent.CompletionException.class, upload::get).getCause());
  }

  @Test
  void aModuleIsDeployedInParts() {
    byte[] module = TestModules.large(3 << 20);
    DeployHead head =
        DeployHead.newBuilder()
            .setType("large")
            .setEngine("jvm")
            .addGrant("sensor_time")
            .addGrant("tuplespace_take:jobs")
            .setFuel(1_000_000)
            .setMemoryBytes(1 << 20)
            .setTurnTimeoutMillis(2_000)
            .setRemember(false)
            .setOnFailure("stop")
            .build();
    Deployment deployed = deploy(head, module);
    assertTrue(deployed.getChanged());
    assertEquals(1_000_000, deployed.getLimits().getFuelPerTurn());
    assertEquals(1 << 20, deployed.getLimits().getMaxMemoryBytes());
    assertEquals(2_000, deployed.getLimits().getTurnTimeoutMillis());
    assertEquals("stop", deployed.getSupervision().getOnFailure());
    assertEquals(List.of("sensor_time", "tuplespace_take:jobs"), deployed.getCapabilitiesList());
    assertTrue(deployed.getDeployedAt().getSeconds() > 0);
    assertFalse(deploy(head, module).getChanged());
    assertEquals("there", ask("large/a", "x", "there"));
    var deployments = DeploymentsGrpc.newBlockingStub(channel);
    assertEquals(
        deployed.getDigest(),
        deployments
            .showDeployment(ShowDeploymentRequest.newBuilder().setType("large").build())
            .getDigest());
    assertTrue(
        deployments
            .listDeployments(ListDeploymentsRequest.getDefaultInstance())
            .getDeploymentsList()
            .stream()
            .anyMatch(one -> one.getType().equals("large")));
  }

  @Test
  void anUploadThatCannotBeTakenIsRefused() {
    DeployHead head = DeployHead.newBuilder().setType("refused").build();
    refusedUpload(
        ErrorCode.MODULE_TOO_LARGE,
        Status.Code.INVALID_ARGUMENT,
        () -> deploy(head, TestModules.large(2 * MODULE_LIMIT)));
    refusedUpload(
        ErrorCode.MODULE_BAD_MAGIC, Status.Code.INVALID_ARGUMENT, () -> deploy(head, new byte[99]));
    refusedUpload(
        ErrorCode.LIMIT_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> deploy(head.toBuilder().setFuel(-1).build(), TestModules.echo()));
    refusedUpload(
        ErrorCode.REQUEST_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> upload(DeploymentsGrpc.newStub(channel)::deploy, List.of(chunk(new byte[1], 0, 1))));
    refusedUpload(
        ErrorCode.REQUEST_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> upload(DeploymentsGrpc.newStub(channel)::deploy, List.of()));
    refusedUpload(
        ErrorCode.REQUEST_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () ->
            upload(
                DeploymentsGrpc.newStub(channel)::deploy,
                List.of(
                    DeployRequest.newBuilder().setHead(head).build(),
                    DeployRequest.newBuilder().setHead(head).build())));
  }

  @Test
  void codeIsSwapped() {
    NODE.deploy("swapped", TestModules.echo());
    assertEquals("before", ask("swapped/a", "x", "before"));
    List<SwapRequest> requests =
        List.of(
            SwapRequest.newBuilder()
                .setHead(SwapHead.newBuilder().setType("swapped").setDryRun(true))
                .build(),
            SwapRequest.newBuilder().setChunk(ByteString.copyFrom(TestModules.silent())).build());
    Swapped dry = upload(DeploymentsGrpc.newStub(channel)::swap, requests);
    assertFalse(dry.getSwapped());
    assertTrue(dry.getCheck().getDiffering() > 0, dry.toString());
    refusedUpload(
        ErrorCode.SWAP_NO_PREVIOUS,
        Status.Code.FAILED_PRECONDITION,
        () ->
            upload(
                DeploymentsGrpc.newStub(channel)::swap,
                List.of(
                    SwapRequest.newBuilder()
                        .setHead(SwapHead.newBuilder().setType("swapped").setRollback(true))
                        .build())));
  }

  // Tuples

  private static Tuple tuple(Object... values) {
    Tuple.Builder tuple = Tuple.newBuilder();
    for (Object value : values) {
      Field.Builder field = Field.newBuilder();
      if (value instanceof String text) {
        field.setString(text);
      } else if (value instanceof Integer number) {
        field.setInt(number);
      } else if (value instanceof Double number) {
        field.setFloat(number);
      } else if (value instanceof Boolean bool) {
        field.setBool(bool);
      } else if (value instanceof Tuple nested) {
        field.setTuple(nested);
      } else if (value instanceof ByteString bytes) {
        field.setBytes(bytes);
      } else {
        field.setNullValue(0);
      }
      tuple.addFields(field);
    }
    return tuple.build();
  }

  private static Slot exact(String text) {
    return Slot.newBuilder().setExact(Field.newBuilder().setString(text)).build();
  }

  private static Slot any() {
    return Slot.newBuilder().setAny(true).build();
  }

  private static Template template(Slot... slots) {
    return Template.newBuilder().addAllSlots(List.of(slots)).build();
  }

  private static List<Lease> write(String space, Tuple tuple, long ttlMillis) {
    return spaces()
        .write(
            WriteRequest.newBuilder()
                .setSpace(space)
                .setTuple(tuple)
                .setTtlMillis(ttlMillis)
                .build())
        .getLeasesList();
  }

  private static TakeRequest take(String space, Template template) {
    return TakeRequest.newBuilder().setSpace(space).setTemplate(template).build();
  }

  @Test
  void tuplesOfAllTypesGoThereAndBack() {
    Tuple all =
        tuple(
            "all",
            7,
            -0.0,
            1.0,
            Double.NaN,
            Double.NEGATIVE_INFINITY,
            true,
            null,
            ByteString.copyFrom(new byte[] {0, -1}),
            tuple("nested", tuple(1)));
    assertEquals(1, write("types", all, 0).size());
    Template template =
        Template.newBuilder()
            .addSlots(exact("all"))
            .addSlots(
                Slot.newBuilder()
                    .setPredicate(
                        io.vudo.protocol.gateway.v1.Predicate.newBuilder()
                            .setOperator("in")
                            .setOperand(Field.newBuilder().setTuple(tuple(6, 7)))))
            .addSlots(Slot.newBuilder().setType("float"))
            .addSlots(any())
            .addSlots(any())
            .addSlots(any())
            .addSlots(Slot.newBuilder().setExact(Field.newBuilder().setBool(true)))
            .addSlots(Slot.newBuilder().setExact(Field.newBuilder().setNullValue(0)))
            .addSlots(any())
            .addSlots(Slot.newBuilder().setTemplate(template(exact("nested"), any())))
            .build();
    assertEquals(
        1,
        spaces()
            .count(CountRequest.newBuilder().setSpace("types").setTemplate(template).build())
            .getCount());
    assertEquals(
        all,
        spaces()
            .read(ReadRequest.newBuilder().setSpace("types").setTemplate(template).build())
            .getTuple());
    assertEquals(all, spaces().take(take("types", template)).getTuple());
    assertFalse(spaces().take(take("types", template)).hasTuple());
    refused(
        ErrorCode.TUPLE_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> write("types", Tuple.newBuilder().addFields(Field.getDefaultInstance()).build(), 0));
    refused(
        ErrorCode.TUPLE_ARITY,
        Status.Code.INVALID_ARGUMENT,
        () -> write("types", Tuple.getDefaultInstance(), 0));
    refused(
        ErrorCode.TEMPLATE_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> spaces().take(take("types", template(Slot.getDefaultInstance()))));
    refused(
        ErrorCode.SPACE_NAME_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> write("../types", tuple(1), 0));
  }

  @Test
  void whoWaitsForATupleGetsIt() {
    TakeRequest waiting =
        take("waits", template(exact("job"), any())).toBuilder()
            .setWaitMillis(60_000)
            .setIdempotencyKey("the-one")
            .build();
    CompletableFuture<Found> taken = CompletableFuture.supplyAsync(() -> spaces().take(waiting));
    write("waits", tuple("job", 1), 0);
    assertEquals(tuple("job", 1), taken.orTimeout(1, TimeUnit.MINUTES).join().getTuple());
    assertEquals(tuple("job", 1), spaces().take(waiting).getTuple());
    assertFalse(
        spaces()
            .take(waiting.toBuilder().clearIdempotencyKey().setWaitMillis(1).build())
            .hasTuple());
    // It waits no longer than its caller does.
    StatusRuntimeException gone =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                spaces()
                    .withDeadlineAfter(200, TimeUnit.MILLISECONDS)
                    .take(waiting.toBuilder().clearIdempotencyKey().build()));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, gone.getStatus().getCode());
  }

  @Test
  void leasesTransactionsAndBarriers() {
    String lease = write("coordinated", tuple("lease"), 60_000).get(0).getLease();
    Lease renewed =
        spaces()
            .renewLease(
                RenewLeaseRequest.newBuilder()
                    .setSpace("coordinated")
                    .setLease(lease)
                    .setTtlMillis(120_000)
                    .build());
    assertTrue(renewed.hasEndsAtMillis());
    var unused =
        spaces()
            .cancelLease(
                CancelLeaseRequest.newBuilder().setSpace("coordinated").setLease(lease).build());
    refused(
        ErrorCode.LEASE_UNKNOWN,
        Status.Code.NOT_FOUND,
        () ->
            spaces()
                .cancelLease(
                    CancelLeaseRequest.newBuilder()
                        .setSpace("coordinated")
                        .setLease(lease)
                        .build()));
    assertFalse(write("coordinated", tuple("for ever"), 0).get(0).hasEndsAtMillis());

    String transaction =
        spaces()
            .beginTransaction(
                BeginTransactionRequest.newBuilder()
                    .setSpace("coordinated")
                    .setTimeoutMillis(20_000)
                    .build())
            .getTransaction();
    var written =
        spaces()
            .write(
                WriteRequest.newBuilder()
                    .setSpace("coordinated")
                    .addTuples(tuple("t", 1))
                    .addTuples(tuple("t", 2))
                    .setTransaction(transaction)
                    .build());
    assertEquals(2, written.getLeasesCount());
    ReadAllRequest all =
        ReadAllRequest.newBuilder()
            .setSpace("coordinated")
            .setTemplate(template(exact("t"), any()))
            .build();
    assertEquals(0, spaces().readAll(all).getTuplesCount());
    var committed =
        spaces()
            .commitTransaction(
                EndTransactionRequest.newBuilder()
                    .setSpace("coordinated")
                    .setTransaction(transaction)
                    .build());
    assertTrue(committed.isInitialized());
    assertEquals(
        tuple("t", 1),
        spaces()
            .swapTuple(
                SwapTupleRequest.newBuilder()
                    .setSpace("coordinated")
                    .setExpected(template(exact("t"), any()))
                    .setReplacement(tuple("t", 3))
                    .build())
            .getTuple());
    assertEquals(List.of(tuple("t", 2), tuple("t", 3)), spaces().takeAll(all).getTuplesList());

    WaitAtBarrierRequest barrier =
        WaitAtBarrierRequest.newBuilder()
            .setSpace("coordinated")
            .setName("gate")
            .setParties(1)
            .setWaitMillis(1_000)
            .build();
    assertEquals(0, spaces().waitAtBarrier(barrier).getPlace());
    assertFalse(
        spaces()
            .waitAtBarrier(barrier.toBuilder().setParties(2).setWaitMillis(1).build())
            .hasPlace());
  }

  /** A watch that is read when the test asks for it. */
  private static final class Watching implements ClientResponseObserver<WatchRequest, TupleChange> {
    private final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
    private ClientCallStreamObserver<WatchRequest> call;

    Watching(String space, Template template) {
      TuplespacesGrpc.newStub(channel)
          .watch(WatchRequest.newBuilder().setSpace(space).setTemplate(template).build(), this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<WatchRequest> stream) {
      call = stream;
      stream.disableAutoRequestWithInitial(1);
    }

    @Override
    public void onNext(TupleChange change) {
      events.add(change);
      call.request(1);
    }

    @Override
    public void onError(Throwable failure) {
      events.add(failure);
    }

    @Override
    public void onCompleted() {
      events.add("end");
    }

    Object next() {
      try {
        Object event = events.poll(1, TimeUnit.MINUTES);
        return event == null ? "nothing" : event;
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    void cancel() {
      call.cancel("no more", null);
    }
  }

  /** A watch that has begun: what is written from now on is told. */
  private static Watching watching(String space, Template template, Tuple sign) {
    while (true) {
      Watching watching = new Watching(space, template);
      AtomicInteger written = new AtomicInteger();
      // Nothing is told before the watch has begun, so a sign is repeated until one is.
      await()
          .pollInterval(Duration.ofMillis(50))
          .until(
              () -> {
                if (watching.events.isEmpty()) {
                  write(space, sign, 0);
                  written.incrementAndGet();
                }
                return !watching.events.isEmpty();
              });
      Object first = watching.next();
      if (first instanceof TupleChange) {
        return watching;
      }
      // Watches of other tests have not ended yet.
      refused(ErrorCode.WATCHERS_FULL, Status.Code.RESOURCE_EXHAUSTED, (Throwable) first);
    }
  }

  @Test
  void whatHappensToTuplesIsTold() {
    Template template = template(exact("w"), any());
    Watching watching = watching("watched", template, tuple("w", 0));
    write("watched", tuple("w", 1), 0);
    Object event = watching.next();
    while (event instanceof TupleChange change && change.getTuple().equals(tuple("w", 0))) {
      event = watching.next();
    }
    assertEquals(TupleChange.newBuilder().setKind("added").setTuple(tuple("w", 1)).build(), event);
    var unused =
        spaces()
            .take(
                take(
                    "watched",
                    template(
                        exact("w"),
                        Slot.newBuilder().setExact(Field.newBuilder().setInt(1)).build())));
    assertEquals(
        TupleChange.newBuilder().setKind("removed").setTuple(tuple("w", 1)).build(),
        watching.next());
    watching.cancel();
  }

  @Test
  void aWatchThatIsCancelledMakesRoom() {
    List<Watching> open = new ArrayList<>();
    Template template = template(exact("c"), any());
    for (int i = 0; i < MOST_WATCHERS; i++) {
      open.add(watching("crowded", template, tuple("c", i)));
    }
    Watching oneTooMany = new Watching("crowded", template);
    refused(ErrorCode.WATCHERS_FULL, Status.Code.RESOURCE_EXHAUSTED, (Throwable) oneTooMany.next());
    open.remove(0).cancel();
    open.add(watching("crowded", template, tuple("c", -1)));
    open.forEach(Watching::cancel);
  }

  @Test
  void aWatcherThatDoesNotReadIsTold() {
    CompletableFuture<Throwable> failure = new CompletableFuture<>();
    AtomicInteger read = new AtomicInteger();
    var observer =
        new ClientResponseObserver<WatchRequest, TupleChange>() {
          private ClientCallStreamObserver<WatchRequest> call;

          @Override
          public void beforeStart(ClientCallStreamObserver<WatchRequest> stream) {
            call = stream;
            stream.disableAutoRequestWithInitial(1);
          }

          @Override
          public void onNext(TupleChange change) {
            read.incrementAndGet();
          }

          @Override
          public void onError(Throwable thrown) {
            failure.complete(thrown);
          }

          @Override
          public void onCompleted() {
            failure.complete(new AssertionError("It ended as if all was told."));
          }
        };
    TuplespacesGrpc.newStub(channel)
        .watch(
            WatchRequest.newBuilder()
                .setSpace("flood")
                .setTemplate(template(exact("f"), any()))
                .build(),
            observer);
    String large = "x".repeat(50_000);
    await().until(() -> read.get() == 1 || write("flood", tuple("f", 0), 0).isEmpty());
    // More than the connection, and what may wait for the client, hold.
    for (int i = 0; i < 60; i++) {
      write("flood", tuple("f", large), 0);
    }
    assertFalse(failure.isDone());
    observer.call.request(Integer.MAX_VALUE);
    Throwable thrown = failure.orTimeout(1, TimeUnit.MINUTES).join();
    String detail = refused(ErrorCode.WATCH_TOO_SLOW, Status.Code.RESOURCE_EXHAUSTED, thrown);
    assertTrue(detail.contains("behind"), detail);
    assertTrue(read.get() < 60, "read " + read);
  }

  // The past

  @Test
  void thePastIsSeen() throws InvalidProtocolBufferException {
    for (String payload : List.of("1", "2", "3")) {
      ask("counter/past", "add", payload);
    }
    ShowHistoryRequest whole =
        ShowHistoryRequest.newBuilder().setType("counter").setId("past").build();
    List<Turn> turns = new ArrayList<>();
    history().showHistory(whole).forEachRemaining(turns::add);
    assertEquals(
        List.of("spawn", "message", "message", "message"),
        turns.stream().map(Turn::getKind).toList());
    assertEquals(
        IntStream.rangeClosed(1, 4).boxed().toList(),
        turns.stream().map(turn -> (int) turn.getTurn()).toList());
    assertEquals("completed", turns.get(3).getOutcome());
    assertTrue(turns.get(3).getTime().getSeconds() > 0);
    refused(
        ErrorCode.SPIRIT_NOT_FOUND,
        Status.Code.NOT_FOUND,
        () -> history().showHistory(whole.toBuilder().setId("nobody").build()).hasNext());

    StateSummary second =
        history()
            .replay(ReplayRequest.newBuilder().setType("counter").setId("past").setTo(2).build());
    assertEquals(2, second.getTurn());
    assertTrue(second.getLives());
    Iterator<StateBytes> chunks =
        history()
            .exportState(ExportStateRequest.newBuilder().setType("counter").setId("past").build());
    ByteString image = ByteString.EMPTY;
    while (chunks.hasNext()) {
      image = image.concat(chunks.next().getChunk());
    }
    assertArrayEquals(NODE.get("/v1/spirits/counter/past/state").body(), image.toByteArray());
    assertTrue(SpiritImage.parseFrom(image).getSerializedSize() > 0);
    assertFalse(
        history()
            .compareStates(
                CompareStatesRequest.newBuilder()
                    .setType("counter")
                    .setId("past")
                    .setFrom(2)
                    .setTo(4)
                    .build())
            .getEqual());
    Rehearsal rehearsal =
        upload(
            HistoryGrpc.newStub(channel)::rehearse,
            List.of(
                RehearseRequest.newBuilder()
                    .setHead(RehearseHead.newBuilder().setType("counter").setId("past"))
                    .build(),
                RehearseRequest.newBuilder()
                    .setChunk(ByteString.copyFrom(TestModules.example("counter")))
                    .build()));
    assertEquals(0, rehearsal.getDiffering());
    ForkRequest fork =
        ForkRequest.newBuilder().setType("counter").setId("past").setNewId("fork").setTo(3).build();
    assertEquals("counter/fork", history().fork(fork).getId());
    assertEquals("4", ask("counter/fork", "add", "1"));
    refused(ErrorCode.SPIRIT_EXISTS, Status.Code.ALREADY_EXISTS, () -> history().fork(fork));
  }

  @Test
  void turnsAreFollowedAsTheyHappen() {
    ask("counter/followed", "add", "1");
    Context.CancellableContext context = Context.current().withCancellation();
    Iterator<Turn> turns;
    Context before = context.attach();
    try {
      turns =
          history()
              .showHistory(
                  ShowHistoryRequest.newBuilder()
                      .setType("counter")
                      .setId("followed")
                      .setFrom("2")
                      .setFollow(true)
                      .build());
    } finally {
      context.detach(before);
    }
    assertEquals(2, turns.next().getTurn());
    ask("counter/followed", "add", "1");
    assertEquals(3, turns.next().getTurn());
    context.cancel(null);
  }

  // What runs

  @Test
  void theNodeAndItsClusterAreSeen() {
    ask("echo/seen", "x", "");
    assertTrue(
        spirits()
            .listSpirits(ListSpiritsRequest.newBuilder().setAll(true).build())
            .getSpiritsList()
            .stream()
            .anyMatch(status -> status.getId().equals("echo/seen") && status.getResident()));
    var cluster = ClusterGrpc.newBlockingStub(channel);
    var status = cluster.showStatus(ShowStatusRequest.getDefaultInstance());
    assertEquals(ProcessHandle.current().pid(), status.getPid());
    assertTrue(status.getHost().getSpirits() > 0);
    var nodes = cluster.showCluster(ShowClusterRequest.getDefaultInstance());
    assertEquals(NODE.uri().toString(), nodes.getNodes(0).getHttp());
    assertEquals(
        0, cluster.listMigrations(ListMigrationsRequest.getDefaultInstance()).getMigrationsCount());
    refused(
        ErrorCode.NODE_UNKNOWN,
        Status.Code.NOT_FOUND,
        () -> cluster.drain(OperateNodeRequest.newBuilder().setNode("10.0.0.9:1").build()));
    assertEquals(
        0,
        spirits()
            .listDeadLetters(ListDeadLettersRequest.newBuilder().setSpirit("echo/seen").build())
            .getDeadLettersCount());
    assertTrue(
        spirits()
            .migrate(
                MigrateRequest.newBuilder().setType("echo").setId("seen").setEngine("jvm").build())
            .getMoved());
    refused(
        ErrorCode.REQUEST_INVALID,
        Status.Code.INVALID_ARGUMENT,
        () -> spirits().migrate(MigrateRequest.newBuilder().setType("echo").setId("seen").build()));
  }

  @Test
  void probesAndToolsFindWhatTheyKnow() {
    assertEquals(
        ServingStatus.SERVING,
        HealthGrpc.newBlockingStub(channel)
            .check(HealthCheckRequest.getDefaultInstance())
            .getStatus());
    CompletableFuture<ServerReflectionResponse> services = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> asking =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse value) {
                    services.complete(value);
                  }

                  @Override
                  public void onError(Throwable failure) {
                    services.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    asking.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    List<String> names =
        services
            .orTimeout(1, TimeUnit.MINUTES)
            .join()
            .getListServicesResponse()
            .getServiceList()
            .stream()
            .map(ServiceResponse::getName)
            .toList();
    asking.onCompleted();
    assertTrue(names.contains("vudo.gateway.v1.Spirits"), names.toString());
    assertTrue(names.contains("grpc.health.v1.Health"), names.toString());
  }

  @Test
  void aRequestIsCalledAsItsCallerSays() {
    Metadata.Key<String> id = Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);
    Metadata headers = new Metadata();
    headers.put(id, "my-request");
    StatusRuntimeException thrown =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                spirits()
                    .withInterceptors(
                        io.grpc.stub.MetadataUtils.newAttachHeadersInterceptor(headers))
                    .ask(message("nobody/a", "x", "")));
    assertEquals("my-request", thrown.getTrailers().get(id));
  }

  /** Nothing that a message says is lost silently. */
  @Test
  void everyMemberOfTheJsonHasAField() {
    Message status =
        ClusterGrpc.newBlockingStub(channel).showStatus(ShowStatusRequest.getDefaultInstance());
    NODE.get("/v1/status")
        .json()
        .fieldNames()
        .forEachRemaining(
            name ->
                assertTrue(
                    status.getDescriptorForType().getFields().stream()
                        .anyMatch(field -> field.getJsonName().equals(name)),
                    name));
  }
}
