package io.vudo.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.embedded.Loa;
import io.vudo.node.NodeFixture;
import io.vudo.node.TestModules;
import io.vudo.protocol.ProcessException;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The commands that talk to a node, against a real one. */
class NodeCommandsTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  @TempDir static Path directory;

  private static CommandRun vudo(String... arguments) {
    return vudoWithInput("", arguments);
  }

  private static CommandRun vudoWithInput(String input, String... arguments) {
    return CommandRun.of(Map.of("VUDO_NODE", NODE.uri().toString()), false, input, arguments);
  }

  @BeforeAll
  static void deploy() {
    for (String example : List.of("hello", "counter")) {
      CommandRun run =
          vudo("deploy", TestModules.exampleSource(example).toString(), "--name", example);
      assertEquals(0, run.exitCode(), run.err());
    }
    NODE.deploy("echo", TestModules.echo());
    NODE.deploy("silent", TestModules.silent());
  }

  @Test
  void deploysModulesAndTexts() throws IOException {
    Path module = Files.write(directory.resolve("clock.wasm"), TestModules.clock());
    List<String> command = new ArrayList<>(List.of("deploy", module.toString(), "--name", "clock"));
    command.addAll(List.of("--grant", "sensor_time", "--grant", "tuplespace_read:a"));
    command.addAll(List.of("--fuel", "777", "--memory", "1MiB", "--call-depth", "9"));
    command.addAll(List.of("--turn-timeout", "5s", "--mailbox", "3", "--payload", "2KiB"));
    command.addAll(List.of("--durability", "off"));
    CommandRun first = vudo(command.toArray(String[]::new));
    assertEquals(0, first.exitCode(), first.err());
    assertTrue(first.out().matches("clock revision \\d+ sha256:[0-9a-f]{64}\n"), first.out());
    CommandRun second = vudo(command.toArray(String[]::new));
    assertTrue(second.out().endsWith(" (unchanged)\n"), second.out());

    JsonNode deployed = NODE.get("/v1/deployments/clock").json();
    assertEquals(
        "[\"sensor_time\",\"tuplespace_read:a\"]", deployed.path("capabilities").toString());
    assertEquals(
        "{\"fuelPerTurn\":777,\"maxMemoryBytes\":1048576,\"maxTableEntries\":100000,"
            + "\"maxCallDepth\":9,\"turnTimeoutMillis\":5000,\"maxMailbox\":3,"
            + "\"maxPayloadBytes\":2048}",
        deployed.path("limits").toString());
    assertEquals(false, deployed.path("durable").asBoolean(true));
    vudo("ask", "clock/a").assertPrinted("time\n");
  }

  @Test
  void whatTheNodeRefusesIsTold() throws IOException {
    Path bad = Files.writeString(directory.resolve("bad.wasm"), "#!/bin/sh");
    vudo("deploy", bad.toString(), "--name", "bad").assertFailed("MODULE_BAD_MAGIC");
    vudo("deploy", bad.toString(), "--name", "1st").assertFailed("SPIRIT_TYPE_INVALID");
    vudo("deploy", "no-such.wasm", "--name", "a").assertFailed("REQUEST_INVALID");
    vudo("ask", "nobody/a").assertFailed("SPIRIT_TYPE_UNKNOWN");
    vudo("ask", "hello").assertFailed("SPIRIT_ID_INVALID");
    assertTrue(
        vudo("ask", "counter/a", "--type", "burn")
            .assertFailed("APPLICATION_ERROR")
            .contains("unknown message type"));
    JsonNode error = CommandRun.json(vudo("ask", "nobody/a", "--format", "json").err());
    assertEquals("SPIRIT_TYPE_UNKNOWN", error.path("code").asText());
  }

  @Test
  void askPrintsTheReply() {
    vudo("ask", "counter/asked", "4", "--type", "add").assertPrinted("4\n");
    vudo("ask", "counter/asked", "-3", "--type", "add").assertPrinted("1\n");
    vudo("ask", "silent/a").assertPrinted("");
    vudoWithInput("from a pipe\n", "ask", "echo/a", "--file", "-").assertPrinted("from a pipe\n");
    CommandRun json = vudo("ask", "echo/a", "text", "--format", "json");
    assertEquals("{\"reply\":\"text\",\"replyBase64\":\"dGV4dA==\"}\n", json.out());
  }

  @Test
  void bytesThatAreNoTextArePrintedAsTheyAre() throws IOException {
    Path payload = Files.write(directory.resolve("payload"), new byte[] {0, 1, 2});
    assertEquals("\0\1\2", vudo("ask", "echo/a", "--file", payload.toString()).out());
  }

  @Test
  void aKeyMakesARepetitionHarmless() {
    vudo("ask", "hello/key", "--idempotency-key", "k").assertPrinted("1\n");
    vudo("ask", "hello/key", "--idempotency-key", "k").assertPrinted("1\n");
    vudo("ask", "hello/key").assertPrinted("2\n");
  }

  @Test
  void ghostsAreRunAndShown() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("two.toml"),
            """
            name = "two"
            inputs = [{ name = "n", type = "int" }]
            steps = [
              { name = "first", member = "a", function = "add" },
              { name = "second", member = "b", function = "add" },
            ]
            """);
    List<String> command = new ArrayList<>(List.of("ghost", "run", file.toString()));
    command.addAll(List.of("--member", "a=counter/ghost-a", "--member", "b=counter/ghost-b"));
    command.addAll(List.of("--input", "n=3", "--key", "cli-1"));
    vudo(command.toArray(String[]::new)).assertPrinted("3\n");
    // Under the same key it is the same run.
    vudo(command.toArray(String[]::new)).assertPrinted("3\n");
    vudo("ask", "counter/ghost-b", "--type", "get").assertPrinted("3\n");
    vudo("ghost", "show", "cli-1")
        .assertPrinted(
            """
            cli-1  two  DONE
            STEP    SPIRIT           FUNCTION  STATE  RESULT
            first   counter/ghost-a  add       DONE   3
            second  counter/ghost-b  add       DONE   3
            """);
    command.set(command.indexOf("n=3"), "n=4");
    vudo(command.toArray(String[]::new)).assertFailed("GHOST_RUN_MISMATCH");
    command.set(command.indexOf("n=4"), "n=four");
    vudo(command.toArray(String[]::new)).assertFailed("ARGUMENT_INVALID");
    command.set(command.indexOf("n=four"), "n=1");
    command.set(command.indexOf("b=counter/ghost-b"), "b=nobody/b");
    command.set(command.indexOf("cli-1"), "cli-2");
    assertTrue(
        vudo(command.toArray(String[]::new))
            .assertFailed("SPIRIT_TYPE_UNKNOWN")
            .contains("step second (b.add)"));
    vudo("ghost", "show", "cli-3").assertFailed("GHOST_RUN_NOT_FOUND");
  }

  @Test
  void whatHasANameIsListedAndCalled() {
    AtomicInteger sold = new AtomicInteger();
    NODE.node()
        .processes()
        .register(
            Loa.named("sums", "2.0.0")
                .function("add", Integer.class, Integer.class, Integer.class, Integer::sum)
                .build())
        .group(
            "stock",
            call -> {
              if (call.item().isEmpty()) {
                throw new ProcessException(404, "nothing of that name");
              }
              return List.of(call.item(), call.args(), sold.incrementAndGet());
            })
        .handle("far.away", call -> new CompletableFuture<>())
        .alias("plus.one", "sums.add");

    // Those that are provided are of the class path of all tests.
    vudo("process", "list")
        .assertPrinted(
            """
            NAME             KIND     DETAIL
            far.away         handler
            plus.one         alias    sums.add
            provided.count   handler
            provided.here    handler
            provided.refuse  handler
            stock            group
            sums.add         loa      2.0.0
            """);
    JsonNode all = vudo("process", "list", "--format", "json").json().path("names");
    assertEquals(
        "{\"name\":\"sums.add\",\"kind\":\"loa\",\"version\":\"2.0.0\"}", all.path(6) + "");

    vudo("process", "call", "sums.add", "4", "-7").assertPrinted("-3\n");
    vudo("process", "call", "Plus.One", "4", "1").assertPrinted("5\n");
    String[] sale = {"process", "call", "stock.cups.sell", "{\"n\":1}", "\"ü\"", "null"};
    vudo(sale).assertPrinted("[\"cups\",[{\"n\":1},\"ü\",null],1]\n");
    List<String> keyed = new ArrayList<>(List.of(sale));
    keyed.addAll(List.of("--idempotency-key", "sale-2", "--timeout", "20s", "--format", "json"));
    for (int i = 0; i < 2; i++) {
      assertEquals(
          "[\"cups\",[{\"n\":1},\"ü\",null],2]",
          vudo(keyed.toArray(String[]::new)).json().path("result").toString());
    }
    vudo("process", "call", "echo/a.any", "1", "[]").assertPrinted("[1,[]]\n");
    vudo("process", "call", "silent.any").assertPrinted("");
    assertEquals(
        "{\"result\":null,\"resultBase64\":null}\n",
        vudo("process", "call", "silent.any", "--format", "json").out());
    assertEquals(
        "{\"result\":[],\"resultBase64\":\"W10=\"}\n",
        vudo("process", "call", "echo/a.any", "--format", "json").out());

    assertTrue(
        vudo("process", "call", "stock.sell")
            .assertFailed("PROCESS_FAILED")
            .contains("cause: Exception|404:nothing of that name\n  fix: "));
    vudo("process", "call", "no.such").assertFailed("PROCESS_UNKNOWN");
    vudo("process", "call", "nothing").assertFailed("PROCESS_NAME_INVALID");
    vudo("process", "call", "far.away", "--timeout", "1ms").assertFailed("ASK_TIMEOUT");
    assertTrue(
        vudo("process", "call", "sums.add", "four")
            .assertFailed("ARGUMENT_INVALID")
            .contains("a text is '\"four\"'"));
    CommandRun failed = vudo("process", "call", "no.such", "--format", "json");
    assertEquals(1, failed.exitCode());
    assertEquals("PROCESS_UNKNOWN", CommandRun.json(failed.err()).path("code").asText());
  }

  @Test
  void migrateTellsWhereTheSpiritRuns() {
    vudo("ask", "counter/moving", "5", "--type", "add").assertPrinted("5\n");
    CommandRun moved = vudo("migrate", "counter/moving", "--engine", "jvm");
    assertTrue(
        moved
            .out()
            .matches(
                "counter/moving runs on jvm now, before on wasmtime; it paused for \\d+ ms"
                    + " \\(turn 2, state sha256:[0-9a-f]{64}\\)\n"),
        moved.out() + moved.err());
    vudo("ask", "counter/moving", "1", "--type", "add").assertPrinted("6\n");
    CommandRun again = vudo("migrate", "counter/moving", "--engine", "jvm");
    assertTrue(again.out().startsWith("counter/moving runs on jvm already"), again.out());
    CommandRun json = vudo("migrate", "counter/moving", "--engine", "wasmtime", "--format", "json");
    assertEquals("wasmtime", CommandRun.json(json.out()).path("engine").asText());
    assertTrue(vudo("spirits").out().matches("(?s).*counter/moving .* wasmtime .*"));
    assertTrue(vudo("status").out().matches("(?s).*engine       jvm, \\d+ of \\d+ instances\n.*"));
    vudo("migrate", "counter/moving", "--engine", "steam").assertFailed("CONFIG_INVALID");
    vudo("migrate", "counter/unborn", "--engine", "jvm").assertFailed("SPIRIT_NOT_FOUND");
  }

  @Test
  void tellPrintsNothing() {
    vudo("tell", "counter/told", "7", "--type", "add").assertPrinted("");
    vudo("ask", "counter/told", "--type", "get").assertPrinted("7\n");
    assertEquals(
        "{\"handled\":true}\n",
        vudo("tell", "counter/told", "1", "--type", "add", "--format", "json").out());
  }

  @Test
  void spiritsAndStatus() {
    vudo("ask", "hello/listed").assertPrinted("1\n");
    CommandRun spirits = vudo("spirits");
    assertTrue(spirits.out().startsWith("SPIRIT "), spirits.out());
    assertTrue(spirits.out().contains("\nhello/listed "), spirits.out());
    assertTrue(vudo("spirits", "--all").out().contains("\nhello/listed "));
    assertTrue(vudo("spirits", "--format", "json").json().path("spirits").size() > 0);

    CommandRun status = vudo("status");
    assertEquals(0, status.exitCode());
    assertTrue(status.out().contains("\nengine       wasmtime, "), status.out());
    assertEquals(
        ProcessHandle.current().pid(),
        vudo("status", "--format", "json").json().path("pid").asLong());
  }

  @Test
  void theOptionWinsOverTheEnvironment() {
    CommandRun run =
        CommandRun.of(
            Map.of("VUDO_NODE", "http://127.0.0.1:1"),
            false,
            "",
            "status",
            "--node",
            NODE.uri().toString());
    assertEquals(0, run.exitCode(), run.err());
  }

  @Test
  void aNodeThatIsNotThereIsNamed() throws IOException {
    int free;
    try (ServerSocket socket = new ServerSocket(0)) {
      free = socket.getLocalPort();
    }
    String url = "http://127.0.0.1:" + free;
    String err = CommandRun.vudo("status", "--node", url).assertFailed("NODE_UNREACHABLE");
    assertTrue(err.contains(url) && err.contains("vudo node"), err);
  }

  @Test
  void historyReplayDiffAndFork() throws IOException {
    vudo("ask", "counter/past", "5", "--type", "add").assertPrinted("5\n");
    vudo("ask", "counter/past", "--type", "burn").assertFailed("APPLICATION_ERROR");
    vudo("ask", "counter/past", "7", "--type", "add").assertPrinted("12\n");

    CommandRun history = vudo("history", "counter/past");
    assertEquals(0, history.exitCode(), history.err());
    List<String> lines = history.out().lines().toList();
    assertEquals(5, lines.size(), history.out());
    assertTrue(lines.get(0).startsWith("TURN    TIME"), history.out());
    assertTrue(lines.get(1).matches("1 .*\\(spawn\\).*born"), history.out());
    assertTrue(lines.get(2).matches("2 .* - .* add .* replied 1 B.*"), history.out());
    assertTrue(
        lines.get(3).matches("3 .* burn .*APPLICATION_ERROR Code 400: unknown message type"),
        history.out());
    CommandRun json =
        vudo("history", "counter/past", "--type", "add", "--limit", "1", "--format", "json");
    assertEquals(4, CommandRun.json(json.out()).path("turn").asInt());
    assertEquals(1, vudo("history", "counter/past", "--failed").out().lines().skip(1).count());
    vudo("history", "counter/past", "--from", "9").assertPrinted("");
    vudo("history", "counter/nobody").assertFailed("SPIRIT_NOT_FOUND");
    vudo("history", "counter/past", "--from", "noon").assertFailed("REQUEST_INVALID");

    Path image = directory.resolve("past.image");
    CommandRun replay = vudo("replay", "counter/past", "--to", "2", "--export", image.toString());
    assertEquals(0, replay.exitCode(), replay.err());
    assertTrue(replay.out().contains("turn       2; 2 in all, 0 failed"), replay.out());
    assertTrue(replay.out().matches("(?s).*state      sha256:[0-9a-f]{64}\n.*"), replay.out());
    assertTrue(Files.size(image) > 4096);
    vudo("replay", "counter/past", "--to", "5").assertFailed("TURN_NOT_FOUND");

    Path other =
        Files.writeString(
            directory.resolve("other.wat"),
            Files.readString(TestModules.exampleSource("counter"))
                .replace("\"unknown message type\"", "\"unknown message kind\""));
    CommandRun rehearsal = vudo("replay", "counter/past", "--module", other.toString());
    assertEquals(0, rehearsal.exitCode(), rehearsal.err());
    assertTrue(
        rehearsal
            .out()
            .startsWith(
                "turn 3 (burn): recorded: APPLICATION_ERROR Code 400: unknown message type; now:"
                    + " APPLICATION_ERROR Code 400: unknown message kind\n"
                    + "1 of 4 turns end otherwise"),
        rehearsal.out());

    CommandRun diff = vudo("state", "diff", "counter/past", "2", "4");
    assertTrue(diff.out().contains("global     0: from 5 to 12\n"), diff.out() + diff.err());
    assertTrue(diff.out().endsWith("1 pages, 1 globals, 0 tables differ.\n"), diff.out());
    vudo("state", "diff", "counter/past", "2", "3").assertPrinted("The states are equal.\n");

    CommandRun fork = vudo("fork", "counter/past", "counter/forked", "--to", "2");
    assertTrue(
        fork.out().startsWith("counter/forked goes on from counter/past after turn 2 (state"),
        fork.out() + fork.err());
    vudo("ask", "counter/forked", "1", "--type", "add").assertPrinted("6\n");
    vudo("fork", "counter/past", "forked").assertFailed("SPIRIT_EXISTS");
    vudo("fork", "counter/past", "hello/x").assertFailed("SPIRIT_ID_INVALID");
  }
}
