package io.vudo.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.protocol.SpiritId;
import io.vudo.spirit.SpiritStatus;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Ten thousand Spirits wait for one other, cost no thread, and go on after a restart. */
class SuspendedSpiritsTest {
  private static final int SPIRITS = Integer.getInteger("vudo.test.suspended", 10_000);
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  /** More than the JVM and Pekko start and end by themselves; far less than one for each. */
  private static final int SOME_THREADS = 40;

  @RegisterExtension static final NodeFixture NODE = new NodeFixture();

  /** Asks {@code holder/one} and replies what it replied. */
  private static final String ASKER =
      """
      (module
        (import "spirit" "ask"
          (func $ask (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "holder/one")
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param i32 i32) (result i64)
          (if (call $ask (i32.const 0) (i32.const 10) (i32.const 0) (i32.const 6)
                (i32.const 0) (i32.const 0) (i64.const 600000) (i32.const 32) (i32.const 36))
            (then (unreachable)))
          (i64.or
            (i64.shl (i64.extend_i32_u (i32.load (i32.const 32))) (i64.const 32))
            (i64.extend_i32_u (i32.load (i32.const 36))))))
      """;

  /** With a payload waits for a tuple; replies "ok". */
  private static final String HOLDER =
      """
      (module
        (import "spirit" "tuplespace_take"
          (func $take (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "ok")
        (data (i32.const 16) "s")
        (data (i32.const 24) "\\91\\c7\\00\\00")
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "spirit_handle") (param i32 i32) (result i64)
          (if (local.get 1)
            (then
              (if (call $take (i32.const 16) (i32.const 1) (i32.const 24) (i32.const 4)
                    (i64.const 600000) (i32.const 32) (i32.const 36))
                (then (unreachable)))))
          (i64.const 2)))
      """;

  @Test
  void thousandsWaitWithoutAThreadAndThroughARestart() {
    NODE.deploy("asker", Wat2Wasm.parse(ASKER), "engine=jvm", "grant=cross_sandbox_call");
    NODE.deploy(
        "holder",
        Wat2Wasm.parse(HOLDER),
        "engine=jvm",
        "grant=tuplespace_take:s",
        "mailbox=" + 2 * SPIRITS);
    List<CompletableFuture<Optional<byte[]>>> asking = new ArrayList<>();
    asking.add(ask("holder/one", "hold"));
    await().atMost(PATIENCE).until(() -> suspended() == 1);

    for (int i = 0; i < SPIRITS / 100; i++) {
      asking.add(ask("asker/" + i, ""));
    }
    await().atMost(PATIENCE).until(() -> suspended() == 1 + SPIRITS / 100);
    int threads = ManagementFactory.getThreadMXBean().getThreadCount();
    for (int i = SPIRITS / 100; i < SPIRITS; i++) {
      asking.add(ask("asker/" + i, ""));
    }
    await().atMost(PATIENCE).until(() -> suspended() == 1 + SPIRITS);
    int then = ManagementFactory.getThreadMXBean().getThreadCount();
    assertTrue(then <= threads + SOME_THREADS, then + " threads, " + threads + " before");

    // All of them come back by themselves, and wait on.
    NODE.restart();
    await().atMost(PATIENCE).until(() -> suspended() == 1 + SPIRITS);
    asking.clear();
    asking.add(ask("holder/one", "hold"));
    for (int i = 0; i < SPIRITS; i++) {
      asking.add(ask("asker/" + i, ""));
    }
    NODE.post("/v1/spaces/s/write", "{\"tuple\": [1]}", "Content-Type", "application/json");
    asking.forEach(reply -> assertEquals("ok", text(reply)));
    assertEquals(0, suspended());
  }

  private static CompletableFuture<Optional<byte[]>> ask(String spirit, String payload) {
    return NODE.node()
        .spirits()
        .ask(SpiritId.parse(spirit), "go", payload.getBytes(UTF_8), "key", PATIENCE)
        .toCompletableFuture();
  }

  private static String text(CompletableFuture<Optional<byte[]>> reply) {
    return new String(reply.join().orElseThrow(), UTF_8);
  }

  private static long suspended() {
    return NODE.node().spirits().resident().stream()
        .filter(spirit -> spirit.phase() == SpiritStatus.Phase.SUSPENDED)
        .count();
  }
}
