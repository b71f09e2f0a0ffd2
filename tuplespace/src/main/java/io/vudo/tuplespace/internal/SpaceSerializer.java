package io.vudo.tuplespace.internal;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.internal.v1.SpaceProto;
import io.vudo.tuplespace.internal.v1.WireProto;
import java.io.NotSerializableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Turns what crosses the wire or goes to disk into the messages of {@code space.proto} and {@code
 * wire.proto} and back. The manifest says which of five messages it is; the rest is in the message.
 */
public final class SpaceSerializer extends SerializerWithStringManifest {
  /** As in {@code reference.conf}; on disk with every event, so it never changes. */
  static final int IDENTIFIER = 74_100;

  private static final String COMMAND = "command";
  private static final String REPLY = "reply";
  private static final String EVENT = "event";
  private static final String SIGNAL = "signal";
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
    } else if (message instanceof WatchSignal) {
      return SIGNAL;
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
    } else if (message instanceof WatchSignal signal) {
      return write(signal).toByteArray();
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
        case SIGNAL -> read(WireProto.WatchSignal.parseFrom(bytes));
        case SNAPSHOT -> read(SpaceProto.SpaceSnapshot.parseFrom(bytes));
        default -> throw unknown("manifest " + manifest);
      };
    } catch (InvalidProtocolBufferException | RuntimeException e) {
      // Damaged bytes can be good Protobuf with an address in it that Pekko cannot read.
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

  private SpaceProto.SpaceEvent write(SpaceEvent event) {
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
    } else if (event instanceof SpaceEvent.Pended pended) {
      message
          .getPendedBuilder()
          .setStored(write(pended.stored()))
          .setHoldId(pended.holdId())
          .setHolder(pended.holder());
    } else if (event instanceof SpaceEvent.HoldConfirmed confirmed) {
      message.getHoldConfirmedBuilder().setHoldId(confirmed.holdId());
    } else if (event instanceof SpaceEvent.HoldReleased released) {
      message.getHoldReleasedBuilder().setHoldId(released.holdId());
    } else if (event instanceof SpaceEvent.LeaseRenewed renewed) {
      message
          .getLeaseRenewedBuilder()
          .setEntryId(renewed.entryId())
          .setLeaseEndsAtMillis(writeEnd(renewed.leaseEndsAtMillis()));
    } else if (event instanceof SpaceEvent.SpiritWatches watch) {
      message.setSpiritWatches(
          write(new SpaceSnapshot.SpiritWatch(watch.watchId(), watch.watcher(), watch.template())));
    } else if (event instanceof SpaceEvent.SpiritUnwatches unwatch) {
      message.getSpiritUnwatchesBuilder().setWatchId(unwatch.watchId());
    } else if (event instanceof SpaceEvent.WaitersKept kept) {
      var waiters = message.getWaitersKeptBuilder();
      kept.waiters().forEach(waiter -> waiters.addWaiters(write(waiter)));
    } else {
      writeCoordination(event, message);
    }
    return message.build();
  }

  private static void writeCoordination(SpaceEvent event, SpaceProto.SpaceEvent.Builder message) {
    if (event instanceof SpaceEvent.Begun begun) {
      message
          .getBegunBuilder()
          .setTransaction(begun.transaction())
          .setEndsAtMillis(begun.endsAtMillis());
    } else if (event instanceof SpaceEvent.Decided decided) {
      message.getDecidedBuilder().setTransaction(decided.transaction()).setCommit(decided.commit());
    } else if (event instanceof SpaceEvent.Ended ended) {
      message.getEndedBuilder().setTransaction(ended.transaction());
    } else if (event instanceof SpaceEvent.FollowedEnd followed) {
      message.getFollowedEndBuilder().setTransaction(followed.transaction());
    } else if (event instanceof SpaceEvent.Arrived arrived) {
      message
          .getArrivedBuilder()
          .setBarrier(arrived.barrier())
          .setParties(arrived.parties())
          .setPartyId(arrived.partyId())
          .setEndsAtMillis(arrived.endsAtMillis());
    } else if (event instanceof SpaceEvent.Left left) {
      message.getLeftBuilder().setBarrier(left.barrier()).setPartyId(left.partyId());
    } else if (event instanceof SpaceEvent.Opened opened) {
      message.getOpenedBuilder().setBarrier(opened.barrier());
    }
  }

  private SpaceEvent read(SpaceProto.SpaceEvent message) throws NotSerializableException {
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
      case PENDED ->
          new SpaceEvent.Pended(
              time,
              read(message.getPended().getStored()),
              message.getPended().getHoldId(),
              message.getPended().getHolder());
      case HOLD_CONFIRMED ->
          new SpaceEvent.HoldConfirmed(time, message.getHoldConfirmed().getHoldId());
      case HOLD_RELEASED ->
          new SpaceEvent.HoldReleased(time, message.getHoldReleased().getHoldId());
      case LEASE_RENEWED ->
          new SpaceEvent.LeaseRenewed(
              time,
              message.getLeaseRenewed().getEntryId(),
              readEnd(message.getLeaseRenewed().getLeaseEndsAtMillis()));
      case BEGUN ->
          new SpaceEvent.Begun(
              time, message.getBegun().getTransaction(), message.getBegun().getEndsAtMillis());
      case DECIDED ->
          new SpaceEvent.Decided(
              time, message.getDecided().getTransaction(), message.getDecided().getCommit());
      case ENDED -> new SpaceEvent.Ended(time, message.getEnded().getTransaction());
      case FOLLOWED_END ->
          new SpaceEvent.FollowedEnd(time, message.getFollowedEnd().getTransaction());
      case ARRIVED ->
          new SpaceEvent.Arrived(
              time,
              message.getArrived().getBarrier(),
              message.getArrived().getParties(),
              message.getArrived().getPartyId(),
              message.getArrived().getEndsAtMillis());
      case LEFT ->
          new SpaceEvent.Left(time, message.getLeft().getBarrier(), message.getLeft().getPartyId());
      case OPENED -> new SpaceEvent.Opened(time, message.getOpened().getBarrier());
      case SPIRIT_WATCHES -> {
        SpaceSnapshot.SpiritWatch watch = read(message.getSpiritWatches());
        yield new SpaceEvent.SpiritWatches(
            time, watch.watchId(), watch.watcher(), watch.template());
      }
      case SPIRIT_UNWATCHES ->
          new SpaceEvent.SpiritUnwatches(time, message.getSpiritUnwatches().getWatchId());
      case WAITERS_KEPT ->
          new SpaceEvent.WaitersKept(
              time, message.getWaitersKept().getWaitersList().stream().map(this::read).toList());
      case EVENT_NOT_SET -> throw unknown("an event");
    };
  }

  private SpaceProto.Waiter write(Waiter waiter) {
    var message =
        SpaceProto.Waiter.newBuilder()
            .setArrival(waiter.arrival())
            .setTemplate(write(waiter.template()))
            .setTake(waiter.take())
            .setRemainingMillis(waiter.deadlineMillis())
            .setId(waiter.party().id().text());
    if (waiter.party() instanceof Waiter.Caller caller) {
      message
          .setReplyTo(resolver.toSerializationFormat(caller.replyTo()))
          .setOperation(write(caller.operation()))
          .setTransaction(caller.transaction());
    } else if (waiter.party() instanceof Waiter.Offered offered) {
      message.setReplyTo(resolver.toSerializationFormat(offered.replyTo())).setOffered(true);
    } else if (waiter.party() instanceof Waiter.Spirit spirit) {
      message.setSpirit(spirit.spirit().toString());
    }
    return message.build();
  }

  private Waiter read(SpaceProto.Waiter message) {
    Waiter.Party party;
    if (!message.getSpirit().isEmpty()) {
      party = new Waiter.Spirit(message.getId(), SpiritId.parse(message.getSpirit()));
    } else {
      ActorRef<SpaceReply> replyTo = resolver.resolveActorRef(message.getReplyTo());
      party =
          message.getOffered()
              ? new Waiter.Offered(message.getId(), replyTo)
              : new Waiter.Caller(
                  message.getId(), read(message.getOperation()), message.getTransaction(), replyTo);
    }
    return new Waiter(
        message.getArrival(),
        party,
        readTemplate(message.getTemplate()),
        message.getTake(),
        message.getRemainingMillis());
  }

  private static SpaceProto.SpiritWatches write(SpaceSnapshot.SpiritWatch watch) {
    return SpaceProto.SpiritWatches.newBuilder()
        .setWatchId(watch.watchId())
        .setWatcher(watch.watcher().toString())
        .setTemplate(write(watch.template()))
        .build();
  }

  private static SpaceSnapshot.SpiritWatch read(SpaceProto.SpiritWatches message) {
    return new SpaceSnapshot.SpiritWatch(
        message.getWatchId(),
        SpiritId.parse(message.getWatcher()),
        readTemplate(message.getTemplate()));
  }

  private static long writeEnd(long endsAtMillis) {
    return endsAtMillis == StoredTuple.FOR_EVER ? 0 : endsAtMillis;
  }

  private static long readEnd(long endsAtMillis) {
    return endsAtMillis == 0 ? StoredTuple.FOR_EVER : endsAtMillis;
  }

  private static SpaceProto.StoredTuple write(StoredTuple stored) {
    return SpaceProto.StoredTuple.newBuilder()
        .setEntryId(stored.entryId())
        .setTuple(write(stored.tuple()))
        .setLeaseEndsAtMillis(writeEnd(stored.leaseEndsAtMillis()))
        .setLeaseName(stored.leaseName())
        .build();
  }

  private static StoredTuple read(SpaceProto.StoredTuple message) {
    return new StoredTuple(
        message.getEntryId(),
        readTuple(message.getTuple()),
        readEnd(message.getLeaseEndsAtMillis()),
        message.getLeaseName());
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
          .setStored(write(held.stored()))
          .setWritten(held.written());
    }
    snapshot.senders().forEach(turn -> message.addSenders(write(turn)));
    for (SpaceSnapshot.Key key : snapshot.keys()) {
      var written =
          message
              .addKeysBuilder()
              .setKey(key.key())
              .addAllEntryIds(key.use().entryIds())
              .setLeaseEndsAtMillis(writeEnd(key.use().leaseEndsAtMillis()));
      key.use().taken().ifPresent(tuple -> written.setTaken(write(tuple)));
    }
    for (SpaceSnapshot.FinishedHold hold : snapshot.finishedHolds()) {
      message.addFinishedHolds(hold.holdId());
      if (hold.confirmed()) {
        message.addConfirmedHolds(hold.holdId());
      }
    }
    for (SpaceSnapshot.Open open : snapshot.open()) {
      message
          .addOpenBuilder()
          .setTransaction(open.transaction())
          .setEndsAtMillis(open.endsAtMillis());
    }
    snapshot.decided().forEach(decision -> message.addDecided(write(decision)));
    snapshot.ended().forEach(decision -> message.addEnded(write(decision)));
    message.addAllFollowed(snapshot.followed());
    for (SpaceSnapshot.Barrier barrier : snapshot.barriers()) {
      var written =
          message.addBarriersBuilder().setName(barrier.name()).setParties(barrier.parties());
      for (SpaceSnapshot.Arrival arrival : barrier.arrivals()) {
        written
            .addArrivedBuilder()
            .setPartyId(arrival.partyId())
            .setEndsAtMillis(arrival.endsAtMillis());
      }
    }
    for (SpaceSnapshot.Passed passed : snapshot.passed()) {
      message.addPassedBuilder().setPartyId(passed.partyId()).setIndex(passed.index());
    }
    snapshot.watches().forEach(watch -> message.addWatches(write(watch)));
    return message.build();
  }

  private static SpaceProto.Decided write(SpaceSnapshot.Decision decision) {
    return SpaceProto.Decided.newBuilder()
        .setTransaction(decision.transaction())
        .setCommit(decision.commit())
        .build();
  }

  private static SpaceSnapshot.Decision read(SpaceProto.Decided message) {
    return new SpaceSnapshot.Decision(message.getTransaction(), message.getCommit());
  }

  private static SpaceSnapshot read(SpaceProto.SpaceSnapshot message) {
    Set<String> confirmed = Set.copyOf(message.getConfirmedHoldsList());
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
                        read(held.getStored()),
                        held.getWritten()))
            .toList(),
        message.getSendersList().stream().map(SpaceSerializer::read).toList(),
        message.getKeysList().stream()
            .map(
                key ->
                    new SpaceSnapshot.Key(
                        key.getKey(),
                        new KeyUse(
                            key.hasTaken()
                                ? Optional.of(readTuple(key.getTaken()))
                                : Optional.empty(),
                            List.copyOf(key.getEntryIdsList()),
                            readEnd(key.getLeaseEndsAtMillis()))))
            .toList(),
        message.getFinishedHoldsList().stream()
            .map(hold -> new SpaceSnapshot.FinishedHold(hold, confirmed.contains(hold)))
            .toList(),
        message.getOpenList().stream()
            .map(open -> new SpaceSnapshot.Open(open.getTransaction(), open.getEndsAtMillis()))
            .toList(),
        message.getDecidedList().stream().map(SpaceSerializer::read).toList(),
        message.getEndedList().stream().map(SpaceSerializer::read).toList(),
        List.copyOf(message.getFollowedList()),
        message.getBarriersList().stream()
            .map(
                barrier ->
                    new SpaceSnapshot.Barrier(
                        barrier.getName(),
                        barrier.getParties(),
                        barrier.getArrivedList().stream()
                            .map(
                                arrived ->
                                    new SpaceSnapshot.Arrival(
                                        arrived.getPartyId(), arrived.getEndsAtMillis()))
                            .toList()))
            .toList(),
        message.getPassedList().stream()
            .map(passed -> new SpaceSnapshot.Passed(passed.getPartyId(), passed.getIndex()))
            .toList(),
        message.getWatchesList().stream().map(SpaceSerializer::read).toList());
  }

  // Commands and replies

  private WireProto.SpaceCommand write(SpaceCommand command) {
    var message = WireProto.SpaceCommand.newBuilder();
    if (command instanceof SpaceCommand.Operation operation) {
      message.setReplyTo(resolver.toSerializationFormat(operation.replyTo()));
    }
    if (command instanceof SpaceCommand.Write write) {
      message
          .getWriteBuilder()
          .setOperation(write(write.operation()))
          .addAllTuple(write.tuples().stream().map(SpaceSerializer::write).toList())
          .setTtlMillis(write.ttlMillis())
          .setTransaction(write.transaction());
    } else if (command instanceof SpaceCommand.Read read) {
      message
          .getReadBuilder()
          .setTemplate(write(read.template()))
          .setPatience(write(read.patience()))
          .setTransaction(read.transaction());
    } else if (command instanceof SpaceCommand.Take take) {
      message
          .getTakeBuilder()
          .setOperation(write(take.operation()))
          .setTemplate(write(take.template()))
          .setPatience(write(take.patience()))
          .setTransaction(take.transaction());
    } else if (command instanceof SpaceCommand.Offer offer) {
      message
          .getOfferBuilder()
          .setHoldId(offer.holdId())
          .setTemplate(write(offer.template()))
          .setPatience(write(offer.patience()));
    } else if (command instanceof SpaceCommand.ReadAll readAll) {
      message
          .getReadAllBuilder()
          .setTemplate(write(readAll.template()))
          .setLimit(readAll.limit())
          .setAfterEntryId(readAll.afterEntryId())
          .setTransaction(readAll.transaction());
    } else if (command instanceof SpaceCommand.TakeAll takeAll) {
      message
          .getTakeAllBuilder()
          .setTemplate(write(takeAll.template()))
          .setLimit(takeAll.limit())
          .setTransaction(takeAll.transaction());
    } else if (command instanceof SpaceCommand.Count count) {
      message.getCountBuilder().setTemplate(write(count.template()));
    } else if (command instanceof SpaceCommand.CompareAndSwap swap) {
      message
          .getCompareAndSwapBuilder()
          .setOperation(write(swap.operation()))
          .setExpected(write(swap.expected()))
          .setReplacement(write(swap.replacement()))
          .setTtlMillis(swap.ttlMillis());
    } else if (command instanceof SpaceCommand.Renew renew) {
      message.getRenewBuilder().setLease(renew.lease().toString()).setTtlMillis(renew.ttlMillis());
    } else if (command instanceof SpaceCommand.CancelLease cancel) {
      message.getCancelLeaseBuilder().setLease(cancel.lease().toString());
    } else if (command instanceof SpaceCommand.Hold hold) {
      message
          .getHoldBuilder()
          .setHoldId(hold.holdId())
          .setHolder(hold.holder())
          .setTemplate(write(hold.template()));
    } else if (command instanceof SpaceCommand.HoldAll hold) {
      message
          .getHoldAllBuilder()
          .setHoldId(hold.holdId())
          .setFirst(hold.first())
          .setHolder(hold.holder())
          .setTemplate(write(hold.template()))
          .setLimit(hold.limit());
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
      writeCoordination(command, message);
    }
    return message.build();
  }

  private void writeCoordination(SpaceCommand command, WireProto.SpaceCommand.Builder message) {
    if (command instanceof SpaceCommand.Arrive arrive) {
      message
          .getArriveBuilder()
          .setBarrier(arrive.barrier())
          .setParties(arrive.parties())
          .setPatience(write(arrive.patience()));
    } else if (command instanceof SpaceCommand.AwaitBarrier await) {
      message
          .getAwaitBarrierBuilder()
          .setRequestId(await.requestId())
          .setWaiter(await.waiter().toString())
          .setBarrier(await.barrier())
          .setParties(await.parties())
          .setMillis(await.millis());
    } else if (command instanceof SpaceCommand.Begin begin) {
      message
          .getBeginBuilder()
          .setTransaction(begin.transaction())
          .setTimeoutMillis(begin.timeoutMillis());
    } else if (command instanceof SpaceCommand.End end) {
      message.getEndBuilder().setTransaction(end.transaction()).setCommit(end.commit());
    } else if (command instanceof SpaceCommand.Follow follow) {
      message
          .getFollowBuilder()
          .setTransaction(follow.transaction())
          .setCommit(follow.commit())
          .setPartition(follow.partition());
    } else if (command instanceof SpaceCommand.AskOutcome ask) {
      message.getAskOutcomeBuilder().setTransaction(ask.transaction());
    } else if (command instanceof SpaceCommand.Watch watch) {
      message
          .setReplyTo(resolver.toSerializationFormat(watch.watcher()))
          .getWatchBuilder()
          .setWatchId(watch.watchId())
          .setTemplate(write(watch.template()))
          .setReceived(watch.received());
    } else if (command instanceof SpaceCommand.Unwatch unwatch) {
      message.getUnwatchBuilder().setWatchId(unwatch.watchId());
    } else if (command instanceof SpaceCommand.WatchForSpirit watch) {
      message
          .getWatchForSpiritBuilder()
          .setWatchId(watch.watchId())
          .setWatcher(watch.watcher().toString())
          .setTemplate(write(watch.template()));
    } else if (command instanceof SpaceCommand.UnwatchForSpirit unwatch) {
      message
          .getUnwatchForSpiritBuilder()
          .setWatchId(unwatch.watchId())
          .setWatcher(unwatch.watcher().toString());
    } else {
      message.getStopBuilder();
    }
  }

  private SpaceCommand read(WireProto.SpaceCommand message) throws NotSerializableException {
    return switch (message.getCommandCase()) {
      case STOP -> SpaceCommand.Stop.STOP;
      case AWAIT -> {
        WireProto.Await await = message.getAwait();
        yield new SpaceCommand.Await(
            await.getRequestId(),
            SpiritId.parse(await.getWaiter()),
            readTemplate(await.getTemplate()),
            await.getTake(),
            await.getMillis());
      }
      case CANCEL_WAIT -> new SpaceCommand.CancelWait(message.getCancelWait().getRequestId());
      case AWAIT_BARRIER -> {
        WireProto.AwaitBarrier await = message.getAwaitBarrier();
        yield new SpaceCommand.AwaitBarrier(
            await.getRequestId(),
            SpiritId.parse(await.getWaiter()),
            await.getBarrier(),
            await.getParties(),
            await.getMillis());
      }
      case UNWATCH -> new SpaceCommand.Unwatch(message.getUnwatch().getWatchId());
      case WATCH ->
          new SpaceCommand.Watch(
              message.getWatch().getWatchId(),
              readTemplate(message.getWatch().getTemplate()),
              message.getWatch().getReceived(),
              resolver.resolveActorRef(message.getReplyTo()));
      case COMMAND_NOT_SET -> throw unknown("a command");
      default -> readOperation(message, resolver.resolveActorRef(message.getReplyTo()));
    };
  }

  private static SpaceCommand readOperation(
      WireProto.SpaceCommand message, ActorRef<SpaceReply> replyTo)
      throws NotSerializableException {
    return switch (message.getCommandCase()) {
      case WRITE ->
          new SpaceCommand.Write(
              read(message.getWrite().getOperation()),
              message.getWrite().getTupleList().stream().map(SpaceSerializer::readTuple).toList(),
              message.getWrite().getTtlMillis(),
              message.getWrite().getTransaction(),
              replyTo);
      case READ ->
          new SpaceCommand.Read(
              readTemplate(message.getRead().getTemplate()),
              message.getRead().getTransaction(),
              read(message.getRead().getPatience()),
              replyTo);
      case TAKE ->
          new SpaceCommand.Take(
              read(message.getTake().getOperation()),
              readTemplate(message.getTake().getTemplate()),
              message.getTake().getTransaction(),
              read(message.getTake().getPatience()),
              replyTo);
      case OFFER ->
          new SpaceCommand.Offer(
              message.getOffer().getHoldId(),
              readTemplate(message.getOffer().getTemplate()),
              read(message.getOffer().getPatience()),
              replyTo);
      case READ_ALL ->
          new SpaceCommand.ReadAll(
              readTemplate(message.getReadAll().getTemplate()),
              message.getReadAll().getLimit(),
              message.getReadAll().getAfterEntryId(),
              message.getReadAll().getTransaction(),
              replyTo);
      case TAKE_ALL ->
          new SpaceCommand.TakeAll(
              readTemplate(message.getTakeAll().getTemplate()),
              message.getTakeAll().getLimit(),
              message.getTakeAll().getTransaction(),
              replyTo);
      case COUNT -> new SpaceCommand.Count(readTemplate(message.getCount().getTemplate()), replyTo);
      case COMPARE_AND_SWAP ->
          new SpaceCommand.CompareAndSwap(
              read(message.getCompareAndSwap().getOperation()),
              readTemplate(message.getCompareAndSwap().getExpected()),
              readTuple(message.getCompareAndSwap().getReplacement()),
              message.getCompareAndSwap().getTtlMillis(),
              replyTo);
      case RENEW ->
          new SpaceCommand.Renew(
              LeaseName.parse(message.getRenew().getLease()),
              message.getRenew().getTtlMillis(),
              replyTo);
      case CANCEL_LEASE ->
          new SpaceCommand.CancelLease(
              LeaseName.parse(message.getCancelLease().getLease()), replyTo);
      case HOLD ->
          new SpaceCommand.Hold(
              message.getHold().getHoldId(),
              message.getHold().getHolder(),
              readTemplate(message.getHold().getTemplate()),
              replyTo);
      case HOLD_ALL ->
          new SpaceCommand.HoldAll(
              message.getHoldAll().getHoldId(),
              message.getHoldAll().getFirst(),
              message.getHoldAll().getHolder(),
              readTemplate(message.getHoldAll().getTemplate()),
              message.getHoldAll().getLimit(),
              replyTo);
      case CONFIRM_TAKE ->
          new SpaceCommand.ConfirmTake(message.getConfirmTake().getHoldId(), replyTo);
      case RELEASE_TAKE ->
          new SpaceCommand.ReleaseTake(message.getReleaseTake().getHoldId(), replyTo);
      case ARRIVE ->
          new SpaceCommand.Arrive(
              message.getArrive().getBarrier(),
              message.getArrive().getParties(),
              read(message.getArrive().getPatience()),
              replyTo);
      case BEGIN ->
          new SpaceCommand.Begin(
              message.getBegin().getTransaction(), message.getBegin().getTimeoutMillis(), replyTo);
      case END ->
          new SpaceCommand.End(
              message.getEnd().getTransaction(), message.getEnd().getCommit(), replyTo);
      case FOLLOW ->
          new SpaceCommand.Follow(
              message.getFollow().getTransaction(),
              message.getFollow().getCommit(),
              message.getFollow().getPartition(),
              replyTo);
      case ASK_OUTCOME ->
          new SpaceCommand.AskOutcome(message.getAskOutcome().getTransaction(), replyTo);
      case WATCH_FOR_SPIRIT ->
          new SpaceCommand.WatchForSpirit(
              message.getWatchForSpirit().getWatchId(),
              SpiritId.parse(message.getWatchForSpirit().getWatcher()),
              readTemplate(message.getWatchForSpirit().getTemplate()),
              replyTo);
      case UNWATCH_FOR_SPIRIT ->
          new SpaceCommand.UnwatchForSpirit(
              message.getUnwatchForSpirit().getWatchId(),
              SpiritId.parse(message.getUnwatchForSpirit().getWatcher()),
              replyTo);
      default -> throw unknown("a command");
    };
  }

  private static WireProto.Patience write(SpaceCommand.Patience patience) {
    return WireProto.Patience.newBuilder()
        .setWaitId(patience.waitId())
        .setMillis(patience.millis())
        .build();
  }

  private static SpaceCommand.Patience read(WireProto.Patience message) {
    return new SpaceCommand.Patience(message.getWaitId(), message.getMillis());
  }

  private static WireProto.SpaceReply write(SpaceReply reply) {
    var message = WireProto.SpaceReply.newBuilder();
    if (reply instanceof SpaceReply.Found found) {
      message.getFoundBuilder().setTuple(write(found.tuple())).setEntryId(found.entryId());
    } else if (reply instanceof SpaceReply.FoundAll found) {
      message
          .getFoundAllBuilder()
          .addAllTuples(found.tuples().stream().map(SpaceSerializer::write).toList())
          .addAllEntryIds(found.entryIds())
          .setMore(found.more());
    } else if (reply instanceof SpaceReply.Written written) {
      message
          .getWrittenBuilder()
          .addAllEntryIds(written.entryIds())
          .setLeaseEndsAtMillis(writeEnd(written.leaseEndsAtMillis()));
    } else if (reply instanceof SpaceReply.Counted counted) {
      message.getCountedBuilder().setCount(counted.count());
    } else if (reply instanceof SpaceReply.Passed passed) {
      message.getPassedBuilder().setIndex(passed.index());
    } else if (reply instanceof SpaceReply.Followed followed) {
      message
          .getFollowedBuilder()
          .setTransaction(followed.transaction())
          .setPartition(followed.partition());
    } else if (reply instanceof SpaceReply.Outcome outcome) {
      message.getOutcomeBuilder().setKind(WireProto.Outcome.Kind.valueOf(outcome.outcome().name()));
    } else if (reply instanceof SpaceReply.Refused refused) {
      message.setRefused(write(refused.error()));
    } else if (reply instanceof SpaceReply.NotFound notFound) {
      message.getNotFoundBuilder().setArrivals(notFound.arrivals());
    } else {
      message.getDoneBuilder();
    }
    return message.build();
  }

  private static WireProto.Refused write(VudoError error) {
    return WireProto.Refused.newBuilder()
        .setCode(error.code().name())
        .setDetail(error.detail())
        .build();
  }

  private static VudoError read(WireProto.Refused message) {
    return new VudoError(ErrorCode.of(message.getCode()), message.getDetail());
  }

  private static SpaceReply read(WireProto.SpaceReply message) throws NotSerializableException {
    return switch (message.getReplyCase()) {
      case DONE -> SpaceReply.Done.DONE;
      case FOUND ->
          new SpaceReply.Found(
              readTuple(message.getFound().getTuple()), message.getFound().getEntryId());
      case FOUND_ALL ->
          new SpaceReply.FoundAll(
              message.getFoundAll().getTuplesList().stream()
                  .map(SpaceSerializer::readTuple)
                  .toList(),
              List.copyOf(message.getFoundAll().getEntryIdsList()),
              message.getFoundAll().getMore());
      case WRITTEN ->
          new SpaceReply.Written(
              List.copyOf(message.getWritten().getEntryIdsList()),
              readEnd(message.getWritten().getLeaseEndsAtMillis()));
      case NOT_FOUND -> new SpaceReply.NotFound(message.getNotFound().getArrivals());
      case COUNTED -> new SpaceReply.Counted(message.getCounted().getCount());
      case PASSED -> new SpaceReply.Passed(message.getPassed().getIndex());
      case FOLLOWED ->
          new SpaceReply.Followed(
              message.getFollowed().getTransaction(), message.getFollowed().getPartition());
      case OUTCOME ->
          new SpaceReply.Outcome(
              switch (message.getOutcome().getKind()) {
                case COMMITTED -> HoldOutcome.COMMITTED;
                case ABORTED -> HoldOutcome.ABORTED;
                case PENDING, UNRECOGNIZED -> HoldOutcome.PENDING;
              });
      case REFUSED -> new SpaceReply.Refused(read(message.getRefused()));
      case REPLY_NOT_SET -> throw unknown("a reply");
    };
  }

  // Watching

  private static WireProto.WatchSignal write(WatchSignal signal) {
    var message = WireProto.WatchSignal.newBuilder().setPartition(signal.partition());
    if (signal instanceof WatchSignal.Started) {
      message.getStartedBuilder();
    } else if (signal instanceof WatchSignal.Ended ended) {
      message.setEnded(write(ended.error()));
    } else if (signal instanceof WatchSignal.Changed changed) {
      message.getChangedBuilder().setBefore(changed.before());
      for (WatchSignal.Change change : changed.changes()) {
        message
            .getChangedBuilder()
            .addChangesBuilder()
            .setKind(WireProto.Change.Kind.valueOf(change.kind().name()))
            .setTuple(write(change.tuple()));
      }
    }
    return message.build();
  }

  private static WatchSignal read(WireProto.WatchSignal message) throws NotSerializableException {
    int partition = message.getPartition();
    return switch (message.getSignalCase()) {
      case STARTED -> new WatchSignal.Started(partition);
      case CHANGED -> {
        List<WatchSignal.Change> changes = new ArrayList<>();
        for (WireProto.Change change : message.getChanged().getChangesList()) {
          changes.add(
              new WatchSignal.Change(
                  switch (change.getKind()) {
                    case ADDED -> TupleChange.Kind.ADDED;
                    case REMOVED -> TupleChange.Kind.REMOVED;
                    case EXPIRED -> TupleChange.Kind.EXPIRED;
                    case UNKNOWN, UNRECOGNIZED -> throw unknown("a change");
                  },
                  readTuple(change.getTuple())));
        }
        yield new WatchSignal.Changed(partition, message.getChanged().getBefore(), changes);
      }
      case ENDED -> new WatchSignal.Ended(partition, read(message.getEnded()));
      case SIGNAL_NOT_SET -> throw unknown("a watch signal");
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
