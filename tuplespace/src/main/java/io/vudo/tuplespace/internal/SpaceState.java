package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import java.util.List;
import java.util.Optional;

/**
 * What a space is and how it decides. Pure and single-threaded, and mutable: {@link #handle}
 * changes the state at once, and its event, applied to a copy, makes the same change.
 *
 * <p>The change is made before its event is durable, so that the next operation of the same batch
 * sees it. That is sound because nothing is answered before the batch is durable, and because a
 * state whose batch failed is thrown away.
 */
final class SpaceState {
  /** What an operation came to: what to write down, if anything, and what to answer after that. */
  record Decision(Optional<SpaceEvent> event, Optional<SpaceReply> reply) {
    static Decision of(SpaceEvent event, SpaceReply reply) {
      return new Decision(Optional.of(event), Optional.of(reply));
    }

    static Decision of(SpaceReply reply) {
      return new Decision(Optional.empty(), Optional.of(reply));
    }
  }

  private static final Decision NOTHING = new Decision(Optional.empty(), Optional.empty());
  private static final int MAX_HOLD_ID_LENGTH = 512;

  private final SpaceLimits limits;
  private final TupleStore store = new TupleStore();
  private final Recent<OperationId.Turn> senders;
  private final Recent<Optional<Tuple>> keys;
  private final Recent<Boolean> finishedHolds;

  SpaceState(SpaceLimits limits) {
    this.limits = limits;
    this.senders = new Recent<>(limits.sendersRemembered(), Long.MAX_VALUE, turn -> 0);
    this.keys =
        new Recent<>(
            limits.keysRemembered(),
            limits.keysRememberedBytes(),
            taken -> taken.map(Tuple::encodedBytes).orElse(0L));
    this.finishedHolds = new Recent<>(limits.holdsRemembered(), Long.MAX_VALUE, over -> 0);
  }

  SpaceState(SpaceLimits limits, SpaceSnapshot snapshot) {
    this(limits);
    snapshot.stored().forEach(store::add);
    snapshot.holds().forEach(store::restore);
    store.skipTo(snapshot.nextEntryId());
    snapshot.senders().forEach(turn -> senders.put(turn.sender().toString(), turn));
    snapshot.keys().forEach(key -> keys.put(key.key(), key.taken()));
    snapshot.finishedHolds().forEach(holdId -> finishedHolds.put(holdId, true));
    store.advanceTo(snapshot.timeMillis());
  }

  SpaceSnapshot snapshot() {
    return new SpaceSnapshot(
        store.nowMillis(),
        store.nextEntryId(),
        List.copyOf(store.visible()),
        List.copyOf(store.holds()),
        List.copyOf(senders.entries().values()),
        keys.entries().entrySet().stream()
            .map(entry -> new SpaceSnapshot.Key(entry.getKey(), entry.getValue()))
            .toList(),
        List.copyOf(finishedHolds.entries().keySet()));
  }

  TupleStore store() {
    return store;
  }

  /** Makes it {@code timeMillis}, unless it is later already. */
  void advanceTo(long timeMillis) {
    store.advanceTo(timeMillis);
  }

  /**
   * Decides and does one thing. What is refused changes nothing.
   *
   * @throws VudoException {@code INTERNAL_ERROR} for a fault of this class; the state is then lost
   */
  Decision handle(SpaceWork work) {
    try {
      return decide(work);
    } catch (VudoException e) {
      return Decision.of(new SpaceReply.Refused(e.toError()));
    } catch (RuntimeException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "A space failed to decide.", e);
    }
  }

  private Decision decide(SpaceWork work) {
    if (work instanceof SpaceCommand.Write write) {
      return write(write);
    } else if (work instanceof SpaceCommand.Read read) {
      return Decision.of(answer(store.read(read.template())));
    } else if (work instanceof SpaceCommand.Take take) {
      return take(take);
    } else if (work instanceof SpaceCommand.Count count) {
      return Decision.of(new SpaceReply.Counted(store.count(count.template())));
    } else if (work instanceof SpaceCommand.Hold hold) {
      return hold(hold);
    } else if (work instanceof SpaceCommand.ConfirmTake confirm) {
      return finish(confirm.holdId(), HoldOutcome.COMMITTED);
    } else if (work instanceof SpaceCommand.ReleaseTake release) {
      return finish(release.holdId(), HoldOutcome.ABORTED);
    } else if (work instanceof SpaceWork.Resolved resolved
        && resolved.outcome() != HoldOutcome.PENDING) {
      return new Decision(finish(resolved.holdId(), resolved.outcome()).event(), Optional.empty());
    }
    return NOTHING;
  }

  private Decision write(SpaceCommand.Write write) {
    if (write.ttlMillis() < 0) {
      throw new VudoException(ErrorCode.LEASE_INVALID, "Got " + write.ttlMillis() + ".");
    }
    if (write.operation() instanceof OperationId.Turn turn && isRepeated(turn)) {
      return Decision.of(SpaceReply.Done.DONE);
    }
    if (write.operation() instanceof OperationId.Key key && keys.contains(key.key())) {
      checkKey(keys.get(key.key()).orElseThrow().isEmpty(), "take");
      return Decision.of(SpaceReply.Done.DONE);
    }
    long bytes = StoredTuple.storedBytes(write.tuple());
    if (store.storedBytes() + bytes > limits.maxBytes()) {
      throw new VudoException(
          ErrorCode.SPACE_FULL,
          "It holds "
              + store.storedBytes()
              + " of "
              + limits.maxBytes()
              + " bytes, the tuple needs "
              + bytes
              + ".");
    }
    long now = store.nowMillis();
    long endsAt =
        write.ttlMillis() == 0 || write.ttlMillis() > StoredTuple.FOR_EVER - now
            ? StoredTuple.FOR_EVER
            : now + write.ttlMillis();
    return done(
        new SpaceEvent.Written(
            now,
            new StoredTuple(store.nextEntryId(), write.tuple(), endsAt),
            withoutPrevious(write.operation())),
        SpaceReply.Done.DONE);
  }

  private Decision take(SpaceCommand.Take take) {
    if (take.operation() instanceof OperationId.Turn) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A Spirit takes by a hold that its turn confirms.");
    }
    if (take.operation() instanceof OperationId.Key key && keys.contains(key.key())) {
      Optional<Tuple> taken = keys.get(key.key()).orElseThrow();
      checkKey(taken.isPresent(), "write");
      return Decision.of(new SpaceReply.Found(taken.orElseThrow()));
    }
    Optional<StoredTuple> found = store.read(take.template());
    if (found.isEmpty()) {
      return Decision.of(SpaceReply.NotFound.NOT_FOUND);
    }
    return done(
        new SpaceEvent.Taken(store.nowMillis(), found.get().entryId(), take.operation()),
        answer(found));
  }

  private Decision hold(SpaceCommand.Hold hold) {
    if (hold.holdId().isEmpty() || hold.holdId().length() > MAX_HOLD_ID_LENGTH) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "A hold id has 1 to " + MAX_HOLD_ID_LENGTH + " characters.");
    }
    SpiritId.parse(hold.holder());
    Optional<HeldTuple> held = store.held(hold.holdId());
    if (held.isPresent()) {
      if (!held.get().holder().equals(hold.holder())) {
        throw new VudoException(
            ErrorCode.REQUEST_INVALID,
            "Hold " + hold.holdId() + " is of " + held.get().holder() + ".");
      }
      return Decision.of(answer(held.map(HeldTuple::stored)));
    }
    if (finishedHolds.contains(hold.holdId())) {
      // A request that was overtaken by the end of its own turn. It must not take another tuple.
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "Hold " + hold.holdId() + " is over; an id is used once.");
    }
    Optional<StoredTuple> found = store.read(hold.template());
    if (found.isEmpty()) {
      return Decision.of(SpaceReply.NotFound.NOT_FOUND);
    }
    return done(
        new SpaceEvent.Held(store.nowMillis(), hold.holdId(), hold.holder(), found.get().entryId()),
        answer(found));
  }

  private Decision finish(String holdId, HoldOutcome outcome) {
    if (store.held(holdId).isEmpty()) {
      return Decision.of(SpaceReply.Done.DONE);
    }
    long now = store.nowMillis();
    return done(
        outcome == HoldOutcome.COMMITTED
            ? new SpaceEvent.HoldConfirmed(now, holdId)
            : new SpaceEvent.HoldReleased(now, holdId),
        SpaceReply.Done.DONE);
  }

  private Decision done(SpaceEvent event, SpaceReply reply) {
    apply(event);
    return Decision.of(event, reply);
  }

  /** Makes the change of an event; the same when it is decided and when it is replayed. */
  void apply(SpaceEvent event) {
    store.advanceTo(event.timeMillis());
    if (event instanceof SpaceEvent.Written written) {
      store.add(written.stored());
      remember(written.operation(), Optional.empty());
    } else if (event instanceof SpaceEvent.Taken taken) {
      StoredTuple stored = store.remove(taken.entryId());
      remember(taken.operation(), Optional.of(stored.tuple()));
    } else if (event instanceof SpaceEvent.Held held) {
      store.hold(held.entryId(), held.holdId(), held.holder());
    } else if (event instanceof SpaceEvent.HoldConfirmed confirmed) {
      store.confirm(confirmed.holdId());
      finishedHolds.put(confirmed.holdId(), true);
    } else if (event instanceof SpaceEvent.HoldReleased released) {
      store.release(released.holdId());
      finishedHolds.put(released.holdId(), true);
    }
  }

  private void remember(OperationId operation, Optional<Tuple> taken) {
    if (operation instanceof OperationId.Turn turn) {
      senders.put(turn.sender().toString(), turn);
    } else if (operation instanceof OperationId.Key key) {
      keys.put(key.key(), taken);
    }
  }

  private boolean isRepeated(OperationId.Turn turn) {
    Optional<OperationId.Position> known =
        senders.get(turn.sender().toString()).map(OperationId.Turn::position);
    if (known.isPresent() && turn.position().compareTo(known.get()) <= 0) {
      return true;
    }
    OperationId.Position newest = known.orElse(OperationId.Position.NONE);
    if (turn.previous().compareTo(newest) > 0) {
      // To take it on would move the mark past the missing write, which would then be lost.
      throw new VudoException(
          ErrorCode.SPACE_UNAVAILABLE,
          "The write "
              + turn.previous().turn()
              + "#"
              + turn.previous().index()
              + " of "
              + turn.sender()
              + " has to come first.");
    }
    return false;
  }

  private static OperationId withoutPrevious(OperationId operation) {
    return operation instanceof OperationId.Turn turn
        ? OperationId.turn(turn.sender(), turn.position(), OperationId.Position.NONE)
        : operation;
  }

  private static void checkKey(boolean fits, String usedFor) {
    if (!fits) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "The idempotency key was used for a " + usedFor + ".");
    }
  }

  private static SpaceReply answer(Optional<StoredTuple> found) {
    return found
        .<SpaceReply>map(stored -> new SpaceReply.Found(stored.tuple()))
        .orElse(SpaceReply.NotFound.NOT_FOUND);
  }

  static SpaceReply refused(ErrorCode code, String detail) {
    return new SpaceReply.Refused(new VudoError(code, detail));
  }
}
