package io.vudo.spirit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.TestCluster.Node;
import io.vudo.spirit.TestCluster.Service;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Spirits send to actors of JVM services and ask them. The tests share one cluster; the last ones
 * end members of it.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class JvmActorTest {
  private static final Duration PATIENCE = TestCluster.PATIENCE;
  private static final int TIMEOUT = -10;
  private static final int DENIED = -1;

  private static final String MANY = "actor/many";

  /** What is lost comes again soon. */
  private static final String QUICK =
      "vudo.spirit { redelivery-min = 200 ms, redelivery-max = 1 s }";

  @TempDir static Path folder;

  private static TestCluster cluster;
  private static Node one;
  private static Node two;
  private static Node three;
  private static Service service;

  private final List<ActorRegistration> registrations = new ArrayList<>();

  /**
   * The payload is a number, a timeout and the name of an actor. With a timeout of 0 the number is
   * sent, and the reply is a status of 8 bytes; else it is asked, and the reply is that of the
   * actor, or the status.
   */
  private static byte[] customer() {
    return Wat2Wasm.parse(
        """
        (module
          (import "spirit" "send_message"
            (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
          (import "spirit" "ask"
            (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 32) "payprice")
          (func (export "spirit_abi_1"))
          (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
          (func (export "spirit_handle") (param $p i32) (param $l i32) (result i64)
            (local $status i32)
            (if (i64.eqz (i64.load offset=8 (local.get $p)))
              (then
                (i64.store (i32.const 0)
                  (i64.extend_i32_s
                    (call $send
                      (i32.add (local.get $p) (i32.const 16))
                      (i32.sub (local.get $l) (i32.const 16))
                      (i32.const 32) (i32.const 3)
                      (local.get $p) (i32.const 8))))
                (return (i64.const 8))))
            (local.set $status
              (call $ask
                (i32.add (local.get $p) (i32.const 16))
                (i32.sub (local.get $l) (i32.const 16))
                (i32.const 35) (i32.const 5)
                (local.get $p) (i32.const 8)
                (i64.load offset=8 (local.get $p))
                (i32.const 64) (i32.const 68)))
            (if (i32.or (i32.eqz (local.get $status)) (i32.eq (local.get $status) (i32.const -12)))
              (then
                (return
                  (i64.or
                    (i64.shl (i64.extend_i32_u (i32.load (i32.const 64))) (i64.const 32))
                    (i64.extend_i32_u (i32.load (i32.const 68)))))))
            (i64.store (i32.const 0) (i64.extend_i32_s (local.get $status)))
            (i64.const 8)))
        """);
  }

  @BeforeAll
  static void start() {
    cluster = new TestCluster(folder);
    one = cluster.start(QUICK);
    two = cluster.start(QUICK);
    three = cluster.start(QUICK);
    service = cluster.service("vudo.service.actor.redelivery = 1 s");
    cluster.deploy(
        "customer", customer(), "jvm", Capability.of(Capability.Kind.CROSS_SANDBOX_CALL));
    cluster.deploy(
        "limited", customer(), "jvm", Capability.parse("cross_sandbox_call:actor/payments"));
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  @AfterEach
  void takeNamesBack() {
    registrations.forEach(ActorRegistration::close);
    registrations.clear();
  }

  private void register(String name, Behavior<ActorMessage> actor) {
    ActorRegistration registration = service.spirits.register(name, actor);
    assertEquals(name, registration.name());
    registrations.add(registration);
  }

  private static byte[] order(String actor, long number, long timeoutMillis) {
    byte[] name = actor.getBytes(UTF_8);
    return ByteBuffer.allocate(16 + name.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(number)
        .putLong(timeoutMillis)
        .put(name)
        .array();
  }

  private static CompletableFuture<byte[]> call(
      Node node, String spirit, String actor, long number, long timeoutMillis) {
    return node.spirits
        .ask(SpiritId.parse(spirit), "order", order(actor, number, timeoutMillis), "", PATIENCE)
        .thenApply(reply -> reply.orElseThrow())
        .toCompletableFuture();
  }

  /** Answers when the turn is durable that sends the number. */
  private static void send(Node node, String spirit, String actor, long number) {
    assertEquals(0, TestCluster.number(call(node, spirit, actor, number, 0).join()));
  }

  /** Each of several Spirits sends the number. */
  private static void sendAll(Node node, List<String> spirits, String actor, long number) {
    List<CompletableFuture<byte[]>> sent =
        spirits.stream().map(spirit -> call(node, spirit, actor, number, 0)).toList();
    sent.forEach(each -> assertEquals(0, TestCluster.number(each.join())));
  }

  private static byte[] ask(Node node, String spirit, String actor, long number) {
    return call(node, spirit, actor, number, 60_000).join();
  }

  /** What an actor got, in its order. */
  private static final class Book {
    private final ConcurrentLinkedQueue<String> entries = new ConcurrentLinkedQueue<>();

    void note(ActorMessage message) {
      entries.add(message.sender().orElseThrow() + " " + TestCluster.number(message.payload()));
    }

    List<Long> of(String spirit) {
      return entries.stream()
          .filter(entry -> entry.startsWith(spirit + " "))
          .map(entry -> Long.valueOf(entry.substring(spirit.length() + 1)))
          .toList();
    }

    /** Whether a Spirit of a node has sent something. */
    boolean isOf(Node node) {
      return node.spirits.resident().stream()
          .anyMatch(spirit -> !of(spirit.id().toString()).isEmpty());
    }

    void awaitUpTo(String spirit, long last) {
      await().atMost(PATIENCE).until(() -> of(spirit).contains(last));
    }

    void assertAllInOrder(String spirit, long last) {
      awaitUpTo(spirit, last);
      assertEquals(LongStream.rangeClosed(1, last).boxed().toList(), of(spirit), spirit);
    }

    /** Acknowledges all, and answers questions with twice the number. */
    Behavior<ActorMessage> keeper() {
      return Behaviors.receiveMessage(
          message -> {
            note(message);
            if (message.isQuestion()) {
              message.reply(TestCluster.bytes(2 * TestCluster.number(message.payload())));
            } else {
              message.done();
            }
            return Behaviors.same();
          });
    }
  }

  @Test
  @Order(1)
  void whatSpiritsSendComesOnceAndInOrder() {
    Book book = new Book();
    register("payments", book.keeper());
    for (int i = 1; i <= 40; i++) {
      send(i % 2 == 0 ? one : two, "customer/a", "actor/payments", i);
      send(three, "limited/b", "actor/payments", i);
    }
    book.assertAllInOrder("customer/a", 40);
    book.assertAllInOrder("limited/b", 40);
    assertEquals(DENIED, TestCluster.number(call(one, "limited/b", "actor/other", 1, 0).join()));
  }

  /** Also where no node makes spans of its own. */
  @Test
  @Order(2)
  void aMessageBringsTheContextOfWhoCausedIt() {
    Queue<SpanContext> seen = new ConcurrentLinkedQueue<>();
    register(
        "payments",
        Behaviors.receiveMessage(
            message -> {
              seen.add(Span.fromContext(message.context()).getSpanContext());
              message.done();
              return Behaviors.same();
            }));
    SpanContext caller =
        SpanContext.create(
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00f067aa0ba902b7",
            TraceFlags.getSampled(),
            TraceState.builder().put("b", "2").put("a", "1").build());
    Context.root()
        .with(Span.wrap(caller))
        .wrapSupplier(
            () ->
                service
                    .spirits
                    .spirit("customer/traced")
                    .ask("order", order("actor/payments", 1, 0), "", PATIENCE))
        .get()
        .toCompletableFuture()
        .join();
    await().atMost(PATIENCE).until(() -> !seen.isEmpty());
    assertEquals(
        SpanContext.createFromRemoteParent(
            caller.getTraceId(),
            caller.getSpanId(),
            caller.getTraceFlags(),
            caller.getTraceState()),
        seen.remove());
    send(one, "customer/traced", "actor/payments", 2);
    await().atMost(PATIENCE).until(() -> !seen.isEmpty());
    assertFalse(seen.remove().isValid());
  }

  @Test
  @Order(2)
  void anActorIsAskedOnceAndItsAnswerIsPartOfTheTurn() {
    Book book = new Book();
    register("payments", book.keeper());
    for (int i = 1; i <= 10; i++) {
      assertEquals(2L * i, TestCluster.number(ask(one, "customer/asks", "actor/payments", i)));
    }
    book.assertAllInOrder("customer/asks", 10);
    // Its past is run again, and nobody is asked.
    one.spirits
        .history()
        .stateAfter(SpiritId.parse("customer/asks"), OptionalLong.empty())
        .toCompletableFuture()
        .join();
    book.assertAllInOrder("customer/asks", 10);
  }

  @Test
  @Order(3)
  void aRefusalIsToldOrBecomesADeadLetter() {
    Behavior<ActorMessage> refuser =
        Behaviors.receiveMessage(
            message -> {
              message.failed("NO_MONEY", "the account is empty");
              message.done();
              return Behaviors.same();
            });
    register("payments", refuser);
    assertEquals(
        "NO_MONEY: the account is empty",
        new String(ask(one, "customer/poor", "actor/payments", 1), UTF_8));
    send(one, "customer/poor", "actor/payments", 2);
    List<DeadLetter> letters =
        await()
            .ignoreExceptions()
            .atMost(PATIENCE)
            .until(
                () ->
                    one.spirits
                        .deadLetters()
                        .list("customer/poor", "")
                        .toCompletableFuture()
                        .join()
                        .letters(),
                list -> !list.isEmpty());
    assertEquals("actor/payments", letters.get(0).receiver());
    assertEquals(ErrorCode.ACTOR_FAILED.name(), letters.get(0).code());
    assertEquals("NO_MONEY: the account is empty", letters.get(0).detail());
  }

  @Test
  @Order(4)
  void whatAnActorLosesComesAgainBeforeTheNext() {
    Book book = new Book();
    AtomicBoolean lost = new AtomicBoolean();
    Behavior<ActorMessage> forgetful =
        Behaviors.receiveMessage(
            message -> {
              if (TestCluster.number(message.payload()) == 2 && lost.compareAndSet(false, true)) {
                return Behaviors.same();
              }
              book.note(message);
              message.done();
              return Behaviors.same();
            });
    register("payments", forgetful);
    for (int i = 1; i <= 3; i++) {
      send(one, "customer/lost", "actor/payments", i);
    }
    book.assertAllInOrder("customer/lost", 3);
    assertTrue(lost.get());
  }

  @Test
  @Order(5)
  void aQuestionThatNobodyWaitsForHoldsUpNothing() {
    Book book = new Book();
    Behavior<ActorMessage> silent =
        Behaviors.receiveMessage(
            message -> {
              book.note(message);
              if (!message.isQuestion()) {
                message.done();
              } else if (TestCluster.number(message.payload()) > 1) {
                message.reply(TestCluster.bytes(7));
              }
              return Behaviors.same();
            });
    register("payments", silent);
    assertEquals(
        TIMEOUT, TestCluster.number(call(one, "customer/s", "actor/payments", 1, 200).join()));
    assertEquals(7, TestCluster.number(ask(one, "customer/s", "actor/payments", 2)));
    send(one, "customer/s", "actor/payments", 3);
    book.awaitUpTo("customer/s", 3);
  }

  @Test
  @Order(6)
  void whatIsForNobodyWaitsUntilSomebodyComes() throws Exception {
    assertEquals(
        TIMEOUT, TestCluster.number(call(one, "customer/early", "actor/later", 0, 300).join()));
    send(two, "customer/early", "actor/later", 1);
    send(two, "customer/early", "actor/later", 2);
    CompletableFuture<byte[]> question =
        call(three, "customer/asks-early", "actor/later", 3, 60_000);
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                cluster.nodes.stream()
                    .flatMap(node -> node.spirits.resident().stream())
                    .anyMatch(
                        spirit ->
                            spirit.id().toString().equals("customer/asks-early")
                                && spirit.phase() == SpiritStatus.Phase.SUSPENDED));
    Book book = new Book();
    register("later", book.keeper());
    book.assertAllInOrder("customer/early", 2);
    assertEquals(6, TestCluster.number(question.get(60, TimeUnit.SECONDS)));
  }

  @Test
  @Order(7)
  void eachSpiritHasOneOfSeveralActors() {
    Map<String, Book> books = new TreeMap<>();
    for (String name : List.of("x", "y")) {
      Book book = new Book();
      books.put(name, book);
      register(SpiritId.parse(MANY).id(), book.keeper());
    }
    // Both are known to a node when Spirits there have sent to each of them.
    AtomicInteger probes = new AtomicInteger();
    await()
        .atMost(PATIENCE)
        .until(
            () -> {
              sendAll(one, named("customer/probe" + probes.incrementAndGet() + "-", 8), MANY, 1);
              return cluster.nodes.stream()
                  .allMatch(node -> books.values().stream().allMatch(book -> book.isOf(node)));
            });
    List<String> spirits = named("customer/many", 12);
    for (long n = 1; n <= 4; n++) {
      sendAll(two, spirits, MANY, n);
    }
    for (String spirit : spirits) {
      await()
          .atMost(PATIENCE)
          .until(() -> books.values().stream().anyMatch(book -> book.of(spirit).contains(4L)));
      assertEquals(
          List.of(List.of(1L, 2L, 3L, 4L)),
          books.values().stream()
              .map(book -> book.of(spirit))
              .filter(numbers -> !numbers.isEmpty())
              .toList(),
          spirit);
    }
  }

  private static List<String> named(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  @Test
  @Order(8)
  void anActorIsNoSpirit() {
    VudoException name =
        assertThrows(
            VudoException.class, () -> service.spirits.register("no name", Behaviors.empty()));
    assertEquals(ErrorCode.SPIRIT_ID_INVALID, name.code());
    // A service asks its own actors itself.
    var failure =
        assertThrows(CompletionException.class, () -> service.ask("actor/payments", 1, "").join());
    assertEquals(
        ErrorCode.SPIRIT_TYPE_UNKNOWN,
        assertInstanceOf(VudoException.class, failure.getCause()).code());
  }

  @Test
  @Order(9)
  void aNodeThatDiesLosesAndRepeatsNothing() {
    Book book = new Book();
    register("payments", book.keeper());
    List<String> spirits = named("customer/die", 20);
    for (int n = 1; n <= 3; n++) {
      sendAll(one, spirits, "actor/payments", n);
    }
    assertTrue(
        three.spirits.resident().stream()
            .anyMatch(spirit -> spirits.contains(spirit.id().toString())));
    // Committed there, and perhaps not gone out yet.
    sendAll(one, spirits, "actor/payments", 4);
    three.crash();
    List<CompletableFuture<Optional<byte[]>>> last =
        spirits.stream()
            .map(
                spirit ->
                    service
                        .spirits
                        .spirit(spirit)
                        .ask("order", order("actor/payments", 5, 0), "five", PATIENCE)
                        .toCompletableFuture())
            .toList();
    last.forEach(each -> assertEquals(0, TestCluster.number(each.join().orElseThrow())));
    for (String spirit : spirits) {
      book.assertAllInOrder(spirit, 5);
    }
  }

  @Test
  @Order(10)
  void aServiceThatIsKilledGetsAgainWhatItHadNotAcknowledged() throws Exception {
    Path notes = folder.resolve("notes");
    List<String> before = cluster.members();
    Process process = PaymentsProcess.start(one, notes, folder.resolve("process.log"));
    try {
      for (int i = 1; i <= 10; i++) {
        send(one, "customer/kill", "actor/orders", i);
        assertEquals(2L * i, TestCluster.number(ask(two, "customer/kill-asks", "actor/orders", i)));
      }
      await().atMost(PATIENCE).until(() -> notes(notes).contains("customer/kill 10"));
      // It keeps this one, and does not acknowledge it.
      send(one, "customer/kill", "actor/orders", PaymentsProcess.KEPT);
      await()
          .atMost(PATIENCE)
          .until(() -> notes(notes).contains("customer/kill " + PaymentsProcess.KEPT));
      send(one, "customer/kill", "actor/orders", 12);
      CompletableFuture<byte[]> question =
          call(two, "customer/kill-asks", "actor/orders", PaymentsProcess.KEPT, 60_000);
      await()
          .atMost(PATIENCE)
          .until(() -> notes(notes).contains("customer/kill-asks " + PaymentsProcess.KEPT));
      String killed =
          cluster.members().stream().filter(name -> !before.contains(name)).findAny().orElseThrow();
      process.destroyForcibly().waitFor();
      cluster.declareDead(killed);

      Book book = new Book();
      register("orders", book.keeper());
      assertEquals(
          2L * PaymentsProcess.KEPT, TestCluster.number(question.get(60, TimeUnit.SECONDS)));
      book.awaitUpTo("customer/kill", 12);
      // What it had acknowledged does not come again, and what it had not comes in order.
      assertEquals(List.of((long) PaymentsProcess.KEPT, 12L), book.of("customer/kill"));
      assertEquals(
          1, notes(notes).stream().filter(note -> note.equals("customer/kill 10")).count());
      assertFalse(notes(notes).contains("customer/kill 12"));
    } finally {
      process.destroyForcibly();
    }
  }

  private static List<String> notes(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllLines(file, UTF_8) : List.of();
  }
}
