package io.vudo.node.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.typesafe.config.ConfigFactory;
import io.vudo.journal.ModuleTable;
import io.vudo.node.NodeSettings;
import io.vudo.node.internal.wire.ModulePart;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Modules come from whoever has them, and only what has its digest is taken. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ModuleExchangeTest {
  private static final int PART = 256 * 1024;

  @TempDir Path directory;

  private final List<ActorSystem<Void>> systems = new ArrayList<>();
  private final AtomicInteger stores = new AtomicInteger();

  @AfterEach
  void endSystems() {
    systems.forEach(ActorSystem::terminate);
    systems.forEach(system -> system.getWhenTerminated().toCompletableFuture().join());
  }

  /** A member of a cluster, without the rest of a node. */
  private ActorSystem<Void> member() {
    ActorSystem<Void> system =
        ActorSystem.create(
            Behaviors.empty(),
            "vudo",
            ConfigFactory.parseString(
                    "pekko.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }\n"
                        + "pekko.cluster.roles = [spirit]")
                .withFallback(NodeSettings.defaults().config()));
    systems.add(system);
    ActorSystem<Void> first = systems.get(0);
    Cluster.get(system).manager().tell(Join.create(Cluster.get(first).selfMember().address()));
    await()
        .atMost(Duration.ofMinutes(1))
        .until(
            () ->
                systems.stream()
                    .allMatch(one -> Cluster.get(one).state().members().size() == systems.size()));
    return system;
  }

  private ModuleStore store() {
    return new ModuleStore(directory.resolve("store-" + stores.incrementAndGet()));
  }

  /** A member that answers for modules in this way. */
  private void fake(Function<ModuleExchange.Wanted, Optional<ModulePart>> answers) {
    ActorSystem<Void> system = member();
    system.systemActorOf(
        Behaviors.<ModuleExchange.Wanted>receiveMessage(
            wanted -> {
              answers.apply(wanted).ifPresent(part -> wanted.replyTo().tell(part));
              return Behaviors.same();
            }),
        "vudo-modules",
        Props.empty());
  }

  private static byte[] module(int bytes) {
    byte[] module = new byte[bytes];
    new Random(bytes).nextBytes(module);
    return module;
  }

  private static ModulePart part(byte[] module, long offset) {
    int end = (int) Math.min(module.length, offset + PART);
    return ModulePart.newBuilder()
        .setTotalBytes(module.length)
        .setOffset(offset)
        .setBytes(ByteString.copyFrom(module, (int) offset, end - (int) offset))
        .build();
  }

  private static void assertNotFound(ModuleExchange exchange, ModuleDigest digest) {
    VudoException missing = assertThrows(VudoException.class, () -> exchange.read(digest));
    assertEquals(ErrorCode.MODULE_NOT_FOUND, missing.code());
  }

  @Test
  void whereOneBreaksOffTheNextGoesOn() {
    byte[] module = module(5 * PART / 2);
    ModuleDigest digest = ModuleDigest.of(module);
    ActorSystem<Void> asker = member();
    ModuleExchange exchange = ModuleExchange.start(asker, store(), Optional.empty());
    // Two that have only one part left each; the other two parts have to come from the other.
    AtomicInteger first = new AtomicInteger();
    AtomicInteger second = new AtomicInteger();
    Optional<ModulePart> absent = Optional.of(ModulePart.newBuilder().setTotalBytes(-1).build());
    fake(
        wanted ->
            first.incrementAndGet() > 1 ? absent : Optional.of(part(module, wanted.offset())));
    fake(
        wanted ->
            second.incrementAndGet() > 2 ? absent : Optional.of(part(module, wanted.offset())));
    // Whichever is asked first: alone neither has all.
    byte[] read;
    try {
      read = exchange.read(digest);
    } catch (VudoException e) {
      throw new AssertionError("first " + first + ", second " + second, e);
    }
    assertArrayEquals(module, read);
    assertEquals(module.length, exchange.bytesFetched(), "no part came twice");
    assertEquals(1, exchange.modulesFetched());
    // From its own disk from now on.
    assertArrayEquals(module, exchange.read(digest));
    assertEquals(module.length, exchange.bytesFetched());
  }

  @Test
  void whatHasNotItsDigestIsNotTaken() {
    byte[] module = module(PART + 1);
    ModuleDigest digest = ModuleDigest.of(module);
    byte[] wrong = module(PART + 2);
    ActorSystem<Void> asker = member();
    ModuleExchange alone =
        ModuleExchange.start(asker, store(), Optional.of(new Table(digest, wrong)));
    fake(wanted -> Optional.of(part(wrong, wanted.offset())));
    assertNotFound(alone, digest);

    ModuleStore full = store();
    full.store(module);
    ModuleExchange giver = ModuleExchange.start(member(), full, Optional.empty());
    assertArrayEquals(module, alone.read(digest));
    assertEquals(module.length, giver.bytesServed());
  }

  @Test
  void aNodeThatDoesNotAnswerIsLeftForTheSharedTable() {
    byte[] module = module(1000);
    ModuleDigest digest = ModuleDigest.of(module);
    ModuleExchange exchange =
        ModuleExchange.start(member(), store(), Optional.of(new Table(digest, module)));
    fake(wanted -> Optional.empty());
    assertArrayEquals(module, exchange.read(digest));
    assertEquals(1000, exchange.bytesFetched());
  }

  @Test
  void aDamagedFileIsMendedFromAnotherNode() throws IOException {
    byte[] module = module(1000);
    ModuleDigest digest = ModuleDigest.of(module);
    ModuleStore mine = store();
    mine.store(module);
    Path file = directory.resolve("store-1").resolve(digest.hex() + ".wasm");
    Files.write(file, new byte[] {1, 2, 3});
    ModuleExchange exchange = ModuleExchange.start(member(), mine, Optional.empty());
    VudoException damaged = assertThrows(VudoException.class, () -> exchange.read(digest));
    assertEquals(ErrorCode.JOURNAL_CORRUPT, damaged.code());
    ModuleStore others = store();
    others.store(module);
    ModuleExchange.start(member(), others, Optional.empty());
    assertArrayEquals(module, exchange.read(digest));
    assertArrayEquals(module, Files.readAllBytes(file));
    assertTrue(exchange.bytesFetched() >= 1000);
  }

  /** Has one module, or says so. */
  private static final class Table implements ModuleTable {
    private final ConcurrentHashMap<String, byte[]> modules = new ConcurrentHashMap<>();

    Table(ModuleDigest digest, byte[] module) {
      modules.put(digest.hex(), module);
    }

    @Override
    public void put(String digest, byte[] module) {
      modules.put(digest, module);
    }

    @Override
    public Optional<byte[]> get(String digest) {
      return Optional.ofNullable(modules.get(digest));
    }
  }
}
