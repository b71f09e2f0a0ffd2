package io.vudo.tuplespace.internal;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.internal.v1.SpaceProto;
import io.vudo.tuplespace.internal.v1.WireProto;
import java.io.NotSerializableException;
import java.util.Optional;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Turns what crosses the wire or goes to disk into the messages of {@code space.proto} and {@code
 * wire.proto} and back. The manifest says which of four messages it is; the rest is in the message.
 */
public final class SpaceSerializer extends SerializerWithStringManifest {
  /** As in {@code reference.conf}; on disk with every event, so it never changes. */
  static final int IDENTIFIER = 74_100;

  private static final String COMMAND = "command";
  private static final String REPLY = "reply";
  private static final String EVENT = "event";
  private static final String SNAPSHOT = "snapshot";

  private final ActorRefResolver resolver;

  /** Called by Pekko. */
  public SpaceSerializer(ExtendedActorSystem system) {
    this.resolver = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object message) {
    if (message instanceof SpaceEvent) {
      return EVENT;
    } else if (message instanceof SpaceCommand) {
      return COMMAND;
    } else if (message instanceof SpaceReply) {
      return REPLY;
    } else if (message instanceof SpaceSnapshot) {
      return SNAPSHOT;
    }
    throw new IllegalArgumentException("No message of a tuplespace: " + message.getClass());
  }

  @Override
  public byte[] toBinary(Object message) {
    if (message instanceof SpaceEvent event) {
      return write(event).toByteArray();
    } else if (message instanceof SpaceCommand command) {
      return write(command).toByteArray();
    } else if (message instanceof SpaceReply reply) {
      return write(reply).toByteArray();
    } else if (message instanceof SpaceSnapshot snapshot) {
      return write(snapshot).toByteArray();
    }
    throw new IllegalArgumentException("No message of a tuplespace: " + message.getClass());
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return switch (manifest) {
        case EVENT -> read(SpaceProto.SpaceEvent.parseFrom(bytes));
        case COMMAND -> read(WireProto.SpaceCommand.parseFrom(bytes));
        case REPLY -> read(WireProto.SpaceReply.parseFrom(bytes));
        case SNAPSHOT -> read(SpaceProto.SpaceSnapshot.parseFrom(bytes));
        default -> throw unknown("manifest " + manifest);
      };
    } catch (InvalidProtocolBufferException | VudoException e) {
      NotSerializableException failure =
          new NotSerializableException("A damaged " + manifest + " of a tuplespace.");
      failure.initCause(e);
      throw failure;
    }
  }

  private static NotSerializableException unknown(String what) {
    return new NotSerializableException(
        "Written by a newer version of the tuplespace: " + what + ".");
  }

  // Events

  private static SpaceProto.SpaceEvent write(SpaceEvent event) {
    var message = SpaceProto.SpaceEvent.newBuilder().setTimeMillis(event.timeMillis());
    if (event instanceof SpaceEvent.Written written) {
      message
          .getWrittenBuilder()
          .setStored(write(written.stored()))
          .setOperation(write(written.operation()));
    } else if (event instanceof SpaceEvent.Taken taken) {
      message.getTakenBuilder().setEntryId(taken.entryId()).setOperation(write(taken.operation()));
    } else if (event instanceof SpaceEvent.Held held) {
      message
          .getHeldBuilder()
          .setHoldId(held.holdId())
          .setHolder(held.holder())
          .setEntryId(held.entryId());
    } else if (event instanceof SpaceEvent.HoldConfirmed confirmed) {
      message.getHoldConfirmedBuilder().setHoldId(confirmed.holdId());
    } else if (event instanceof SpaceEvent.HoldReleased released) {
      message.getHoldReleasedBuilder().setHoldId(released.holdId());
    }
    return message.build();
  }

  private static SpaceEvent read(SpaceProto.SpaceEvent message) throws NotSerializableException {
    long time = message.getTimeMillis();
    return switch (message.getEventCase()) {
      case WRITTEN ->
          new SpaceEvent.Written(
              time,
              read(message.getWritten().getStored()),
              read(message.getWritten().getOperation()));
      case TAKEN ->
          new SpaceEvent.Taken(
              time, message.getTaken().getEntryId(), read(message.getTaken().getOperation()));
      case HELD ->
          new SpaceEvent.Held(
              time,
              message.getHeld().getHoldId(),
              message.getHeld().getHolder(),
              message.getHeld().getEntryId());
      case HOLD_CONFIRMED ->
          new SpaceEvent.HoldConfirmed(time, message.getHoldConfirmed().getHoldId());
      case HOLD_RELEASED ->
          new SpaceEvent.HoldReleased(time, message.getHoldReleased().getHoldId());
      case EVENT_NOT_SET -> throw unknown("an event");
    };
  }

  private static SpaceProto.StoredTuple write(StoredTuple stored) {
    return SpaceProto.StoredTuple.newBuilder()
        .setEntryId(stored.entryId())
        .setTuple(write(stored.tuple()))
        .setLeaseEndsAtMillis(
            stored.leaseEndsAtMillis() == StoredTuple.FOR_EVER ? 0 : stored.leaseEndsAtMillis())
        .build();
  }

  private static StoredTuple read(SpaceProto.StoredTuple message) {
    long endsAt = message.getLeaseEndsAtMillis();
    return new StoredTuple(
        message.getEntryId(),
        readTuple(message.getTuple()),
        endsAt == 0 ? StoredTuple.FOR_EVER : endsAt);
  }

  private static SpaceProto.OperationId write(OperationId operation) {
    var message = SpaceProto.OperationId.newBuilder();
    if (operation instanceof OperationId.Key key) {
      message.setKey(key.key());
    } else if (operation instanceof OperationId.Turn turn) {
      message.setTurn(write(turn));
    }
    return message.build();
  }

  private static OperationId read(SpaceProto.OperationId message) {
    return switch (message.getIdCase()) {
      case KEY -> OperationId.key(message.getKey());
      case TURN -> read(message.getTurn());
      case ID_NOT_SET -> OperationId.none();
    };
  }

  private static SpaceProto.Turn write(OperationId.Turn turn) {
    return SpaceProto.Turn.newBuilder()
        .setSender(turn.sender().toString())
        .setPosition(write(turn.position()))
        .setPrevious(write(turn.previous()))
        .build();
  }

  private static OperationId.Turn read(SpaceProto.Turn message) {
    return new OperationId.Turn(
        SpiritId.parse(message.getSender()),
        read(message.getPosition()),
        read(message.getPrevious()));
  }

  private static SpaceProto.Position write(OperationId.Position position) {
    return SpaceProto.Position.newBuilder()
        .setTurn(position.turn())
        .setIndex(position.index())
        .build();
  }

  private static OperationId.Position read(SpaceProto.Position message) {
    return new OperationId.Position(message.getTurn(), message.getIndex());
  }

  // Snapshots

  private static SpaceProto.SpaceSnapshot write(SpaceSnapshot snapshot) {
    var message =
        SpaceProto.SpaceSnapshot.newBuilder()
            .setTimeMillis(snapshot.timeMillis())
            .setNextEntryId(snapshot.nextEntryId());
    snapshot.stored().forEach(stored -> message.addStored(write(stored)));
    for (HeldTuple held : snapshot.holds()) {
      message
          .addHoldsBuilder()
          .setHoldId(held.holdId())
          .setHolder(held.holder())
          .setSinceMillis(held.sinceMillis())
          .setStored(write(held.stored()));
    }
    snapshot.senders().forEach(turn -> message.addSenders(write(turn)));
    for (SpaceSnapshot.Key key : snapshot.keys()) {
      var written = message.addKeysBuilder().setKey(key.key());
      key.taken().ifPresent(tuple -> written.setTaken(write(tuple)));
    }
    message.addAllFinishedHolds(snapshot.finishedHolds());
    return message.build();
  }

  private static SpaceSnapshot read(SpaceProto.SpaceSnapshot message) {
    return new SpaceSnapshot(
        message.getTimeMillis(),
        message.getNextEntryId(),
        message.getStoredList().stream().map(SpaceSerializer::read).toList(),
        message.getHoldsList().stream()
            .map(
                held ->
                    new HeldTuple(
                        held.getHoldId(),
                        held.getHolder(),
                        held.getSinceMillis(),
                        read(held.getStored())))
            .toList(),
        message.getSendersList().stream().map(SpaceSerializer::read).toList(),
        message.getKeysList().stream()
            .map(
                key ->
                    new SpaceSnapshot.Key(
                        key.getKey(),
                        key.hasTaken() ? Optional.of(readTuple(key.getTaken())) : Optional.empty()))
            .toList(),
        message.getFinishedHoldsList().stream().toList());
  }

  // Commands and replies

  private WireProto.SpaceCommand write(SpaceCommand command) {
    var message = WireProto.SpaceCommand.newBuilder();
    if (command instanceof SpaceCommand.Operation operation) {
      message.setReplyTo(resolver.toSerializationFormat(operation.replyTo()));
    }
    if (command instanceof SpaceCommand.PatientOperation patient
        && !patient.patience().waitId().isEmpty()) {
      var patience =
          WireProto.Patience.newBuilder()
              .setWaitId(patient.patience().waitId())
              .setMillis(patient.patience().millis());
      if (patient instanceof SpaceCommand.Read) {
        message.getReadBuilder().setPatience(patience);
      } else {
        message.getTakeBuilder().setPatience(patience);
      }
    }
    if (command instanceof SpaceCommand.Write write) {
      message
          .getWriteBuilder()
          .setOperation(write(write.operation()))
          .setTuple(write(write.tuple()))
          .setTtlMillis(write.ttlMillis());
    } else if (command instanceof SpaceCommand.Read read) {
      message.getReadBuilder().setTemplate(write(read.template()));
    } else if (command instanceof SpaceCommand.Take take) {
      message
          .getTakeBuilder()
          .setOperation(write(take.operation()))
          .setTemplate(write(take.template()));
    } else if (command instanceof SpaceCommand.Count count) {
      message.getCountBuilder().setTemplate(write(count.template()));
    } else if (command instanceof SpaceCommand.Hold hold) {
      message
          .getHoldBuilder()
          .setHoldId(hold.holdId())
          .setHolder(hold.holder())
          .setTemplate(write(hold.template()));
    } else if (command instanceof SpaceCommand.ConfirmTake confirm) {
      message.getConfirmTakeBuilder().setHoldId(confirm.holdId());
    } else if (command instanceof SpaceCommand.ReleaseTake release) {
      message.getReleaseTakeBuilder().setHoldId(release.holdId());
    } else if (command instanceof SpaceCommand.Await await) {
      message
          .getAwaitBuilder()
          .setRequestId(await.requestId())
          .setWaiter(await.waiter().toString())
          .setTemplate(write(await.template()))
          .setTake(await.take())
          .setMillis(await.millis());
    } else if (command instanceof SpaceCommand.CancelWait cancel) {
      message.getCancelWaitBuilder().setRequestId(cancel.requestId());
    } else {
      message.getStopBuilder();
    }
    return message.build();
  }

  private SpaceCommand read(WireProto.SpaceCommand message) throws NotSerializableException {
    if (message.hasStop()) {
      return SpaceCommand.Stop.STOP;
    } else if (message.hasAwait()) {
      WireProto.Await await = message.getAwait();
      return new SpaceCommand.Await(
          await.getRequestId(),
          SpiritId.parse(await.getWaiter()),
          readTemplate(await.getTemplate()),
          await.getTake(),
          await.getMillis());
    } else if (message.hasCancelWait()) {
      return new SpaceCommand.CancelWait(message.getCancelWait().getRequestId());
    }
    ActorRef<SpaceReply> replyTo = resolver.resolveActorRef(message.getReplyTo());
    return switch (message.getCommandCase()) {
      case WRITE ->
          new SpaceCommand.Write(
              read(message.getWrite().getOperation()),
              readTuple(message.getWrite().getTuple()),
              message.getWrite().getTtlMillis(),
              replyTo);
      case READ ->
          new SpaceCommand.Read(
              readTemplate(message.getRead().getTemplate()),
              read(message.getRead().getPatience()),
              replyTo);
      case TAKE ->
          new SpaceCommand.Take(
              read(message.getTake().getOperation()),
              readTemplate(message.getTake().getTemplate()),
              read(message.getTake().getPatience()),
              replyTo);
      case COUNT -> new SpaceCommand.Count(readTemplate(message.getCount().getTemplate()), replyTo);
      case HOLD ->
          new SpaceCommand.Hold(
              message.getHold().getHoldId(),
              message.getHold().getHolder(),
              readTemplate(message.getHold().getTemplate()),
              replyTo);
      case CONFIRM_TAKE ->
          new SpaceCommand.ConfirmTake(message.getConfirmTake().getHoldId(), replyTo);
      case RELEASE_TAKE ->
          new SpaceCommand.ReleaseTake(message.getReleaseTake().getHoldId(), replyTo);
      case STOP, AWAIT, CANCEL_WAIT, COMMAND_NOT_SET -> throw unknown("a command");
    };
  }

  private static SpaceCommand.Patience read(WireProto.Patience message) {
    return new SpaceCommand.Patience(message.getWaitId(), message.getMillis());
  }

  private static WireProto.SpaceReply write(SpaceReply reply) {
    var message = WireProto.SpaceReply.newBuilder();
    if (reply instanceof SpaceReply.Found found) {
      message.getFoundBuilder().setTuple(write(found.tuple()));
    } else if (reply instanceof SpaceReply.Counted counted) {
      message.getCountedBuilder().setCount(counted.count());
    } else if (reply instanceof SpaceReply.Refused refused) {
      message
          .getRefusedBuilder()
          .setCode(refused.error().code().name())
          .setDetail(refused.error().detail());
    } else if (reply instanceof SpaceReply.NotFound) {
      message.getNotFoundBuilder();
    } else {
      message.getDoneBuilder();
    }
    return message.build();
  }

  private static SpaceReply read(WireProto.SpaceReply message) throws NotSerializableException {
    return switch (message.getReplyCase()) {
      case DONE -> SpaceReply.Done.DONE;
      case FOUND -> new SpaceReply.Found(readTuple(message.getFound().getTuple()));
      case NOT_FOUND -> SpaceReply.NotFound.NOT_FOUND;
      case COUNTED -> new SpaceReply.Counted(message.getCounted().getCount());
      case REFUSED ->
          new SpaceReply.Refused(
              new VudoError(
                  ErrorCode.of(message.getRefused().getCode()), message.getRefused().getDetail()));
      case REPLY_NOT_SET -> throw unknown("a reply");
    };
  }

  private static ByteString write(Tuple tuple) {
    return ByteString.copyFrom(TupleCodec.encode(tuple));
  }

  private static ByteString write(Template template) {
    return ByteString.copyFrom(TupleCodec.encode(template));
  }

  private static Tuple readTuple(ByteString bytes) {
    return TupleCodec.decodeTuple(bytes.toByteArray());
  }

  private static Template readTemplate(ByteString bytes) {
    return TupleCodec.decodeTemplate(bytes.toByteArray());
  }
}
