package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.WakeEvent;
import io.vudo.protocol.journal.v1.WakeSnapshot;
import io.vudo.protocol.wire.v1.Answered;
import io.vudo.protocol.wire.v1.At;
import io.vudo.protocol.wire.v1.Begin;
import io.vudo.protocol.wire.v1.Bounced;
import io.vudo.protocol.wire.v1.Command;
import io.vudo.protocol.wire.v1.Deliver;
import io.vudo.protocol.wire.v1.Handled;
import io.vudo.protocol.wire.v1.HoldAnswer;
import io.vudo.protocol.wire.v1.Marker;
import io.vudo.protocol.wire.v1.Migrate;
import io.vudo.protocol.wire.v1.Migrated;
import io.vudo.protocol.wire.v1.MoveTo;
import io.vudo.protocol.wire.v1.Refused;
import io.vudo.protocol.wire.v1.ResolveHold;
import io.vudo.protocol.wire.v1.Step;
import io.vudo.protocol.wire.v1.SwapEnd;
import io.vudo.protocol.wire.v1.SwapNow;
import io.vudo.protocol.wire.v1.WakeAdd;
import io.vudo.protocol.wire.v1.WakeAdded;
import io.vudo.protocol.wire.v1.WakeRemove;
import io.vudo.spirit.Migration;
import java.io.IOException;
import java.io.NotSerializableException;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What Spirits' actors say to each other, as Protobuf. Manifests and the identifier never change.
 */
public final class SpiritSerializer extends SerializerWithStringManifest {
  private static final int IDENTIFIER = 7_356_101;

  private static final String DELIVER = "D";
  private static final String RESOLVE_HOLD = "R";
  private static final String MIGRATE = "M";
  private static final String MIGRATED = "MD";
  private static final String NOT_MIGRATED = "MF";
  private static final String BEGIN = "G";
  private static final String BEGUN = "GD";
  private static final String NOT_BEGUN = "GF";
  private static final String SWAP = "S";
  private static final String SWAP_END = "SE";
  private static final String ANSWERED = "N";
  private static final String WAKE = "W";
  private static final String PASSIVATE = "P";
  private static final String RELOCATE = "L";
  private static final String MARKER = "K";
  private static final String BOUNCED = "BO";
  private static final String AT = "T";
  private static final String STEPPED = "ST";
  private static final String HANDLED = "H";
  private static final String HANDLED_BADLY = "B";
  private static final String REFUSED = "F";
  private static final String HOLD_ANSWER = "A";
  private static final String INDEX_ADD = "IA";
  private static final String INDEX_ADDED = "ID";
  private static final String INDEX_REMOVE = "IR";
  private static final String INDEX_PING = "IP";
  private static final String INDEX_EVENT = "IE";
  private static final String INDEX_SNAPSHOT = "IS";

  private final ActorRefResolver references;

  /** Made by Pekko. */
  public SpiritSerializer(ExtendedActorSystem system) {
    this.references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object message) {
    if (message instanceof SpiritCommand.Deliver) {
      return DELIVER;
    } else if (message instanceof SpiritCommand.ResolveHold) {
      return RESOLVE_HOLD;
    } else if (message instanceof SpiritCommand.Migrate) {
      return MIGRATE;
    } else if (message instanceof MigrationReply.Done) {
      return MIGRATED;
    } else if (message instanceof MigrationReply.Refused) {
      return NOT_MIGRATED;
    } else if (message instanceof SpiritCommand.Begin) {
      return BEGIN;
    } else if (message instanceof BeginReply.Begun) {
      return BEGUN;
    } else if (message instanceof BeginReply.Refused) {
      return NOT_BEGUN;
    } else if (message instanceof SpiritCommand.SwapNow) {
      return SWAP;
    } else if (message instanceof SwapEnd) {
      return SWAP_END;
    } else if (message instanceof SpiritCommand.Answered) {
      return ANSWERED;
    } else if (message instanceof SpiritCommand.Wake) {
      return WAKE;
    } else if (message instanceof SpiritCommand.Passivate) {
      return PASSIVATE;
    } else if (message instanceof SpiritCommand.Relocate) {
      return RELOCATE;
    } else if (message instanceof SpiritCommand.Marker) {
      return MARKER;
    } else if (message instanceof SpiritCommand.Bounced) {
      return BOUNCED;
    } else if (message instanceof SpiritCommand.At) {
      return AT;
    } else if (message instanceof SpiritCommand.Stepped) {
      return STEPPED;
    } else if (message instanceof DeliveryReply.Handled) {
      return HANDLED;
    } else if (message instanceof DeliveryReply.HandledBadly) {
      return HANDLED_BADLY;
    } else if (message instanceof DeliveryReply.Refused) {
      return REFUSED;
    } else if (message instanceof HoldAnswer) {
      return HOLD_ANSWER;
    } else if (message instanceof WakeIndex.Add) {
      return INDEX_ADD;
    } else if (message instanceof WakeIndex.Added) {
      return INDEX_ADDED;
    } else if (message instanceof WakeIndex.Remove) {
      return INDEX_REMOVE;
    } else if (message instanceof WakeIndex.Ping) {
      return INDEX_PING;
    } else if (message instanceof WakeEvent) {
      return INDEX_EVENT;
    } else if (message instanceof WakeSnapshot) {
      return INDEX_SNAPSHOT;
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  @Override
  public byte[] toBinary(Object message) {
    if (message instanceof SpiritCommand.Deliver deliver) {
      return Deliver.newBuilder()
          .setMessage(deliver.message())
          .setReplyTo(references.toSerializationFormat(deliver.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.ResolveHold resolve) {
      return ResolveHold.newBuilder()
          .setHold(resolve.hold())
          .setReplyTo(references.toSerializationFormat(resolve.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Migrate migrate) {
      return Migrate.newBuilder()
          .setEngine(migrate.engine())
          .setReplyTo(references.toSerializationFormat(migrate.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof MigrationReply.Done done) {
      Migration migration = done.migration();
      return Migrated.newBuilder()
          .setSpirit(migration.id().toString())
          .setEngine(migration.engine())
          .setFromEngine(migration.fromEngine())
          .setTurn(migration.turn())
          .setPauseMillis(migration.pauseMillis())
          .setStateHash(migration.stateHash())
          .build()
          .toByteArray();
    } else if (message instanceof MigrationReply.Refused refused) {
      return Refused.newBuilder()
          .setCode(refused.error().code().name())
          .setDetail(refused.error().detail())
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Begin begin) {
      return Begin.newBuilder()
          .addAllEvents(begin.events())
          .setReplyTo(references.toSerializationFormat(begin.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.SwapNow swap) {
      return SwapNow.newBuilder()
          .setReplyTo(references.toSerializationFormat(swap.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof BeginReply.Refused refused) {
      return Refused.newBuilder()
          .setCode(refused.error().code().name())
          .setDetail(refused.error().detail())
          .build()
          .toByteArray();
    } else if (message instanceof DeliveryReply.Handled handled) {
      return Handled.newBuilder()
          .setMessageId(handled.messageId())
          .setTurn(handled.turn())
          .setCompleted(handled.outcome())
          .build()
          .toByteArray();
    } else if (message instanceof DeliveryReply.HandledBadly handled) {
      return Handled.newBuilder()
          .setMessageId(handled.messageId())
          .setTurn(handled.turn())
          .setFailed(handled.outcome())
          .build()
          .toByteArray();
    } else if (message instanceof DeliveryReply.Refused refused) {
      return Refused.newBuilder()
          .setMessageId(refused.messageId())
          .setCode(refused.error().code().name())
          .setDetail(refused.error().detail())
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Answered answered) {
      return Answered.newBuilder()
          .setWait(answered.waitId())
          .setAnswer(answered.answer())
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Relocate relocate) {
      return MoveTo.newBuilder()
          .setNode(relocate.node())
          .setReplyTo(references.toSerializationFormat(relocate.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Marker marker) {
      return Marker.newBuilder()
          .setToken(marker.token())
          .setReplyTo(references.toSerializationFormat(marker.replyTo()))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Bounced bounced) {
      return Bounced.newBuilder()
          .setCommand(
              Command.newBuilder()
                  .setManifest(manifest(bounced.command()))
                  .setBytes(ByteString.copyFrom(toBinary(bounced.command()))))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.At at) {
      return At.newBuilder()
          .setHost(references.toSerializationFormat(at.host()))
          .build()
          .toByteArray();
    } else if (message instanceof SpiritCommand.Stepped stepped) {
      return stepped.step().toByteArray();
    } else if (message instanceof MessageLite protobuf) {
      return protobuf.toByteArray();
    } else if (message instanceof WakeIndex.Add add) {
      return WakeAdd.newBuilder()
          .setSpirit(add.spirit())
          .setReplyTo(references.toSerializationFormat(add.replyTo()))
          .setDueMillis(add.dueMillis())
          .build()
          .toByteArray();
    } else if (message instanceof WakeIndex.Added added) {
      return WakeAdded.newBuilder().setSpirit(added.spirit()).build().toByteArray();
    } else if (message instanceof WakeIndex.Remove remove) {
      return WakeRemove.newBuilder().setSpirit(remove.spirit()).build().toByteArray();
    }
    manifest(message);
    return new byte[0];
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return switch (manifest) {
        case DELIVER -> {
          Deliver deliver = Deliver.parseFrom(bytes);
          yield new SpiritCommand.Deliver(
              deliver.getMessage(), references.resolveActorRef(deliver.getReplyTo()));
        }
        case RESOLVE_HOLD -> {
          ResolveHold resolve = ResolveHold.parseFrom(bytes);
          yield new SpiritCommand.ResolveHold(
              resolve.getHold(), references.resolveActorRef(resolve.getReplyTo()));
        }
        case MIGRATE -> {
          Migrate migrate = Migrate.parseFrom(bytes);
          yield new SpiritCommand.Migrate(
              migrate.getEngine(), references.resolveActorRef(migrate.getReplyTo()));
        }
        case MIGRATED -> {
          Migrated migrated = Migrated.parseFrom(bytes);
          yield new MigrationReply.Done(
              new Migration(
                  SpiritId.parse(migrated.getSpirit()),
                  migrated.getEngine(),
                  migrated.getFromEngine(),
                  migrated.getTurn(),
                  migrated.getPauseMillis(),
                  migrated.getStateHash()));
        }
        case NOT_MIGRATED -> {
          Refused refused = Refused.parseFrom(bytes);
          yield new MigrationReply.Refused(
              new VudoError(ErrorCode.of(refused.getCode()), refused.getDetail()));
        }
        case BEGIN -> {
          Begin begin = Begin.parseFrom(bytes);
          yield new SpiritCommand.Begin(
              begin.getEventsList(), references.resolveActorRef(begin.getReplyTo()));
        }
        case BEGUN -> new BeginReply.Begun();
        case NOT_BEGUN -> {
          Refused refused = Refused.parseFrom(bytes);
          yield new BeginReply.Refused(
              new VudoError(ErrorCode.of(refused.getCode()), refused.getDetail()));
        }
        case SWAP ->
            new SpiritCommand.SwapNow(
                references.resolveActorRef(SwapNow.parseFrom(bytes).getReplyTo()));
        case SWAP_END -> SwapEnd.parseFrom(bytes);
        case ANSWERED -> {
          Answered answered = Answered.parseFrom(bytes);
          yield new SpiritCommand.Answered(answered.getWait(), answered.getAnswer());
        }
        case WAKE -> SpiritCommand.Wake.INSTANCE;
        case PASSIVATE -> SpiritCommand.Passivate.INSTANCE;
        case RELOCATE -> {
          MoveTo relocate = MoveTo.parseFrom(bytes);
          yield new SpiritCommand.Relocate(
              relocate.getNode(), references.resolveActorRef(relocate.getReplyTo()));
        }
        case MARKER -> {
          Marker marker = Marker.parseFrom(bytes);
          yield new SpiritCommand.Marker(
              marker.getToken(), references.resolveActorRef(marker.getReplyTo()));
        }
        case BOUNCED -> {
          Command command = Bounced.parseFrom(bytes).getCommand();
          if (fromBinary(command.getBytes().toByteArray(), command.getManifest())
              instanceof SpiritCommand bounced) {
            yield new SpiritCommand.Bounced(bounced);
          }
          throw new NotSerializableException(command.getManifest() + " is no command of a Spirit");
        }
        case AT -> new SpiritCommand.At(references.resolveActorRef(At.parseFrom(bytes).getHost()));
        case STEPPED -> new SpiritCommand.Stepped(Step.parseFrom(bytes));
        case HANDLED -> {
          Handled handled = Handled.parseFrom(bytes);
          yield new DeliveryReply.Handled(
              handled.getMessageId(), handled.getTurn(), handled.getCompleted());
        }
        case HANDLED_BADLY -> {
          Handled handled = Handled.parseFrom(bytes);
          yield new DeliveryReply.HandledBadly(
              handled.getMessageId(), handled.getTurn(), handled.getFailed());
        }
        case REFUSED -> {
          Refused refused = Refused.parseFrom(bytes);
          yield new DeliveryReply.Refused(
              refused.getMessageId(),
              new VudoError(ErrorCode.of(refused.getCode()), refused.getDetail()));
        }
        case HOLD_ANSWER -> HoldAnswer.parseFrom(bytes);
        case INDEX_ADD -> {
          WakeAdd add = WakeAdd.parseFrom(bytes);
          yield new WakeIndex.Add(
              add.getSpirit(), add.getDueMillis(), references.resolveActorRef(add.getReplyTo()));
        }
        case INDEX_ADDED -> new WakeIndex.Added(WakeAdded.parseFrom(bytes).getSpirit());
        case INDEX_REMOVE -> new WakeIndex.Remove(WakeRemove.parseFrom(bytes).getSpirit());
        case INDEX_PING -> WakeIndex.Ping.INSTANCE;
        case INDEX_EVENT -> WakeEvent.parseFrom(bytes);
        case INDEX_SNAPSHOT -> WakeSnapshot.parseFrom(bytes);
        default -> throw new NotSerializableException("Unknown manifest " + manifest);
      };
    } catch (NotSerializableException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Damaged bytes can be good Protobuf with an address in it that Pekko cannot read.
      NotSerializableException failure =
          new NotSerializableException("A damaged message " + manifest + ": " + e.getMessage());
      failure.initCause(e);
      throw failure;
    }
  }
}
