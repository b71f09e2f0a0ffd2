package io.vudo.examples.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.examples.Guests;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a node does when its disk is full, cannot be written, or has lost something: it says so with
 * a code, loses nothing that it acknowledged, and goes on when the cause is gone.
 */
class DiskFaultTest {
  private static final String COUNTER = "counter/a";

  /** What may be answered while the journal takes nothing. */
  private static final Set<ErrorCode> REFUSALS =
      EnumSet.of(
          ErrorCode.JOURNAL_UNAVAILABLE, ErrorCode.SPIRIT_UNAVAILABLE, ErrorCode.SPACE_UNAVAILABLE);

  private static FastStart fast;

  @BeforeAll
  static void prepare() {
    fast = FastStart.shared();
  }

  private static CrashNode on(SmallDisk disk, Path directory) throws IOException {
    return fast.apply(CrashNode.on(disk.inside().resolve("data"), directory))
        .withPrefix(disk.prefix())
        .withOptions("--log-to", "stderr");
  }

  private static SmallDisk disk(Path directory, int megabytes) throws IOException {
    return SmallDisk.mount(Files.createDirectory(directory.resolve("disk")), megabytes);
  }

  private static long add(CrashNode node, String key) {
    return Long.parseLong(node.ask(COUNTER, "add", "1", key));
  }

  private static long value(CrashNode node) {
    return Long.parseLong(node.ask(COUNTER, "get", "", ""));
  }

  @Test
  void aFullDiskRefusesAndGoesOnWhenThereIsSpace(@TempDir Path directory) throws Exception {
    try (SmallDisk disk = disk(directory, 64);
        CrashNode node = on(disk, directory)) {
      node.start();
      long pid = node.pid();
      node.deploy("counter", Guests.example("counter"), "");
      long acknowledged = 0;
      for (int i = 0; i < 20; i++) {
        acknowledged = add(node, "before-" + i);
      }
      node.space("jobs", "write", "{\"tuple\":[\"before\"]}", "t1");

      Path ballast = disk.fill();
      // What the files have room for may still be written; not for long.
      VudoException refusal = null;
      String refused = "";
      for (int i = 0; refusal == null; i++) {
        refused = "full-" + i;
        try {
          acknowledged = add(node, refused);
        } catch (VudoException e) {
          refusal = e;
        }
      }
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, refusal.code(), refusal::getMessage);
      for (int i = 0; i < 3; i++) {
        String key = "still-full-" + i;
        VudoException again = assertThrows(VudoException.class, () -> add(node, key));
        assertTrue(REFUSALS.contains(again.code()), again::getMessage);
      }
      VudoException tuple =
          assertThrows(
              VudoException.class,
              () -> node.space("jobs", "write", "{\"tuple\":[\"" + "x".repeat(9_000) + "\"]}", ""));
      assertTrue(REFUSALS.contains(tuple.code()), tuple::getMessage);
      VudoException deploy =
          assertThrows(VudoException.class, () -> node.deploy("log", CrashGuests.log(), ""));
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, deploy.code(), deploy::getMessage);
      assertTrue(node.isAlive());
      assertEquals("alive", node.get("/health/alive").path("status").asText());
      // It says that no requests should come, and which part of it is why.
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> {
                VudoException notReady =
                    assertThrows(VudoException.class, () -> node.get("/health/ready"));
                assertEquals(ErrorCode.SPIRIT_UNAVAILABLE, notReady.code());
                assertTrue(
                    notReady.getMessage().contains("JOURNAL_UNAVAILABLE"), notReady::getMessage);
              });
      assertTrue(node.stderr().contains("JOURNAL_UNAVAILABLE"), node::stderr);

      Files.delete(ballast);
      String key = refused;
      long expected = acknowledged + 1;
      assertEquals(
          expected, Workloads.patiently(() -> add(node, key)), "what was refused was not done");
      assertEquals(expected, add(node, key), "and is done once");
      Workloads.patiently(() -> node.space("jobs", "write", "{\"tuple\":[\"after\"]}", "t2"));
      Workloads.patiently(() -> node.deploy("log", CrashGuests.log(), ""));
      assertEquals(
          "ready", Workloads.patiently(() -> node.get("/health/ready")).path("status").asText());
      assertEquals(pid, node.pid());
      assertTrue(node.isAlive());
      node.kill();
      node.start();
      assertEquals(expected, value(node));
      assertEquals("{\"tuple\":[\"before\"]}", take(node));
      assertEquals("{\"tuple\":[\"after\"]}", take(node));
    }
  }

  private static String take(CrashNode node) {
    return node.space("jobs", "take", "{\"template\":[{\"?\":\"any\"}]}", "");
  }

  @Test
  void aNodeDoesNotStartOnADiskThatIsFull(@TempDir Path directory) throws Exception {
    try (SmallDisk disk = disk(directory, 32);
        CrashNode node = on(disk, directory)) {
      Path ballast = disk.fill();
      VudoException failure = assertThrows(VudoException.class, node::start);
      assertTrue(
          Set.of(ErrorCode.DATA_DIR_UNUSABLE, ErrorCode.JOURNAL_UNAVAILABLE)
              .contains(failure.code()),
          failure::getMessage);
      Files.delete(ballast);
      node.start();
    }
  }

  @Test
  void aReadOnlyDataDirectoryIsNamed(@TempDir Path directory) throws Exception {
    try (SmallDisk disk = disk(directory, 64);
        CrashNode node = on(disk, directory)) {
      node.start();
      node.deploy("counter", Guests.example("counter"), "");
      assertEquals(1, add(node, "one"));
      node.kill();
      disk.run("mount", "-o", "remount,ro", disk.inside().toString());
      VudoException failure = assertThrows(VudoException.class, node::start);
      assertEquals(ErrorCode.DATA_DIR_UNUSABLE, failure.code(), failure::getMessage);
      assertTrue(failure.detail().contains("Exit code 1"), failure::getMessage);
      // The log of a node is in its data directory, too.
      node.withOptions();
      failure = assertThrows(VudoException.class, node::start);
      assertEquals(ErrorCode.DATA_DIR_UNUSABLE, failure.code(), failure::getMessage);

      disk.run("mount", "-o", "remount,rw", disk.inside().toString());
      node.start();
      assertEquals(2, add(node, "two"));
    }
  }

  @Test
  void modulesThatCannotBeStoredAreNotDeployed(@TempDir Path directory) throws Exception {
    try (SmallDisk disk = disk(directory, 64);
        CrashNode node = on(disk, directory)) {
      node.start();
      node.deploy("counter", Guests.example("counter"), "");
      String modules = disk.inside().resolve("data/modules").toString();
      disk.run("mount", "--bind", modules, modules);
      disk.run("mount", "-o", "remount,ro,bind", modules);
      VudoException failure =
          assertThrows(VudoException.class, () -> node.deploy("log", CrashGuests.log(), ""));
      assertEquals(ErrorCode.JOURNAL_UNAVAILABLE, failure.code(), failure::getMessage);
      assertTrue(failure.detail().contains("Read-only"), failure::getMessage);
      assertEquals(1, add(node, "one"), "others go on");
      disk.run("umount", modules);
      node.deploy("log", CrashGuests.log(), "");
    }
  }

  /** A node that was killed, with some turns of which all are acknowledged. */
  private static CrashNode killed(Path directory) throws IOException {
    CrashNode node = fast.apply(CrashNode.in(directory)).withOptions("--log-to", "stderr");
    node.start();
    node.deploy("counter", Guests.example("counter"), "");
    for (int i = 1; i <= 30; i++) {
      assertEquals(i, add(node, "k" + i));
    }
    node.kill();
    return node;
  }

  private static void cut(Path file, long toBytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      assertTrue(toBytes < channel.size(), () -> file + " is that small already");
      channel.truncate(toBytes);
    }
  }

  private static VudoException refusedAsCorrupt(CrashNode node, String file) {
    VudoException failure = assertThrows(VudoException.class, node::start);
    assertEquals(ErrorCode.JOURNAL_CORRUPT, failure.code(), failure::getMessage);
    assertTrue(failure.detail().contains(file), failure::getMessage);
    assertTrue(failure.detail().contains("Exit code 1"), failure::getMessage);
    return failure;
  }

  /** SQLite alone would go on without the last commits, and say nothing. */
  @ParameterizedTest
  @ValueSource(strings = {"tail", "middle", "all", "gone"})
  void aLogOfCommitsThatWasCutIsFound(String what, @TempDir Path directory) throws IOException {
    try (CrashNode node = killed(directory)) {
      Path log = node.data().resolve("journal/turns.db-wal");
      byte[] whole = Files.readAllBytes(log);
      switch (what) {
        case "tail" -> cut(log, whole.length - 1);
        case "middle" -> cut(log, whole.length / 2);
        case "all" -> cut(log, 0);
        default -> Files.delete(log);
      }
      refusedAsCorrupt(node, "turns.db-wal");
      refusedAsCorrupt(node, "turns.db-wal");
      // It has not touched what is left: what somebody can restore, works.
      Files.write(log, whole);
      node.start();
      assertEquals(30, value(node));
    }
  }

  @Test
  void aLogOfCommitsThatWasDamagedIsFound(@TempDir Path directory) throws IOException {
    try (CrashNode node = killed(directory)) {
      Path log = node.data().resolve("journal/turns.db-wal");
      flip(log, Files.size(log) / 2);
      refusedAsCorrupt(node, "turns.db-wal");
      flip(log, Files.size(log) / 2);
      node.start();
      assertEquals(30, value(node));
    }
  }

  private static void flip(Path file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 0x55)).flip();
      channel.write(one, at);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aDatabaseThatWasCutIsFound(boolean tailOnly, @TempDir Path directory) throws IOException {
    try (CrashNode node = killed(directory)) {
      node.start();
      assertEquals(30, value(node));
      assertEquals(0, node.terminate(), "after a clean end there is no log of commits");
      Path file = node.data().resolve("journal/turns.db");
      byte[] whole = Files.readAllBytes(file);
      cut(file, tailOnly ? whole.length - 1 : whole.length / 2);
      refusedAsCorrupt(node, "turns.db");
      Files.write(file, whole);
      node.start();
      assertEquals(30, value(node));
    }
  }

  @Test
  void aDamagedSnapshotIsReplacedByTheTurns(@TempDir Path directory) throws IOException {
    try (CrashNode node =
        fast.apply(CrashNode.in(directory, "vudo.spirit.snapshot-every-events = 5"))
            .withOptions("--log-to", "stderr")) {
      node.start();
      node.deploy("counter", Guests.example("counter"), "");
      for (int i = 1; i <= 42; i++) {
        add(node, "k" + i);
      }
      assertEquals(0, node.terminate());
      Path file = node.data().resolve("journal/snapshots.db");
      // Every snapshot of the store, in what is compressed and checked.
      assertTrue(damageAfterEach(file, new byte[] {'V', 'S', 'N', 1}, 40) > 1);
      node.start();
      assertEquals(42, value(node));
      assertTrue(node.stderr().contains("SNAPSHOT_CORRUPT"), node::stderr);
      assertEquals(43, add(node, "k43"));
    }
  }

  private static int damageAfterEach(Path file, byte[] magic, int distance) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int found = 0;
    for (int at = 0; at + distance < bytes.length; at++) {
      if (ByteBuffer.wrap(bytes, at, magic.length).equals(ByteBuffer.wrap(magic))) {
        bytes[at + distance] ^= 0x55;
        found++;
      }
    }
    Files.write(file, bytes);
    return found;
  }

  @Test
  void aStoreOfSnapshotsThatWasCutIsFound(@TempDir Path directory) throws IOException {
    try (CrashNode node = killed(directory)) {
      node.start();
      value(node);
      assertEquals(0, node.terminate());
      Path file = node.data().resolve("journal/snapshots.db");
      cut(file, Files.size(file) / 2);
      refusedAsCorrupt(node, "snapshots.db");
    }
  }
}
