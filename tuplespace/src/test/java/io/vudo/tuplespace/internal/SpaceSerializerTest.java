package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.OperationId.Position;
import java.io.IOException;
import java.io.InputStream;
import java.io.NotSerializableException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SpaceSerializerTest {
  private static final Tuple TUPLE = Tuple.of("job", 7, 2.5, null, true, Tuple.of("é"));
  private static final Template TEMPLATE =
      Template.of("job", FieldType.INT, Template.ANY, Template.of(Template.ANY));
  private static final OperationId KEY = OperationId.key("key");
  private static final OperationId TURN = OperationId.turn(SpiritId.parse("worker/alice"), 7, 2);
  private static final OperationId CHAINED =
      OperationId.turn(SpiritId.parse("worker/alice"), new Position(7, 2), new Position(6, 1));
  private static final StoredTuple LEASED = new StoredTuple(3, TUPLE, 1_234_567);
  private static final StoredTuple FOR_EVER = new StoredTuple(4, TUPLE, StoredTuple.FOR_EVER);

  private static ActorTestKit kit;

  @BeforeAll
  static void start() {
    kit = ActorTestKit.create("serialization", SpaceFixture.config());
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  private static Object roundTrip(Object message) throws NotSerializableException {
    var serialization = SerializationExtension.get(Adapter.toClassic(kit.system()));
    var serializer = serialization.serializerFor(message.getClass());
    assertInstanceOf(SpaceSerializer.class, serializer);
    assertEquals(74_100, serializer.identifier(), "it is on disk with every event");
    return serialization
        .deserialize(
            serialization.serialize(message).get(),
            serializer.identifier(),
            Serializers.manifestFor(serializer, message))
        .get();
  }

  private static SpaceSerializer serializer() throws NotSerializableException {
    return (SpaceSerializer)
        SerializationExtension.get(Adapter.toClassic(kit.system()))
            .serializerFor(SpaceSnapshot.class);
  }

  private static List<SpaceEvent> events() {
    return List.of(
        new SpaceEvent.Written(9, LEASED, OperationId.none()),
        new SpaceEvent.Written(9, FOR_EVER, KEY),
        new SpaceEvent.Written(9, FOR_EVER, TURN),
        new SpaceEvent.Taken(9, 3, OperationId.none()),
        new SpaceEvent.Taken(9, 3, KEY),
        new SpaceEvent.Held(9, "hold", "worker/alice", 3),
        new SpaceEvent.HoldConfirmed(9, "hold"),
        new SpaceEvent.HoldReleased(9, "hold"));
  }

  private static SpaceSnapshot snapshot() {
    return new SpaceSnapshot(
        9,
        12,
        List.of(LEASED, FOR_EVER),
        List.of(new HeldTuple("hold", "worker/alice", 5, new StoredTuple(5, TUPLE, 77))),
        List.of((OperationId.Turn) TURN),
        List.of(
            new SpaceSnapshot.Key("w", Optional.empty()),
            new SpaceSnapshot.Key("t", Optional.of(TUPLE))),
        List.of("over"));
  }

  @Test
  void everyEventAndSnapshot() throws NotSerializableException {
    for (SpaceEvent event : events()) {
      assertEquals(event, roundTrip(event));
    }
    assertEquals(snapshot(), roundTrip(snapshot()));
  }

  @Test
  void everyCommandWithTheActorThatIsAnswered() throws NotSerializableException {
    ActorRef<SpaceReply> replyTo = kit.<SpaceReply>createTestProbe().getRef();
    List<SpaceCommand> commands =
        List.of(
            new SpaceCommand.Write(OperationId.none(), TUPLE, 0, replyTo),
            new SpaceCommand.Write(KEY, TUPLE, 60_000, replyTo),
            new SpaceCommand.Write(CHAINED, TUPLE, -1, replyTo),
            new SpaceCommand.Read(TEMPLATE, replyTo),
            new SpaceCommand.Take(KEY, TEMPLATE, replyTo),
            new SpaceCommand.Read(TEMPLATE, new SpaceCommand.Patience("w", 7), replyTo),
            new SpaceCommand.Take(KEY, TEMPLATE, new SpaceCommand.Patience("w", 0), replyTo),
            new SpaceCommand.Await("r", SpiritId.parse("worker/alice"), TEMPLATE, true, 7),
            new SpaceCommand.Await("r", SpiritId.parse("worker/alice"), TEMPLATE, false, -1),
            new SpaceCommand.CancelWait("r"),
            new SpaceCommand.Count(TEMPLATE, replyTo),
            new SpaceCommand.Hold("hold", "worker/alice", TEMPLATE, replyTo),
            new SpaceCommand.ConfirmTake("hold", replyTo),
            new SpaceCommand.ReleaseTake("hold", replyTo),
            SpaceCommand.Stop.STOP);
    assertEquals(
        leaves(SpaceCommand.class),
        commands.stream().map(Object::getClass).distinct().count(),
        "a command without a test");
    for (SpaceCommand command : commands) {
      assertEquals(command, roundTrip(command));
    }
  }

  private static long leaves(Class<?> type) {
    return type.isSealed()
        ? Arrays.stream(type.getPermittedSubclasses()).mapToLong(SpaceSerializerTest::leaves).sum()
        : 1;
  }

  @Test
  void everyReply() throws NotSerializableException {
    List<SpaceReply> replies =
        List.of(
            SpaceReply.Done.DONE,
            new SpaceReply.Found(TUPLE),
            SpaceReply.NotFound.NOT_FOUND,
            new SpaceReply.Counted(7),
            new SpaceReply.Refused(new VudoError(ErrorCode.SPACE_FULL, "detail")));
    assertEquals(SpaceReply.class.getPermittedSubclasses().length, replies.size());
    for (SpaceReply reply : replies) {
      assertEquals(reply, roundTrip(reply));
    }
  }

  /** What a version wrote is read for ever; these files are never changed, only added to. */
  @Test
  void readsWhatTheFirstVersionWrote() throws IOException {
    List<String> lines = golden("events-v1.hex");
    assertEquals(events().size(), lines.size());
    for (int i = 0; i < lines.size(); i++) {
      assertEquals(
          events().get(i), serializer().fromBinary(HexFormat.of().parseHex(lines.get(i)), "event"));
    }
    assertEquals(
        snapshot(),
        serializer()
            .fromBinary(HexFormat.of().parseHex(golden("snapshot-v1.hex").get(0)), "snapshot"));
  }

  private static List<String> golden(String file) throws IOException {
    try (InputStream in = SpaceSerializerTest.class.getResourceAsStream("/golden/" + file)) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
    }
  }

  @Test
  void damagedOrUnknownBytesAreNotSerializable() throws NotSerializableException {
    assertThrows(
        NotSerializableException.class, () -> serializer().fromBinary(new byte[0], "event"));
    assertThrows(
        NotSerializableException.class, () -> serializer().fromBinary(new byte[0], "command"));
    assertThrows(
        NotSerializableException.class, () -> serializer().fromBinary(new byte[0], "reply"));
    assertThrows(
        NotSerializableException.class, () -> serializer().fromBinary(new byte[0], "newer"));

    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      SpaceEvent event = events().get(random.nextInt(events().size()));
      byte[] bytes = serializer().toBinary(event);
      bytes = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length));
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      try {
        serializer().fromBinary(bytes, "event");
      } catch (NotSerializableException e) {
        // What a journal expects of a serializer; anything else fails the test.
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
  }
}
