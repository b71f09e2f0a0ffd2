package io.vudo.node.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.client.Codec;
import io.vudo.client.VudoClient;
import io.vudo.embedded.Loa;
import io.vudo.embedded.LoaFunction;
import io.vudo.embedded.LoaService;
import io.vudo.node.NodeFixture;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Functions and Spirits behind dotted names: from guests, over HTTP, from the client. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ProcessTest {
  static final String CONFIG =
      """
      vudo.process { deadline = 60 s, threads = 4, max-waiting = 10, max-result-bytes = 1000 }
      vudo.limits.max-payload-bytes = 100000
      """;

  record Order(String article, int pieces) {}

  record Receipt(String id, long cents) {}

  /** How often each function was called, with what it was told. */
  static final Map<String, List<ProcessCall>> CALLS = new ConcurrentHashMap<>();

  private static final AtomicInteger CHARGED = new AtomicInteger();
  static final CountDownLatch NEVER = new CountDownLatch(1);
  static final AtomicInteger STUCK = new AtomicInteger();

  private static ProcessRegistry registry;
  private static NodeFixture node;
  private static VudoClient client;

  @LoaService(name = "Words", version = "2.1.0")
  public interface Words {
    @LoaFunction
    List<String> sorted(List<String> texts);

    @LoaFunction("shout")
    String loud(String text);
  }

  private static final class WordsHere implements Words {
    @Override
    public List<String> sorted(List<String> texts) {
      return texts.stream().sorted().toList();
    }

    @Override
    public String loud(String text) {
      return text + "!";
    }
  }

  static ProcessRegistry registry() {
    Loa payments =
        Loa.named("payments", "1.0.0")
            .function(
                "charge",
                Order.class,
                Receipt.class,
                order -> new Receipt("r" + CHARGED.incrementAndGet(), order.pieces() * 100L))
            .function("refuse", String.class, Object.class, ProcessTest::refuse)
            .function("crash", String.class, Object.class, why -> Integer.parseInt(why))
            .supplier("much", String.class, () -> "x".repeat(2000))
            .function("hidden", String.class, String.class, text -> text)
            .capabilities("charge", "refuse", "crash", "much")
            .build();
    return Tutorial.prices(Map.of("cup", 199L))
        .register(payments)
        .register(
            Loa.named("stuck", "1.0.0").supplier("never", String.class, ProcessTest::never).build())
        .register(Loa.of(new WordsHere()))
        .register(Loa.named("Words", "1.0.0").supplier("shout", String.class, () -> "old").build())
        .handle("calls.count", ProcessTest::count)
        .handle("calls.later", ProcessTest::later)
        .group("models", Map.of("find", call -> call.item() + "#" + call.arg(0, int.class)))
        .alias("pay.now", "payments.charge");
  }

  private static CompletionStage<Integer> later(ProcessCall call) {
    int value = call.arg(0, int.class);
    return CompletableFuture.supplyAsync(() -> value).minimalCompletionStage();
  }

  private static Object refuse(String what) {
    throw new ProcessException(404, "no such " + what);
  }

  private static String never() {
    STUCK.incrementAndGet();
    boolean interrupted = false;
    while (NEVER.getCount() > 0) {
      try {
        NEVER.await();
      } catch (InterruptedException e) {
        interrupted = true; // And does not care.
      }
    }
    return String.valueOf(interrupted);
  }

  static Object count(ProcessCall call) {
    List<ProcessCall> calls =
        CALLS.computeIfAbsent(call.arg(0, String.class), key -> new CopyOnWriteArrayList<>());
    calls.add(call);
    return calls.size();
  }

  @BeforeAll
  static void start() {
    Path data = NodeFixture.newDataDirectory();
    registry = registry();
    node = NodeFixture.of(VudoNode.start(NodeFixture.settings(data, CONFIG), registry));
    client = VudoClient.of(node.uri().toString());
    node.deploy("caller", caller(), "grant=process");
    node.deploy("granted", caller(), "grant=process:Payments", "grant=process:models.user.Find");
    node.deploy("echo", TestModules.echo());
    node.deploy("refuser", refuser());
  }

  @AfterAll
  static void stop() {
    client.close();
    node.node().close();
  }

  /**
   * Calls the name that is the message's type with the payload; replies the status as one letter (a
   * = 0, b = -1, …) and what was answered.
   */
  static byte[] caller() {
    return caller("");
  }

  static byte[] caller(String after) {
    return TestModules.spirit(
        """
        (import "spirit" "message_type" (func $type (param i32 i32) (result i32)))
        (import "spirit" "process" (func $process (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "spirit" "sleep" (func $sleep (param i64) (result i32)))
        """,
        """
        (local $status i32)
        (local.set $status
          (call $process (i32.const 0) (call $type (i32.const 0) (i32.const 300))
            (local.get $p) (local.get $l) (i32.const 400) (i32.const 404)))
        """
            + after
            + """
        (i32.store8 (i32.const 500) (i32.sub (i32.const 97) (local.get $status)))
        (memory.copy (i32.const 501) (i32.load (i32.const 400)) (i32.load (i32.const 404)))
        (i64.or (i64.const 0x1f400000000)
                (i64.extend_i32_u (i32.add (i32.load (i32.const 404)) (i32.const 1))))
        """);
  }

  /** Fails with code 404 and its payload. */
  private static byte[] refuser() {
    return TestModules.spirit(
        "(import \"spirit\" \"fail\" (func $fail (param i32 i32 i32)))",
        "(call $fail (i32.const 404) (local.get $p) (local.get $l)) (i64.const 0)");
  }

  private static String fromGuest(String name, String args) {
    return node.ask("caller/" + name.replaceAll("[^a-zA-Z]", "-"), name, args).text();
  }

  private static Answer overHttp(String name, String args, String... headers) {
    return node.post("/v1/process/" + name, args, headers);
  }

  // Names

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "payments.charge | [{\"article\":\"cup\",\"pieces\":3}] | \"cents\":300}",
        "PAYMENTS.Charge | [{\"article\":\"cup\",\"pieces\":2}] | \"cents\":200}",
        "pay.now         | [{\"article\":\"cup\",\"pieces\":1}] | \"cents\":100}",
        "words.sorted    | [[\"b\",\"a\"]]                      | [\"a\",\"b\"]",
        "words.shout     | [\"hey\"]                            | \"hey!\"",
        "words@1.shout   | []                                   | \"old\"",
        "calls.later     | [7]                                  | 7",
        "models.user.Find | [5]                                 | \"user#5\"",
        "Models.a.b.FIND | [6]                                  | \"a.b#6\"",
        "echo/x.Say      | [1, 2]                               | [1, 2]",
        "echo.Say        | [3]                                  | [3]",
        "ECHO.say        | [4]                                  | [4]",
      })
  void oneNameAnswersGuestsHttpAndTheClientAlike(String name, String args, String result) {
    String guest = fromGuest(name, args);
    assertTrue(guest.startsWith("a") && guest.endsWith(result), guest);
    Answer http = overHttp(name, args);
    assertTrue(http.status() == 200 && http.text().endsWith(result), http.text());
    JsonNode answered =
        client.process(name, Codec.JSON.decode(args.getBytes(UTF_8), Object[].class));
    assertTrue(
        answered.toString().endsWith(result.replace(" ", "")),
        () -> answered + " does not end with " + result);
  }

  @Test
  void loaAnswerInTheEncodingOfTheirCalls() throws Exception {
    byte[] args = Codec.MESSAGE_PACK.encode(List.of(new Order("cup", 4)));
    byte[] result =
        client
            .processes()
            .callWithBytes("payments.charge", args)
            .toCompletableFuture()
            .join()
            .orElseThrow();
    assertEquals(400, Codec.MESSAGE_PACK.decode(result, Receipt.class).cents());
    Receipt receipt =
        client
            .processes()
            .encoded(Codec.MESSAGE_PACK)
            .callAndWait("payments.charge", Receipt.class, new Order("cup", 5));
    assertEquals(500, receipt.cents());
  }

  @Test
  void whatIsThereIsListed() {
    JsonNode names = node.get("/v1/process").json().path("names");
    assertTrue(names.findValuesAsText("name").contains("payments.charge"), names.toString());
    assertTrue(names.findValuesAsText("name").contains("models"), names.toString());
    assertTrue(names.findValuesAsText("for").contains("payments.charge"), names.toString());
  }

  @Test
  void whatIsRegisteredLaterAnswersAndWhatIsRemovedDoesNot() {
    assertEquals("jException|404:PROCESS_UNKNOWN: Got \"late.name\".", fromGuest("late.name", ""));
    registry.handle("late.name", call -> "here");
    assertThrows(VudoException.class, () -> registry.handle("Late.Name", call -> "twice"));
    assertEquals("a\"here\"", fromGuest("late.name", ""));
    assertTrue(registry.remove("LATE.NAME"));
    overHttp("late.name", "").assertProblem(ErrorCode.PROCESS_UNKNOWN);
  }

  @Test
  void theTutorialRunsAsItIsWritten() throws IOException {
    String page = Files.readString(Path.of("..", "docs", "process.md"));
    String code =
        bare(
            Files.readString(
                Path.of("src", "test", "java", "io", "vudo", "node", "process", "Tutorial.java")));
    List<String> snippets = blocks(page, "java");
    assertEquals(2, snippets.size());
    snippets.forEach(snippet -> assertTrue(code.contains(bare(snippet)), snippet));

    node.deploy("cashier", Wat2Wasm.parse(blocks(page, "wat").get(0)), "grant=process:prices");
    node.ask("cashier/a", "message", "[{\"article\":\"cup\",\"pieces\":12}]")
        .assertReply(blocks(page, "json").get(0).strip());
    node.ask("cashier/a", "message", "[{\"article\":\"soap\",\"pieces\":1}]")
        .assertReply("Exception|404:no price for soap");
    assertEquals(
        "[{\"cents\":2388,\"discount\":true}, {\"cents\":199,\"discount\":false},"
            + " Price[cents=398, discount=false]]",
        Tutorial.everybodyElse(client).toString());
    assertEquals("\"A\"", overHttp("texts.upper", "[\"a\"]").text());
    assertEquals("true", overHttp("shop.open", "").text());
    assertEquals("\"How many of cups? count\"", overHttp("stock.cups.count", "").text());
  }

  private static List<String> blocks(String page, String language) {
    Matcher matcher = Pattern.compile("(?s)```" + language + "\n(.*?)```").matcher(page);
    List<String> blocks = new ArrayList<>();
    while (matcher.find()) {
      blocks.add(matcher.group(1));
    }
    return blocks;
  }

  private static String bare(String text) {
    return text.replaceAll("\\s", "");
  }

  // Failures

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "payments.refuse | [\"order\"] | m | 404:no such order",
        "payments.crash  | [\"x\"]     | m | 500:java.lang.NumberFormatException",
        "payments.charge | []          | m | 400:payments.charge takes 1 arguments; got 0",
        "payments.charge | [7]         | m | 400:argument 1 of payments.charge",
        "payments.charge | {}          | m | 400:the arguments are no array",
        "payments.charge | [           | m | 400:the arguments: ",
        "models.x.Other  | []          | m | 404:models has no function Other",
        "refuser.Do      | nothing     | m | 404:nothing",
      })
  void aFunctionThatFailsSaysSoInOneForm(String name, String args, String status, String text) {
    String guest = fromGuest(name, args);
    assertTrue(guest.startsWith(status + "Exception|" + text), guest);
    String http = overHttp(name, args).assertProblem(ErrorCode.PROCESS_FAILED);
    assertTrue(http.startsWith("Exception|" + text), http);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "payments.much   | l | 413:PAYLOAD_TOO_LARGE",
        "payments.hidden | j | 404:PROCESS_UNKNOWN",
        "nobody.knows    | j | 404:PROCESS_UNKNOWN",
        "words@9.shout   | j | 404:PROCESS_UNKNOWN",
      })
  void whatCannotBeCalledIsAStatusAndAText(String name, String status, String text) {
    String guest = fromGuest(name, "[]");
    assertTrue(guest.startsWith(status + "Exception|" + text), guest);
    ErrorCode code = ErrorCode.of(text.substring(4));
    String http = overHttp(name, "[]").assertProblem(code);
    assertTrue(!http.isEmpty(), http);
  }

  @Test
  void aNameThatIsNoneIsRefused() {
    assertEquals("d", fromGuest("nodot", "[]").substring(0, 1));
    overHttp("nodot", "[]").assertProblem(ErrorCode.PROCESS_NAME_INVALID);
    assertEquals(
        ErrorCode.PROCESS_NAME_INVALID,
        assertThrows(VudoException.class, () -> client.process("a b.c")).code());
  }

  @Test
  void theClientGetsTheStatusAndTheText() {
    VudoException failure =
        assertThrows(VudoException.class, () -> client.process("payments.refuse", "cup"));
    ProcessException said = ProcessException.from(failure).orElseThrow();
    assertEquals(404, said.status());
    assertEquals("no such cup", said.reason());
    CompletionException later =
        assertThrows(
            CompletionException.class,
            () -> client.processAsync("refuser/x.Do").toCompletableFuture().join());
    assertEquals(ErrorCode.PROCESS_FAILED, ((VudoException) later.getCause()).code());
  }

  @Test
  void aGrantOpensANameAndWhatIsBelowItAndNothingElse() {
    assertEquals("a", first("granted/a", "payments.charge", "[{\"article\":\"a\",\"pieces\":1}]"));
    assertEquals("a", first("granted/a", "models.User.find", "[1]"));
    node.ask("granted/a", "models.users.find", "[1]").assertReply("b");
    node.ask("granted/a", "paymentsx.charge", "[]").assertReply("b");
    node.ask("granted/a", "echo.Say", "[]").assertReply("b");
    node.ask("granted/a", "pay.now", "[]").assertReply("b");
  }

  private static String first(String spirit, String name, String args) {
    return node.ask(spirit, name, args).text().substring(0, 1);
  }

  // Once

  @Test
  void aKeyIsOneCall() {
    String first = overHttp("calls.count", "[\"key\"]", "Idempotency-Key", "k1").text();
    assertEquals("1", first);
    assertEquals("1", overHttp("Calls.Count", "[\"key\"]", "Idempotency-Key", "k1").text());
    assertEquals("2", overHttp("calls.count", "[\"key\"]", "Idempotency-Key", "k2").text());
    assertEquals(3, client.processes().withKey("k3").callAndWait("calls.count", int.class, "key"));
    assertEquals(3, client.processes().withKey("k3").callAndWait("calls.count", int.class, "key"));
    assertEquals("key:calls.count:k1", CALLS.get("key").get(0).id());
  }

  @Test
  void aProviderOfTheClassPathIsThere() {
    assertEquals("\"from Provided\"", overHttp("provided.here", "").text());
  }

  @Test
  void aFunctionThatAnswersLaterHoldsNoThread() {
    CompletableFuture<String> later = new CompletableFuture<>();
    AtomicInteger begun = new AtomicInteger();
    registry.handle(
        "calls.pending",
        call -> {
          begun.incrementAndGet();
          return later.minimalCompletionStage();
        });
    // Two threads would be its part.
    List<CompletableFuture<Answer>> asked = new ArrayList<>();
    for (int i = 1; i <= 20; i++) {
      int expected = i;
      asked.add(node.sendAsk("caller/pending-" + i, "calls.pending", "[]"));
      await()
          .atMost(Duration.ofMinutes(1))
          .pollInterval(Duration.ofMillis(5))
          .until(() -> begun.get() == expected);
    }
    later.complete("now");
    for (CompletableFuture<Answer> one : asked) {
      assertEquals("a\"now\"", one.join().text());
    }
    registry.remove("calls.pending");
  }
}
