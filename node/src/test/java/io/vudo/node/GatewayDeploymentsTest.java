package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.node.NodeFixture.Answer;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GatewayDeploymentsTest {
  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  private static final long TOO_LARGE = 101L << 20;
  private static final byte[] HELLO = TestModules.example("hello");

  @Test
  void deploysAndTellsWhatIsDeployed() throws IOException {
    String digest = ModuleDigest.of(HELLO).hex();

    Answer deployed =
        NODE.deploy(
            "shown",
            HELLO,
            "fuel=5000",
            "memory=128KiB",
            "call-depth=50",
            "turn-timeout=2s",
            "mailbox=7",
            "payload=1KiB",
            "grant=sensor_time",
            "grant=tuplespace_take:jobs");

    assertEquals(201, deployed.status());
    assertEquals("application/json", deployed.mediaType());
    assertEquals("/v1/deployments/shown", deployed.header("Location"));
    assertTrue(deployed.json().path("changed").asBoolean());
    assertEquals(digest, deployed.json().path("digest").asText());

    JsonNode shown = NODE.get("/v1/deployments/shown").json();
    assertEquals("shown", shown.path("type").asText());
    assertEquals(digest, shown.path("digest").asText());
    assertEquals("wasmtime", shown.path("engine").asText());
    assertTrue(shown.path("durable").asBoolean());
    assertEquals(deployed.json().path("revision"), shown.path("revision"));
    assertEquals(
        "[\"sensor_time\",\"tuplespace_take:jobs\"]", shown.path("capabilities").toString());
    assertEquals(
        "{\"fuelPerTurn\":5000,\"maxMemoryBytes\":131072,\"maxTableEntries\":100000,"
            + "\"maxCallDepth\":50,\"turnTimeoutMillis\":2000,\"maxMailbox\":7,"
            + "\"maxPayloadBytes\":1024}",
        shown.path("limits").toString());

    assertTrue(NODE.get("/v1/deployments").json().path("deployments").toString().contains(digest));
    assertEquals(
        digest,
        ModuleDigest.of(Files.readAllBytes(NODE.data().resolve("modules/" + digest + ".wasm")))
            .hex());
  }

  @Test
  void theSameDeploymentAgainChangesNothing() {
    Answer first = NODE.deploy("again", HELLO);
    Answer second = NODE.deploy("again", HELLO);
    Answer third = NODE.deploy("again", HELLO, "mailbox=3");

    assertEquals(201, first.status());
    assertEquals(200, second.status());
    assertFalse(second.json().path("changed").asBoolean());
    assertEquals(first.json().path("revision"), second.json().path("revision"));
    assertEquals(201, third.status());
    assertTrue(third.json().path("revision").asLong() > first.json().path("revision").asLong());
  }

  @Test
  void noBytes() {
    NODE.tryToDeploy("bad", new byte[0]).assertProblem(ErrorCode.MODULE_EMPTY);
  }

  @Test
  void noWebAssembly() {
    NODE.tryToDeploy("bad", "#!/bin/sh\n".getBytes(StandardCharsets.UTF_8))
        .assertProblem(ErrorCode.MODULE_BAD_MAGIC);
  }

  @Test
  void aTruncatedModule() {
    for (int length : new int[] {9, 20, HELLO.length / 2, HELLO.length - 1}) {
      NODE.tryToDeploy("bad", Arrays.copyOf(HELLO, length))
          .assertProblem(ErrorCode.MODULE_MALFORMED);
    }
  }

  @Test
  void aModuleWhoseCodeDoesNotValidate() {
    // The body of an exported function that answers an i32 is emptied: nop instead of a constant.
    byte[] module = TestModules.module("(func (export \"f\") (result i32) (i32.const 66))");
    for (int i = 0; i + 2 < module.length; i++) {
      // i32.const 66 is 41 C2 00; three nops answer nothing.
      if (module[i] == 0x41 && module[i + 1] == (byte) 0xc2 && module[i + 2] == 0) {
        Arrays.fill(module, i, i + 3, (byte) 0x01);
      }
    }
    NODE.tryToDeploy("bad", module).assertProblem(ErrorCode.MODULE_INVALID);
  }

  @Test
  void anImportThatNoHostOffers() {
    byte[] module = TestModules.module("(import \"env\" \"abort\" (func (param i32 i32 i32 i32)))");
    String detail = NODE.tryToDeploy("bad", module).assertProblem(ErrorCode.MODULE_UNKNOWN_IMPORT);
    assertTrue(detail.contains("env") && detail.contains("abort"), detail);
  }

  @Test
  void anImportThatIsReserved() {
    byte[] module =
        TestModules.module("(import \"spirit\" \"credit_balance\" (func (result i64)))");
    String detail = NODE.tryToDeploy("bad", module).assertProblem(ErrorCode.MODULE_UNKNOWN_IMPORT);
    assertTrue(detail.contains("credit_balance"), detail);
  }

  @Test
  void anImportUnderAWrongSignature() {
    byte[] module = TestModules.module("(import \"spirit\" \"now\" (func (result i32)))");
    String detail = NODE.tryToDeploy("bad", module).assertProblem(ErrorCode.MODULE_IMPORT_TYPE);
    assertTrue(detail.contains("now"), detail);
  }

  @Test
  void exportsThatAreMissingAreAllNamed() {
    byte[] module =
        TestModules.module(
            "(func (export \"spirit_abi_1\"))"
                + " (func (export \"spirit_handle\") (param i32) (result i32) (i32.const 0))");
    String detail = NODE.tryToDeploy("bad", module).assertProblem(ErrorCode.MODULE_ABI_MISSING);
    assertTrue(
        detail.contains("memory")
            && detail.contains("spirit_alloc")
            && detail.contains("spirit_handle as")
            && !detail.contains("spirit_abi_1"),
        detail);
  }

  @Test
  void aModuleThatIsTooLargeIsRefused() {
    NODE.post("/v1/deployments/large", tooLarge()).assertProblem(ErrorCode.MODULE_TOO_LARGE);
    NODE.get("/v1/deployments/large").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
  }

  @Test
  void aModuleThatIsTooLargeIsRefusedAlsoWhenItsLengthIsNotTold() {
    NODE.post("/v1/deployments/large", BodyPublishers.ofInputStream(() -> new Zeros(TOO_LARGE)))
        .assertProblem(ErrorCode.MODULE_TOO_LARGE);
  }

  @Test
  void aModuleThatIsTooLargeIsRefusedBeforeItIsSentToWhoeverAsksFirst() throws IOException {
    String answer =
        NODE.raw(
            "POST /v1/deployments/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Expect: 100-continue\r\nContent-Length: "
                + TOO_LARGE
                + "\r\n\r\n");
    assertTrue(answer.startsWith("HTTP/1.1 413 "), answer);
    assertTrue(answer.contains("\"code\":\"MODULE_TOO_LARGE\""), answer);
  }

  private static BodyPublisher tooLarge() {
    return BodyPublishers.fromPublisher(
        BodyPublishers.ofInputStream(() -> new Zeros(TOO_LARGE)), TOO_LARGE);
  }

  @ParameterizedTest
  @CsvSource({
    "fuel=many, REQUEST_INVALID",
    "fuel=0, LIMIT_INVALID",
    "memory=1, LIMIT_INVALID",
    "memory=1%20parsec, REQUEST_INVALID",
    "memory=3GiB, LIMIT_INVALID",
    "call-depth=99999999999, LIMIT_INVALID",
    "turn-timeout=30, REQUEST_INVALID",
    "turn-timeout=2h, LIMIT_INVALID",
    "mailbox=-1, LIMIT_INVALID",
    "payload=1GiB, LIMIT_INVALID",
    "durability=maybe, REQUEST_INVALID",
    "fule=10, REQUEST_INVALID",
    "fuel=1&fuel=2, REQUEST_INVALID",
    "grant=fly, CAPABILITY_UNKNOWN",
    "grant=tuplespace_take:, CAPABILITY_UNKNOWN",
    "engine=steam, CONFIG_INVALID",
  })
  void parametersAreReadStrictly(String parameter, ErrorCode code) {
    NODE.tryToDeploy("strict", HELLO, parameter).assertProblem(code);
    NODE.get("/v1/deployments/strict").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1st", "a%20b", "a%00b", "-a", "%C3%A4"})
  void namesOfTypesAreChecked(String type) {
    NODE.tryToDeploy(type, HELLO).assertProblem(ErrorCode.SPIRIT_TYPE_INVALID);
    NODE.get("/v1/deployments/" + type).assertProblem(ErrorCode.SPIRIT_TYPE_INVALID);
  }

  @Test
  void theTypeOfActorsOfServicesIsTaken() {
    NODE.tryToDeploy("actor", HELLO).assertProblem(ErrorCode.SPIRIT_TYPE_INVALID);
    NODE.get("/v1/deployments/actor").assertProblem(ErrorCode.SPIRIT_TYPE_UNKNOWN);
  }

  @Test
  void otherLimitsAndGrantsReachSpiritsThatLive() {
    byte[] grower = TestModules.example("grower");
    NODE.deploy("elastic", grower, "memory=128KiB");
    NODE.ask("elastic/a", "grow", "").assertReply("2");
    NODE.ask("elastic/a", "grow", "").assertProblem(ErrorCode.APPLICATION_ERROR);

    NODE.deploy("elastic", grower, "memory=256KiB");
    NODE.ask("elastic/a", "grow", "").assertReply("3");
    NODE.ask("elastic/a", "sum", "").assertReply("6");

    NODE.deploy("seer", TestModules.clock());
    NODE.ask("seer/a", "look", "").assertReply("denied");
    NODE.deploy("seer", TestModules.clock(), "grant=sensor_time");
    NODE.ask("seer/a", "look", "").assertReply("time");
  }

  @Test
  void anotherModuleIsForNewSpiritsOnly() {
    NODE.deploy("changing", HELLO);
    NODE.ask("changing/old", "any", "").assertReply("1");

    NODE.deploy("changing", TestModules.echo());
    NODE.ask("changing/old", "any", "text").assertReply("2");
    NODE.ask("changing/new", "any", "text").assertReply("text");
  }

  /** A long module: the magic, then zeros; none of it is ever in memory. */
  private static final class Zeros extends InputStream {
    private static final byte[] HEAD = {0, 'a', 's', 'm', 1, 0, 0, 0};
    private final long size;
    private long at;

    Zeros(long size) {
      this.size = size;
    }

    @Override
    public int read() {
      return at == size ? -1 : at < HEAD.length ? HEAD[(int) at++] : zero();
    }

    private int zero() {
      at++;
      return 0;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) {
      if (at == size) {
        return -1;
      }
      if (at < HEAD.length) {
        buffer[offset] = HEAD[(int) at++];
        return 1;
      }
      int count = (int) Math.min(length, size - at);
      Arrays.fill(buffer, offset, offset + count, (byte) 0);
      at += count;
      return count;
    }
  }
}
