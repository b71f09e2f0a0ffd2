package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Choosing engines, and moving Spirits between them, over HTTP. */
class GatewayMigrationTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static List<String> engines() {
    List<String> names = new ArrayList<>();
    for (JsonNode engine : NODE.get("/v1/status").json().path("engines")) {
      names.add(engine.path("name").asText());
    }
    return names;
  }

  private static NodeFixture.Answer migrate(String spirit, String query) {
    return NODE.post("/v1/spirits/" + spirit + "/migrate" + query, "");
  }

  private static String engineOf(String spirit) {
    for (JsonNode one : NODE.get("/v1/spirits").json().path("spirits")) {
      if (one.path("id").asText().equals(spirit)) {
        return one.path("engine").asText();
      }
    }
    throw new AssertionError(spirit + " is not resident");
  }

  @Test
  void theStatusTellsAllEngines() {
    JsonNode engines = NODE.get("/v1/status").json().path("engines");
    assertEquals("wasmtime", engines.get(0).path("name").asText());
    assertTrue(engines.get(0).path("default").asBoolean());
    for (JsonNode engine : engines) {
      assertTrue(engine.path("maxInstances").asLong() > 0, engine::toString);
      assertTrue(engine.path("liveInstances").isIntegralNumber(), engine::toString);
    }
  }

  @Test
  void aSpiritMovesAndGoesOn() {
    NODE.deploy("moving", TestModules.example("counter"));
    String spirit = "moving/a";
    int count = 0;
    String now = "wasmtime";
    NODE.ask(spirit, "add", "1").assertReply(Integer.toString(++count));
    for (int round = 0; round < 3; round++) {
      for (String engine : engines()) {
        JsonNode moved = migrate(spirit, "?engine=" + engine).json();
        assertEquals(engine, moved.path("engine").asText(), moved.toString());
        assertEquals(now, moved.path("fromEngine").asText(), moved.toString());
        assertEquals(!engine.equals(now), moved.path("moved").asBoolean(), moved.toString());
        assertEquals(1 + count, moved.path("turn").asLong(), moved.toString());
        assertTrue(moved.path("pauseMillis").isIntegralNumber(), moved.toString());
        assertTrue(moved.path("stateHash").asText().matches("[0-9a-f]{64}"), moved.toString());
        now = engine;
        assertEquals(engine, engineOf(spirit));

        JsonNode again = migrate(spirit, "?engine=" + engine).json();
        assertEquals(false, again.path("moved").asBoolean(true), again.toString());
        assertEquals(moved.path("stateHash"), again.path("stateHash"));
        NODE.ask(spirit, "add", "1").assertReply(Integer.toString(++count));
      }
    }
    NODE.restart();
    NODE.ask(spirit, "add", "1").assertReply(Integer.toString(++count));
    assertEquals(now, engineOf(spirit));
  }

  @Test
  void whatCannotMoveIsTyped() {
    NODE.deploy("staying", TestModules.example("counter"));
    NODE.ask("staying/a", "add", "1").assertReply("1");
    String unknown = migrate("staying/a", "?engine=steam").assertProblem(ErrorCode.CONFIG_INVALID);
    for (String engine : engines()) {
      assertTrue(unknown.contains(engine), unknown);
    }
    migrate("staying/a", "").assertProblem(ErrorCode.REQUEST_INVALID);
    migrate("staying/a", "?motor=wasmtime").assertProblem(ErrorCode.REQUEST_INVALID);
    NODE.post("/v1/spirits/staying/a/migrate?engine=wasmtime", "body")
        .assertProblem(ErrorCode.REQUEST_INVALID);
    migrate("staying/nobody", "?engine=wasmtime").assertProblem(ErrorCode.SPIRIT_NOT_FOUND);
    migrate("nobody/a", "?engine=wasmtime").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
    assertEquals("wasmtime", engineOf("staying/a"));
    NODE.ask("staying/a", "add", "1").assertReply("2");
  }

  @Test
  void anEngineThatDoesNotExistIsToldBeforeTheModuleIsLookedAt() {
    String detail =
        NODE.tryToDeploy("nowhere", new byte[] {1, 2, 3}, "engine=steam")
            .assertProblem(ErrorCode.CONFIG_INVALID);
    assertTrue(detail.contains("wasmtime"), detail);
  }

  @Test
  void aNodeDoesNotStartWithAnEngineThatDoesNotExist() {
    NodeSettings settings =
        NodeFixture.settings(NodeFixture.newDataDirectory(), "").withEngine("steam");
    VudoException refusal = assertThrows(VudoException.class, () -> VudoNode.start(settings));
    assertEquals(ErrorCode.CONFIG_INVALID, refusal.code());
    for (String engine : engines()) {
      assertTrue(refusal.detail().contains(engine), refusal.detail());
    }
  }

  @Test
  void everyEngineCanBeDeployedOn() {
    for (String engine : engines()) {
      NODE.deploy("on-" + engine, TestModules.echo(), "engine=" + engine);
      NODE.ask("on-" + engine + "/a", "x", "said").assertReply("said");
      assertEquals(engine, engineOf("on-" + engine + "/a"));
    }
  }
}
