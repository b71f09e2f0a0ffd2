package io.vudo.client;

import static io.vudo.client.FakeGateway.echo;
import static io.vudo.client.FakeGateway.noReply;
import static io.vudo.client.FakeGateway.problem;
import static io.vudo.client.FakeGateway.reply;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.client.FakeGateway.Seen;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.Closeable;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Java interfaces that stand for Spirits. */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class SpiritProxyTest {
  private final FakeGateway gateway = new FakeGateway();
  private final VudoClient client =
      VudoClient.builder()
          .node(gateway.url())
          .retry(
              RetryPolicy.DEFAULT
                  .withPauses(Duration.ofMillis(1), Duration.ofMillis(1))
                  .withMaxAttempts(2))
          .build();

  @AfterEach
  void close() {
    client.close();
    gateway.close();
  }

  private SpiritClient spirit() {
    return client.spirit("calc", "a");
  }

  private <T> T proxy(Class<T> type) {
    return spirit().as(type);
  }

  private String sent() {
    Seen seen = gateway.last();
    return seen.path().replaceAll(".*/", "") + " " + seen.type().orElse("") + " " + seen.body();
  }

  private static <T> T join(CompletionStage<T> stage) {
    return stage.toCompletableFuture().orTimeout(50, TimeUnit.SECONDS).join();
  }

  private static VudoException failure(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(VudoException.class, call);
  }

  record Point(int x, double y) {}

  enum Colour {
    RED,
    GREEN
  }

  @SuppressWarnings("ArrayRecordComponent") // Compared by hand.
  record Shape(
      String name,
      List<Point> corners,
      Map<String, Long> tags,
      Colour colour,
      byte[] bytes,
      Long missing,
      boolean closed) {}

  // A test's interface need not be public.
  interface Calculator {
    long add(long a, long b);

    Point move(Point point);

    @MessageType("move")
    CompletionStage<Point> moveLater(Point point);

    CompletableFuture<List<Point>> outline(Shape shape);

    Shape same(Shape shape);

    Map<String, List<Point>> all();

    byte[] bytes(byte[] bytes);

    String text(String text);

    Object pieces(String text, byte[] bytes, Point point, Point none);

    Optional<Point> find(String name);

    CompletionStage<Optional<String>> name();

    void note(Point point);

    CompletionStage<Void> noteLater(Point point);

    @Tell
    void forget(Point point);

    @Idempotent
    int count();

    int keyed(@IdempotencyKey String key, int n);

    int plain();

    Integer boxed();

    default long twice(long n) {
      return add(n, n);
    }

    default String described() {
      return this + "!";
    }

    static String unrelated() {
      return "static";
    }

    @Override
    String toString();
  }

  // What is sent and what comes back

  @Test
  void aMethodIsAMessageAndItsResultTheReply() {
    Calculator calc = proxy(Calculator.class);
    gateway.then(reply("3"));
    assertEquals(3, calc.add(1, 2));
    assertEquals("ask add [1,2]", sent());
    assertEquals("/v1/spirits/calc/a/ask", gateway.last().path());

    gateway.always(echo());
    assertEquals(new Point(1, 2.5), calc.move(new Point(1, 2.5)));
    assertEquals("ask move {\"x\":1,\"y\":2.5}", sent());
    assertEquals(new Point(3, 0), join(calc.moveLater(new Point(3, 0))));
    assertEquals("ask move {\"x\":3,\"y\":0.0}", sent());
    assertNull(calc.move(null));
    assertEquals("ask move null", sent());

    gateway.then(reply("{\"a\":[{\"x\":1,\"y\":1},{\"y\":2,\"x\":2,\"newer\":true}]}"));
    assertEquals(Map.of("a", List.of(new Point(1, 1), new Point(2, 2))), calc.all());
    assertEquals("ask all ", sent());
  }

  static Stream<Codec> codecs() {
    return Stream.of(Codec.JSON, Codec.MESSAGE_PACK);
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void valuesComeBackAsTheyWent(Codec codec) {
    gateway.always(echo());
    Calculator calc = spirit().as(Calculator.class, codec);
    Shape shape =
        new Shape(
            "ä\"\n",
            List.of(new Point(Integer.MIN_VALUE, -0.0), new Point(7, 1e300)),
            Map.of("k", Long.MAX_VALUE),
            Colour.GREEN,
            new byte[] {0, -1, 7},
            null,
            true);
    Shape back = calc.same(shape);
    assertArrayEquals(shape.bytes(), back.bytes());
    assertEquals(withoutBytes(shape), withoutBytes(back));
    assertEquals(new Point(1, Double.MIN_VALUE), calc.move(new Point(1, Double.MIN_VALUE)));
  }

  private static Shape withoutBytes(Shape shape) {
    return new Shape(
        shape.name(),
        shape.corners(),
        shape.tags(),
        shape.colour(),
        null,
        shape.missing(),
        shape.closed());
  }

  @Test
  void messagePackIsMessagePack() {
    Calculator calc = spirit().as(Calculator.class, Codec.MESSAGE_PACK);
    gateway.then(reply(new byte[] {(byte) 0xcd, 1, 0}));
    assertEquals(256, calc.add(1, 300));
    byte[] payload = gateway.last().body().getBytes(StandardCharsets.ISO_8859_1);
    assertArrayEquals(new byte[] {(byte) 0x92, 1, (byte) 0xcd, 1, 0x2c}, payload);
  }

  @Test
  void bytesAndTextsAreSentAsTheyAre() {
    gateway.always(echo());
    Calculator calc = proxy(Calculator.class);
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    assertArrayEquals(all, calc.bytes(all));
    assertEquals("42 ä\u2028\"", calc.text("42 ä\u2028\""));
    assertEquals("", calc.text(""));
    // As parts of an array they are values like others.
    calc.pieces("t", new byte[] {1, 2, 3}, new Point(1, 2), null);
    assertEquals("ask pieces [\"t\",\"AQID\",{\"x\":1,\"y\":2.0},null]", sent());
    gateway.always(reply(new byte[] {(byte) 0xff}));
    assertEquals(ErrorCode.REPLY_INVALID, failure(() -> calc.text("")).code());
  }

  @Test
  void aReplyThatMayBeMissingIsOptional() {
    Calculator calc = proxy(Calculator.class);
    gateway.then(noReply(), reply("null"), reply("{\"x\":1,\"y\":2}"), noReply(), reply("bob"));
    assertEquals(Optional.empty(), calc.find("a"));
    assertEquals("ask find a", sent());
    assertEquals(Optional.empty(), calc.find("a"));
    assertEquals(Optional.of(new Point(1, 2)), calc.find("a"));
    assertEquals(Optional.empty(), join(calc.name()));
    assertEquals(Optional.of("bob"), join(calc.name()));
  }

  @Test
  void voidIsToldAndWaitedFor() {
    Calculator calc = proxy(Calculator.class);
    gateway.then(noReply(), noReply(), problem(ErrorCode.OUT_OF_FUEL));
    calc.note(new Point(1, 2));
    assertEquals("tell note {\"x\":1,\"y\":2.0}", sent());
    assertNull(join(calc.noteLater(new Point(1, 2))));
    assertEquals("tell noteLater {\"x\":1,\"y\":2.0}", sent());
    assertEquals(ErrorCode.OUT_OF_FUEL, failure(() -> calc.note(null)).code());
  }

  @Test
  void whoTellsDoesNotWaitButIsTriedAgainAndLogged() throws InterruptedException {
    BlockingQueue<LogRecord> logged = new LinkedBlockingQueue<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord record) {
            logged.add(record);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger("io.vudo.client.SpiritProxy");
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      Calculator calc = proxy(Calculator.class);
      gateway.then(gateway.hold(), problem(ErrorCode.MAILBOX_FULL), noReply());
      calc.forget(new Point(1, 2));
      gateway.awaitSeen(1);
      // It has returned, and there is no answer yet.
      calc.forget(new Point(3, 4));
      gateway.awaitSeen(3);
      assertEquals("tell forget {\"x\":3,\"y\":4.0}", sent());
      assertEquals(gateway.seen().get(1).key(), gateway.last().key());
      gateway.always(problem(ErrorCode.TRAP_UNREACHABLE));
      calc.forget(null);
      LogRecord record = logged.poll(50, TimeUnit.SECONDS);
      assertEquals("WARNING", record.getLevel().getName());
      List<Object> parameters = Arrays.asList(record.getParameters());
      assertEquals("calc/a forget", parameters.get(0) + " " + parameters.get(1));
      assertTrue(parameters.get(2).toString().contains("TRAP_UNREACHABLE"), parameters.toString());
    } finally {
      logger.setUseParentHandlers(true);
      logger.removeHandler(handler);
    }
  }

  @Test
  void keysAreTheClientsOrTheCallersOrNone() {
    gateway.always(reply("1"));
    Calculator calc = proxy(Calculator.class);
    calc.plain();
    Optional<String> first = gateway.last().key();
    calc.plain();
    assertTrue(first.isPresent());
    assertNotEquals(first, gateway.last().key());
    calc.count();
    assertEquals(Optional.empty(), gateway.last().key());
    calc.keyed("order-17", 5);
    assertEquals(Optional.of("order-17"), gateway.last().key());
    assertEquals("ask keyed 5", sent());
    int before = gateway.seen().size();
    assertEquals(ErrorCode.ARGUMENT_INVALID, failure(() -> calc.keyed(null, 5)).code());
    assertEquals(ErrorCode.REQUEST_INVALID, failure(() -> calc.keyed("", 5)).code());
    assertEquals(before, gateway.seen().size());
  }

  @Test
  void defaultMethodsAndThoseOfEveryObjectSendNothingThemselves() {
    Calculator calc = proxy(Calculator.class);
    assertEquals("Calculator of calc/a", calc.toString());
    assertEquals("Calculator of calc/a!", calc.described());
    Object same = calc;
    assertEquals(same, calc);
    assertEquals(same.hashCode(), calc.hashCode());
    assertNotEquals(proxy(Calculator.class), calc);
    assertNotEquals(null, calc);
    assertEquals(0, gateway.seen().size());
    gateway.then(reply("8"));
    assertEquals(8, calc.twice(4));
    assertEquals("ask add [4,4]", sent());
  }

  interface Store<K, V> {
    Optional<V> get(K key);

    void put(K key, V value);

    default Optional<V> swap(K key, V value) {
      Optional<V> before = get(key);
      put(key, value);
      return before;
    }
  }

  interface Points extends Store<String, Point> {
    @Override
    Optional<Point> get(String key);
  }

  @Test
  void interfacesInheritAndTheirTypesAreKnown() {
    gateway.then(reply("{\"x\":1,\"y\":2}"), noReply());
    Points points = proxy(Points.class);
    assertEquals(Optional.of(new Point(1, 2)), points.swap("k", new Point(3, 4)));
    assertEquals("tell put [\"k\",{\"x\":3,\"y\":4.0}]", sent());
    assertEquals("ask", gateway.seen().get(0).path().replaceAll(".*/", ""));
    assertEquals("k", gateway.seen().get(0).body());
  }

  // Failures

  @Test
  void theDeadlineIsThatOfTheSpiritItWasMadeOf() {
    gateway.always(gateway.hold());
    Calculator calc = spirit().within(Duration.ofMillis(100)).as(Calculator.class);
    assertEquals(ErrorCode.ASK_TIMEOUT, failure(calc::plain).code());
  }

  @Test
  void aReplyThatIsMissingOrOfAnotherTypeIsRefused() {
    Calculator calc = proxy(Calculator.class);
    gateway.then(noReply());
    VudoException missing = failure(calc::plain);
    assertEquals(ErrorCode.REPLY_INVALID, missing.code());
    assertTrue(missing.detail().contains("calc/a gave no reply to plain"), missing.detail());
    for (String reply : List.of("", "null", "2.5", "\"2\"", "{}", "1 2", "99999999999", "no")) {
      gateway.then(reply(reply));
      assertEquals(ErrorCode.REPLY_INVALID, failure(calc::plain).code(), reply);
    }
    gateway.then(reply("null"));
    assertNull(calc.boxed());
    gateway.then(reply("{\"x\":1,\"x\":2,\"y\":1}"));
    assertEquals(ErrorCode.REPLY_INVALID, failure(() -> calc.move(null)).code());
    // None of them was asked for twice.
    assertEquals(11, gateway.seen().size());
    gateway.then(reply("[]"));
    CompletionStage<Point> stage = calc.moveLater(null);
    assertEquals(
        ErrorCode.REPLY_INVALID,
        assertInstanceOf(
                VudoException.class,
                assertThrows(CompletionException.class, () -> join(stage)).getCause())
            .code());
  }

  interface Strange {
    void circular(Circle circle);

    CompletionStage<Void> circularLater(Circle circle);

    void text(String text);

    void bytes(byte[] bytes);
  }

  static final class Circle {
    public final Circle self = this;
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void whatCannotBeEncodedIsNotSent(Codec codec) {
    Strange strange = spirit().as(Strange.class, codec);
    assertEquals(ErrorCode.ARGUMENT_INVALID, failure(() -> strange.circular(new Circle())).code());
    // A stage fails; it is not thrown.
    CompletionStage<Void> later = strange.circularLater(new Circle());
    assertEquals(
        ErrorCode.ARGUMENT_INVALID,
        assertInstanceOf(
                VudoException.class,
                assertThrows(CompletionException.class, () -> join(later)).getCause())
            .code());
    assertEquals(ErrorCode.ARGUMENT_INVALID, failure(() -> strange.text(null)).code());
    assertEquals(ErrorCode.ARGUMENT_INVALID, failure(() -> strange.bytes(null)).code());
    assertEquals(0, gateway.seen().size());
  }

  // Interfaces that are refused

  interface Overloaded {
    int add(int n);

    int add(int a, int b);
  }

  interface OverloadedByName {
    @MessageType("add")
    int add(int n);

    @MessageType("sum")
    int add(int a, int b);
  }

  interface RawStage {
    @SuppressWarnings("rawtypes")
    CompletionStage later();
  }

  interface AnyStage {
    CompletionStage<?> later();
  }

  interface OtherFuture {
    MyStage<String> later();
  }

  abstract static class MyStage<T> implements CompletionStage<T> {}

  interface StageOfStage {
    CompletionStage<CompletionStage<String>> later();
  }

  interface OptionalOfOptional {
    Optional<Optional<String>> maybe();
  }

  interface OptionalParameter {
    void put(Optional<String> value);
  }

  interface StageParameter {
    void put(CompletableFuture<String> value);
  }

  interface OwnTypeParameter {
    <T> T get(Class<T> type);
  }

  interface TellsAndReturns {
    @Tell
    int add(int n);
  }

  interface TellsLater {
    @Tell
    CompletionStage<Void> add(int n);
  }

  interface KeyOfNumber {
    void add(@IdempotencyKey int key);
  }

  interface TwoKeys {
    void add(@IdempotencyKey String a, @IdempotencyKey String b);
  }

  interface KeyedAndIdempotent {
    @Idempotent
    void add(@IdempotencyKey String key);
  }

  interface NoType {
    @MessageType("")
    void add();
  }

  @SuppressWarnings("UnicodeInCode") // That is the point.
  interface ForeignLetters {
    void größe();
  }

  sealed interface Sealed permits Permitted {
    void add();
  }

  static final class Permitted implements Sealed {
    @Override
    public void add() {}
  }

  @ParameterizedTest
  @ValueSource(
      classes = {
        String.class,
        Override.class,
        Overloaded.class,
        RawStage.class,
        AnyStage.class,
        OtherFuture.class,
        StageOfStage.class,
        OptionalOfOptional.class,
        OptionalParameter.class,
        StageParameter.class,
        OwnTypeParameter.class,
        TellsAndReturns.class,
        TellsLater.class,
        KeyOfNumber.class,
        TwoKeys.class,
        KeyedAndIdempotent.class,
        NoType.class,
        ForeignLetters.class,
        Sealed.class,
      })
  void anInterfaceThatCannotStandForASpiritIsRefusedAtOnce(Class<?> type) {
    VudoException refused = failure(() -> spirit().as(type));
    assertEquals(ErrorCode.INTERFACE_INVALID, refused.code());
    assertTrue(refused.detail().contains(type.getSimpleName()), refused.detail());
  }

  interface Both extends Closeable, Runnable {
    @Override
    void close();
  }

  @Test
  void interfacesOfOthersWillDo() {
    gateway.always(noReply());
    Both both = proxy(Both.class);
    both.run();
    assertEquals("tell run ", sent());
    both.close();
    assertEquals("tell close ", sent());
    gateway.always(reply("2"));
    OverloadedByName named = proxy(OverloadedByName.class);
    assertEquals(2, named.add(1));
    assertEquals("ask add 1", sent());
    assertEquals(2, named.add(1, 1));
    assertEquals("ask sum [1,1]", sent());
  }
}
