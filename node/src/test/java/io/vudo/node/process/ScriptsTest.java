package io.vudo.node.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.client.VudoClient;
import io.vudo.node.NodeFixture;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A directory of modules that a node deploys, watches, swaps and withdraws. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ScriptsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static Path data;
  private static Path scripts;
  private static NodeFixture node;

  @BeforeAll
  static void start() throws IOException {
    data = NodeFixture.newDataDirectory();
    scripts = Files.createDirectories(data.resolveSibling(data.getFileName() + "-scripts"));
    Files.createDirectories(scripts.resolve("foo"));
    write("foo/bar2.0.wasm", saying("one"));
    write("foo/plain.js", "export const Say = () => 1;".getBytes(UTF_8));
    write("foo/both.js", "export const Say = () => 1;".getBytes(UTF_8));
    write("foo/both.wasm", saying("wasm"));
    write("broken.wasm", new byte[] {1, 2, 3});
    // It keeps nobody from the rest.
    Files.createSymbolicLink(scripts.resolve("loop"), Path.of("."));
    Files.createDirectories(scripts.resolve(".git"));
    write(".git/hook.wasm", saying("hidden"));
    // As Kubernetes mounts what is configured.
    Files.createDirectories(scripts.resolve("..one"));
    write("..one/mounted.wasm", saying("first"));
    Files.createSymbolicLink(scripts.resolve("..data"), Path.of("..one"));
    Files.createSymbolicLink(scripts.resolve("mounted.wasm"), Path.of("..data", "mounted.wasm"));
    boot();
  }

  private static void boot() {
    node =
        NodeFixture.of(
            VudoNode.start(
                NodeFixture.settings(
                        data, "vudo.scripts { look-every = 500 ms, grants = [\"process:inner\"] }")
                    .withScripts(scripts),
                new ProcessRegistry().alias("short.name", "scripts.foo.bar2_0.Say")));
  }

  @AfterAll
  static void stop() {
    node.node().close();
  }

  /** As a compiler would: the file is there at once, and whole. */
  private static void write(String name, byte[] bytes) throws IOException {
    Path parts = Files.write(scripts.resolve(".part"), bytes);
    Files.move(
        parts,
        scripts.resolve(name),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /**
   * Replies a text. It keeps nothing between calls, and says so by {@code spirit_save} and {@code
   * spirit_load}: any other module may take its place.
   */
  private static byte[] saying(String text) {
    return saying("", "", text);
  }

  private static byte[] saying(String imports, String first, String text) {
    return TestModules.spirit(
        imports
            + """
            (func (export "spirit_save") (result i64) (i64.const 0x100000000))
            (func (export "spirit_load") (param i32 i32) (result i32) (i32.const 0))
            """
            + "(data (i32.const 16) \"\\\""
            + text
            + "\\\"\")",
        first + "(i64.or (i64.const 0x1000000000) (i64.const " + (text.length() + 2) + "))");
  }

  private static Answer call(String name) {
    return node.post("/v1/process/" + name, "[]");
  }

  private static void becomes(String name, String reply) {
    await().atMost(PATIENCE).until(() -> call(name).text().equals(reply));
  }

  @Test
  void whatIsThereAtTheStartIsDeployedUnderItsName() {
    call("scripts.foo.bar2_0.Say").assertReply("\"one\"");
    call("Scripts.Foo.BAR2_0.say").assertReply("\"one\"");
    call("short.name").assertReply("\"one\"");
    // The module, not the source beside it.
    call("scripts.foo.both.Say").assertReply("\"wasm\"");
    try (VudoClient client = VudoClient.of(node.uri().toString())) {
      assertEquals("one", client.process("scripts.foo.bar2_0.Say").textValue());
    }
  }

  @Test
  void javaScriptAloneAndWhatIsNoModuleSayWhatToDo() {
    String javaScript = call("scripts.foo.plain.Say").assertProblem(ErrorCode.SCRIPT_UNAVAILABLE);
    assertTrue(javaScript.contains("plain.wasm"), javaScript);
    String broken = call("scripts.broken.Say").assertProblem(ErrorCode.SCRIPT_UNAVAILABLE);
    assertTrue(broken.contains("broken.wasm: MODULE_BAD_MAGIC"), broken);
    call("scripts.nobody.Say").assertProblem(ErrorCode.PROCESS_UNKNOWN);
    JsonNode listed = script("scripts.foo.plain");
    assertEquals("SCRIPT_UNAVAILABLE", listed.path("problem").path("code").asText());
    assertEquals(false, listed.path("serves").asBoolean(true));
    assertEquals(true, script("scripts.foo.bar2_0").path("serves").asBoolean());
  }

  @Test
  void whatBeginsWithADotIsNoScriptAndALinkIntoItIs() throws IOException {
    becomes("scripts.mounted.Say", "\"first\"");
    List<String> names = node.get("/v1/process").json().path("names").findValuesAsText("name");
    assertEquals(
        List.of("scripts.mounted"),
        names.stream().filter(name -> name.endsWith("mounted") || name.endsWith("hook")).toList());
    Files.createDirectories(scripts.resolve("..two"));
    write("..two/mounted.wasm", saying("second"));
    Files.createSymbolicLink(scripts.resolve("..next"), Path.of("..two"));
    Files.move(
        scripts.resolve("..next"), scripts.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
    becomes("scripts.mounted.Say", "\"second\"");
  }

  private static JsonNode script(String type) {
    for (JsonNode one : node.get("/v1/process").json().path("names")) {
      if (one.path("name").asText().equals(type)) {
        return one;
      }
    }
    throw new AssertionError(type + " is not listed");
  }

  @Test
  void aFileThatComesIsDeployedOneThatChangesIsSwappedAndOneThatGoesIsWithdrawn() throws Exception {
    Files.createDirectories(scripts.resolve("new"));
    write("new/comer.wasm", saying("first"));
    becomes("scripts.new.comer.Say", "\"first\"");

    write("new/comer.wasm", saying("second"));
    becomes("scripts.new.comer.Say", "\"second\"");
    assertEquals(200, node.get("/v1/deployments/scripts.new.comer/swap").status());

    // A file that is none leaves it as it was, and says so.
    write("new/comer.wasm", new byte[] {0});
    await().atMost(PATIENCE).until(() -> script("scripts.new.comer").has("problem"));
    call("scripts.new.comer.Say").assertReply("\"second\"");

    Files.delete(scripts.resolve("new/comer.wasm"));
    await().atMost(PATIENCE).until(() -> call("scripts.new.comer.Say").status() == 410);
    String gone = call("scripts.new.comer.Say").assertProblem(ErrorCode.SCRIPT_UNAVAILABLE);
    assertTrue(gone.contains("scripts.new.comer"), gone);

    node.node().close();
    boot();
    call("scripts.new.comer.Say").assertProblem(ErrorCode.SCRIPT_UNAVAILABLE);
    write("new/comer.wasm", saying("third"));
    becomes("scripts.new.comer.Say", "\"third\"");
  }

  @Test
  void whatIsUnderWayEndsOnTheCodeItBeganOn() throws Exception {
    CompletableFuture<String> later = new CompletableFuture<>();
    CompletableFuture<Void> called = new CompletableFuture<>();
    node.node()
        .processes()
        .handle(
            "inner.wait",
            call -> {
              called.complete(null);
              return later.minimalCompletionStage();
            });
    String imports =
        """
        (import "spirit" "process" (func $process (param i32 i32 i32 i32 i32 i32) (result i32)))
        (data (i32.const 64) "inner.wait")
        """;
    String first =
        "(drop (call $process (i32.const 64) (i32.const 10) (i32.const 0) (i32.const 0)"
            + " (i32.const 400) (i32.const 404)))";
    write("slow.wasm", saying(imports, first, "old"));
    await().atMost(PATIENCE).until(() -> node.get("/v1/deployments/scripts.slow").status() == 200);
    CompletableFuture<Answer> old = node.sendAsk("scripts.slow/main", "Say", "[]");
    called.get(60, TimeUnit.SECONDS);
    write("slow.wasm", saying("new"));
    await()
        .atMost(PATIENCE)
        .until(() -> node.get("/v1/deployments/scripts.slow/swap").status() == 200);
    later.complete("go on");
    old.get(60, TimeUnit.SECONDS).assertReply("\"old\"");
    becomes("scripts.slow.Say", "\"new\"");
  }
}
