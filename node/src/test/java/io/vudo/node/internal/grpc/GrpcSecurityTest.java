package io.vudo.node.internal.grpc;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.stub.StreamObserver;
import io.vudo.node.NodeFixture;
import io.vudo.node.TestCertificates;
import io.vudo.node.TestCertificates.NodeFiles;
import io.vudo.node.VudoNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Role;
import io.vudo.node.internal.Route;
import io.vudo.node.internal.Tokens;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.gateway.v1.AskManyReply;
import io.vudo.protocol.gateway.v1.AskManyRequest;
import io.vudo.protocol.gateway.v1.AskRequest;
import io.vudo.protocol.gateway.v1.CallProcessRequest;
import io.vudo.protocol.gateway.v1.ClusterGrpc;
import io.vudo.protocol.gateway.v1.Place;
import io.vudo.protocol.gateway.v1.ProcessesGrpc;
import io.vudo.protocol.gateway.v1.RestartRequest;
import io.vudo.protocol.gateway.v1.ShowStatusRequest;
import io.vudo.protocol.gateway.v1.SpiritsGrpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Who gets in by gRPC and what for: the same callers, TLS and limits as over HTTP. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class GrpcSecurityTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  @TempDir static Path directory;

  private static final Map<Role, String> TOKENS = new LinkedHashMap<>();
  private static final String LIMITED = Tokens.create();
  private static final String ONE_AT_ONCE = Tokens.create();

  /** Under which name the node is called: others than its own machine reach it. */
  private static final String NAME = "gateway.example";

  private static final List<String> AUDITED = new CopyOnWriteArrayList<>();

  private static final AppenderBase<ILoggingEvent> APPENDER =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          AUDITED.add(event.getFormattedMessage());
        }
      };

  private static TestCertificates authority;
  private static NodeFiles server;
  private static VudoNode node;
  private static ManagedChannel channel;

  /** From the beginning on, so that no test has to wait for its end. */
  private static Begun unfinished;

  @BeforeAll
  static void start() throws IOException {
    APPENDER.start();
    ((Logger) LoggerFactory.getLogger("io.vudo.audit")).addAppender(APPENDER);
    authority = new TestCertificates(directory.resolve("authority"));
    server = certificate(authority);
    StringBuilder callers = new StringBuilder("callers = [\n");
    for (Role role : Role.values()) {
      TOKENS.put(role, Tokens.create());
      callers.append(
          entry("only-" + role.text(), "token-sha256 = " + hash(TOKENS.get(role)), role, ""));
    }
    callers
        .append(entry("orders", "certificate-subject = \"CN=orders\"", Role.READ, ""))
        .append(
            entry(
                "limited",
                "token-sha256 = " + hash(LIMITED),
                Role.READ,
                ", limits { requests-per-second = 0.001 }"))
        .append(
            entry(
                "one-at-once",
                "token-sha256 = " + hash(ONE_AT_ONCE),
                Role.READ,
                ", limits { concurrent-requests = 1 }"));
    Path file = Files.writeString(directory.resolve("callers.conf"), callers + "]\n");
    node =
        VudoNode.start(
            NodeFixture.settings(
                    NodeFixture.newDataDirectory(),
                    """
                    vudo.grpc.host = "0.0.0.0"
                    vudo.http.request-timeout = 15 s
                    vudo.gateway {
                      tls {
                        certificate = "%s"
                        key = "%s"
                        client-ca = "%s"
                        client-authentication = optional
                      }
                      callers-file = "%s"
                      reload-interval = 50 ms
                      audit.messages = on
                    }
                    """
                        .formatted(server.certificate(), server.key(), server.ca(), file))
                .withGrpcPort(0));
    channel = channel(authority.ca(), Optional.empty());
    Operation operation = operation("restart");
    unfinished =
        begin(operation, Optional.of(TOKENS.get(Role.OPERATE)), "unfinished")
            .with(request(operation));
  }

  private static NodeFiles certificate(TestCertificates from) throws IOException {
    return from.issueTo("server", "CN=server", NAME);
  }

  private static String hash(String token) {
    return Tokens.hash(token);
  }

  private static String entry(String name, String shown, Role role, String more) {
    return " { name = \"%s\", %s, roles = [%s] %s }\n".formatted(name, shown, role.text(), more);
  }

  private static String target() {
    return "127.0.0.1:" + node.grpcAddress().orElseThrow().getPort();
  }

  private static ManagedChannel channel(Path ca, Optional<NodeFiles> client) throws IOException {
    TlsChannelCredentials.Builder credentials =
        TlsChannelCredentials.newBuilder().trustManager(ca.toFile());
    if (client.isPresent()) {
      credentials.keyManager(client.get().certificate().toFile(), client.get().key().toFile());
    }
    return Grpc.newChannelBuilder(target(), credentials.build()).overrideAuthority(NAME).build();
  }

  /** Tells of a stream that is open what becomes of it when its node stops. */
  @AfterAll
  static void end() throws InterruptedException {
    // Its client never said that this was all.
    assertEquals("ASK_TIMEOUT", unfinished.end().code());
    assertEquals(Status.Code.DEADLINE_EXCEEDED, unfinished.end().status().getCode());
    assertEquals("ASK_TIMEOUT", audited("request", "unfinished").path("outcome").asText());
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    CompletableFuture<String> answered = new CompletableFuture<>();
    StreamObserver<AskManyRequest> stream =
        SpiritsGrpc.newStub(channel)
            .withCallCredentials(token(TOKENS.get(Role.MESSAGE)))
            .askMany(
                new StreamObserver<>() {
                  @Override
                  public void onNext(AskManyReply reply) {
                    answered.complete(reply.getError().getCode());
                  }

                  @Override
                  public void onError(Throwable failure) {
                    ended.complete(failure);
                  }

                  @Override
                  public void onCompleted() {
                    ended.complete(new AssertionError("It ended as if the client had."));
                  }
                });
    stream.onNext(
        AskManyRequest.newBuilder()
            .setAsk(AskRequest.newBuilder().setType("nobody").setId("a"))
            .build());
    assertEquals("SPIRIT_TYPE_UNKNOWN", answered.orTimeout(1, TimeUnit.MINUTES).join());
    node.close();
    Throwable why = ended.orTimeout(1, TimeUnit.MINUTES).join();
    assertEquals(ErrorCode.SPIRIT_UNAVAILABLE.name(), code(Status.trailersFromThrowable(why)));
    channel.shutdownNow();
    assertTrue(channel.awaitTermination(1, TimeUnit.MINUTES));
    ((Logger) LoggerFactory.getLogger("io.vudo.audit")).detachAppender(APPENDER);
    for (String line : AUDITED) {
      TOKENS.values().forEach(secret -> assertFalse(line.contains(secret), line));
    }
  }

  private static CallCredentials token(String token) {
    return new CallCredentials() {
      @Override
      public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier into) {
        Metadata headers = new Metadata();
        headers.put(AUTHORIZATION, "Bearer " + token);
        into.apply(headers);
      }
    };
  }

  private static String code(Metadata trailers) {
    return trailers == null ? "" : String.valueOf(trailers.get(Answers.CODE));
  }

  /** What came of a call: OK when it was let in and goes on. */
  private record Outcome(Status status, String code) {}

  /** A call whose client may not have said everything yet. */
  private record Begun(ClientCall<Message, Message> call, CompletableFuture<Outcome> outcome) {
    Begun with(Message request) {
      call.sendMessage(request);
      return this;
    }

    Outcome end() {
      return outcome.orTimeout(1, TimeUnit.MINUTES).join();
    }
  }

  private static Begun begin(Operation operation, Optional<String> token, String requestId) {
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    CallOptions options =
        token
            .map(GrpcSecurityTest::token)
            .map(CallOptions.DEFAULT::withCallCredentials)
            .orElse(CallOptions.DEFAULT);
    // As a stream: of a call that sends one message the client keeps all until that is whole.
    ClientCall<Message, Message> call =
        channel.newCall(
            operation.grpc().toBuilder()
                .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                .build(),
            options);
    Metadata headers = new Metadata();
    headers.put(CallContext.REQUEST_ID, requestId);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onHeaders(Metadata answered) {
            if (operation.grpc().getType() == MethodDescriptor.MethodType.SERVER_STREAMING) {
              outcome.complete(new Outcome(Status.OK, ""));
              call.cancel("It goes on for ever", null);
            }
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            outcome.complete(new Outcome(status, code(trailers)));
          }
        },
        headers);
    call.request(2);
    return new Begun(call, outcome);
  }

  /** Makes a call with what it takes at least. */
  private static Outcome call(Operation operation, Optional<String> token) {
    Begun begun = begin(operation, token, "whole").with(request(operation));
    begun.call().halfClose();
    return begun.end();
  }

  /** The operation that does this in the audit log. */
  private static Operation operation(String name) {
    return Operation.all().stream()
        .filter(each -> each.route().map(Route::operation).filter(name::equals).isPresent())
        .findFirst()
        .orElseThrow();
  }

  /** A request that says nothing; its stream has a head that says nothing. */
  private static Message request(Operation operation) {
    Message.Builder request =
        ((MethodDescriptor.PrototypeMarshaller<Message>) operation.grpc().getRequestMarshaller())
            .getMessagePrototype()
            .newBuilderForType();
    Operation.part(operation.schema().getInputType(), Place::getHead)
        .ifPresent(head -> request.setField(head, request.newBuilderForField(head).build()));
    return request.build();
  }

  @Test
  void everyOperationWantsItsRole() {
    for (Operation operation : Operation.all()) {
      assertEquals("UNAUTHENTICATED", call(operation, Optional.empty()).code(), operation::name);
      Role role = operation.route().orElse(Route.ASK).role().orElseThrow();
      for (Role other : EnumSet.complementOf(EnumSet.of(role))) {
        Outcome refused = call(operation, Optional.of(TOKENS.get(other)));
        assertEquals("FORBIDDEN", refused.code(), operation::name);
        assertEquals(Status.Code.PERMISSION_DENIED, refused.status().getCode());
        assertTrue(
            refused.status().getDescription().contains("the role \"" + role.text() + "\""),
            refused::toString);
      }
      Outcome allowed = call(operation, Optional.of(TOKENS.get(role)));
      assertFalse(
          Set.of("UNAUTHENTICATED", "FORBIDDEN", "INTERNAL_ERROR").contains(allowed.code()),
          () -> operation.name() + " " + allowed);
      assertFalse(
          Set.of(Status.Code.UNKNOWN, Status.Code.UNIMPLEMENTED)
              .contains(allowed.status().getCode()),
          () -> operation.name() + " " + allowed);
    }
  }

  @Test
  void whoMayNotIsToldBeforeHeSaysWhatHeWants() {
    for (Operation operation : Operation.all()) {
      Begun stranger = begin(operation, Optional.empty(), "stranger " + operation.name());
      assertEquals("UNAUTHENTICATED", stranger.end().code(), operation::name);
      assertEquals(Status.Code.UNAUTHENTICATED, stranger.end().status().getCode());
    }
    for (String name : List.of("restart", "deploy")) {
      Begun reader =
          begin(operation(name), Optional.of(TOKENS.get(Role.READ)), "reader-may-not-" + name);
      assertEquals("FORBIDDEN", reader.end().code());
      JsonNode line = audited("request", "reader-may-not-" + name);
      assertEquals(name, line.path("operation").asText());
      assertEquals("only-read", line.path("caller").asText());
      assertEquals("FORBIDDEN", line.path("outcome").asText());
      assertEquals("grpc", line.path("door").asText());
    }
  }

  @Test
  void aCallCountsFromItsBeginning() {
    Operation operation = operation("show-status");
    Begun one = begin(operation, Optional.of(ONE_AT_ONCE), "one");
    Begun other = begin(operation, Optional.of(ONE_AT_ONCE), "other");
    var unused =
        CompletableFuture.anyOf(one.outcome(), other.outcome())
            .orTimeout(1, TimeUnit.MINUTES)
            .join();
    boolean oneIsRefused = one.outcome().isDone();
    assertEquals("RATE_LIMITED", (oneIsRefused ? one : other).end().code());
    Begun open = oneIsRefused ? other : one;
    open.call().cancel("It was enough", null);
    await().atMost(PATIENCE).until(() -> call(operation, Optional.of(ONE_AT_ONCE)).status().isOk());
  }

  private static void status(ManagedChannel by, String token) {
    ClusterGrpc.ClusterBlockingStub stub = ClusterGrpc.newBlockingStub(by);
    var unused =
        (token.isEmpty() ? stub : stub.withCallCredentials(token(token)))
            .showStatus(ShowStatusRequest.getDefaultInstance());
  }

  private static StatusRuntimeException refused(
      ErrorCode code, org.junit.jupiter.api.function.Executable call) {
    StatusRuntimeException thrown = assertThrows(StatusRuntimeException.class, call);
    assertEquals(code.name(), code(thrown.getTrailers()), thrown.toString());
    return thrown;
  }

  @Test
  void probesAreOpenAndWhatThereIsIsNot() {
    assertEquals(
        ServingStatus.SERVING,
        HealthGrpc.newBlockingStub(channel)
            .check(HealthCheckRequest.getDefaultInstance())
            .getStatus());
    CompletableFuture<Throwable> refused = new CompletableFuture<>();
    var unused =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(io.grpc.reflection.v1.ServerReflectionResponse value) {}

                  @Override
                  public void onError(Throwable failure) {
                    refused.complete(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    assertEquals(
        "UNAUTHENTICATED",
        code(Status.trailersFromThrowable(refused.orTimeout(1, TimeUnit.MINUTES).join())));
  }

  @Test
  void aClientCertificateIsWhoeverTheFileSays() throws Exception {
    ManagedChannel shown =
        channel(
            authority.ca(),
            Optional.of(authority.issueTo("orders", "CN=orders", "orders.example")));
    try {
      status(shown, "");
      StatusRuntimeException forbidden =
          refused(
              ErrorCode.FORBIDDEN,
              () -> SpiritsGrpc.newBlockingStub(shown).ask(AskRequest.getDefaultInstance()));
      assertTrue(forbidden.getStatus().getDescription().contains("orders has \"read\""));
      // A token counts more than a certificate.
      refused(ErrorCode.UNAUTHENTICATED, () -> status(shown, Tokens.create()));
    } finally {
      shown.shutdownNow();
    }
  }

  @Test
  void whoAsksTooOftenIsToldWhenToComeBack() throws Exception {
    status(channel, LIMITED);
    StatusRuntimeException late = refused(ErrorCode.RATE_LIMITED, () -> status(channel, LIMITED));
    assertEquals(Status.Code.RESOURCE_EXHAUSTED, late.getStatus().getCode());
    com.google.rpc.Status details = StatusProto.fromThrowable(late);
    assertEquals("RATE_LIMITED", details.getDetails(0).unpack(ErrorInfo.class).getReason());
    assertTrue(details.getDetails(1).unpack(RetryInfo.class).getRetryDelay().getSeconds() > 0);
  }

  @Test
  void whatChangesSomethingIsAudited() {
    refused(
        ErrorCode.SPIRIT_TYPE_UNKNOWN,
        () ->
            SpiritsGrpc.newBlockingStub(channel)
                .withCallCredentials(token(TOKENS.get(Role.OPERATE)))
                .restart(RestartRequest.newBuilder().setType("audited").setId("me").build()));
    JsonNode line = audited("target", "audited/me");
    assertEquals("restart", line.path("operation").asText());
    assertEquals("grpc", line.path("door").asText());
    assertEquals("only-operate", line.path("caller").asText());
    assertEquals("operate", line.path("role").asText());
    assertEquals("127.0.0.1", line.path("address").asText());
    assertEquals("SPIRIT_TYPE_UNKNOWN", line.path("outcome").asText());

    refused(
        ErrorCode.PROCESS_UNKNOWN,
        () ->
            ProcessesGrpc.newBlockingStub(channel)
                .withCallCredentials(token(TOKENS.get(Role.MESSAGE)))
                .callProcess(CallProcessRequest.newBuilder().setName("audited.call").build()));
    JsonNode call = audited("target", "audited.call");
    assertEquals("call-process", call.path("operation").asText());
    assertEquals("only-message", call.path("caller").asText());
    assertEquals("PROCESS_UNKNOWN", call.path("outcome").asText());
  }

  /** The one line whose member has this value. */
  private static JsonNode audited(String member, String value) {
    List<JsonNode> lines =
        AUDITED.stream()
            .map(line -> Json.read(line.getBytes(java.nio.charset.StandardCharsets.UTF_8)))
            .filter(line -> line.path(member).asText().equals(value))
            .toList();
    assertEquals(1, lines.size());
    return lines.get(0);
  }

  @Test
  void thereIsNothingBesideTls() {
    ManagedChannel plain =
        Grpc.newChannelBuilder(target(), InsecureChannelCredentials.create()).build();
    try {
      StatusRuntimeException refused =
          assertThrows(StatusRuntimeException.class, () -> status(plain, TOKENS.get(Role.READ)));
      assertEquals(Status.Code.UNAVAILABLE, refused.getStatus().getCode());
    } finally {
      plain.shutdownNow();
    }
  }

  @Test
  void newConnectionsUseWhatTheFilesHoldNow() throws IOException {
    TestCertificates other = new TestCertificates(directory.resolve("other"));
    NodeFiles renewed = certificate(other);
    NodeFiles kept = keep(server);
    status(channel, TOKENS.get(Role.READ));
    replace(renewed, server);
    await().atMost(PATIENCE).until(() -> isTrusted(other));
    // The one that is open goes on.
    status(channel, TOKENS.get(Role.READ));
    replace(kept, server);
    await().atMost(PATIENCE).until(() -> isTrusted(authority));
  }

  /** Whether somebody new who trusts this authority gets in. */
  private static boolean isTrusted(TestCertificates trusted) throws IOException {
    ManagedChannel by = channel(trusted.ca(), Optional.empty());
    try {
      status(by, TOKENS.get(Role.READ));
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    } finally {
      by.shutdownNow();
    }
  }

  private static NodeFiles keep(NodeFiles files) throws IOException {
    Path certificate = directory.resolve("kept.crt");
    Path key = directory.resolve("kept.key");
    Files.copy(files.certificate(), certificate, StandardCopyOption.REPLACE_EXISTING);
    Files.copy(files.key(), key, StandardCopyOption.REPLACE_EXISTING);
    return new NodeFiles(certificate, key, files.ca());
  }

  private static void replace(NodeFiles by, NodeFiles at) throws IOException {
    Files.copy(by.certificate(), at.certificate(), StandardCopyOption.REPLACE_EXISTING);
    Files.copy(by.key(), at.key(), StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void anAddressThatOthersReachNeedsProtection() {
    VudoException refused =
        assertThrows(
            VudoException.class,
            () ->
                VudoNode.start(
                    NodeFixture.settings(
                            NodeFixture.newDataDirectory(), "vudo.grpc.host = \"0.0.0.0\"")
                        .withGrpcPort(0)));
    assertEquals(ErrorCode.GATEWAY_UNPROTECTED, refused.code());
    assertTrue(refused.detail().contains("0.0.0.0"), refused::detail);
  }
}
