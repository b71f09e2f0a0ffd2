package io.vudo.spirit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WarmUpTest {
  @TempDir Path folder;

  private static byte[] resource(String name) throws IOException {
    try (InputStream in =
        WarmUpTest.class.getResourceAsStream("/io/vudo/spirit/internal/actor/" + name)) {
      return in.readAllBytes();
    }
  }

  @Test
  void theModuleIsMadeOfItsText() throws IOException {
    assertArrayEquals(
        Wat2Wasm.parse(new String(resource("warm-up.wat"), UTF_8)), resource("warm-up.wasm"));
  }

  @Test
  void warmingUpMovesSpiritsAndLeavesNoTrace() {
    try (TestCluster cluster = new TestCluster(folder)) {
      TestCluster.Node node = cluster.start();
      assertEquals(0, node.warmUp(0));
      assertEquals(12, node.warmUp(3));
      assertTrue(node.spirits.resident().isEmpty());
      HostStatus here =
          node.spirits.relocations().here(Duration.ofSeconds(5)).toCompletableFuture().join();
      assertEquals(0, here.movedIn() + here.movedOut() + here.movesFailed());
      assertEquals(0, node.journaled());
      // A node whose engine is not there can do without.
      assertEquals(0, node.warmUp(3, "none"));
    }
  }
}
