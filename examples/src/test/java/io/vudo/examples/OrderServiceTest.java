package io.vudo.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.cli.internal.Terminal;
import io.vudo.cli.internal.Vudo;
import io.vudo.node.internal.Json;
import io.vudo.protocol.ErrorCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * The order service as its README runs it; and, after node and service were killed under load, an
 * account of all money and all pieces.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OrderServiceTest {
  private static final Path README = Guests.file("order-service/README.md");

  /** Longer than the test may take, so that it tells what was limited, and when not. */
  private static final String[] WINDOW = {"--window", "3600000"};

  @TempDir private static Path directory;

  private static TestNode node;

  @BeforeAll
  static void start() throws IOException {
    node = TestNode.startAt(freePort(), directory, "vudo.tuplespace.hold-age = 1 s");
    List<String> deployments =
        readme().stream().map(Command::line).filter(line -> line.contains(" deploy ")).toList();
    assertEquals(5, deployments.size());
    deployments.forEach(OrderServiceTest::vudo);
  }

  @AfterAll
  static void end() {
    if (node != null) {
      node.close();
    }
  }

  /** Not of those that connections get, one of which might have it while the node is dead. */
  private static int freePort() {
    return new Random()
        .ints(10_000, 32_000)
        .filter(
            port -> {
              try (ServerSocket free =
                  new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return free.isBound();
              } catch (IOException e) {
                return false;
              }
            })
        .findFirst()
        .orElseThrow();
  }

  private static OrderServiceProcess service(int limit) {
    try {
      return OrderServiceProcess.start(arguments("--limit", Integer.toString(limit)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String[] arguments(String... more) {
    return Stream.of(new String[] {"--node", node.http().toString(), "--port", "0"}, WINDOW, more)
        .flatMap(Stream::of)
        .toArray(String[]::new);
  }

  // The README

  /**
   * A command of the README.
   *
   * @param expected what it prints; empty when it does not say
   */
  private record Command(String line, String expected) {}

  private static List<Command> readme() throws IOException {
    List<Command> commands = new ArrayList<>();
    Matcher block =
        Pattern.compile("^```sh\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
            .matcher(Files.readString(README, UTF_8));
    while (block.find()) {
      for (String line : block.group(1).replaceAll("\\\\\n *", "").split("\n", -1)) {
        if (line.isEmpty()) {
          continue;
        }
        if (line.startsWith("# ")) {
          Command command = commands.remove(commands.size() - 1);
          commands.add(new Command(command.line(), line.substring(2)));
        } else {
          commands.add(new Command(line, ""));
        }
      }
    }
    return commands;
  }

  private static List<String> words(String line) {
    return Pattern.compile("'([^']*)'|(\\S+)")
        .matcher(line)
        .results()
        .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
        .toList();
  }

  /** Runs a {@code vudo} command at the node, in this process. */
  private static void vudo(String line) {
    String[] arguments =
        words(line).stream()
            .skip(1)
            .map(word -> word.startsWith("examples/") ? projectFile(word).toString() : word)
            .toArray(String[]::new);
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(said, false, UTF_8);
    Map<String, String> environment = Map.of("VUDO_NODE", node.http().toString());
    Terminal terminal =
        new Terminal(InputStream.nullInputStream(), out, out, environment, false, false);
    assertEquals(0, new Vudo(terminal).execute(arguments), () -> line + ": " + said);
  }

  private static Path projectFile(String path) {
    return Guests.file("..").resolve(path).normalize();
  }

  /** The first, because the shop has not earned anything yet there. */
  @Test
  @Order(1)
  void theCommandsOfTheReadmeSayWhatItSays() throws Exception {
    List<String> start = new ArrayList<>();
    List<Command> calls = new ArrayList<>();
    for (Command command : readme()) {
      if (command.line().startsWith("java ")) {
        start.addAll(words(command.line()));
      } else if (command.line().startsWith("curl ")) {
        calls.add(command);
      }
    }
    assertTrue(calls.size() > 10, calls::toString);
    assertEquals(List.of("java", "-cp", "node/target/lib/*"), start.subList(0, 3));
    assertEquals("&", start.get(start.size() - 1));
    String[] options = start.subList(4, start.size() - 1).toArray(String[]::new);
    try (OrderServiceProcess service =
        OrderServiceProcess.startSource(projectFile(start.get(3)), arguments(options))) {
      for (Command call : calls) {
        if (call.line().contains(" -d ")) {
          assertEquals(call.expected(), curl(service.http(), call.line()), call.line());
        } else {
          // What an order has decided, the others are told a moment after its answer.
          await()
              .atMost(TestNode.PATIENCE)
              .pollDelay(Duration.ZERO)
              .until(() -> curl(service.http(), call.line()), call.expected()::equals);
        }
      }
    }
  }

  private static String curl(URI service, String line) throws IOException, InterruptedException {
    List<String> words = words(line);
    URI address = URI.create(words.get(words.size() - 1));
    assertEquals(8080, address.getPort());
    HttpRequest.Builder request = HttpRequest.newBuilder(service.resolve(address.getPath()));
    for (int i = 1; i + 1 < words.size(); i += 2) {
      switch (words.get(i)) {
        case "-d" -> request.POST(BodyPublishers.ofString(words.get(i + 1)));
        case "-H" -> request.headers(words.get(i + 1).split(": ", 2));
        default -> throw new AssertionError(line);
      }
    }
    return HTTP.send(request.build(), BodyHandlers.ofString()).body();
  }

  // The Spirits

  @Test
  void anOrderComesToItsEndAlthoughNobodyAsks() {
    long before = earned();
    node.ask("stock/rope", "deliver", "{\"pieces\":5,\"price\":100}");
    node.ask("cart/lone", "add", "{\"article\":\"rope\",\"pieces\":2}");
    node.ask("account/lone", "deposit", "{\"cents\":1000}");
    assertEquals("OPEN", read(node.ask("order/lone-1", "place", "lone")).path("state").asText());
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () ->
                node.ask("stock/rope", "level", "")
                    .equals("{\"price\":100,\"free\":3,\"reserved\":0,\"sold\":2}"));
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () -> node.ask("account/lone", "balance", "").equals("{\"cents\":800,\"reserved\":0}"));
    assertEquals("[]", node.ask("cart/lone", "lines", ""));
    await().atMost(TestNode.PATIENCE).until(() -> earned() == before + 200);
  }

  private static long earned() {
    return read(node.ask("account/shop", "balance", "")).path("cents").asLong();
  }

  /** Whoever said yes before somebody said no has everything back, and nothing is set aside. */
  @Test
  void aRefusedOrderGivesEverythingBack() {
    node.ask("stock/tea", "deliver", "{\"pieces\":5,\"price\":100}");
    node.ask("cart/thirsty", "add", "{\"article\":\"tea\",\"pieces\":5}");
    node.ask("cart/thirsty", "add", "{\"article\":\"never \\u0022heard\\u0022 of\",\"pieces\":1}");
    node.ask("account/thirsty", "deposit", "{\"cents\":1000}");
    assertEquals(
        "stock/never \"heard\" of cannot be asked: -3",
        refused("thirsty-1", "thirsty").path("reason").asText());
    await()
        .atMost(TestNode.PATIENCE)
        .until(
            () ->
                node.ask("stock/tea", "level", "")
                        .equals("{\"price\":100,\"free\":5,\"reserved\":0,\"sold\":0}")
                    && read(node.ask("cart/thirsty", "lines", "")).size() == 2);
    node.ask("cart/hungry", "add", "{\"article\":\"tea\",\"pieces\":6}");
    assertEquals("stock/tea: only 5 left", refused("hungry-1", "hungry").path("reason").asText());
    node.ask("cart/poor", "add", "{\"article\":\"tea\",\"pieces\":5}");
    assertEquals(
        "account/poor: not enough money", refused("poor-1", "poor").path("reason").asText());
    assertEquals("cart/nobody: it is empty", refused("nobody-1", "nobody").path("reason").asText());
    assertEquals(5, settled("stock/tea", "level").path("free").asLong());
    assertEquals("{\"cents\":1000,\"reserved\":0}", node.ask("account/thirsty", "balance", ""));
  }

  private static JsonNode refused(String order, String customer) {
    node.ask("order/" + order, "place", customer);
    JsonNode outcome = read(node.ask("order/" + order, "outcome", ""));
    assertEquals("REFUSED", outcome.path("state").asText(), outcome::toString);
    return outcome;
  }

  @Test
  void whatIsWrongIsRefused() {
    for (String payload :
        List.of(
            "",
            "{",
            "[]",
            "{}",
            "{\"cents\":0}",
            "{\"cents\":1.5}",
            "{\"cents\":\"1\"}",
            "{\"cents\":1} x",
            "{\"cents\":1e3}",
            "{\"cents\":9999999999999999999}",
            "{\"cents\":null}",
            "{\"a\":[[[[[[[[[[1]]]]]]]]]],\"cents\":1}")) {
      String said =
          node.fails(ErrorCode.APPLICATION_ERROR, "account/wrong", "deposit", payload).detail();
      assertTrue(said.contains("400: "), () -> payload + ": " + said);
    }
    assertEquals("{\"cents\":0,\"reserved\":0}", node.ask("account/wrong", "balance", ""));
    for (String spirit : List.of("cart/wrong", "stock/wrong", "account/wrong")) {
      for (String type : List.of("reserve", "confirm", "cancel")) {
        assertEquals(
            "Code 403: only an order may do that",
            node.fails(ErrorCode.APPLICATION_ERROR, spirit, type, "{}").detail());
      }
    }
    node.ask("order/wrong-1", "place", "wrong");
    assertEquals(
        "Code 409: it is another customer's order",
        node.fails(ErrorCode.APPLICATION_ERROR, "order/wrong-1", "place", "somebody").detail());
  }

  // The service under load, and kills

  private static final int CUSTOMERS = 6;
  private static final int ORDERS = 12;
  private static final int LIMIT = 26;
  private static final int TOO_MANY_ORDERS = LIMIT + 8;
  private static final List<String> ARTICLES = List.of("bolts", "nuts", "gold");
  private static final Duration ATTEMPT = Duration.ofSeconds(40);

  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private volatile OrderServiceProcess running;

  /** What was put into it, each thing once however often it was sent. */
  private final Map<String, LongAdder> deposited = new ConcurrentHashMap<>();

  private final Map<String, LongAdder> delivered = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> added = new ConcurrentHashMap<>();

  /** The orders that were sent, and what the service said of them; missing when it did not. */
  private final Map<String, JsonNode> sent = new ConcurrentHashMap<>();

  private final AtomicInteger answered = new AtomicInteger();

  @Test
  void allMoneyAndAllPiecesAreAccountedFor() throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("OrderServiceTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    long before = earned();
    running = service(LIMIT);
    for (String article : ARTICLES) {
      deliver(article, article.equals("gold") ? 5 : 500, "first");
    }
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      List<Future<?>> customers = new ArrayList<>();
      for (int i = 0; i < CUSTOMERS; i++) {
        String customer = "customer-" + i;
        Random choices = new Random(random.nextLong());
        customers.add(threads.submit(() -> shop(customer, choices, ORDERS, true)));
      }
      Random choices = new Random(random.nextLong());
      customers.add(threads.submit(() -> shop("greedy", choices, TOO_MANY_ORDERS, false)));
      for (String killed : List.of("node", "service", "both", "node")) {
        int next = answered.get() + 5 + random.nextInt(6);
        await()
            .atMost(TestNode.PATIENCE)
            .pollInterval(Duration.ofMillis(1))
            .until(() -> answered.get() >= next || customers.stream().allMatch(Future::isDone));
        for (Future<?> customer : customers) {
          if (customer.isDone()) {
            customer.get();
          }
        }
        assertTrue(answered.get() >= next, "too late for another kill");
        if (!killed.equals("node")) {
          running.kill();
        }
        if (!killed.equals("service")) {
          node.killAndRestart();
        }
        if (!killed.equals("node")) {
          running = service(LIMIT);
        }
      }
      for (Future<?> customer : customers) {
        customer.get(TestNode.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      }
    } finally {
      threads.shutdownNow();
      running.kill();
    }
    account(before);
  }

  private void shop(String customer, Random random, int orders, boolean abandons) {
    deposit(customer, 100 * random.nextInt(1, 10), "first");
    for (int i = 0; i < orders; i++) {
      int lines = random.nextInt(1, 3);
      for (int line = 0; line < lines; line++) {
        String article = ARTICLES.get(random.nextInt(ARTICLES.size()));
        add(customer, article, random.nextInt(1, 4), i + "." + line);
      }
      String id = customer + "-" + i;
      if (abandons && random.nextInt(6) == 0) {
        abandon(customer, id);
        continue;
      }
      JsonNode outcome = order(customer, id);
      String reason = outcome.path("reason").asText();
      if (reason.startsWith("account/")) {
        deposit(customer, 100 * random.nextInt(10, 50), id);
      } else if (reason.startsWith("stock/")) {
        deliver(reason.substring(6, reason.indexOf(':')), random.nextInt(5, 15), id);
      }
    }
  }

  private void deposit(String customer, int cents, String key) {
    deposited.computeIfAbsent(customer, name -> new LongAdder()).add(cents);
    change("/customers/" + customer + "/deposits", "{\"cents\":" + cents + "}", key);
  }

  private void deliver(String article, int pieces, String key) {
    delivered.computeIfAbsent(article, name -> new LongAdder()).add(pieces);
    int price = 100 + 10 * ARTICLES.indexOf(article);
    change(
        "/articles/" + article + "/deliveries",
        "{\"pieces\":" + pieces + ",\"price\":" + price + "}",
        key);
  }

  private void add(String customer, String article, int pieces, String key) {
    added.computeIfAbsent(article, name -> new LongAdder()).add(pieces);
    change(
        "/customers/" + customer + "/cart",
        "{\"article\":\"" + article + "\",\"pieces\":" + pieces + "}",
        key);
  }

  private void change(String path, String body, String key) {
    HttpResponse<String> answer = untilAnswered(path, body, key);
    assertEquals(200, answer.statusCode(), answer::body);
  }

  private static String newOrder(String id, String customer) {
    return "{\"id\":\"" + id + "\",\"customer\":\"" + customer + "\"}";
  }

  /** Sends an order and does not wait for anything. */
  private void abandon(String customer, String id) {
    sent.put(id, Json.MAPPER.missingNode());
    var unused =
        HTTP.sendAsync(post("/orders", newOrder(id, customer), id), BodyHandlers.ofString());
  }

  /** Orders until the service says what became of it, and answers that. */
  private JsonNode order(String customer, String id) {
    sent.put(id, Json.MAPPER.missingNode());
    HttpResponse<String> answer = untilAnswered("/orders", newOrder(id, customer), id);
    if (answer.statusCode() == 429) {
      // An attempt before may have placed it.
      answer = untilAnswered("/orders/" + id, "", id);
    }
    assertTrue(List.of(200, 201, 404, 409).contains(answer.statusCode()), answer::body);
    JsonNode outcome = read(answer.body());
    sent.put(id, outcome);
    answered.incrementAndGet();
    return outcome;
  }

  /** Asks the service that runs, until it knows what it says. */
  private HttpResponse<String> untilAnswered(String path, String body, String key) {
    return await()
        .atMost(TestNode.PATIENCE)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(20))
        .pollInSameThread()
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(
            () -> HTTP.send(post(path, body, key), BodyHandlers.ofString()),
            answer -> answer.statusCode() != 202 && answer.statusCode() < 503);
  }

  private HttpRequest post(String path, String body, String key) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(running.http().resolve(path))
            .header("Idempotency-Key", key)
            .timeout(ATTEMPT);
    return (body.isEmpty() ? request.GET() : request.POST(BodyPublishers.ofString(body))).build();
  }

  private static JsonNode read(String json) {
    return Json.read(json.getBytes(UTF_8));
  }

  // The account

  /**
   * Asks the Spirits themselves and compares with what was sent and what the service said.
   *
   * @param before what the shop had earned, in cents
   */
  private void account(long before) {
    Map<String, JsonNode> orders = new TreeMap<>();
    sent.keySet().forEach(id -> orders.put(id, read(node.ask("order/" + id, "outcome", ""))));
    int limited = 0;
    for (Map.Entry<String, JsonNode> order : orders.entrySet()) {
      JsonNode said = sent.get(order.getKey());
      String state = order.getValue().path("state").asText();
      if (said.path("code").asText().equals("NO_SUCH_ORDER")) {
        limited++;
        assertEquals("UNKNOWN", state, order::toString);
      } else if (!said.isMissingNode()) {
        assertEquals(said, order.getValue(), "what was acknowledged");
      }
      assertTrue(!state.equals("OPEN"), order::toString);
    }

    Map<String, Long> spentBy = new HashMap<>();
    Map<String, Long> bought = new HashMap<>();
    Map<String, Long> placed = new HashMap<>();
    for (JsonNode order : orders.values()) {
      String customer = order.path("customer").asText();
      spentBy.merge(customer, order.path("cents").asLong(), Long::sum);
      placed.merge(customer, 1L, Long::sum);
      long cents = 0;
      for (JsonNode line : order.path("lines")) {
        bought.merge(line.path("article").asText(), line.path("pieces").asLong(), Long::sum);
        cents += line.path("cents").asLong();
      }
      assertEquals(cents, order.path("cents").asLong(), order::toString);
    }

    Map<String, Long> inCarts = new HashMap<>();
    List<String> customers =
        Stream.concat(
                IntStream.range(0, CUSTOMERS).mapToObj(i -> "customer-" + i), Stream.of("greedy"))
            .toList();
    for (String customer : customers) {
      JsonNode balance = settled("account/" + customer, "balance");
      assertTrue(balance.path("cents").asLong() >= 0, balance::toString);
      assertEquals(
          deposited.get(customer).sum() - spentBy.getOrDefault(customer, 0L),
          balance.path("cents").asLong(),
          "what is left to " + customer);
    }
    // What was cancelled comes back to carts and stocks with a message of its own.
    for (String article : ARTICLES) {
      JsonNode level = settled("stock/" + article, "level");
      assertEquals(bought.getOrDefault(article, 0L), level.path("sold").asLong(), article);
      assertEquals(
          delivered.get(article).sum(),
          level.path("free").asLong() + level.path("sold").asLong(),
          "all " + article);
    }
    await()
        .atMost(TestNode.PATIENCE)
        .untilAsserted(
            () -> {
              inCarts.clear();
              for (String customer : customers) {
                for (JsonNode line : read(node.ask("cart/" + customer, "lines", ""))) {
                  inCarts.merge(
                      line.path("article").asText(), line.path("pieces").asLong(), Long::sum);
                }
              }
              for (String article : ARTICLES) {
                assertEquals(
                    added.get(article).sum(),
                    bought.getOrDefault(article, 0L) + inCarts.getOrDefault(article, 0L),
                    "all " + article + " that was ever in a cart");
              }
            });
    long spent = spentBy.values().stream().mapToLong(cents -> cents).sum();
    await()
        .atMost(TestNode.PATIENCE)
        .untilAsserted(() -> assertEquals(spent, earned() - before, "what the shop has earned"));

    // The load was one that shows something.
    assertTrue(limited >= TOO_MANY_ORDERS - LIMIT, "refused by the limit: " + limited);
    assertTrue(placed.get("greedy") <= LIMIT, () -> "placed: " + placed);
    for (String reason : List.of("", "account/", "stock/gold")) {
      assertTrue(
          orders.values().stream()
              .anyMatch(
                  order ->
                      reason.isEmpty()
                          ? order.path("state").asText().equals("CONFIRMED")
                          : order.path("reason").asText().startsWith(reason)),
          () -> "no order has ended so: " + reason + "; " + orders);
    }
  }

  /** What a Spirit says when nothing is set aside any more, for which nobody has to do anything. */
  private static JsonNode settled(String spirit, String type) {
    return await()
        .atMost(TestNode.PATIENCE)
        .until(
            () -> read(node.ask(spirit, type, "")),
            answer -> answer.path("reserved").asLong() == 0);
  }
}
