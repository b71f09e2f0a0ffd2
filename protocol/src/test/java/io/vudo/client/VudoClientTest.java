package io.vudo.client;

import static io.vudo.client.FakeGateway.json;
import static io.vudo.client.FakeGateway.lose;
import static io.vudo.client.FakeGateway.noReply;
import static io.vudo.client.FakeGateway.other;
import static io.vudo.client.FakeGateway.problem;
import static io.vudo.client.FakeGateway.problemWithRetryAfter;
import static io.vudo.client.FakeGateway.reply;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.client.FakeGateway.Seen;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.GuestFailure;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.Template;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls to Spirits at nodes that fail in all ways that nodes can. */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class VudoClientTest {
  private static final byte[] NOTHING = new byte[0];
  private static final RetryPolicy QUICK =
      RetryPolicy.DEFAULT.withPauses(Duration.ofMillis(1), Duration.ofMillis(5));

  private final FakeGateway a = new FakeGateway();
  private final FakeGateway b = new FakeGateway();
  private final List<VudoClient> clients = new ArrayList<>();

  @AfterEach
  void close() {
    clients.forEach(VudoClient::close);
    a.close();
    b.close();
  }

  private VudoClient built(VudoClient.Builder builder) {
    VudoClient client = builder.build();
    clients.add(client);
    return client;
  }

  private SpiritClient alice(String... nodes) {
    VudoClient.Builder builder = VudoClient.builder().retry(QUICK);
    for (String node : nodes) {
      builder.node(node);
    }
    return built(builder).spirit("counter", "alice");
  }

  private static String nowhere() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return "http://127.0.0.1:" + socket.getLocalPort();
    }
  }

  private static <T> T join(CompletionStage<T> stage) {
    return stage.toCompletableFuture().orTimeout(50, TimeUnit.SECONDS).join();
  }

  private static VudoException failure(CompletionStage<?> stage) {
    return assertInstanceOf(
        VudoException.class, assertThrows(CompletionException.class, () -> join(stage)).getCause());
  }

  private static String ask(SpiritClient spirit) {
    return text(join(spirit.ask("get", NOTHING)));
  }

  private static String text(Optional<byte[]> reply) {
    return reply.map(bytes -> new String(bytes, StandardCharsets.UTF_8)).orElse("none");
  }

  private static Set<Optional<String>> keys(FakeGateway... gateways) {
    Set<Optional<String>> keys = new HashSet<>();
    for (FakeGateway gateway : gateways) {
      gateway.seen().forEach(request -> keys.add(request.key()));
    }
    return keys;
  }

  // What is sent

  @Test
  void aMessageArrivesAsItIsAndSoDoesItsReply() {
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    a.then(FakeGateway.echo(), reply(""), noReply(), noReply());
    SpiritClient alice = alice(a.url() + "/");
    assertEquals(
        new String(all, StandardCharsets.ISO_8859_1),
        new String(join(alice.ask("add", all)).orElseThrow(), StandardCharsets.ISO_8859_1));
    Seen seen = a.last();
    assertEquals("/v1/spirits/counter/alice/ask", seen.path());
    assertEquals(Optional.of("add"), seen.type());
    assertTrue(seen.timeoutMillis() <= 10_000, seen.toString());
    assertTrue(seen.timeoutMillis() > 0, seen.toString());

    assertEquals("", ask(alice));
    assertEquals("none", ask(alice));
    join(alice.tell("note", all));
    assertEquals("/v1/spirits/counter/alice/tell", a.last().path());
    assertEquals(Optional.of("note"), a.last().type());
  }

  @Test
  void whoWaitsGetsTheSame() {
    a.then(reply("7"), noReply(), problem(ErrorCode.OUT_OF_FUEL), problem(ErrorCode.OUT_OF_FUEL));
    SpiritClient alice = alice(a.url());
    assertEquals("7", text(alice.askAndWait("get", NOTHING)));
    alice.tellAndWait("note", NOTHING);
    VudoException failed =
        assertThrows(VudoException.class, () -> alice.askAndWait("get", NOTHING));
    assertEquals(ErrorCode.OUT_OF_FUEL, failed.code());
    assertEquals(
        SpiritClient.class.getName(), failed.getStackTrace()[0].getClassName(), "thrown here");
    assertThrows(VudoException.class, () -> alice.tellAndWait("note", NOTHING));
  }

  @Test
  void whatIsSentTwiceIsSentAsItWas() {
    byte[] payload = {'1'};
    a.then(a.hold());
    CompletionStage<Optional<byte[]>> asked =
        alice(a.url(), b.url())
            .retrying(QUICK.withAttemptTimeout(Duration.ofMillis(200)))
            .ask("add", payload);
    a.awaitSeen(1);
    payload[0] = '2';
    assertEquals("ok", text(join(asked)));
    assertEquals("1", b.last().body());
  }

  // Keys

  @Test
  void allAttemptsOfACallHaveOneKeyAndTheNextCallAnother() {
    a.then(lose(), problem(ErrorCode.JOURNAL_UNAVAILABLE), lose(), reply("1"), lose(), reply("2"));
    SpiritClient alice = alice(a.url());
    assertEquals("1", ask(alice));
    assertEquals(4, a.seen().size());
    assertEquals(1, keys(a).size());
    Optional<String> first = a.last().key();
    assertTrue(first.orElse("").length() >= 16, "a key that nobody else makes: " + first);

    assertEquals("2", ask(alice));
    assertEquals(6, a.seen().size());
    assertNotEquals(first, a.last().key());
    assertEquals(2, keys(a).size());
  }

  @Test
  void theKeyGoesAlongToOtherNodesAndForTells() {
    a.always(lose());
    join(alice(a.url(), b.url()).tell("note", NOTHING));
    assertEquals(1, keys(a, b).size());
    assertTrue(b.last().key().isPresent());
  }

  @Test
  void aKeyOfTheCallersIsTakenAndAnIdempotentMessageHasNone() {
    a.then(lose(), reply("1"), lose(), reply("2"));
    SpiritClient alice = alice(a.url());
    assertEquals("1", text(join(alice.ask(Message.of("add", "1").withKey("order-17")))));
    assertEquals(Set.of(Optional.of("order-17")), keys(a));
    assertEquals("2", text(join(alice.ask(Message.of("get").idempotent()))));
    assertEquals(Set.of(Optional.of("order-17"), Optional.empty()), keys(a));
    assertEquals(4, a.seen().size());
  }

  @Test
  void whatMayHaveBeenHandledIsSentAgainAsSuch() throws IOException {
    a.then(
        problem(ErrorCode.MAILBOX_FULL),
        a.hold(),
        problem(ErrorCode.JOURNAL_UNAVAILABLE),
        reply("1"));
    SpiritClient alice =
        alice(nowhere(), a.url()).retrying(QUICK.withAttemptTimeout(Duration.ofMillis(100)));
    assertEquals("1", ask(alice));
    List<Seen> seen = a.seen();
    assertEquals(4, seen.size());
    // Refused, and not to be reached: so the second is no repetition.
    assertEquals(Optional.empty(), seen.get(0).sentBefore());
    assertEquals(Optional.empty(), seen.get(1).sentBefore());
    assertTrue(seen.get(2).sentBeforeMillis() >= 100, seen.toString());
    assertTrue(seen.get(3).sentBeforeMillis() >= seen.get(2).sentBeforeMillis(), seen.toString());

    a.then(lose());
    ask(alice);
    assertTrue(a.last().sentBeforeMillis() < seen.get(2).sentBeforeMillis(), "of this call");
    assertTrue(a.last().sentBeforeMillis() < 60_000, "longer than the test");
    a.then(lose());
    join(alice.ask(Message.of("get").idempotent()));
    assertEquals(Optional.empty(), a.last().sentBefore());
  }

  @Test
  void whoRepeatsACallOfBeforeSaysSince() {
    SpiritClient alice = alice(a.url());
    join(alice.ask(Message.of("add").withKey("order-17", Instant.now().minusSeconds(3600))));
    assertEquals(Optional.of("order-17"), a.last().key());
    assertTrue(a.last().sentBeforeMillis() >= 3_600_000, a.last().toString());
    assertTrue(a.last().sentBeforeMillis() < 7_200_000, a.last().toString());
    // A clock that was set back.
    Message early = Message.of("add").withKey("order-18", Instant.now().plusSeconds(3600));
    join(alice.ask(early.within(Duration.ofSeconds(5))));
    assertEquals(1, a.last().sentBeforeMillis());
    join(alice.ask(early.withKey("order-18")));
    assertEquals(Optional.empty(), a.last().sentBefore());
    a.always(problem(ErrorCode.OUTCOME_FORGOTTEN));
    assertEquals(ErrorCode.OUTCOME_FORGOTTEN, failure(alice.ask(early)).code());
  }

  // Other nodes

  @Test
  void theNextNodeIsAskedWhenOneCannotBeReachedAndFromThenOn() throws IOException {
    SpiritClient alice = alice(nowhere(), a.url(), b.url());
    assertEquals("ok", ask(alice));
    assertEquals("ok", ask(alice));
    assertEquals(2, a.seen().size());
    a.close();
    assertEquals("ok", ask(alice));
    assertEquals("ok", ask(alice));
    assertEquals(2, b.seen().size());
  }

  @ParameterizedTest
  @EnumSource(names = {"SPIRIT_UNAVAILABLE", "SPIRIT_FENCED"})
  void theNextNodeIsAskedWhenOneSendsItsCallersAway(ErrorCode code) {
    a.always(problem(code));
    // A pause would be longer than the deadline.
    SpiritClient alice =
        alice(a.url(), b.url())
            .retrying(QUICK.withPauses(Duration.ofMinutes(1), Duration.ofMinutes(1)));
    assertEquals("ok", ask(alice));
    assertEquals(1, keys(a, b).size());
    assertEquals("ok", ask(alice));
    assertEquals(1, a.seen().size(), "it is not asked first any more");
  }

  @Test
  void aNodeThatSaysNothingIsLeftForTheNext() {
    a.always(a.hold());
    SpiritClient alice =
        alice(a.url(), b.url()).retrying(QUICK.withAttemptTimeout(Duration.ofMillis(100)));
    assertEquals("ok", ask(alice));
    assertEquals(1, keys(a, b).size());
    assertTrue(a.last().timeoutMillis() <= 100, "a node that lives gives up itself");
    assertEquals("ok", ask(alice));
    assertEquals(1, a.seen().size(), "it is not asked first any more");
  }

  @Test
  void aNodeThatComesBackIsFoundByTheCallThatLooksForIt() throws IOException {
    SpiritClient alice = alice(a.url());
    assertEquals("ok", ask(alice));
    int port = a.port();
    a.close();
    CompletionStage<Optional<byte[]>> asked = alice.ask("get", NOTHING);
    try (FakeGateway again = new FakeGateway(port)) {
      assertEquals("ok", text(join(asked)));
      assertEquals(1, again.seen().size());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 404, 502})
  void whatIsNoNodeIsPassedOver(int status) {
    a.always(other(status, "text/html", "<html>"));
    assertEquals("ok", ask(alice(a.url(), b.url())));
    VudoException failed = failure(alice(a.url()).retrying(RetryPolicy.NONE).ask("get", NOTHING));
    assertEquals(ErrorCode.NODE_UNREACHABLE, failed.code());
    assertTrue(failed.detail().contains("no VUDO node: HTTP " + status), failed.detail());
  }

  // Trying again

  @ParameterizedTest
  @EnumSource(
      names = {
        "MAILBOX_FULL",
        "RESIDENCY_LIMIT",
        "JOURNAL_UNAVAILABLE",
        "ASK_TIMEOUT",
        "SPIRIT_UNAVAILABLE",
        "SPIRIT_FENCED"
      })
  void whatMayPassIsTriedAgainUnderItsKey(ErrorCode code) {
    a.then(problem(code), problem(code));
    assertEquals("ok", ask(alice(a.url())));
    assertEquals(3, a.seen().size());
    assertEquals(1, keys(a).size());
    boolean wasNotTaken = code == ErrorCode.MAILBOX_FULL || code == ErrorCode.RESIDENCY_LIMIT;
    assertEquals(wasNotTaken, a.last().sentBefore().isEmpty());
  }

  @Test
  void aCallByNameStaysWhereItMayBeUnderWay() {
    VudoClient client = built(VudoClient.builder().node(a.url()).node(b.url()).retry(QUICK));
    a.then(problem(ErrorCode.ASK_TIMEOUT), problem(ErrorCode.PROCESS_BUSY), reply("7"), reply("8"));
    assertEquals(7, client.processes().callAndWait("payments.charge", int.class));
    assertEquals(3, a.seen().size());
    assertEquals(1, keys(a).size());
    assertEquals(0, b.seen().size(), "it would call the function a second time");
    // A node that is gone runs it no more.
    a.then(problem(ErrorCode.ASK_TIMEOUT), lose());
    b.then(reply("9"));
    assertEquals(8, client.processes().callAndWait("payments.charge", int.class));
    assertEquals(9, client.processes().callAndWait("payments.charge", int.class));
    assertEquals(1, b.seen().size());
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "APPLICATION_ERROR",
        "TRAP_UNREACHABLE",
        "SPIRIT_TYPE_UNKNOWN",
        "PAYLOAD_TOO_LARGE",
        "OUTCOME_FORGOTTEN",
        "REQUEST_INVALID",
        "INTERNAL_ERROR"
      })
  void anOutcomeIsNotTriedAgain(ErrorCode code) {
    a.always(problem(code));
    VudoException failed = failure(alice(a.url(), b.url()).ask("get", NOTHING));
    assertEquals(code, failed.code());
    assertEquals("Thus.", failed.detail());
    assertEquals(1, a.seen().size());
    assertEquals(0, b.seen().size());
  }

  @Test
  void aCodeOfANewerNodeStaysInTheDetail() {
    a.always(problem(418, "TEA_ONLY", "No coffee."));
    VudoException failed = failure(alice(a.url()).ask("get", NOTHING));
    assertEquals(ErrorCode.INTERNAL_ERROR, failed.code());
    assertEquals("TEA_ONLY: No coffee.", failed.detail());
  }

  @Test
  void aNodeThatSaysWhenIsObeyed() {
    a.then(problemWithRetryAfter(ErrorCode.MAILBOX_FULL, 1));
    long start = System.nanoTime();
    assertEquals("ok", ask(alice(a.url())));
    long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    assertTrue(waited >= 1_000, "after " + waited + " ms");
  }

  @Test
  void aCallIsNotTriedMoreOftenThanItMayBe() {
    a.always(problem(ErrorCode.MAILBOX_FULL));
    VudoException refused =
        failure(alice(a.url()).retrying(QUICK.withMaxAttempts(3)).ask("get", NOTHING));
    assertEquals(3, a.seen().size());
    assertEquals(ErrorCode.MAILBOX_FULL, refused.code());
    assertEquals("Thus. Tried 3 times; it was not handled.", refused.detail());

    a.always(lose());
    VudoException lost = failure(alice(a.url()).retrying(RetryPolicy.NONE).ask("get", NOTHING));
    assertEquals(4, a.seen().size());
    assertEquals(ErrorCode.NODE_UNREACHABLE, lost.code());
    assertTrue(lost.detail().endsWith(" Tried once; it may have been handled."), lost.detail());

    // What is known of the last attempt does not hold for the one before.
    a.then(lose(), problem(ErrorCode.MAILBOX_FULL));
    VudoException both =
        failure(alice(a.url()).retrying(QUICK.withMaxAttempts(2)).ask("get", NOTHING));
    assertEquals(ErrorCode.MAILBOX_FULL, both.code());
    assertTrue(both.detail().endsWith(" Tried 2 times; it may have been handled."), both.detail());
  }

  @Test
  void theOnlyAttemptHasAllTheTime() {
    ask(alice(a.url()).retrying(RetryPolicy.NONE.withAttemptTimeout(Duration.ofMillis(1))));
    assertTrue(a.last().timeoutMillis() > 20_000, a.last().toString());
  }

  @Test
  void anAttemptThatWasTooShortIsFollowedByALongerOne() {
    a.then(problem(ErrorCode.ASK_TIMEOUT), problem(ErrorCode.ASK_TIMEOUT));
    ask(alice(a.url()).retrying(QUICK.withAttemptTimeout(Duration.ofMillis(100))));
    assertEquals(List.of(100L, 200L, 400L), a.seen().stream().map(Seen::timeoutMillis).toList());
  }

  // Deadlines

  @Test
  void afterTheDeadlineThereIsAnAnswerWhateverTheNodeDoes() {
    for (FakeGateway.Behaviour silent : List.of(a.hold(), a.stall())) {
      a.always(silent);
      VudoException failed =
          failure(alice(a.url()).within(Duration.ofMillis(150)).ask("get", NOTHING));
      assertEquals(ErrorCode.ASK_TIMEOUT, failed.code());
      assertTrue(a.last().timeoutMillis() <= 150, a.last().toString());
    }
  }

  @Test
  void allAttemptsShareTheDeadline() {
    a.always(problem(ErrorCode.JOURNAL_UNAVAILABLE));
    SpiritClient alice = alice(a.url()).within(Duration.ofMillis(300));
    VudoException failed = failure(alice.ask("get", NOTHING));
    // Which of both it is depends on where the time ran out.
    assertTrue(
        Set.of(ErrorCode.JOURNAL_UNAVAILABLE, ErrorCode.ASK_TIMEOUT).contains(failed.code()),
        failed.toString());
    List<Long> left = a.seen().stream().map(Seen::timeoutMillis).toList();
    assertTrue(left.size() > 2, left.toString());
    assertTrue(left.get(0) <= 300, left.toString());
    assertEquals(left.stream().sorted((x, y) -> Long.compare(y, x)).toList(), left);
    assertTrue(left.get(left.size() - 1) < left.get(0), left.toString());
  }

  @Test
  void aPauseThatWouldOutlastTheDeadlineIsNotWaitedFor() throws IOException {
    SpiritClient alice =
        alice(nowhere())
            .within(Duration.ofHours(1))
            .retrying(QUICK.withPauses(Duration.ofHours(3), Duration.ofHours(3)));
    VudoException failed = failure(alice.ask("get", NOTHING));
    assertEquals(ErrorCode.NODE_UNREACHABLE, failed.code());
    assertTrue(failed.detail().endsWith(" Tried once; it was not handled."), failed.detail());
  }

  @Test
  void aMessagesDeadlineGoesBeforeTheClients() {
    join(alice(a.url()).ask(Message.of("get").within(Duration.ofSeconds(5))));
    assertTrue(a.last().timeoutMillis() <= 5_000, a.last().toString());
    VudoClient patient = built(VudoClient.builder().node(a.url()).deadline(Duration.ofSeconds(4)));
    join(patient.spirit("counter", "alice").ask("get", NOTHING));
    assertTrue(a.last().timeoutMillis() <= 4_000, a.last().toString());
  }

  // Ends

  @Test
  void aCallThatIsCancelledIsNotTriedAgain() {
    a.always(problem(ErrorCode.MAILBOX_FULL));
    SpiritClient alice = alice(a.url());
    CompletableFuture<Optional<byte[]>> asked = alice.ask("get", NOTHING).toCompletableFuture();
    a.awaitSeen(3);
    asked.cancel(true);
    a.always(reply("ok"));
    assertEquals("ok", ask(alice));
    // Whoever still tried the first one would have been served, too.
    assertEquals("ok", ask(alice));
    long answered = a.seen().stream().map(Seen::key).distinct().count();
    assertEquals(3, answered);
    assertTrue(asked.isCancelled());
    int after = a.seen().size();
    assertEquals("ok", ask(alice));
    assertEquals(after + 1, a.seen().size());
  }

  @Test
  void aCallThatIsCancelledOrOverWaitsForNoNodeAnyMore() {
    a.always(a.hold());
    VudoClient client = built(VudoClient.builder().node(a.url()).maxCallsAtOnce(1));
    SpiritClient alice = client.spirit("counter", "alice");
    CompletableFuture<Optional<byte[]>> asked = alice.ask("get", NOTHING).toCompletableFuture();
    a.awaitSeen(1);
    asked.cancel(true);
    // An attempt would have ten seconds, and keep out all others.
    Duration soon = Duration.ofSeconds(8);
    assertEquals(
        ErrorCode.ASK_TIMEOUT,
        failure(alice.ask(Message.of("get").within(Duration.ofMillis(100)))).code());
    a.always(reply("ok"));
    assertEquals("ok", text(join(alice.ask(Message.of("get").within(soon)))));
  }

  @Test
  void aClosedClientEndsWhatIsUnderWayAndSendsNoMore() {
    a.always(a.hold());
    VudoClient client = built(VudoClient.builder().node(a.url()));
    SpiritClient alice = client.spirit("counter", "alice");
    CompletionStage<Optional<byte[]>> asked = alice.ask("get", NOTHING);
    CompletionStage<Long> counted = client.tuplespace("jobs").count(Template.of(1));
    a.awaitSeen(2);
    client.close();
    client.close();
    assertEquals(ErrorCode.CALL_CANCELLED, failure(asked).code());
    assertEquals(ErrorCode.CALL_CANCELLED, failure(counted).code());
    assertEquals(ErrorCode.CALL_CANCELLED, failure(alice.ask("get", NOTHING)).code());
    assertEquals(
        ErrorCode.CALL_CANCELLED,
        failure(client.tuplespaces().count("jobs", Template.of(1))).code());
    assertEquals(2, a.seen().size());
  }

  @Test
  void whoIsInterruptedWhileHeWaitsIsToldSo() throws InterruptedException {
    a.always(a.hold());
    SpiritClient alice = alice(a.url());
    AtomicReference<ErrorCode> thrown = new AtomicReference<>();
    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    Thread waiting =
        new Thread(
            () -> {
              try {
                var unused = alice.askAndWait("get", NOTHING);
              } catch (VudoException e) {
                thrown.set(e.code());
              }
              interrupted.complete(Thread.currentThread().isInterrupted());
            });
    waiting.start();
    a.awaitSeen(1);
    waiting.interrupt();
    assertTrue(join(interrupted));
    waiting.join();
    assertEquals(ErrorCode.CALL_CANCELLED, thrown.get());
  }

  // Many at once

  @Test
  void noMoreCallsAreAtNodesThanMayBeAndTheOthersWait() {
    a.always(a.hold());
    VudoClient client = built(VudoClient.builder().node(a.url()).maxCallsAtOnce(2));
    SpiritClient alice = client.spirit("counter", "alice");
    List<CompletionStage<Optional<byte[]>>> asked = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      asked.add(alice.ask("get", NOTHING));
    }
    a.awaitSeen(2);
    VudoException impatient =
        failure(alice.ask(Message.of("impatient").within(Duration.ofMillis(50))));
    assertEquals(ErrorCode.ASK_TIMEOUT, impatient.code());
    assertTrue(impatient.detail().startsWith("It was not sent within "), impatient.detail());
    a.release();
    asked.forEach(one -> assertEquals("late", text(join(one))));
    assertEquals("late", ask(alice));
    assertEquals(2, a.mostUnderWay());
    assertEquals(11, a.seen().size());
    assertTrue(a.seen().stream().noneMatch(one -> one.type().orElseThrow().equals("impatient")));
  }

  @Test
  void callsThatGaveUpWaitingAreSkippedHoweverManyTheyAre() {
    a.always(a.hold());
    VudoClient client = built(VudoClient.builder().node(a.url()).maxCallsAtOnce(1));
    SpiritClient alice = client.spirit("counter", "alice");
    CompletionStage<Optional<byte[]>> first = alice.ask("get", NOTHING);
    for (int i = 0; i < 20_000; i++) {
      alice.ask("get", NOTHING).toCompletableFuture().cancel(true);
    }
    CompletionStage<Optional<byte[]>> last = alice.ask("get", NOTHING);
    a.release();
    assertEquals("late", text(join(first)));
    assertEquals("late", text(join(last)));
    assertEquals(2, a.seen().size());
  }

  @Test
  void callbacksRunOnTheExecutorThatWasGiven() {
    ExecutorService one = Executors.newSingleThreadExecutor(task -> new Thread(task, "mine"));
    try {
      VudoClient client = built(VudoClient.builder().node(a.url()).executor(one));
      a.then(lose(), a.hold());
      CompletionStage<String> thread =
          client
              .spirit("counter", "alice")
              .ask("get", NOTHING)
              .thenApply(reply -> Thread.currentThread().getName());
      a.awaitSeen(2);
      a.release();
      assertEquals("mine", join(thread));
      // Whoever ends it too early still gets answers.
      one.shutdownNow();
      a.then(lose());
      assertEquals("ok", ask(client.spirit("counter", "alice")));
    } finally {
      one.shutdownNow();
    }
  }

  @Test
  void aCallbackMayBlockOnAnotherCall() {
    SpiritClient alice = alice(a.url());
    assertEquals(
        "ok",
        join(alice.ask("get", NOTHING).thenApply(reply -> text(alice.askAndWait("get", NOTHING)))));
  }

  @Test
  void anHttpClientOfTheCallersIsUsed() {
    HttpClient http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .proxy(
                java.net.ProxySelector.of(
                    new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), b.port())))
            .build();
    VudoClient client = built(VudoClient.builder().node("http://vudo.test:1").httpClient(http));
    assertEquals("ok", ask(client.spirit("counter", "alice")));
    assertEquals(1, b.seen().size());
  }

  // Arguments

  @Test
  void wrongArgumentsAreRefused() {
    SpiritClient alice = alice(a.url());
    assertRefused(() -> VudoClient.builder().build());
    assertRefused(() -> VudoClient.of("127.0.0.1:7070"));
    assertRefused(() -> VudoClient.of("ftp://127.0.0.1:7070"));
    assertRefused(() -> VudoClient.of("http://[7070"));
    assertRefused(() -> VudoClient.of("http://127.0.0.1:7070?a=b"));
    assertRefused(() -> VudoClient.of("http://127.0.0.1:7070#a"));
    assertRefused(() -> VudoClient.builder().deadline(Duration.ZERO));
    assertRefused(() -> VudoClient.builder().maxCallsAtOnce(0));
    assertRefused(() -> alice.within(Duration.ofDays(366)));
    assertRefused(() -> Message.of("get").within(Duration.ofMillis(-1)));
    assertRefused(() -> Message.of(""));
    assertRefused(() -> Message.of("x".repeat(257)));
    assertRefused(() -> Message.of(" get"));
    assertRefused(() -> Message.of("ä"));
    assertRefused(() -> Message.of("get").withKey("a\nb"));
    assertRefused(() -> RetryPolicy.DEFAULT.withMaxAttempts(0));
    assertRefused(() -> RetryPolicy.DEFAULT.withAttemptTimeout(Duration.ofDays(2)));
    assertRefused(() -> QUICK.withPauses(Duration.ofMillis(2), Duration.ofMillis(1)));
    assertRefused(() -> alice.askAndWait("", NOTHING));
    assertEquals(ErrorCode.REQUEST_INVALID, failure(alice.ask("", NOTHING)).code());
    assertEquals(ErrorCode.REQUEST_INVALID, failure(alice.tell("a\r\nb", NOTHING)).code());
    VudoClient client = built(VudoClient.builder().node(a.url()));
    assertEquals(
        ErrorCode.SPIRIT_ID_INVALID,
        assertThrows(VudoException.class, () -> client.spirit("counter", "a/b")).code());
    assertEquals(
        ErrorCode.SPIRIT_TYPE_INVALID,
        assertThrows(VudoException.class, () -> client.spirit("../x", "a")).code());
    assertEquals(
        ErrorCode.SPACE_NAME_INVALID,
        assertThrows(VudoException.class, () -> client.tuplespace("1st")).code());
    assertEquals(0, a.seen().size());
  }

  private static void assertRefused(org.junit.jupiter.api.function.Executable call) {
    assertEquals(ErrorCode.REQUEST_INVALID, assertThrows(VudoException.class, call).code());
  }

  @Test
  void aFailureArrivesUnwrapped() {
    a.always(problem(ErrorCode.OUT_OF_FUEL));
    CompletableFuture<Throwable> seen = new CompletableFuture<>();
    alice(a.url()).ask("get", NOTHING).whenComplete((reply, failure) -> seen.complete(failure));
    assertInstanceOf(VudoException.class, join(seen));
  }

  @Test
  void tuplespacesAreReachedOverTheSameConnections() {
    a.always(other(200, "application/json", "{\"count\":3}"));
    VudoClient client = built(VudoClient.builder().node(a.url()));
    assertEquals(3, join(client.tuplespace("jobs").count(Template.of(1))));
    assertEquals("/v1/spaces/jobs/count", a.last().path());
    assertEquals(3, join(client.tuplespaces().count("jobs", Template.of(1))));
    assertEquals("jobs", client.tuplespace("jobs").name());
  }

  @Test
  void theSpiritsOwnFailureIsAValue() {
    a.then(
        problem(422, "APPLICATION_ERROR", "Code -404: no such\\norder: 7"),
        problem(422, "APPLICATION_ERROR", "Code -404: no such\\norder: 7"),
        problem(422, "APPLICATION_ERROR", "Code 0: "),
        problem(422, "APPLICATION_ERROR", "Code 2147483648: more than it can be"),
        problem(422, "APPLICATION_ERROR", "of a test"),
        problem(422, "OUT_OF_FUEL", "Code 1: of another error"));
    SpiritClient alice = alice(a.url());
    Optional<GuestFailure> own = Optional.of(new GuestFailure(-404, "no such\norder: 7"));
    assertEquals(own, failure(alice.ask("get", NOTHING)).guestFailure());
    VudoException thrown =
        assertThrows(VudoException.class, () -> alice.askAndWait("get", NOTHING));
    assertEquals(own, thrown.guestFailure());
    assertEquals(thrown.detail(), own.orElseThrow().detail());
    assertEquals(
        Optional.of(new GuestFailure(0, "")), failure(alice.ask("get", NOTHING)).guestFailure());
    for (int i = 0; i < 3; i++) {
      assertEquals(Optional.empty(), failure(alice.ask("get", NOTHING)).guestFailure());
    }
  }

  // Deployments and the cluster

  private static final String DEPLOYED =
      """
      {"type":"counter","digest":"DIGEST","engine":"wasmtime","revision":7,
       "deployedAt":"2026-11-21T10:00:00Z","durable":true,"remembered":false,
       "capabilities":["sensor_time","tuplespace_take:jobs"],
       "limits":{"fuelPerTurn":1000000000,"maxMemoryBytes":67108864,"maxTableEntries":100000,
         "maxCallDepth":10000,"turnTimeoutMillis":30000,"maxMailbox":10000,
         "maxPayloadBytes":1048576},
       "supervision":{"onFailure":"restart"},"news":1}
      """
          .replace("DIGEST", "ab".repeat(32));

  private static final DeploymentClient.Deployed COUNTER =
      new DeploymentClient.Deployed(
          "counter",
          new ModuleDigest("ab".repeat(32)),
          "wasmtime",
          7,
          Instant.parse("2026-11-21T10:00:00Z"),
          true,
          false,
          Set.of(Capability.parse("tuplespace_take:jobs"), Capability.parse("sensor_time")),
          SpiritLimits.DEFAULTS);

  @Test
  void deploymentsAreListedAndShown() {
    DeploymentClient deployments =
        built(VudoClient.builder().node(a.url()).node(b.url())).deployments();
    a.then(lose());
    a.always(problem(ErrorCode.SPIRIT_UNAVAILABLE));
    b.then(
        json("{\"deployments\":[" + DEPLOYED + "]}"),
        json(DEPLOYED),
        problem(ErrorCode.SPIRIT_TYPE_UNKNOWN),
        json("{\"deployments\":[]}"),
        json("{\"deployments\":[{\"type\":\"x\"}]}"),
        json(DEPLOYED.replace("sensor_time", "of_the_future")));
    assertEquals(List.of(COUNTER), join(deployments.list()));
    assertEquals("GET /v1/deployments", b.last().line());
    assertEquals(COUNTER, deployments.showAndWait("counter"));
    assertEquals("GET /v1/deployments/counter", b.last().line());
    assertEquals(ErrorCode.SPIRIT_TYPE_UNKNOWN, failure(deployments.show("nobody")).code());
    assertEquals(List.of(), deployments.listAndWait());
    assertEquals(ErrorCode.NODE_UNREACHABLE, failure(deployments.list()).code());
    assertEquals(ErrorCode.NODE_UNREACHABLE, failure(deployments.show("counter")).code());
    assertEquals(ErrorCode.SPIRIT_TYPE_INVALID, failure(deployments.show("../x")).code());
  }

  @Test
  void aModuleIsDeployedWithItsOptions(@TempDir Path directory) throws IOException {
    DeploymentClient deployments = built(VudoClient.builder().node(a.url())).deployments();
    String changed = DEPLOYED.replace("\"news\":1", "\"changed\":true");
    a.then(lose(), json(changed), json(changed.replace(":true}", ":false}")));
    DeploymentOptions options =
        DeploymentOptions.DEFAULT
            .grant(Capability.parse("tuplespace_take:jobs"))
            .grant(Capability.parse("sensor_time"))
            .engine("jvm")
            .fuelPerTurn(1_000_000)
            .maxMemoryBytes(65_536)
            .maxCallDepth(9)
            .turnTimeout(Duration.ofSeconds(2))
            .maxMailbox(3)
            .maxPayloadBytes(2_048)
            .durable(false)
            .remembered(true)
            .onFailure(DeploymentOptions.OnFailure.STOP)
            .maxRestarts(5)
            .restartWindow(Duration.ofMinutes(1));
    DeploymentClient.Outcome outcome =
        join(deployments.deploy("counter", new byte[] {0, 'a', 's', 'm'}, options));
    assertEquals(new DeploymentClient.Outcome(COUNTER, true), outcome);
    assertEquals(2, a.seen().size());
    assertEquals("\0asm", a.last().body());
    assertEquals(
        "POST /v1/deployments/counter?grant=tuplespace_take%3Ajobs&grant=sensor_time&engine=jvm"
            + "&fuel=1000000&memory=65536&call-depth=9&turn-timeout=2000ms&mailbox=3&payload=2048"
            + "&durability=off&remember=on&on-failure=stop&max-restarts=5&restart-window=60000ms",
        a.last().line());

    Path file = Files.writeString(directory.resolve("m.wasm"), "\0asm2");
    assertEquals(
        new DeploymentClient.Outcome(COUNTER, false),
        deployments.deployAndWait("counter", file, DeploymentOptions.DEFAULT));
    assertEquals("\0asm2", a.last().body());
    assertEquals("POST /v1/deployments/counter", a.last().line());
    a.then(problem(ErrorCode.MODULE_INVALID));
    assertEquals(
        ErrorCode.MODULE_INVALID,
        failure(deployments.deploy("counter", file, DeploymentOptions.DEFAULT)).code());
    int seen = a.seen().size();
    assertEquals(
        ErrorCode.REQUEST_INVALID,
        failure(deployments.deploy("a", directory.resolve("none"), DeploymentOptions.DEFAULT))
            .code());
    assertEquals(
        ErrorCode.SPIRIT_TYPE_INVALID,
        failure(deployments.deploy("1st", NOTHING, DeploymentOptions.DEFAULT)).code());
    assertEquals(seen, a.seen().size());
  }

  @Test
  void aSwapIsNotSentTwice() {
    DeploymentClient deployments =
        built(VudoClient.builder().node(a.url()).node(b.url())).deployments();
    String swapped =
        "{\"swapped\":true,\"digest\":\""
            + "cd".repeat(32)
            + "\",\"from\":\""
            + "ab".repeat(32)
            + "\",\"revision\":8,\"check\":{}}";
    a.then(json(swapped), json(swapped), problem(ErrorCode.SWAP_DIFFERENCES), lose());
    DeploymentClient.Swapped expected =
        new DeploymentClient.Swapped(
            new ModuleDigest("cd".repeat(32)), new ModuleDigest("ab".repeat(32)), 8);
    assertEquals(expected, join(deployments.swap("counter", new byte[] {'m'})));
    assertEquals("POST /v1/deployments/counter/swap", a.last().line());
    assertEquals("m", a.last().body());
    assertEquals(expected, deployments.rollbackAndWait("counter"));
    assertEquals("POST /v1/deployments/counter/swap?rollback=true", a.last().line());
    assertEquals("", a.last().body());
    assertEquals(ErrorCode.SWAP_DIFFERENCES, failure(deployments.swap("counter", NOTHING)).code());
    VudoException lost = failure(deployments.swap("counter", NOTHING));
    assertEquals(ErrorCode.NODE_UNREACHABLE, lost.code());
    assertTrue(lost.detail().contains("may have been done"), lost.detail());
    assertEquals(4, a.seen().size() + b.seen().size());
  }

  @Test
  void nodesAreShownDrainedAndResumed() {
    ClusterClient cluster = built(VudoClient.builder().node(a.url())).cluster();
    a.then(
        json(
            """
            {"node":"h:1","oldest":"h:2","nodes":[
              {"name":"h:1","status":"Up","reachable":true,"self":true,"incarnation":"a1",
               "http":"http://h:7070","answers":true,"draining":true,"shards":64,"spirits":21,
               "moving":1,"movedIn":12,"movedOut":11,"movesFailed":2,"bytesOut":47300},
              {"name":"h:2","status":"Joining","reachable":false,"self":false,"incarnation":"b2",
               "http":null,"answers":false}],
             "services":[]}
            """),
        json("{\"node\":\"h:1\",\"oldest\":null,\"nodes\":[],\"services\":[]}"),
        json("{\"node\":\"h:1\",\"moved\":11,\"left\":1}"),
        json("{\"node\":\"h:1\",\"moved\":0,\"left\":0}"),
        noReply(),
        problem(ErrorCode.NODE_UNKNOWN));
    assertEquals(
        new ClusterClient.Status(
            "h:1",
            Optional.of("h:2"),
            List.of(
                new ClusterClient.Node(
                    "h:1",
                    "Up",
                    true,
                    "a1",
                    Optional.of("http://h:7070"),
                    Optional.of(new ClusterClient.Report(true, 64, 21, 1, 12, 11, 2, 47_300))),
                new ClusterClient.Node(
                    "h:2", "Joining", false, "b2", Optional.empty(), Optional.empty()))),
        join(cluster.status()));
    assertEquals("GET /v1/cluster", a.last().line());
    assertEquals(Optional.empty(), cluster.statusAndWait().oldest());

    assertEquals(new ClusterClient.Drained("h:1", 11, 1), cluster.drainAndWait("h:1"));
    assertEquals("/v1/cluster/nodes/h:1/drain", a.last().path());
    assertEquals("{\"timeoutMillis\":60000}", a.last().body());
    join(cluster.drain("h:1", Duration.ofMillis(5)));
    assertEquals("{\"timeoutMillis\":5}", a.last().body());
    cluster.resumeAndWait("h:1");
    assertEquals("/v1/cluster/nodes/h:1/resume", a.last().path());
    assertEquals(ErrorCode.NODE_UNKNOWN, failure(cluster.resume("h:3")).code());
    assertEquals(ErrorCode.REQUEST_INVALID, failure(cluster.drain("h:1", Duration.ZERO)).code());
    assertEquals(6, a.seen().size());
  }

  @Test
  void aSpiritIsMovedToANode() {
    ClusterClient cluster = built(VudoClient.builder().node(a.url())).cluster();
    a.then(
        lose(),
        json(
            """
            {"id":"counter/alice","from":"h:1","to":"h:2","moved":true,"turn":3,"pauseMicros":2140,
             "bytes":68912,"pauseBytes":3376,"time":"2026-11-21T10:00:00Z"}
            """),
        problem(ErrorCode.RELOCATION_FAILED));
    assertEquals(
        new ClusterClient.Moved(
            SpiritId.parse("counter/alice"),
            "h:1",
            "h:2",
            true,
            3,
            Duration.ofNanos(2_140_000),
            68_912,
            Instant.parse("2026-11-21T10:00:00Z")),
        cluster.migrateAndWait(SpiritId.parse("counter/alice"), "h:2"));
    assertEquals("POST /v1/spirits/counter/alice/migrate", a.last().line());
    assertEquals("{\"node\":\"h:2\"}", a.last().body());
    assertEquals(
        ErrorCode.RELOCATION_FAILED,
        failure(cluster.migrate(SpiritId.parse("counter/alice"), "h:2")).code());
  }
}
