package io.vudo.spirit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.TestCluster.Node;
import io.vudo.spirit.TestCluster.Service;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * A JVM service in the cluster of the nodes. The tests share one cluster and go from what leaves it
 * as it is to what does not.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SpiritServiceTest {
  private static final Duration PATIENCE = TestCluster.PATIENCE;

  /**
   * A machine that is overloaded must not keep Spirits from moving. And the split-brain resolver
   * decides nothing while the tests run: about services it need not.
   */
  private static final String[] SETTINGS = {
    "vudo.spirit.move.pause-timeout = 30 s",
    "pekko.cluster.split-brain-resolver.stable-after = 1 hour"
  };

  @TempDir static Path folder;

  private static TestCluster cluster;
  private static Node one;
  private static Node two;
  private static Node three;
  private static Service service;

  @BeforeAll
  static void start() {
    cluster = new TestCluster(folder);
    one = cluster.start(SETTINGS);
    // Older than the other nodes, so it would have what the oldest member has, if it could.
    service = cluster.service(SETTINGS);
    two = cluster.start(SETTINGS);
    three = cluster.start(SETTINGS);
    cluster.deploy("sequence", RelocationTest.sequence(1), "jvm");
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  private static void move(String spirit, Node to) {
    one.spirits
        .relocations()
        .move(SpiritId.parse(spirit), to.name(), PATIENCE)
        .toCompletableFuture()
        .join();
  }

  private static ErrorCode code(CompletableFuture<?> failed) {
    CompletionException failure = assertThrows(CompletionException.class, failed::join);
    return assertInstanceOf(VudoException.class, failure.getCause()).code();
  }

  /** Asks in bursts, without waiting for the answers within one, until told to stop. */
  private static CompletableFuture<Long> goOn(String spirit, AtomicBoolean done) {
    assertEquals(1, service.ask(spirit, 1, "").join());
    return CompletableFuture.supplyAsync(
        () -> {
          long n = 1;
          while (!done.get()) {
            List<CompletableFuture<Long>> some = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
              some.add(service.ask(spirit, ++n, ""));
            }
            long expected = n - 20;
            for (CompletableFuture<Long> answer : some) {
              assertEquals(++expected, answer.join());
            }
          }
          return n;
        });
  }

  @Test
  @Order(1)
  void aServiceAsksSpiritsInEveryStyle() {
    SpiritRef ref = service.spirits.spirit("sequence/styles");
    assertEquals("sequence/styles", ref.id().toString());
    assertEquals(service.spirits.spirit(ref.id()), ref);
    assertEquals(1, service.ask("sequence/styles", 1, "").join());
    // A key is handled once.
    assertEquals(2, service.ask("sequence/styles", 2, "k").join());
    assertEquals(2, service.ask("sequence/styles", 2, "k").join());
    ref.tell("n", TestCluster.bytes(3), "", PATIENCE).toCompletableFuture().join();
    SpiritReply reply =
        ref.ask(replyTo -> SpiritMessage.of("n", TestCluster.bytes(4)).replyTo(replyTo), PATIENCE)
            .toCompletableFuture()
            .join();
    assertEquals(
        4, TestCluster.number(assertInstanceOf(SpiritReply.Done.class, reply).payload().get()));
    // From an actor.
    CompletableFuture<Long> heard = new CompletableFuture<>();
    service.system.systemActorOf(asker(ref, 5, heard), "asker", Props.empty());
    assertEquals(5, heard.orTimeout(60, TimeUnit.SECONDS).join());
    assertSame(service.spirits, SpiritService.join(service.system));
  }

  private static Behavior<SpiritReply> asker(
      SpiritRef spirit, long number, CompletableFuture<Long> heard) {
    return Behaviors.setup(
        context -> {
          ActorRef<SpiritMessage> actor = context.spawn(spirit.behavior(), "spirit");
          context.ask(
              SpiritReply.class,
              actor,
              PATIENCE,
              replyTo -> SpiritMessage.of("n", TestCluster.bytes(number)).replyTo(replyTo),
              (reply, failure) -> failure == null ? reply : null);
          return Behaviors.receiveMessage(
              reply -> {
                heard.complete(
                    TestCluster.number(((SpiritReply.Done) reply).payload().orElseThrow()));
                return Behaviors.stopped();
              });
        });
  }

  @Test
  @Order(2)
  void whatCannotBeAskedFailsByCode() {
    assertEquals(ErrorCode.SPIRIT_TYPE_UNKNOWN, code(service.ask("nothing/a", 1, "")));
    SpiritRef ref = service.spirits.spirit("sequence/large");
    assertEquals(
        ErrorCode.PAYLOAD_TOO_LARGE,
        code(ref.ask("n", new byte[2 << 20], "", PATIENCE).toCompletableFuture()));
    assertEquals(
        ErrorCode.PAYLOAD_TOO_LARGE,
        code(ref.ask("n", new byte[8 << 20], "", PATIENCE).toCompletableFuture()));
    SpiritReply reply =
        service
            .spirits
            .spirit("nothing/a")
            .ask(to -> SpiritMessage.of("n", new byte[8]).replyTo(to), PATIENCE)
            .toCompletableFuture()
            .join();
    assertEquals(
        ErrorCode.SPIRIT_TYPE_UNKNOWN,
        assertInstanceOf(SpiritReply.Failed.class, reply).error().code());
    // A node is no service.
    VudoException refused = assertThrows(VudoException.class, () -> SpiritService.join(one.system));
    assertEquals(ErrorCode.CONFIG_INVALID, refused.code());
  }

  @Test
  @Order(3)
  void nobodyWaitsForAService() {
    // They come up where their addresses are, mostly on nodes that are younger than the service;
    // each of those would wait for 5 s to hear of a host there.
    CompletableFuture.runAsync(
            () -> {
              for (int i = 0; i < 24; i++) {
                assertEquals(1, two.ask("sequence/new" + i, 1).join());
              }
            })
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
    assertEquals(
        3,
        one.spirits.relocations().nodes(PATIENCE).toCompletableFuture().join().size(),
        "nodes that host Spirits");
  }

  @Test
  @Order(4)
  void aServiceFollowsASpiritThatMoves() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    CompletableFuture<Long> a = goOn("sequence/a", done);
    CompletableFuture<Long> b = goOn("sequence/b", done);
    assertEquals(1, service.ask("sequence/c", 1, "").join());
    for (int i = 0; i < 15; i++) {
      Node to = List.of(one, two, three).get(i % 3);
      move("sequence/a", to);
      move("sequence/b", to);
      move("sequence/c", to);
      assertEquals(i + 2, service.ask("sequence/c", i + 2, "").join());
    }
    done.set(true);
    assertTrue(a.get() > 0);
    assertTrue(b.get() > 0);
  }

  @Test
  @Order(5)
  void servicesThatDieTakeNoNodeWithThem() {
    // More of them than nodes: with the one that stays a majority, if they had a vote.
    List<Service> many = cluster.services(4, SETTINGS);
    for (Service each : many) {
      assertEquals(1, each.ask("sequence/of" + each.name().replace(":", "_"), 1, "").join());
    }
    many.forEach(each -> each.system.terminate());
    many.forEach(Service::close);
    assertEquals(1, service.ask("sequence/meanwhile", 1, "").join());
    many.forEach(each -> cluster.declareDead(each.name()));
    await().atMost(PATIENCE).until(() -> cluster.members().size() == 4);
    for (Node node : List.of(one, two, three)) {
      assertFalse(node.system.getWhenTerminated().toCompletableFuture().isDone());
    }
    assertEquals(1, service.ask("sequence/after", 1, "").join());
  }

  @Test
  @Order(6)
  void nothingIsLostWhenTheOldestNodeLeaves() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    List<CompletableFuture<Long>> callers = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      callers.add(goOn("sequence/leave" + i, done));
    }
    // Those that it has not asked since.
    askAll("sequence/still", 20, 1);
    one.leave();
    askAll("sequence/still", 20, 2);
    // Who coordinates the shards is another node now, and not the service, which is older.
    askAll("sequence/born-after", 10, 1);
    done.set(true);
    for (CompletableFuture<Long> caller : callers) {
      assertTrue(caller.get() > 0);
    }
  }

  private static void askAll(String prefix, int count, long number) {
    List<CompletableFuture<Long>> answers =
        IntStream.range(0, count).mapToObj(i -> service.ask(prefix + i, number, "")).toList();
    answers.forEach(answer -> assertEquals(number, answer.join()));
  }

  @Test
  @Order(7)
  void whatHasAKeyIsDoneOnceWhenANodeDies() {
    List<String> spirits = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      spirits.add("sequence/die" + i);
    }
    AtomicBoolean done = new AtomicBoolean();
    List<CompletableFuture<Long>> callers =
        spirits.stream().map(spirit -> keyed(spirit, 1, done)).toList();
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                three.spirits.resident().stream()
                    .anyMatch(spirit -> spirits.contains(spirit.id().toString())));
    three.crash();
    cluster.down(three.name());
    for (int i = 0; i < 5; i++) {
      assertEquals(1, service.ask("sequence/rise" + i, 1, "first").join());
    }
    done.set(true);
    for (CompletableFuture<Long> caller : callers) {
      assertTrue(caller.orTimeout(60, TimeUnit.SECONDS).join() > 0);
    }
  }

  /** Each next one when the last is answered: the Spirit would say -1 if one were lost or twice. */
  private static CompletableFuture<Long> keyed(String spirit, long n, AtomicBoolean done) {
    return service
        .ask(spirit, n, "n" + n)
        .thenComposeAsync(
            answer -> {
              assertEquals(n, answer, spirit);
              return done.get() ? CompletableFuture.completedFuture(n) : keyed(spirit, n + 1, done);
            });
  }

  @Test
  @Order(8)
  void aServiceHasARoleOfItsOwn() {
    Config config =
        ConfigFactory.parseString(
                "pekko.cluster.roles = [], pekko.remote.artery.canonical { hostname = 127.0.0.1,"
                    + " port = 0 }")
            .withFallback(SpiritService.config())
            .withFallback(ConfigFactory.load());
    ActorSystem<Void> system = ActorSystem.create(Behaviors.empty(), "vudo", config);
    try {
      VudoException refused = assertThrows(VudoException.class, () -> SpiritService.join(system));
      assertEquals(ErrorCode.CONFIG_INVALID, refused.code());
      assertNotNull(refused.getMessage());
    } finally {
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().join();
    }
  }
}
