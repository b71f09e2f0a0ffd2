package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.wire.v1.Addressed;
import io.vudo.protocol.wire.v1.At;
import io.vudo.protocol.wire.v1.Command;
import io.vudo.protocol.wire.v1.Drain;
import io.vudo.protocol.wire.v1.Draining;
import io.vudo.protocol.wire.v1.Drop;
import io.vudo.protocol.wire.v1.Farewell;
import io.vudo.protocol.wire.v1.Find;
import io.vudo.protocol.wire.v1.Forwarded;
import io.vudo.protocol.wire.v1.Found;
import io.vudo.protocol.wire.v1.Give;
import io.vudo.protocol.wire.v1.HostReport;
import io.vudo.protocol.wire.v1.LastOfIt;
import io.vudo.protocol.wire.v1.Marked;
import io.vudo.protocol.wire.v1.Moved;
import io.vudo.protocol.wire.v1.Movements;
import io.vudo.protocol.wire.v1.NotMoved;
import io.vudo.protocol.wire.v1.Offer;
import io.vudo.protocol.wire.v1.Pages;
import io.vudo.protocol.wire.v1.Recent;
import io.vudo.protocol.wire.v1.Released;
import io.vudo.protocol.wire.v1.Report;
import io.vudo.protocol.wire.v1.StandUp;
import io.vudo.spirit.Drained;
import io.vudo.spirit.HostStatus;
import io.vudo.spirit.Relocation;
import java.io.IOException;
import java.io.NotSerializableException;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What the hosts of Spirits say to each other, as Protobuf. Manifests and the identifier never
 * change.
 */
public final class HostSerializer extends SerializerWithStringManifest {
  private static final int IDENTIFIER = 7_356_103;

  private static final String FORWARDED = "F";
  private static final String ADDRESSED = "A";
  private static final String AT = "T";
  private static final String MARKED = "M";
  private static final String FIND = "Q";
  private static final String FOUND = "QA";
  private static final String DRAINING = "D";
  private static final String FAREWELL = "B";
  private static final String RELEASED = "BD";
  private static final String MOVED = "VD";
  private static final String NOT_MOVED = "VF";
  private static final String DRAIN = "DR";
  private static final String DRAINED = "DD";
  private static final String REPORT = "R";
  private static final String REPORTED = "RD";
  private static final String RECENT = "E";
  private static final String MOVEMENTS = "ED";
  private static final String OFFER = "O";
  private static final String PAGES = "P";
  private static final String STAND_UP = "S";
  private static final String REST = "L";
  private static final String GIVE = "G";
  private static final String DROP = "X";

  private final ActorRefResolver references;
  private final SpiritSerializer commands;

  /** Made by Pekko. */
  public HostSerializer(ExtendedActorSystem system) {
    this.references = ActorRefResolver.get(Adapter.toTyped(system));
    this.commands = new SpiritSerializer(system);
  }

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object message) {
    if (message instanceof HostCommand.Forwarded) {
      return FORWARDED;
    } else if (message instanceof HostCommand.Addressed) {
      return ADDRESSED;
    } else if (message instanceof HostCommand.At) {
      return AT;
    } else if (message instanceof HostCommand.Marked) {
      return MARKED;
    } else if (message instanceof HostCommand.Find) {
      return FIND;
    } else if (message instanceof HostCommand.Found) {
      return FOUND;
    } else if (message instanceof HostCommand.Draining) {
      return DRAINING;
    } else if (message instanceof HostCommand.Farewell) {
      return FAREWELL;
    } else if (message instanceof HostCommand.Released) {
      return RELEASED;
    } else if (message instanceof MoveReply.Moved) {
      return MOVED;
    } else if (message instanceof MoveReply.NotMoved) {
      return NOT_MOVED;
    } else if (message instanceof HostCommand.Drain) {
      return DRAIN;
    } else if (message instanceof DrainReply) {
      return DRAINED;
    } else if (message instanceof HostCommand.Report) {
      return REPORT;
    } else if (message instanceof ReportReply) {
      return REPORTED;
    } else if (message instanceof HostCommand.Recent) {
      return RECENT;
    } else if (message instanceof RecentReply) {
      return MOVEMENTS;
    } else if (message instanceof HostCommand.Offered) {
      return OFFER;
    } else if (message instanceof HostCommand.Copied) {
      return PAGES;
    } else if (message instanceof HostCommand.StandUp) {
      return STAND_UP;
    } else if (message instanceof HostCommand.Rest) {
      return REST;
    } else if (message instanceof HostCommand.Given) {
      return GIVE;
    } else if (message instanceof HostCommand.Dropped) {
      return DROP;
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  @Override
  public byte[] toBinary(Object message) {
    return protobuf(message).toByteArray();
  }

  private MessageLite protobuf(Object message) {
    if (message instanceof HostCommand.Forwarded forwarded) {
      return Forwarded.newBuilder()
          .setSpirit(forwarded.spirit())
          .setCommand(command(forwarded.command()))
          .setFrom(text(forwarded.from()))
          .build();
    } else if (message instanceof HostCommand.Addressed addressed) {
      return Addressed.newBuilder()
          .setSpirit(addressed.spirit())
          .setCommand(command(addressed.command()))
          .setFrom(text(addressed.from()))
          .setStart(addressed.start())
          .build();
    } else if (message instanceof HostCommand.At at) {
      return At.newBuilder().setSpirit(at.spirit()).setHost(text(at.host())).build();
    } else if (message instanceof HostCommand.Marked marked) {
      return Marked.newBuilder()
          .setSpirit(marked.spirit())
          .setToken(marked.token())
          .setHost(text(marked.host()))
          .build();
    } else if (message instanceof HostCommand.Find find) {
      return Find.newBuilder()
          .setSpirit(find.spirit())
          .setToken(find.token())
          .setReplyTo(text(find.replyTo()))
          .build();
    } else if (message instanceof HostCommand.Found found) {
      return Found.newBuilder()
          .setSpirit(found.spirit())
          .setToken(found.token())
          .setHost(text(found.host()))
          .setAt(text(found.at()))
          .build();
    } else if (message instanceof HostCommand.Draining draining) {
      return Draining.newBuilder().setNode(draining.node()).setOn(draining.on()).build();
    } else if (message instanceof HostCommand.Farewell farewell) {
      return Farewell.newBuilder()
          .setHost(text(farewell.host()))
          .setReplyTo(text(farewell.replyTo()))
          .build();
    } else if (message instanceof HostCommand.Released released) {
      return Released.newBuilder().setHost(text(released.host())).build();
    } else if (message instanceof MoveReply.Moved moved) {
      return protobuf(moved.relocation());
    } else if (message instanceof MoveReply.NotMoved not) {
      return NotMoved.newBuilder()
          .setSpirit(not.spirit())
          .setCode(not.error().code().name())
          .setDetail(not.error().detail())
          .build();
    } else if (message instanceof HostCommand.Drain drain) {
      return Drain.newBuilder().setOn(drain.on()).setReplyTo(text(drain.replyTo())).build();
    } else if (message instanceof DrainReply reply) {
      return io.vudo.protocol.wire.v1.Drained.newBuilder()
          .setNode(reply.drained().node())
          .setMoved(reply.drained().moved())
          .setLeft(reply.drained().left())
          .build();
    } else if (message instanceof HostCommand.Report report) {
      return Report.newBuilder().setReplyTo(text(report.replyTo())).build();
    } else if (message instanceof ReportReply reply) {
      return protobuf(reply.status());
    } else if (message instanceof HostCommand.Recent recent) {
      return Recent.newBuilder().setMost(recent.most()).setReplyTo(text(recent.replyTo())).build();
    } else if (message instanceof RecentReply reply) {
      Movements.Builder movements = Movements.newBuilder();
      reply.moves().forEach(move -> movements.addMoves(protobuf(move)));
      return movements.build();
    } else if (message instanceof HostCommand.Offered offered) {
      return offered.offer().toBuilder().setReplyTo(text(offered.from())).build();
    } else if (message instanceof HostCommand.Copied copied) {
      return copied.pages();
    } else if (message instanceof HostCommand.StandUp up) {
      return StandUp.newBuilder().setSpirit(up.spirit()).setMove(up.move()).build();
    } else if (message instanceof HostCommand.Rest rest) {
      return rest.rest();
    } else if (message instanceof HostCommand.Given given) {
      Give.Builder give = given.give().toBuilder();
      given.waiting().forEach(waiting -> give.addWaiting(command(waiting)));
      return give.build();
    } else if (message instanceof HostCommand.Dropped dropped) {
      return Drop.newBuilder().setSpirit(dropped.spirit()).setMove(dropped.move()).build();
    }
    throw new IllegalArgumentException(message.getClass() + " never leaves its node");
  }

  private static Moved protobuf(Relocation relocation) {
    return Moved.newBuilder()
        .setSpirit(relocation.id().toString())
        .setFrom(relocation.from())
        .setTo(relocation.to())
        .setTurn(relocation.turn())
        .setPauseMicros(relocation.pauseMicros())
        .setCopiedBytes(relocation.copiedBytes())
        .setPauseBytes(relocation.pauseBytes())
        .setMovedAtMillis(relocation.movedAtMillis())
        .build();
  }

  private static HostReport protobuf(HostStatus status) {
    return HostReport.newBuilder()
        .setNode(status.node())
        .setDraining(status.draining())
        .setShards(status.shards())
        .setResidents(status.residents())
        .setMoving(status.moving())
        .setMovedIn(status.movedIn())
        .setMovedOut(status.movedOut())
        .setMovesFailed(status.movesFailed())
        .setBytesOut(status.bytesOut())
        .build();
  }

  private Command command(SpiritCommand command) {
    return Command.newBuilder()
        .setManifest(commands.manifest(command))
        .setBytes(ByteString.copyFrom(commands.toBinary(command)))
        .build();
  }

  private String text(ActorRef<?> reference) {
    return reference == null ? "" : references.toSerializationFormat(reference);
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    try {
      return read(bytes, manifest);
    } catch (IOException | IllegalArgumentException | VudoException e) {
      throw new NotSerializableException(manifest + ": " + e.getMessage());
    }
  }

  private Object read(byte[] bytes, String manifest) throws IOException {
    return switch (manifest) {
      case FORWARDED -> {
        Forwarded forwarded = Forwarded.parseFrom(bytes);
        yield new HostCommand.Forwarded(
            forwarded.getSpirit(), command(forwarded.getCommand()), reference(forwarded.getFrom()));
      }
      case ADDRESSED -> {
        Addressed addressed = Addressed.parseFrom(bytes);
        yield new HostCommand.Addressed(
            addressed.getSpirit(),
            command(addressed.getCommand()),
            reference(addressed.getFrom()),
            addressed.getStart());
      }
      case AT -> {
        At at = At.parseFrom(bytes);
        yield new HostCommand.At(at.getSpirit(), reference(at.getHost()));
      }
      case MARKED -> {
        Marked marked = Marked.parseFrom(bytes);
        yield new HostCommand.Marked(
            marked.getSpirit(), marked.getToken(), reference(marked.getHost()));
      }
      case FIND -> {
        Find find = Find.parseFrom(bytes);
        yield new HostCommand.Find(find.getSpirit(), find.getToken(), reference(find.getReplyTo()));
      }
      case FOUND -> {
        Found found = Found.parseFrom(bytes);
        yield new HostCommand.Found(
            found.getSpirit(),
            found.getToken(),
            reference(found.getHost()),
            reference(found.getAt()));
      }
      case DRAINING -> {
        Draining draining = Draining.parseFrom(bytes);
        yield new HostCommand.Draining(draining.getNode(), draining.getOn());
      }
      case FAREWELL -> {
        Farewell farewell = Farewell.parseFrom(bytes);
        yield new HostCommand.Farewell(
            reference(farewell.getHost()), reference(farewell.getReplyTo()));
      }
      case RELEASED -> new HostCommand.Released(reference(Released.parseFrom(bytes).getHost()));
      case MOVED -> {
        yield new MoveReply.Moved(relocation(Moved.parseFrom(bytes)));
      }
      case NOT_MOVED -> {
        NotMoved not = NotMoved.parseFrom(bytes);
        yield new MoveReply.NotMoved(
            not.getSpirit(), new VudoError(ErrorCode.of(not.getCode()), not.getDetail()));
      }
      case DRAIN -> {
        Drain drain = Drain.parseFrom(bytes);
        yield new HostCommand.Drain(drain.getOn(), reference(drain.getReplyTo()));
      }
      case DRAINED -> {
        var drained = io.vudo.protocol.wire.v1.Drained.parseFrom(bytes);
        yield new DrainReply(new Drained(drained.getNode(), drained.getMoved(), drained.getLeft()));
      }
      case REPORT -> new HostCommand.Report(reference(Report.parseFrom(bytes).getReplyTo()));
      case REPORTED -> {
        HostReport report = HostReport.parseFrom(bytes);
        yield new ReportReply(
            new HostStatus(
                report.getNode(),
                report.getDraining(),
                report.getShards(),
                report.getResidents(),
                report.getMoving(),
                report.getMovedIn(),
                report.getMovedOut(),
                report.getMovesFailed(),
                report.getBytesOut()));
      }
      case RECENT -> {
        Recent recent = Recent.parseFrom(bytes);
        yield new HostCommand.Recent(recent.getMost(), reference(recent.getReplyTo()));
      }
      case MOVEMENTS ->
          new RecentReply(
              Movements.parseFrom(bytes).getMovesList().stream()
                  .map(HostSerializer::relocation)
                  .toList());
      case OFFER -> {
        Offer offer = Offer.parseFrom(bytes);
        yield new HostCommand.Offered(offer, reference(offer.getReplyTo()));
      }
      case PAGES -> new HostCommand.Copied(Pages.parseFrom(bytes));
      case STAND_UP -> {
        StandUp up = StandUp.parseFrom(bytes);
        yield new HostCommand.StandUp(up.getSpirit(), up.getMove());
      }
      case REST -> new HostCommand.Rest(LastOfIt.parseFrom(bytes));
      case GIVE -> {
        Give give = Give.parseFrom(bytes);
        List<SpiritCommand> waiting = new ArrayList<>();
        for (Command command : give.getWaitingList()) {
          waiting.add(command(command));
        }
        yield new HostCommand.Given(give, waiting);
      }
      case DROP -> {
        Drop drop = Drop.parseFrom(bytes);
        yield new HostCommand.Dropped(drop.getSpirit(), drop.getMove());
      }
      default -> throw new NotSerializableException("Unknown manifest " + manifest);
    };
  }

  private static Relocation relocation(Moved moved) {
    return new Relocation(
        SpiritId.parse(moved.getSpirit()),
        moved.getFrom(),
        moved.getTo(),
        moved.getTurn(),
        moved.getPauseMicros(),
        moved.getCopiedBytes(),
        moved.getPauseBytes(),
        moved.getMovedAtMillis());
  }

  private SpiritCommand command(Command command) throws NotSerializableException {
    return commands.fromBinary(command.getBytes().toByteArray(), command.getManifest())
            instanceof SpiritCommand read
        ? read
        : unreadable(command);
  }

  private static SpiritCommand unreadable(Command command) throws NotSerializableException {
    throw new NotSerializableException(command.getManifest() + " is no command of a Spirit");
  }

  private <T> ActorRef<T> reference(String text) {
    return text.isEmpty() ? null : references.resolveActorRef(text);
  }
}
