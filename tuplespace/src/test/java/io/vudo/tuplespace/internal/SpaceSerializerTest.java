package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.OperationId.Position;
import io.vudo.tuplespace.internal.v1.WireProto;
import java.io.IOException;
import java.io.InputStream;
import java.io.NotSerializableException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
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
  private static final SpiritId ALICE = SpiritId.parse("worker/alice");
  private static final OperationId KEY = OperationId.key("key");
  private static final OperationId TURN = OperationId.turn(ALICE, 7, 2);
  private static final OperationId CHAINED =
      OperationId.turn(ALICE, new Position(7, 2), new Position(6, 1));
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
        new SpaceEvent.HoldReleased(9, "hold"),
        new SpaceEvent.Pended(9, LEASED, "tx:t#3", "tx:t"),
        new SpaceEvent.LeaseRenewed(9, 3, 77),
        new SpaceEvent.LeaseRenewed(9, 3, StoredTuple.FOR_EVER),
        new SpaceEvent.Begun(9, "3.t", 77),
        new SpaceEvent.Decided(9, "3.t", true),
        new SpaceEvent.Decided(9, "3.t", false),
        new SpaceEvent.Ended(9, "3.t"),
        new SpaceEvent.FollowedEnd(9, "3.t"),
        new SpaceEvent.Arrived(9, "b", 3, "p", 77),
        new SpaceEvent.Left(9, "b", "p"),
        new SpaceEvent.Opened(9, "b"),
        new SpaceEvent.SpiritWatches(9, "w", ALICE, TEMPLATE),
        new SpaceEvent.SpiritUnwatches(9, "w"),
        new SpaceEvent.WaitersKept(
            9,
            List.of(
                new Waiter(1, new Waiter.Caller("w", KEY, "3.t", replyTo()), TEMPLATE, true, 7),
                new Waiter(2, new Waiter.Offered("h|3", replyTo()), TEMPLATE, true, 7),
                new Waiter(3, new Waiter.Spirit("r|3", ALICE), TEMPLATE, false, 7))));
  }

  private static SpaceSnapshot snapshot() {
    return new SpaceSnapshot(
        9,
        12,
        List.of(LEASED, FOR_EVER),
        List.of(
            new HeldTuple("hold", "worker/alice", 5, new StoredTuple(5, TUPLE, 77)),
            new HeldTuple("tx:t#6", "tx:t", 5, new StoredTuple(6, TUPLE, 77, "name"), true)),
        List.of((OperationId.Turn) TURN),
        List.of(
            new SpaceSnapshot.Key("w", KeyUse.ofWrite(LEASED)),
            new SpaceSnapshot.Key("t", KeyUse.ofTake(TUPLE))),
        List.of(
            new SpaceSnapshot.FinishedHold("over", true),
            new SpaceSnapshot.FinishedHold("back", false)),
        List.of(new SpaceSnapshot.Open("3.t", 77)),
        List.of(new SpaceSnapshot.Decision("3.u", true), new SpaceSnapshot.Decision("3.v", false)),
        List.of(new SpaceSnapshot.Decision("3.w", true)),
        List.of("4.x"),
        List.of(
            new SpaceSnapshot.Barrier(
                "b",
                3,
                List.of(new SpaceSnapshot.Arrival("p", 77), new SpaceSnapshot.Arrival("q", 78)))),
        List.of(new SpaceSnapshot.Passed("r", 2)),
        List.of(new SpaceSnapshot.SpiritWatch("w", ALICE, TEMPLATE)));
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
            new SpaceCommand.Read(TEMPLATE, "3.t", new SpaceCommand.Patience("w", 7), replyTo),
            new SpaceCommand.Take(KEY, TEMPLATE, "3.t", new SpaceCommand.Patience("w", 0), replyTo),
            new SpaceCommand.Write(KEY, List.of(TUPLE, TUPLE), 1, "3.t", replyTo),
            new SpaceCommand.Offer("h|3", TEMPLATE, new SpaceCommand.Patience("h|3", 7), replyTo),
            new SpaceCommand.ReadAll(TEMPLATE, 5, 9, "3.t", replyTo),
            new SpaceCommand.TakeAll(TEMPLATE, 5, "3.t", replyTo),
            new SpaceCommand.CompareAndSwap(KEY, TEMPLATE, TUPLE, 7, replyTo),
            new SpaceCommand.Renew(LeaseName.parse("3.77"), 7, replyTo),
            new SpaceCommand.CancelLease(LeaseName.parse("3.worker/alice#1#0"), replyTo),
            new SpaceCommand.HoldAll("h|3", 7, "worker/alice", TEMPLATE, 5, replyTo),
            new SpaceCommand.Arrive("b", 3, new SpaceCommand.Patience("p", 7), replyTo),
            new SpaceCommand.AwaitBarrier("p|3", ALICE, "b", 3, 7),
            new SpaceCommand.Begin("3.t", 7, replyTo),
            new SpaceCommand.End("3.t", true, replyTo),
            new SpaceCommand.Follow("3.t", true, 5, replyTo),
            new SpaceCommand.AskOutcome("3.t", replyTo),
            new SpaceCommand.Watch("w", TEMPLATE, 7, kit.<WatchSignal>createTestProbe().getRef()),
            new SpaceCommand.Unwatch("w"),
            new SpaceCommand.WatchForSpirit("w|3", ALICE, TEMPLATE, replyTo),
            new SpaceCommand.UnwatchForSpirit("w|3", ALICE, replyTo),
            new SpaceCommand.Await("r", ALICE, TEMPLATE, true, 7),
            new SpaceCommand.Await("r", ALICE, TEMPLATE, false, -1),
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
  void everyWatchSignal() throws NotSerializableException {
    List<WatchSignal> signals =
        List.of(
            new WatchSignal.Started(3),
            new WatchSignal.Changed(
                3,
                7,
                List.of(
                    new WatchSignal.Change(TupleChange.Kind.ADDED, TUPLE),
                    new WatchSignal.Change(TupleChange.Kind.REMOVED, TUPLE),
                    new WatchSignal.Change(TupleChange.Kind.EXPIRED, TUPLE))),
            new WatchSignal.Ended(3, new VudoError(ErrorCode.WATCH_TOO_SLOW, "much")));
    assertEquals(
        leaves(WatchSignal.class), signals.stream().map(Object::getClass).distinct().count());
    for (WatchSignal signal : signals) {
      assertEquals(signal, roundTrip(signal));
    }
  }

  private static ActorRef<SpaceReply> replyTo() {
    return kit.<SpaceReply>createTestProbe().getRef();
  }

  @Test
  void everyReply() throws NotSerializableException {
    List<SpaceReply> replies =
        List.of(
            SpaceReply.Done.DONE,
            new SpaceReply.Found(TUPLE, 7),
            new SpaceReply.NotFound(7),
            new SpaceReply.FoundAll(List.of(TUPLE, TUPLE), List.of(3L, 4L), true),
            new SpaceReply.Written(List.of(3L, 4L), 77),
            new SpaceReply.Passed(2),
            new SpaceReply.Followed("3.t", 5),
            new SpaceReply.Outcome(HoldOutcome.COMMITTED),
            new SpaceReply.Outcome(HoldOutcome.ABORTED),
            new SpaceReply.Outcome(HoldOutcome.PENDING),
            new SpaceReply.Counted(7),
            new SpaceReply.Refused(new VudoError(ErrorCode.SPACE_FULL, "detail")));
    assertEquals(
        leaves(SpaceReply.class), replies.stream().map(Object::getClass).distinct().count());
    for (SpaceReply reply : replies) {
      assertEquals(reply, roundTrip(reply));
    }
  }

  /** What a version wrote is read for ever; these files are never changed, only added to. */
  @Test
  void readsWhatTheFirstVersionWrote() throws IOException {
    assertReads(events().subList(0, 8), "events-v1.hex");
    assertEquals(
        new SpaceSnapshot(
            9,
            12,
            List.of(LEASED, FOR_EVER),
            List.of(new HeldTuple("hold", "worker/alice", 5, new StoredTuple(5, TUPLE, 77))),
            List.of((OperationId.Turn) TURN),
            List.of(
                new SpaceSnapshot.Key(
                    "w", new KeyUse(Optional.empty(), List.of(), StoredTuple.FOR_EVER)),
                new SpaceSnapshot.Key("t", KeyUse.ofTake(TUPLE))),
            List.of(new SpaceSnapshot.FinishedHold("over", false)),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of()),
        serializer()
            .fromBinary(HexFormat.of().parseHex(golden("snapshot-v1.hex").get(0)), "snapshot"));
  }

  @Test
  void readsWhatTheVersionWithTransactionsWrote() throws IOException {
    List<SpaceEvent> events = new ArrayList<>(events().subList(8, events().size() - 1));
    // Without callers, whose references are of one process.
    events.add(
        new SpaceEvent.WaitersKept(
            9, List.of(new Waiter(3, new Waiter.Spirit("r|3", ALICE), TEMPLATE, false, 7))));
    assertReads(events, "events-v2.hex");
    assertEquals(
        snapshot(),
        serializer()
            .fromBinary(HexFormat.of().parseHex(golden("snapshot-v2.hex").get(0)), "snapshot"));
  }

  private static void assertReads(List<SpaceEvent> expected, String file) throws IOException {
    List<String> lines = golden(file);
    assertEquals(expected.size(), lines.size());
    for (int i = 0; i < lines.size(); i++) {
      assertEquals(
          expected.get(i), serializer().fromBinary(HexFormat.of().parseHex(lines.get(i)), "event"));
    }
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
    byte[] noAddress =
        WireProto.SpaceCommand.newBuilder()
            .setReplyTo(kit.system().address() + "/user/caller#99999999999")
            .setCount(
                WireProto.Count.newBuilder()
                    .setTemplate(ByteString.copyFrom(TupleCodec.encode(TEMPLATE))))
            .build()
            .toByteArray();
    assertThrows(
        NotSerializableException.class, () -> serializer().fromBinary(noAddress, "command"));

    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
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
