package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.ConfirmTake;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.LeaseRenewal;
import io.vudo.protocol.journal.v1.Pending;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.TupleWatch;
import io.vudo.protocol.journal.v1.TupleWrite;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Brings the effects of committed turns to their receivers, again and again until each is
 * confirmed.
 *
 * <p>Messages to a Spirit and writes to a space go out in order and name their predecessor, so that
 * a receiver, which recognises a repetition by the highest position it has seen, can refuse what
 * came too early. Used by one actor only.
 */
final class Courier {
  private static final Comparator<Position> ORDER =
      Comparator.comparingLong(Position::getTurn).thenComparingInt(Position::getIndex);

  /** Errors that no repetition mends; the effect becomes a dead letter. */
  private static final Set<ErrorCode> FINAL =
      EnumSet.of(
          ErrorCode.SPIRIT_TYPE_UNKNOWN,
          ErrorCode.ACTOR_FAILED,
          ErrorCode.SPIRIT_FAILED,
          ErrorCode.SPIRIT_TYPE_INVALID,
          ErrorCode.SPIRIT_ID_INVALID,
          ErrorCode.PAYLOAD_TOO_LARGE,
          ErrorCode.TUPLE_INVALID,
          ErrorCode.TUPLE_TOO_LARGE,
          ErrorCode.TUPLE_TOO_DEEP,
          ErrorCode.TUPLE_ARITY,
          ErrorCode.SPACE_NAME_INVALID,
          ErrorCode.LEASE_INVALID,
          ErrorCode.REQUEST_INVALID);

  private final SpiritContext spirits;
  private final ActorRef<DeliveryReply> replies;
  private final BiConsumer<Position, VudoError> outcome;
  private final Set<Position> asked = new HashSet<>();
  private Position sent = Position.getDefaultInstance();

  /**
   * @param replies where receivers of messages answer
   * @param outcome told when a space confirmed an effect (null) or did not; called on any thread
   */
  Courier(
      SpiritContext spirits,
      ActorRef<DeliveryReply> replies,
      BiConsumer<Position, VudoError> outcome) {
    this.spirits = spirits;
    this.replies = replies;
    this.outcome = outcome;
  }

  static boolean isFinal(ErrorCode code) {
    return FINAL.contains(code);
  }

  /**
   * Sends what was not sent since this Spirit was activated.
   *
   * @return how many effects that were
   */
  int deliver(SpiritMachine machine) {
    if (!machine.hasDeliveries()) {
      return 0;
    }
    int count = 0;
    Map<String, OperationId.Position> previousWrite = new HashMap<>();
    Set<String> subjects = new HashSet<>();
    for (Pending pending : machine.deliveries()) {
      Position position = pending.getPosition();
      Effect effect = pending.getEffect();
      boolean unsent = ORDER.compare(position, sent) > 0;
      String subject = subject(machine, pending);
      boolean waits = !subject.isEmpty() && !subjects.add(subject);
      if (effect.hasSend()) {
        if (unsent) {
          count++;
          spirits.send(
              effect.getSend().getTo(),
              new SpiritCommand.Deliver(effect.getSend().getMessage(), replies));
        }
      } else if (effect.hasTupleWrite()) {
        TupleWrite write = effect.getTupleWrite();
        OperationId.Position here =
            new OperationId.Position(position.getTurn(), position.getIndex());
        Tuple tuple = TupleCodec.decodeTuple(write.getTuple().toByteArray());
        OperationId.Position previous =
            previousWrite.put(write.getSpace() + "/" + Tuplespace.partOf(tuple), here);
        if (asked.add(position)) {
          count++;
          write(machine, position, write, tuple, here, previous);
        }
      } else if (effect.hasDeadLetter()) {
        if (asked.add(position)) {
          count++;
          await(
              position,
              spirits.letters().keep(effect.getDeadLetter()).thenRun(spirits.meters()::deadLetter));
        }
      } else if (effect.hasConfirmTake()) {
        if (asked.add(position)) {
          count++;
          ConfirmTake confirm = effect.getConfirmTake();
          await(
              position,
              spirits
                  .tuplespace()
                  .confirm(confirm.getSpace(), confirm.getHold())
                  .whenComplete((done, failure) -> Steps.at(Steps.CONFIRMED, machine.id())));
          Steps.at(Steps.CONFIRMING, machine.id());
        }
      } else if (!waits && asked.add(position)) {
        count++;
        await(position, tell(machine.id(), effect));
      }
      if (unsent) {
        sent = position;
      }
    }
    return count;
  }

  /** The lease or watch that an effect is about: what comes later must not come earlier. */
  private static String subject(SpiritMachine machine, Pending pending) {
    Effect effect = pending.getEffect();
    return switch (effect.getEffectCase()) {
      case TUPLE_WRITE ->
          effect.getTupleWrite().getTtlMillis() == 0
              ? ""
              : "lease " + leaseOf(machine, pending.getPosition(), effect.getTupleWrite());
      case LEASE_RENEWAL -> "lease " + effect.getLeaseRenewal().getLease();
      case LEASE_END -> "lease " + effect.getLeaseEnd().getLease();
      case TUPLE_WATCH ->
          "watch " + effect.getTupleWatch().getSpace() + "/" + effect.getTupleWatch().getName();
      case TUPLE_UNWATCH ->
          "watch " + effect.getTupleUnwatch().getSpace() + "/" + effect.getTupleUnwatch().getName();
      default -> "";
    };
  }

  private static String leaseOf(SpiritMachine machine, Position position, TupleWrite write) {
    return Tuplespace.leaseName(
        TupleCodec.decodeTuple(write.getTuple().toByteArray()),
        new OperationId.Turn(
            machine.id(),
            new OperationId.Position(position.getTurn(), position.getIndex()),
            OperationId.Position.NONE));
  }

  /** Sends what is about a lease or a watch. */
  private CompletionStage<?> tell(SpiritId self, Effect effect) {
    Tuplespace tuplespace = spirits.tuplespace();
    return switch (effect.getEffectCase()) {
      case LEASE_RENEWAL -> {
        LeaseRenewal renewal = effect.getLeaseRenewal();
        yield orGone(
            tuplespace.renew(renewal.getSpace(), renewal.getLease(), renewal.getTtlMillis()));
      }
      case LEASE_END ->
          orGone(
              tuplespace.cancelLease(
                  effect.getLeaseEnd().getSpace(), effect.getLeaseEnd().getLease()));
      case TUPLE_WATCH -> {
        TupleWatch watch = effect.getTupleWatch();
        CompletionStage<Void> begun =
            tuplespace.watchFor(
                watch.getSpace(),
                self,
                watch.getId(),
                TupleCodec.decodeTemplate(watch.getTemplate().toByteArray()));
        yield watch.getReplaces().isEmpty()
            ? begun
            : begun.thenCompose(
                done -> tuplespace.unwatchFor(watch.getSpace(), self, watch.getReplaces()));
      }
      case TUPLE_UNWATCH ->
          tuplespace.unwatchFor(
              effect.getTupleUnwatch().getSpace(), self, effect.getTupleUnwatch().getId());
      default -> throw new IllegalStateException("Nobody delivers " + effect.getEffectCase() + ".");
    };
  }

  /** A lease that is over stays so; there is nothing to be done. */
  private static CompletionStage<?> orGone(CompletionStage<?> stage) {
    return stage
        .handle((done, failure) -> failure)
        .thenCompose(
            failure ->
                failure == null || error(failure).code() == ErrorCode.LEASE_UNKNOWN
                    ? CompletableFuture.completedFuture(null)
                    : CompletableFuture.failedFuture(failure));
  }

  /** Sends everything that is neither confirmed nor being asked right now. */
  int redeliver(SpiritMachine machine) {
    sent = Position.getDefaultInstance();
    return deliver(machine);
  }

  /** A space has answered; unless it confirmed, the effect may be sent again. */
  void answered(Position position) {
    asked.remove(position);
  }

  private void write(
      SpiritMachine machine,
      Position position,
      TupleWrite write,
      Tuple tuple,
      OperationId.Position here,
      OperationId.Position previous) {
    await(
        position,
        spirits
            .tuplespace()
            .write(
                write.getSpace(),
                tuple,
                write.getTtlMillis(),
                OperationId.turn(
                    machine.id(), here, previous == null ? OperationId.Position.NONE : previous)));
  }

  private void await(Position position, CompletionStage<?> answer) {
    answer.whenComplete(
        (done, failure) -> outcome.accept(position, failure == null ? null : error(failure)));
  }

  static VudoError error(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof VudoException known
        ? known.toError()
        : new VudoError(ErrorCode.SPACE_UNAVAILABLE, String.valueOf(cause));
  }
}
