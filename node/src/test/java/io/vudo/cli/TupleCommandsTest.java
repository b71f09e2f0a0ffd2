package io.vudo.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.NodeFixture;
import io.vudo.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code vudo tuple}, against a real node. */
class TupleCommandsTest {
  @RegisterExtension
  static final NodeFixture NODE = new NodeFixture("vudo.tuplespace.max-watchers = 1");

  private static final String ANY = "[{\"?\":\"any\"}]";

  private static CommandRun vudo(String... arguments) {
    return CommandRun.of(Map.of("VUDO_NODE", NODE.uri().toString()), false, "", arguments);
  }

  /** What a command printed that did what was asked. */
  private static List<String> lines(CommandRun run) {
    assertEquals(0, run.exitCode(), run.err());
    return run.out().lines().toList();
  }

  private static String line(CommandRun run) {
    List<String> lines = lines(run);
    assertEquals(1, lines.size(), run.out());
    return lines.get(0);
  }

  @Test
  void tuples() {
    vudo("tuple", "count", "cli", "[{\"?\":\"any\"}]").assertPrinted("0\n");
    assertEquals(1, lines(vudo("tuple", "write", "cli", "[\"a\"]")).size());
    assertEquals(1, lines(vudo("tuple", "write", "cli", "[\"b\"]", "--ttl", "1h")).size());
    vudo("tuple", "count", "cli", "[{\"?\":\"any\"}]").assertPrinted("2\n");
    vudo("tuple", "read", "cli", "[{\"?\":\"any\"}]").assertPrinted("[\"a\"]\n");
    vudo("tuple", "take", "cli", "[\"b\"]").assertPrinted("[\"b\"]\n");
    CommandRun none = vudo("tuple", "take", "cli", "[\"b\"]");
    assertEquals("1 ", none.exitCode() + " " + none.out() + none.err());
    assertEquals(1, vudo("tuple", "take", "cli", "[\"b\"]", "--timeout", "10ms").exitCode());
    var late =
        CompletableFuture.supplyAsync(
            () -> vudo("tuple", "take", "cli", "[\"late\"]", "--timeout", "1min"));
    assertEquals(1, lines(vudo("tuple", "write", "cli", "[\"late\"]")).size());
    late.join().assertPrinted("[\"late\"]\n");
    vudo("tuple", "read", "cli", "[1]", "--timeout", "1d").assertFailed("REQUEST_INVALID");
    vudo("tuple", "write", "cli", "{}").assertFailed("TUPLE_INVALID");
    vudo("tuple", "read", "1st", "[1]").assertFailed("SPACE_NAME_INVALID");
    assertEquals(
        "{\"count\":1}\n",
        vudo("tuple", "count", "cli", "[{\"?\":\"any\"}]", "--format", "json").out());
  }

  @Test
  void manyTuples() {
    List<String> leases = lines(vudo("tuple", "write", "many", "[\"a\"]", "[\"b\"]", "[\"a\"]"));
    assertEquals(3, leases.size(), leases.toString());
    vudo("tuple", "read", "many", "[\"a\"]", "--all").assertPrinted("[\"a\"]\n[\"a\"]\n");
    vudo("tuple", "take", "many", "[\"a\"]", "--all", "--limit", "1").assertPrinted("[\"a\"]\n");
    assertEquals(
        2,
        vudo("tuple", "take", "many", ANY, "--all", "--format", "json")
            .json()
            .path("tuples")
            .size());
    CommandRun none = vudo("tuple", "take", "many", ANY, "--all", "--format", "json");
    assertEquals("1 {\"tuples\":[]}\n", none.exitCode() + " " + none.out() + none.err());
    vudo("tuple", "read", "many", ANY, "--all", "--limit", "0").assertFailed("BATCH_TOO_LARGE");
    vudo("tuple", "write", "many", "[1]", "{}").assertFailed("TUPLE_INVALID");
    vudo("tuple", "count", "many", ANY).assertPrinted("0\n");
    JsonNode written = vudo("tuple", "write", "many", "[1]", "[2]", "--format", "json").json();
    assertEquals(2, written.path("written").asInt(), written.toString());
    assertEquals(2, written.path("leases").findValues("lease").size(), written.toString());
  }

  @Test
  void swapsAndLeases() {
    assertEquals(1, vudo("tuple", "swap", "swaps", "[\"n\",1]", "[\"n\",2]").exitCode());
    String lease = line(vudo("tuple", "write", "swaps", "[\"n\",1]", "--ttl", "1h"));
    Instant end = Instant.parse(line(vudo("tuple", "renew", "swaps", lease, "--ttl", "2h")));
    assertTrue(end.isAfter(Instant.now().plusSeconds(3600)), end.toString());
    vudo("tuple", "renew", "swaps", lease).assertPrinted("never\n");
    assertTrue(
        vudo("tuple", "renew", "swaps", lease, "--format", "json")
            .json()
            .path("endsAtMillis")
            .isNull());
    vudo("tuple", "swap", "swaps", "[\"n\",1]", "[\"n\",2]").assertPrinted("[\"n\",1]\n");
    vudo("tuple", "renew", "swaps", lease).assertFailed("LEASE_UNKNOWN");
    String other = line(vudo("tuple", "write", "swaps", "[\"m\"]"));
    vudo("tuple", "cancel-lease", "swaps", other).assertPrinted("");
    vudo("tuple", "cancel-lease", "swaps", other).assertFailed("LEASE_UNKNOWN");
    String third = line(vudo("tuple", "write", "swaps", "[\"m\"]"));
    vudo("tuple", "cancel-lease", "swaps", third, "--format", "json")
        .assertPrinted("{\"cancelled\":true}\n");
    vudo("tuple", "count", "swaps", ANY).assertPrinted("0\n");
  }

  @Test
  void transactions() {
    String id = line(vudo("tuple", "begin", "tx"));
    assertEquals(1, lines(vudo("tuple", "write", "tx", "[1]", "--transaction", id)).size());
    vudo("tuple", "count", "tx", ANY).assertPrinted("0\n");
    vudo("tuple", "read", "tx", "[1]", "--transaction", id).assertPrinted("[1]\n");
    vudo("tuple", "commit", "tx", id).assertPrinted("");
    vudo("tuple", "count", "tx", ANY).assertPrinted("1\n");
    String undone = line(vudo("tuple", "begin", "tx", "--timeout", "10min"));
    vudo("tuple", "take", "tx", ANY, "--all", "--transaction", undone).assertPrinted("[1]\n");
    vudo("tuple", "abort", "tx", undone, "--format", "json").assertPrinted("{\"aborted\":true}\n");
    vudo("tuple", "count", "tx", ANY).assertPrinted("1\n");
    vudo("tuple", "commit", "tx", undone).assertFailed("TRANSACTION_ABORTED");
    vudo("tuple", "take", "tx", ANY, "--transaction", "no").assertFailed("TRANSACTION_UNKNOWN");
    vudo("tuple", "begin", "tx", "--timeout", "1d").assertFailed("REQUEST_INVALID");
    assertTrue(vudo("tuple", "begin", "tx", "--format", "json").json().has("transaction"));
  }

  @Test
  void barriers() {
    CommandRun alone = vudo("tuple", "barrier", "meet", "b", "2", "--timeout", "10ms");
    assertEquals("1 ", alone.exitCode() + " " + alone.out() + alone.err());
    var first =
        CompletableFuture.supplyAsync(
            () -> vudo("tuple", "barrier", "meet", "b", "2", "--timeout", "1min", "--party", "a"));
    CommandRun second =
        vudo("tuple", "barrier", "meet", "b", "2", "--timeout", "1min", "--format", "json");
    int places = Integer.parseInt(line(first.join())) + second.json().path("place").asInt();
    assertEquals(1, places, "one came first and one second");
    vudo("tuple", "barrier", "meet", "b", "0").assertFailed("BARRIER_INVALID");
  }

  @Test
  void watches() {
    var watching =
        CompletableFuture.supplyAsync(
            () -> vudo("tuple", "watch", "seen", ANY, "--count", "2", "--format", "json"));
    // The watch has begun when there is no room for another one.
    await()
        .atMost(Duration.ofMinutes(1))
        .ignoreExceptions()
        .untilAsserted(
            () ->
                NODE.post("/v1/spaces/seen/watch", "{\"template\":" + ANY + "}")
                    .assertProblem(ErrorCode.WATCHERS_FULL));
    vudo("tuple", "watch", "seen", ANY).assertFailed("WATCHERS_FULL");
    assertEquals(1, lines(vudo("tuple", "write", "seen", "[7]")).size());
    vudo("tuple", "take", "seen", "[7]").assertPrinted("[7]\n");
    watching
        .join()
        .assertPrinted(
            "{\"change\":\"added\",\"tuple\":[7]}\n{\"change\":\"removed\",\"tuple\":[7]}\n");
    vudo("tuple", "watch", "seen", "7").assertFailed("TEMPLATE_INVALID");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "read a [1] --limit 3",
        "read a [1] --all --timeout 1s",
        "write a",
        "swap a [1]",
        "renew a",
        "barrier a b two",
        "watch a [1] --count 0",
      })
  void wrongUsage(String line) {
    vudo(("tuple " + line).split(" ")).assertWrongUsage();
  }
}
