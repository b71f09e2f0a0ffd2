package io.vudo.spirit.internal.actor;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.wire.v1.Begin;
import io.vudo.protocol.wire.v1.Deliver;
import io.vudo.protocol.wire.v1.GhostRequest;
import io.vudo.protocol.wire.v1.LetterRequest;
import io.vudo.protocol.wire.v1.Migrate;
import io.vudo.protocol.wire.v1.Migrated;
import io.vudo.protocol.wire.v1.ResolveHold;
import io.vudo.protocol.wire.v1.SwapNow;
import io.vudo.protocol.wire.v1.WakeAdd;
import io.vudo.spirit.internal.ghost.GhostSerializer;
import java.io.NotSerializableException;
import java.util.Map;
import java.util.Random;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Whatever bytes come in, the failure is the one that Pekko knows how to drop. */
class DamagedMessagesTest {
  /** Good Protobuf, and a number that is none of Java's. */
  private static final String NO_ADDRESS = "pekko://damaged/user/caller#99999999999";

  private static final Map<String, byte[]> OF_SPIRITS =
      Map.of(
          "D", Deliver.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray(),
          "R", ResolveHold.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray(),
          "M", Migrate.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray(),
          "MD", Migrated.newBuilder().setSpirit("no spirit").build().toByteArray(),
          "G", Begin.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray(),
          "S", SwapNow.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray(),
          "IA", WakeAdd.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray());

  private static ActorTestKit kit;
  private static SerializerWithStringManifest spirits;
  private static SerializerWithStringManifest letters;
  private static SerializerWithStringManifest ghosts;

  @BeforeAll
  static void start() {
    kit = ActorTestKit.create("damaged");
    var system = (ExtendedActorSystem) Adapter.toClassic(kit.system());
    spirits = new SpiritSerializer(system);
    letters = new LetterSerializer(system);
    ghosts = new GhostSerializer(system);
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  @Test
  void anAddressThatCannotBeReadIsNotSerializable() {
    OF_SPIRITS.forEach(
        (manifest, bytes) ->
            assertThrows(
                NotSerializableException.class,
                () -> spirits.fromBinary(bytes, manifest),
                manifest));
    byte[] request = LetterRequest.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray();
    assertThrows(NotSerializableException.class, () -> letters.fromBinary(request, "R"));
    byte[] ghost = GhostRequest.newBuilder().setReplyTo(NO_ADDRESS).build().toByteArray();
    assertThrows(NotSerializableException.class, () -> ghosts.fromBinary(ghost, "R"));
  }

  @Test
  void unknownManifestsAreNotSerializable() {
    assertThrows(
        NotSerializableException.class, () -> spirits.fromBinary(new byte[0], "from tomorrow"));
    assertThrows(
        NotSerializableException.class, () -> letters.fromBinary(new byte[0], "from tomorrow"));
    assertThrows(
        NotSerializableException.class, () -> ghosts.fromBinary(new byte[0], "from tomorrow"));
  }

  @Test
  void anyBytesAreRefusedInTheSameWay() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      OF_SPIRITS.forEach(
          (manifest, whole) -> read(spirits, manifest, damaged(whole, random), seed));
      read(letters, "R", damaged(OF_SPIRITS.get("D"), random), seed);
      read(ghosts, "R", damaged(OF_SPIRITS.get("D"), random), seed);
    }
  }

  private static byte[] damaged(byte[] whole, Random random) {
    byte[] bytes = whole.clone();
    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    return bytes;
  }

  private static void read(
      SerializerWithStringManifest serializer, String manifest, byte[] bytes, long seed) {
    try {
      serializer.fromBinary(bytes, manifest);
    } catch (NotSerializableException e) {
      // As it should be; some damage cannot be seen.
    } catch (Exception e) {
      throw new AssertionError("-Dvudo.test.seed=" + seed, e);
    }
  }
}
