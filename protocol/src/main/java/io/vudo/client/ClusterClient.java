package io.vudo.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.client.internal.Fields;
import io.vudo.client.internal.Requests;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * The nodes of a cluster, and where its Spirits are. Any node answers for all of them; a node is
 * called {@code HOST:PORT}, by its cluster port.
 *
 * <p>Each operation goes to one node after the other until one answers, as all of them can be done
 * twice. A stage fails with a {@link VudoException}, and the methods that wait throw it:
 *
 * <ul>
 *   <li>{@code NODE_UNKNOWN}: there is no such node, or it takes no Spirits;
 *   <li>{@code SPIRIT_NOT_FOUND}, {@code SPIRIT_TYPE_UNKNOWN}: there is no such Spirit;
 *   <li>{@code RELOCATION_FAILED}: the Spirit goes on where it was;
 *   <li>{@code ASK_TIMEOUT}: the time is over; it may still move, or be drained;
 *   <li>{@code FORBIDDEN}: the caller has not the role {@code operate} ({@code read} for {@link
 *       #status}); {@code NODE_UNREACHABLE}, {@code CALL_CANCELLED}.
 * </ul>
 *
 * <p>Immutable, and safe to use from many threads.
 */
public final class ClusterClient {
  private static final String NODES = "/v1/cluster/nodes/";
  private static final Duration DRAIN_TIME = Duration.ofMinutes(1);

  /** As long as a node lets a request wait by default. */
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

  /**
   * The cluster as one node sees it.
   *
   * @param node the one that answers
   * @param oldest which has the singletons; empty while there is none
   * @param nodes all that have Spirits, or may have them, by name
   */
  public record Status(String node, Optional<String> oldest, List<Node> nodes) {}

  /**
   * A node.
   *
   * @param name {@code HOST:PORT}
   * @param status in the cluster: {@code Joining}, {@code Up}, {@code Leaving}, …
   * @param reachable whether the node that answers can reach it
   * @param incarnation another one each time it starts
   * @param gateway its address for HTTP, as far as it is known
   * @param report what it says of itself; empty when it did not in time
   */
  public record Node(
      String name,
      String status,
      boolean reachable,
      String incarnation,
      Optional<String> gateway,
      Optional<Report> report) {}

  /**
   * What a node says of itself; the last four count from its start.
   *
   * @param draining whether it is kept free of Spirits
   * @param shards of addresses
   * @param spirits in its memory
   * @param moving those that move away now
   * @param movedIn Spirits that came from other nodes
   * @param movedOut Spirits that went to other nodes
   * @param movesFailed those that stayed, as they could not
   * @param bytesOut of the states of those that went
   */
  public record Report(
      boolean draining,
      long shards,
      long spirits,
      long moving,
      long movedIn,
      long movedOut,
      long movesFailed,
      long bytesOut) {}

  /**
   * A node that was drained.
   *
   * @param node its name
   * @param moved how many Spirits moved away
   * @param left how many could not, and are still there; the node's log says why
   */
  public record Drained(String node, long moved, long left) {}

  /**
   * A Spirit that was moved.
   *
   * @param id which
   * @param from the node where it was
   * @param to the node where it is
   * @param moved false when it was there already
   * @param turn the last one that ran before
   * @param pause how long it handled no messages
   * @param bytes of its state that crossed the network
   * @param time when, by its node's clock
   */
  public record Moved(
      SpiritId id,
      String from,
      String to,
      boolean moved,
      long turn,
      Duration pause,
      long bytes,
      Instant time) {}

  private final Requests requests;
  private final Duration wait;

  ClusterClient(Requests requests, Duration deadline) {
    this.requests = requests;
    this.wait = deadline.compareTo(LONGEST_WAIT) < 0 ? deadline : LONGEST_WAIT;
  }

  /** All nodes. */
  public CompletionStage<Status> status() {
    return sendStatus();
  }

  /** As {@link #status}, and waits. */
  public Status statusAndWait() {
    return SpiritClient.await(sendStatus());
  }

  private CompletableFuture<Status> sendStatus() {
    return requests.send(
        Requests.Request.get("/v1/cluster"), answer -> status(answer.orElseThrow()));
  }

  private static Status status(JsonNode answer) {
    Fields fields = new Fields(answer);
    return new Status(
        fields.text("node"),
        fields.optionalText("oldest"),
        fields.list("nodes", ClusterClient::node));
  }

  private static Node node(JsonNode answer) {
    Fields fields = new Fields(answer);
    return new Node(
        fields.text("name"),
        fields.text("status"),
        fields.flag("reachable"),
        fields.text("incarnation"),
        fields.optionalText("http"),
        fields.flag("answers") ? Optional.of(report(fields)) : Optional.empty());
  }

  private static Report report(Fields fields) {
    return new Report(
        fields.flag("draining"),
        fields.number("shards"),
        fields.number("spirits"),
        fields.number("moving"),
        fields.number("movedIn"),
        fields.number("movedOut"),
        fields.number("movesFailed"),
        fields.number("bytesOut"));
  }

  /**
   * Moves all Spirits away from a node, within a minute, and keeps it free of them until it is
   * resumed or starts again.
   *
   * @param node its name
   */
  public CompletionStage<Drained> drain(String node) {
    return drain(node, DRAIN_TIME);
  }

  /** The same within another time, at least 1 ms. */
  public CompletionStage<Drained> drain(String node, Duration within) {
    try {
      return sendDrain(node, within);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** As {@link #drain(String)}, and waits. */
  public Drained drainAndWait(String node) {
    return drainAndWait(node, DRAIN_TIME);
  }

  /** As {@link #drain(String, Duration)}, and waits. */
  public Drained drainAndWait(String node, Duration within) {
    return SpiritClient.await(sendDrain(node, within));
  }

  private CompletableFuture<Drained> sendDrain(String node, Duration within) {
    return operate(
        node,
        "drain",
        within,
        answer -> {
          Fields fields = new Fields(answer.orElseThrow());
          return new Drained(fields.text("node"), fields.number("moved"), fields.number("left"));
        });
  }

  /** Lets a node that was drained take Spirits again. */
  public CompletionStage<Void> resume(String node) {
    return sendResume(node);
  }

  /** As {@link #resume}, and waits. */
  public void resumeAndWait(String node) {
    SpiritClient.await(sendResume(node));
  }

  private CompletableFuture<Void> sendResume(String node) {
    return operate(node, "resume", wait, answer -> null);
  }

  private <T> CompletableFuture<T> operate(
      String node, String operation, Duration within, Function<Optional<JsonNode>, T> answer) {
    Message.checkDeadline(within);
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.put("timeoutMillis", within.toMillis());
    return requests.send(
        Requests.Request.json(
            NODES + encoded(node) + "/" + operation, body.toString(), "", within, true),
        answer);
  }

  private static String encoded(String node) {
    return URLEncoder.encode(node, StandardCharsets.UTF_8);
  }

  /**
   * Moves a Spirit to a node. It stays there for as long as it is in memory, or until that node is
   * drained; messages that come meanwhile are handled there, in order.
   *
   * @param spirit one that lives
   * @param node the name of where to
   */
  public CompletionStage<Moved> migrate(SpiritId spirit, String node) {
    return sendMigrate(spirit, node);
  }

  /** As {@link #migrate}, and waits. */
  public Moved migrateAndWait(SpiritId spirit, String node) {
    return SpiritClient.await(sendMigrate(spirit, node));
  }

  private CompletableFuture<Moved> sendMigrate(SpiritId spirit, String node) {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.put("node", Objects.requireNonNull(node));
    return requests.send(
        Requests.Request.json(
            "/v1/spirits/" + spirit + "/migrate", body.toString(), "", wait, true),
        answer -> moved(new Fields(answer.orElseThrow())));
  }

  private static Moved moved(Fields fields) {
    return new Moved(
        SpiritId.parse(fields.text("id")),
        fields.text("from"),
        fields.text("to"),
        fields.flag("moved"),
        fields.number("turn"),
        Duration.of(fields.number("pauseMicros"), ChronoUnit.MICROS),
        fields.number("bytes"),
        fields.time("time"));
  }
}
