package io.vudo.examples.orders;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.vudo.client.Codec;
import io.vudo.client.IdempotencyKey;
import io.vudo.client.Idempotent;
import io.vudo.client.VudoClient;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Executors;

/**
 * A shop over HTTP. All that it knows is in Spirits: carts, stocks, accounts and orders. It has no
 * state, no database and no transactions, may run as often as one likes, and be killed at any
 * moment.
 *
 * <pre>
 * POST /articles/{article}/deliveries  {"pieces":100,"price":250}        the stock
 * GET  /articles/{article}
 * POST /customers/{customer}/deposits  {"cents":5000}                    the balance
 * GET  /customers/{customer}
 * POST /customers/{customer}/cart      {"article":"screws","pieces":3}   what is in the cart
 * GET  /customers/{customer}/cart
 * POST /orders                         {"id":"o-17","customer":"alice"}  buys what is in the cart
 * GET  /orders/{id}
 * </pre>
 *
 * <p>Whoever gets no answer asks again: an order with the same id, anything else with the same
 * {@code Idempotency-Key}.
 */
public final class OrderService {

  // The Spirits, as Java sees them. A call is a message, and what it returns is durable.

  record Delivery(int pieces, long price) {}

  record Level(long price, long free, long reserved, long sold) {}

  interface Stock {
    Level deliver(@IdempotencyKey String key, Delivery delivery);

    @Idempotent
    Level level();
  }

  record Deposit(long cents) {}

  record Balance(long cents, long reserved) {}

  interface Account {
    Balance deposit(@IdempotencyKey String key, Deposit deposit);

    @Idempotent
    Balance balance();
  }

  record Line(String article, long pieces) {}

  interface Cart {
    List<Line> add(@IdempotencyKey String key, Line line);

    @Idempotent
    List<Line> lines();
  }

  enum State {
    UNKNOWN,
    OPEN,
    CONFIRMED,
    REFUSED
  }

  record Bought(String article, long pieces, long cents) {}

  record Outcome(
      String id, String customer, State state, long cents, List<Bought> lines, String reason) {}

  /** Its id is the Spirit's. To place it again does nothing, so neither call needs a key. */
  interface Order {
    @Idempotent
    Outcome place(String customer);

    @Idempotent
    Outcome outcome();
  }

  record Verdict(boolean allowed, long remaining, long limit) {}

  /** The example examples/tuples/rate-limiter.c. */
  interface RateLimiter {
    Verdict call(String clientLimitAndWindow);
  }

  // What the service does with them

  private static final int MAX_BODY_BYTES = 64 * 1024;

  private final VudoClient client;
  private final int limit;
  private final long windowMillis;

  private OrderService(VudoClient client, int limit, long windowMillis) {
    this.client = client;
    this.limit = limit;
    this.windowMillis = windowMillis;
  }

  private Stock stock(String article) {
    return client.spirit("stock", article).as(Stock.class);
  }

  private Account account(String customer) {
    return client.spirit("account", customer).as(Account.class);
  }

  private Cart cart(String customer) {
    return client.spirit("cart", customer).as(Cart.class);
  }

  private Order order(String id) {
    return client.spirit("order", id).as(Order.class);
  }

  private Verdict mayOrder(String customer) {
    return client
        .spirit("rate-limiter", customer)
        .as(RateLimiter.class)
        .call(customer + " " + limit + " " + windowMillis);
  }

  record NewOrder(String id, String customer) {}

  /**
   * The heart of it, and there is not much: from {@code place} on the order is durable and comes to
   * an end by itself, all or nothing. {@code outcome} waits for that end. Should this process die
   * in between, whoever asks next gets the same outcome.
   */
  private Answer order(NewOrder wanted) {
    if (wanted.id() == null || wanted.customer() == null) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "An order has an id and a customer.");
    }
    if (!mayOrder(wanted.customer()).allowed()) {
      return Answer.problem(
          429,
          "TOO_MANY_ORDERS",
          "More than " + limit + " in the window; " + wanted.id() + " was not placed.");
    }
    Order order = order(wanted.id());
    Outcome placed = order.place(wanted.customer());
    return answer(placed.state() == State.OPEN ? order.outcome() : placed, 201);
  }

  private static Answer answer(Outcome outcome, int confirmed) {
    return switch (outcome.state()) {
      case UNKNOWN ->
          Answer.problem(404, "NO_SUCH_ORDER", "There is no order " + outcome.id() + ".");
      case OPEN -> new Answer(202, outcome);
      case CONFIRMED -> new Answer(confirmed, outcome);
      case REFUSED -> new Answer(409, outcome);
    };
  }

  /**
   * Handles a request.
   *
   * @param route its method and path, with a star for {@code name}
   * @param key its {@code Idempotency-Key}
   */
  private Answer handle(String route, String name, String key, byte[] body) {
    return switch (route) {
      case "POST /articles/*/deliveries" ->
          Answer.ok(stock(name).deliver(key, read(body, Delivery.class)));
      case "GET /articles/*" -> Answer.ok(stock(name).level());
      case "POST /customers/*/deposits" ->
          Answer.ok(account(name).deposit(key, read(body, Deposit.class)));
      case "GET /customers/*" -> Answer.ok(account(name).balance());
      case "POST /customers/*/cart" -> Answer.ok(cart(name).add(key, read(body, Line.class)));
      case "GET /customers/*/cart" -> Answer.ok(cart(name).lines());
      case "POST /orders" -> order(read(body, NewOrder.class));
      case "GET /orders/*" -> answer(order(name).outcome(), 200);
      default -> Answer.problem(404, "NOT_FOUND", "There is no " + route + ".");
    };
  }

  // HTTP

  record Problem(String code, String detail) {}

  record Answer(int status, Object body) {
    static Answer ok(Object body) {
      return new Answer(200, body);
    }

    static Answer problem(int status, String code, String detail) {
      return new Answer(status, new Problem(code, detail));
    }
  }

  private static <T> T read(byte[] body, Class<T> type) {
    try {
      return Objects.requireNonNull(Codec.JSON.decode(body, type), "nothing");
    } catch (VudoException | NullPointerException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "The body: " + e.getMessage(), e);
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String[] path = exchange.getRequestURI().getPath().split("/", 5);
      String name = path.length > 2 ? path[2] : "";
      if (path.length > 2) {
        path[2] = "*";
      }
      String route = exchange.getRequestMethod() + " " + String.join("/", path);
      String key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
      byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES);
      Answer answer;
      try {
        answer = handle(route, name, key == null ? UUID.randomUUID().toString() : key, body);
      } catch (VudoException e) {
        // The catalogue has a status for each code: 4xx for who sent something wrong, and 503 or
        // 504, for who should ask again, when the nodes did not answer in time.
        answer = Answer.problem(e.code().httpStatus(), e.code().name(), e.detail());
      }
      byte[] json = Codec.JSON.encode(answer.body());
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      if (answer.status() == 429 || answer.status() >= 503) {
        exchange.getResponseHeaders().set("Retry-After", "1");
      }
      exchange.sendResponseHeaders(answer.status(), json.length);
      exchange.getResponseBody().write(json);
    }
  }

  /**
   * Starts it.
   *
   * @param arguments {@code --node URL} of the node, {@code --port N} of this service (0 for any
   *     free one), {@code --limit N} orders of a customer in {@code --window MILLIS}
   */
  public static void main(String[] arguments) throws IOException {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      options.put(arguments[i], arguments[i + 1]);
    }
    VudoClient client =
        VudoClient.builder()
            .node(options.getOrDefault("--node", "http://127.0.0.1:7070"))
            .deadline(Duration.ofSeconds(20))
            .build();
    OrderService service =
        new OrderService(
            client,
            Integer.parseInt(options.getOrDefault("--limit", "100")),
            Long.parseLong(options.getOrDefault("--window", "60000")));
    int port = Integer.parseInt(options.getOrDefault("--port", "8080"));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/", service::handle);
    server.setExecutor(Executors.newFixedThreadPool(64));
    server.start();
    System.out.println("Order service ready: http://127.0.0.1:" + server.getAddress().getPort());
  }
}
