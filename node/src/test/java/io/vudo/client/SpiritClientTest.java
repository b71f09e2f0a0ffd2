package io.vudo.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.NodeFixture;
import io.vudo.node.TestModules;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.GuestFailure;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.WatchHandler;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client and real Spirits, also through connections that are lost. */
class SpiritClientTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static VudoClient client;

  @BeforeAll
  static void deploy() {
    NODE.deploy("counter", TestModules.example("counter"));
    NODE.deploy("echo", TestModules.echo());
    NODE.deploy("silent", TestModules.silent());
    client = VudoClient.of(NODE.uri().toString());
  }

  @AfterAll
  static void close() {
    client.close();
  }

  private static <T> T join(CompletionStage<T> stage) {
    return stage.toCompletableFuture().orTimeout(1, TimeUnit.MINUTES).join();
  }

  private static void assertFails(ErrorCode code, CompletionStage<?> stage) {
    VudoException failed =
        assertInstanceOf(
            VudoException.class,
            assertThrows(CompletionException.class, () -> join(stage)).getCause());
    assertEquals(code, failed.code(), failed.getMessage());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(Optional<byte[]> reply) {
    return new String(reply.orElseThrow(), StandardCharsets.UTF_8);
  }

  /** The Spirit of examples/counter: its numbers are decimal, and so are those of JSON. */
  interface Counter {
    long add(long n);

    @MessageType("add")
    long increment();

    @MessageType("add")
    CompletionStage<Long> addLater(long n);

    @MessageType("add")
    long addOnce(@IdempotencyKey String key, long n);

    @MessageType("add")
    void addAndForgetTheReply(long n);

    @Tell
    @MessageType("add")
    void tell(long n);

    @Idempotent
    long get();

    long nonsense();

    default long addTwice(long n) {
      add(n);
      return add(n);
    }
  }

  @Test
  void asksAndTells() {
    SpiritClient alice = client.spirit("counter", "alice");
    assertEquals("2", text(join(alice.ask("add", bytes("2")))));
    join(alice.tell("add", bytes("3")));
    assertEquals("5", text(alice.askAndWait("get", bytes(""))));
    alice.tellAndWait("add", bytes("-1"));
    assertEquals("4", text(alice.askAndWait(Message.of("get").idempotent())));
    assertEquals("6", text(alice.askAndWait(Message.of("add", "2").withKey("k"))));
    assertEquals("6", text(alice.askAndWait(Message.of("add", "2").withKey("k"))));
    assertEquals(Optional.empty(), join(client.spirit("silent", "a").ask("any", bytes("x"))));
  }

  @Test
  void failuresAreThoseOfTheCatalogue() {
    SpiritClient failing = client.spirit("counter", "failing");
    assertEquals("5", text(failing.askAndWait("add", bytes("5"))));
    VudoException own =
        assertThrows(VudoException.class, () -> failing.askAndWait("add", bytes("five")));
    assertEquals(ErrorCode.APPLICATION_ERROR, own.code());
    assertTrue(own.detail().contains("not a decimal number"), own.detail());
    assertEquals("5", text(failing.askAndWait("get", bytes(""))));
    assertFails(ErrorCode.SPIRIT_TYPE_UNKNOWN, client.spirit("nobody", "a").ask("any", bytes("")));
    assertFails(
        ErrorCode.PAYLOAD_TOO_LARGE,
        client.spirit("echo", "large").ask("any", new byte[(1 << 20) + 1]));
    NODE.deploy("busy", TestModules.spinner(), "fuel=1000000000000", "turn-timeout=3s");
    assertFails(
        ErrorCode.ASK_TIMEOUT,
        client.spirit("busy", "a").within(Duration.ofMillis(100)).ask("any", bytes("")));
  }

  @Test
  void aSpiritIsAnObject() {
    Counter counter = client.spirit("counter", "object").as(Counter.class);
    assertEquals(40, counter.add(40));
    assertEquals(41, counter.increment());
    assertEquals(43, join(counter.addLater(2)));
    assertEquals(44, counter.addOnce("order-17", 1));
    assertEquals(44, counter.addOnce("order-17", 1));
    assertEquals(64, counter.addTwice(10));
    counter.addAndForgetTheReply(-4);
    assertEquals(60, counter.get());
    counter.tell(1);
    await().atMost(Duration.ofMinutes(1)).until(() -> counter.get() == 61);
    VudoException failed = assertThrows(VudoException.class, counter::nonsense);
    assertEquals(ErrorCode.APPLICATION_ERROR, failed.code());
    assertEquals(Optional.of(new GuestFailure(400, "unknown message type")), failed.guestFailure());
  }

  @SuppressWarnings("ArrayRecordComponent") // Compared by hand.
  record Line(String article, int pieces, List<Double> prices, byte[] seal) {}

  interface Echo {
    Line line(Line line);

    byte[] raw(byte[] bytes);

    List<Object> both(String article, int pieces);
  }

  @ParameterizedTest
  @ValueSource(strings = {"JSON", "MessagePack"})
  void recordsGoThroughASpirit(String codec) {
    Echo echo =
        client
            .spirit("echo", codec)
            .as(Echo.class, codec.equals("JSON") ? Codec.JSON : Codec.MESSAGE_PACK);
    Line line = new Line("Schrauben M4 ü", 7, List.of(0.1, 2.0), new byte[] {-1, 0});
    Line back = echo.line(line);
    assertArrayEquals(line.seal(), back.seal());
    assertEquals(
        line.article() + line.pieces() + line.prices(),
        back.article() + back.pieces() + back.prices());
    assertArrayEquals(new byte[] {0, -128}, echo.raw(new byte[] {0, -128}));
    assertEquals(List.of("a", 7), echo.both("a", 7));
  }

  @Test
  void whatIsSentAgainIsDoneOnce() throws IOException {
    try (CuttableProxy proxy = new CuttableProxy(NODE.uri());
        VudoClient lossy = VudoClient.of(proxy.url())) {
      Counter counter = lossy.spirit("counter", "once").as(Counter.class);
      for (int i = 1; i <= 20; i++) {
        proxy.loseAnswers(1 + i % 3);
        assertEquals(i, counter.add(1));
        assertEquals(0, proxy.answersToLose());
      }
      proxy.loseAnswers(2);
      counter.addAndForgetTheReply(1);
      assertEquals(21, counter.get());
      // Not so without a key: so the answers were lost after the messages had been handled.
      proxy.loseAnswers(2);
      assertEquals(
          "24",
          text(lossy.spirit("counter", "once").askAndWait(Message.of("add", "1").idempotent())));
    }
  }

  @Test
  void whatIsSentAgainAfterItsKeyWasForgottenIsNotDoneTwice() throws IOException {
    Counter others = client.spirit("counter", "hot").as(Counter.class);
    CompletableFuture<Void> forgotten = new CompletableFuture<>();
    Instant start = Instant.now();
    try (CuttableProxy proxy = new CuttableProxy(NODE.uri());
        VudoClient late =
            VudoClient.builder()
                .node(proxy.url())
                .httpClient(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build())
                // What follows from a lost connection happens when the key is forgotten.
                .executor(
                    task -> {
                      var unused = forgotten.thenRunAsync(task);
                    })
                .deadline(Duration.ofMinutes(5))
                .build()) {
      proxy.loseAnswers(1);
      CompletionStage<Optional<byte[]>> asked =
          late.spirit("counter", "hot").ask("add", bytes("1"));
      await().atMost(Duration.ofMinutes(1)).until(() -> others.get() == 1);
      List<CompletionStage<Long>> more =
          IntStream.range(0, 1_000).mapToObj(i -> others.addLater(1)).toList();
      more.forEach(one -> assertTrue(join(one) > 1));
      forgotten.complete(null);
      assertFails(ErrorCode.OUTCOME_FORGOTTEN, asked);
      assertEquals(0, proxy.answersToLose());
      assertEquals(1_001, others.get());
      // Nor is a later call, if it says since when it may have been made.
      assertFails(
          ErrorCode.OUTCOME_FORGOTTEN,
          client.spirit("counter", "hot").ask(Message.of("add", "1").withKey("somebody's", start)));
      assertEquals(1_001, others.get());
    }
  }

  @Test
  void manyAtOnceAreAllHandled() {
    try (VudoClient narrow =
        VudoClient.builder().node(NODE.uri().toString()).maxCallsAtOnce(8).build()) {
      Counter counter = narrow.spirit("counter", "crowd").as(Counter.class);
      List<CompletionStage<Long>> asked =
          IntStream.range(0, 500).mapToObj(i -> counter.addLater(1)).toList();
      assertEquals(
          IntStream.rangeClosed(1, 500).boxed().toList(),
          asked.stream().map(one -> join(one).intValue()).sorted().toList());
    }
  }

  @Test
  void tuplesAreReachedOverTheSameConnections() throws InterruptedException {
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    WatchHandler handler =
        new WatchHandler() {
          @Override
          public void changed(TupleChange change) {
            heard.add(change.kind().text());
          }

          @Override
          public void ended(VudoError error) {
            heard.add("ended " + error.code());
          }
        };
    CompletionStage<Optional<Tuple>> waiting;
    try (VudoClient closed = VudoClient.of(NODE.uri().toString())) {
      SpaceClient jobs = closed.tuplespace("client-jobs");
      Template any = Template.of("job", Template.ANY);
      join(jobs.watch(any, handler));
      join(jobs.write(Tuple.of("job", 1), 0));
      assertEquals("added", heard.poll(1, TimeUnit.MINUTES));
      assertEquals(1, join(jobs.count(any)));
      assertEquals(Optional.of(Tuple.of("job", 1)), join(jobs.take(any)));
      assertEquals("removed", heard.poll(1, TimeUnit.MINUTES));
      assertEquals(0, join(closed.tuplespaces().count("client-jobs", any)));
      waiting = jobs.take(any, Duration.ofMinutes(5));
    }
    assertFails(ErrorCode.CALL_CANCELLED, waiting);
    assertEquals("ended CALL_CANCELLED", heard.poll(1, TimeUnit.MINUTES));
  }

  @Test
  void typesAreDeployedShownAndSwapped() {
    DeploymentClient deployments = client.deployments();
    DeploymentOptions options =
        DeploymentOptions.DEFAULT
            .grant(Capability.parse("tuplespace_take:jobs"))
            .maxMailbox(3)
            .turnTimeout(Duration.ofSeconds(5))
            .onFailure(DeploymentOptions.OnFailure.RESUME)
            .remembered(false);
    byte[] echo = TestModules.echo();
    DeploymentClient.Outcome first = deployments.deployAndWait("by-client", echo, options);
    assertTrue(first.changed());
    DeploymentClient.Deployed deployed = first.deployed();
    assertEquals(ModuleDigest.of(echo), deployed.digest());
    assertEquals(Set.of(Capability.parse("tuplespace_take:jobs")), deployed.capabilities());
    assertEquals(3, deployed.limits().maxMailbox());
    assertEquals(5_000, deployed.limits().turnTimeoutMillis());
    assertFalse(join(deployments.deploy("by-client", echo, options)).changed());
    assertEquals(deployed, join(deployments.show("by-client")));
    assertTrue(deployments.listAndWait().contains(deployed));

    assertEquals("x", text(client.spirit("by-client", "a").askAndWait("any", bytes("x"))));
    byte[] other = TestModules.large(100);
    DeploymentClient.Swapped swapped = deployments.swapAndWait("by-client", other);
    assertEquals(ModuleDigest.of(other), swapped.digest());
    assertEquals(ModuleDigest.of(echo), swapped.from());
    assertEquals(swapped.revision(), deployments.showAndWait("by-client").revision());
    assertEquals(ModuleDigest.of(echo), join(deployments.rollback("by-client")).digest());

    assertFails(ErrorCode.SPIRIT_TYPE_UNKNOWN, deployments.show("nobody"));
    assertFails(
        ErrorCode.MODULE_BAD_MAGIC,
        deployments.deploy("bad", bytes("no module"), DeploymentOptions.DEFAULT));
    assertFails(
        ErrorCode.LIMIT_INVALID,
        deployments.deploy("bad", echo, DeploymentOptions.DEFAULT.maxMemoryBytes(1)));
  }

  @Test
  void theClusterIsShownAndOperated() {
    ClusterClient cluster = client.cluster();
    ClusterClient.Status status = cluster.statusAndWait();
    assertEquals(1, status.nodes().size(), status.toString());
    ClusterClient.Node node = status.nodes().get(0);
    assertEquals(status.node(), node.name());
    assertEquals(Optional.of(node.name()), status.oldest());
    assertEquals("Up true", node.status() + " " + node.reachable());
    assertEquals(Optional.of(NODE.uri().toString()), node.gateway());
    assertFalse(node.report().orElseThrow().draining());

    client.spirit("counter", "still").tellAndWait("add", bytes("1"));
    ClusterClient.Moved moved =
        cluster.migrateAndWait(SpiritId.parse("counter/still"), node.name());
    assertEquals(node.name() + " false", moved.to() + " " + moved.moved());
    assertFails(
        ErrorCode.NODE_UNKNOWN, cluster.migrate(SpiritId.parse("counter/still"), "127.0.0.1:1"));
    assertFails(ErrorCode.NODE_UNKNOWN, cluster.drain("127.0.0.1:1"));
    join(cluster.resume(node.name()));
  }
}
