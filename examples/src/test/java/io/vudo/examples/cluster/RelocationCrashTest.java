package io.vudo.examples.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.examples.Guests;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A Spirit moves from one node to another, and one of the two dies between every two steps of that.
 * Its caller goes on: each addition is counted once, whoever has the Spirit afterwards.
 */
class RelocationCrashTest {
  private static final Map<String, String> JSON = Map.of("Content-Type", "application/json");
  private static final int AFTER = 5;

  /**
   * A death.
   *
   * @param step at which it comes
   * @param source whether it is the old home's
   */
  private record Case(String step, boolean source) {}

  private static final List<Case> CASES =
      List.of(
          new Case("copying", true),
          new Case("frozen", true),
          new Case("standing-by", false),
          new Case("given", true),
          new Case("taken", false));

  @Test
  void whoeverDiesTheSpiritGoesOnOnce(@TempDir Path directory) throws Exception {
    try (ClusterProcesses cluster =
        ClusterProcesses.start(
            directory, 3, "pekko.cluster.split-brain-resolver.stable-after = 3 s")) {
      cluster.nodes().get(0).process().deploy("moved", Guests.example("counter"), "");
      for (Case one : CASES) {
        die(cluster, one);
      }
      assertEquals(List.of(), cluster.unexpectedLogLines());
    }
  }

  private static void die(ClusterProcesses cluster, Case death) throws Exception {
    ClusterNode victim = cluster.nodes().get(1);
    ClusterNode other = cluster.nodes().get(2);
    ClusterNode witness = cluster.nodes().get(0);
    String spirit = "moved/" + death.step();
    victim
        .process()
        .withEnvironment(
            Map.of(
                "JDK_JAVA_OPTIONS", "-Dvudo.test.halt-at=" + spirit + ":" + death.step() + ":1"));
    cluster.restart(victim);
    assertEquals("1", add(witness, spirit, 1));
    ClusterNode first = death.source() ? victim : other;
    // Who has just been restarted does not know all hosts yet, nor they it.
    await().atMost(ClusterProcesses.PATIENCE).until(() -> move(witness, spirit, first) == null);
    assertEquals(death.source() ? victim : other, cluster.ownerOf(spirit));

    AtomicBoolean dead = new AtomicBoolean();
    CompletableFuture<Integer> caller =
        CompletableFuture.supplyAsync(
            () -> {
              int count = 1;
              for (int left = AFTER; left > 0; ) {
                count++;
                assertEquals(Integer.toString(count), add(witness, spirit, count), spirit);
                left -= dead.get() ? 1 : 0;
              }
              return count;
            });
    ClusterNode second = death.source() ? other : victim;
    // Perhaps nobody is left to say how it ended; or it is known that it did not.
    await()
        .atMost(ClusterProcesses.PATIENCE)
        .until(() -> !ErrorCode.NODE_UNKNOWN.equals(move(witness, spirit, second)));
    await(death.toString())
        .atMost(ClusterProcesses.PATIENCE)
        .until(() -> !victim.process().isAlive());
    dead.set(true);
    int count = caller.get(ClusterProcesses.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    victim.process().withEnvironment(Map.of());
    cluster.recover();
    assertEquals(Integer.toString(count + 1), add(victim, spirit, count + 1));
  }

  /** Adds one, under a key, until that is answered. */
  private static String add(ClusterNode through, String spirit, int number) {
    String[] reply = new String[1];
    await("addition " + number + " to " + spirit)
        .atMost(ClusterProcesses.PATIENCE)
        .until(
            () -> {
              try {
                reply[0] = through.process().ask(spirit, "add", "1", "add-" + number);
                return true;
              } catch (VudoException e) {
                return false;
              }
            });
    return reply[0];
  }

  /** Answers why it did not move; null when it did. */
  private static ErrorCode move(ClusterNode by, String spirit, ClusterNode to) {
    byte[] body = ("{\"node\": \"" + to.name() + "\"}").getBytes(UTF_8);
    try {
      byte[] unused = by.process().post("/v1/spirits/" + spirit + "/migrate", JSON, body);
      return null;
    } catch (VudoException e) {
      return e.code();
    }
  }
}
